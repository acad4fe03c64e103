// What a bundle takes from the journal's file, read-only.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { z } from 'zod';
import { HASH_BYTES, perfectRoot, TILE_WIDTH } from '../merkle/tree.ts';

const keysSchema = z.array(z.number());
const tombstoneSchema = z.object({ first: z.number(), size: z.number(), note: z.string() });

export class BundleTables {
  readonly log: string;
  readonly #database: DatabaseSync;
  readonly #tile: StatementSync;
  readonly #key: StatementSync;
  readonly #leaves: StatementSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#tile = database.prepare('SELECT hashes FROM tiles WHERE level = ? AND tile = ?');
    this.#key = database.prepare('SELECT key FROM keys WHERE number = ?');
    this.#leaves = database.prepare('SELECT leaf FROM journal WHERE sequence >= ? AND sequence < ? ORDER BY sequence');
    this.log = String(database.prepare("SELECT value FROM facts WHERE name = 'log'").get()?.value);
  }

  key(number: number): Uint8Array | undefined {
    const key = this.#key.get(number)?.key;
    return key instanceof Uint8Array ? key : undefined;
  }

  /** The first `width` hashes of a tile, one after the other; fewer bytes when they are not there. */
  hashes(level: number, index: number, width: number): Uint8Array {
    const tile = this.#fullTile(level, index);
    if (tile) return tile.subarray(0, width * HASH_BYTES);
    const first = index * TILE_WIDTH;
    if (level === 0) return Buffer.concat(this.#leaves.all(first, first + width).map(({ leaf }) => leaf as Uint8Array));
    const below = Array.from({ length: width }, (_, i) => this.#fullTile(level - 1, first + i));
    return Buffer.concat(below.flatMap((hashes) => (hashes ? [perfectRoot(splitHashes(hashes))] : [])));
  }

  newestCheckpoint(): number | undefined {
    const row = this.#database.prepare('SELECT max(size) AS size FROM checkpoints').get();
    return typeof row?.size === 'number' ? row.size : undefined;
  }

  /** Those of more than `above` events, up to `to`. */
  *checkpoints(above: number, to: number): Iterable<{ size: number; note: string }> {
    const statement = this.#database.prepare(
      'SELECT size, note FROM checkpoints WHERE size > ? AND size <= ? ORDER BY size',
    );
    for (const { size, note } of statement.iterate(above, to)) yield { size: Number(size), note: String(note) };
  }

  /** All events below this sequence are in ClickHouse. */
  delivered(): number {
    return Number(this.#database.prepare("SELECT value FROM facts WHERE name = 'shipped'").get()?.value ?? 0);
  }

  /** Erasures that are accepted from now on have this sequence or a later one. */
  nextErasure(): number {
    return Number(this.#database.prepare('SELECT coalesce(max(event) + 1, 0) AS next FROM erasures').get()?.next);
  }

  /** The first event from `from` on that erased one of these keys, if any. */
  findErasure(from: number, numbers: ReadonlySet<number>): number | undefined {
    const erasures = this.#database
      .prepare('SELECT event, keys FROM erasures WHERE event >= ? ORDER BY event')
      .all(from);
    const found = erasures.find(({ keys }) =>
      keysSchema.parse(JSON.parse(String(keys))).some((number) => numbers.has(number)),
    );
    return found && Number(found.event);
  }

  /** Those of partitions that have expired, in order. */
  tombstones(): { first: number; size: number; note: string }[] {
    const rows = this.#database.prepare("SELECT value FROM state WHERE kind = 'tombstone' ORDER BY key").all();
    return rows.map(({ value }) => tombstoneSchema.parse(JSON.parse(String(value))));
  }

  /** How many events a partition holds; undefined: as many as usual. */
  partitionEvents(): number | undefined {
    const value = this.#database.prepare("SELECT value FROM facts WHERE name = 'partition-events'").get()?.value;
    return value === undefined ? undefined : Number(value);
  }

  /** Verifier keys, one a line, with the size from which on each signs. */
  publicKeys(): string {
    const keys = this.#database.prepare('SELECT vkey, from_size FROM checkpoint_keys ORDER BY from_size').all();
    return keys.map(({ vkey, from_size }) => `${String(vkey)} ${String(from_size)}\n`).join('');
  }

  close(): void {
    this.#database.close();
  }

  #fullTile(level: number, index: number): Uint8Array | undefined {
    const hashes = this.#tile.get(level, index)?.hashes;
    return hashes instanceof Uint8Array && hashes.length === TILE_WIDTH * HASH_BYTES ? hashes : undefined;
  }
}

function splitHashes(tile: Uint8Array): Uint8Array[] {
  return Array.from({ length: TILE_WIDTH }, (_, i) => tile.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES));
}
