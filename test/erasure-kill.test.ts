// An erasure under SIGKILL: after each step of it the process dies, and the next one brings it to its end.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { SELECTED_COLUMNS } from '../ingest/clickhouse/rows.ts';
import { ANN, BOB, CID, ErasureWorld, keysOf, leavesOf } from './erasure-world.ts';
import { computeLeaf, type Row } from './ingest-encoding-independent.ts';

const CHILD = join(import.meta.dirname, 'erasure-child.ts');
/** In the order in which they are reached; a settling that was cut off begins anew. */
const STEPS = ['accepted', 'handed-over', 'emptied', 'removed', 'derived', 'compared'];

async function runChild(question: Record<string, unknown>): Promise<NodeJS.Signals | number | null> {
  const child = spawn(process.execPath, [CHILD, JSON.stringify(question)], {
    stdio: 'inherit',
    env: { ...process.env, UV_THREADPOOL_SIZE: '16' },
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return signal ?? code;
}

test('killed after each step of an erasure, the next process ends it', { timeout: 300_000 }, async (t) => {
  const world = await ErasureWorld.open(t);
  await world.employ(ANN, BOB, CID);
  await world.employ(BOB, CID);
  const ann = await world.objectOf(ANN.name);
  const before = leavesOf(world);
  await world.close();
  assert.equal(await runChild({ folder: world.folder, object: ann, step: STEPS[0] }), 'SIGKILL');
  for (const step of STEPS.slice(1)) assert.equal(await runChild({ folder: world.folder, step }), 'SIGKILL', step);
  assert.equal(await runChild({ folder: world.folder, step: 'none' }), 0);
  await world.reopen();
  assert.deepEqual(world.installation.log.eraser.reader.unsettled().events, []);
  const row = z.record(z.string(), z.unknown());
  const rows: Row[] = await world.rows(`SELECT ${SELECTED_COLUMNS} FROM events ORDER BY sequence`, row);
  const keys = keysOf(world);
  const leaves = leavesOf(world);
  assert.deepEqual(leaves.slice(0, before.length), before);
  assert.deepEqual(
    rows.map((each) => computeLeaf(each, keys).leaf),
    leaves,
  );
  assert.ok(!rows.some((each) => /E-1001|Annabel/.test(JSON.stringify(each))));
  const erasures = rows.filter(({ stage }) => stage === 'erasure');
  assert.equal(erasures.length, 1);
  const order = 'ORDER BY sequence, ordinal, granted';
  const [view] = await world.rows(
    "SELECT as_select FROM system.tables WHERE name = 'entitlement_changes_view' AND database = currentDatabase()",
    z.object({ as_select: z.string() }),
  );
  assert.deepEqual(
    await world.rows(`SELECT * FROM entitlement_changes ${order}`, row),
    await world.rows(`SELECT * FROM (${view?.as_select}) ${order}`, row),
  );
});

test('what the journal erased before it was delivered is erased in ClickHouse when it is', {
  timeout: 120_000,
}, async (t) => {
  const world = await ErasureWorld.open(t);
  await world.employ(ANN, BOB, CID);
  await world.employ(BOB, CID);
  const { log } = world.installation;
  await world.erase(await world.objectOf(ANN.name));
  await log.eraser.settle();
  // As if ClickHouse had lost its last events and the watermark had been set back: they are sent again, from the journal.
  const lost = 20;
  await world.close();
  await loseAfter(world, lost);
  await world.reopen();
  await world.installation.catchUp();
  assert.ok(world.installation.log.eraser.reader.unsettled().events.length > 0, 'they have to be settled again');
  await world.installation.log.eraser.settle();
  const rows: Row[] = await world.rows(
    `SELECT ${SELECTED_COLUMNS} FROM events ORDER BY sequence`,
    z.record(z.string(), z.unknown()),
  );
  const keys = keysOf(world);
  assert.deepEqual(
    rows.map((each) => computeLeaf(each, keys).leaf),
    leavesOf(world),
  );
});

async function loseAfter(world: ErasureWorld, sequence: number): Promise<void> {
  const child = spawn(
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      `import { DatabaseSync } from 'node:sqlite';
       const { openClickHouse } = await import(${JSON.stringify(join(import.meta.dirname, '../ingest/clickhouse/connect.ts'))});
       const clickhouse = openClickHouse({ folder: ${JSON.stringify(world.data)} });
       await clickhouse.command('ALTER TABLE events DELETE WHERE sequence >= ${sequence} SETTINGS mutations_sync = 2');
       await clickhouse.command('ALTER TABLE entitlement_changes DELETE WHERE sequence >= ${sequence} SETTINGS mutations_sync = 2');
       await clickhouse.close();
       const database = new DatabaseSync(${JSON.stringify(join(world.data, 'metatrail.sqlite'))});
       database.exec("UPDATE facts SET value = '${sequence}' WHERE name = 'shipped'");
       database.close();`,
    ],
    { stdio: 'inherit', env: { ...process.env, UV_THREADPOOL_SIZE: '16' } },
  );
  const [code] = (await once(child, 'close')) as [number | null];
  assert.equal(code, 0);
}
