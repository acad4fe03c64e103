// The journal is trimmed behind a signed checkpoint and row by row compared with ClickHouse; it stays small, and nothing
// that may still be needed goes.
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { logTargetOf, readEnvironment } from '../api/environment.ts';
import { Trimmer, type TrimRules } from '../ingest/clickhouse/trimmer.ts';
import { systemClock } from '../ingest/clock.ts';
import { Journal } from '../ingest/journal/journal.ts';
import { type ChangeLog, openChangeLog } from '../ingest/log.ts';
import { finishExpiry, isExpiryUnfinished } from '../ingest/retention/expire.ts';
import { tombstoneChange } from '../ingest/retention/tombstones.ts';
import { tamper } from './checkpoint-world.ts';
import { ANN, BOB, ErasureWorld } from './erasure-world.ts';
import { assertWhole } from './ingest-whole.ts';
import { afterwards, makeBatch, makeFolder } from './ingest-world.ts';

const DAY = 86_400_000_000;
const later = (days: number) => () => systemClock() + days * DAY;

async function openLog(t: TestContext, events: number, folder = makeFolder(t)): Promise<ChangeLog> {
  const log = await openChangeLog({ folder });
  afterwards(t, () => log.close());
  await log.journal.accept((base) => makeBatch(base, events));
  await log.shipper.delivered(log.journal.size);
  return log;
}

function makeTrimmer(log: ChangeLog, rules: TrimRules): Trimmer {
  const checkpointed = () => log.checkpoints.newest()?.size ?? 0;
  return new Trimmer({ ...log, checkpointed }, rules);
}

test('nothing is trimmed that no checkpoint is signed over, and what one is signed over is', async (t) => {
  const log = await openLog(t, 600);
  const trimmer = makeTrimmer(log, { keepDays: 0, keepRows: 0, clock: later(1) });
  assert.equal(await trimmer.trimOnce(), 0);
  await log.checkpoints.current();
  await log.journal.accept((base) => makeBatch(base, 600));
  await log.shipper.delivered(1200);
  assert.equal(await trimmer.trimOnce(), 600);
  await log.checkpoints.current();
  assert.equal(await trimmer.trimOnce(), 1024, 'the rows of the tile that is not full stay');
  await assertWhole(log);
});

test('the log itself trims nothing that no checkpoint is signed over', async (t) => {
  const log = await openChangeLog({ folder: makeFolder(t), journalDays: 0, journalRows: 0 });
  afterwards(t, () => log.close());
  await log.journal.accept((base) => makeBatch(base, 600));
  await log.shipper.delivered(600);
  assert.equal(await log.trimmer.trimOnce(), 0);
  await log.checkpoints.current();
  await log.journal.accept((base) => makeBatch(base, 600));
  await log.shipper.delivered(1200);
  assert.equal(await log.trimmer.trimOnce(), 600);
});

test('METATRAIL_JOURNAL_DAYS says how long rows stay; a month unless it is set', async (t) => {
  for (const [days, first] of [
    ['0', 512],
    ['1', 0],
    [undefined, 0],
  ] as const) {
    const environment = readEnvironment({ METATRAIL_DATA: makeFolder(t), METATRAIL_JOURNAL_DAYS: days });
    const log = await openChangeLog({ ...logTargetOf(environment), journalRows: 0 });
    afterwards(t, () => log.close());
    await log.journal.accept((base) => makeBatch(base, 600));
    await log.shipper.delivered(600);
    await log.checkpoints.current();
    assert.equal(await log.trimmer.trimOnce(), first, `METATRAIL_JOURNAL_DAYS=${days}`);
    await log.close();
  }
});

test('rows that are too new, by number or by age, stay', async (t) => {
  const log = await openLog(t, 900);
  await log.checkpoints.current();
  const trim = (rules: TrimRules) => makeTrimmer(log, rules).trimOnce();
  assert.equal(await trim({ keepDays: 30, keepRows: 0, clock: later(29) }), 0);
  assert.equal(await trim({ keepDays: 30, clock: later(31) }), 0);
  assert.equal(await trim({ keepDays: 30, keepRows: 500, clock: later(31) }), 400);
  assert.equal(await trim({ keepDays: 30, keepRows: 0, clock: later(31) }), 768);
});

test('rows that are not delivered stay, whatever is signed', async (t) => {
  const log = await openLog(t, 300);
  await log.shipper.stop();
  await log.journal.accept((base) => makeBatch(base, 600));
  await log.checkpoints.current();
  assert.equal(await makeTrimmer(log, { keepDays: 0, keepRows: 0, clock: later(1) }).trimOnce(), 300);
});

test('where ClickHouse holds another event, or none, nothing is trimmed and the log accepts no more', async (t) => {
  for (const [statement, message] of [
    ["ALTER TABLE events UPDATE object_name = 'forged' WHERE sequence = 77", /another event 77 than/],
    ['ALTER TABLE events DELETE WHERE sequence = 77', /another event 77 than/],
    ['ALTER TABLE events DELETE WHERE sequence >= 550', /does not hold event 550, which was delivered/],
  ] as const) {
    const log = await openChangeLog({ folder: makeFolder(t) });
    try {
      await log.journal.accept((base) => makeBatch(base, 600));
      await log.shipper.delivered(600);
      await log.checkpoints.current();
      await log.clickhouse.command(`${statement} SETTINGS mutations_sync = 2`);
      const trimmer = makeTrimmer(log, { keepDays: 0, keepRows: 0, clock: later(1) });
      trimmer.start();
      for (let waited = 0; log.shipper.state !== 'stopped'; waited += 20) {
        assert.ok(waited < 20_000, 'the shipper was not halted');
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      await trimmer.stop();
      assert.equal(log.journal.firstRow, 0);
      assert.match(log.shipper.problem?.message ?? '', message);
      await assert.rejects(
        log.journal.accept((base) => makeBatch(base, 1)),
        { code: 'clickhouse-different' },
      );
      await assert.rejects(log.shipper.delivered(601), { code: 'clickhouse-different' });
    } finally {
      await log.close();
    }
  }
});

test('rows of an expiry that is not at its end are left to it: ClickHouse need not hold them any more', async (t) => {
  const log = await openChangeLog({ folder: makeFolder(t), partitionEvents: 256 });
  afterwards(t, () => log.close());
  await log.journal.accept((base) => makeBatch(base, 900));
  const [until, note] = [systemClock(), 'a note'];
  const expired = tombstoneChange({ first: 0, size: 256, until, lastOccurred: until, note });
  await log.journal.accept(() => ({ events: [], state: [expired] }));
  await log.shipper.delivered(900);
  await log.checkpoints.current();
  await log.clickhouse.command('ALTER TABLE events DROP PARTITION 0');
  const trimmer = makeTrimmer(log, { keepDays: 0, keepRows: 0, clock: later(1) });
  assert.equal(await trimmer.trimOnce(), 0);
  assert.ok(await isExpiryUnfinished(log));
  await finishExpiry(log);
  assert.equal(await trimmer.trimOnce(), 768);
});

test('a person who is erased while their rows are compared is no contradiction', async (t) => {
  const world = await ErasureWorld.open(t);
  await world.employ(ANN, BOB);
  const id = await world.objectOf(ANN.name);
  await world.employ(BOB);
  const { log } = world.installation;
  await world.installation.catchUp();
  await log.checkpoints.current();
  let erased = 0;
  const clickhouse: ChangeLog['clickhouse'] = {
    ...log.clickhouse,
    async select(...question) {
      // What waited for a connection is asked after the erasure.
      erased ||= (await world.erase(id)).event;
      await log.eraser.settle();
      return log.clickhouse.select(...question);
    },
  };
  const trimmer = makeTrimmer({ ...log, clickhouse }, { keepDays: 0, keepRows: 0, clock: later(1) });
  await trimmer.trimOnce();
  assert.ok(erased > 0);
});

test('a row of the journal that cannot be read is a problem that is told, and nothing is trimmed', async (t) => {
  const log = await openLog(t, 600);
  await log.checkpoints.current();
  tamper(log.journal.folder, "UPDATE journal SET row = replace(row, 'event 7', 'event \"7') WHERE sequence = 7");
  const trimmer = makeTrimmer(log, { keepDays: 0, keepRows: 0, clock: later(1) });
  trimmer.start();
  for (let waited = 0; trimmer.problem === undefined; waited += 20) {
    assert.ok(waited < 20_000, 'nothing was told');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await trimmer.stop();
  assert.equal(trimmer.problem?.code, 'journal-damaged');
  assert.doesNotMatch(trimmer.problem?.message ?? '', /event ./);
  assert.equal(log.journal.firstRow, 0);
});

test('a journal that is trimmed does not grow, and leaves no write-ahead log behind', async (t) => {
  const folder = makeFolder(t);
  const file = path.join(folder, 'metatrail.sqlite');
  const log = await openChangeLog({ folder });
  const trimmer = makeTrimmer(log, { keepDays: 0, keepRows: 0, clock: later(1) });
  const sizes: number[] = [];
  for (let round = 0; round < 5; round++) {
    await log.journal.accept((base) => makeBatch(base, 5000));
    await log.shipper.delivered(log.journal.size);
    await log.checkpoints.current();
    await trimmer.trimOnce();
    assert.equal(statSync(`${file}-wal`).size, 0);
    sizes.push(statSync(file).size);
  }
  const [first = 0] = sizes;
  const last = sizes.at(-1) ?? 0;
  const tiles = 4 * 5000 * 34;
  assert.ok(last < first * 1.2 + tiles, `${sizes.join(', ')} bytes after each 5,000 events`);
  await log.close();
  assert.ok(statSync(file).size > 0);
});

test('a journal that is closed has no write-ahead log', async (t) => {
  const folder = makeFolder(t);
  const journal = await Journal.open(folder);
  for (let i = 0; i < 5; i++) await journal.accept((base) => makeBatch(base, 2000));
  const wal = path.join(folder, 'metatrail.sqlite-wal');
  assert.ok(statSync(wal).size > 1_000_000);
  await journal.close();
  assert.equal(statSync(wal, { throwIfNoEntry: false })?.size ?? 0, 0);
});
