// A bundle, read to make a log of it again. Whether it is a whole and unaltered log is the verifier's to say, before and after
// (../verify/, which shares nothing with this). Here nothing is opened but files that bundle.json names, each held against
// its SHA-256 first, so that what was checked is what is read.
import { createHash } from 'node:crypto';
import { createReadStream, lstatSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { createGunzip } from 'node:zlib';
import { z } from 'zod';
import { PARTITION_EVENTS } from '../clickhouse/cluster.ts';
import { type EventRow, rowSchema } from '../clickhouse/rows.ts';
import { LogError } from '../errors.ts';
import { tilePath } from '../merkle/tiles.ts';
import { HASH_BYTES, TILE_WIDTH } from '../merkle/tree.ts';
import { readTombstone, type Tombstone } from '../retention/tombstones.ts';
import { BUNDLE_FORMAT } from './export-bundle.ts';

const CONTENTS = 'bundle.json';
const TOMBSTONES = 'tombstones.jsonl';
const FILE =
  /^(rows\/\d{12,16}\.jsonl\.gz|tile\/\d{1,2}\/(x\d{3}\/){0,5}\d{3}(\.p\/\d{1,3})?|checkpoint|checkpoints\/\d{1,16}|keys\.jsonl|tombstones\.jsonl|public-keys)$/;
const count = z.int().nonnegative();
const contentsSchema = z.object({
  format: z.literal(BUNDLE_FORMAT),
  // It gets into statements as part of a token, and nothing else is a name that a log was ever given.
  log: z.string().regex(/^metatrail\/[0-9a-f]{16}$/),
  first: count,
  size: count.positive(),
  partition_events: count.default(PARTITION_EVENTS),
  files: z.array(z.object({ path: z.string().regex(FILE), sha256: z.string().regex(/^[0-9a-f]{64}$/) })),
});
const noteSchema = z.object({ note: z.string() });
const keySchema = z.object({ number: count.positive(), key: z.string().regex(/^[0-9a-f]{64}$/) });

/** A signed note, and over how many events. */
export interface BundledCheckpoint {
  size: number;
  note: string;
}

export class OpenedBundle {
  readonly log: string;
  readonly first: number;
  readonly size: number;
  readonly partitionEvents: number;
  /** SHA-256 of bundle.json: another bundle has another. */
  readonly sha256: string;
  readonly #folder: string;
  readonly #files: ReadonlyMap<string, string>;
  readonly #looked = new Set<string>();

  /** Throws LogError move-refused: there is no bundle, or its bundle.json is none. */
  constructor(folder: string) {
    try {
      this.#folder = realpathSync(folder);
      const bytes = readFileSync(path.join(this.#folder, CONTENTS));
      this.sha256 = sha256Of(bytes);
      const contents = contentsSchema.parse(JSON.parse(bytes.toString('utf8')));
      this.log = contents.log;
      this.first = contents.first;
      this.size = contents.size;
      this.partitionEvents = contents.partition_events;
      this.#files = new Map(contents.files.map((file) => [file.path, file.sha256]));
    } catch (error) {
      throw refused(`The folder ${folder} holds no bundle of a log that this program can take up.`, error);
    }
  }

  /** Of the partitions that have expired, in order. Throws LogError move-refused. */
  tombstones(): Tombstone[] {
    if (!this.#files.has(TOMBSTONES)) return [];
    const lines = this.read(TOMBSTONES).toString('utf8').split('\n').slice(0, -1);
    return lines.map((line, index) => {
      const tombstone = readTombstone(noteSchema.parse(JSON.parse(line)).note);
      if (tombstone) return tombstone;
      throw refused(`Line ${index + 1} of ${TOMBSTONES} of the bundle is no tombstone that this program knows.`);
    });
  }

  hasTile(level: number, index: number): boolean {
    return this.#files.has(tilePath(level, index));
  }

  /** The whole content of a file. Throws LogError move-refused. */
  read(name: string): Buffer {
    const file = this.#find(name);
    const bytes = readFileSync(file);
    if (sha256Of(bytes) !== this.#files.get(name)) throw changed(name);
    return bytes;
  }

  /** The rows in order, as many at a time as a file's stream gives. Throws LogError move-refused. */
  async *rows(): AsyncIterable<EventRow[]> {
    for (const name of [...this.#files.keys()].filter((each) => each.startsWith('rows/')).sort()) {
      await this.#look(name);
      for await (const lines of linesOf(this.#find(name))) yield lines.map((line) => parseRow(line, name));
    }
  }

  /** The checkpoints, the newest last. */
  checkpoints(): BundledCheckpoint[] {
    const names = [...this.#files.keys()].filter((name) => /^checkpoint(s\/\d+)?$/.test(name));
    const notes = names.map((name) => this.read(name).toString('utf8'));
    return notes.map((note) => ({ size: Number(note.split('\n')[1]), note })).sort((a, b) => a.size - b.size);
  }

  /** The keys by number. */
  keys(): Map<number, Buffer> {
    const lines = this.read('keys.jsonl').toString('utf8').split('\n').slice(0, -1);
    return new Map(
      lines.map((line) => {
        const { number, key } = keySchema.parse(JSON.parse(line));
        return [number, Buffer.from(key, 'hex')];
      }),
    );
  }

  /** The hashes of a tile of which the tree has so many, 32 bytes each. Throws LogError move-refused. */
  tile(level: number, index: number, width: number): Buffer {
    const bytes = this.read(`${tilePath(level, index)}${width < TILE_WIDTH ? `.p/${width}` : ''}`);
    if (bytes.length !== width * HASH_BYTES)
      throw refused(`The tile ${tilePath(level, index)} of the bundle is cut off.`);
    return bytes;
  }

  /** Verifier keys of the log, oldest first, each with the size from which on it signs. */
  publicKeys(): { vkey: string; from: number }[] {
    const lines = this.read('public-keys').toString('utf8').split('\n').slice(0, -1);
    return lines.map((line) => {
      const [, vkey, from = '0'] = /^(\S+)(?: (\d{1,16}))?$/.exec(line) ?? [];
      if (vkey === undefined) throw refused('A line of public-keys of the bundle is no key.');
      return { vkey, from: Number(from) };
    });
  }

  /** Holds a large file against its SHA-256, once. */
  async #look(name: string): Promise<void> {
    if (this.#looked.has(name)) return;
    const hash = createHash('sha256');
    for await (const bytes of createReadStream(this.#find(name))) hash.update(bytes);
    if (hash.digest('hex') !== this.#files.get(name)) throw changed(name);
    this.#looked.add(name);
  }

  #find(name: string): string {
    const file = path.join(this.#folder, name);
    const isPlain = this.#files.has(name) && lstatSync(file, { throwIfNoEntry: false })?.isFile();
    if (!isPlain || realpathSync(file) !== file) throw refused(`${name} of the bundle is not there, or no plain file.`);
    return file;
  }
}

async function* linesOf(file: string): AsyncIterable<string[]> {
  const packed = createReadStream(file);
  const unpacked = packed.pipe(createGunzip());
  packed.once('error', (error) => unpacked.destroy(error));
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for await (const bytes of unpacked) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      if (lines.length > 0) yield lines;
    }
  } finally {
    packed.destroy();
    unpacked.destroy();
  }
}

function parseRow(line: string, name: string): EventRow {
  try {
    return rowSchema.parse(JSON.parse(line));
  } catch {
    // Not why: it would quote the row.
    throw refused(`A line of ${name} of the bundle is no event that this program knows.`);
  }
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function refused(what: string, cause?: unknown): LogError {
  return new LogError('move-refused', what, cause === undefined ? {} : { cause });
}

function changed(name: string): LogError {
  return refused(`${name} of the bundle is not what bundle.json says; ask for the bundle again.`);
}
