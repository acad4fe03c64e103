// A mutation of ClickHouse rewrites columns of whole parts: requests of an hour, or twenty of them, share one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { systemClock } from '../ingest/clock.ts';
import { type ChangeLog, openChangeLog } from '../ingest/log.ts';
import { afterwards, makeEvent, makeFolder, makeId } from './ingest-world.ts';

const REASON = { who: 'privacy officer', by: 'administrator', why: 'request 7' };
const MINUTE = 60 * 1_000_000;

async function writePeople({ journal }: ChangeLog, count: number): Promise<void> {
  const events = Array.from({ length: count }, (_, i) =>
    makeEvent({ object: makeId(1 + i), objectName: `Person ${i}`, anchor: `A${i}` }),
  );
  await journal.accept(() => ({ events, state: [] }));
}

async function erase({ eraser }: ChangeLog, from: number, to: number): Promise<void> {
  for (let person = from; person <= to; person++)
    await eraser.erase({ object: makeId(person) }, REASON, () => ({ removals: [], remains: [] }));
}

async function countMutations({ clickhouse }: ChangeLog): Promise<number> {
  const rows = await clickhouse.select(
    "SELECT mutation_id AS id FROM system.mutations WHERE database = currentDatabase() AND table = 'events' AND command LIKE '%UPDATE%'",
    {},
    z.object({ id: z.string() }),
  );
  return new Set(rows.map(({ id }) => id)).size;
}

async function countNamed({ clickhouse }: ChangeLog): Promise<number> {
  const sql = "SELECT count() AS count FROM events WHERE startsWith(object_name, 'Person')";
  const [row] = await clickhouse.select(sql, {}, z.object({ count: z.number() }));
  return row?.count ?? assert.fail();
}

test('twenty requests make one mutation, and one alone waits for an hour', { timeout: 180_000 }, async (t) => {
  const folder = makeFolder(t);
  const log = await openChangeLog({ folder });
  afterwards(t, () => log.close());
  await writePeople(log, 22);
  await erase(log, 1, 19);
  await log.eraser.settleWhenDue();
  assert.deepEqual([await countMutations(log), await countNamed(log)], [0, 22], 'nineteen wait');
  await erase(log, 20, 20);
  await log.eraser.settleWhenDue();
  assert.deepEqual([await countMutations(log), await countNamed(log)], [1, 2], 'the twentieth takes all with it');
  await erase(log, 21, 22);
  const now = systemClock();
  await log.eraser.settleWhenDue(now + 59 * MINUTE);
  assert.deepEqual([await countMutations(log), await countNamed(log)], [1, 2], 'less than an hour');
  await log.eraser.settleWhenDue(now + 61 * MINUTE);
  assert.deepEqual([await countMutations(log), await countNamed(log)], [2, 0], 'an hour: both by one more');
});

test('a service that finds twenty requests settles them by one mutation, without being told', {
  timeout: 180_000,
}, async (t) => {
  const folder = makeFolder(t);
  const before = await openChangeLog({ folder });
  afterwards(t, () => before.close());
  await writePeople(before, 21);
  await erase(before, 1, 20);
  await before.close();
  const log = await openChangeLog({ folder });
  afterwards(t, () => log.close());
  for (let waited = 0; waited < 60 && log.eraser.reader.waiting().erasures > 0; waited++) await sleep(1000);
  assert.equal(log.eraser.reader.waiting().erasures, 0);
  assert.deepEqual([await countMutations(log), await countNamed(log)], [1, 1]);
});
