// One person among many in a batch: most of what is handed over for the mutation is empty then, and ClickHouse keeps it so.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { openChangeLog } from '../ingest/log.ts';
import { afterwards, makeEvent, makeFolder, makeId } from './ingest-world.ts';
import { check } from './verify-world.ts';

test('one of many is erased, and the events about the others, who are named beside them, stay as they are', {
  timeout: 120_000,
}, async (t) => {
  const folder = makeFolder(t);
  const log = await openChangeLog({ folder });
  afterwards(t, () => log.close());
  const boss = {
    attribute: 'boss',
    type: 'reference',
    operation: 'add',
    new: 'Person 0',
    reference: makeId(0),
    marks: 0,
  } as const;
  await log.journal.accept((base) => ({
    events: Array.from({ length: 1000 }, (_, i) =>
      makeEvent({
        object: makeId(i % 20),
        objectName: `Person ${i % 20}`,
        values: [{ attribute: 'room', type: 'string', operation: 'add', new: `${base + i}`, marks: 2 }, boss],
      }),
    ),
    state: [],
  }));
  const request = { who: 'privacy officer', by: 'administrator', why: 'request 7' };
  await log.eraser.erase({ object: makeId(0) }, request, () => ({ removals: [], remains: [] }));
  await log.eraser.settle();
  const people = await log.clickhouse.select(
    `SELECT object_name AS name, count() AS events, countIf(value.new[1] = '') AS emptied, countIf(value.new[2] = '') AS unnamed
     FROM events WHERE stage != 'erasure' GROUP BY name ORDER BY name LIMIT 100`,
    {},
    z.object({ name: z.string(), events: z.number(), emptied: z.number(), unnamed: z.number() }),
  );
  assert.equal(people.length, 20);
  for (const { name, events, emptied, unnamed } of people)
    assert.deepEqual([events, emptied, unnamed], [50, name === '' ? 50 : 0, 50], name);
  await log.shipper.delivered(log.journal.size);
  await log.checkpoints.current();
  await log.close();
  assert.equal((await check(folder)).result, 'verified');
});
