// Data folders that earlier versions of the program have written, kept as they were: each opens, loses nothing and goes on.
// test/README.md says how one is made.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { z } from 'zod';
import { localAccess } from '../api/access/access.ts';
import { readEnvironment } from '../api/environment.ts';
import { Installation } from '../api/installation.ts';
import { loadConfiguration } from '../engine/configuration/load.ts';
import type { Configuration } from '../engine/configuration/model.ts';
import { compareFolder } from '../engine/replay/replay-folder.ts';
import { type Entry, KINDS } from '../engine/space.ts';
import { openClickHouse } from '../ingest/clickhouse/connect.ts';
import { readMigrations } from '../ingest/clickhouse/migrate.ts';
import { fromRow, rowSchema } from '../ingest/clickhouse/rows.ts';
import { DATA_VERSION } from '../ingest/journal/schema.ts';
import { JournalSnapshot } from '../ingest/journal/snapshot.ts';
import { openChangeLog } from '../ingest/log.ts';
import { TileStore } from '../ingest/merkle/tiles.ts';
import { HASH_BYTES } from '../ingest/merkle/tree.ts';
import { afterwards, makeBatch, makeFolder } from './ingest-world.ts';
import { assertReplays } from './replayed-state.ts';
import { check } from './verify-world.ts';

/**
 * What was in each of them, noted when it was made: the version of the data folder, the newest migration of ClickHouse, and the log.
 * The newest state of today is among them, so that whoever adds a step finds the folder of before it.
 */
const KEPT = [
  {
    archive: '1',
    version: 1,
    migration: 4,
    log: 'metatrail/a577323cff5fc55f',
    size: 553,
    root: 'ea8eb336c5951000ee6536508b422be62191a64633add8bcc8ff60fa74ff7922',
  },
  {
    archive: '2',
    version: 2,
    migration: 4,
    log: 'metatrail/a577323cff5fc55f',
    size: 560,
    root: '33f00728a3827913295589502c5ace8f8dc4e4c06efec927f43f8a6288a989ef',
  },
  {
    archive: '3',
    version: 3,
    migration: 5,
    log: 'metatrail/a577323cff5fc55f',
    size: 567,
    root: '41f749bb7481d6c1a023fadb8949ede167504cab13dbfc73aaecf6845e76148d',
  },
  {
    archive: '4-migration-11',
    version: 4,
    migration: 11,
    log: 'metatrail/9eee3a17384dceaa',
    size: 567,
    root: '6caf91320a5f07b8cfff809d64b4d490988e80a58dcaca4c7127e9d5b7e677be',
  },
  {
    archive: '4-migration-13',
    version: 4,
    migration: 13,
    log: 'metatrail/d7da0b1cdb6fda38',
    size: 567,
    root: '498951c082aae4f1832cdfa68b0b943880d246f49784c584ad71f7361f095a65',
  },
  {
    archive: '4-migration-15',
    version: 4,
    migration: 15,
    log: 'metatrail/654ea90984e09ca5',
    size: 567,
    root: 'ab0190bca7c14c4ed85b23a119686ac4c4eb7ebf3e2f9ed34d22360365086717',
  },
];

/** Opened by kept-data-erased.test.ts. */
const KEPT_ERASED = { archive: '4-migration-9', version: 4, migration: 9 };
const ALL = [...KEPT, KEPT_ERASED];

/** Unpacks one, and returns its data folder. */
function openKept(t: TestContext, archive: string): string {
  const folder = makeFolder(t);
  execFileSync('tar', ['xzf', path.join(import.meta.dirname, `kept-data/${archive}.tar.gz`), '-C', folder]);
  const [data] = globSync('{data,*/data}', { cwd: folder });
  return path.join(folder, data ?? assert.fail(`${archive} has no data folder`));
}

/** At which state a data folder stands, as its own files say. */
async function readState(folder: string): Promise<{ version: unknown; migration: unknown }> {
  const database = new DatabaseSync(path.join(folder, 'metatrail.sqlite'), { readOnly: true });
  const version = database.prepare('PRAGMA user_version').get()?.user_version;
  database.close();
  const clickhouse = openClickHouse({ folder });
  try {
    const newest = z.object({ number: z.number() });
    const [row] = await clickhouse.select('SELECT max(number) AS number FROM migrations', {}, newest);
    return { version, migration: row?.number };
  } finally {
    await clickhouse.close();
  }
}

/** The log is checked from outside when its service is over. */
async function assertVerified(folder: string, size: number): Promise<void> {
  const report = await check(folder);
  assert.deepEqual([report.faults, report.unchecked], [[], []]);
  assert.ok(report.size >= size, 'what was accepted at the end is there as well');
}

test('a data folder of every version is kept, and one of the state that this program makes', () => {
  const files = readdirSync(path.join(import.meta.dirname, 'kept-data'));
  assert.deepEqual(files.sort(), ALL.map(({ archive }) => `${archive}.tar.gz`).sort());
  const versions = new Set(ALL.map(({ version }) => version));
  assert.deepEqual(
    [...versions].sort((a, b) => a - b),
    Array.from({ length: DATA_VERSION }, (_, i) => i + 1),
  );
  const migrations = readMigrations().length;
  assert.ok(
    ALL.some(({ version, migration }) => version === DATA_VERSION && migration === migrations),
    `No folder of data version ${DATA_VERSION} and migration ${migrations} is kept; the next step would find none to start from. Make it: node test/make-kept-data.ts ${DATA_VERSION}-migration-${migrations}.`,
  );
});

for (const { archive, version, migration } of ALL) {
  test(`the data folder ${archive} stands at data version ${version} and migration ${migration}`, async (t) => {
    assert.deepEqual(await readState(openKept(t, archive)), { version, migration });
  });
}

for (const kept of KEPT) {
  test(`the data folder ${kept.archive} opens with its log whole, and the log goes on`, async (t) => {
    const folder = openKept(t, kept.archive);
    const log = await openChangeLog({ folder });
    afterwards(t, () => log.close());
    assert.equal(log.journal.log, kept.log);
    assert.deepEqual(await log.journal.head(), { size: kept.size, root: kept.root });
    await log.journal.accept((base) => makeBatch(base, 300));
    await log.shipper.delivered(kept.size + 300);
    const [held] = await log.clickhouse.select(
      'SELECT count() AS events, max(sequence) AS last FROM events',
      {},
      z.object({ events: z.number(), last: z.number() }),
    );
    assert.deepEqual(held, { events: kept.size + 300, last: kept.size + 299 });
    await log.close();
    await assertVerified(folder, kept.size + 300);
  });
}

const BASE = 'dn: dc=example,dc=org\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: Example';

/** The files of the connected systems, as the folder's own state knows them: they are not kept with it. */
function writeFiles(folder: string): Configuration {
  const snapshot = new JournalSnapshot(path.join(folder, 'data'));
  try {
    const entries = [...snapshot.state()].filter(({ kind }) => kind === KINDS.entry).map(({ value }) => value as Entry);
    const of = (agent: string) => entries.filter((entry) => entry.agent === agent);
    const value = (entry: Entry, name: string) => entry.image[name]?.[0]?.[0] ?? '';
    const people = of('hr').map((entry) => `${value(entry, 'id')},${value(entry, 'name')}\n`);
    writeFileSync(path.join(folder, 'people.csv'), `id,name\n${people.join('')}2000,Nova Newman\n`);
    const accounts = of('directory').map((entry) =>
      [
        `dn: ${entry.dn}`,
        'objectClass: inetOrgPerson',
        ...['uid', 'cn', 'sn'].map((name) => `${name}: ${value(entry, name)}`),
      ].join('\n'),
    );
    writeFileSync(path.join(folder, 'directory.ldif'), `${[BASE, ...accounts].join('\n\n')}\n`);
    const [first = ''] = snapshot.rows(0, 1);
    const { values } = fromRow(rowSchema.parse(JSON.parse(first)));
    const text = values.find(({ attribute }) => attribute === 'text')?.new ?? '';
    return loadConfiguration(text, { file: path.join(folder, 'company.yaml'), variables: {} });
  } finally {
    snapshot.close();
  }
}

const QUESTIONS = `query ($log: Sequence!, $after: String) {
  changes(first: 200, after: $after, filter: { watermark: $log }) {
    nodes { sequence stage outcome anchor values { attribute old new } }
    pageInfo { endCursor hasNextPage }
  }
}`;

const answerSchema = z.object({
  changes: z.object({
    nodes: z.array(z.looseObject({ sequence: z.coerce.number() })),
    pageInfo: z.object({ endCursor: z.string().nullish(), hasNextPage: z.boolean() }),
  }),
});

/** All changes, page by page, as the log stood at this size. */
async function allChanges(installation: Installation, size: number): Promise<{ sequence: number }[]> {
  const found: { sequence: number }[] = [];
  for (let after: string | null | undefined; ; ) {
    const { data, errors } = await installation.ask(QUESTIONS, { log: size, after }, localAccess('test'));
    assert.equal(errors, undefined);
    const { nodes, pageInfo } = answerSchema.parse(data).changes;
    found.push(...nodes);
    if (!pageInfo.hasNextPage) return found;
    after = pageInfo.endCursor;
  }
}

for (const kept of KEPT) {
  test(`with the data folder ${kept.archive} the engine goes on, and questions are answered as before`, async (t) => {
    const data = openKept(t, kept.archive);
    const configuration = writeFiles(path.dirname(data));
    // A replay gives the state that the program of that time kept.
    assert.deepEqual((await compareFolder(data)).differences, []);
    const installation = await Installation.open(readEnvironment({ METATRAIL_DATA: data }), configuration);
    afterwards(t, async () => {
      await installation.close();
      await assertReplays(data);
    });
    const before = await allChanges(installation, kept.size);
    assert.deepEqual(
      before.map(({ sequence }) => sequence),
      Array.from({ length: kept.size }, (_, i) => kept.size - 1 - i),
    );
    const { journal } = installation.log;
    const counted = async (agent: string, profile: string) => {
      const from = journal.size;
      const { result } = await installation.engine.run(agent, profile);
      const rows = journal.rows(from, 1000).map(({ row }) => fromRow(rowSchema.parse(JSON.parse(row))));
      return [
        result,
        ...rows.filter(({ stage }) => stage !== 'run').map(({ stage, outcome }) => `${stage}/${outcome}`),
      ];
    };
    // One newcomer, and nothing else.
    assert.deepEqual(await counted('hr', 'full'), [
      'success',
      'import/stage-add',
      'projection/disconnector-projected',
      'import-flow/connector-flow',
      'provisioning/provisioned-add-flow',
      'export-flow/connector-flow',
    ]);
    assert.deepEqual(await counted('directory', 'export'), ['success', 'export/export-intent', 'export/export-add']);
    assert.deepEqual(await counted('directory', 'confirm'), ['success', 'confirmation/export-confirmed']);
    assert.deepEqual(await allChanges(installation, kept.size), before);
    const { size } = journal;
    await installation.close();
    await assertVerified(data, size);
  });
}

test('the tiles that version 1 kept as files are in the journal, byte for byte, and the files are gone', async (t) => {
  const folder = openKept(t, '1');
  const before = [0, 1].map((index) => readFileSync(path.join(folder, `tile/0/00${index}`)));
  const log = await openChangeLog({ folder });
  await log.close();
  const database = new DatabaseSync(path.join(folder, 'metatrail.sqlite'), { readOnly: true });
  afterwards(t, () => database.close());
  const store = new TileStore(database);
  for (const [index, bytes] of before.entries()) {
    assert.equal(bytes.length, 256 * HASH_BYTES);
    assert.deepEqual(Buffer.concat(store.read(0, index)), bytes);
  }
  assert.ok(!existsSync(path.join(folder, 'tile')));
});
