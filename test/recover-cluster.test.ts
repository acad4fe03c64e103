// A recovery where the rows are on two shards, and whoever ships and asks may neither alter nor delete.

import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { z } from 'zod';
import { PARTITION_EVENTS } from '../ingest/clickhouse/cluster.ts';
import { openClickHouse } from '../ingest/clickhouse/connect.ts';
import { migrateClickHouse } from '../ingest/clickhouse/migrate.ts';
import { repair } from '../ingest/clickhouse/recover.ts';
import { diagnose, isHealthy } from '../ingest/clickhouse/recover-diagnosis.ts';
import { requiredRights } from '../ingest/clickhouse/requirements.ts';
import { Journal } from '../ingest/journal/journal.ts';
import { openChangeLog } from '../ingest/log.ts';
import { CLUSTER, ClickHouseServers, DATABASE } from './clickhouse-server.ts';
import { grant } from './faults/one-batch.ts';
import { OWNER } from './ingest-places.ts';
import { afterwards, makeFolder } from './ingest-world.ts';

const LOCAL = `${DATABASE}_local`;
const SHIPPER = {
  name: 'shipper',
  password: 'ships',
  grants: requiredRights(DATABASE, LOCAL).map((right) => `GRANT ${right}`),
};

let servers: ClickHouseServers;
before(async () => {
  servers = await ClickHouseServers.start({ users: [OWNER, SHIPPER], shards: 2 });
});
after(() => servers.stop());

const grants = (from: number, count: number) => Array.from({ length: count }, (_, i) => grant(from + i));

test('on a cluster rows are set aside and put back on the shard they are on', async (t) => {
  const folder = makeFolder(t);
  const target = {
    folder,
    url: servers.first.url(SHIPPER),
    ownerUrl: servers.first.url(OWNER),
    database: DATABASE,
    cluster: CLUSTER,
    shardEvents: 64,
  };
  const deliver = async (...counts: number[]) => {
    const log = await openChangeLog(target);
    for (const count of counts) {
      const { next } = await log.journal.accept((base) => ({ events: grants(base + 1, count), state: [] }));
      await log.shipper.delivered(next);
    }
    await log.close();
  };
  await deliver(200);
  const backup = makeFolder(t);
  cpSync(folder, backup, { recursive: true });
  await deliver(300);
  rmSync(folder, { recursive: true });
  cpSync(backup, folder, { recursive: true });
  // Sequences 64 to 127 are on the second shard.
  await servers.at(1).query('ALTER TABLE events DELETE WHERE sequence IN (70, 71) SETTINGS mutations_sync = 2', LOCAL);

  const journal = await Journal.open(folder);
  const clickhouse = openClickHouse(target);
  afterwards(t, async () => {
    await clickhouse.close();
    await journal.close();
  });
  await migrateClickHouse(clickhouse, PARTITION_EVENTS);
  const diagnosis = await diagnose(journal, clickhouse);
  assert.deepEqual(diagnosis.missing, [{ from: 70, to: 72 }]);
  assert.deepEqual([diagnosis.ahead?.events, diagnosis.ahead?.from, diagnosis.ahead?.to], [300, 200, 500]);
  const order = { by: 'a test', why: 'a test', fromJournal: false };
  assert.deepEqual(await repair(journal, clickhouse, diagnosis, order), { setAside: 300, putBack: 2 });
  assert.ok(isHealthy(await diagnose(journal, clickhouse)));
  const [count] = await clickhouse.select(
    'SELECT uniqExact(sequence) AS events, count() AS n FROM events_set_aside',
    {},
    z.object({ events: z.number(), n: z.number() }),
  );
  assert.deepEqual(count, { events: 300, n: 300 });
  for (const [index, server] of servers.all.entries()) {
    assert.notEqual(await server.query('SELECT count() FROM events_set_aside', LOCAL), '0');
    const strangers = `SELECT count() FROM events WHERE intDiv(sequence, 64) % 2 != ${index}`;
    assert.equal(await server.query(strangers, LOCAL), '0');
  }
});
