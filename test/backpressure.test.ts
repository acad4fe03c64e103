// A ClickHouse that is away makes the journal's file longer, never the memory of the process; runs are slowed down, held,
// and in the end stopped by name; what was accepted is delivered when it is back.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { z } from 'zod';
import { localAccess } from '../api/access/access.ts';
import { LIMITS, type Limits } from '../ingest/back-pressure.ts';
import { Gate } from '../ingest/journal/gate.ts';
import { openChangeLog } from '../ingest/log.ts';
import { afterwards, makeBatch, makeEvent, makeFolder, openJournal } from './ingest-world.ts';
import { beginWithClickHouse, openCompany, startProxy } from './lagging-world.ts';

beginWithClickHouse();

const MEGABYTE = 1024 * 1024;

setFlagsFromString('--expose-gc');
/** Without it, what is not needed any more would count as well. */
const collectGarbage = z.custom<() => void>((given) => typeof given === 'function').parse(runInNewContext('gc'));

function measureHeap(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

const largeEvents = (count: number, bytes: number) =>
  Array.from({ length: count }, () =>
    makeEvent({ values: [{ attribute: 'a', type: 'string', operation: 'add', new: 'x'.repeat(bytes), marks: 0 }] }),
  );

test('whoever accepts without waiting is held before its batches are built, in order', {
  timeout: 120_000,
}, async (t) => {
  const journal = await openJournal(t);
  const bases: number[] = [];
  let mostInFlight = 0;
  const before = measureHeap();
  let largest = before;
  const accepted = Array.from({ length: 150 }, (_, index) =>
    journal.accept((base) => {
      bases.push(base);
      mostInFlight = Math.max(mostInFlight, journal.inFlight.bytes);
      if (index % 50 === 49) largest = Math.max(largest, measureHeap());
      return { events: largeEvents(200, 5000), state: [] };
    }),
  );
  // Who comes when there is room again, but while others wait, comes after them.
  let late = 0;
  const latecomer = accepted[0]?.then(() =>
    journal.accept((base) => {
      late = base;
      return makeBatch(base, 1);
    }),
  );
  await Promise.all([...accepted, latecomer]);
  assert.deepEqual([journal.size, late], [30_001, 30_000]);
  assert.deepEqual(
    bases,
    Array.from({ length: 150 }, (_, index) => index * 200),
  );
  const inFlight = mostInFlight / MEGABYTE;
  assert.ok(inFlight > 16 && inFlight < 34, `${inFlight} MB were in flight`);
  const grown = (largest - before) / MEGABYTE;
  t.diagnostic(`150 MB of values, the heap grew by ${Math.round(grown)} MB`);
  assert.ok(grown < 75, `the heap grew by ${grown} MB`);
  assert.deepEqual(journal.inFlight, { events: 0, bytes: 0 });
});

test('while somebody is let in, nobody else slips past', async () => {
  const gate = new Gate();
  const full = { events: 20_000, bytes: 0 };
  assert.equal(gate.isOpen, true);
  gate.take(full);
  const came: string[] = [];
  const turns = ['first', 'second'].map(async (name) => {
    await gate.turn();
    came.push(name);
    gate.next();
  });
  assert.equal(gate.isOpen, false);
  gate.giveBack(full);
  assert.equal(gate.isOpen, false, 'there is room, but it is the turn of the first');
  await Promise.all(turns);
  assert.deepEqual([came, gate.isOpen], [['first', 'second'], true]);
});

test('batches that wait are refused with a journal that is closed, and let in after one that was wrong', async (t) => {
  const journal = await openJournal(t);
  const many = () => journal.accept((base) => makeBatch(base, 20_000));
  const full = many();
  const wrong = journal.accept(() => ({ events: [makeEvent({ outcome: 'NOT A WORD' })], state: [] }));
  await full;
  await assert.rejects(wrong, { code: 'event-invalid' });
  const next = many();
  const waiting = journal.accept((base) => makeBatch(base, 1));
  const closed = journal.close();
  await next;
  await assert.rejects(waiting, { code: 'journal-closed' });
  await closed;
});

test('a producer is held by a ClickHouse that is away, its memory stays, and all is delivered after', {
  timeout: 180_000,
}, async (t) => {
  const { proxy: clickhouse, url, database } = await startProxy(t);
  clickhouse.mood = 'away';
  const limits: Limits = { slowFromEvents: 2000, holdFromEvents: 8000, longestHold_ms: 120_000, reserveBytes: 0 };
  const log = await openChangeLog({ folder: makeFolder(t), url, database }, limits);
  afterwards(t, () => log.close());
  const pauses: number[] = [];
  const produce = async () => {
    for (let batch = 0; batch < 60; batch++) {
      const asked = performance.now();
      await log.pressure.admit();
      pauses.push(performance.now() - asked);
      await log.journal.accept(() => ({ events: largeEvents(200, 5000), state: [] }));
    }
  };
  const before = measureHeap();
  const produced = produce();
  while (log.pressure.pressure !== 'hold') await sleep(20);
  await sleep(1000);
  const grown = (measureHeap() - before) / MEGABYTE;
  t.diagnostic(`40 MB of values wait, the heap grew by ${Math.round(grown)} MB`);
  assert.ok(grown < 15, `the heap grew by ${grown} MB`);
  assert.equal(log.journal.size, limits.holdFromEvents, 'it is held');
  assert.equal(log.shipper.state, 'waiting-for-clickhouse');
  assert.equal(log.pressure.lag.events, limits.holdFromEvents);
  assert.ok(log.pressure.lag.seconds >= 1, 'and how old the oldest event is that waits');
  clickhouse.mood = 'well';
  await produced;
  // From a quarter of the way on, each batch waits longer than the one before, up to half a second.
  const slowed = pauses.slice(limits.slowFromEvents / 200, limits.holdFromEvents / 200);
  for (const [index, pause] of slowed.entries())
    assert.ok(pause >= (index / slowed.length) * 500 - 5, `batch ${index} waited ${pause} ms`);
  await log.shipper.delivered(12_000);
  assert.deepEqual(
    [log.shipper.shipped, log.pressure.lag, log.pressure.pressure],
    [12_000, { events: 0, seconds: 0 }, 'none'],
  );
});

const BACKLOG_CHILD = path.join(import.meta.dirname, 'faults/backlog-child.ts');
const saidSchema = z.object({ waiting: z.number(), state: z.string(), rss: z.number(), most: z.number() });

test('a backlog four times as large takes no more memory of the process', { timeout: 300_000 }, async (t) => {
  const said: z.infer<typeof saidSchema>[] = [];
  for (const count of [10_000, 40_000]) {
    const { proxy, url, database } = await startProxy(t);
    // The shipper reads a batch, sends it, and is refused.
    proxy.mood = 'out-of-memory-for-inserts';
    const child = spawn(process.execPath, [BACKLOG_CHILD, makeFolder(t), url, database, String(count)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [words, [status]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    assert.equal(status, 0);
    const met = saidSchema.parse(JSON.parse(words));
    assert.deepEqual([met.waiting, met.state], [count, 'waiting-for-clickhouse']);
    said.push(met);
    const [now, most] = [met.rss, met.most].map((bytes) => Math.round(bytes / MEGABYTE));
    t.diagnostic(`${count / 200} MB of values wait: ${now} MB, at most ${most} MB`);
  }
  const [small, large] = said;
  const grown = ((large?.most ?? 0) - (small?.most ?? 0)) / MEGABYTE;
  assert.ok(grown < 50, `150 MB more wait, and the process grew by ${grown} MB`);
});

const PEOPLE = 1500;
/** So many batches that one of the import's own has to wait, although two are in flight. */
const MANY = 2500;

test('the space on the disk is looked at again after the clock was set back', async (t) => {
  const now = Date.now();
  t.mock.timers.enable({ apis: ['Date'], now });
  const log = await openChangeLog({ folder: makeFolder(t) });
  afterwards(t, () => log.close());
  await log.pressure.admit();
  // A file system without any space: the disk is full now, as far as statfs can tell.
  Object.defineProperty(log.journal, 'folder', { value: '/proc' });
  t.mock.timers.setTime(now - 3_600_000);
  await assert.rejects(log.pressure.admit(), { code: 'disk-low' });
});

test('a run is held while ClickHouse is too far behind, questions are answered meanwhile, and it goes on', {
  timeout: 120_000,
}, async (t) => {
  const limits: Limits = { slowFromEvents: 500, holdFromEvents: 1000, longestHold_ms: 60_000, reserveBytes: 0 };
  const { installation, clickhouse } = await openCompany(t, PEOPLE, limits);
  const { log, engine } = installation;
  clickhouse.mood = 'away';
  const run = engine.run('hr', 'full');
  while (log.pressure.pressure !== 'hold') await sleep(20);
  await sleep(500);
  const { size } = log.journal;
  assert.ok(size < limits.holdFromEvents + 2 * PEOPLE, `${size} events`);
  const { data } = await installation.ask('{ log { size lag lagSeconds state } }', {}, localAccess('test'));
  assert.deepEqual(Object.keys((data?.log as object) ?? {}), ['size', 'lag', 'lagSeconds', 'state']);
  const refused = await installation.ask('{ objectCount }', {}, localAccess('test'));
  assert.equal(refused.errors?.[0]?.extensions.code, 'CLICKHOUSE_AWAY', 'a read is recorded and answered as ever');
  assert.equal(log.journal.size, size + 1);
  clickhouse.mood = 'well';
  assert.equal((await run).result, 'success');
  await log.shipper.delivered(log.journal.size);
  const counted = await installation.ask('{ objectCount }', {}, localAccess('test'));
  assert.deepEqual({ ...counted.data }, { objectCount: PEOPLE });
});

test('a run that was held for too long, or whose disk is nearly full, stops by name, and the next one makes it good', {
  timeout: 120_000,
}, async (t) => {
  const limits: Limits = { slowFromEvents: 0, holdFromEvents: 1000, longestHold_ms: 500, reserveBytes: 0 };
  const { installation, clickhouse } = await openCompany(t, MANY, limits);
  const { log, engine } = installation;
  clickhouse.mood = 'away';
  const held = (await engine.run('hr', 'full')).steps[0];
  assert.equal(held?.result, 'stopped-database-connection-lost');
  assert.match(
    held?.message ?? '',
    /^1,\d{3} events wait for ClickHouse, and none was delivered for 0\.5 s\. ClickHouse does not answer .* Then repeat the run\.$/,
  );
  clickhouse.mood = 'well';
  await log.shipper.delivered(log.journal.size);
  limits.reserveBytes = Number.MAX_SAFE_INTEGER;
  await sleep(1100);
  const nearlyFull = (await engine.run('hr', 'full')).steps;
  assert.deepEqual(
    nearlyFull.map(({ result }) => result),
    ['stopped-database-disk-full'],
  );
  assert.match(nearlyFull[0]?.message ?? '', /^The disk of the data folder .* has [\d,]+ MB left, .* Free space/);
  Object.assign(limits, { reserveBytes: 0, longestHold_ms: 60_000 });
  assert.equal((await engine.run('hr', 'full')).result, 'success');
  await log.shipper.delivered(log.journal.size);
  const { data } = await installation.ask('{ objectCount runs { nodes { result } } }', {}, localAccess('test'));
  assert.equal(data?.objectCount, MANY);
});

test('a run that is held lets the service stop', async (t) => {
  const limits: Limits = { slowFromEvents: 0, holdFromEvents: 1, longestHold_ms: 600_000, reserveBytes: 0 };
  const { installation, clickhouse } = await openCompany(t, PEOPLE, limits);
  clickhouse.mood = 'away';
  const run = installation.engine.run('hr', 'full');
  const ended = assert.rejects(run, { code: 'journal-closed' });
  await sleep(300);
  await installation.close();
  await ended;
});

test('an installation that is small is neither slowed nor stopped', async (t) => {
  assert.ok(LIMITS.slowFromEvents >= 1_000_000);
  const { installation } = await openCompany(t, PEOPLE, LIMITS);
  const asked = performance.now();
  for (let batch = 0; batch < 1000; batch++) await installation.log.pressure.admit();
  t.diagnostic(`to be admitted takes ${(performance.now() - asked).toFixed(0)} µs`);
  assert.equal(installation.log.pressure.pressure, 'none');
});
