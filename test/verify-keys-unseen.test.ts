// The keys of persons are bound for a check as a temporary table: ClickHouse writes them nowhere, neither into its folder nor into
// a log of its own, however much it logs.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { openChangeLog } from '../ingest/log.ts';
import { LiveLog } from '../ingest/verify/live-log.ts';
import { verifyLog } from '../ingest/verify/verify-log.ts';
import { type ClickHouseServer, ClickHouseServers, DATABASE } from './clickhouse-server.ts';
import { makeFolder } from './ingest-world.ts';
import { makeEvents, makeLog, withSqlite } from './verify-world.ts';

const EVENTS = 700;

let servers: ClickHouseServers;
before(async () => {
  servers = await ClickHouseServers.start({ logged: true });
});
after(() => servers.stop());

/** Every key of a data folder, as bytes. */
function keysOf(folder: string): Buffer[] {
  return withSqlite(folder, (database) =>
    database
      .prepare('SELECT key FROM keys')
      .all()
      .map(({ key }) => Buffer.from(key as Uint8Array)),
  );
}

/** The files of a folder that hold one of the keys, as bytes or as digits. */
function filesWith(folder: string, keys: readonly Buffer[]): string[] {
  const spellings = keys.flatMap((key) => [key, key.toString('hex'), key.toString('hex').toUpperCase()]);
  return filesBelow(folder).filter((file) => {
    const bytes = ifThere(() => readFileSync(file));
    return bytes !== undefined && spellings.some((spelling) => bytes.includes(spelling));
  });
}

function filesBelow(folder: string): string[] {
  const entries = ifThere(() => readdirSync(folder, { withFileTypes: true })) ?? [];
  return entries.flatMap((entry) => {
    const place = path.join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(place) : entry.isFile() ? [place] : [];
  });
}

/** Parts of a table are merged, and gone, while the folder is looked through. */
function ifThere<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Checks a log, and returns the files below `stored` that hold a key while the keys are bound. */
async function searchDuringCheck(place: { folder: string; url?: string; database?: string }, stored: string) {
  const keys = keysOf(place.folder);
  assert.ok(keys.length > 5, 'the log has keys');
  const found = new Set<string>();
  let looked = 0;
  const source = await LiveLog.open(place);
  try {
    const report = await verifyLog(source, {
      onProgress: () => {
        looked += 1;
        for (const file of filesWith(stored, keys)) found.add(path.relative(stored, file));
      },
    });
    assert.deepEqual(report.faults, []);
  } finally {
    await source.close();
  }
  assert.ok(looked > 0);
  for (const file of filesWith(stored, keys)) found.add(path.relative(stored, file));
  return { keys, found: [...found] };
}

/** How many lines of a log of a server hold this text, in large or small letters. */
async function linesWith(server: ClickHouseServer, table: string, columns: string, texts: readonly string[]) {
  const list = texts.map((text) => `'${text}'`).join(', ');
  return Number(
    await server.query(
      `SELECT count() FROM system.${table} WHERE NOT query_id = currentQueryID() AND multiSearchAnyCaseInsensitive(concat(${columns}), [${list}])`,
    ),
  );
}

test('a server that logs every statement has no key in its folder, in its query log or in its text log', async (t) => {
  const folder = makeFolder(t);
  const place = { folder, url: servers.first.url(), database: DATABASE };
  const log = await openChangeLog(place);
  await log.journal.accept((base) => ({ events: makeEvents(base, EVENTS), state: [] }));
  await log.shipper.delivered(EVENTS);
  await log.close();
  const { keys, found } = await searchDuringCheck(place, servers.first.folder);
  assert.deepEqual(found, []);
  await servers.first.query('SYSTEM FLUSH LOGS');
  const digits = keys.map((key) => key.toString('hex'));
  const inserts = 'INSERT INTO metatrail_verify_keys';
  for (const [table, columns] of [
    ['query_log', 'query, formatted_query, exception, stack_trace'],
    ['text_log', 'message'],
  ] as const) {
    assert.ok((await linesWith(servers.first, table, columns, [inserts])) > 0, `${table} is written`);
    assert.equal(await linesWith(servers.first, table, columns, digits), 0, `a key is in ${table}`);
  }
  assert.match(readFileSync(path.join(servers.first.folder, 'server.log'), 'utf8'), /metatrail_verify_keys/);
});

test('the embedded engine has no key in its folder either', async (t) => {
  const folder = makeFolder(t);
  await makeLog(folder);
  const { found } = await searchDuringCheck({ folder }, path.join(folder, 'clickhouse'));
  assert.deepEqual(found, []);
});
