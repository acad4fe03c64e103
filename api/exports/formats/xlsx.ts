// XLSX: the first sheet has 1,048,575 rows below its headings, and what is more stands on further sheets. Texts are text cells,
// which no program takes for formulas.
import { createHash } from 'node:crypto';
import { writeXlsxStream } from 'hucre/xlsx';
import { type Cell, type Heading, headingsOf, type Pages, rowsOf, type Shape } from '../table.ts';
import { type Format, textOf } from './format.ts';

/** Excel's own limit of a cell, in UTF-16 code units. */
const LONGEST_TEXT = 32_767;

export const xlsx: Format = {
  name: 'xlsx',
  extension: 'xlsx',
  mediaType: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  reading:
    'Texts are text cells, never formulas; times are texts too, for a date cell holds no microseconds. Characters that XML lacks are written _xHHHH_, as the format has it, and readers of XLSX give them back. A text of more than 32,767 characters does not fit a cell: its size and SHA-256 stand there, and the other formats have it.',
  encode: encodeXlsx,
};

/** Larger files than 4 GiB need ZIP64, and how large one gets is known at its end only. */
async function* encodeXlsx(shape: Shape, pages: Pages, title: string): AsyncGenerator<Uint8Array, void, undefined> {
  const headings = headingsOf(shape);
  const columns = headings.map(({ name }) => ({ header: name }));
  yield* writeXlsxStream(cellRows(shape, headings, pages), {
    name: title,
    columns,
    freezePane: { rows: 1 },
    zip64: true,
  });
}

async function* cellRows(shape: Shape, headings: readonly Heading[], pages: Pages) {
  for await (const entries of pages)
    for (const row of rowsOf(entries, shape)) yield row.map((cell, index) => cellOf(cell, headings[index]));
}

function cellOf(cell: Cell, heading: Heading | undefined): string | number | boolean | null {
  if (cell === undefined || heading === undefined) return null;
  return heading.type === 'text' || heading.type === 'time' ? writableText(textOf(cell, heading.type)) : cell;
}

/** `_x0041_` in a text would be read as an A (ECMA-376, ST_Xstring); the library sees to control characters, but not to this and to U+FFFE and U+FFFF. */
function writableText(text: string): string {
  if (text.length > LONGEST_TEXT)
    return `sha256:${createHash('sha256').update(text).digest('hex')};bytes=${Buffer.byteLength(text)}`;
  return text
    .replace(/_(?=x[0-9A-Fa-f]{4}_)/g, '_x005F_')
    .replace(/[\uFFFE\uFFFF]/g, (character) => `_x${character.charCodeAt(0).toString(16).toUpperCase()}_`);
}
