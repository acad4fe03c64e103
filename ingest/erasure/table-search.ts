// Looks through the tables of a file of SQLite: a long text is spread over several pages of the file, so it is also read as
// SQLite reads it.
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { gunzipSync } from 'node:zlib';
import { JOURNAL_FILE } from '../journal/writer.ts';
import type { SoughtInFiles } from './stream-search.ts';

const SQLITE = Buffer.from('SQLite format 3\0');
const LONGEST_UNPACKED = 64 * 1024 * 1024;

export type TableSearch = 'found' | 'clean' | 'not-searched';

/** Of an erasure: the log's origin and the numbers of the keys, by which a copy that has one of them is known. */
export interface ErasedKeys {
  log: string;
  numbers: readonly number[];
}

export function isSqlite(head: Buffer): boolean {
  return head.subarray(0, SQLITE.length).equals(SQLITE);
}

/** `not-searched`: not all of it could be read. */
export function searchTables(file: string, { needles, words }: SoughtInFiles, erased: ErasedKeys): TableSearch {
  // Another process holds it, and nothing but its lock is in it.
  if (path.basename(file) === 'lock.sqlite') return 'clean';
  let isWhole = true;
  const isInValue = (value: unknown): boolean => {
    if (typeof value === 'string') return needles.isIn(Buffer.from(value)) || words.isInValue(value);
    if (!(value instanceof Uint8Array)) return false;
    if (needles.isIn(value)) return true;
    if (value[0] !== 0x1f || value[1] !== 0x8b) return false;
    const unpacked = unpack(value);
    isWhole &&= unpacked !== undefined;
    return unpacked !== undefined && needles.isIn(unpacked);
  };
  try {
    const database = new DatabaseSync(file, { readOnly: true });
    try {
      if (path.basename(file) === JOURNAL_FILE && hasKeys(database, erased)) return 'found';
      for (const name of listTables(database)) {
        const rows = database.prepare(`SELECT * FROM "${name.replaceAll('"', '""')}"`);
        rows.setReadBigInts(true);
        for (const row of rows.iterate()) if (Object.values(row).some(isInValue)) return 'found';
      }
    } finally {
      database.close();
    }
  } catch {
    return 'not-searched';
  }
  return isWhole ? 'clean' : 'not-searched';
}

function listTables(database: DatabaseSync): string[] {
  return database
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
    .all()
    .map(({ name }) => String(name));
}

/** Whether it is a copy of the journal's file that was made before the erasure. */
function hasKeys(database: DatabaseSync, { log, numbers }: ErasedKeys): boolean {
  const tables = listTables(database);
  if (!tables.includes('facts') || !tables.includes('keys')) return false;
  const origin = database.prepare("SELECT value FROM facts WHERE name = 'log'").get()?.value;
  const has = database.prepare('SELECT 1 FROM keys WHERE number = ?');
  return origin === log && numbers.some((number) => has.get(number) !== undefined);
}

function unpack(packed: Uint8Array): Buffer | undefined {
  try {
    return gunzipSync(packed, { maxOutputLength: LONGEST_UNPACKED });
  } catch {
    return undefined;
  }
}
