// A log of which something has expired is made again from its bundle: what is left of it proves as before, questions say what is
// gone, the engine's state is what the log makes, and the log goes on, to its next expiry.
import assert from 'node:assert/strict';
import { copyFileSync, cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { z } from 'zod';
import { erasePerson } from '../api/erasing.ts';
import { applyRetention } from '../api/retaining.ts';
import { compareFolder } from '../engine/replay/replay-folder.ts';
import { exportBundle } from '../ingest/bundle/export-bundle.ts';
import { readRowsFrom } from '../ingest/bundle/read-rows.ts';
import { type ClickHouseTarget, openClickHouse } from '../ingest/clickhouse/connect.ts';
import { systemClock } from '../ingest/clock.ts';
import { openChangeLog } from '../ingest/log.ts';
import { expire, planExpiry } from '../ingest/retention/expire.ts';
import { addHold, listHolds, removeHold } from '../ingest/retention/holds.ts';
import { checkBundle, editFile, makeBundle, seal } from './bundle-world.ts';
import { CLUSTER } from './clickhouse-server.ts';
import { ANN, BOB, CID, CONFIGURATION, ErasureWorld, grepFiles, REASON, runCycle, writeHr } from './erasure-world.ts';
import { everywhere, makeFolderAt, OWNER, type Place, startServers, targetOf } from './ingest-places.ts';
import { makeFolder } from './ingest-world.ts';
import { startProgram } from './run-program.ts';
import { check, makeEvents, withSqlite } from './verify-world.ts';

const PARTITION = 256;
const RETAINED = `${CONFIGURATION}retention: { events: 1 year, partition_events: ${PARTITION} }\n`;
const WHO = { who: 'records office', by: 'administrator' };
const LATER = systemClock() + 2 * 365 * 86_400_000_000;

const suite = mkdtempSync(path.join(tmpdir(), 'metatrail-move-expired-'));
/** Of a company whose first partition has expired; one of its people was erased before that, another is under a hold since. */
const home = path.join(suite, 'company');
const data = path.join(home, 'data');
const bundle = path.join(suite, 'bundle');
/** Who was in a project at an instant that has expired. */
let question: string;

before(async () => {
  const hooks: (() => Promise<void>)[] = [];
  const context = { after: (hook: () => Promise<void>) => hooks.push(hook) } as unknown as TestContext;
  const world = await ErasureWorld.open(context, RETAINED);
  try {
    await makeHome(world);
    await world.close();
    cpSync(world.folder, home, { recursive: true });
  } finally {
    for (const hook of hooks) await hook();
  }
  await makeBundle(data, bundle);
});
after(() => rmSync(suite, { recursive: true, force: true }));

async function makeHome(world: ErasureWorld): Promise<void> {
  await world.employ(ANN, BOB, CID);
  const group = await world.objectOf('apollo');
  question = `{ holders(entitlement: "${group}", at: "${new Date().toISOString()}") { gone } }`;
  const ann = await world.objectOf(ANN.name);
  await world.employ({ ...BOB, manager: '' }, CID);
  const { journal, eraser, shipper, checkpoints } = world.installation.log;
  await world.erase(ann);
  await eraser.settle();
  for (let month = 1; journal.size < PARTITION + 30; month++)
    await world.employ({ ...BOB, manager: '', department: `Department ${month}` }, { ...CID, by: `CORP\\${BOB.id}` });
  await applyRetention(world.installation, WHO, LATER);
  await addHold(journal, { object: await world.objectOf(CID.name), ...WHO, why: 'case 12' });
  await shipper.delivered(journal.size);
  await checkpoints.current();
}

interface Target {
  folder: string;
  environment: Record<string, string>;
  clickhouse: ClickHouseTarget;
}

async function makeTarget(t: TestContext, place: Place): Promise<Target> {
  const folder = path.join(makeFolder(t), 'data');
  const configuration = { METATRAIL_DATA: folder, METATRAIL_CONFIG: path.join(home, 'company.yaml'), data: home };
  if (place === 'embedded') return { folder, environment: configuration, clickhouse: { folder } };
  const at = { ...targetOf(await makeFolderAt(t, place)), folder, shardEvents: undefined };
  const environment = {
    ...configuration,
    CLICKHOUSE_URL: (await startServers(place)).first.url(OWNER),
    CLICKHOUSE_DATABASE: at.database ?? '',
    ...(place === 'cluster' && { CLICKHOUSE_CLUSTER: CLUSTER }),
  };
  return { folder, environment, clickhouse: at };
}

async function succeed(environment: Record<string, string>, ...command: string[]): Promise<string> {
  const { status, said } = await startProgram(environment, ...command).ended;
  assert.equal(status, 0, `${command.join(' ')}: ${said}`);
  return said;
}

async function refusalOf(environment: Record<string, string>, from: string): Promise<string> {
  const { status, said } = await startProgram(environment, 'move-log', '--from', from).ended;
  assert.equal(status, 1, said);
  return said;
}

async function readRows(target: ClickHouseTarget): Promise<unknown[][]> {
  const clickhouse = openClickHouse(target);
  const read = (table: string) =>
    clickhouse.select(`SELECT hex(formatRow('RowBinary', *)) AS row FROM ${table} ORDER BY row`, {}, z.unknown());
  return Promise.all([read('events'), read('entitlement_changes')]).finally(() => clickhouse.close());
}

/** What proves and says what is gone, and what questions and erasures stand on. */
function readTables(folder: string, below = PARTITION): unknown[] {
  return withSqlite(folder, (database) =>
    [
      'SELECT number, owner, hex(key) FROM keys ORDER BY number',
      `SELECT sequence, object, actor, plain, refs, settled FROM erased_events WHERE sequence >= ${below} ORDER BY sequence`,
      'SELECT level, tile, hex(hashes) FROM tiles ORDER BY level, tile',
      'SELECT size, note FROM checkpoints ORDER BY size',
      'SELECT from_size, vkey FROM checkpoint_keys ORDER BY from_size',
      "SELECT kind, key, value FROM state WHERE kind IN ('hold', 'tombstone') ORDER BY kind, key",
    ].map((sql) =>
      database
        .prepare(sql)
        .all()
        .map((row) => ({ ...row })),
    ),
  );
}

everywhere('what is left of a log of which something has expired becomes a log again', async (t, place) => {
  const { folder, environment, clickhouse } = await makeTarget(t, place);
  const said = await succeed(environment, 'move-log', '--from', bundle);
  assert.match(
    said,
    /: the log metatrail\/[0-9a-f]{16}, \d+ events, the first 256 expired, root [0-9a-f]{64}\. Each is/,
  );
  assert.match(said, /^Of the events before 256 there are the tombstones and the leaves, by which all/m);
  assert.match(said, /1 legal holds are in force/);
  assert.match(said, /The engine's state was rebuilt from the log/);
  assert.deepEqual(await readRows(clickhouse), await readRows({ folder: data }));
  assert.deepEqual(readTables(folder), readTables(data));
  const verified = await succeed(environment, 'verify');
  assert.match(verified, /^Verified: \d+ events, complete and unaltered/m);
  assert.match(verified, /Events 0 to 255, accepted until .*, have expired by event \d+: tombstone 0 stands for them/);
  copyFileSync(path.join(data, 'checkpoint-key'), path.join(folder, 'checkpoint-key'));
  const { gone } = JSON.parse(await succeed(environment, 'query', question)).data.holders;
  assert.match(gone, /^Events before 256 have expired/);
  assert.match(await succeed(environment, 'replay', '--compare'), /the state is what they make/);
  const [again, third] = [path.join(makeFolder(t), 'bundle'), makeFolder(t)];
  await succeed(environment, 'bundle', again);
  assert.match(await succeed(environment, 'verify', '--offline', again), /^Verified: \d+ events, complete/m);
  await succeed({ METATRAIL_DATA: third }, 'move-log', '--from', again);
});

test('it goes on: somebody is imported, somebody erased, and the next partition expires', {
  timeout: 300_000,
}, async (t) => {
  const folder = makeFolder(t);
  const place = path.join(folder, 'data');
  for (const name of ['hr.csv', 'directory.ldif']) copyFileSync(path.join(home, name), path.join(folder, name));
  await succeed({ METATRAIL_DATA: place }, 'move-log', '--from', bundle);
  copyFileSync(path.join(data, 'checkpoint-key'), path.join(place, 'checkpoint-key'));
  const installation = await ErasureWorld.install(folder, RETAINED);
  const { journal, clickhouse, shipper, checkpoints, eraser } = installation.log;
  try {
    const begin = journal.size;
    await runCycle(installation);
    const done = await clickhouse.select(
      "SELECT stage, outcome FROM events WHERE sequence >= {begin:UInt64} AND stage NOT IN ('run', 'configuration')",
      { begin },
      z.unknown(),
    );
    assert.deepEqual(done, [], 'nothing has changed, so nothing is imported, joined or exported');
    const dora = { id: 'E-2001', name: 'Dorothea Quill', department: 'Sales', projects: 'apollo', by: 'hr-clerk' };
    for (let month = 1; journal.size < 2 * PARTITION + 30; month++) {
      writeHr(folder, [{ ...BOB, manager: '' }, { ...CID, department: `Law ${month}` }, dora]);
      await runCycle(installation);
    }
    const holds = listHolds(journal);
    assert.equal(holds.length, 1);
    for (const { event } of holds) await removeHold(journal, event, { ...WHO, why: 'case 12 is over' });
    const [cid] = await clickhouse.select(
      'SELECT toString(object) AS object FROM events WHERE object_name = {name:String} LIMIT 1',
      { name: CID.name },
      z.object({ object: z.string() }),
    );
    writeHr(folder, [{ ...BOB, manager: '' }, dora]);
    await runCycle(installation);
    const { event } = await erasePerson(installation, { object: cid?.object ?? '' }, REASON);
    await eraser.certify(event, { ...REASON, folders: [], backups: [] });
    assert.deepEqual(grepFiles(place, CID.name), [], 'also of what was carried forward and came with the bundle');
    const { partitions } = await applyRetention(installation, WHO, LATER);
    assert.deepEqual(
      partitions.map(({ first }) => first),
      [PARTITION],
    );
    await shipper.delivered(journal.size);
    await checkpoints.current();
    assert.deepEqual((await compareFolder(place, { clickhouse })).differences, []);
  } finally {
    await installation.close();
  }
  const { result, faults } = await check(place);
  assert.deepEqual({ result, faults }, { result: 'verified', faults: [] });
  // The event of the first expiry has expired in its turn.
  const [again, third] = [path.join(makeFolder(t), 'bundle'), makeFolder(t)];
  await makeBundle(place, again);
  assert.match(await succeed({ METATRAIL_DATA: third }, 'move-log', '--from', again), /, the first 512 expired, root/);
  assert.deepEqual(readTables(third), readTables(place, 2 * PARTITION));
});

test('without the leaves of what has expired nothing could be proved: such a bundle is refused', async (t) => {
  const { environment } = await makeTarget(t, 'embedded');
  const part = path.join(makeFolder(t), 'bundle');
  await makeBundle(data, part, { from: PARTITION });
  assert.equal((await checkBundle(part)).result, 'verified');
  assert.match(
    await refusalOf(environment, part),
    /^The tiles of the events before 256, which have expired, are not in the bundle; export the log without --from, /m,
  );
  assert.deepEqual(readdirSync(path.dirname(environment.METATRAIL_DATA ?? '')), []);
});

test('a leaf of what has expired that was altered in the bundle is found', async (t) => {
  const { folder, environment } = await makeTarget(t, 'embedded');
  const forged = path.join(makeFolder(t), 'bundle');
  cpSync(bundle, forged, { recursive: true });
  editFile(forged, 'tile/0/000', (bytes) => {
    bytes[40] = (bytes[40] ?? 0) ^ 1;
    return bytes;
  });
  seal(forged);
  const said = await refusalOf(environment, forged);
  assert.match(said, /NOT VERIFIED[\s\S]*The log that was made of the bundle is not the one in it/);
  assert.ok(!readdirSync(path.dirname(folder)).includes('data'));
});

test('a bundle made while events were expiring is refused, and one made after that is not', async (t) => {
  const folder = makeFolder(t);
  const log = await openChangeLog({ folder, partitionEvents: PARTITION });
  const { journal, clickhouse, shipper, checkpoints } = log;
  await journal.accept((base) => ({ events: makeEvents(base, 300), state: [] }));
  await shipper.delivered(journal.size);
  await checkpoints.current();
  const sources = { journal, clickhouse, shipper, sign: (text: string) => checkpoints.sign(text) };
  const plan = await planExpiry(sources, Number.MAX_SAFE_INTEGER, new Map());
  await expire(sources, plan, { inForce: new Map(), state: [] }, WHO);
  await shipper.delivered(journal.size);
  // The newest checkpoint is one of before the expiry.
  withSqlite(folder, (database) => database.exec('DELETE FROM checkpoints WHERE size > 300'));
  const early = path.join(makeFolder(t), 'bundle');
  await exportBundle({ dataFolder: folder, target: early, readRows: readRowsFrom(clickhouse) });
  await log.close();
  const { environment } = await makeTarget(t, 'embedded');
  assert.match(
    await refusalOf(environment, early),
    /^The bundle was made while events were expiring: the event by which those from 0 on went is not in it\./m,
  );
  assert.deepEqual(readdirSync(path.dirname(environment.METATRAIL_DATA ?? '')), []);
  const reopened = await openChangeLog({ folder, partitionEvents: PARTITION });
  await reopened.checkpoints.current();
  await reopened.close();
  const late = path.join(makeFolder(t), 'bundle');
  await makeBundle(folder, late);
  const said = await succeed(environment, 'move-log', '--from', late);
  assert.match(said, /^The engine's state could not be rebuilt: Events before 256 have expired, and the log does not/m);
  assert.match(await succeed(environment, 'verify'), /^Verified: \d+ events, complete and unaltered/m);
});
