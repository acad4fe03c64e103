// The tables of the embedded ClickHouse in a backup. Parts never change: FREEZE makes hard links to those of one instant,
// which are copied while inserts and merges go on. (BACKUP needs a server's configuration, which the embedded engine lacks.)
import { readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { ClickHouse } from '../clickhouse/connect.ts';
import { LogError } from '../errors.ts';
import { copyFile } from './copy.ts';
import type { BackupFile, Manifest } from './manifest.ts';

type Embedded = Extract<Manifest['clickhouse'], { kind: 'embedded' }>;
type Table = Embedded['tables'][number];

const SHADOW = 'shadow';
/** Letters and underscores only: ClickHouse escapes others in the name of the folder. */
const FROZEN = 'metatrail_backup';
/** Where the parts are in a backup. */
const FOLDER = 'clickhouse';
/** The raw log: everything else is made from it. */
const RAW = 'events';

const tableRow = z.object({ name: z.string(), engine: z.string(), create: z.string(), paths: z.array(z.string()) });
type TableRow = z.infer<typeof tableRow>;

/**
 * Copies the tables into a backup folder. What is made from the raw log is frozen before it: then the copy of a view's
 * target holds nothing that the copy of the raw log lacks, and the shipper makes up for the rest.
 */
export async function copyTables(
  clickhouse: ClickHouse,
  dataFolder: string,
  folder: string,
): Promise<{ clickhouse: Embedded; files: BackupFile[]; events: number }> {
  const frozen = path.join(dataFolder, 'clickhouse', SHADOW, FROZEN);
  // Left by a backup that was killed.
  await rm(frozen, { recursive: true, force: true });
  const tables = await readTables(clickhouse);
  const files: BackupFile[] = [];
  const copied: Table[] = [];
  try {
    const stored = tables.filter(({ paths }) => paths.length > 0);
    for (const { name } of stored) await clickhouse.command(`ALTER TABLE \`${name}\` FREEZE WITH NAME '${FROZEN}'`);
    for (const table of stored) copied.push(await copyParts(table, dataFolder, folder, files));
    const views = tables.filter(({ paths }) => paths.length === 0);
    return {
      clickhouse: {
        kind: 'embedded',
        tables: [...copied, ...views.map(({ name, create }) => ({ name, create, parts: [] }))],
      },
      files,
      events: await countRows(
        folder,
        copied.find(({ name }) => name === RAW),
      ),
    };
  } finally {
    await rm(frozen, { recursive: true, force: true });
  }
}

/** The rows in the copied parts of a table, as each part says. */
async function countRows(folder: string, table: Table | undefined): Promise<number> {
  let rows = 0;
  for (const part of table?.parts ?? [])
    rows += Number(await readFile(path.join(folder, FOLDER, RAW, part, 'count.txt'), 'utf8'));
  return rows;
}

async function readTables(clickhouse: ClickHouse): Promise<TableRow[]> {
  const tables = await clickhouse.select(
    `SELECT name, engine, create_table_query AS create, if(engine LIKE '%MergeTree', data_paths, []) AS paths
     FROM system.tables WHERE database = currentDatabase() AND NOT is_temporary ORDER BY name LIMIT 1000`,
    {},
    tableRow,
  );
  return [...tables.filter(({ name }) => name !== RAW), ...tables.filter(({ name }) => name === RAW)];
}

async function copyParts(table: TableRow, dataFolder: string, folder: string, files: BackupFile[]): Promise<Table> {
  const home = path.join(dataFolder, 'clickhouse');
  const [place = ''] = table.paths;
  const frozen = path.join(home, SHADOW, FROZEN, path.relative(home, place));
  const parts = await namesIn(frozen);
  for (const file of await filesBelow(frozen)) {
    const relative = path.posix.join(FOLDER, table.name, file);
    files.push({ path: relative, ...(await copyFile(path.join(frozen, file), path.join(folder, relative))) });
  }
  return { name: table.name, create: table.create, parts };
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

/** Makes the tables again in an empty ClickHouse and gives them the parts of a backup. Throws LogError. */
export async function restoreTables(
  clickhouse: ClickHouse,
  backup: Embedded,
  copyInto: (table: string, detached: string) => Promise<void>,
): Promise<void> {
  for (const { create } of backup.tables) await clickhouse.command(create);
  for (const { name, parts } of backup.tables) {
    if (parts.length === 0) continue;
    const [place] = await clickhouse.select(
      'SELECT data_paths AS paths FROM system.tables WHERE database = currentDatabase() AND name = {name:String}',
      { name },
      z.object({ paths: z.array(z.string()) }),
    );
    const [home] = place?.paths ?? [];
    if (home === undefined)
      throw new LogError('backup-damaged', `The table ${name} of the backup cannot be made again.`);
    await copyInto(name, path.join(home, 'detached'));
    for (const part of parts) await clickhouse.command(`ALTER TABLE \`${name}\` ATTACH PART '${part}'`);
  }
}

/** The table that a file of a backup belongs to, and its path in it; undefined: it is no part of a table. */
export function partFile(file: string): { table: string; file: string } | undefined {
  const [folder, table, ...rest] = file.split('/');
  return folder === FOLDER && table !== undefined ? { table, file: rest.join('/') } : undefined;
}
