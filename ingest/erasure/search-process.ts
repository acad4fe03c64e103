// A process of its own that looks for bytes in files. Not in the service: to close a file of SQLite there would let go of
// the locks that the service has on it. What is looked for comes in on standard input and is never written anywhere.
// Regular files are searched, each from its beginning to its end; links are not followed, for what they name is a file of its
// own. A file counts as searched only when its end was reached; any other is named in `unread`.
import { closeSync, constants, type Dirent, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { Needles } from './needles.ts';

const CHUNK_BYTES = 4 * 1024 * 1024;
/** The kernel's files say that they are empty. Some end, after less than this; others never do. */
const MOST_UNSAID_BYTES = 64 * 1024 * 1024;

const question = z
  .object({ places: z.array(z.string()), texts: z.array(z.string()), bytes: z.array(z.string()) })
  .parse(JSON.parse(await text(process.stdin)));
const needles = new Needles(
  question.texts,
  question.bytes.map((hex) => Buffer.from(hex, 'hex')),
);
const found: string[] = [];
const unread: string[] = [];
let files = 0;
let bytes = 0;
for (const place of question.places) for (const file of listFiles(place)) search(file);
process.stdout.write(JSON.stringify({ files, bytes, found, unread }));

function* listFiles(place: string): Generator<string> {
  const status = statSync(place, { throwIfNoEntry: false });
  if (status?.isDirectory()) yield* walk(place);
  else if (status?.isFile()) yield place;
  else unread.push(place);
}

/** Not Node's own recursion, which follows links to folders. */
function* walk(folder: string): Generator<string> {
  for (const entry of entriesOf(folder)) {
    const below = path.join(folder, entry.name);
    if (entry.isDirectory()) yield* walk(below);
    else if (entry.isFile()) yield below;
  }
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (!isGone(error)) unread.push(folder);
    return [];
  }
}

function search(file: string): void {
  try {
    const descriptor = openOrSkip(file);
    if (descriptor === undefined) return;
    if (isInBytes(descriptor) || (file.endsWith('.sqlite') && isInTables(file))) found.push(file);
    files += 1;
  } catch {
    unread.push(file);
  }
}

/** Reads to the end of the file, and closes it. Throws Error when it has none or cannot be read. */
function isInBytes(descriptor: number): boolean {
  try {
    const buffer = Buffer.alloc(CHUNK_BYTES + needles.longest + 1);
    let kept = 0;
    let done = 0;
    for (;;) {
      const read = readSync(descriptor, buffer, kept, CHUNK_BYTES, null);
      if (read === 0) return false;
      done += read;
      bytes += read;
      // Its length is asked for anew: a log may grow meanwhile.
      if (done > Math.max(fstatSync(descriptor).size, MOST_UNSAID_BYTES)) throw new Error('The file has no end.');
      const length = kept + read;
      if (needles.isIn(buffer.subarray(0, length))) return true;
      // One byte more than the longest needle: what stands before it decides whether it is a whole word.
      kept = Math.min(needles.longest + 1, length);
      buffer.copyWithin(0, length - kept, length);
    }
  } finally {
    closeSync(descriptor);
  }
}

/** Undefined: ClickHouse or the journal have removed it meanwhile. */
function openOrSkip(file: string): number | undefined {
  try {
    // Without waiting: some of the kernel's files give nothing until something happens.
    return openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
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
