// The verifier against real ClickHouse servers, one and two shards, as a user who may read and no more; and one too old.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, type TestContext, test } from 'node:test';
import { openChangeLog } from '../ingest/log.ts';
import { CannotCheckError } from '../ingest/verify/cannot-check.ts';
import { LiveLog } from '../ingest/verify/live-log.ts';
import type { Report } from '../ingest/verify/report.ts';
import { verifyLog } from '../ingest/verify/verify-log.ts';
import { CLUSTER, ClickHouseServers, DATABASE } from './clickhouse-server.ts';
import { afterwards, makeFolder } from './ingest-world.ts';
import { faultsOf, makeEvents } from './verify-world.ts';

/** What a user needs for a check, besides to read: a temporary table for keys. */
const AUDITOR = {
  name: 'auditor',
  password: 'looks',
  grants: [
    `GRANT SELECT ON ${DATABASE}.*`,
    `GRANT SELECT ON ${DATABASE}_local.*`,
    'GRANT CREATE ARBITRARY TEMPORARY TABLE ON *.*',
    'GRANT TABLE ENGINE ON Join',
  ],
};

let servers: ClickHouseServers;
before(async () => {
  servers = await ClickHouseServers.start({ users: [AUDITOR], shards: 2 });
});
after(() => servers.stop());

/** A log on the servers, in an empty database: on both shards of the cluster, or on the first server. */
async function makeLog(t: TestContext, cluster: string | undefined): Promise<{ folder: string; local: string }> {
  for (const server of servers.all)
    for (const database of [DATABASE, `${DATABASE}_local`])
      await server.query(`DROP DATABASE IF EXISTS ${database} SYNC`, 'default');
  await servers.first.query(`CREATE DATABASE ${DATABASE}`, 'default');
  const folder = makeFolder(t);
  const place = { folder, url: servers.first.url(), database: DATABASE };
  const log = await openChangeLog({ ...place, ...(cluster && { cluster, shardEvents: 64 }) });
  await log.journal.accept((base) => ({ events: makeEvents(base, 700), state: [] }));
  await log.shipper.delivered(700);
  await log.close();
  return { folder, local: cluster ? `${DATABASE}_local` : DATABASE };
}

async function verify(folder: string): Promise<Report> {
  const source = await LiveLog.open({ folder, url: servers.first.url(AUDITOR), database: DATABASE });
  return verifyLog(source).finally(() => source.close());
}

for (const cluster of [undefined, CLUSTER]) {
  test(`a log on ${cluster ? 'two shards' : 'one server'} is verified by an auditor who may only read, and what is altered is found`, async (t) => {
    const { folder, local } = await makeLog(t, cluster);
    const honest = await verify(folder);
    assert.deepEqual([honest.faults, honest.unchecked], [[], []]);
    assert.deepEqual(honest.rollups, [{ name: 'entitlement_changes', rows: 700 }]);
    for (const server of cluster ? servers.all : [servers.first]) {
      await server.query(
        `ALTER TABLE ${local}.events UPDATE outcome = 'forged' WHERE sequence = 333 SETTINGS mutations_sync = 2`,
      );
      await server.query(
        `ALTER TABLE ${local}.entitlement_changes DELETE WHERE sequence = 444 SETTINGS mutations_sync = 2`,
      );
    }
    assert.deepEqual(faultsOf(await verify(folder)), [
      ['altered', 333],
      ['rollup', 444],
    ]);
    const kept = await servers.first.query("SELECT count() FROM system.tables WHERE name LIKE 'metatrail_verify%'");
    assert.equal(kept, '0');
  });
}

test('with a shard away there is no verdict', async (t) => {
  const { folder } = await makeLog(t, CLUSTER);
  const away = servers.at(1);
  await away.kill();
  await assert.rejects(verify(folder), CannotCheckError);
  await away.start();
  assert.equal((await verify(folder)).result, 'verified');
});

test('a ClickHouse that is too old, and one that is away, are said to be', async (t) => {
  const folder = makeFolder(t);
  const log = await openChangeLog({ folder });
  await log.close();
  const old = createServer((_, response) => response.end('{"version":"18.16.1"}\n')).listen(0, '127.0.0.1');
  await once(old, 'listening');
  afterwards(t, () => {
    old.closeAllConnections();
    old.close();
  });
  const { port } = old.address() as AddressInfo;
  const refused = (url: string, said: RegExp) =>
    assert.rejects(
      LiveLog.open({ folder, url }),
      (error) => error instanceof CannotCheckError && said.test(error.message),
    );
  await refused(`http://127.0.0.1:${port}`, /This ClickHouse is of version 18\.16\.1; 26\.2 or newer is needed/);
  await refused('http://127.0.0.1:1', /ClickHouse does not answer \(ECONNREFUSED\)/);
  await refused('http://user:secret word@', /CLICKHOUSE_URL is no address of a ClickHouse/);
});
