// A process of its own that looks for bytes in files. Not in the service: to close a file of SQLite there would let go of
// the locks that the service has on it. What is looked for comes in on standard input and is never written anywhere.
import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { Needles } from './needles.ts';

const CHUNK_BYTES = 4 * 1024 * 1024;

const question = z
  .object({ places: z.array(z.string()), texts: z.array(z.string()), bytes: z.array(z.string()) })
  .parse(JSON.parse(await text(process.stdin)));
const needles = new Needles(
  question.texts,
  question.bytes.map((hex) => Buffer.from(hex, 'hex')),
);
const found: string[] = [];
let files = 0;
let bytes = 0;
for (const place of question.places) for (const file of listFiles(place)) search(file);
process.stdout.write(JSON.stringify({ files, bytes, found }));

function listFiles(place: string): string[] {
  const status = statSync(place, { throwIfNoEntry: false });
  if (status?.isFile()) return [place];
  if (!status?.isDirectory()) return [];
  return readdirSync(place, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
}

function search(file: string): void {
  files += 1;
  if (isInBytes(file) || (file.endsWith('.sqlite') && isInTables(file))) found.push(file);
}

function isInBytes(file: string): boolean {
  const descriptor = openOrSkip(file);
  if (descriptor === undefined) return false;
  try {
    const buffer = Buffer.alloc(CHUNK_BYTES + needles.longest + 1);
    let kept = 0;
    let done = 0;
    // No further than the file says that it is long, again for each piece: those of the kernel may have no end.
    while (done < fstatSync(descriptor).size) {
      const read = readSync(descriptor, buffer, kept, CHUNK_BYTES, null);
      if (read === 0) return false;
      done += read;
      bytes += read;
      const length = kept + read;
      if (needles.isIn(buffer.subarray(0, length))) return true;
      // One byte more than the longest needle: what stands before it decides whether it is a whole word.
      kept = Math.min(needles.longest + 1, length);
      buffer.copyWithin(0, length - kept, length);
    }
    return false;
  } finally {
    closeSync(descriptor);
  }
}

/** ClickHouse and the journal may have removed it meanwhile. */
function openOrSkip(file: string): number | undefined {
  try {
    return openSync(file, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** A long text is spread over several pages of the file, so it is also read as SQLite reads it. */
function isInTables(file: string): boolean {
  if (path.basename(file) === 'lock.sqlite') return false;
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
    return tables.some(({ name }) => {
      for (const row of database.prepare(`SELECT * FROM "${String(name)}"`).iterate())
        for (const value of Object.values(row)) if (isInValue(value)) return true;
      return false;
    });
  } finally {
    database.close();
  }
}

function isInValue(value: unknown): boolean {
  if (typeof value === 'string') return needles.isIn(Buffer.from(value));
  return value instanceof Uint8Array && needles.isIn(value);
}
