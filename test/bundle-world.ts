// Bundles for tests: exported from an honest log, and altered by whoever has the folder.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { type ExportedBundle, exportBundle } from '../ingest/bundle/export-bundle.ts';
import { readRowsFrom } from '../ingest/bundle/read-rows.ts';
import { openClickHouse } from '../ingest/clickhouse/connect.ts';
import { Bundle } from '../ingest/verify/bundle.ts';
import type { Report } from '../ingest/verify/report.ts';
import { type Options, verifyLog } from '../ingest/verify/verify-log.ts';

/** Exports a log in which no service runs. */
export async function makeBundle(
  dataFolder: string,
  target: string,
  range: { from?: number; to?: number } = {},
): Promise<ExportedBundle> {
  const clickhouse = openClickHouse({ folder: dataFolder });
  try {
    return await exportBundle({ dataFolder, target, ...range, readRows: readRowsFrom(clickhouse) });
  } finally {
    await clickhouse.close();
  }
}

export function checkBundle(folder: string, options: Options = {}): Promise<Report> {
  return verifyLog(new Bundle(folder), options);
}

export type Row = Record<string, unknown>;

/** Alters the rows of the file that begins with `first`. */
export function editRows(folder: string, edit: (rows: Row[]) => Row[], first = 0): void {
  const file = path.join(folder, `rows/${String(first).padStart(12, '0')}.jsonl.gz`);
  const lines = gunzipSync(readFileSync(file)).toString().trimEnd().split('\n');
  const rows = edit(lines.map((line) => JSON.parse(line) as Row));
  writeFileSync(file, gzipSync(rows.map((row) => `${JSON.stringify(row)}\n`).join('')));
}

export function editFile(folder: string, name: string, edit: (bytes: Buffer) => Buffer | string): void {
  const file = path.join(folder, name);
  writeFileSync(file, edit(readFileSync(file)));
}

/** Alters bundle.json. */
export function editContents(folder: string, edit: (contents: Row) => Row): void {
  editFile(folder, 'bundle.json', (bytes) => JSON.stringify(edit(JSON.parse(bytes.toString()) as Row)));
}

/** Makes bundle.json say of every file what is in it now: an attacker would. */
export function seal(folder: string): void {
  editContents(folder, (contents) => ({
    ...contents,
    files: (contents.files as { path: string }[]).flatMap(({ path: name }) => {
      const file = path.join(folder, name);
      if (!existsSync(file)) return [];
      return [{ path: name, sha256: createHash('sha256').update(readFileSync(file)).digest('hex') }];
    }),
  }));
}
