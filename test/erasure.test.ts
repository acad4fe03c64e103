// Erasure of a person: what goes, what stays, and that every proof holds afterwards.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { localAccess } from '../api/access/access.ts';
import { previewErasure } from '../api/erasing.ts';
import { rowSchema, SELECTED_COLUMNS } from '../ingest/clickhouse/rows.ts';
import { LogError } from '../ingest/errors.ts';
import { addHold, removeHold } from '../ingest/retention/holds.ts';
import { ANN, BOB, CID, ErasureWorld, keysOf, leavesOf, REASON } from './erasure-world.ts';
import { computeLeaf, type Row } from './ingest-encoding-independent.ts';

const refusal = (code: string, message: RegExp) => (error: unknown) =>
  error instanceof LogError && error.code === code && message.test(error.message);

async function rowsOf(world: ErasureWorld): Promise<Row[]> {
  return world.rows(`SELECT ${SELECTED_COLUMNS} FROM events ORDER BY sequence`, z.record(z.string(), z.unknown()));
}

test('a leaver is erased wherever they are named, and nobody else is', async (t) => {
  const world = await ErasureWorld.open(t);
  await world.employ(ANN, BOB, CID);
  await world.employ({ ...BOB, manager: '' }, CID);
  const ann = await world.objectOf(ANN.name);
  const before = await rowsOf(world);
  const plan = await previewErasure(world.installation, { object: ann });
  assert.deepEqual(plan.objects, [ann]);
  assert.equal(plan.entries.length, 2, 'in hr and in the directory');
  assert.deepEqual(plan.keys, { object: 1, entry: 2, actor: 1, reference: 1, read: 0 });
  assert.deepEqual(
    plan.actors,
    [ANN.id].map((id) => `CORP\\${id}`),
  );
  const named = before.filter((row) => /E-1001|Annabel/.test(JSON.stringify(row)));
  assert.ok(plan.events >= named.length, 'all events that name them, and those of their accounts that have no name');
  assert.deepEqual(await rowsOf(world), before, 'to look does nothing');

  const { event } = await world.erase(ann);
  await world.installation.log.eraser.settle();
  const after = await rowsOf(world);
  assert.deepEqual(
    after.filter((row) => /E-1001|Annabel/.test(JSON.stringify(row))),
    [],
  );
  for (const [index, row] of before.entries()) {
    const now = JSON.stringify(after[index]);
    for (const name of [BOB.name, BOB.id, CID.name, CID.id])
      assert.equal(
        now.split(name).length,
        JSON.stringify(row).replaceAll('CORP\\\\E-1001', '').split(name).length,
        name,
      );
  }
  const said = rowSchema.parse(after[event]);
  assert.deepEqual(
    { stage: said.stage, outcome: said.outcome, object: said.object, initiator: said.initiator },
    { stage: 'erasure', outcome: 'person-erased', object: ann, initiator: REASON.who },
  );
  const keys = said['value.attribute'].flatMap((attribute, i) => (attribute === 'key' ? [said['value.old'][i]] : []));
  assert.deepEqual(keys.map(Number), plan.keyNumbers);
  assert.equal(said['value.new'][0], REASON.why);
  assert.equal(said['value.new'][1], String(plan.events));
});

test('after an erasure every leaf follows from what is left, and the root is the one before', async (t) => {
  const world = await ErasureWorld.open(t);
  await world.employ(ANN, BOB, CID);
  await world.employ(BOB, CID);
  const before = leavesOf(world);
  const { plan } = await world.erase(await world.objectOf(ANN.name));
  await world.installation.log.eraser.settle();
  const leaves = leavesOf(world);
  assert.deepEqual(leaves.slice(0, before.length), before);
  const keys = keysOf(world);
  for (const number of plan.keyNumbers) assert.ok(!keys.has(number), `the key ${number} is gone`);
  const rows = await rowsOf(world);
  assert.deepEqual(
    rows.map((row) => computeLeaf(row, keys).leaf),
    leaves,
  );
  const commitments = ['object_commitment', 'actor_commitment', 'values_commitment', 'value.commitment'];
  const emptied = rows.filter((row) => commitments.some((column) => String(row[column]).replaceAll(',', '') !== ''));
  assert.equal(emptied.length, plan.events);
  // The journal's own rows say the same.
  const ofJournal = world.installation.log.journal.rows(0, 1000).map(({ row }) => JSON.parse(row) as Row);
  assert.deepEqual(
    ofJournal.map((row) => computeLeaf(row, keys).leaf),
    leaves,
  );
});

test("what the views made of an erased person's events is what they would make of them now", async (t) => {
  const world = await ErasureWorld.open(t);
  await world.employ(ANN, BOB, CID);
  await world.employ(BOB, CID);
  const ann = await world.objectOf(ANN.name);
  const { plan } = await world.erase(ann);
  await world.installation.log.eraser.settle();
  const row = z.record(z.string(), z.unknown());
  const [definition] = await world.rows(
    "SELECT as_select FROM system.tables WHERE name = 'entitlement_changes_view' AND database = currentDatabase()",
    z.object({ as_select: z.string() }),
  );
  const order = 'ORDER BY sequence, ordinal, granted';
  const held = await world.rows(`SELECT * FROM entitlement_changes ${order}`, row);
  assert.deepEqual(held, await world.rows(`SELECT * FROM (${definition?.as_select}) ${order}`, row));
  const objectKey = plan.keyNumbers[0] ?? 0;
  const erased = held.filter(
    ({ holder }) => String(holder) === `00000000-0000-8000-8000-${objectKey.toString(16).padStart(12, '0')}`,
  );
  assert.equal(erased.length, 4, 'in and out of the group, in the metaverse and in the directory');
  assert.ok(!held.some(({ holder }) => holder === ann));
});

test('who still exists, or is held, or is nobody, is not erased', async (t) => {
  const world = await ErasureWorld.open(t);
  await world.employ(ANN, BOB, CID);
  const ann = await world.objectOf(ANN.name);
  await assert.rejects(world.erase(ann), refusal('erasure-refused', /still have entries in directory, hr,/));
  await assert.rejects(
    world.erase('01a2076a-0000-7000-8000-000000000000'),
    refusal('erasure-refused', /there is no such object, or it was erased/),
  );
  await world.employ(BOB, CID);
  const { journal } = world.installation.log;
  const size = journal.size;
  const hold = await addHold(journal, { object: ann, who: 'counsel', by: 'administrator', why: 'case 12' });
  assert.equal(hold.event, size);
  await assert.rejects(
    world.erase(ann),
    refusal('erasure-refused', new RegExp(`The legal hold ${hold.event} covers this person`)),
  );
  await removeHold(journal, hold.event, { who: 'counsel', by: 'administrator', why: 'closed' });
  const all = await addHold(journal, { who: 'counsel', by: 'administrator', why: 'inspection' });
  await assert.rejects(world.erase(ann), refusal('erasure-refused', /covers everything/));
  await removeHold(journal, all.event, { who: 'counsel', by: 'administrator', why: 'closed' });
  await world.erase(ann);
  await assert.rejects(world.erase(ann), refusal('erasure-refused', /there is no such object, or it was erased/));
});

test('who is hired again after an erasure is somebody new, under another key', async (t) => {
  const world = await ErasureWorld.open(t);
  await world.employ(ANN, BOB, CID);
  await world.employ(BOB, CID);
  const ann = await world.objectOf(ANN.name);
  const { plan } = await world.erase(ann);
  await world.employ(ANN, BOB, CID);
  const again = await world.objectOf(ANN.name);
  assert.notEqual(again, ann);
  const rows = (await rowsOf(world)).slice(plan.size + 1);
  assert.ok(rows.some((row) => row.object === again));
  assert.ok(!rows.some((row) => JSON.stringify(row).includes('predecessor')), 'nothing links the two');
  const used = new Set(rows.flatMap((row) => [row.subject_key, row.actor_key, ...(row['value.key'] as number[])]));
  for (const number of plan.keyNumbers) assert.ok(!used.has(number), `the key ${number} is used again`);
});

test('a person who was hired again is erased as one, with what they were before', async (t) => {
  const world = await ErasureWorld.open(t);
  await world.employ(ANN, BOB, CID);
  const first = await world.objectOf(ANN.name);
  await world.employ(BOB, CID);
  await world.employ(ANN, BOB, CID);
  const second = await world.objectOf(ANN.name);
  assert.notEqual(second, first);
  await assert.rejects(world.erase(first), refusal('erasure-refused', /still have entries/));
  await world.employ(BOB, CID);
  const { plan } = await world.erase(first);
  assert.deepEqual(plan.objects.toSorted(), [first, second].toSorted());
  await world.installation.log.eraser.settle();
  assert.ok(
    !JSON.stringify((await rowsOf(world)).map((row) => [row['value.new'], row.anchor, row.dn])).includes('E-1001'),
  );
});

test('requests that wait are settled by one mutation', async (t) => {
  const world = await ErasureWorld.open(t);
  await world.employ(ANN, BOB, CID);
  await world.employ(BOB);
  for (const { name } of [ANN, CID]) await world.erase(await world.objectOf(name));
  const { eraser } = world.installation.log;
  assert.equal(eraser.reader.waiting().erasures, 2);
  await eraser.settle();
  const mutations = await world.rows(
    "SELECT command FROM system.mutations WHERE table = 'events' AND database = currentDatabase() AND command LIKE '%UPDATE%'",
    z.object({ command: z.string() }),
  );
  // ClickHouse keeps a row for each command of one ALTER; a statement with one UPDATE has one.
  assert.equal(mutations.length, 1);
  assert.deepEqual(eraser.reader.waiting(), { erasures: 0, since: 0 });
  const rows = await rowsOf(world);
  const keys = keysOf(world);
  assert.deepEqual(
    rows.map((row) => computeLeaf(row, keys).leaf),
    leavesOf(world),
  );
});

test('no key is ever handed to ClickHouse', async (t) => {
  const world = await ErasureWorld.open(t);
  await world.employ(ANN, BOB, CID);
  await world.employ(BOB, CID);
  const keys = keysOf(world);
  const { plan } = await world.erase(await world.objectOf(ANN.name));
  await world.installation.log.eraser.settle();
  const commands = await world.rows(
    'SELECT command FROM system.mutations WHERE database = currentDatabase()',
    z.object({ command: z.string() }),
  );
  for (const number of plan.keyNumbers) {
    const key = keys.get(number) ?? assert.fail('the key was there before');
    assert.ok(!commands.some(({ command }) => command.includes(key.toString('hex'))));
  }
});

test('a question that named them is erased with them, and one about somebody else is not', async (t) => {
  const world = await ErasureWorld.open(t);
  await world.employ(ANN, BOB, CID);
  await world.employ(BOB, CID);
  const ask = (search: string) =>
    world.installation.ask(
      'query ($search: String!) { objects(search: $search) { id } }',
      { search },
      localAccess('auditor'),
    );
  await ask(ANN.name);
  await ask(`who is ${ANN.id}?`);
  await ask(BOB.name);
  const { plan } = await world.erase(await world.objectOf(ANN.name));
  assert.equal(plan.keys.read, 2);
  await world.installation.log.eraser.settle();
  const asked = (await rowsOf(world)).filter(({ stage }) => stage === 'read').map((row) => JSON.stringify(row));
  assert.equal(asked.length, 3);
  assert.deepEqual(
    asked.map((row) => [row.includes(ANN.name), row.includes(ANN.id), row.includes(BOB.name)]),
    [
      [false, false, false],
      [false, false, false],
      [false, false, true],
    ],
  );
});
