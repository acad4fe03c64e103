// A log is made again from a bundle, embedded and on servers: rows, keys and their owners, erasures, holds, the engine's state.
// What is no whole and unaltered log, and what is not an empty place, is refused.
import assert from 'node:assert/strict';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { erasePerson } from '../api/erasing.ts';
import { moveBundle } from '../ingest/bundle/move-bundle.ts';
import { type ClickHouse, openClickHouse } from '../ingest/clickhouse/connect.ts';
import { EVENT_COLUMNS } from '../ingest/clickhouse/rows.ts';
import { addHold } from '../ingest/retention/holds.ts';
import { editContents, editRows, makeBundle, type Row, seal } from './bundle-world.ts';
import { CLUSTER } from './clickhouse-server.ts';
import { ANN, BOB, CID, ErasureWorld, grepFiles, REASON, runCycle, writeHr } from './erasure-world.ts';
import { everywhere, makeFolderAt, OWNER, type Place, startServers, targetOf } from './ingest-places.ts';
import { makeFolder } from './ingest-world.ts';
import { startProgram } from './run-program.ts';
import { makeEvents, makeLog, TestSigner, withSqlite } from './verify-world.ts';

const suite = mkdtempSync(path.join(tmpdir(), 'metatrail-move-bundle-'));
/** Of a company in which one was erased and one is under a legal hold. */
const home = path.join(suite, 'company');
const data = path.join(home, 'data');
const honest = path.join(suite, 'bundle');
let held: unknown[][];
/** A log of few events, for what is refused. */
const small = path.join(suite, 'small');

before(async () => {
  await makeHome();
  await makeBundle(data, honest);
  held = await readAt({ folder: data });
  await makeLog(path.join(suite, 'log'), { batches: [(base) => makeEvents(base, 300)], checkpoints: [100] });
  await makeBundle(path.join(suite, 'log'), small);
});
after(() => rmSync(suite, { recursive: true, force: true }));

async function makeHome(): Promise<void> {
  const hooks: (() => Promise<void>)[] = [];
  const world = await ErasureWorld.open({
    after: (hook: () => Promise<void>) => hooks.push(hook),
  } as unknown as TestContext);
  try {
    await world.employ(ANN, BOB, CID);
    const ann = await world.objectOf(ANN.name);
    await world.employ({ ...BOB, manager: '' }, { ...CID, department: 'Law' });
    await world.erase(ann);
    await world.installation.log.eraser.settle();
    const held = { object: await world.objectOf(BOB.name), who: 'counsel', by: 'administrator', why: 'case 12' };
    await addHold(world.installation.log.journal, held);
    await world.close();
    cpSync(world.folder, home, { recursive: true });
  } finally {
    for (const hook of hooks) await hook();
  }
}

async function readAll(clickhouse: ClickHouse): Promise<unknown[][]> {
  const columns = EVENT_COLUMNS.map((column) => `\`${column}\``).join(', ');
  const hex = columns
    .replaceAll(/`(\w+_commitment)`/g, 'hex($1)')
    .replace('`value.commitment`', 'arrayMap(c -> hex(c), value.commitment)');
  const events = await clickhouse.select(`SELECT ${hex} FROM events ORDER BY sequence`, {}, z.unknown());
  const changes = await clickhouse.select('SELECT * FROM entitlement_changes ORDER BY ALL', {}, z.unknown());
  return [events, changes];
}

async function readAt(target: Parameters<typeof openClickHouse>[0]): Promise<unknown[][]> {
  const clickhouse = openClickHouse(target);
  return readAll(clickhouse).finally(() => clickhouse.close());
}

/** What the SQLite file of a data folder has of these tables. */
function readTables(folder: string): unknown[] {
  return withSqlite(folder, (database) =>
    [
      'SELECT number, owner, hex(key) FROM keys ORDER BY number',
      'SELECT event, accepted_at, keys FROM erasures ORDER BY event',
      'SELECT sequence, erasure, object, actor, plain, refs, settled FROM erased_events ORDER BY sequence',
      'SELECT level, tile, hex(hashes) FROM tiles ORDER BY level, tile',
      'SELECT size, note FROM checkpoints ORDER BY size',
      'SELECT from_size, vkey FROM checkpoint_keys ORDER BY from_size',
      "SELECT key, json(value) FROM state WHERE kind = 'hold' ORDER BY key",
      "SELECT seq FROM sqlite_sequence WHERE name = 'keys'",
    ].map((sql) =>
      database
        .prepare(sql)
        .all()
        .map((row) => ({ ...row })),
    ),
  );
}

interface Target {
  /** The data folder that is to be made. */
  folder: string;
  environment: Record<string, string>;
  clickhouse: Parameters<typeof openClickHouse>[0];
}

async function makeTarget(t: TestContext, place: Place): Promise<Target> {
  const folder = path.join(makeFolder(t), 'data');
  const at = { ...targetOf(await makeFolderAt(t, place)), folder };
  if (place === 'embedded') return { folder, environment: { METATRAIL_DATA: folder }, clickhouse: { folder } };
  const servers = await startServers(place);
  const environment = {
    METATRAIL_DATA: folder,
    CLICKHOUSE_URL: servers.first.url(OWNER),
    CLICKHOUSE_DATABASE: at.database ?? '',
    ...(place === 'cluster' && { CLICKHOUSE_CLUSTER: CLUSTER }),
  };
  return { folder, environment, clickhouse: { ...at, shardEvents: undefined } };
}

const run = (environment: Record<string, string>, ...command: string[]) => startProgram(environment, ...command).ended;

everywhere('a bundle becomes a log again: every row, key, erasure and hold, verified', async (t, place) => {
  const { folder, environment, clickhouse } = await makeTarget(t, place);
  const { status, said } = await run(environment, 'move-log', '--from', honest);
  assert.equal(status, 0, said);
  assert.match(said, new RegExp(`the log metatrail/[0-9a-f]{16}, ${held[0]?.length} events, root [0-9a-f]{64}`));
  assert.match(said, /1 legal holds are in force/);
  assert.match(said, /the private key that signs checkpoints: put the file checkpoint-key into/);
  assert.match(said, /The engine's state was rebuilt from the log/);
  assert.deepEqual(await readAt(clickhouse), held);
  assert.deepEqual(readTables(folder), readTables(data));
  const verified = await run(environment, 'verify');
  assert.match(verified.said, /^Verified: \d+ events, complete and unaltered/m);
  const question = '{ objects(search: "Cideon") { id } }';
  const refused = await run(environment, 'query', question);
  assert.match(refused.said, /is gone; the log's checkpoints are signed with the key/);
  copyFileSync(path.join(data, 'checkpoint-key'), path.join(folder, 'checkpoint-key'));
  const configuration = { METATRAIL_CONFIG: path.join(home, 'company.yaml'), data: home };
  const asked = await run({ ...environment, ...configuration }, 'query', question);
  assert.equal(asked.status, 0, asked.said);
  assert.match(asked.said, /"id": "[0-9a-f-]{36}"/);
  const again = await run(environment, 'move-log', '--from', honest);
  assert.equal(again.status, 1);
  assert.match(again.said, /data is not empty; name one that is empty or not there\. No log was made/);
});

test('the engine goes on where the bundle ends, and another person is erased there', {
  timeout: 240_000,
}, async (t) => {
  const folder = makeFolder(t);
  for (const name of ['hr.csv', 'directory.ldif']) copyFileSync(path.join(home, name), path.join(folder, name));
  const { status, said } = await run({ METATRAIL_DATA: path.join(folder, 'data') }, 'move-log', '--from', honest);
  assert.equal(status, 0, said);
  copyFileSync(path.join(data, 'checkpoint-key'), path.join(folder, 'data/checkpoint-key'));
  const installation = await ErasureWorld.install(folder);
  try {
    const { journal, clickhouse } = installation.log;
    const begin = journal.size;
    await runCycle(installation);
    const done = await clickhouse.select(
      "SELECT stage, outcome FROM events WHERE sequence >= {begin:UInt64} AND stage NOT IN ('run', 'configuration')",
      { begin },
      z.unknown(),
    );
    assert.deepEqual(done, [], 'nothing has changed, so nothing is imported, joined or exported');
    writeHr(folder, [{ ...BOB, manager: '' }]);
    await runCycle(installation);
    const [cid] = await clickhouse.select(
      'SELECT toString(object) AS object FROM events WHERE object_name = {name:String} LIMIT 1',
      { name: CID.name },
      z.object({ object: z.string() }),
    );
    const { event } = await erasePerson(installation, { object: cid?.object ?? '' }, REASON);
    const certificate = await installation.log.eraser.certify(event, { ...REASON, folders: [], backups: [] });
    assert.ok((certificate.searched?.values ?? 0) > 0);
    for (const text of [CID.name, CID.id])
      assert.deepEqual(grepFiles(path.join(folder, 'data'), text), [], 'also of what came with the bundle');
  } finally {
    await installation.close();
  }
});

test('killed again and again it goes on, and in the end every event is there', { timeout: 240_000 }, async (t) => {
  const many = path.join(makeFolder(t), 'log');
  await makeLog(many, { batches: [(base) => makeEvents(base, 30_000)], checkpoints: [] });
  const bundle = path.join(makeFolder(t), 'bundle');
  await makeBundle(many, bundle);
  const { folder, environment, clickhouse } = await makeTarget(t, 'server');
  // Some time after it writes the journal, which it does anew each time: how quick the machine is does not matter.
  const journal = path.join(`${folder}.moving`, 'metatrail.sqlite');
  for (const milliseconds of [0, 100, 500]) {
    const began = Date.now();
    const isWritten = () => (statSync(journal, { throwIfNoEntry: false })?.mtimeMs ?? 0) >= began;
    const { child, ended } = startProgram(environment, 'move-log', '--from', bundle);
    while (!isWritten() && child.exitCode === null) await sleep(2);
    await sleep(milliseconds);
    child.kill('SIGKILL');
    assert.equal((await ended).status, null, 'it was killed');
    assert.ok(!existsSync(folder), 'half a log has no name');
  }
  const { status, said } = await run(environment, 'move-log', '--from', bundle);
  assert.equal(status, 0, said);
  assert.match(said, /30000 events/);
  assert.deepEqual(readdirSync(path.dirname(folder)), ['data']);
  assert.deepEqual(await readAt(clickhouse), await readAt({ folder: many }));
});

test('cut off after a batch it goes on from there, and only with the same bundle', { timeout: 120_000 }, async (t) => {
  const { folder, environment, clickhouse } = await makeTarget(t, 'server');
  const cut = new Error('cut off');
  const finish = () => Promise.reject(cut);
  await assert.rejects(moveBundle({ bundle: small, target: clickhouse, finish }), cut);
  const other = await run(environment, 'move-log', '--from', honest);
  assert.match(other.said, /data\.moving was left by a move of another bundle that did not end; remove it\./);
  const { status, said } = await run(environment, 'move-log', '--from', small);
  assert.equal(status, 0, said);
  assert.match(said, /300 events, 300 of them from a move that was cut off/);
  assert.ok(existsSync(path.join(folder, 'metatrail.sqlite')));
});

test('a ClickHouse that holds something already is refused, and stays as it is', { timeout: 120_000 }, async (t) => {
  const { folder, environment, clickhouse } = await makeTarget(t, 'server');
  assert.equal((await run(environment, 'move-log', '--from', small)).status, 0);
  const before = await readAt(clickhouse);
  const elsewhere = { ...environment, METATRAIL_DATA: `${folder}-2` };
  const same = await run(elsewhere, 'move-log', '--from', small);
  assert.match(same.said, /holds 300 events already; name an empty database/);
  const other = await run(elsewhere, 'move-log', '--from', honest);
  assert.match(other.said, /holds something else than the beginning of this log/);
  assert.deepEqual(await readAt(clickhouse), before);
  assert.ok(!existsSync(`${folder}-2`));
});

const change = (sequence: number, fields: Row) => (folder: string) =>
  editRows(folder, (rows) => rows.map((row) => (row.sequence === sequence ? { ...row, ...fields } : row)));

const REFUSED: Record<string, { harm: (folder: string) => void; said: RegExp }> = {
  'an altered event': {
    harm: change(44, { outcome: 'forged' }),
    said: /NOT VERIFIED[\s\S]*Nothing was made of this bundle/,
  },
  'an event that is gone': {
    harm: (folder) => editRows(folder, (rows) => rows.filter(({ sequence }) => sequence !== 44)),
    said: /NOT VERIFIED/,
  },
  'a name of the log that is a piece of a statement': {
    harm: (folder) => editContents(folder, (contents) => ({ ...contents, log: "x', async_insert = 1 --" })),
    said: /NOT VERIFIED/,
  },
};
for (const [what, { harm, said }] of Object.entries(REFUSED))
  test(`a bundle with ${what} is refused, and nothing is made of it`, async (t) => {
    const bundle = path.join(makeFolder(t), 'bundle');
    cpSync(small, bundle, { recursive: true });
    harm(bundle);
    seal(bundle);
    const { folder, environment } = await makeTarget(t, 'embedded');
    const result = await run(environment, 'move-log', '--from', bundle);
    assert.equal(result.status, 1);
    assert.match(result.said, said);
    assert.deepEqual(readdirSync(path.dirname(folder)), []);
  });

test('whoever takes up what the verifier did not see is refused too', async (t) => {
  const refused = (bundle: string, message: RegExp) =>
    assert.rejects(
      moveBundle({ bundle, target: { folder: path.join(makeFolder(t), 'data') }, finish: async () => undefined }),
      { code: 'move-refused', message },
    );
  const copy = (harm: (folder: string) => void) => {
    const bundle = path.join(makeFolder(t), 'bundle');
    cpSync(small, bundle, { recursive: true });
    harm(bundle);
    return bundle;
  };
  await refused(
    copy((folder) => editContents(folder, (contents) => ({ ...contents, log: "x', async_insert = 1 --" }))),
    /holds no bundle of a log that this program can take up/,
  );
  await refused(
    copy(change(44, { outcome: 'forged' })),
    /rows\/000000000000\.jsonl\.gz of the bundle is not what bundle\.json says/,
  );
  await refused(
    copy((folder) => rmSync(path.join(folder, 'keys.jsonl'))),
    /keys\.jsonl of the bundle is not there/,
  );
});

test('a part of a log, and one signed by somebody else, are refused', async (t) => {
  const { environment } = await makeTarget(t, 'embedded');
  const part = path.join(makeFolder(t), 'bundle');
  await makeBundle(path.join(suite, 'log'), part, { from: 256 });
  assert.match(
    (await run(environment, 'move-log', '--from', part)).said,
    /The bundle is a part of its log, events 256 to 299 of 300; export the whole log, without --from and --to\./,
  );
  const keys = path.join(makeFolder(t), 'keys');
  writeFileSync(keys, `${new TestSigner('metatrail/0123456789abcdef').vkey}\n`);
  assert.match(
    (await run(environment, 'move-log', '--from', small, '--public-keys', keys)).said,
    /NOT VERIFIED[\s\S]*Nothing was made of this bundle/,
  );
  mkdirSync(environment.METATRAIL_DATA ?? '');
  assert.match((await run(environment, 'move-log', '--from', makeFolder(t))).said, /bundle\.json is not there/);
});
