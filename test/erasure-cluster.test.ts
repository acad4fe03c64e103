// A person is erased and partitions expire where the rows are on a server, and on two shards: by an owner who has the rights that CLUSTER.md
// names and no others, while whoever ships and asks may neither alter nor delete.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { z } from 'zod';
import { requiredRights } from '../ingest/clickhouse/requirements.ts';
import type { ProposedEvent } from '../ingest/event.ts';
import { type ChangeLog, openChangeLog } from '../ingest/log.ts';
import { expire, planExpiry } from '../ingest/retention/expire.ts';
import { LiveLog } from '../ingest/verify/live-log.ts';
import { verifyLog } from '../ingest/verify/verify-log.ts';
import { CLUSTER, type ClickHouseServer, ClickHouseServers, DATABASE } from './clickhouse-server.ts';
import { afterwards, makeEvent, makeFolder, makeId } from './ingest-world.ts';

const LOCAL = `${DATABASE}_local`;
const CLUSTER_MD = readFileSync(path.join(import.meta.dirname, '../ingest/CLUSTER.md'), 'utf8');
const grantsOf = (user: string) =>
  [...CLUSTER_MD.matchAll(new RegExp(`^(GRANT .*) TO ${user};$`, 'gm'))].map(([, grant = '']) => grant);
const OWNER = { name: 'owner', password: 'makes', grants: grantsOf('metatrail_owner') };
const POOR = { ...OWNER, name: 'poor', grants: OWNER.grants.filter((grant) => !grant.includes('system.mutations')) };
const USER = {
  name: 'user',
  password: 'asks',
  grants: requiredRights(DATABASE, LOCAL).map((right) => `GRANT ${right}`),
};
/** Events of a partition, and of what goes to one shard in a row: 0 and 2 are on the first, 1 and 3 on the second. */
const PARTITION = 256;
const ANN = makeId(1);
const NAME = 'Annabel Lindqvist';
const NUMBER = 'E-10017';
const WHO = { who: 'privacy officer', by: 'administrator' };

let servers: ClickHouseServers;
before(async () => {
  servers = await ClickHouseServers.start({ users: [OWNER, POOR, USER], shards: 2 });
});
after(() => servers.stop());

function makeEvents(base: number, count: number): ProposedEvent[] {
  return Array.from({ length: count }, (_, i) => {
    const person = 1 + ((base + i) % 5);
    return makeEvent({
      object: makeId(person),
      objectName: person === 1 ? NAME : `Person ${person}`,
      anchor: person === 1 ? NUMBER : `A${person}`,
      agent: 'hr',
      initiator: person === 3 ? NUMBER : 'hr clerk',
      values: [
        { attribute: 'role', type: 'string', operation: 'add', new: `role of ${person}`, marks: 1 },
        { attribute: 'boss', type: 'reference', operation: 'add', new: NUMBER, reference: ANN, marks: 1 },
      ],
    });
  });
}

/** Where rows are: the servers, and their database. */
interface Place {
  all: readonly ClickHouseServer[];
  rows: string;
  isCluster: boolean;
}

async function openLog(t: TestContext, { isCluster }: Place, owner = OWNER): Promise<ChangeLog> {
  for (const server of servers.all)
    for (const database of [DATABASE, LOCAL]) await server.query(`DROP DATABASE IF EXISTS ${database} SYNC`, 'default');
  const log = await openChangeLog({
    folder: makeFolder(t),
    url: servers.first.url(USER),
    ownerUrl: servers.first.url(owner),
    database: DATABASE,
    ...(isCluster && { cluster: CLUSTER, shardEvents: PARTITION }),
    partitionEvents: PARTITION,
  });
  afterwards(t, () => log.close());
  return log;
}

/** The folders of parts that lie on the disk of a server, of the tables that had something of her. */
async function listParts(server: ClickHouseServer, rows: string): Promise<string[]> {
  const tables = "name IN ('events', 'entitlement_changes')";
  const places = await server.query(
    `SELECT arrayJoin(data_paths) FROM system.tables WHERE database = '${rows}' AND ${tables}`,
  );
  return places
    .split('\n')
    .flatMap((place) => readdirSync(place).map((name) => path.join(place, name)))
    .filter((name) => /\/\d+_\d+_\d+_[^/]+$|\/all_[^/]+$/.test(name));
}

async function verify(log: ChangeLog): Promise<{ result: string; what: string[]; erased: number }> {
  await log.shipper.delivered(log.journal.size);
  await log.checkpoints.current();
  const place = { folder: log.journal.folder, url: servers.first.url(USER), database: DATABASE };
  const source = await LiveLog.open(place);
  const { result, faults, unchecked, erased } = await verifyLog(source).finally(() => source.close());
  return { result, what: [...faults, ...unchecked].map(({ what }) => what), erased: erased.length };
}

test('a person is erased on a server, partitions expire, and what is left is verified', { timeout: 200_000 }, (t) =>
  eraseAndExpire(t, { all: [servers.first], rows: DATABASE, isCluster: false }),
);

test(
  'a person is erased on both shards, partitions of both expire, and what is left is verified',
  {
    timeout: 200_000,
  },
  (t) => eraseAndExpire(t, { all: servers.all, rows: LOCAL, isCluster: true }),
);

test('an owner who lacks a right is told so before anything is erased', { timeout: 60_000 }, async (t) => {
  const log = await openLog(t, { all: [servers.first], rows: DATABASE, isCluster: false }, POOR);
  await log.journal.accept((base) => ({ events: makeEvents(base, 10), state: [] }));
  const request = { ...WHO, why: 'request 7' };
  const erased = log.eraser.erase({ object: ANN }, request, () => ({ removals: [], remains: [] }));
  await assert.rejects(erased, {
    code: 'clickhouse-right-missing',
    message: 'Nothing was erased: the user poor lacks rights for it: GRANT SELECT ON system.mutations TO poor.',
  });
  assert.equal(log.journal.size, 10);
});

async function eraseAndExpire(t: TestContext, place: Place): Promise<void> {
  const { all, rows } = place;
  assert.ok(OWNER.grants.length > 5);
  const log = await openLog(t, place);
  const { journal, eraser, shipper, clickhouse, checkpoints } = log;
  for (let done = 0; done < PARTITION * 4; done += PARTITION)
    await journal.accept((base) => ({ events: makeEvents(base, PARTITION), state: [] }));
  await shipper.delivered(journal.size);
  const before = await Promise.all(all.map((server) => listParts(server, rows)));
  const { event, plan } = await eraser.erase({ object: ANN }, { ...WHO, why: 'request 7' }, () => ({
    removals: [],
    remains: [],
  }));
  assert.deepEqual(plan.actors, [NUMBER]);
  const certificate = await eraser.certify(event, { ...WHO, folders: [], backups: [] });
  assert.ok(certificate.server, 'it says that files of servers were not searched');
  assert.ok((certificate.searched?.names ?? 0) > 0);
  for (const [index, server] of all.entries()) {
    const parts = await listParts(server, rows);
    assert.ok(before[index]?.length && parts.length, 'there were parts, and there are others');
    assert.deepEqual(
      parts.filter((part) => before[index]?.includes(part)),
      [],
      'no part of before is on its disk',
    );
  }
  for (const server of all) {
    const emptied = await server.query(
      "SELECT count() > 0, countIf(object_commitment = '') FROM events WHERE subject_key = 1",
      rows,
    );
    assert.equal(emptied, '1\t0');
  }
  assert.deepEqual(await verify(log), { result: 'verified', what: [], erased: 1 });

  const sources = { journal, clickhouse, shipper, sign: (text: string) => checkpoints.sign(text) };
  const expiry = await planExpiry(sources, Number.MAX_SAFE_INTEGER, new Map());
  const two = { ...expiry, partitions: expiry.partitions.slice(0, 2) };
  assert.equal((await expire(sources, two, { inForce: new Map(), state: [] }, WHO)).length, 2);
  for (const server of all) {
    const left = `SELECT count() > 0, min(sequence) >= ${2 * PARTITION} FROM`;
    assert.equal(await server.query(`${left} events`, rows), '1\t1');
    assert.equal(await server.query(`${left} entitlement_changes`, rows), '1\t1');
  }
  const [held] = await clickhouse.select('SELECT count() AS n FROM events', {}, z.object({ n: z.number() }));
  await shipper.delivered(journal.size);
  assert.ok((held?.n ?? 0) >= 2 * PARTITION);
  assert.deepEqual(await verify(log), { result: 'verified', what: [], erased: 1 });
}
