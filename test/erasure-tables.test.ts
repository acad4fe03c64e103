// The search of ClickHouse before a certificate is issued: each table, projection and text index is a place of its own, and may be
// the only one that still has something.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { z } from 'zod';
import { type ClickHouse, openClickHouse } from '../ingest/clickhouse/connect.ts';
import { searchClickHouse } from '../ingest/erasure/search.ts';
import { afterwards, makeFolder } from './ingest-world.ts';

const NAME = 'Annabel Lindqvist';
const SOUGHT = { values: ['Secretariat', NAME, 'E-77'], names: [NAME], words: ['E-77'] };

function open(t: TestContext): ClickHouse {
  const clickhouse = openClickHouse({ folder: makeFolder(t) });
  afterwards(t, () => clickhouse.close());
  return clickhouse;
}

async function run(clickhouse: ClickHouse, ...commands: string[]): Promise<void> {
  for (const command of commands) await clickhouse.command(command);
}

test('a text in a table is found: as a whole value, a name also within others, a short one as a word', async (t) => {
  const clickhouse = open(t);
  await run(
    clickhouse,
    'CREATE TABLE people (n UInt64, what String, list Array(LowCardinality(String))) ENGINE = MergeTree ORDER BY n',
  );
  const place = async (what: string, ...list: string[]) => {
    await run(clickhouse, 'TRUNCATE TABLE people');
    await clickhouse.insert('INSERT INTO people FORMAT JSONEachRow', JSON.stringify({ n: 1, what, list }));
    return searchClickHouse(clickhouse, SOUGHT);
  };
  for (const text of ['Secretariat', NAME, 'E-77', `deputy of ${NAME}`, 'it is E-77, now', '{"id":"E-77"}']) {
    assert.deepEqual(await place(text), ['people.what'], text);
    assert.deepEqual(await place('', 'x', text), ['people.list'], text);
  }
  for (const text of ['Secretariat of', 'Annabel Lindqvister', 'E-771', '{"E-77":1}'])
    assert.deepEqual(await place(text, text), [], text);
});

test('what a search that was cut off left behind is neither looked for nor kept', async (t) => {
  const clickhouse = open(t);
  await run(
    clickhouse,
    'CREATE TABLE people (n UInt64, what String) ENGINE = MergeTree ORDER BY n',
    "INSERT INTO people VALUES (1, 'Bartholomew Jones')",
  );
  for (const left of ['erasure_search', 'erasure_search_0123456789abcdef'])
    await run(
      clickhouse,
      `CREATE TABLE ${left} (text String, pass UInt32) ENGINE = Memory`,
      `INSERT INTO ${left} VALUES ('Bartholomew Jones', 0)`,
    );
  assert.deepEqual(await searchClickHouse(clickhouse, SOUGHT), []);
  const tables = await clickhouse.select(
    'SELECT name FROM system.tables WHERE database = currentDatabase()',
    {},
    z.object({ name: z.string() }),
  );
  assert.deepEqual(tables, [{ name: 'people' }]);
});

test('a text that is in a projection alone is found', async (t) => {
  const clickhouse = open(t);
  // A merge that replaces rows leaves those of the projection, when it is told that this does not matter.
  await run(
    clickhouse,
    `CREATE TABLE people (n UInt64, what String, PROJECTION by_what (SELECT what ORDER BY what))
     ENGINE = ReplacingMergeTree ORDER BY n SETTINGS deduplicate_merge_projection_mode = 'ignore'`,
    `INSERT INTO people VALUES (1, '${NAME}')`,
    "INSERT INTO people VALUES (1, '')",
    'OPTIMIZE TABLE people FINAL',
    'ALTER TABLE people MODIFY SETTING old_parts_lifetime = 0',
  );
  assert.deepEqual(await searchClickHouse(clickhouse, SOUGHT), ['people (by_what).what']);
});

test('a text that only a projection of groups has is found, also where it groups by an expression', async (t) => {
  const clickhouse = open(t);
  await run(
    clickhouse,
    `CREATE TABLE people (n UInt64, list Array(String), PROJECTION called (SELECT array(list[1]), max(n) GROUP BY array(list[1])))
     ENGINE = ReplacingMergeTree ORDER BY n SETTINGS deduplicate_merge_projection_mode = 'ignore'`,
    `INSERT INTO people VALUES (1, ['${NAME}'])`,
    "INSERT INTO people VALUES (1, [''])",
    'OPTIMIZE TABLE people FINAL',
    'ALTER TABLE people MODIFY SETTING old_parts_lifetime = 0',
  );
  assert.deepEqual(await searchClickHouse(clickhouse, SOUGHT), ['people (called).array(arrayElement(list, 1))']);
});

test('a text that is in a text index alone is found', async (t) => {
  const clickhouse = open(t);
  await run(
    clickhouse,
    `CREATE TABLE people (n UInt64, first String, last String,
       INDEX called [concat(first, ' ', last)] TYPE text(tokenizer = 'array') GRANULARITY 1)
     ENGINE = MergeTree ORDER BY n`,
    "INSERT INTO people VALUES (1, 'Annabel', 'Lindqvist')",
  );
  assert.deepEqual(await searchClickHouse(clickhouse, SOUGHT), ['people (called).token']);
});
