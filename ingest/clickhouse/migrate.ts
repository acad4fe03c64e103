// Brings the tables of ClickHouse up to this program's version, on each server that holds rows. Migrations are numbered
// files, one object each, and idempotent, so that one that was cut off is simply run again.
import { readdirSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { formatMicros, systemClock } from '../clock.ts';
import { LogError } from '../errors.ts';
import { areReplicated, asReplicated, makeDistributedTables, PARTITION_EVENTS } from './cluster.ts';
import type { ClickHouse } from './connect.ts';
import { refuseMissingRights, refuseTooOld } from './requirements.ts';

interface Migration {
  number: number;
  name: string;
  sql: string;
}

const FOLDER = new URL('./migrations/', import.meta.url);
/** The table of the migrations that have run; the first of them makes it. */
export const MIGRATIONS = 'migrations';

export function readMigrations(): Migration[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => ({ number: Number(name.slice(0, 4)), name, sql: readFileSync(new URL(name, FOLDER), 'utf8') }));
}

/**
 * Runs what has not run yet; `partition`: how many events a partition of this log holds. Throws LogError: data-folder-newer when
 * a newer program has been here, clickhouse-too-old, and clickhouse-right-missing for the user who makes tables or the one who ships and asks.
 */
export async function migrateClickHouse(clickhouse: ClickHouse, partition: number): Promise<void> {
  const { cluster } = clickhouse;
  if (!clickhouse.embedded) await refuseTooOld(clickhouse);
  const owners = await clickhouse.openOwners({ makeDatabases: true });
  try {
    const missing = new Map<ClickHouse, Migration[]>();
    for (const owner of owners) {
      if (cluster) await refuseTooOld(owner);
      missing.set(owner, await findMissing(owner));
    }
    const some = [...missing.values()].some((migrations) => migrations.length > 0);
    const replicated = some && cluster !== undefined && (await areReplicated(owners, cluster));
    for (const [owner, migrations] of missing) await runMigrations(owner, migrations, replicated, partition);
    if (cluster) for (const owner of owners) await makeDistributedTables(owner, cluster);
  } finally {
    await Promise.all(owners.map((owner) => owner.close()));
  }
  await refuseMissingRights(clickhouse);
}

/**
 * Makes the tables as they were after the migrations that have run by the table of migrations, which `fillMigrations` fills as
 * soon as it is there. For an empty ClickHouse. Throws LogError data-folder-newer.
 */
export async function remakeTables(
  owner: ClickHouse,
  partition: number,
  fillMigrations: () => Promise<void>,
): Promise<void> {
  const [first, ...others] = readMigrations();
  if (first) await owner.command(first.sql);
  await fillMigrations();
  const applied = await readApplied(owner);
  if (applied > (others.at(-1)?.number ?? 0)) throw newerThanThis(applied);
  for (const { number, sql } of others) if (number <= applied) await owner.command(withPartition(sql, partition));
}

/** The migrations that have not run on a server. */
async function findMissing(owner: ClickHouse): Promise<Migration[]> {
  const migrations = readMigrations();
  const applied = await readApplied(owner);
  const newest = migrations.at(-1)?.number ?? 0;
  if (applied > newest) throw newerThanThis(applied);
  return migrations.filter(({ number }) => number > applied);
}

function newerThanThis(applied: number): LogError {
  const newest = readMigrations().at(-1)?.number ?? 0;
  return new LogError(
    'data-folder-newer',
    `The change log in ClickHouse was written by a newer Metatrail (migration ${applied}; this program knows ${newest}).`,
  );
}

function withPartition(sql: string, partition: number): string {
  return sql.replace(`intDiv(sequence, ${PARTITION_EVENTS})`, `intDiv(sequence, ${partition})`);
}

async function runMigrations(
  owner: ClickHouse,
  migrations: readonly Migration[],
  replicated: boolean,
  partition: number,
): Promise<void> {
  for (const { number, name, sql: text } of migrations) {
    const sql = withPartition(text, partition);
    // Which migrations have run is what each server knows of itself, also among replicas.
    await owner.command(replicated && number > 1 ? asReplicated(sql) : sql);
    const line = JSON.stringify({ number, name, applied_at: formatMicros(systemClock()) });
    await owner.insert('INSERT INTO migrations (number, name, applied_at) FORMAT JSONEachRow', line);
  }
}

/** The number of the last migration that has run, 0 for none. Only looks: the user may have no right to make tables. */
async function readApplied(owner: ClickHouse): Promise<number> {
  const tables = await owner.select(
    "SELECT name, engine FROM system.tables WHERE database = currentDatabase() AND name IN ('migrations', 'events')",
    {},
    z.object({ name: z.string(), engine: z.string() }),
  );
  if (tables.some(({ name, engine }) => name === 'events' && engine === 'Distributed')) {
    const said = 'The database of CLICKHOUSE_URL is that of a cluster, which CLICKHOUSE_CLUSTER must name.';
    throw new LogError('clickhouse-refused', said);
  }
  if (!tables.some(({ name }) => name === 'migrations')) return 0;
  const [row] = await owner.select(
    'SELECT max(number) AS number FROM migrations',
    {},
    z.object({ number: z.number() }),
  );
  return row?.number ?? 0;
}
