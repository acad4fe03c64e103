// What the data folder of an installation holds for a check: keys, tiles, checkpoints, the newest rows. Read-only.
import { accessSync, constants, existsSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { CannotCheckError } from './cannot-check.ts';
import { HASH_BYTES, TILE_BYTES, TILE_WIDTH } from './merkle.ts';
import type { KeptTombstone } from './source.ts';

const FILE = 'metatrail.sqlite';
/** The first version of the file that has tiles, checkpoints and their keys. */
const OLDEST_VERSION = 3;
/** Events of a partition, where the log says nothing else. */
const PARTITION_EVENTS = 16_777_216;

export class DataFolder {
  readonly folder: string;
  readonly log: string;
  /** The number of accepted events when it was opened. */
  readonly size: number;
  readonly #database: DatabaseSync;
  readonly #key: StatementSync;
  readonly #keys: StatementSync;
  readonly #missingKeys: StatementSync;
  readonly #tile: StatementSync;
  readonly #leaves: StatementSync;
  readonly #row: StatementSync;
  readonly #fact: StatementSync;

  /** Throws CannotCheckError: there is none, it cannot be read, or it is of an older or damaged kind. */
  constructor(folder: string) {
    this.folder = folder;
    this.#database = open(folder);
    try {
      const version = Number(this.#database.prepare('PRAGMA user_version').get()?.user_version ?? 0);
      if (version < OLDEST_VERSION)
        throw new CannotCheckError(
          `The data folder ${folder} is of version ${version}; start this program's service on it once, which brings it to version ${OLDEST_VERSION} or newer.`,
        );
      this.#key = this.#database.prepare('SELECT key FROM keys WHERE number = ?');
      this.#keys = this.#database.prepare(
        `SELECT count(*) AS found, group_concat(number || char(9) || hex(key) || char(10), '') AS lines
         FROM keys WHERE number IN (SELECT value FROM json_each(?))`,
      );
      this.#missingKeys = this.#database.prepare(
        'SELECT value AS number FROM json_each(?) WHERE NOT EXISTS (SELECT 1 FROM keys WHERE number = value)',
      );
      this.#tile = this.#database.prepare('SELECT hashes FROM tiles WHERE level = ? AND tile = ?');
      this.#leaves = this.#database.prepare(
        'SELECT sequence, leaf FROM journal WHERE sequence >= ? AND sequence < ? ORDER BY sequence',
      );
      this.#row = this.#database.prepare('SELECT row FROM journal WHERE sequence = ?');
      this.#fact = this.#database.prepare('SELECT value FROM facts WHERE name = ?');
      this.log = this.#readLog();
      this.size = this.readSize();
    } catch (error) {
      this.#database.close();
      throw asCannotCheck(error, folder);
    }
  }

  /** The number of accepted events now. */
  readSize(): number {
    const size = this.#database.prepare('SELECT coalesce(max(sequence) + 1, 0) AS size FROM journal').get()?.size;
    return Number(size ?? 0);
  }

  /** The first event whose row the journal still has. */
  readFirstRow(): number {
    const first = this.#database.prepare('SELECT min(sequence) AS first FROM journal').get()?.first;
    return Number(first ?? this.size);
  }

  /** How many events a partition of this log holds. */
  readPartitionEvents(): number {
    return Number(this.#fact.get('partition-events')?.value ?? PARTITION_EVENTS);
  }

  readTombstones(): KeptTombstone[] {
    const rows = this.#database.prepare("SELECT value FROM state WHERE kind = 'tombstone' ORDER BY key").all();
    return rows.map(({ value }) => {
      const fields: Record<string, unknown> = { ...JSON.parse(String(value)) };
      const { first, size, note, until, lastOccurred } = fields;
      const times = { until: Number(until), lastOccurred: Number(lastOccurred) };
      return { first: Number(first), size: Number(size), note: String(note), ...times };
    });
  }

  /** How many events were delivered to ClickHouse, as the shipper remembers it. */
  readDelivered(): number {
    return Number(this.#fact.get('shipped')?.value ?? 0);
  }

  /** The 32 bytes of a key; undefined: there is none with this number. */
  keyOf(number: number): Uint8Array | undefined {
    const key = this.#key.get(number)?.key;
    return key instanceof Uint8Array ? key : undefined;
  }

  /** Of many numbers at once: a line for each key that is there, `number <tab> hexadecimal digits`, and the numbers of no key. */
  readKeys(numbers: readonly number[]): { lines: string; missing: number[] } {
    const asked = JSON.stringify(numbers);
    const row = this.#keys.get(asked);
    const isAllThere = Number(row?.found) === numbers.length;
    const missing = isAllThere ? [] : this.#missingKeys.all(asked).map(({ number }) => Number(number));
    return { lines: String(row?.lines ?? ''), missing };
  }

  /** The hashes of a full tile; of the last one of level 0 those that there are. */
  tile(level: number, index: number): Buffer | undefined {
    const hashes = this.#tile.get(level, index)?.hashes;
    if (hashes instanceof Uint8Array && hashes.length === TILE_BYTES)
      return Buffer.from(hashes.buffer, hashes.byteOffset, hashes.length);
    const first = index * TILE_WIDTH;
    return level === 0 && hashes === undefined && first + TILE_WIDTH > this.size ? this.#lastTile(first) : undefined;
  }

  /** The row of an event as JSON, while the journal still has it. */
  row(sequence: number): string | undefined {
    const row = this.#row.get(sequence)?.row;
    return typeof row === 'string' ? row : undefined;
  }

  /** The verifier keys of the log, one a line with the size from which on it signs, oldest first. */
  readPublicKeys(): string {
    const keys = this.#database.prepare('SELECT vkey, from_size FROM checkpoint_keys ORDER BY from_size').all();
    return keys.map(({ vkey, from_size }) => `${String(vkey)} ${String(from_size)}\n`).join('');
  }

  *checkpoints(): Iterable<{ place: string; note: string }> {
    for (const { size, note } of this.#database.prepare('SELECT size, note FROM checkpoints ORDER BY size').iterate())
      yield { place: `the checkpoint of size ${String(size)} in the data folder`, note: String(note) };
  }

  close(): void {
    this.#database.close();
  }

  #lastTile(first: number): Buffer | undefined {
    const leaves = this.#leaves.all(first, first + TILE_WIDTH);
    const hashes = leaves.flatMap(({ sequence, leaf }, i) =>
      Number(sequence) === first + i && leaf instanceof Uint8Array && leaf.length === HASH_BYTES ? [leaf] : [],
    );
    return hashes.length === leaves.length ? Buffer.concat(hashes) : undefined;
  }

  #readLog(): string {
    const log = this.#fact.get('log')?.value;
    if (typeof log === 'string') return log;
    throw new CannotCheckError(
      `The data folder ${this.folder} does not say which log it holds; restore it from a backup.`,
    );
  }
}

function open(folder: string): DatabaseSync {
  const file = path.join(folder, FILE);
  if (!existsSync(file))
    throw new CannotCheckError(
      `There is no journal ${file}, and with it no keys; name the data folder, or restore it from a backup.`,
    );
  try {
    accessSync(file, constants.R_OK);
    return new DatabaseSync(file, { readOnly: true });
  } catch (error) {
    throw asCannotCheck(error, folder);
  }
}

function asCannotCheck(error: unknown, folder: string): CannotCheckError {
  if (error instanceof CannotCheckError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new CannotCheckError(`The journal in ${folder} cannot be read: ${reason}.`);
}
