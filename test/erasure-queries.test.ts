// What is answered about somebody who was erased: who they were is not known any more, that somebody was there is.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { z } from 'zod';
import { localAccess } from '../api/access/access.ts';
import { emptiedFirst } from '../ingest/erasure/emptied-first.ts';
import { ANN, BOB, CID, ErasureWorld } from './erasure-world.ts';
import { readPdf } from './reports/print.ts';

interface Answer {
  holders: { holdings: { agent: string; holder: { name: string | null } | null }[] };
  object: {
    name: string | null;
    type: string;
    history: {
      changes: {
        stage: string;
        object: { name: string | null } | null;
        values: { old: string | null; new: string | null }[];
      }[];
    };
  };
  objects: { name: string | null }[];
}

test('a question of the embedded ClickHouse has a limit of memory, and is refused beyond it', async (t) => {
  const world = await ErasureWorld.open(t);
  const { questioned } = world.installation.log;
  const ask = (numbers: number, options = {}) =>
    questioned.select(
      `SELECT length(groupArray(number)) AS n FROM numbers(${numbers})`,
      {},
      z.object({ n: z.number() }),
      options,
    );
  assert.deepEqual(await ask(1_000_000), [{ n: 1_000_000 }]);
  const refused = { code: 'clickhouse-refused', message: /MEMORY_LIMIT_EXCEEDED/ };
  await assert.rejects(ask(1_000_000, { memoryLimit: 4_000_000 }), refused);
  await assert.rejects(ask(400_000_000), refused);
});

const QUESTION = `query ($group: ID!, $person: ID!, $at: DateTime) {
  holders(entitlement: $group, at: $at) { holdings { agent holder { name } } }
  object(id: $person) { name type history { changes: nodes { stage object { name } values { old new } } } }
  objects(first: 10) { name }
}`;

test('an erased person is told of as one, in every answer and report, and counts as before', async (t) => {
  const world = await ErasureWorld.open(t);
  await world.employ(ANN, BOB, CID);
  const at = new Date().toISOString();
  await world.employ({ ...BOB, manager: '' }, CID);
  const person = await world.objectOf(ANN.name);
  const variables = { group: await world.objectOf('apollo'), person, at };
  const ask = async (): Promise<Answer> => {
    const { data, errors } = await world.installation.ask(QUESTION, variables, localAccess('auditor'));
    assert.equal(errors, undefined);
    return JSON.parse(JSON.stringify(data)) as Answer;
  };
  const members = ({ holders }: Answer) => holders.holdings.map(({ holder }) => holder?.name).sort();
  const before = await ask();
  assert.deepEqual(members(before), [ANN.name, BOB.name, CID.name]);
  const { event } = await world.erase(person);
  await world.installation.log.eraser.settle();
  const erased = `an erased person (event ${event})`;
  const after = await ask();
  assert.deepEqual(members(after), [BOB.name, CID.name, erased]);
  assert.equal(after.object.name, erased);
  assert.equal(after.object.type, before.object.type);
  assert.ok(after.objects.some(({ name }) => name === erased));
  const { changes } = after.object.history;
  assert.equal(changes[0]?.stage, 'erasure', 'their history ends with it');
  assert.equal(changes[0]?.object?.name, erased);
  const own = changes.slice(1).filter(({ stage }) => stage !== 'read');
  assert.ok(own.length > 10);
  for (const { values } of own) for (const value of values) assert.deepEqual([value.old, value.new], [null, null]);
  const since = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
  const to = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
  const access = await textOf(t, world, 'access', { at: to });
  const leavers = await textOf(t, world, 'leavers', { from: since, to });
  if (access === undefined || leavers === undefined) return;
  for (const text of [access, leavers]) assert.doesNotMatch(text, /E-1001|Annabel|undefined|null/);
  assert.ok(leavers.includes(erased), leavers);
});

const TELLS = `query ($group: ID!, $person: ID!, $at: DateTime!) {
  holders(entitlement: $group, at: $at) { holdings { holder { id name } } }
  object(id: $person) {
    name
    history { changes: nodes { object { name } values { old new } initiator } }
    state(at: $at) { systems { dn anchor attributes { name values { value } } } }
  }
  byName: objects(search: "Annabel") { name formerNames }
  count: objectCount(search: "Annabel")
  changes(first: 1000) { changes: nodes { object { name } values { old new } initiator } }
  byValue: changes(filter: { value: "Annabel Lindqvist" }) { changes: nodes { sequence } }
}`;

test('once an erasure is accepted no question tells anything of the person, without anybody settling it', async (t) => {
  const world = await ErasureWorld.open(t);
  await world.employ(ANN, BOB, CID);
  const at = new Date().toISOString();
  await world.employ({ ...BOB, manager: '', by: 'hr-clerk' }, CID);
  const { log } = world.installation;
  const person = await world.objectOf(ANN.name);
  const variables = { group: await world.objectOf('apollo'), person, at };
  const tell = async () => {
    const { data, errors } = await world.installation.ask(TELLS, variables, localAccess('auditor'));
    assert.equal(errors, undefined);
    return JSON.parse(JSON.stringify(data));
  };
  const before = await tell();
  assert.match(JSON.stringify(before), /Annabel Lindqvist.*E-1001|E-1001.*Annabel Lindqvist/);
  assert.deepEqual([before.byName.length, before.count], [1, 1]);
  assert.ok(before.byValue.changes.length > 0);
  const { event } = await world.erase(person);
  assert.equal(log.eraser.reader.waiting().erasures, 1, 'ClickHouse still has them');
  // All at once: they wait for the same mutation.
  for (const after of await Promise.all([tell(), tell(), tell()])) {
    assert.doesNotMatch(JSON.stringify(after), /Annabel|E-1001/);
    assert.deepEqual([after.byName, after.count, after.byValue.changes], [[], 0, []]);
    assert.equal(after.object.name, `an erased person (event ${event})`);
  }
  assert.equal(log.eraser.reader.waiting().erasures, 0);
  const mutations = await log.clickhouse.select(
    "SELECT mutation_id AS id FROM system.mutations WHERE table = 'events' AND command LIKE '%UPDATE%'",
    {},
    z.object({ id: z.string() }),
  );
  assert.equal(new Set(mutations.map(({ id }) => id)).size, 1);
});

test('a question that would wait too long for ClickHouse to be emptied is refused, and answered when it is', async (t) => {
  const world = await ErasureWorld.open(t);
  await world.employ(ANN, BOB, CID);
  await world.employ(BOB, CID);
  await world.erase(await world.objectOf(ANN.name));
  const { clickhouse, eraser } = world.installation.log;
  // A millisecond: no mutation is that fast.
  const named = () =>
    emptiedFirst(clickhouse, eraser, 1).select(
      "SELECT count() AS count FROM events WHERE object_name LIKE 'Annabel%'",
      {},
      z.object({ count: z.number() }),
    );
  await assert.rejects(named(), { code: 'clickhouse-refused', message: /still being emptied .* ask again/ });
  await eraser.settle();
  assert.deepEqual(await named(), [{ count: 0 }]);
});

test('a report that is asked for right after an erasure has nothing of the person', async (t) => {
  const world = await ErasureWorld.open(t);
  await world.employ(ANN, BOB, CID);
  const at = new Date().toISOString();
  await world.employ({ ...BOB, manager: '' }, CID);
  await world.erase(await world.objectOf(ANN.name));
  const text = await textOf(t, world, 'access', { at });
  if (text !== undefined) assert.doesNotMatch(text, /E-1001|Annabel/);
});

/** Undefined: a tool is missing, and the test is skipped. */
async function textOf(t: TestContext, world: ErasureWorld, report: string, parameters: Record<string, string>) {
  const { pdf } = await world.installation.produceReport(report, parameters, localAccess('auditor'));
  const chunks: Uint8Array[] = [];
  for await (const chunk of pdf) chunks.push(Buffer.from(chunk));
  return readPdf(t, Buffer.concat(chunks))?.text;
}

test('an erased person is found by no search any more, and nothing of their names is left where searches look', async (t) => {
  const world = await ErasureWorld.open(t);
  await world.employ(ANN, BOB);
  await world.employ(BOB);
  const called = async () => {
    const rows = await world.rows(
      'SELECT * FROM mergeTreeProjection(currentDatabase(), events, names)',
      z.looseObject({}),
    );
    return rows.filter((row) => JSON.stringify(row).includes(ANN.name)).length;
  };
  const find = async () => {
    const asked = 'query ($text: String!) { search(text: $text) { rank } }';
    const { data, errors } = await world.installation.ask(asked, { text: ANN.name }, localAccess('auditor'));
    assert.equal(errors, undefined);
    return z.object({ search: z.array(z.unknown()) }).parse(data).search.length;
  };
  assert.ok((await called()) > 0);
  assert.equal(await find(), 1);
  await world.erase(await world.objectOf(ANN.name));
  await world.installation.log.eraser.settle();
  assert.equal(await called(), 0);
  assert.equal(await find(), 0);
});
