// The shipper and a ClickHouse server that is away, refuses, hangs, is killed or answers too late: nothing is lost or twice
// there. A real server throughout, and a proxy before it that goes wrong.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { openClickHouse } from '../ingest/clickhouse/connect.ts';
import { type ChangeLog, openChangeLog } from '../ingest/log.ts';
import { ClickHouseProxy } from './clickhouse-proxy.ts';
import { ClickHouseServers, DATABASE } from './clickhouse-server.ts';
import { afterwards, makeBatch, makeFolder } from './ingest-world.ts';

const USER = { name: 'someone', password: 'geheim', grants: ['GRANT ALL ON *.*'] };
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
  await sleep(2500);
  assert.deepEqual(await readSequences(log), upTo(30));
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
