// A recovery that puts back rows of an erased person, cut off as soon as they are there: they were sent without what stands for
// the emptied columns, and that is put in by the next erasure's work all the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PARTITION_EVENTS } from '../ingest/clickhouse/cluster.ts';
import { type ClickHouse, openClickHouse } from '../ingest/clickhouse/connect.ts';
import { migrateClickHouse } from '../ingest/clickhouse/migrate.ts';
import { repair } from '../ingest/clickhouse/recover.ts';
import { diagnose } from '../ingest/clickhouse/recover-diagnosis.ts';
import { LogError } from '../ingest/errors.ts';
import { Journal } from '../ingest/journal/journal.ts';
import { ANN, CID, ErasureWorld } from './erasure-world.ts';
import { check } from './verify-world.ts';

/** Repairs; without `cutOff` to its end, else until rows were sent again. */
async function repairFolder(folder: string, cutOff: boolean): Promise<void> {
  const journal = await Journal.open(folder);
  const clickhouse = openClickHouse({ folder });
  const failing: ClickHouse = {
    ...clickhouse,
    insert: async (statement, lines) => {
      await clickhouse.insert(statement, lines);
      throw new LogError('clickhouse-away', 'ClickHouse does not answer.');
    },
  };
  try {
    await migrateClickHouse(clickhouse, PARTITION_EVENTS);
    const order = { by: 'a test', why: 'a test', fromJournal: false };
    const repairing = repair(journal, cutOff ? failing : clickhouse, await diagnose(journal, clickhouse), order);
    if (cutOff) await assert.rejects(repairing, { code: 'clickhouse-away' });
    else await repairing;
  } finally {
    await clickhouse.close();
    await journal.close();
  }
}

test('rows of an erased person that a recovery puts back get their commitments, also when it is cut off after them', async (t) => {
  const world = await ErasureWorld.open(t);
  await world.employ(ANN, CID);
  await world.employ(CID);
  const { plan } = await world.erase(await world.objectOf(ANN.name));
  await world.installation.log.eraser.settle();
  await world.close();
  const clickhouse = openClickHouse({ folder: world.data });
  const theirs = `has([${plan.keyNumbers.join()}], subject_key)`;
  await clickhouse.command(`ALTER TABLE events DELETE WHERE ${theirs} SETTINGS mutations_sync = 2`);
  await clickhouse.close();
  await repairFolder(world.data, true);
  await repairFolder(world.data, false);
  await world.reopen();
  await world.installation.catchUp();
  await world.installation.log.eraser.settle();
  await world.close();
  const report = await check(world.data);
  assert.deepEqual([report.faults, report.unchecked], [[], []]);
});
