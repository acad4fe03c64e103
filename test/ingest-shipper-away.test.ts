// The shipper and a ClickHouse server that is away, refuses, hangs, is killed or answers too late: nothing is lost or twice
// there. A real server throughout, and a proxy before it that goes wrong.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { VIEWS } from '../ingest/clickhouse/comparison.ts';
import { openClickHouse } from '../ingest/clickhouse/connect.ts';
import type { ProposedEvent } from '../ingest/event.ts';
import { type ChangeLog, openChangeLog } from '../ingest/log.ts';
import { ClickHouseProxy, LATE_MS } from './clickhouse-proxy.ts';
import { ClickHouseServers, DATABASE } from './clickhouse-server.ts';
import { grant } from './faults/one-batch.ts';
import { assertWhole } from './ingest-whole.ts';
import { afterwards, makeBatch, makeEvent, makeFolder } from './ingest-world.ts';

const USER = { name: 'someone', password: 'geheim', grants: ['GRANT ALL ON *.*'] };
/** The client waits for half a second less than the answer of a slow server takes. */
const WAITING_SHORTLY = `/?request_timeout=${LATE_MS - 500}`;
let servers: ClickHouseServers;
before(async () => {
  servers = await ClickHouseServers.start({ users: [USER] });
});
after(() => servers.stop());

/** A proxy before the server, whose database is empty. */
async function startProxy(t: TestContext): Promise<ClickHouseProxy> {
  await servers.first.query(`DROP DATABASE ${DATABASE} SYNC`, 'default');
  await servers.first.query(`CREATE DATABASE ${DATABASE}`, 'default');
  const proxy = await ClickHouseProxy.start(servers.first);
  afterwards(t, () => proxy.stop());
  return proxy;
}

async function openLog(t: TestContext, url: string): Promise<ChangeLog> {
  const log = await openChangeLog({ folder: makeFolder(t), url, database: DATABASE });
  afterwards(t, () => log.close());
  return log;
}

async function until(holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds(); waited += 20) {
    assert.ok(waited < 30_000, 'it did not come to that in half a minute');
    await sleep(20);
  }
}

async function readSequences(log: ChangeLog): Promise<number[]> {
  const rows = await log.clickhouse.select(
    'SELECT sequence FROM events ORDER BY sequence LIMIT 10000',
    {},
    z.object({ sequence: z.number() }),
  );
  return rows.map(({ sequence }) => sequence);
}

/** As if they had expired: what is sent twice is twice there. */
async function forgetTokens(log: ChangeLog): Promise<void> {
  for (const table of ['events', ...VIEWS.map(({ target }) => target)])
    await log.clickhouse.command(`ALTER TABLE ${table} MODIFY SETTING non_replicated_deduplication_window = 0`);
}

/** So large that the server is at work on an insert of ten before it has all of it. */
function makeLargeEvent(): ProposedEvent {
  const value = { attribute: 'a', type: 'string', operation: 'add', marks: 0 } as const;
  return makeEvent({ values: Array.from({ length: 10 }, () => ({ ...value, new: 'x'.repeat(60_000) })) });
}

const countInserts = (server: ClickHouseProxy): number =>
  server.statements.filter((statement) => statement.startsWith('INSERT INTO events')).length;

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : assert.fail('no port');
}

test('a server that refuses connections is no error: the journal accepts, and the problem is named without the password', async (t) => {
  const log = await openLog(t, `http://someone:geheim@127.0.0.1:${await closedPort()}`);
  const accepted = await log.journal.accept((base) => makeBatch(base, 5));
  assert.equal(accepted.next, 5);
  await until(() => log.shipper.problem !== undefined);
  assert.equal(log.shipper.state, 'waiting-for-clickhouse');
  const { problem } = log.shipper;
  assert.equal(problem?.code, 'clickhouse-away');
  assert.equal(problem.message, 'ClickHouse does not answer (ECONNREFUSED).');
  assert.ok(!JSON.stringify([problem.message, String(problem.cause), problem.stack]).includes('geheim'));
  const waiting = assert.rejects(log.shipper.delivered(5), { code: 'clickhouse-away' });
  const before = performance.now();
  await log.close();
  assert.ok(performance.now() - before < 2000);
  await waiting;
});

test('an address that is none is refused without being repeated', () => {
  for (const url of ['http://someone:geheim@', 'ftp://someone:geheim@host', 'http://someone:geheim@host:1/?geheim=1'])
    assert.throws(
      () => openClickHouse({ folder: '/nowhere', url }),
      (error: unknown) => {
        assert.ok(error instanceof Error);
        assert.match(error.message, /CLICKHOUSE_URL is no address/);
        assert.ok(!`${error.stack} ${error.cause}`.includes('geheim'));
        return true;
      },
    );
});

test('a server that comes back gets everything, the tables first', async (t) => {
  const server = await startProxy(t);
  for (const mood of ['away', 'unavailable', 'out-of-memory'] as const) {
    server.mood = mood;
    const log = await openLog(t, server.url(USER));
    await log.journal.accept((base) => makeBatch(base, 30));
    await until(() => log.shipper.problem !== undefined);
    assert.equal(log.shipper.state, 'waiting-for-clickhouse');
    assert.ok(!/Zoë|html|geheim/.test(log.shipper.problem?.message ?? ''), log.shipper.problem?.message);
    server.mood = 'well';
    await log.shipper.delivered(30);
    assert.equal(log.shipper.problem, undefined);
    assert.deepEqual(await readSequences(log), upTo(30));
    await log.shipper.stop();
    await log.clickhouse.command('TRUNCATE TABLE events');
  }
});

test('while a server is away, new events do not make the shipper knock more often', async (t) => {
  const server = await startProxy(t);
  const log = await openLog(t, server.url(USER));
  server.mood = 'unavailable';
  const before = server.statements.length;
  for (let i = 0; i < 100; i++) await log.journal.accept((base) => makeBatch(base, 1));
  await sleep(700);
  const attempts = server.statements.length - before;
  assert.ok(attempts >= 1 && attempts <= 5, `${attempts} attempts`);
  server.mood = 'well';
  await log.shipper.delivered(100);
  assert.deepEqual(await readSequences(log), upTo(100));
});

test('an answer lost after the insert was done is found out by comparing, and nothing is twice there', async (t) => {
  const server = await startProxy(t);
  const log = await openLog(t, server.url(USER));
  await log.journal.accept((base) => makeBatch(base, 10));
  await log.shipper.delivered(10);
  server.mood = 'losing-answers-to-inserts';
  await log.journal.accept((base) => makeBatch(base, 10));
  await until(() => log.shipper.problem !== undefined || log.shipper.shipped === 20);
  // More came meanwhile, so the batch to be compared is larger than the one that was sent.
  await log.journal.accept((base) => makeBatch(base, 10));
  server.mood = 'well';
  await log.shipper.delivered(30);
  assert.deepEqual(await readSequences(log), upTo(30));
});

test('an error answered after the insert was done is found out by comparing, and nothing is twice there', async (t) => {
  const server = await startProxy(t);
  const log = await openLog(t, server.url(USER));
  await log.journal.accept((base) => makeBatch(base, 10));
  await log.shipper.delivered(10);
  await forgetTokens(log);
  server.mood = 'error-after-insert';
  await log.journal.accept((base) => makeBatch(base, 10));
  await until(() => log.shipper.problem !== undefined);
  assert.equal(log.shipper.problem?.message, 'ClickHouse refused a statement (TIMEOUT_EXCEEDED).');
  assert.deepEqual([log.shipper.problem.retryable, log.shipper.shipped], [true, 10]);
  await log.journal.accept((base) => makeBatch(base, 10));
  const before = countInserts(server);
  server.mood = 'well';
  await log.shipper.delivered(30);
  assert.equal(countInserts(server), before + 1, 'what came later is sent, and nothing else');
  assert.deepEqual(await readSequences(log), upTo(30));
});

test('an insert that the server is still at work on is waited for, and not sent beside it', async (t) => {
  const server = await startProxy(t);
  const log = await openLog(t, server.url(USER));
  await log.journal.accept((base) => makeBatch(base, 10));
  await log.shipper.delivered(10);
  await forgetTokens(log);
  server.mood = 'error-while-inserting';
  await log.journal.accept(() => ({ events: Array.from({ length: 10 }, makeLargeEvent), state: [] }));
  await until(() => log.shipper.problem !== undefined);
  assert.equal(log.shipper.problem?.message, 'ClickHouse refused a statement (TIMEOUT_EXCEEDED).');
  server.mood = 'well';
  await log.journal.accept((base) => makeBatch(base, 10));
  const before = countInserts(server);
  await until(() => log.shipper.problem?.message === 'ClickHouse is still at work on an insert of before.');
  assert.equal(log.shipper.state, 'waiting-for-clickhouse');
  await until(() => server.insertsUnderWay === 0);
  assert.equal(countInserts(server), before);
  await log.shipper.delivered(30);
  assert.equal(countInserts(server), before + 1, 'what came later is sent, and nothing else');
  assert.deepEqual(await readSequences(log), upTo(30));
});

test('an insert that a server does long after it was given up is not there beside what was sent again', async (t) => {
  const server = await startProxy(t);
  const log = await openLog(t, server.url(USER));
  await log.journal.accept((base) => makeBatch(base, 10));
  await log.shipper.delivered(10);
  server.mood = 'late';
  await log.journal.accept((base) => makeBatch(base, 10));
  await until(() => log.shipper.problem !== undefined);
  server.mood = 'well';
  // More came meanwhile: a batch of all of it would be another one than that which is still to come.
  await log.journal.accept((base) => makeBatch(base, 10));
  await log.shipper.delivered(30);
  await until(() => server.insertsUnderWay === 0);
  assert.deepEqual(await readSequences(log), upTo(30));
});

test('a server that is slower than we wait is delivered to as soon as it is faster, without a restart of ours', async (t) => {
  const server = await startProxy(t);
  const log = await openLog(t, server.url(USER) + WAITING_SHORTLY);
  await log.journal.accept((base) => makeBatch(base, 10));
  await log.shipper.delivered(10);
  server.mood = 'slow';
  await log.journal.accept((base) => makeBatch(base, 10));
  await until(() => log.shipper.problem !== undefined);
  assert.match(log.shipper.problem?.message ?? '', /^ClickHouse does not answer \(timeout\)\.$/);
  assert.equal(log.shipper.shipped, 10);
  await log.journal.accept((base) => makeBatch(base, 10));
  server.mood = 'well';
  await log.shipper.delivered(30);
  assert.deepEqual([log.shipper.problem, await readSequences(log)], [undefined, upTo(30)]);
});

test('a server that hangs is given up, and delivered to when it does so no more', async (t) => {
  const server = await startProxy(t);
  const log = await openLog(t, server.url(USER) + WAITING_SHORTLY);
  const hangs: Record<string, [hang: () => void, recover: () => void]> = {
    'the proxy takes statements and never answers': [() => (server.mood = 'hanging'), () => (server.mood = 'well')],
    'the server is stopped, its port open': [() => servers.first.freeze(), () => servers.first.thaw()],
  };
  for (const [how, [hang, recover]] of Object.entries(hangs)) {
    const { size } = log.journal;
    hang();
    try {
      await log.journal.accept((base) => makeBatch(base, 10));
      await until(() => log.shipper.problem !== undefined);
      assert.equal(log.shipper.problem?.message, 'ClickHouse does not answer (timeout).', how);
      await log.journal.accept((base) => makeBatch(base, 10));
      assert.equal(log.shipper.shipped, size, how);
    } finally {
      recover();
    }
    await log.shipper.delivered(size + 20);
    assert.deepEqual([log.shipper.problem, await readSequences(log)], [undefined, upTo(size + 20)], how);
  }
});

test('a server that is killed while it is shipped to, and comes back, holds everything once', {
  timeout: 180_000,
}, async (t) => {
  const { first } = servers;
  const proxy = await startProxy(t);
  const log = await openLog(t, proxy.url(USER));
  const grants = (count: number) => Array.from({ length: count }, (_, i) => grant(i + 1));
  // In the middle of an insert, at its end or after it.
  for (const wait of [0, 20, 60, 120]) {
    await log.journal.accept(() => ({ events: grants(1000), state: [] }));
    await until(() => proxy.insertsUnderWay > 0);
    await sleep(wait);
    await first.kill();
    await log.journal.accept(() => ({ events: grants(100), state: [] }));
    await until(() => log.shipper.problem !== undefined);
    assert.equal(log.shipper.state, 'waiting-for-clickhouse');
    assert.ok(log.shipper.shipped < log.journal.size);
    await first.start();
    await log.shipper.delivered(log.journal.size);
  }
  await assertWhole(log);
});

test('a server that refuses for good fails those who wait, and is tried again all the same', async (t) => {
  const server = await startProxy(t);
  const log = await openLog(t, server.url(USER));
  await log.clickhouse.command('RENAME TABLE events TO elsewhere');
  await log.journal.accept((base) => makeBatch(base, 3));
  await assert.rejects(log.shipper.delivered(3), { code: 'clickhouse-refused' });
  assert.equal(log.shipper.state, 'waiting-for-clickhouse');
  await log.clickhouse.command('RENAME TABLE elsewhere TO events');
  await until(() => log.shipper.shipped === 3);
  assert.deepEqual(await readSequences(log), upTo(3));
});

test('a server that hangs does not keep the service from stopping', { timeout: 30_000 }, async (t) => {
  const server = await startProxy(t);
  const log = await openLog(t, server.url(USER));
  await log.shipper.delivered(0);
  server.mood = 'hanging';
  const before = server.statements.length;
  await log.journal.accept((base) => makeBatch(base, 3));
  await until(() => server.statements.length > before);
  const started = performance.now();
  await log.close();
  const seconds = (performance.now() - started) / 1000;
  assert.ok(seconds < 8, `it took ${seconds} seconds`);
});
