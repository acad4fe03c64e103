// What was delivered is read again in the background: what a start does not look at, and what was altered since.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Scrubber } from '../ingest/clickhouse/scrubber.ts';
import { systemClock } from '../ingest/clock.ts';
import { type ChangeLog, openChangeLog } from '../ingest/log.ts';
import { tombstoneChange } from '../ingest/retention/tombstones.ts';
import { ANN, BOB, ErasureWorld } from './erasure-world.ts';
import { grant } from './faults/one-batch.ts';
import { afterwards, makeBatch, makeFolder } from './ingest-world.ts';

/** Grants, and so many events after them that a start does not compare the grants. */
const [GRANTS, EVENTS] = [50, 1500];
const SYNC = 'SETTINGS mutations_sync = 2';

async function openDelivered(t: TestContext): Promise<ChangeLog> {
  const log = await openChangeLog({ folder: makeFolder(t) });
  afterwards(t, () => log.close());
  await log.journal.accept(() => ({ events: Array.from({ length: GRANTS }, (_, i) => grant(i + 1)), state: [] }));
  await log.journal.accept((base) => makeBatch(base, EVENTS - GRANTS));
  await log.shipper.delivered(EVENTS);
  return log;
}

async function reopen(t: TestContext, log: ChangeLog): Promise<ChangeLog> {
  await log.close();
  const again = await openChangeLog({ folder: log.journal.folder });
  afterwards(t, () => again.close());
  return again;
}

test('an event altered long ago halts the log soon after its start', { timeout: 120_000 }, async (t) => {
  const before = await openDelivered(t);
  await before.clickhouse.command(`ALTER TABLE events UPDATE object_name = 'forged' WHERE sequence = 77 ${SYNC}`);
  const log = await reopen(t, before);
  const { problem } = log.shipper;
  assert.equal(problem, undefined, 'a start does not look that far back');
  for (let waited = 0; log.shipper.state !== 'stopped'; waited += 50) {
    assert.ok(waited < 90_000, 'the log was not halted');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.match(log.shipper.problem?.message ?? '', /^ClickHouse holds another event 77 than the journal\.$/);
  const more = log.journal.accept((base) => makeBatch(base, 1));
  await assert.rejects(more, { code: 'clickhouse-different' });
});

test('what was lost, came twice or was altered since the start is found', async (t) => {
  for (const [statement, message] of [
    ['ALTER TABLE events DELETE WHERE sequence = 77', /holds 1499 of the 1500 events from 0 on that were delivered/],
    ['INSERT INTO events SELECT * FROM events WHERE sequence = 77', /holds 1501 of the 1500 events/],
    ["ALTER TABLE events UPDATE log = 'metatrail/another' WHERE sequence = 77", /another log, metatrail\/another/],
    ['ALTER TABLE entitlement_changes DELETE WHERE sequence = 7', /^entitlement_changes is not what its view makes/],
    ["ALTER TABLE events UPDATE object_name = 'forged' WHERE sequence = 77", /another event 77 than the journal/],
  ] as const) {
    const log = await openDelivered(t);
    const scrubber = new Scrubber(log);
    await scrubber.scrubOnce();
    await log.clickhouse.command(`${statement} ${statement.startsWith('INSERT') ? '' : SYNC}`);
    await assert.rejects(scrubber.scrubOnce(), { code: 'clickhouse-different', message });
    await log.close();
  }
});

test('an erasure that is not at its end is no contradiction, neither at a start nor later', async (t) => {
  const world = await ErasureWorld.open(t);
  await world.employ(ANN, BOB);
  const id = await world.objectOf(ANN.name);
  await world.employ(BOB);
  const { log } = world.installation;
  await world.installation.catchUp();
  await world.erase(id);
  const cut = log.eraser.settle((step) => {
    if (step === 'removed') throw new Error('the process ended');
  });
  await assert.rejects(cut);
  await new Scrubber(log).scrubOnce();
  await world.reopen();
  const { log: again } = world.installation;
  await again.shipper.delivered(again.journal.size);
  await again.eraser.settle();
  await new Scrubber(again).scrubOnce();
});

test('what expired need not be there, whether it is gone or not', async (t) => {
  const log = await openChangeLog({ folder: makeFolder(t), partitionEvents: 256 });
  afterwards(t, () => log.close());
  await log.journal.accept(() => ({ events: Array.from({ length: 300 }, (_, i) => grant(i + 1)), state: [] }));
  const [until, note] = [systemClock(), 'a note'];
  const expired = tombstoneChange({ first: 0, size: 256, until, lastOccurred: until, note });
  await log.journal.accept(() => ({ events: [], state: [expired] }));
  await log.shipper.delivered(300);
  await new Scrubber(log).scrubOnce();
  await log.clickhouse.command('ALTER TABLE events DROP PARTITION 0');
  await new Scrubber(log).scrubOnce();
  const again = await reopen(t, log);
  assert.equal(again.shipper.problem, undefined);
});
