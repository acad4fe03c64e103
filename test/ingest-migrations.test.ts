// The tables of ClickHouse: made once, made again without harm, never by an older program than the one before.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { PARTITION_EVENTS } from '../ingest/clickhouse/cluster.ts';
import type { ClickHouse } from '../ingest/clickhouse/connect.ts';
import { migrateClickHouse, readMigrations } from '../ingest/clickhouse/migrate.ts';
import { openEmbedded } from './ingest-world.ts';

const NUMBERS = readMigrations().map(({ number }) => number);

async function readApplied(clickhouse: ClickHouse): Promise<number[]> {
  const rows = await clickhouse.select(
    'SELECT number FROM migrations ORDER BY number LIMIT 1000',
    {},
    z.object({ number: z.number() }),
  );
  return rows.map(({ number }) => number);
}

async function readTables(clickhouse: ClickHouse): Promise<string[]> {
  const rows = await clickhouse.select(
    "SELECT name, create_table_query AS sql FROM system.tables WHERE database = currentDatabase() AND name NOT LIKE '.inner%' ORDER BY name LIMIT 100",
    {},
    z.object({ name: z.string(), sql: z.string() }),
  );
  return rows.map(({ name, sql }) => `${name}: ${sql.replace(/UUID '[^']*'/g, '')}`);
}

test('migrations are numbered from one without a gap', () => {
  assert.deepEqual(
    NUMBERS,
    NUMBERS.map((_, i) => i + 1),
  );
});

test('all migrations run once; the second time there is nothing left to do', async (t) => {
  const clickhouse = openEmbedded(t);
  await migrateClickHouse(clickhouse, PARTITION_EVENTS);
  assert.deepEqual(await readApplied(clickhouse), NUMBERS);
  const tables = await readTables(clickhouse);
  await migrateClickHouse(clickhouse, PARTITION_EVENTS);
  assert.deepEqual(await readApplied(clickhouse), NUMBERS);
  assert.deepEqual(await readTables(clickhouse), tables);
});

test('cut off after any statement, the next start completes them', async (t) => {
  const whole = openEmbedded(t);
  await migrateClickHouse(whole, PARTITION_EVENTS);
  const tables = await readTables(whole);
  for (let cut = 1; cut <= NUMBERS.length; cut++) {
    await whole.command('DROP TABLE IF EXISTS entitlement_changes_view SYNC');
    for (const table of ['entitlement_changes', 'events', 'migrations'])
      await whole.command(`DROP TABLE IF EXISTS ${table} SYNC`);
    // The statement was carried out, and the process died before it noted that.
    for (const [i, { sql, number, name }] of readMigrations().slice(0, cut).entries()) {
      await whole.command(sql);
      if (i < cut - 1) await whole.command(`INSERT INTO migrations VALUES (${number}, '${name}', now64(6))`);
    }
    await migrateClickHouse(whole, PARTITION_EVENTS);
    assert.deepEqual(await readApplied(whole), NUMBERS, `cut off after ${cut}`);
    assert.deepEqual(await readTables(whole), tables, `cut off after ${cut}`);
  }
});

test('tables that a newer program has made are refused', async (t) => {
  const clickhouse = openEmbedded(t);
  await migrateClickHouse(clickhouse, PARTITION_EVENTS);
  await clickhouse.command("INSERT INTO migrations VALUES (9999, '9999-from-tomorrow.sql', now64(6))");
  await assert.rejects(migrateClickHouse(clickhouse, PARTITION_EVENTS), {
    code: 'data-folder-newer',
    message: `The change log in ClickHouse was written by a newer Metatrail (migration 9999; this program knows ${NUMBERS.length}).`,
  });
});
