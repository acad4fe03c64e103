// The steps between the journal and a ClickHouse server fail once in each manner, and the process is killed while the server
// does an insert or is still to get it. More is accepted before the log goes on, so that the batch that was announced is not
// what would be sent next. Then log, journal, views and Merkle tree are compared.
import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { PARTITION_EVENTS } from '../ingest/clickhouse/cluster.ts';
import { type ClickHouseTarget, openClickHouse } from '../ingest/clickhouse/connect.ts';
import { migrateClickHouse } from '../ingest/clickhouse/migrate.ts';
import { Journal } from '../ingest/journal/journal.ts';
import { ClickHouseProxy } from './clickhouse-proxy.ts';
import { type ClickHouseServer, ClickHouseServers, DATABASE } from './clickhouse-server.ts';
import { failEach, startWay } from './faults/fail-each.ts';
import type { Step } from './faults/fault.ts';
import {
  acceptBatch,
  BATCH,
  BEFORE,
  goOnOpen,
  grant,
  makeBefore,
  STEPS_OF_BATCH,
  TRIMMED,
} from './faults/one-batch.ts';
import { assertSigned, assertWhole } from './ingest-whole.ts';
import { afterwards, makeFolder } from './ingest-world.ts';

/** What is between the journal and a server; the rest is the same as with the embedded engine. */
const FAILED: readonly Step[] = ['announce', 'insert', 'complete views', 'remember'];
const MORE = 3;
/** Each takes 2.8 s over a batch of four, one after the other: as long as the next process takes to come to its own insert. */
const SLOW_VIEWS = ['slow_1', 'slow_2', 'slow_3'];

let servers: ClickHouseServers;
before(async () => {
  servers = await ClickHouseServers.start();
});
after(() => servers.stop());

/** A data folder whose log is in the database of the tests. */
async function makeOriginal(t: TestContext): Promise<string> {
  const folder = makeFolder(t);
  await servers.first.query(`DROP DATABASE ${DATABASE} SYNC`, 'default');
  await servers.first.query(`CREATE DATABASE ${DATABASE}`, 'default');
  await makeBefore({ folder, url: servers.first.url(), database: DATABASE });
  return folder;
}

let copies = 0;

async function copyOf(
  t: TestContext,
  original: string,
): Promise<Required<Pick<ClickHouseTarget, 'folder' | 'url' | 'database'>>> {
  const folder = makeFolder(t);
  cpSync(original, folder, { recursive: true });
  const database = `copy_${++copies}`;
  const target = { folder, url: servers.first.url(), database };
  const clickhouse = openClickHouse(target);
  await migrateClickHouse(clickhouse, PARTITION_EVENTS);
  await clickhouse.close();
  await servers.first.query(`INSERT INTO events SELECT * FROM ${DATABASE}.events`, database);
  return target;
}

/** What the process that died had not accepted is accepted, and something more. */
async function acceptMore(folder: string): Promise<void> {
  const journal = await Journal.open(folder);
  await acceptBatch(journal);
  await journal.accept(() => ({ events: Array.from({ length: MORE }, (_, i) => grant(300 + i)), state: [] }));
  await journal.close();
}

async function assertGoesOn(target: ClickHouseTarget, later = async () => {}): Promise<void> {
  await acceptMore(target.folder);
  await goOnOpen(target, async (log) => {
    assert.equal(log.journal.size, BEFORE + BATCH + MORE);
    assert.equal(log.journal.firstRow, TRIMMED);
    await later();
    await assertWhole(log);
    await assertSigned(log);
  });
}

async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  for (let waited = 0; !(await holds()); waited += 20) {
    assert.ok(waited < 30_000, 'it did not come to that in half a minute');
    await sleep(20);
  }
}

test('each step between the journal and a server fails once in each manner, and nothing is lost, twice there or different', {
  timeout: 400_000,
}, async (t) => {
  const original = await makeOriginal(t);
  await failEach(t, { way: STEPS_OF_BATCH, failed: FAILED, copy: () => copyOf(t, original), assertGoesOn });
});

test('killed before the server has got an insert that it does later: the same batch is sent again, and is there once', {
  timeout: 120_000,
}, async (t) => {
  const target = await copyOf(t, await makeOriginal(t));
  const proxy = await ClickHouseProxy.start(servers.first);
  afterwards(t, () => proxy.stop());
  proxy.mood = 'late';
  const { promise, resolve: handOn } = Promise.withResolvers<void>();
  proxy.lateUntil = promise;
  const { child, ended } = startWay({ ...target, url: proxyUrl(proxy) });
  await until(() => proxy.insertsUnderWay > 0);
  child.kill('SIGKILL');
  assert.equal((await ended).killed, true);
  await assertGoesOn(target, async () => {
    handOn();
    await until(() => proxy.insertsUnderWay === 0);
  });
});

test('killed while the server is at work on an insert: it is waited for, and not sent beside it', {
  timeout: 120_000,
}, async (t) => {
  const target = await copyOf(t, await makeOriginal(t));
  const { first } = servers;
  await first.query('CREATE TABLE nothing (slept UInt8) ENGINE = Null', target.database);
  for (const view of SLOW_VIEWS) {
    const made = `CREATE MATERIALIZED VIEW ${view} TO nothing AS SELECT sleepEachRow(0.7) AS slept FROM events`;
    await first.query(made, target.database);
  }
  // Else the server would drop what it was sent twice.
  for (const table of ['events', 'entitlement_changes'])
    await first.query(`ALTER TABLE ${table} MODIFY SETTING non_replicated_deduplication_window = 0`, target.database);
  const { child, ended } = startWay(target);
  await until(() => isInserting(first));
  child.kill('SIGKILL');
  assert.equal((await ended).killed, true);
  assert.ok(await isInserting(first), 'the server goes on');
  for (const view of SLOW_VIEWS) await first.query(`DROP VIEW ${view}`, target.database);
  await assertGoesOn(target, async () => {
    assert.equal(await isInserting(first), false, 'it was waited for');
  });
});

async function isInserting(server: ClickHouseServer): Promise<boolean> {
  return (await server.query("SELECT count() FROM system.processes WHERE query_kind = 'Insert'")) !== '0';
}

function proxyUrl(proxy: ClickHouseProxy): string {
  return proxy.url({ name: 'default', password: '' });
}
