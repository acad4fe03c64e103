// The CSV grammar (RFC 4180, through csv-parse) and the line on which each row begins. csv-parse counts a line break
// within quotes twice when it is CR LF, so lines are counted here, from the rows themselves.
import { CsvError, parse } from 'csv-parse/sync';
import { ConnectorError } from '../connector.ts';
import { lineAt } from './input-text.ts';

export interface CsvRow {
  fields: string[];
  /** The physical line, from 1, on which the row begins. */
  line: number;
}

export interface CsvTable {
  /** File name, for messages. */
  file: string;
  header: string[];
  /** Without the header and without empty lines; not yet of the header's length. */
  rows: CsvRow[];
}

export interface CsvGrammar {
  delimiter: string;
  /** '' : no field is ever quoted. */
  quote: string;
}

/** `text`: UTF-8 without byte order mark. Throws ConnectorError. */
export function readTable(text: Buffer, file: string, grammar: CsvGrammar): CsvTable {
  const records = readRecords(text, file, grammar);
  // Without a quote in the file no field can hold a line break, and none is searched for.
  const mayHoldBreaks = grammar.quote !== '' && text.includes(grammar.quote);
  const rows: CsvRow[] = [];
  let line = 1;
  for (const fields of records) {
    if (!isEmptyLine(fields)) rows.push({ fields, line });
    line += 1 + (mayHoldBreaks ? countBreaks(fields) : 0);
  }
  const header = rows.shift()?.fields;
  if (header === undefined) {
    throw new ConnectorError(
      'no-start-header-row-mismatch',
      `${file} holds nothing but empty lines: it needs a header row that names the columns.`,
    );
  }
  return { file, header, rows };
}

/** Throws ConnectorError when a column is missing or there twice. */
export function checkHeader(table: CsvTable, needed: readonly string[]): void {
  const there = table.header.map((name) => `"${name}"`).join(', ');
  const missing = [...new Set(needed)].filter((name) => !table.header.includes(name));
  if (missing.length > 0) {
    throw new ConnectorError(
      'no-start-header-row-mismatch',
      `${table.file} has no column ${missing.map((name) => `"${name}"`).join(', ')}; its header row has ${there}: correct the export, the configuration, or the delimiter and encoding it names.`,
    );
  }
  // Spreadsheets leave several columns without a name at the end; nobody can mean one of them.
  const twice = table.header.find((name, index) => name !== '' && table.header.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new ConnectorError(
      'no-start-header-row-mismatch',
      `${table.file} has the column "${twice}" twice, so which one holds is not known; its header row has ${there}: name or remove one of them in the export.`,
    );
  }
}

function readRecords(text: Buffer, file: string, grammar: CsvGrammar): string[][] {
  try {
    return parse(text, {
      delimiter: grammar.delimiter,
      quote: grammar.quote === '' ? null : grammar.quote,
      escape: grammar.quote === '' ? null : grammar.quote,
      // Given, not discovered: a file whose first line ends otherwise than the rest must not fuse its rows.
      record_delimiter: ['\r\n', '\n', '\r'],
      relax_column_count: true,
      max_record_size: 0, // the file's size is bounded, and a limit here would hide which quote was left open
    });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw describeError(error, text, file, grammar.quote);
  }
}

/** The messages of csv-parse quote values, which must not reach a log. */
function describeError(error: CsvError, text: Buffer, file: string, quote: string): ConnectorError {
  // `bytes` is where the last complete field ended, so the next quote is the one that is wrong.
  const end: unknown = error.bytes;
  const from = typeof end === 'number' ? end : 0;
  const at = text.indexOf(quote, from);
  const line = lineAt(text, at === -1 ? from : at);
  const problems: Record<string, string> = {
    CSV_QUOTE_NOT_CLOSED: `a quote is opened that is never closed: close it, or double it if it belongs to the value`,
    CSV_INVALID_CLOSING_QUOTE: `a quoted field goes on after its closing quote: double each quote that belongs to a value`,
    INVALID_OPENING_QUOTE: `a quote stands within a field that does not begin with one: put the field in quotes and double the quotes within`,
  };
  const problem = problems[error.code] ?? `the file is not CSV (${error.code}): export it again`;
  return new ConnectorError('stopped-parsing-errors', `${file}, line ${line}: ${problem}.`, { cause: error.code });
}

function isEmptyLine(fields: readonly string[]): boolean {
  return fields.length === 1 && fields[0] === '';
}

function countBreaks(fields: readonly string[]): number {
  let breaks = 0;
  for (const field of fields) {
    if (field.includes('\n') || field.includes('\r')) breaks += field.match(/\r\n|\n|\r/g)?.length ?? 0;
  }
  return breaks;
}
