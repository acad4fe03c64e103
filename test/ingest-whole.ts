// That a log is whole: ClickHouse holds the journal's events row by row, each view's target holds what the view makes of the
// raw log, and the Merkle root is the one computed from the rows by a program that shares nothing with the writer.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import { INSERTED_COLUMNS } from '../ingest/clickhouse/rows.ts';
import type { Journal } from '../ingest/journal/journal.ts';
import type { ChangeLog } from '../ingest/log.ts';
import { computeLeaf } from './ingest-encoding-independent.ts';

type Row = Record<string, unknown>;
const rowSchema = z.record(z.string(), z.unknown());
const PAGE = 20_000;

/** Also rows that the journal no longer has take part in the root; the journal's own are compared column by column. */
export async function assertWhole(log: ChangeLog): Promise<void> {
  const { size, root } = await log.journal.head();
  const held = await readHeld(log);
  assert.deepEqual(
    held.map(({ sequence }) => sequence),
    Array.from({ length: size }, (_, i) => i),
    'the sequences in ClickHouse are dense, in order and as many as were accepted',
  );
  assert.equal(log.shipper.shipped, size);
  for (let next = log.journal.firstRow; next < size; next += PAGE)
    for (const { sequence, row } of log.journal.rows(next, PAGE)) assertSameRow(held[sequence], row);
  const keys = readKeys(log.journal.folder);
  const leaves = held.map((row) => Buffer.from(computeLeaf(row, keys).leaf, 'hex'));
  assert.equal(naiveRoot(leaves).toString('hex'), root, 'the Merkle root is that of the rows in ClickHouse');
  await assertViews(log);
}

/** The newest checkpoint is signed over all of the log. */
export async function assertSigned(log: ChangeLog): Promise<void> {
  const { size, root } = await log.journal.head();
  const newest = log.checkpoints.newest();
  assert.deepEqual([newest?.size, newest && Buffer.from(newest.root).toString('hex')], [size, root]);
}

/** A journal that nothing was trimmed from: dense, its root that of its rows, its state that of its last batch. */
export function assertJournalWhole(journal: Journal, { size, root }: { size: number; root: string }): void {
  const rows = journal.rows(0, size + 1).map(({ row }) => rowSchema.parse(JSON.parse(row)));
  assert.deepEqual(
    rows.map(({ sequence }) => sequence),
    Array.from({ length: size }, (_, i) => i),
  );
  const keys = readKeys(journal.folder);
  const leaves = rows.map((row) => Buffer.from(computeLeaf(row, keys).leaf, 'hex'));
  assert.equal(naiveRoot(leaves).toString('hex'), root);
  assert.deepEqual(journal.state.get('batch', 'last'), { next: size });
}

async function readHeld(log: ChangeLog): Promise<Row[]> {
  const columns = INSERTED_COLUMNS.map((column) => `\`${column}\``).join(', ');
  const rows: Row[] = [];
  for (;;) {
    const page = await log.clickhouse.select(
      `SELECT ${columns} FROM events ORDER BY sequence LIMIT ${PAGE} OFFSET ${rows.length}`,
      {},
      rowSchema,
      { timeLimit: 60 },
    );
    rows.push(...page);
    if (page.length < PAGE) return rows;
  }
}

/** A column that the journal leaves out has its default in ClickHouse. */
function assertSameRow(held: Row | undefined, text: string): void {
  const ours: Row = rowSchema.parse(JSON.parse(text));
  assert.ok(held);
  for (const [column, value] of Object.entries(held)) {
    if (Object.hasOwn(ours, column)) assert.deepEqual(value, ours[column], `${column} of event ${held.sequence}`);
    else assert.ok(isDefault(value), `${column} of event ${held.sequence} is not in the journal`);
  }
}

function isDefault(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return value === '' || value === 0 || value === '00000000-0000-0000-0000-000000000000';
}

function readKeys(folder: string): Map<number, Buffer> {
  const database = new DatabaseSync(path.join(folder, 'metatrail.sqlite'), { readOnly: true });
  const rows = database.prepare('SELECT number, key FROM keys').all();
  database.close();
  return new Map(rows.map(({ number, key }) => [Number(number), Buffer.from(z.instanceof(Uint8Array).parse(key))]));
}

/** RFC 9162 section 2.1.1, word by word. */
export function naiveRoot(leaves: readonly Buffer[]): Buffer {
  const [only] = leaves;
  if (!only) return createHash('sha256').digest();
  if (leaves.length === 1) return only;
  const split = 2 ** (Math.ceil(Math.log2(leaves.length)) - 1);
  const parts = [Buffer.from([1]), naiveRoot(leaves.slice(0, split)), naiveRoot(leaves.slice(split))];
  return createHash('sha256').update(Buffer.concat(parts)).digest();
}

const viewSchema = z.object({ name: z.string(), as_select: z.string(), create_table_query: z.string() });

/** What the view's own question answers over all events is what its target holds, each row as often. */
async function assertViews(log: ChangeLog): Promise<void> {
  const views = await log.clickhouse.select(
    `SELECT name, as_select, create_table_query FROM system.tables
     WHERE database = currentDatabase() AND engine = 'MaterializedView'`,
    {},
    viewSchema,
  );
  assert.ok(views.length > 0);
  for (const { name, as_select, create_table_query } of views) {
    const [, target] = / TO (\S+)/.exec(create_table_query) ?? assert.fail(`${name} has no target`);
    const difference = await log.clickhouse.select(
      `SELECT sum(ours) AS made, sum(theirs) AS held FROM
       (SELECT *, 1 AS ours, 0 AS theirs FROM (${as_select}) UNION ALL SELECT *, 0 AS ours, 1 AS theirs FROM ${target})
       GROUP BY ALL_COLUMNS HAVING made <> held LIMIT 1`.replace(
        'GROUP BY ALL_COLUMNS',
        `GROUP BY ${(await columnsOf(log, String(target))).join(', ')}`,
      ),
      {},
      z.unknown(),
      { timeLimit: 60 },
    );
    assert.deepEqual(difference, [], `${target} holds what ${name} makes of the raw log`);
  }
}

async function columnsOf(log: ChangeLog, target: string): Promise<string[]> {
  const table = target.split('.').at(-1)?.replaceAll('`', '') ?? '';
  const columns = await log.clickhouse.select(
    'SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {table:String} ORDER BY position',
    { table },
    z.object({ name: z.string() }),
  );
  return columns.map(({ name }) => `\`${name}\``);
}
