// REPLICAS.md: the statements are those that the service runs, and each statement in it is one that ClickHouse reads.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { z } from 'zod';
import { asReplicated, clusterOf, distributedEngine } from '../ingest/clickhouse/cluster.ts';
import { readMigrations } from '../ingest/clickhouse/migrate.ts';
import { openEmbedded } from './ingest-world.ts';

const DOCUMENT = new URL('../ingest/REPLICAS.md', import.meta.url);
const CLUSTER = clusterOf('company', 'metatrail');
const GENERATED = /(## The statements\n[\s\S]*?```sql\n)([\s\S]*?)(```\n)/;
const TABLE = /CREATE TABLE IF NOT EXISTS (\w+)[\s\S]*?^ENGINE = /m;

/** What `migrateClickHouse` runs on one server of a cluster with Keeper. */
function statements(): string[] {
  const { database, rowsDatabase } = CLUSTER;
  const migrations = readMigrations();
  const tables = migrations.flatMap(({ number, sql }) => (number > 1 ? (TABLE.exec(sql)?.[1] ?? []) : []));
  return [
    `CREATE DATABASE IF NOT EXISTS ${database}`,
    `CREATE DATABASE IF NOT EXISTS ${rowsDatabase}`,
    `USE ${rowsDatabase}`,
    ...migrations.map(({ number, sql }) => (number > 1 ? asReplicated(sql) : sql).trim()),
    ...tables
      .sort()
      .map(
        (table) =>
          `CREATE TABLE IF NOT EXISTS ${database}.${table} AS ${rowsDatabase}.${table} ENGINE = ${distributedEngine(CLUSTER, table)}`,
      ),
  ];
}

test('the statements in REPLICAS.md are those that the service runs', () => {
  const text = readFileSync(DOCUMENT, 'utf8');
  const expected = `${statements().join(';\n\n')};\n`;
  assert.ok((expected.match(/ENGINE = ReplicatedMergeTree\(/g) ?? []).length >= 4);
  if (process.env.UPDATE_GOLDEN)
    writeFileSync(
      DOCUMENT,
      text.replace(GENERATED, (_, a, __, b) => `${a}${expected}${b}`),
    );
  else assert.equal(GENERATED.exec(text)?.[2], expected, 'UPDATE_GOLDEN=1 writes them');
});

test('ClickHouse reads every statement in REPLICAS.md', async (t) => {
  const clickhouse = openEmbedded(t);
  const blocks = [...readFileSync(DOCUMENT, 'utf8').matchAll(/```sql\n([\s\S]*?)```/g)].map(([, sql = '']) => sql);
  // A comment may have a semicolon in it, and stands on lines of its own.
  const given = blocks
    .flatMap((sql) => sql.replaceAll(/^ *--.*\n/gm, '').split(/;\n/))
    .filter((sql) => sql.trim() !== '');
  assert.ok(given.length > 30);
  const read = (sql: string) =>
    clickhouse.select('SELECT formatQuery({sql:String}) AS read', { sql }, z.object({ read: z.string() }));
  for (const sql of given) await read(sql);
  await assert.rejects(read('SELECT count( FROM events'), /SYNTAX_ERROR/);
});
