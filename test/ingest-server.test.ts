// What a server does that the embedded engine does not: questions given up and cut off, users and their rights, a version.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { asReplicated } from '../ingest/clickhouse/cluster.ts';
import { type ClickHouse, type ClickHouseTarget, openClickHouse } from '../ingest/clickhouse/connect.ts';
import { readMigrations } from '../ingest/clickhouse/migrate.ts';
import { requiredRights } from '../ingest/clickhouse/requirements.ts';
import { openChangeLog } from '../ingest/log.ts';
import { LiveLog } from '../ingest/verify/live-log.ts';
import { verifyLog } from '../ingest/verify/verify-log.ts';
import { ClickHouseProxy } from './clickhouse-proxy.ts';
import {
  CARELESS_REPLICAS,
  CLUSTER,
  ClickHouseServers,
  DATABASE,
  REPLICAS,
  type ServerUser,
} from './clickhouse-server.ts';
import { afterwards, makeBatch, makeFolder } from './ingest-world.ts';

const LOCAL = `${DATABASE}_local`;
const PASSWORD = 'secret';
/** The rights that ingest/CLUSTER.md gives a user. */
function documentedRights(user: string): string[] {
  const document = readFileSync(new URL('../ingest/CLUSTER.md', import.meta.url), 'utf8');
  const rights = [...document.matchAll(/^GRANT (.+) TO (\w+);$/gm)].filter(([, , to]) => to === user);
  return rights.map(([, right = '']) => right);
}

const asUser = (name: string, rights: readonly string[]): ServerUser => ({
  name,
  password: PASSWORD,
  grants: rights.map((right) => `GRANT ${right}`),
});
const owner = asUser('owner', documentedRights('metatrail_owner'));
const shipper = asUser('shipper', documentedRights('metatrail'));
const reader = asUser('reader', [`SELECT ON ${DATABASE}.*`]);
const both = asUser('both', [...documentedRights('metatrail_owner'), ...documentedRights('metatrail')]);
const nobody = asUser('nobody', []);

const servers = new Map<'one' | 'cluster', ClickHouseServers>();
before(async () => {
  const users = [owner, shipper, both, reader, nobody];
  servers.set('one', await ClickHouseServers.start({ users }));
  servers.set('cluster', await ClickHouseServers.start({ users, shards: 2 }));
});
after(async () => {
  for (const each of servers.values()) await each.stop();
});

function serversOf(which: 'one' | 'cluster'): ClickHouseServers {
  return servers.get(which) ?? assert.fail('not started');
}

/** An address of servers whose databases are not there yet. */
async function startAnew(which: 'one' | 'cluster', user: ServerUser): Promise<string> {
  for (const server of serversOf(which).all) {
    for (const database of [DATABASE, LOCAL]) await server.query(`DROP DATABASE IF EXISTS ${database} SYNC`, 'default');
  }
  return serversOf(which).first.url(user);
}

function open(t: TestContext, target: Omit<ClickHouseTarget, 'folder'>): ClickHouse {
  const clickhouse = openClickHouse({ folder: '/nowhere', ...target });
  afterwards(t, () => clickhouse.close());
  return clickhouse;
}

const anything = z.object({}).loose();

test('a question that is given up stops on the server too', async (t) => {
  const { first } = serversOf('one');
  const clickhouse = open(t, { url: first.url() });
  const cut = new AbortController();
  const running = () => first.query("SELECT count() FROM system.processes WHERE query LIKE '%given up%'", 'system');
  const asked = clickhouse.select(
    'SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1 /* given up */',
    {},
    anything,
    { signal: cut.signal, timeLimit: 300 },
  );
  const refused = assert.rejects(asked, { code: 'clickhouse-refused', message: 'The statement was cancelled.' });
  for (let waited = 0; (await running()) === '1'; waited += 50) {
    assert.ok(waited < 10_000, 'it did not begin');
    await sleep(50);
  }
  cut.abort();
  await refused;
  for (let waited = 0; (await running()) !== '1'; waited += 50) {
    assert.ok(waited < 20_000, 'it still runs');
    await sleep(50);
  }
});

const WIDE = 'SELECT length(groupArray(number)) AS n FROM numbers(10000000)';
const TOO_WIDE = { code: 'clickhouse-refused', message: /MEMORY_LIMIT_EXCEEDED/ };

test('a question that takes longer than its limit is refused by its name', async (t) => {
  for (const which of ['one', 'cluster'] as const) {
    const clickhouse = open(t, { url: serversOf(which).first.url() });
    const asked = clickhouse.select(
      'SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1',
      {},
      anything,
      {
        timeLimit: 1,
      },
    );
    await assert.rejects(asked, { code: 'clickhouse-refused', message: /TIMEOUT_EXCEEDED/, retryable: true });
  }
});

test('a question that takes more memory than its limit is refused by its name', async (t) => {
  const clickhouse = open(t, { url: serversOf('one').first.url() });
  await assert.rejects(clickhouse.select(WIDE, {}, anything, { memoryLimit: 20_000_000 }), TOO_WIDE);
  assert.equal((await clickhouse.select(WIDE, {}, anything)).length, 1);
});

test('an answer that breaks off in its middle is an error, never a shorter answer', async (t) => {
  const clickhouse = open(t, { url: serversOf('one').first.url() });
  const asked = clickhouse.select('SELECT throwIf(number = 900000) AS n FROM numbers(1000000)', {}, anything);
  await assert.rejects(asked, { name: 'LogError' });
});

test('integers of 64 bits come as numbers, as large as sequences get', async (t) => {
  const clickhouse = open(t, { url: serversOf('one').first.url() });
  const [row] = await clickhouse.select(
    'SELECT toUInt64({n:UInt64}) AS n',
    { n: 2 ** 53 - 1 },
    z.object({ n: z.int() }),
  );
  assert.equal(row?.n, Number.MAX_SAFE_INTEGER);
});

test('one user makes the tables, another ships and asks and can do nothing else', async (t) => {
  for (const which of ['one', 'cluster'] as const) {
    const url = await startAnew(which, shipper);
    const ownerUrl = serversOf(which).first.url(owner);
    const shards = which === 'cluster' ? { cluster: CLUSTER, shardEvents: 4 } : {};
    const target = { folder: makeFolder(t), database: DATABASE, url, ...shards };
    const log = await openChangeLog({ ...target, ownerUrl });
    afterwards(t, () => log.close());
    const accepted = await log.journal.accept((base) => makeBatch(base, 20));
    await log.shipper.delivered(accepted.next);
    const [held] = await log.clickhouse.select('SELECT count() AS n FROM events', {}, z.object({ n: z.number() }));
    assert.equal(held?.n, 20);
    await log.close();
    const again = await openChangeLog(target);
    afterwards(t, () => again.close());
    await again.shipper.delivered(20);
    const rows = which === 'cluster' ? LOCAL : DATABASE;
    for (const statement of [
      `ALTER TABLE ${rows}.events DELETE WHERE sequence = 3`,
      `ALTER TABLE ${rows}.events UPDATE object_name = '' WHERE sequence = 3`,
      `ALTER TABLE ${rows}.events DROP PARTITION 0`,
      `TRUNCATE TABLE ${rows}.events`,
      `DROP TABLE ${rows}.events`,
      `INSERT INTO ${rows}.migrations VALUES (9999, '', now64(6))`,
    ]) {
      await assert.rejects(again.clickhouse.command(statement), { code: 'clickhouse-right-missing' }, statement);
    }
    await again.close();
    const source = await LiveLog.open(target);
    const report = await verifyLog(source).finally(() => source.close());
    assert.deepEqual([report.faults, report.size], [[], 20]);
  }
});

test('the documented rights of who ships and asks are those that are looked for, and no more', () => {
  assert.deepEqual(documentedRights('metatrail').sort(), requiredRights(DATABASE, LOCAL).sort());
});

test('rights that are missing are named, each, before anything is sent', async (t) => {
  const url = await startAnew('one', reader);
  const ownerUrl = serversOf('one').first.url(owner);
  await assert.rejects(openChangeLog({ folder: makeFolder(t), url, ownerUrl, database: DATABASE }), {
    code: 'clickhouse-right-missing',
    message:
      'The user reader lacks rights in ClickHouse: GRANT INSERT ON metatrail.events TO reader; GRANT INSERT ON metatrail.entitlement_changes TO reader; GRANT SELECT ON system.processes TO reader; GRANT CREATE ARBITRARY TEMPORARY TABLE ON *.* TO reader; GRANT TABLE ENGINE ON Join TO reader.',
  });
});

test('who may not make the tables is told which right it takes', async (t) => {
  const url = await startAnew('one', nobody);
  await assert.rejects(openChangeLog({ folder: makeFolder(t), url, database: DATABASE }), {
    code: 'clickhouse-right-missing',
    message: 'The user lacks a right in ClickHouse: CREATE DATABASE ON metatrail.*.',
  });
  const { first } = serversOf('one');
  await first.query(`CREATE DATABASE ${DATABASE}`, 'default');
  await assert.rejects(openChangeLog({ folder: makeFolder(t), url: first.url(shipper), database: DATABASE }), {
    code: 'clickhouse-right-missing',
    message: 'The user lacks a right in ClickHouse: CREATE TABLE ON metatrail.migrations.',
  });
});

test('a server that is too old is refused with the version that is needed', async (t) => {
  await startAnew('one', owner);
  const proxy = await ClickHouseProxy.start(serversOf('one').first);
  afterwards(t, () => proxy.stop());
  for (const version of ['18.16.1', '25.8.4.13', '26.1.3.52']) {
    proxy.version = version;
    await assert.rejects(openChangeLog({ folder: makeFolder(t), url: proxy.url(owner), database: DATABASE }), {
      code: 'clickhouse-too-old',
      message: `The server is ClickHouse ${version}; 26.2 or newer is needed.`,
    });
  }
  assert.ok(proxy.statements.every((statement) => statement.startsWith('SELECT version()')));
});

test('a cluster that is none is refused, and one server is not taken for a cluster or the other way round', async (t) => {
  const url = await startAnew('cluster', both);
  const opened = (target: Omit<ClickHouseTarget, 'folder'>) => openChangeLog({ folder: makeFolder(t), ...target });
  await assert.rejects(opened({ url, database: DATABASE, cluster: 'nowhere' }), {
    code: 'clickhouse-refused',
    message: /^ClickHouse knows no cluster nowhere; /,
  });
  await assert.rejects(opened({ url, database: DATABASE, cluster: CARELESS_REPLICAS }), {
    code: 'clickhouse-refused',
    message: 'Shards of the cluster careless_replicas have replicas, but no internal_replication under remote_servers.',
  });
  await assert.rejects(opened({ url, database: DATABASE, cluster: REPLICAS }), {
    code: 'clickhouse-refused',
    message: 'Shards of the cluster replicas have replicas, which need Keeper, and its servers have none.',
  });
  const log = await opened({ url, database: DATABASE, cluster: CLUSTER });
  await log.close();
  await assert.rejects(opened({ url, database: DATABASE }), {
    code: 'clickhouse-refused',
    message: 'The database of CLICKHOUSE_URL is that of a cluster, which CLICKHOUSE_CLUSTER must name.',
  });
  await startAnew('cluster', both);
  const alone = await opened({ url, database: DATABASE });
  await alone.close();
  await assert.rejects(opened({ url, database: DATABASE, cluster: CLUSTER }), {
    code: 'clickhouse-refused',
    message: /^The table metatrail\.entitlement_changes holds rows itself/,
  });
});

test('the tables of replicas are refused for want of Keeper and of nothing else', async () => {
  const { first } = serversOf('one');
  const tables = readMigrations().filter(({ sql }) => /^ENGINE = /m.test(sql));
  assert.ok(tables.length >= 3);
  await first.query('CREATE DATABASE IF NOT EXISTS alone', 'default');
  for (const { sql } of tables) {
    // One table may be made after another.
    await first.query(sql, 'alone');
    const replicated = asReplicated(sql).replace(/IF NOT EXISTS (\w+)/, '$1_of_replicas');
    assert.match(replicated, /ReplicatedMergeTree\('.*replicated_deduplication_window_seconds = 604800/s);
    await assert.rejects(first.query(replicated, 'alone'), /NO_ZOOKEEPER/);
  }
});
