// Writes the log, or a part of it, as a bundle: rows, tiles, checkpoints, the keys that the rows need, public keys. README.md
// of this folder documents the format. Rows come from a reader, everything else is read from the journal's file.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { EVENT_COLUMNS, type EventRow } from '../clickhouse/rows.ts';
import { LogError } from '../errors.ts';
import { JOURNAL_FILE } from '../journal/writer.ts';
import { tilePath } from '../merkle/tiles.ts';
import { HASH_BYTES, TILE_WIDTH } from '../merkle/tree.ts';
import { BundleTables } from './bundle-tables.ts';

export const BUNDLE_FORMAT = 'metatrail-bundle/1';
/** Events in one file of rows: a multiple of 256, and some 5 MB packed. */
const FILE_EVENTS = 65_536;
/** Each 256 events have a tile, and each tile a line in bundle.json, of which a verifier reads 64 MiB. */
const LARGEST_EVENTS = 100_000_000;
/** Rows read at once. */
const PAGE_EVENTS = 8192;
/** How long ClickHouse may lack what is signed for: a backlog that takes longer is told. */
const PATIENCE_MS = 60_000;
const LOOK_MS = 250;

/**
 * Reads rows of `events` in order, commitments in hexadecimal digits and what was erased before emptied; fewer than asked for
 * only when there are no more.
 */
export type RowReader = (first: number, end: number) => Promise<EventRow[]>;

export interface BundleOrder {
  dataFolder: string;
  /** A folder that is not there yet, or is empty. */
  target: string;
  /**
   * The first sequence wanted, rounded down to a multiple of 256; without it the first that has not expired, and the bundle
   * has the lowest tiles of what has, so that a log can be made of it again.
   */
  from?: number | undefined;
  /** One past the last sequence wanted; everything that a checkpoint covers when it is not given. */
  to?: number | undefined;
  readRows: RowReader;
  /** How long to wait until ClickHouse has the rows, milliseconds; a minute unless given. */
  patienceMs?: number;
  onProgress?: ((done: number, total: number) => void) | undefined;
}

export interface ExportedBundle {
  first: number;
  size: number;
  /** The size of the checkpoint that covers it. */
  checkpoint: number;
  files: number;
}

/**
 * Throws LogError bundle-refused: the target is not empty, no checkpoint covers the range, rows are missing or not delivered
 * yet, or somebody in them was erased meanwhile. Nothing of it is left then.
 */
export async function exportBundle(order: BundleOrder): Promise<ExportedBundle> {
  const tables = new BundleTables(new DatabaseSync(path.join(order.dataFolder, JOURNAL_FILE), { readOnly: true }));
  try {
    const range = chooseRange(tables, order);
    const target = new BundleFolder(order.target);
    try {
      await waitForDelivery(tables, range, order.patienceMs ?? PATIENCE_MS);
      await writeBundle(target, tables, order, range);
    } catch (error) {
      target.clear();
      throw error;
    }
    const { first, size, checkpoint } = range;
    return { first, size, checkpoint, files: target.count };
  } finally {
    tables.close();
  }
}

async function writeBundle(target: BundleFolder, tables: BundleTables, order: BundleOrder, range: Range) {
  const { first, size, checkpoint } = range;
  // A part cannot have the events that erased somebody in it later; the whole must.
  const unknownFrom = size < checkpoint ? tables.nextErasure() : checkpoint;
  const numbers = await writeRows(target, order, range);
  writeKeys(target, tables, numbers);
  writeTiles(target, tables, range);
  writeCheckpoints(target, tables, range);
  writeTombstones(target, tables);
  refuseErased(tables, unknownFrom, numbers);
  const partition = tables.partitionEvents();
  target.finish({
    format: BUNDLE_FORMAT,
    log: tables.log,
    first,
    size,
    ...(partition !== undefined && { partition_events: partition }),
  });
}

/** Rows may have been read before somebody in them was erased, and the keys afterwards. */
function refuseErased(tables: BundleTables, from: number, numbers: ReadonlySet<number>): void {
  const erasure = tables.findErasure(from, numbers);
  if (erasure !== undefined)
    throw new LogError(
      'bundle-refused',
      `Event ${erasure} erased somebody in these events while the bundle was made, or after the newest checkpoint.`,
      { retryable: true },
    );
}

/** The checkpoint covers what is accepted, and ClickHouse gets it a little later. Throws LogError bundle-refused. */
async function waitForDelivery(tables: BundleTables, { size }: Range, patienceMs: number): Promise<void> {
  for (let waited = 0; tables.delivered() < size; waited += LOOK_MS) {
    if (waited >= patienceMs) {
      const delivered = tables.delivered();
      throw new LogError(
        'bundle-refused',
        `ClickHouse is behind: ${delivered} events are delivered to it, and ${size - delivered} of those that the bundle is to have are not yet. The log has them; metatrail status says what keeps them.`,
        { retryable: true },
      );
    }
    await sleep(LOOK_MS);
  }
}

interface Range {
  first: number;
  size: number;
  checkpoint: number;
  /** So many events at the beginning have expired, and their leaves go along. */
  expired: number;
}

function chooseRange(tables: BundleTables, { from: wanted, to }: BundleOrder): Range {
  const last = tables.tombstones().at(-1);
  const expired = last ? last.first + last.size : 0;
  const from = wanted ?? expired;
  if (from < expired)
    throw new LogError('bundle-refused', `Events before ${expired} have expired; export those from ${expired} on.`);
  const checkpoint = tables.newestCheckpoint();
  if (checkpoint === undefined)
    throw new LogError(
      'bundle-refused',
      'The log has no signed checkpoint yet, without which a bundle proves nothing.',
    );
  const size = to ?? checkpoint;
  if (size > checkpoint)
    throw new LogError(
      'bundle-refused',
      `The newest checkpoint covers ${checkpoint} events; event ${size - 1} cannot be proved yet.`,
    );
  if (from >= size) throw new LogError('bundle-refused', `There is no event from ${from} on and before ${size}.`);
  const first = from - (from % TILE_WIDTH);
  const range = { first, size, checkpoint, expired: wanted === undefined ? expired : 0 };
  if (range.expired + size - first > LARGEST_EVENTS)
    throw new LogError(
      'bundle-refused',
      `A bundle holds at most ${LARGEST_EVENTS} events, without --from those that have expired among them; export parts with --from and --to.`,
    );
  return range;
}

/** Returns the numbers of the keys that the rows name. */
async function writeRows(target: BundleFolder, order: BundleOrder, { first, size }: Range): Promise<Set<number>> {
  const numbers = new Set<number>();
  for (let begin = first; begin < size; begin = endOfFile(begin, size)) {
    const end = endOfFile(begin, size);
    const lines: string[] = [];
    for (let at = begin; at < end; at += PAGE_EVENTS) {
      const until = Math.min(at + PAGE_EVENTS, end);
      const rows = await order.readRows(at, until);
      refuseGap(rows, at, until);
      for (const row of rows) {
        lines.push(formatRow(row));
        for (const number of [row.subject_key, row.actor_key, ...row['value.key']]) numbers.add(number);
      }
      order.onProgress?.(until - first, size - first);
    }
    const packed = await promisify(gzip)(Buffer.from(lines.join('')), { level: 6 });
    target.write(`rows/${String(begin).padStart(12, '0')}.jsonl.gz`, packed);
  }
  numbers.delete(0);
  return numbers;
}

function endOfFile(begin: number, size: number): number {
  return Math.min(begin - (begin % FILE_EVENTS) + FILE_EVENTS, size);
}

/** A bundle with a gap would accuse the log of what its export did wrong. */
function refuseGap(rows: readonly EventRow[], first: number, end: number): void {
  const wrong = rows.findIndex(({ sequence }, i) => sequence !== first + i);
  const at = wrong >= 0 ? first + wrong : first + rows.length;
  if (wrong >= 0 || rows.length !== end - first)
    throw new LogError(
      'bundle-refused',
      `ClickHouse does not hold event ${at} as it should; metatrail verify says more.`,
    );
}

/** What has its default is left out. */
function formatRow(row: EventRow): string {
  const isDefault = (value: unknown) =>
    value === '' || value === 0 || (Array.isArray(value) && value.length === 0) || value === NOBODY;
  const kept = EVENT_COLUMNS.filter((column) => column === 'sequence' || column === 'root' || !isDefault(row[column]));
  return `${JSON.stringify(Object.fromEntries(kept.map((column) => [column, row[column]])))}\n`;
}

const NOBODY = '00000000-0000-0000-0000-000000000000';

function writeKeys(target: BundleFolder, tables: BundleTables, numbers: ReadonlySet<number>): void {
  const lines = [...numbers]
    .sort((a, b) => a - b)
    .flatMap((number) => {
      const key = tables.key(number);
      return key ? [`{"number":${number},"key":"${Buffer.from(key).toString('hex')}"}\n`] : [];
    });
  target.write('keys.jsonl', Buffer.from(lines.join('')));
}

/**
 * All tiles above the lowest; of the lowest those of the rows, those of what has expired, those that an older checkpoint before
 * the rows ends in, and what is left over at the end of the checkpoint.
 */
function writeTiles(target: BundleFolder, tables: BundleTables, { first, size, checkpoint, expired }: Range): void {
  const older = [...tables.checkpoints(0, first)].filter((each) => each.size % TILE_WIDTH !== 0);
  const cut = new Set(older.map((each) => Math.floor(each.size / TILE_WIDTH)));
  for (let level = 0, count = checkpoint; count > 0; level++, count = Math.floor(count / TILE_WIDTH)) {
    for (let index = 0; index * TILE_WIDTH < count; index++) {
      const width = Math.min(count - index * TILE_WIDTH, TILE_WIDTH);
      const isOfRows = (index + 1) * TILE_WIDTH > first && index * TILE_WIDTH < size;
      const isNeeded = isOfRows || index * TILE_WIDTH < expired || cut.has(index) || width < TILE_WIDTH;
      if (level === 0 && !isNeeded) continue;
      const hashes = tables.hashes(level, index, width);
      if (hashes.length !== width * HASH_BYTES)
        throw new LogError(
          'bundle-refused',
          `The tile ${tilePath(level, index)} of the journal is not there or cut off.`,
        );
      target.write(`${tilePath(level, index)}${width < TILE_WIDTH ? `.p/${width}` : ''}`, hashes);
    }
  }
}

function writeTombstones(target: BundleFolder, tables: BundleTables): void {
  const lines = tables.tombstones().map((tombstone) => `${JSON.stringify(tombstone)}\n`);
  if (lines.length > 0) target.write('tombstones.jsonl', Buffer.from(lines.join('')));
}

function writeCheckpoints(target: BundleFolder, tables: BundleTables, { size, checkpoint }: Range): void {
  for (const { size: its, note } of tables.checkpoints(0, Math.min(size, checkpoint - 1)))
    target.write(`checkpoints/${its}`, Buffer.from(note));
  const [newest] = [...tables.checkpoints(checkpoint - 1, checkpoint)];
  target.write('checkpoint', Buffer.from(newest?.note ?? ''));
  target.write('public-keys', Buffer.from(tables.publicKeys()));
}

/** The folder that is written; its contents last, so that a bundle that was cut off is none. */
class BundleFolder {
  readonly #folder: string;
  readonly #files: { path: string; bytes: number; sha256: string }[] = [];

  constructor(folder: string) {
    this.#folder = path.resolve(folder);
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      if (readdirSync(this.#folder).length === 0) return;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const said = `The folder ${this.#folder} cannot be made: ${reason}; name another one.`;
      throw new LogError('bundle-refused', said, { cause: error });
    }
    // What is there could be readable by others, or lead somewhere else.
    throw new LogError('bundle-refused', `The folder ${this.#folder} is not empty; name another one.`);
  }

  get count(): number {
    return this.#files.length;
  }

  /** Readable by their owner alone: keys and rows are the personal data. */
  write(name: string, bytes: Uint8Array): void {
    const file = path.join(this.#folder, name);
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, bytes, { mode: 0o600 });
    this.#files.push({ path: name, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') });
  }

  /** What was written goes: it may hold somebody who is erased by now. */
  clear(): void {
    const names = new Set(this.#files.map(({ path: name }) => name.split('/')[0] ?? name));
    for (const name of names) rmSync(path.join(this.#folder, name), { recursive: true, force: true });
    this.#files.length = 0;
  }

  finish(contents: Record<string, unknown>): void {
    const text = `${JSON.stringify({ ...contents, files: this.#files }, null, 1)}\n`;
    writeFileSync(path.join(this.#folder, 'bundle.json'), text, { mode: 0o600 });
  }
}
