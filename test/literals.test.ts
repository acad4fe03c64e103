// Parameters of the embedded engine are written into the statement: whatever they are, they stay values.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import { openClickHouse } from '../ingest/clickhouse/connect.ts';
import { writeParameters } from '../ingest/clickhouse/literals.ts';
import { makeFolder } from './engine-world.ts';

const clickhouse = openClickHouse({ folder: makeFolder() });
after(() => clickhouse.close());

const EVERYTHING = `SELECT {text:String} AS text, {number:UInt64} AS number, {few:UInt32} AS few, toString({id:UUID}) AS id, toString({at:DateTime64(6, 'UTC')}) AS at,
  {texts:Array(String)} AS texts, {numbers:Array(UInt64)} AS numbers, arrayMap(x -> toString(x), {ids:Array(UUID)}) AS ids,
  [toTypeName({text:String}), toTypeName({number:UInt64}), toTypeName({few:UInt32}), toTypeName({id:UUID}), toTypeName({at:DateTime64(6, 'UTC')}), toTypeName({texts:Array(String)}), toTypeName({numbers:Array(UInt64)}), toTypeName({ids:Array(UUID)})] AS types`;
const row = z.object({
  text: z.string(),
  number: z.number(),
  few: z.number(),
  id: z.string(),
  at: z.string(),
  texts: z.array(z.string()),
  numbers: z.array(z.number()),
  ids: z.array(z.string()),
  types: z.array(z.string()),
});
const TYPES = [
  'String',
  'UInt64',
  'UInt32',
  'UUID',
  "DateTime64(6, 'UTC')",
  'Array(String)',
  'Array(UInt64)',
  'Array(UUID)',
];

/** Texts that would end a literal, begin a comment, a placeholder or a statement, or are no ASCII. */
const hostile = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({
    unit: fc.constantFrom("'", '\\', '`', '"', '{', '}', ':', '-', '\0', '\n', '$', '&', 'a', ')', '/*', '😀', 'ß'),
  }),
  fc.constantFrom("' OR 1 --", "\\' OR 1 --", '{number:UInt64}', '$&', "$'", 'unhex(', "');DROP TABLE events"),
);
const whole = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });

test('whatever a parameter is, it comes back as it was given, of its type', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        text: hostile,
        number: whole,
        few: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        id: fc.uuid(),
        at: fc
          .date({ min: new Date('1970-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
          .map((date) => `${date.toISOString().slice(0, 23).replace('T', ' ')}123`),
        texts: fc.array(hostile, { maxLength: 5 }),
        numbers: fc.array(whole, { maxLength: 5 }),
        ids: fc.array(fc.uuid(), { maxLength: 5 }),
      }),
      async (params) => {
        assert.deepEqual(writeParameters(EVERYTHING, params).params, {});
        assert.deepEqual(await clickhouse.select(EVERYTHING, params, row), [{ ...params, types: TYPES }]);
      },
    ),
    { numRuns: 300 },
  );
});

test('a value that its type does not take is not written in, and ClickHouse refuses it', async () => {
  const wrong = [
    ['UUID', "00000000-0000-0000-0000-000000000000') OR ("],
    ['UInt64', '1 OR 1'],
    ['UInt64', -1],
    ['UInt64', 1.5],
    ["DateTime64(6, 'UTC')", "2026-01-01 00:00:00.000000' OR '"],
    ['Array(UInt64)', [1, '2) OR (']],
    ['Array(UUID)', ["'"]],
  ] as const;
  for (const [type, value] of wrong) {
    const sql = `SELECT {wrong:${type}} AS wrong`;
    assert.deepEqual(writeParameters(sql, { wrong: value }), { sql, params: { wrong: value } });
    await assert.rejects(clickhouse.select(sql, { wrong: value }, z.unknown()), type);
  }
});

test('a parameter of a type that is never written in stays bound beside those that are', async () => {
  const sql = 'SELECT {flag:UInt8} AS flag, {text:String} AS text';
  assert.deepEqual(writeParameters(sql, { flag: 1, text: 'x' }).params, { flag: 1 });
  const found = await clickhouse.select(sql, { flag: 1, text: 'x' }, z.object({ flag: z.number(), text: z.string() }));
  assert.deepEqual(found, [{ flag: 1, text: 'x' }]);
});

test('a list too long for a statement is bound, and found', async () => {
  const ids = Array.from({ length: 10_000 }, (_, n) => `0192a000-0000-7000-8000-${String(n).padStart(12, '0')}`);
  const sql = 'SELECT length({ids:Array(UUID)}) AS ids, {one:String} AS one';
  const found = await clickhouse.select(sql, { ids, one: 'x' }, z.object({ ids: z.number(), one: z.string() }));
  assert.deepEqual(found, [{ ids: ids.length, one: 'x' }]);
  assert.deepEqual(writeParameters(sql, { ids, one: 'x' }), { sql, params: { ids, one: 'x' } });
});
