// An event as a row and back: nothing is lost on the way, neither in JSON nor in ClickHouse.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import { PARTITION_EVENTS } from '../ingest/clickhouse/cluster.ts';
import { migrateClickHouse } from '../ingest/clickhouse/migrate.ts';
import { EVENT_COLUMNS, fromRow, INSERTED_COLUMNS, rowSchema, toRow } from '../ingest/clickhouse/rows.ts';
import type { ChangeEvent } from '../ingest/event.ts';
import { anyChangeEvent } from './ingest-any-event.ts';
import { openEmbedded } from './ingest-world.ts';

const COLUMNS = EVENT_COLUMNS.map((column) => `\`${column}\``).join(', ');
const INSERT = `INSERT INTO events (${INSERTED_COLUMNS.map((column) => `\`${column}\``).join(', ')}) FORMAT JSONEachRow`;

test('an event survives its row as JSON', () => {
  fc.assert(
    fc.property(anyChangeEvent, (event) => {
      const json: unknown = JSON.parse(JSON.stringify(toRow(event)));
      assert.deepEqual(fromRow(rowSchema.parse(json)), event);
    }),
    { numRuns: 300 },
  );
});

test('every column of a row is one that an insert names', () => {
  const inserted = new Set<string>(INSERTED_COLUMNS);
  fc.assert(
    fc.property(anyChangeEvent, (event) => {
      assert.deepEqual(
        Object.keys(toRow(event)).filter((column) => !inserted.has(column)),
        [],
      );
    }),
  );
});

test('an event survives ClickHouse, whatever is in its texts', { timeout: 120_000 }, async (t) => {
  const clickhouse = openEmbedded(t);
  await migrateClickHouse(clickhouse, PARTITION_EVENTS);
  const events = fc
    .sample(anyChangeEvent, { numRuns: 1000, seed: 2 })
    .map((event, i): ChangeEvent => ({ ...event, sequence: 1000 + i }));
  await clickhouse.insert(INSERT, events.map((event) => JSON.stringify(toRow(event))).join('\n'));
  const held = await clickhouse.select(`SELECT ${COLUMNS} FROM events ORDER BY sequence LIMIT 2000`, {}, rowSchema);
  assert.equal(held.length, events.length);
  for (const [i, row] of held.entries()) assert.deepEqual(fromRow(row), events[i]);
});

test('the table, the list of columns and the schema of a row name the same columns in the same order', async (t) => {
  const clickhouse = openEmbedded(t);
  await migrateClickHouse(clickhouse, PARTITION_EVENTS);
  const columns = await clickhouse.select(
    "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = 'events' ORDER BY position LIMIT 100",
    {},
    z.object({ name: z.string() }),
  );
  assert.deepEqual(
    columns.map(({ name }) => name),
    [...EVENT_COLUMNS],
  );
  assert.deepEqual(Object.keys(rowSchema.shape), [...EVENT_COLUMNS]);
  const readme = readFileSync(new URL('../ingest/README.md', import.meta.url), 'utf8');
  const undocumented = EVENT_COLUMNS.filter((column) => !readme.includes(`\`${column}\``));
  assert.deepEqual(undocumented, [], 'ingest/README.md says what each column means');
});
