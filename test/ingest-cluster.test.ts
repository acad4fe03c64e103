// Two servers, a shard each, one of them killed while the log is shipped to them: nothing is lost, nothing is twice there, and
// no answer is a part taken for the whole. Shipped and asked by a user who may only insert and select.
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { VIEWS } from '../ingest/clickhouse/comparison.ts';
import type { ClickHouseTarget } from '../ingest/clickhouse/connect.ts';
import { requiredRights } from '../ingest/clickhouse/requirements.ts';
import { fromRow, INSERTED_COLUMNS, rowSchema } from '../ingest/clickhouse/rows.ts';
import { type ChangeLog, openChangeLog } from '../ingest/log.ts';
import { ClickHouseProxy } from './clickhouse-proxy.ts';
import { CLUSTER, ClickHouseServers, DATABASE } from './clickhouse-server.ts';
import { OWNER } from './ingest-places.ts';
import { afterwards, makeEvent, makeFolder, makeId } from './ingest-world.ts';

const LOCAL = `${DATABASE}_local`;
const SHIPPER = {
  name: 'shipper',
  password: 'ships',
  grants: requiredRights(DATABASE, LOCAL).map((right) => `GRANT ${right}`),
};
const SHARD_EVENTS = 64;
const ROUNDS = 3;

let servers: ClickHouseServers;
before(async () => {
  servers = await ClickHouseServers.start({ users: [OWNER, SHIPPER], shards: 2 });
});
after(() => servers.stop());

async function openLog(t: TestContext, more: Partial<ClickHouseTarget> = {}): Promise<ChangeLog> {
  for (const server of servers.all) {
    for (const database of [DATABASE, LOCAL]) await server.query(`DROP DATABASE IF EXISTS ${database} SYNC`, 'default');
  }
  const log = await openChangeLog({
    folder: makeFolder(t),
    url: servers.first.url(SHIPPER),
    ownerUrl: servers.first.url(OWNER),
    database: DATABASE,
    cluster: CLUSTER,
    shardEvents: SHARD_EVENTS,
    ...more,
  });
  afterwards(t, () => log.close());
  return log;
}

/** Accepts so many events, of one to three grants each. */
async function accept(log: ChangeLog, count: number): Promise<void> {
  const role = (value: string) =>
    ({ attribute: 'role', type: 'string', operation: 'add', new: value, marks: 1 }) as const;
  await log.journal.accept((base) => ({
    events: Array.from({ length: count }, (_, i) => {
      const roles = ['clerk', 'judge', 'guard'].slice(0, 1 + ((base + i) % 3));
      return makeEvent({ object: makeId(base + i + 1), agent: 'ldap', values: roles.map(role) });
    }),
    state: [],
  }));
}

/** Row by row the journal's events, each on the shard of its range, and what the views feed is what they make of them. */
async function assertWhole(log: ChangeLog): Promise<void> {
  await log.shipper.delivered(log.journal.size);
  const columns = INSERTED_COLUMNS.map((column) => `\`${column}\``).join(', ');
  const held = await log.clickhouse.select(`SELECT ${columns} FROM events ORDER BY sequence`, {}, rowSchema);
  const journal = log.journal.rows(0, 1_000_000).map(({ row }) => rowSchema.parse(JSON.parse(row)));
  assert.equal(held.length, log.journal.size);
  assert.deepEqual(held.map(fromRow), journal.map(fromRow));
  for (const [index, server] of servers.all.entries()) {
    const strangers = `SELECT count() FROM events WHERE intDiv(sequence, ${SHARD_EVENTS}) % 2 != ${index}`;
    assert.equal(await server.query(strangers, LOCAL), '0');
    for (const { view, target } of VIEWS) {
      const made = await server.query(
        `SELECT as_select FROM system.tables WHERE database = '${LOCAL}' AND name = '${view}' FORMAT TSVRaw`,
      );
      const sum = (from: string) => server.query(`SELECT count(), sum(cityHash64(*)) FROM ${from}`, LOCAL);
      assert.equal(await sum(target), await sum(`(${made})`));
    }
  }
}

async function until(holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds(); waited += 20) {
    assert.ok(waited < 60_000, 'it did not come to that in a minute');
    await sleep(20);
  }
}

const anything = z.object({}).loose();

test('a shard that is killed while it is shipped to holds everything once when it is back', {
  timeout: 300_000,
}, async (t) => {
  const log = await openLog(t);
  for (let round = 0; round < ROUNDS; round++) {
    // Every other time the server that is spoken to, else the one behind it.
    const victim = servers.at((round + 1) % 2);
    const { shipped } = log.shipper;
    await accept(log, 900);
    await until(() => log.shipper.shipped > shipped + SHARD_EVENTS * (1 + round));
    await victim.kill();
    await accept(log, 300);
    await until(() => log.shipper.problem !== undefined);
    assert.equal(log.shipper.state, 'waiting-for-clickhouse');
    assert.ok(log.shipper.shipped < log.journal.size);
    await victim.start();
    await assertWhole(log);
  }
});

test('with a shard away no question is answered by the others alone', { timeout: 120_000 }, async (t) => {
  const log = await openLog(t);
  await accept(log, SHARD_EVENTS * 3);
  await log.shipper.delivered(SHARD_EVENTS * 3);
  await servers.at(1).kill();
  for (const question of [
    'SELECT count() FROM events',
    'SELECT sequence FROM events WHERE sequence = 3',
    'SELECT count() FROM entitlement_changes',
    'SELECT count() FROM (SELECT sequence FROM events WHERE sequence IN (SELECT sequence FROM entitlement_changes))',
  ]) {
    const asked = log.clickhouse.select(question, {}, anything);
    await assert.rejects(asked, { code: 'clickhouse-away', message: /^A server of the cluster does not/ }, question);
  }
  await servers.at(1).start();
  await assertWhole(log);
});

test('answers lost after the insert, and tokens forgotten: what is there is found by comparing', {
  timeout: 120_000,
}, async (t) => {
  const proxy = await ClickHouseProxy.start(servers.first);
  afterwards(t, () => proxy.stop());
  const log = await openLog(t, { url: proxy.url(SHIPPER) });
  // As if they had expired: a server that compares nothing.
  for (const server of servers.all) {
    for (const table of ['events', ...VIEWS.map(({ target }) => target)])
      await server.query(`ALTER TABLE ${table} MODIFY SETTING non_replicated_deduplication_window = 0`, LOCAL);
  }
  for (let round = 0; round < 3; round++) {
    proxy.mood = 'losing-answers-to-inserts';
    await accept(log, SHARD_EVENTS + 10);
    await until(() => log.shipper.problem !== undefined);
    await accept(log, SHARD_EVENTS + 10);
    proxy.mood = 'well';
    await log.shipper.delivered(log.journal.size);
  }
  await assertWhole(log);
});
