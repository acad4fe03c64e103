// What the CSV files of the CERT feed say, worked out from the files alone; shares nothing with the program under test.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export type Row = Record<string, string>;

export interface CsvMonth {
  /** YYYY-MM */
  month: string;
  header: string[];
  /** user_id to row. */
  rows: Map<string, Row>;
}

export function readCsvMonths(folder: string): CsvMonth[] {
  return readdirSync(folder)
    .filter((name) => /^\d{4}-\d{2}\.csv$/.test(name))
    .sort()
    .map((name) => parseMonth(name.slice(0, 7), readFileSync(join(folder, name), 'utf8')));
}

function parseMonth(month: string, text: string): CsvMonth {
  const [header = [], ...records] = parseRecords(text);
  const rows = records.map((fields) => Object.fromEntries(header.map((name, i) => [name, fields[i] ?? ''])));
  return { month, header, rows: new Map(rows.map((row) => [row.user_id ?? '', row])) };
}

/** RFC 4180, character by character. */
function parseRecords(text: string): string[][] {
  const records: string[][] = [];
  let record: string[] = [];
  let field = '';
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i] ?? '';
    if (quoted) {
      if (character !== '"') field += character;
      else if (text[i + 1] === '"') field += text[i++];
      else quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === ',' || character === '\n') {
      record.push(field);
      field = '';
      if (character === '\n') {
        records.push(record);
        record = [];
      }
    } else if (character !== '\r') field += character;
  }
  if (field !== '' || record.length > 0) records.push([...record, field]);
  return records;
}

export function writeMonth(folder: string, { month, header, rows }: CsvMonth): void {
  const lines = [header, ...[...rows.values()].map((row) => header.map((name) => row[name] ?? ''))].map((fields) =>
    fields.join(','),
  );
  // The feed has neither quotes nor commas in its fields; a constructed one must not either.
  writeFileSync(join(folder, `${month}.csv`), `${lines.join('\n')}\n`);
}

/** The month's last instant. */
export function endOf(month: string): string {
  const [year = 0, number = 0] = month.split('-').map(Number);
  return `${new Date(Date.UTC(year, number, 1) - 1).toISOString().slice(0, 19)}.999999Z`;
}

export const missing = (a: CsvMonth, b: CsvMonth): string[] =>
  [...a.rows.keys()].filter((id) => !b.rows.has(id)).sort();

export function projectChanges(
  before: CsvMonth,
  after: CsvMonth,
): { user_id: string; before: string[]; after: string[] }[] {
  return [...after.rows]
    .flatMap(([id, row]) => {
      const old = before.rows.get(id);
      if (!old || old.projects === row.projects) return [];
      const list = (text: string | undefined) => (text ? [text] : []);
      return [{ user_id: id, before: list(old.projects), after: list(row.projects) }];
    })
    .sort((a, b) => (a.user_id < b.user_id ? -1 : 1));
}

/** Project to the user_ids that work on it. */
export function membersOf(month: CsvMonth): Map<string, string[]> {
  const members = new Map<string, string[]>();
  for (const [id, { projects }] of month.rows)
    if (projects) members.set(projects, [...(members.get(projects) ?? []), id].sort());
  return members;
}

/** Rows whose supervisor is not the name of exactly one person of the month. */
export function unresolvedSupervisors(month: CsvMonth): { user_id: string; supervisor: string; outcome: string }[] {
  const names = new Map<string, number>();
  for (const { employee_name = '' } of month.rows.values())
    names.set(employee_name, (names.get(employee_name) ?? 0) + 1);
  return [...month.rows].flatMap(([id, { supervisor = '' }]) => {
    const count = names.get(supervisor) ?? 0;
    if (supervisor === '' || count === 1) return [];
    return [{ user_id: id, supervisor, outcome: count === 0 ? 'unresolved-reference' : 'ambiguous-reference' }];
  });
}
