// The log is taken from the embedded ClickHouse to a server or a cluster: every row of it, once, whatever was cut off on the
// way, and never onto another log.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { type ClickHouse, openClickHouse } from '../ingest/clickhouse/connect.ts';
import { type MovedLog, type MoveProgress, moveLog } from '../ingest/clickhouse/move-log.ts';
import { EVENT_COLUMNS } from '../ingest/clickhouse/rows.ts';
import { Journal } from '../ingest/journal/journal.ts';
import { openChangeLog } from '../ingest/log.ts';
import { changeClickHouse, makeFolderAt, OWNER, type Place, startServers, targetOf } from './ingest-places.ts';
import { afterwards, makeEvent, makeFolder, makeId } from './ingest-world.ts';
import { startProgram } from './run-program.ts';

const EVENTS = 150;

/** A log of grants and revocations in the embedded ClickHouse of a data folder, closed again. */
async function makeLog(folder: string, count = EVENTS): Promise<void> {
  const log = await openChangeLog({ folder });
  await log.journal.accept((base) => ({
    events: Array.from({ length: count }, (_, i) =>
      makeEvent({
        object: makeId((i % 7) + 1),
        objectName: `Zoë "${base + i}"\n`,
        agent: 'ldap',
        values: [
          { attribute: 'role', type: 'string', operation: 'replace', old: `${i}`, new: `${i + 1}`, marks: 1 },
          { attribute: 'member', type: 'reference', operation: 'add', new: 'x', reference: makeId(i + 1), marks: 3 },
        ],
      }),
    ),
    state: [],
  }));
  await log.shipper.delivered(log.journal.size);
  await log.close();
}

/** Moves the log of a folder to where another folder has its ClickHouse. */
async function move(
  folder: string,
  to: string,
  options: { onProgress?: (progress: MoveProgress) => void; signal?: AbortSignal } = {},
): Promise<MovedLog> {
  const journal = await Journal.open(folder);
  const source = openClickHouse({ folder });
  const target = openClickHouse(targetOf(to));
  try {
    return await moveLog({ journal, source, target, ...options });
  } finally {
    for (const each of [source, target, journal]) await each.close();
  }
}

async function readAll(clickhouse: ClickHouse): Promise<unknown[][]> {
  const columns = EVENT_COLUMNS.map((column) => `\`${column}\``).join(', ');
  const events = await clickhouse.select(`SELECT ${columns} FROM events ORDER BY sequence`, {}, z.unknown());
  const changes = await clickhouse.select('SELECT * FROM entitlement_changes ORDER BY ALL', {}, z.unknown());
  return [events, changes];
}

async function readAt(folder: string): Promise<unknown[][]> {
  const clickhouse = openClickHouse(targetOf(folder));
  return readAll(clickhouse).finally(() => clickhouse.close());
}

/** A log in an embedded ClickHouse, what it holds, and an empty ClickHouse elsewhere. */
async function start(t: TestContext, place: Place) {
  const folder = await makeFolderAt(t, 'embedded');
  await makeLog(folder);
  return { folder, to: await makeFolderAt(t, place), held: await readAt(folder) };
}

for (const place of ['server', 'cluster'] as const) {
  test(`every row is taken along, and the log goes on there (${place})`, { timeout: 120_000 }, async (t) => {
    const { folder, to, held } = await start(t, place);
    assert.deepEqual(await move(folder, to), { events: EVENTS, found: 0 });
    assert.deepEqual(await readAt(to), held);
    assert.deepEqual(await move(folder, to), { events: EVENTS, found: EVENTS });
    assert.deepEqual(await readAt(to), held);
    const log = await openChangeLog({ ...targetOf(to), folder });
    afterwards(t, () => log.close());
    await log.journal.accept((base) => ({ events: [makeEvent({ objectName: `event ${base}` })], state: [] }));
    await log.shipper.delivered(EVENTS + 1);
    await log.close();
    await assert.rejects(move(folder, to), { code: 'clickhouse-different', message: /and 151 were delivered to it/ });
  });

  test(`cut off after any batch, it goes on from there (${place})`, { timeout: 120_000 }, async (t) => {
    const { folder, to, held } = await start(t, place);
    const cut = new AbortController();
    const onProgress = ({ what, done }: MoveProgress) => {
      if (what === 'copying' && (place === 'server' || done >= EVENTS / 2)) cut.abort();
    };
    await assert.rejects(move(folder, to, { onProgress, signal: cut.signal }), { name: 'AbortError' });
    // As if the insert had been killed before its rows reached the view.
    await changeClickHouse(to, 'TRUNCATE TABLE entitlement_changes');
    const { found } = await move(folder, to);
    assert.ok(found > 0);
    assert.deepEqual(await readAt(to), held);
  });

  test(`a row that differs is found and named (${place})`, { timeout: 120_000 }, async (t) => {
    const { folder, to } = await start(t, place);
    await move(folder, to);
    for (const [statement, message] of [
      ["UPDATE values_commitment = 'x' WHERE sequence = 77", 'The two ClickHouses differ in events at event 77.'],
      ['DELETE WHERE sequence = 90', /holds 149 events up to sequence 149/],
    ] as const) {
      await changeClickHouse(to, `ALTER TABLE events ${statement} SETTINGS mutations_sync = 2`);
      await assert.rejects(move(folder, to), { code: 'clickhouse-different', message });
    }
  });

  test(`a view that differs is found (${place})`, { timeout: 120_000 }, async (t) => {
    const { folder, to } = await start(t, place);
    await move(folder, to);
    await changeClickHouse(
      to,
      "ALTER TABLE entitlement_changes UPDATE agent = 'x' WHERE sequence = 33 SETTINGS mutations_sync = 2",
    );
    await assert.rejects(move(folder, to), {
      code: 'clickhouse-different',
      message: 'The two ClickHouses differ in entitlement_changes at event 33.',
    });
  });

  test(`another log there is not touched (${place})`, { timeout: 120_000 }, async (t) => {
    const { folder, to } = await start(t, place);
    const other = await makeFolderAt(t, 'embedded');
    await makeLog(other, 3);
    await move(other, to);
    const before = await readAt(to);
    await assert.rejects(move(folder, to), { code: 'clickhouse-different', message: /events of another log/ });
    assert.deepEqual(await readAt(to), before);
  });
}

test('the command is killed again and again and then says that every event is there', {
  timeout: 240_000,
}, async (t) => {
  const folder = await makeFolderAt(t, 'embedded');
  await makeLog(folder, 30_000);
  const held = await readAt(folder);
  const to = await makeFolderAt(t, 'server');
  const environment = { METATRAIL_DATA: folder, CLICKHOUSE_DATABASE: targetOf(to).database ?? '' };
  const url = (await startServers('server')).first.url(OWNER);
  for (const milliseconds of [900, 1500, 2500]) {
    const { child, ended } = startProgram(environment, 'move-log', '--to', url);
    await sleep(milliseconds);
    child.kill('SIGKILL');
    await ended;
  }
  const { status, said } = await startProgram(environment, 'move-log', '--to', url).ended;
  assert.equal(status, 0, said);
  assert.match(said, /^All 30000 events of the log are there, \d+ of them from before, and each is the same/m);
  assert.deepEqual(await readAt(to), held);
});

test('the command says what stands in its way', { timeout: 120_000 }, async (t) => {
  const folder = await makeFolderAt(t, 'embedded');
  await makeLog(folder, 3);
  const nowhere = await startProgram({ METATRAIL_DATA: folder }, 'move-log').ended;
  assert.deepEqual(nowhere, {
    status: 1,
    said: 'Where the log is to go is not known; name a server with --to or CLICKHOUSE_URL.\n',
  });
  const journal = await Journal.open(folder);
  const used = await startProgram({ METATRAIL_DATA: folder }, 'move-log', '--to', 'http://127.0.0.1:9').ended;
  assert.equal(used.status, 1);
  assert.match(used.said, /Stop the other process/);
  await journal.close();
  const empty = await startProgram({ METATRAIL_DATA: makeFolder(t) }, 'move-log', '--to', 'http://127.0.0.1:9').ended;
  assert.match(empty.said, /holds no log with an embedded ClickHouse; name one with --data\.\n$/);
});
