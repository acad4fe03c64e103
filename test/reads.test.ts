// Who looked: every question about data is an event, accepted before its answer leaves; and no read is taken for a change.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { localAccess } from '../api/access/access.ts';
import { schema } from '../api/graphql/schema.ts';
import { findCompleteness } from '../api/queries/completeness.ts';
import { compareFolder } from '../engine/replay/replay-folder.ts';
import { LARGE_VALUE_BYTES } from '../ingest/event.ts';
import { ApiWorld, instant, liveHalfAYear } from './api/world.ts';

let world: ApiWorld;
let anne: string;
let red: string;

before(async () => {
  world = await ApiWorld.open();
  await liveHalfAYear(world);
  anne = world.id('Änne Schmidt');
  red = world.id('Red');
});
after(() => world.close());

interface Told {
  [attribute: string]: string | undefined;
}

/** What the read events since a sequence say: who, what, and their values by attribute. */
function readsSince(size: number) {
  return world
    .events()
    .filter(({ sequence, stage }) => sequence >= size && stage === 'read')
    .map(({ initiator, initiatorKnown, performer, address, outcome, error, object, values }) => {
      const told: Told = Object.fromEntries(values.map((value) => [value.attribute, value.new]));
      return { initiator, initiatorKnown, performer, address, outcome, error, object, told, values };
    });
}

async function readsOf(query: string, variables: Record<string, unknown> = {}) {
  const { size } = world.installation.log.journal;
  const answer = await world.ask(query, variables);
  return { answer, reads: readsSince(size) };
}

/** A question of each root field of the schema; `undefined`: it tells no data, and so is no read. */
const EVERY_QUESTION: Record<string, string | undefined> = {
  overview: '{ overview { outOfBand objectCounts { count } } }',
  log: undefined,
  reports: undefined,
  viewer: undefined,
  checkpoint: undefined,
  checkpointKeys: undefined,
  inclusionProof: undefined,
  consistencyProof: undefined,
  tombstones: undefined,
  agents: '{ agents { name lastRun { result } } }',
  runs: '{ runs(agent: "hr") { nodes { id } } }',
  run: '{ run(sequence: 0) { result } }',
  changes: '{ changes(first: 3) { nodes { sequence } } }',
  changesByDay: '{ changesByDay(from: "1999-01-01T00:00:00Z", to: "1999-12-31T00:00:00Z") { count } }',
  change: '{ change(sequence: 5) { stage } }',
  objects: '{ objects(search: "e", first: 4) { name } }',
  objectCount: '{ objectCount(type: "person") }',
  node: '{ node(id: "ANNE") { ... on Change { values { new } } ... on MetaverseObject { name history(first: 7) { nodes { sequence } } } } }',
  object: '{ object(id: "ANNE") { name history(first: 7) { nodes { sequence } } } }',
  holders: '{ holders(entitlement: "RED") { holdings { agent } } }',
  nestedHolders: '{ nestedHolders(entitlement: "RED") { holdings { direct } } }',
  openExports: '{ openExports(first: 3) { nodes { state } } }',
  people: '{ people(from: "1999-01-01T00:00:00Z", to: "1999-12-31T00:00:00Z") { joiners { at } } }',
  search: '{ search(text: "Bob Beech") { rank } }',
  alerts: '{ alerts { name } }',
  tokens: '{ tokens { name } }',
  sessions: '{ sessions { viewer } }',
  reads: '{ reads(first: 2) { nodes { question } } }',
  holds: '{ holds { id } }',
  erasurePlan: '{ erasurePlan(object: "ANNE") { events } }',
  retentionPlan: '{ retentionPlan { reads } }',
};
/** Anne is still there, and the company keeps everything. */
const REFUSED: Record<string, string> = { erasurePlan: 'erasure-refused', retentionPlan: 'retention-unset' };
const ROWS: Record<string, string> = {
  overview: '3',
  agents: '5',
  runs: '4',
  run: '0',
  changes: '3',
  changesByDay: '0',
  change: '1',
  objects: '4',
  objectCount: '1',
  node: '1',
  object: '7',
  holders: '1',
  nestedHolders: '1',
  openExports: '0',
  people: '0',
  search: '1',
  alerts: '0',
  tokens: '0',
  sessions: '0',
  reads: '2',
  holds: '0',
};

test('each root field of the schema that tells data leaves one read, and those that tell none leave none', async () => {
  const fields = Object.keys(schema.getQueryType()?.getFields() ?? {});
  assert.deepEqual(fields.sort(), Object.keys(EVERY_QUESTION).sort(), 'a new question needs its line here');
  for (const [field, text] of Object.entries(EVERY_QUESTION)) {
    if (text === undefined) continue;
    const { answer, reads } = await readsOf(text.replace('ANNE', anne).replace('RED', red));
    assert.equal(answer.errors === undefined, REFUSED[field] === undefined, field);
    const [read] = reads;
    assert.ok(read && reads.length === 1, field);
    assert.deepEqual(
      [read.initiator, read.initiatorKnown, read.performer, read.address, read.outcome, read.error],
      ['test', 'reported', 'metatrail', undefined, REFUSED[field] ? 'refused' : 'answered', REFUSED[field]],
    );
    assert.equal(read.told.question, field);
    assert.equal(read.told.rows, ROWS[field], field);
    assert.ok(Number(read.told.watermark) > 100);
  }
  const { reads } = await readsOf(
    `{ __typename __schema { types { name } } log { size root } reports { name } agents { name }
      checkpoint { note } checkpointKeys { vkey } inclusionProof(sequence: 0) { leaf } consistencyProof(from: 1, to: 2) { path } tombstones { first } }`,
  );
  assert.deepEqual(reads, []);
});

test('a question about one object is that object’s read; several questions of one request are several reads', async () => {
  const change = world.events().find(({ object, stage }) => object === anne && stage === 'import-flow');
  const text = `query ($id: ID!, $red: ID!, $of: Sequence!) {
    object(id: $id) { name } again: object(id: $id) { state { systems { agent } } }
    holders(entitlement: $red) { watermark } changes(filter: { object: $id }) { watermark } change(sequence: $of) { stage }
    objects { name } log { size }
  }`;
  const { reads } = await readsOf(text, { id: anne.toUpperCase(), red, of: change?.sequence });
  assert.deepEqual(
    reads.map(({ told, object }) => [told.question, object, told.fields]),
    [
      ['object', anne, 'name'],
      ['object', anne, 'state'],
      ['holders', red, 'watermark'],
      ['changes', anne, 'watermark'],
      ['change', anne, 'stage'],
      ['objects', undefined, 'name'],
    ],
  );
  const { values } = reads[0] ?? assert.fail();
  const id = values.find(({ attribute }) => attribute === 'parameter/id');
  assert.deepEqual([id?.type, id?.reference, id?.new], ['reference', anne, anne]);
});

test('what a directive leaves out is no question, and what a fragment brings in is one', async () => {
  const text = `query ($no: Boolean!) {
    objects @include(if: $no) { name } ...More ... on Query { agents { lastRun { id } } } run(sequence: 1) @skip(if: true) { id }
  } fragment More on Query { changes(filter: { agent: "hr" }) { ...Nodes } }
  fragment Nodes on ChangeConnection { nodes { ledTo(first: 2) { stage } } }`;
  const { reads } = await readsOf(text, { no: false });
  assert.deepEqual(reads.map(({ told }) => told.question).sort(), ['agents', 'changes']);
  const changes = reads.find(({ told }) => told.question === 'changes');
  assert.deepEqual(
    [changes?.told['parameter/filter/agent'], changes?.told['parameter/nodes/ledTo/first']],
    ['hr', '2'],
  );
});

test('parameters are kept with their type, as personal data', async () => {
  const text = `query ($from: DateTime!) { changes(first: 2, filter: {
    from: $from, stages: ["import", "export"], initiator: "carol", outOfBand: false, run: 3, object: "${anne}" }) { watermark } }`;
  const { reads } = await readsOf(text, { from: '2024-01-31T01:00:00+01:00' });
  const parameters = reads[0]?.values.filter(({ attribute }) => attribute.startsWith('parameter/')) ?? [];
  assert.deepEqual(parameters.map(({ attribute, type, new: kept, marks }) => [attribute, type, kept, marks]).sort(), [
    ['parameter/filter/from', 'time', '2024-01-31T00:00:00.000000Z', 2],
    ['parameter/filter/initiator', 'string', 'carol', 2],
    ['parameter/filter/object', 'reference', anne, 2],
    ['parameter/filter/outOfBand', 'boolean', 'false', 2],
    ['parameter/filter/run', 'integer', '3', 2],
    ['parameter/filter/stages', 'string', '["import","export"]', 2],
    ['parameter/first', 'integer', '2', 2],
  ]);
});

test('a parameter that is broken Unicode, long or very long is kept as an event may hold it', async () => {
  const text = 'query ($agent: String) { changes(filter: { agent: $agent }) { watermark } }';
  const keptOf = async (agent: string) => (await readsOf(text, { agent })).reads[0]?.told['parameter/filter/agent'];
  assert.equal(await keptOf('a\ud800b'), 'a\ufffdb');
  assert.equal(await keptOf('x'.repeat(10_000)), 'x'.repeat(10_000));
  assert.equal(await keptOf(''), '');
  assert.equal(await keptOf('ä'.repeat(LARGE_VALUE_BYTES / 2)), 'ä'.repeat(LARGE_VALUE_BYTES / 2));
  assert.match((await keptOf('ä'.repeat(LARGE_VALUE_BYTES / 2 + 1))) ?? '', /^sha256:[0-9a-f]{64};bytes=65538$/);
});

test('what is typed into one request fills no journal: names are those of the schema, texts have one limit together', async () => {
  const changes = (count: number) =>
    Array.from({ length: count }, (_, i) => `a${i}: ledTo(first: 2) { sequence }`).join(' ');
  const typed = 'x'.repeat(50_000);
  const { size } = world.installation.log.journal;
  const query = `query ($typed: String) {
    changes(first: 1, filter: { agent: $typed, attribute: $typed, initiator: $typed }) { ${'y'.repeat(20_000)}: nodes { ${changes(100)} } }
  }`;
  const { reads } = await readsOf(query, { typed });
  const parameters = reads[0]?.values.filter(({ attribute }) => attribute.startsWith('parameter/')) ?? [];
  assert.deepEqual([...new Set(parameters.map(({ attribute }) => attribute))].sort(), [
    'parameter/filter/agent',
    'parameter/filter/attribute',
    'parameter/filter/initiator',
    'parameter/first',
    'parameter/nodes/ledTo/first',
  ]);
  assert.equal(parameters.filter(({ attribute }) => attribute === 'parameter/nodes/ledTo/first').length, 100);
  const texts = parameters
    .filter(({ attribute }) => attribute.startsWith('parameter/filter'))
    .map((value) => value.new);
  assert.deepEqual(texts.map((text) => (text === typed ? 'kept' : text?.slice(0, 7))).sort(), [
    'kept',
    'sha256:',
    'sha256:',
  ]);
  const [row] = world.installation.log.journal.rows(size, 1);
  assert.ok((row?.row.length ?? 0) < 100_000, `${row?.row.length} bytes`);
});

test('who asks for the changes of a password by its value has typed a password, and it is not kept', async () => {
  const text = 'query ($filter: ChangeFilter) { changes(filter: $filter) { watermark } }';
  const { reads } = await readsOf(text, { filter: { attribute: 'userPassword', value: 'hunter2-hunter2' } });
  assert.equal(reads[0]?.told['parameter/filter/attribute'], 'userPassword');
  const withheld = reads[0]?.values.find(({ attribute }) => attribute === 'parameter/filter/value');
  assert.deepEqual([withheld?.new, withheld?.rule], ['', 'secret-withheld']);
  assert.doesNotMatch(JSON.stringify(world.events()), /hunter2/);
});

test('what became of a question is in its read: refused, failed, or told only in part', async () => {
  const refused = await readsOf('{ object(id: "nobody") { name } }');
  assert.deepEqual(
    refused.reads.map(({ outcome, error, told }) => [outcome, error, told['parameter/id'], told.rows]),
    [['refused', 'bad-user-input', 'nobody', undefined]],
  );
  const { clickhouse } = world.installation.log;
  const { select } = clickhouse;
  clickhouse.select = () => Promise.reject(new TypeError('SELECT Änne'));
  try {
    const failed = await readsOf('{ objects { name } agents { lastRun { id } } change(sequence: 1) { stage } }');
    assert.equal(failed.answer.data, null);
    assert.deepEqual(
      failed.reads.map(({ outcome, error, told }) => [told.question, outcome, error]),
      ['objects', 'agents', 'change'].map((question) => [question, 'failed', 'internal-server-error']),
    );
    const part = await readsOf('{ agents { name lastRun { id } } }');
    assert.deepEqual(
      part.reads.map(({ outcome, error, told }) => [outcome, error, told.rows]),
      [['answered', 'internal-server-error', '5']],
    );
  } finally {
    clickhouse.select = select;
  }
  // What is no question of the schema asks for nothing.
  for (const text of ['{ nothing }', '{', 'query ($a: Sequence!) { change(sequence: $a) { stage } }'])
    assert.deepEqual((await readsOf(text)).reads, [], text);
});

test('a report is a read, with its name and parameters; so is one that was refused', async () => {
  const { journal } = world.installation.log;
  const { size } = journal;
  const asking = { ...localAccess('erika'), address: '192.0.2.7' };
  const report = await world.installation.produceReport('access', { at: '2024-03-31', entitlement: red }, asking);
  report.pdf.destroy();
  await assert.rejects(world.installation.produceReport('leavers', { from: 'x', to: '', password: 'p' }, asking));
  assert.deepEqual(
    readsSince(size).map(({ initiator, address, outcome, object, told }) => [
      initiator,
      address,
      outcome,
      object,
      told,
    ]),
    [
      [
        'erika',
        '192.0.2.7',
        'answered',
        red,
        {
          question: 'report',
          rows: String(report.rows),
          watermark: String(report.watermark),
          'parameter/report': 'access',
          'parameter/at': '2024-03-31',
          'parameter/entitlement': red,
        },
      ],
      [
        'erika',
        '192.0.2.7',
        'refused',
        undefined,
        {
          question: 'report',
          watermark: readsSince(size)[1]?.told.watermark,
          'parameter/report': 'leavers',
          'parameter/from': 'x',
        },
      ],
    ],
  );
});

const EVERYTHING = `query ($id: ID!, $at: DateTime!) {
  overview { until objectCounts { name count } changesByMonth { period stage count } turnover { period joiners leavers }
    problems { outcome count } outOfBand openLeaverAccounts leaverDelays { agent closed open medianHours } recentRuns { id } }
  objects { id name formerNames deleted firstSeen lastChanged } objectCount
  changes(first: 1000) { nodes { sequence } }
  object(id: $id) { name deleted history(first: 1000) { nodes { sequence } }
    access(at: $at) { holdings { agent value grantedBy } }
    state(at: $at) { systems { agent attributes { name values { value setBy } } } } }
  runs { nodes { id steps { complete counted { name count } } } } agents { lastRun { id } }
}`;

test('reads change no answer: not counts, history, names, first and last times, completeness, nor what is found', async () => {
  const variables = { id: anne, at: '2024-06-01T00:00:00Z' };
  const strangers = '0192a000-0000-7000-8000-00000000dead';
  const { journal, clickhouse } = world.installation.log;
  const describe = async () => {
    await world.delivered();
    const found = await findCompleteness(world.queries, await world.installation.log.checkpoints.current(), undefined);
    const { missing, faults, runs, steps, beginsAt } = found;
    return {
      replayed: (await compareFolder(journal.folder, { clickhouse })).differences,
      all: await world.data(EVERYTHING, variables),
      completeness: { missing, faults, runs, steps, beginsAt },
    };
  };
  const before = await describe();
  for (let round = 0; round < 3; round++) {
    await world.data(EVERYTHING, variables);
    await world.ask(
      `{ object(id: "${strangers}") { name } changes(filter: { object: "${strangers}" }) { watermark } }`,
    );
    await world.ask(`{ objects(search: "Änne") { name } holders(entitlement: "${anne}") { watermark } }`);
  }
  assert.deepEqual(await describe(), before);
  assert.ok(
    before.completeness.beginsAt !== undefined && before.completeness.beginsAt < instant('2024-03-01T00:00:00Z'),
  );
});

test('an object’s history shows who looked at it to whoever asks for that', async () => {
  await world.ask(`{ object(id: "${anne}") { name } }`);
  await world.delivered();
  const { object } = await world.data<{ object: { history: { nodes: Record<string, unknown>[] } } }>(
    `{ object(id: "${anne}") { history(first: 1, filter: { stages: ["read"] }) { nodes { stage outcome initiator } } } }`,
  );
  assert.deepEqual(object.history.nodes, [{ stage: 'read', outcome: 'answered', initiator: 'test' }]);
});
