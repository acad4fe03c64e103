// ClickHouse migrations run again after a crash in their middle, and each insert may arrive twice: so every statement is
// idempotent, the numbers are contiguous, and every table of the MergeTree family keeps a deduplication window.
import { basename } from 'node:path';
import type { Project } from './project.ts';

const FOLDER = 'ingest/clickhouse/migrations/';
const NAME = /^(\d{4})-[a-z0-9]+(-[a-z0-9]+)*\.sql$/;

export function checkMigrations(project: Project): string[] {
  const paths = [...project.files.keys()].filter((path) => path.startsWith(FOLDER) && path.endsWith('.sql')).sort();
  return [
    ...paths.flatMap(checkName),
    ...paths.flatMap((path) => checkStatements(path, project.files.get(path) ?? '')),
  ];
}

function checkName(path: string, position: number): string[] {
  const number = NAME.exec(basename(path))?.[1];
  if (number === undefined) return [`${path}: a migration is named like 0001-what-it-makes.sql`];
  const expected = String(position + 1).padStart(4, '0');
  return number === expected
    ? []
    : [`${path}: the number should be ${expected}, so that none is missing or twice there`];
}

function checkStatements(path: string, text: string): string[] {
  return splitStatements(text).flatMap((statement) => {
    const start = `${path}: "${statement.slice(0, 60).replaceAll(/\s+/g, ' ')}…"`;
    const found: string[] = [];
    if (/^CREATE\b/i.test(statement) && !/^CREATE\b[^(]*?\b(IF NOT EXISTS|OR REPLACE)\b/i.test(statement))
      found.push(`${start} lacks IF NOT EXISTS`);
    if (/^DROP\b/i.test(statement) && !/\bIF EXISTS\b/i.test(statement)) found.push(`${start} lacks IF EXISTS`);
    if (/^ALTER\b/i.test(statement)) found.push(...checkAlter(start, statement));
    if (
      /\bENGINE\s*=\s*\w*MergeTree\b/i.test(statement) &&
      !/\bnon_replicated_deduplication_window\s*=\s*[1-9]/i.test(statement)
    )
      found.push(`${start} has no non_replicated_deduplication_window: a repeated insert would be there twice`);
    if (/\bENGINE\s*=\s*\w*ReplacingMergeTree\b/i.test(statement))
      found.push(`${start} replaces rows behind the reader's back: the log is a plain MergeTree`);
    return found;
  });
}

function checkAlter(start: string, statement: string): string[] {
  const parts =
    statement.match(/\b(ADD|DROP)\s+(COLUMN|INDEX|PROJECTION|CONSTRAINT)\b(\s+IF\s+(NOT\s+)?EXISTS)?/gi) ?? [];
  return parts.filter((part) => !/EXISTS$/i.test(part)).map((part) => `${start}: ${part} lacks IF [NOT] EXISTS`);
}

/** The statements without comments, and with the text of strings emptied so that nothing in them is taken for SQL. */
function splitStatements(text: string): string[] {
  const bare = text.replaceAll(/'(?:[^'\\]|\\.|'')*'|--[^\n]*|\/\*[\s\S]*?\*\//g, (part) =>
    part.startsWith("'") ? "''" : ' ',
  );
  const statements = bare.split(';').map((statement) => statement.trim());
  return statements.filter((statement) => statement !== '');
}
