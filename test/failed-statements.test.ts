// chDB keeps what a statement had said before it failed, and says it before the answer to the next statement of that connection,
// which may be somebody else's.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { z } from 'zod';
import { openClickHouse } from '../ingest/clickhouse/connect.ts';
import { makeFolder } from './engine-world.ts';

const clickhouse = openClickHouse({ folder: makeFolder() });
after(() => clickhouse.close());

const row = z.object({ n: z.number() });
/** Says ten rows before it fails. */
const FAILING = 'SELECT number AS n, throwIf(number = 10) FROM numbers(20)';

const askOften = async () => {
  // More often than there are connections.
  const asked = Array.from({ length: 12 }, (_, n) => clickhouse.select('SELECT {n:UInt32} AS n', { n }, row));
  assert.deepEqual(
    await Promise.all(asked),
    Array.from({ length: 12 }, (_, n) => [{ n }]),
  );
};

test('what a statement said before it failed is in no later answer', async () => {
  const failing = Array.from({ length: 6 }, () =>
    // The settings that every statement has follow.
    assert.rejects(
      clickhouse.select(`SELECT * FROM (${FAILING} SETTINGS max_block_size = 2, max_threads = 1)`, {}, row),
      {
        code: 'clickhouse-refused',
      },
    ),
  );
  await Promise.all(failing);
  await askOften();
});

test('nor is what one that took too much memory, or too long, had said', async () => {
  const groups = 'SELECT length(groupArray(number)) AS n FROM numbers(3000000)';
  await assert.rejects(clickhouse.select(groups, {}, row, { memoryLimit: 4_000_000 }), { code: 'clickhouse-refused' });
  await askOften();
  const slow = 'SELECT sleepEachRow(0.5) + number AS n FROM numbers(20) SETTINGS max_block_size = 1';
  await assert.rejects(clickhouse.select(`SELECT * FROM (${slow})`, {}, row, { timeLimit: 1 }), {
    code: 'clickhouse-refused',
  });
  await askOften();
});

test('nor is that of one that nobody waited for any more', async () => {
  const away = new AbortController();
  const asked = clickhouse.select('SELECT sleep(1) + number AS n FROM numbers(3)', {}, row, { signal: away.signal });
  setTimeout(() => away.abort(), 200);
  await asked.catch(() => undefined);
  await askOften();
});
