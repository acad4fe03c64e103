// GraphQL in process: every field of every type on real objects, mistakes of the caller, runs and their completeness, and
// how often ClickHouse is asked.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLObjectType,
  getNamedType,
  isInterfaceType,
  isLeafType,
  isObjectType,
  isRequiredArgument,
} from 'graphql';
import { z } from 'zod';
import { proveEach } from '../api/graphql/prove-each.ts';
import { schema } from '../api/graphql/schema.ts';
import { findCompleteness } from '../api/queries/completeness.ts';
import { AnswerTooLargeError, readAll } from '../api/queries/context.ts';
import type { EventValue } from '../ingest/event.ts';
import { ApiWorld, liveHalfAYear } from './api/world.ts';

let world: ApiWorld;
before(async () => {
  world = await ApiWorld.open();
  await liveHalfAYear(world);
  given
    .set('id', `"${world.id('Änne Müller')}"`)
    .set('object', `"${world.id('Änne Müller')}"`)
    .set('entitlement', `"${world.id('Red')}"`);
});
after(() => world.close());

const given = new Map([
  ['sequence', '20'],
  ['text', '"Bob"'],
  ['from', '5'],
  ['to', '20'],
]);

/** The person is still there, and the company keeps everything. */
const REFUSED = new Map([
  ['erasurePlan', 'ERASURE_REFUSED'],
  ['retentionPlan', 'RETENTION_UNSET'],
]);

/** What a field with required arguments is asked with. */
function argumentsOf(field: GraphQLField<unknown, unknown>): string {
  const needed = field.args.filter(isRequiredArgument);
  const givenFor = ({ name, type }: GraphQLArgument) => {
    if (String(getNamedType(type)) === 'DateTime') return '"2024-01-01T00:00:00Z"';
    return field.name === 'run' ? 1 : given.get(name);
  };
  const values = needed.map((argument) => `${argument.name}: ${givenFor(argument)}`);
  return values.length > 0 ? `(${values.join(', ')})` : '';
}

/** All leaf fields of a type, and those below, each type once on a path. */
function select(type: GraphQLObjectType, within: readonly string[]): string {
  const fields = Object.values(type.getFields()).flatMap((field) => {
    const named = getNamedType(field.type);
    const call = `${field.name}${argumentsOf(field)}`;
    if (isLeafType(named)) return [call];
    if (!isObjectType(named) || within.includes(named.name)) return [];
    return [`${call} { ${select(named, [...within, named.name])} }`];
  });
  return fields.join(' ');
}

test('every field of the schema is answered on a real object', async () => {
  const query = schema.getQueryType();
  assert.ok(query);
  for (const field of Object.values(query.getFields())) {
    const named = getNamedType(field.type);
    const call = `${field.name}${argumentsOf(field)}`;
    const text = isInterfaceType(named)
      ? `{ ${call} { id ... on MetaverseObject { name type } } }`
      : isObjectType(named)
        ? `{ ${call} { ${select(named, [named.name])} } }`
        : `{ ${call} }`;
    const { data, errors } = await world.ask(text);
    const refusal = REFUSED.get(field.name);
    if (refusal !== undefined) {
      assert.equal(errors?.[0]?.extensions?.code, refusal, text);
      continue;
    }
    assert.equal(errors, undefined, `${text}: ${JSON.stringify(errors)} ${world.reported}`);
    assert.notEqual((data as Record<string, unknown>)[field.name], null, text);
  }
});

test('the introspection of a usual tool is answered', async () => {
  const { getIntrospectionQuery } = await import('graphql');
  await world.data(getIntrospectionQuery({ inputValueDeprecation: true }));
});

/** Each fragment uses the next one twice: 2^40 spreads in a few lines. */
const BOMB = [
  'query { log { ...f0 } }',
  ...Array.from({ length: 40 }, (_, i) => `fragment f${i} on LogStatus { ...f${i + 1} ...f${i + 1} }`),
  'fragment f40 on LogStatus { size }',
].join(' ');

const MISTAKES: [question: string, variables: Record<string, unknown>, sentence: RegExp][] = [
  [
    '{ changes(filter: { from: "2024-01-01T00:00:00" }) { watermark } }',
    {},
    /"2024-01-01T00:00:00" is no instant; write it with its zone/,
  ],
  ['{ changes(filter: { from: "2024-02-30T00:00:00Z" }) { watermark } }', {}, /is no instant/],
  ['{ changes(filter: { from: 5 }) { watermark } }', {}, /is no instant/],
  [
    'query ($from: DateTime) { changes(filter: { from: $from }) { watermark } }',
    { from: 'now' },
    /"now" is no instant/,
  ],
  ['query ($from: DateTime) { changes(filter: { from: $from }) { watermark } }', { from: { a: 1 } }, /is no instant/],
  [
    'query ($f: ChangeFilter) { changes(filter: $f) { watermark } }',
    { f: { to: '2300-01-01T00:00:00Z' } },
    /is no instant/,
  ],
  ['query ($f: ChangeFilter) { changes(filter: $f) { watermark } }', { f: { nonsense: 1 } }, /nonsense/],
  ['{ change(sequence: -1) { stage } }', {}, /-1 is no sequence number/],
  ['{ change(sequence: 99999999999999999999) { stage } }', {}, /is no sequence number/],
  ['{ change(sequence: 1.5) { stage } }', {}, /is no sequence number/],
  ['{ change(sequence: "1 OR 1=1") { stage } }', {}, /is no sequence number/],
  ['{ object(id: "1") { name } }', {}, /"1" is no object id/],
  ['{ holders(entitlement: "\'; DROP TABLE events") { at } }', {}, /is no object id/],
  ['{ changes(first: 0) { watermark } }', {}, /first is 0; it must be from 1 to 1000/],
  ['{ changes(first: 1001) { watermark } }', {}, /first is 1001/],
  ['{ objects(first: 501) { name } }', {}, /first is 501; it must be from 1 to 500/],
  ['{ runs(first: -1) { nodes { id } } }', {}, /first is -1/],
  ['{ change(sequence: 5) { ledTo(first: 5000) { stage } } }', {}, /first is 5000/],
  ['{ changes { nonsense } }', {}, /Cannot query field "nonsense"/],
  ['{ changes { ', {}, /Syntax Error/],
  ['query A { log { size } } query B { log { size } }', {}, /Must provide operation name/],
  ['{ changes { nodes { causedBy { causedBy { causedBy { stage } } } } } }', {}, /more than 2 deep in one another/],
  [`{ log { ${Array.from({ length: 2000 }, (_, i) => `a${i}: size`).join(' ')} } }`, {}, /more than 2000 fields/],
  [`{ ${Array.from({ length: 51 }, (_, i) => `a${i}: objectCount`).join(' ')} }`, {}, /asks more than 50 things/],
  [`{ log { size } ${' '.repeat(10)}${'log { size } '.repeat(5000)}}`, {}, /more that 10000 tokens/],
  [BOMB, {}, /more than 2000 fields/],
  [
    BOMB.replaceAll('LogStatus', 'Query').replace('log { ...f0 }', '...f0').replace('{ size }', '{ objectCount }'),
    {},
    /50 things/,
  ],
  ['mutation { run(agent: "nobody", profile: "full") { id } }', {}, /There is no agent nobody/],
  ['{ objects(search: $search) { name } }', {}, /Variable "\$search" is not defined/],
  ['query ($s: String) { objects(search: $s) { name } }', { s: 'x'.repeat(1001) }, /search has 1001 characters/],
];

test('a mistake of the caller is answered with a sentence and a code, never with a stack or a statement', async () => {
  const reported = world.reported.length;
  for (const [question, variables, sentence] of MISTAKES) {
    const { errors } = await world.ask(question, variables);
    const [error] = errors ?? [];
    assert.match(error?.message ?? '', sentence, question.slice(0, 100));
    for (const { message, extensions } of errors ?? []) {
      assert.equal(extensions?.code, 'BAD_USER_INPUT', message);
      assert.doesNotMatch(JSON.stringify({ message, extensions }), /SELECT|FROM events|node:internal|file:\/\//);
    }
  }
  assert.deepEqual(world.reported.slice(reported), [], 'none of them is an error of the program');
});

test('sequences and instants are written as they are read, to the microsecond', async () => {
  const at = '2024-02-02T10:00:00.000001Z';
  const question =
    'query ($at: DateTime, $w: Sequence) { holders(entitlement: "ID", at: $at, watermark: $w) { at watermark } }';
  const answer = await world.data(question.replace('ID', world.id('Red')), { at, w: '17' });
  assert.deepEqual(answer, { holders: { at, watermark: 17 } });
  const moved = await world.data(question.replace('ID', world.id('Red')), {
    at: '2024-02-02T12:00:00.000001+02:00',
    w: 17,
  });
  assert.deepEqual(moved, answer);
});

test('many proofs of one question hold nobody up, and none is made any more for whoever has gone', async () => {
  const { checkpoints } = world.installation.log;
  const { size } = await checkpoints.current();
  const sequences = Array.from({ length: 1000 }, (_, i) => i % size);
  const gone = new AbortController();
  setImmediate(() => gone.abort());
  const proofs = await proveEach(checkpoints, sequences, gone.signal);
  assert.equal(proofs.length, 1000);
  assert.ok(proofs.some((proof) => !(proof instanceof Error)));
  assert.ok(proofs.some((proof) => proof instanceof Error));
  const all = await proveEach(checkpoints, [1, size, 0], undefined);
  assert.deepEqual(
    all.map((proof) => (proof instanceof Error ? proof.name : proof.sequence)),
    [1, 'RangeError', 0],
  );
});

/** Counts what ClickHouse is asked while the work goes on. */
async function countingSelects(work: () => Promise<unknown>): Promise<number> {
  const { clickhouse } = world.installation.log;
  const { select } = clickhouse;
  let count = 0;
  clickhouse.select = (...question) => {
    count += 1;
    return select(...question);
  };
  try {
    await work();
  } finally {
    clickhouse.select = select;
  }
  return count;
}

test('ClickHouse is asked a few times for a question, not once for each row of the answer', async () => {
  const run = 'id steps { complete faults counted { count } }';
  const bounds: [question: string, most: number][] = [
    ['{ changes(first: 50) { nodes { object { name } values { reference { name } } } } }', 3],
    [`{ runs(first: 50) { nodes { ${run} } } }`, 2],
    [`{ agents { lastRun { ${run} } } }`, 2],
    ['{ changes(first: 100) { nodes { ledTo { sequence } ledToMore } } }', 10],
    ['{ changes(first: 100) { nodes { causedBy { sequence object { name } } } } }', 10],
    [
      `{ overview { until objectCounts { name } changesByMonth { period } turnover { period } problems { latest { object { name } } } outOfBand openLeaverAccounts openLeavers { agent } leaverDelays { agent } recentRuns { ${run} } log { size } } }`,
      18,
    ],
  ];
  for (const [question, most] of bounds) {
    const count = await countingSelects(() => world.data(question));
    assert.ok(count <= most, `${count} selects, at most ${most}: ${question}`);
  }
});

interface RunAnswer {
  agent: string;
  profile: string;
  result: string;
  finishedAt: string | null;
  steps: { kind: string; result: string; complete: boolean; faults: string[]; finishedAt: string | null }[];
}
const RUN = 'agent profile result finishedAt steps { kind result complete faults finishedAt }';

test('runs have their steps, their balance and counters that equal the log', async () => {
  const { runs } = await world.data<{ runs: { nodes: RunAnswer[] } }>(`{ runs(agent: "hr") { nodes { ${RUN} } } }`);
  assert.equal(runs.nodes.length, 4);
  assert.ok(runs.nodes.every(({ steps }) => steps.length === 2 && steps.every(({ complete }) => complete)));
  const balance =
    '{ runs(agent: "hr", first: 1) { nodes { steps { input { name } balance { read unchanged changed refused gone } } } } }';
  assert.deepEqual(await world.data(balance), {
    runs: {
      nodes: [
        {
          steps: [
            // Änne unchanged, Eve new; the projects Red unchanged and Blue changed.
            { input: { name: '2024-04.csv' }, balance: { read: 4, unchanged: 2, changed: 2, refused: 0, gone: 0 } },
            { input: null, balance: null },
          ],
        },
      ],
    },
  });
});

async function completeness() {
  await world.delivered();
  return findCompleteness(world.queries, await world.installation.log.checkpoints.current(), undefined);
}

test('a log in which every counter equals the events is complete', async () => {
  const found = await completeness();
  assert.deepEqual([found.missing, found.faults, found.size], [0, [], found.watermark]);
  assert.match(found.root, /^[0-9a-f]{64}$/);
});

const value = (attribute: string, text: string): EventValue => ({
  attribute,
  type: 'string',
  operation: 'add',
  new: text,
  marks: 0,
});

/** A run whose events the test accepts itself, one by one. */
async function startRun() {
  const run = world.installation.log.journal.size;
  const common = { agent: 'hr', initiatorKnown: 'unknown', run } as const;
  const profile = [value('profile', 'full')];
  const started = { stage: 'run', outcome: 'in-progress', operation: 'start' } as const;
  const stopped = { stage: 'run', outcome: 'stopped-service-shutdown', operation: 'stop' } as const;
  const added = { stage: 'import', outcome: 'stage-add', operation: 'add', objectType: 'employee' } as const;
  await world.accept({ ...common, ...started, values: profile });
  const within = { ...common, causes: [run], root: run };
  const step = (number: number) => ({ ...within, step: number, stepKind: 'full-import' });
  return {
    start: (number: number) => world.accept({ ...step(number), ...started }),
    read: (number: number) => world.accept({ ...step(number), ...added }),
    finish: (number: number, values: EventValue[]) =>
      world.accept({ ...step(number), stage: 'run', outcome: 'success', operation: 'finish', values }),
    interrupt: (number: number) => world.accept({ ...step(number), ...stopped }),
    stop: () => world.accept({ ...within, ...stopped, values: profile }),
  };
}

async function lastRun(): Promise<RunAnswer | undefined> {
  return (await world.data<{ runs: { nodes: RunAnswer[] } }>(`{ runs(first: 1) { nodes { ${RUN} } } }`)).runs.nodes[0];
}

const CHANGED = 'stage-add, stage-update, stage-rename';

test('what the engine did not count, an end that is not there and an interrupted step are each said', async () => {
  const run = await startRun();
  await run.start(1);
  await run.read(1);
  assert.deepEqual((await lastRun())?.steps, [
    { kind: 'full-import', result: 'in-progress', complete: false, faults: [], finishedAt: null },
  ]);
  const counters = [value('counter/import/hr/employee/stage-add', '2')];
  await run.finish(1, [...counters, value('balance/employee/read', '3'), value('balance/employee/changed', '2')]);
  await run.start(2);
  await run.read(2);
  await run.interrupt(2);
  await run.start(3);
  await run.read(4);
  await run.stop();
  const { faults } = await completeness();
  const interrupted = 'was interrupted before its counters were recorded: its events cannot be counted against them';
  assert.deepEqual(
    faults.map(({ step, agent, what }) => [step, agent, what]),
    [
      [1, 'hr', 'the engine counted 2 import/hr/employee/stage-add, the log holds 1'],
      [1, 'hr', `2 employee objects are said to be changed, the log holds 1 (${CHANGED})`],
      [1, 'hr', 'of 3 employee objects read, 0 unchanged, 2 changed and 0 refused do not add up'],
      [2, 'hr', `the step ${interrupted}`],
      [3, 'hr', 'the run is over, but the log holds no end of this step'],
      [4, 'hr', 'the log holds 1 events of a step that has no record'],
    ],
  );
  const over = await lastRun();
  assert.equal(over?.result, 'stopped-service-shutdown');
  assert.ok(over.steps.every(({ complete }) => !complete));
});

test('a balance that adds up, of a hundred changed objects where the log holds three, is said to be wrong', async () => {
  const run = await startRun();
  await run.start(1);
  for (let i = 0; i < 3; i++) await run.read(1);
  const counters = [value('counter/import/hr/employee/stage-add', '3')];
  await run.finish(1, [...counters, value('balance/employee/read', '100'), value('balance/employee/changed', '100')]);
  await run.stop();
  const what = `100 employee objects are said to be changed, the log holds 3 (${CHANGED})`;
  const { faults } = await completeness();
  const its = faults.filter(({ what: said }) => said.startsWith('100 '));
  assert.deepEqual(
    its.map(({ step, agent, what: said }) => [step, agent, said]),
    [[1, 'hr', what]],
  );
  const step = (await lastRun())?.steps[0];
  assert.deepEqual([step?.complete, step?.faults], [false, [what]]);
});

test('a row that is gone from ClickHouse, or there twice, makes the log incomplete', async () => {
  const { clickhouse, scrubber } = world.installation.log;
  // It would find what is done here, and halt the log.
  await scrubber.stop();
  const before = (await completeness()).missing;
  assert.equal(before, 0);
  await clickhouse.command('INSERT INTO events SELECT * FROM events WHERE sequence = 40');
  assert.equal((await completeness()).missing, 1);
  await clickhouse.command('ALTER TABLE events DELETE WHERE sequence = 41 SETTINGS mutations_sync = 1');
  const found = await completeness();
  assert.equal(found.missing, 2);
  assert.ok(found.faults.some(({ what }) => what.includes('the engine counted')));
});

test('an answer that is larger than its limit is refused whole', async () => {
  await assert.rejects(
    readAll(world.queries, 'SELECT number FROM numbers(11)', {}, z.object({ number: z.number() }), { most: 10 }),
    new AnswerTooLargeError(10),
  );
  const all = await readAll(world.queries, 'SELECT number FROM numbers(10)', {}, z.object({ number: z.number() }), {
    most: 10,
  });
  assert.equal(all.length, 10);
});

test('a failure of ClickHouse is one sentence with a code, and its own words go to the log only', async () => {
  const { clickhouse } = world.installation.log;
  const { select } = clickhouse;
  clickhouse.select = () => Promise.reject(new TypeError('SELECT secret FROM events WHERE name = Änne'));
  try {
    const { errors } = await world.ask('{ changes { watermark } }');
    assert.deepEqual(
      errors?.map(({ message, extensions }) => [message, extensions]),
      [['The service failed to answer; its log says why.', { code: 'INTERNAL_SERVER_ERROR' }]],
    );
    assert.match(String(world.reported.at(-1)), /secret/);
  } finally {
    clickhouse.select = select;
  }
});
