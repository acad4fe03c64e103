// Parquet: every column may be null, integers have 64 bits, times are microseconds in UTC.
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import { type Cell, type Heading, headingsOf, type Pages, rowsOf, type Shape } from '../table.ts';
import type { Format } from './format.ts';

/** A group of rows is in memory until it is written, so it ends at whichever comes first. */
const GROUP_ROWS = 10_000;
const GROUP_CHARACTERS = 8_000_000;

export const parquet: Format = {
  name: 'parquet',
  extension: 'parquet',
  mediaType: 'application/vnd.apache.parquet',
  reading:
    'Texts are exact, in UTF-8; integers have 64 bits; times are microseconds since 1970 in UTC; what is absent is null.',
  encode: encodeParquet,
};

type ParquetOptions = ConstructorParameters<typeof ParquetWriter>[0];

async function* encodeParquet(shape: Shape, pages: Pages): AsyncGenerator<Uint8Array, void, undefined> {
  const headings = headingsOf(shape);
  const bytes = new ByteWriter();
  const file = new ParquetWriter({ writer: bytes, schema: schemaOf(headings), createdBy: 'metatrail' });
  let rows: Cell[][] = [];
  let characters = 0;
  for await (const entries of pages) {
    for (const row of rowsOf(entries, shape)) {
      rows.push(row);
      characters += lengthOf(row);
      if (rows.length < GROUP_ROWS && characters < GROUP_CHARACTERS) continue;
      await writeGroup(file, headings, rows);
      yield take(bytes);
      rows = [];
      characters = 0;
    }
  }
  if (rows.length > 0) await writeGroup(file, headings, rows);
  await file.finish();
  yield take(bytes);
}

function schemaOf(headings: readonly Heading[]): ParquetOptions['schema'] {
  return [
    { name: 'root', num_children: headings.length },
    ...headings.map(({ name, type }): ParquetOptions['schema'][number] => {
      const column = { name, repetition_type: 'OPTIONAL' as const };
      if (type === 'text')
        return { ...column, type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } };
      if (type === 'boolean') return { ...column, type: 'BOOLEAN' };
      if (type === 'integer') return { ...column, type: 'INT64' };
      const logical = { type: 'TIMESTAMP' as const, isAdjustedToUTC: true, unit: 'MICROS' as const };
      return { ...column, type: 'INT64', converted_type: 'TIMESTAMP_MICROS', logical_type: logical };
    }),
  ];
}

async function writeGroup(file: ParquetWriter, headings: readonly Heading[], rows: readonly Cell[][]): Promise<void> {
  const columnData = headings.map(({ name }, index) => ({
    name,
    data: rows.map((row) => cellOf(row[index])),
    // What it would tell is kept until the end of the file.
    offsetIndex: false,
  }));
  await file.write({ columnData, rowGroupSize: rows.length });
}

function cellOf(cell: Cell): string | bigint | boolean | null {
  if (cell === undefined) return null;
  return typeof cell === 'number' ? BigInt(cell) : cell;
}

function lengthOf(row: readonly Cell[]): number {
  return row.reduce<number>((sum, cell) => sum + (typeof cell === 'string' ? cell.length : 8), 0);
}

/** What was written since the last time. The room for it is used again. */
function take(bytes: ByteWriter): Uint8Array {
  const taken = Buffer.from(bytes.getBytes());
  bytes.index = 0;
  return taken;
}
