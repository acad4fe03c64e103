// The tables of the embedded ClickHouse in a backup. Parts never change: FREEZE makes hard links to those of one instant,
// which are copied while inserts and merges go on. (BACKUP needs a server's configuration, which the embedded engine lacks.)
import { readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { ClickHouse } from '../clickhouse/connect.ts';
import { MIGRATIONS, remakeTables } from '../clickhouse/migrate.ts';
import { LogError } from '../errors.ts';
import type { Manifest } from './manifest.ts';

type Embedded = Extract<Manifest['clickhouse'], { kind: 'embedded' }>;
type Table = Embedded['tables'][number];

const SHADOW = 'shadow';
/** Letters and underscores only: ClickHouse escapes others in the name of the folder. */
const FROZEN = 'metatrail_backup';
/** Where the parts are in a backup. */
const FOLDER = 'clickhouse';
/** The raw log: everything else is made from it. */
const RAW = 'events';

const tableRow = z.object({ name: z.string(), paths: z.array(z.string()) });
type TableRow = z.infer<typeof tableRow>;

/** The tables as they were at one instant. */
export interface FrozenTables {
  clickhouse: Embedded;
  /** Files to be copied: to which path in a backup. */
  files: { from: string; path: string }[];
  /** The number of events in them. */
  events: number;
}

/**
 * Makes links to the tables' parts; `thawTables` removes them. What is made from the raw log is frozen before it: then a
 * view's target has nothing in a backup that the raw log lacks, and the shipper makes up for the rest.
 */
export async function freezeTables(clickhouse: ClickHouse, dataFolder: string): Promise<FrozenTables> {
  // Left by a backup that was killed.
  await thawTables(dataFolder);
  const tables = await readTables(clickhouse);
  for (const { name } of tables) await clickhouse.command(`ALTER TABLE \`${name}\` FREEZE WITH NAME '${FROZEN}'`);
  const frozen = await Promise.all(tables.map((table) => readFrozen(table, dataFolder)));
  return {
    clickhouse: { kind: 'embedded', tables: frozen.map(({ name, parts }) => ({ name, parts })) },
    files: frozen.flatMap(({ files }) => files),
    events: await countRows(frozen.find(({ name }) => name === RAW)),
  };
}

export async function thawTables(dataFolder: string): Promise<void> {
  const shadow = path.join(dataFolder, 'clickhouse', SHADOW);
  await rm(path.join(shadow, FROZEN), { recursive: true, force: true });
  // ClickHouse's count of what it froze; when a process was killed over it there is nothing in it, and no FREEZE after that.
  await rm(path.join(shadow, 'increment.txt'), { force: true });
}

type FrozenTable = Table & { place: string; files: FrozenTables['files'] };

/** The rows in a table, as each of its parts says. */
async function countRows(table: FrozenTable | undefined): Promise<number> {
  let rows = 0;
  for (const part of table?.parts ?? [])
    rows += Number(await readFile(path.join(table?.place ?? '', part, 'count.txt'), 'utf8'));
  return rows;
}

async function readTables(clickhouse: ClickHouse): Promise<TableRow[]> {
  const tables = await clickhouse.select(
    `SELECT name, data_paths AS paths FROM system.tables
     WHERE database = currentDatabase() AND NOT is_temporary AND engine LIKE '%MergeTree' ORDER BY name LIMIT 1000`,
    {},
    tableRow,
  );
  return [...tables.filter(({ name }) => name !== RAW), ...tables.filter(({ name }) => name === RAW)];
}

async function readFrozen({ name, paths }: TableRow, dataFolder: string): Promise<FrozenTable> {
  const home = path.join(dataFolder, 'clickhouse');
  const place = path.join(home, SHADOW, FROZEN, path.relative(home, paths[0] ?? ''));
  const files = (await filesBelow(place)).map((file) => ({
    from: path.join(place, file),
    path: path.posix.join(FOLDER, name, file),
  }));
  return { name, parts: await namesIn(place), place, files };
}

/** Nothing is frozen of a table without rows. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

async function filesBelow(folder: string): Promise<string[]> {
  const names = await namesIn(folder);
  if (names.length === 0) return [];
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)));
}

/** Copies the files of a table's parts to where ClickHouse attaches them from. */
type CopyInto = (table: string, detached: string) => Promise<void>;

/**
 * Makes the tables in an empty ClickHouse as the migrations made them that the backup says have run, and gives them their parts.
 * `partition`: how many events a partition holds. Throws LogError.
 */
export async function restoreTables(
  clickhouse: ClickHouse,
  { tables }: Embedded,
  partition: number,
  copyInto: CopyInto,
): Promise<void> {
  const isOfMigrations = ({ name }: Table) => name === MIGRATIONS;
  await remakeTables(clickhouse, partition, async () => {
    for (const table of tables.filter(isOfMigrations)) await attachParts(clickhouse, table, copyInto);
  });
  for (const table of tables) if (!isOfMigrations(table)) await attachParts(clickhouse, table, copyInto);
}

async function attachParts(clickhouse: ClickHouse, { name, parts }: Table, copyInto: CopyInto): Promise<void> {
  if (parts.length === 0) return;
  const [place] = await clickhouse.select(
    "SELECT data_paths AS paths FROM system.tables WHERE database = currentDatabase() AND name = {name:String} AND engine LIKE '%MergeTree'",
    { name },
    z.object({ paths: z.array(z.string()) }),
  );
  const [home] = place?.paths ?? [];
  if (home === undefined) throw new LogError('backup-damaged', `The backup has a table ${name}, which no log has.`);
  await copyInto(name, path.join(home, 'detached'));
  for (const part of parts) await clickhouse.command(`ALTER TABLE \`${name}\` ATTACH PART '${part}'`);
}

/** The table that a file of a backup belongs to, and its path in it; undefined: it is no part of a table. */
export function partFile(file: string): { table: string; file: string } | undefined {
  const [folder, table, ...rest] = file.split('/');
  return folder === FOLDER && table !== undefined ? { table, file: rest.join('/') } : undefined;
}
