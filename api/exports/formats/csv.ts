// CSV as RFC 4180 has it: UTF-8 without a byte order mark, CRLF, one line of names.
import { stringify } from 'csv-stringify/sync';
import { type Cell, type Heading, headingsOf, type Pages, rowsOf, type Shape } from '../table.ts';
import { type Format, textOf } from './format.ts';

/**
 * What a spreadsheet would take for a formula when it opens the file (OWASP), and what begins with the apostrophe that
 * stands before it: so it can be taken off again without a doubt. Signs nobody sees and the wide forms of = + - @ are like these.
 */
const LOOKS_LIKE_FORMULA = /^(?:'|[\t\r\n]|[\s\p{Cc}\p{Cf}]*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20])/u;

export const csv: Format = {
  name: 'csv',
  extension: 'csv',
  mediaType: 'text/csv; charset=utf-8; header=present',
  reading:
    'RFC 4180, UTF-8. A text that begins with an apostrophe has one more than in the log: take off the first, and the rest is the exact value. It keeps spreadsheets from taking values for formulas.',
  encode: encodeCsv,
  cutOff: '"This export was cut off here, and is not whole: ',
};

async function* encodeCsv(shape: Shape, pages: Pages): AsyncGenerator<Uint8Array, void, undefined> {
  const headings = headingsOf(shape);
  yield linesOf([headings.map(({ name }) => name)]);
  for await (const entries of pages) {
    const rows = Array.from(rowsOf(entries, shape), (row) => row.map((cell, index) => fieldOf(cell, headings[index])));
    if (rows.length > 0) yield linesOf(rows);
  }
}

/** Null is nothing at all between two commas, an empty text two quotes. */
function fieldOf(cell: Cell, heading: Heading | undefined): string | null {
  if (cell === undefined || heading === undefined) return null;
  const text = textOf(cell, heading.type);
  return heading.type === 'text' && LOOKS_LIKE_FORMULA.test(text) ? `'${text}` : text;
}

function linesOf(rows: (string | null)[][]): Uint8Array {
  // A carriage return or a line feed alone ends a line for some readers.
  return Buffer.from(stringify(rows, { record_delimiter: '\r\n', quoted_empty: true, quoted_match: /[\r\n]/ }));
}
