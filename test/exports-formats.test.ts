// Changes as CSV, JSON lines, XLSX and Parquet: each is read back by another program than the one that wrote it, and compared with
// the events of the journal, row by row.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { z } from 'zod';
import { localAccess } from '../api/access/access.ts';
import { startExport } from '../api/exports/export.ts';
import type { Format } from '../api/exports/formats/format.ts';
import { FORMATS, LISTS } from '../api/exports/lists.ts';
import type { Manifest } from '../api/exports/manifest.ts';
import type { Cell, Entry, Shape } from '../api/exports/table.ts';
import { formatIso, formatMicros } from '../ingest/clock.ts';
import type { ChangeEvent } from '../ingest/event.ts';
import { ApiWorld, liveHalfAYear } from './api/world.ts';
import { readSheets } from './read-sheets.ts';

let world: ApiWorld;
let folder: string;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'metatrail-exports-'));
  world = await ApiWorld.open();
  await liveHalfAYear(world);
});
after(async () => {
  await world.close();
  rmSync(folder, { recursive: true, force: true });
});

function formatOf(name: string): Format {
  const format = FORMATS.get(name);
  assert.ok(format, name);
  return format;
}

async function take(list: string, format: string, given: Record<string, string>): Promise<[Buffer, Manifest]> {
  const asking = { ...localAccess('test'), reason: 'a test of ours' };
  const found = LISTS.get(list);
  assert.ok(found, list);
  const order = { list: found, format: formatOf(format), given };
  const started = await startExport(world.installation.context(asking), order);
  const chunks: Uint8Array[] = [];
  for await (const chunk of started.bytes()) chunks.push(chunk);
  assert.ok(started.manifest);
  return [Buffer.concat(chunks), started.manifest];
}

const isChange = ({ stage }: ChangeEvent) => stage !== 'read';

/** What a row of a table has of a change and one of its values: the columns that say it. */
function expectedRows(events: readonly ChangeEvent[]): (string | null)[][] {
  return events.flatMap((event) => {
    const own = [
      String(event.sequence),
      formatIso(event.occurredAt),
      event.stage,
      event.outcome,
      event.object ?? null,
      event.initiator ?? null,
      event.run === undefined ? null : String(event.run),
      String(event.outOfBand),
    ];
    if (event.values.length === 0) return [[...own, null, null, null, null]];
    return event.values.map((value) => [
      ...own,
      value.attribute,
      value.old ?? null,
      value.new ?? null,
      value.reference ?? null,
    ]);
  });
}

const SOME = [
  ...['sequence', 'occurred_at', 'stage', 'outcome', 'object', 'initiator', 'run', 'out_of_band'],
  ...['attribute', 'old', 'new', 'reference'],
];

const csvRows = z.array(z.record(z.string(), z.string()));
/** Empty stands for absent and for an empty text alike, as every reader of CSV has it. */
const orNull = (text: string | undefined) => (text === '' || text === undefined ? null : text.replace(/^'/, ''));

function readCsv(file: Buffer): (string | null)[][] {
  const rows = csvRows.parse(parse(file, { columns: true, record_delimiter: '\r\n' }));
  return rows.map((row) => SOME.map((name) => orNull(row[name])));
}

test('CSV has a row for each value of each change, as the journal has it', async () => {
  const events = world.events().filter(isChange);
  const [file, manifest] = await take('changes', 'csv', {});
  assert.deepEqual(readCsv(file), expectedRows(events));
  assert.equal(manifest.entries, events.length);
  assert.equal(manifest.rows, expectedRows(events).length);
});

test('JSON lines have a change a line with its values in it', async () => {
  const events = world.events().filter(isChange);
  const [file] = await take('changes', 'jsonl', {});
  const text = file.toString('utf8');
  assert.ok(text.endsWith('}\n'));
  const cell = z.union([z.string(), z.number(), z.boolean()]);
  const lineSchema = z.intersection(
    z.looseObject({ values: z.array(z.record(z.string(), cell)) }),
    z.looseObject({ sequence: z.number() }),
  );
  const rows = text
    .trimEnd()
    .split('\n')
    .flatMap((line) => {
      const { values, ...change } = lineSchema.parse(JSON.parse(line));
      return (values.length === 0 ? [{}] : values).map((value) => {
        const row: Record<string, unknown> = { ...change, ...value };
        return SOME.map((name) => (row[name] === undefined ? null : String(row[name])));
      });
    });
  assert.deepEqual(rows, expectedRows(events));
});

test('XLSX has the same rows in text cells and numbers, and no formula', async () => {
  const events = world.events().filter(isChange);
  const [file] = await take('changes', 'xlsx', {});
  const [sheet] = readSheets(file, folder);
  assert.ok(sheet);
  const [headings = [], ...rows] = sheet;
  const places = SOME.map((name) => headings.indexOf(name));
  assert.deepEqual(
    rows.map((row) => places.map((place) => orNull(row[place]))),
    expectedRows(events),
  );
});

/** What ClickHouse makes of a Parquet file. */
async function readParquet<T extends z.ZodType>(file: Buffer, sql: string, schema: T): Promise<z.infer<T>[]> {
  const path = join(folder, 'read.parquet');
  writeFileSync(path, file);
  const { clickhouse } = world.installation.log;
  return clickhouse.select(sql.replace('FILE', `file('${path}', Parquet)`), {}, schema);
}

test('Parquet is read by ClickHouse: the same rows, times to the microsecond, integers exact, what is absent null', async () => {
  const events = world.events().filter(isChange);
  const [file] = await take('changes', 'parquet', {});
  const types = await readParquet(file, 'DESCRIBE FILE', z.looseObject({ name: z.string(), type: z.string() }));
  const typeOf = Object.fromEntries(types.map(({ name, type }) => [name, type]));
  assert.equal(typeOf.occurred_at, "Nullable(DateTime64(6, 'UTC'))");
  assert.equal(typeOf.sequence, 'Nullable(Int64)');
  assert.equal(typeOf.withheld, 'Nullable(Bool)');
  const rows = await readParquet(
    file,
    `SELECT [${SOME.map((name) => `toString(${name})`).join(', ')}] AS cells FROM FILE`,
    z.object({ cells: z.array(z.string().nullable()) }),
  );
  assert.deepEqual(
    rows.map(({ cells }) => cells),
    expectedRows(events).map((row) => row.map((cell, index) => (index === 1 ? asClickHouse(cell) : cell))),
  );
});

const asClickHouse = (iso: string | null) => iso?.replace('T', ' ').replace('Z', '');

test('every filter is the same as that of the API', async () => {
  const anne = world.id('Änne Müller');
  const run = world.events().find(({ stage }) => stage === 'run')?.sequence ?? 0;
  const cases: [Record<string, string>, string][] = [
    [{ object: anne }, `object: "${anne}"`],
    [{ agent: 'directory', stages: 'export,confirmation' }, 'agent: "directory", stages: ["export", "confirmation"]'],
    [{ attribute: 'displayName', value: 'Bob Beech' }, 'attribute: "displayName", value: "Bob Beech"'],
    [
      { from: '2024-03-01T00:00:00Z', to: '2024-03-31T00:00:00+02:00' },
      'from: "2024-03-01T00:00:00Z", to: "2024-03-30T22:00:00Z"',
    ],
    [{ run: String(run) }, `run: ${run}`],
    [{ outOfBand: 'true' }, 'outOfBand: true'],
    [{ initiator: 'carol', outcomes: 'connector-flow' }, 'initiator: "carol", outcomes: ["connector-flow"]'],
    [{ watermark: '40' }, 'watermark: 40'],
  ];
  for (const [given, filter] of cases) {
    const [file, manifest] = await take('changes', 'csv', given);
    const { changes } = await world.data<{ changes: { nodes: { sequence: number }[] } }>(
      `{ changes(filter: { ${filter} }, first: 1000) { nodes { sequence } } }`,
    );
    const expected = changes.nodes.map(({ sequence }) => sequence).sort((a, b) => a - b);
    assert.ok(expected.length > 0, filter);
    const found = [...new Set(readCsv(file).map(([sequence]) => Number(sequence)))];
    assert.deepEqual(found, expected, filter);
    assert.deepEqual([manifest.first_sequence, manifest.last_sequence], [expected[0], expected.at(-1)]);
  }
});

test('the history of an object is that of the API, newest first', async () => {
  const anne = world.id('Änne Müller');
  const [file, manifest] = await take('history', 'csv', { object: anne });
  const { object } = await world.data<{ object: { history: { nodes: { sequence: number }[] } } }>(
    `{ object(id: "${anne}") { history(first: 1000) { nodes { sequence } } } }`,
  );
  assert.deepEqual(
    [...new Set(readCsv(file).map(([sequence]) => Number(sequence)))],
    object.history.nodes.map(({ sequence }) => sequence),
  );
  assert.equal(manifest.query.order, 'newest first');
});

test('an export of nothing is a whole file in every format', async () => {
  for (const format of FORMATS.keys()) {
    const [file, manifest] = await take('changes', format, { agent: 'no such system' });
    assert.equal(manifest.rows, 0);
    assert.equal(manifest.file.sha256, createHash('sha256').update(file).digest('hex'));
    if (format === 'xlsx') assert.equal(readSheets(file, folder)[0]?.length, 1);
    if (format === 'parquet')
      assert.deepEqual(await readParquet(file, 'SELECT count() AS n FROM FILE', z.object({ n: z.coerce.number() })), [
        { n: 0 },
      ]);
  }
});

const SHAPE: Shape = {
  columns: [
    { name: 'n', type: 'integer' },
    { name: 'text', type: 'text' },
    { name: 'at', type: 'time' },
    { name: 'is', type: 'boolean' },
  ],
};

async function encode(name: string, rows: Cell[][]): Promise<Buffer> {
  async function* pages(): AsyncGenerator<Entry[]> {
    for (let from = 0; from < rows.length; from += 3)
      yield rows.slice(from, from + 3).map((cells) => ({ cells, parts: [] }));
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of formatOf(name).encode(SHAPE, pages(), 'list')) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }).map((text) => text.toWellFormed()),
  fc.string({
    unit: fc.constantFrom(
      '=',
      '+',
      '-',
      '@',
      "'",
      '\t',
      '\r',
      '\n',
      '"',
      ',',
      ' ',
      '_x0041_',
      '_x',
      '\0',
      '\u{feff}',
      '\uFFFF',
      '＝',
      'ä',
    ),
    maxLength: 12,
  }),
);
const anyRow = fc.tuple(
  fc.maxSafeNat(),
  fc.option(anyText, { nil: undefined }),
  fc.integer({ min: 0, max: 4_000_000_000_000_000 }),
  fc.boolean(),
);
const anyRows = fc.array(anyRow, { maxLength: 8 });

test('whatever the texts, CSV gives them back exactly, and none begins as a formula does', async () => {
  await fc.assert(
    fc.asyncProperty(anyRows, async (rows) => {
      const file = await encode('csv', rows);
      const lines = z.array(z.array(z.string())).parse(parse(file, { record_delimiter: '\r\n' }));
      for (const [, text = ''] of lines.slice(1))
        assert.doesNotMatch(text, /^[\s\p{Cc}\p{Cf}]*[=+\-@＝＋－＠]|^[\t\r\n]/u);
      assert.deepEqual(
        lines.slice(1).map(([n, text = '', at, is]) => [n, text.replace(/^'/, ''), at, is]),
        rows.map(([n, text = '', at, is]) => [String(n), text, formatIso(at), String(is)]),
      );
    }),
    { numRuns: 300 },
  );
});

test('whatever the texts, JSON lines give them back exactly, an absent one as absent', async () => {
  await fc.assert(
    fc.asyncProperty(anyRows, async (rows) => {
      const text = (await encode('jsonl', rows)).toString('utf8');
      const lines = text.split('\n').slice(0, -1);
      assert.deepEqual(
        lines.map((line): unknown => JSON.parse(line)),
        rows.map(([n, t, at, is]) => ({ n, ...(t !== undefined && { text: t }), at: formatIso(at), is })),
      );
    }),
  );
});

test('whatever the texts, Parquet gives them back exactly', { timeout: 300_000 }, async () => {
  const row = z.object({ n: z.coerce.number(), hex: z.string().nullable(), at: z.string(), is: z.boolean() });
  await fc.assert(
    fc.asyncProperty(anyRows, async (rows) => {
      const sql = 'SELECT n, hex(text) AS hex, at, is FROM FILE ORDER BY rowNumberInAllBlocks()';
      assert.deepEqual(
        await readParquet(await encode('parquet', rows), sql, row),
        rows.map(([n, text, at, is]) => ({
          n,
          hex: text === undefined ? null : Buffer.from(text).toString('hex').toUpperCase(),
          at: formatMicros(at),
          is,
        })),
      );
    }),
    { numRuns: 40 },
  );
});

test('whatever the texts, XLSX gives them back exactly, as text and never as a formula', {
  timeout: 300_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(anyRows, async (rows) => {
      const [sheet = []] = readSheets(await encode('xlsx', rows), folder);
      assert.deepEqual(
        sheet.slice(1),
        rows.map(([n, text, at, is]) => [String(n), text, formatIso(at), String(is)]),
      );
    }),
    { numRuns: 40 },
  );
});

test('a text that fits no cell of XLSX is there as its size and hash', async () => {
  const text = 'ä'.repeat(40_000);
  const [sheet = []] = readSheets(await encode('xlsx', [[1, text, 0, true]]), folder);
  assert.equal(sheet[1]?.[1], `sha256:${createHash('sha256').update(text).digest('hex')};bytes=80000`);
});
