// Brings the tables of ClickHouse up to this program's version. Migrations are numbered files, one object each, and
// idempotent, so that one that was cut off is simply run again.
import { readdirSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { formatMicros, systemClock } from '../clock.ts';
import { LogError } from '../errors.ts';
import type { ClickHouse } from './connect.ts';

interface Migration {
  number: number;
  name: string;
  sql: string;
}

const FOLDER = new URL('./migrations/', import.meta.url);

export function readMigrations(): Migration[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => ({ number: Number(name.slice(0, 4)), name, sql: readFileSync(new URL(name, FOLDER), 'utf8') }));
}

/** Runs what has not run yet. Throws LogError data-folder-newer when a newer program has been here. */
export async function migrateClickHouse(clickhouse: ClickHouse): Promise<void> {
  const migrations = readMigrations();
  const [first] = migrations;
  if (!first) throw new Error('There are no migrations beside the program.');
  await clickhouse.command(first.sql);
  const [row] = await clickhouse.select(
    'SELECT max(number) AS number FROM migrations',
    {},
    z.object({ number: z.number() }),
  );
  const applied = row?.number ?? 0;
  const newest = migrations.at(-1)?.number ?? 0;
  if (applied > newest) {
    throw new LogError(
      'data-folder-newer',
      `The change log in ClickHouse was written by a newer Metatrail (migration ${applied}; this program knows ${newest}).`,
    );
  }
  for (const migration of migrations.filter(({ number }) => number > applied)) {
    await clickhouse.command(migration.sql);
    const line = JSON.stringify({
      number: migration.number,
      name: migration.name,
      applied_at: formatMicros(systemClock()),
    });
    await clickhouse.insert('INSERT INTO migrations (number, name, applied_at) FORMAT JSONEachRow', line);
  }
}
