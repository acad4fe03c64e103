// What an erasure reads of the journal's file: keys, the tree's leaves, and what is still to be done in ClickHouse. A
// connection of its own, read-only; whatever is written goes through the writer.
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import { type ErasedEvent, readErased } from '../journal/erase-keys.ts';
import { JOURNAL_FILE } from '../journal/writer.ts';
import { TileStore } from '../merkle/tiles.ts';
import { perfectRoot, TILE_WIDTH } from '../merkle/tree.ts';

const numbers = z.array(z.number());

export interface OwnedKey {
  number: number;
  /** Such as `object:<id>`: see KeyRing. */
  owner: string;
}

export interface Unsettled {
  events: ErasedEvent[];
  /** The newest version among them. */
  version: number;
}

export class ErasureReader {
  readonly #database: DatabaseSync;
  readonly #tiles: TileStore;

  constructor(folder: string) {
    this.#database = new DatabaseSync(path.join(folder, JOURNAL_FILE), { readOnly: true });
    this.#tiles = new TileStore(this.#database);
  }

  close(): void {
    this.#database.close();
  }

  keyOf(owner: string): OwnedKey | undefined {
    const row = this.#database.prepare('SELECT number FROM keys WHERE owner = ?').get(owner);
    return row && { number: Number(row.number), owner };
  }

  /** All keys whose owner begins so, one after the other. */
  *keysBeginning(prefix: string): Iterable<OwnedKey> {
    const found = this.#database.prepare('SELECT number, owner FROM keys WHERE owner >= ? AND owner < ?');
    for (const row of found.iterate(prefix, `${prefix}\u{10ffff}`))
      yield { number: Number(row.number), owner: String(row.owner) };
  }

  /** The 32 bytes of a key; undefined when it was erased. */
  bytesOf(number: number): Uint8Array | undefined {
    const key = this.#database.prepare('SELECT key FROM keys WHERE number = ?').get(number)?.key;
    return key instanceof Uint8Array ? key : undefined;
  }

  /** The leaf of an event, from the tiles, or from the journal where its tile is not full. */
  leafOf(sequence: number, size: number): Uint8Array | undefined {
    const tile = Math.floor(sequence / TILE_WIDTH);
    if ((tile + 1) * TILE_WIDTH <= size) return this.#tileOf(tile)[sequence % TILE_WIDTH];
    const leaf = this.#database.prepare('SELECT leaf FROM journal WHERE sequence = ?').get(sequence)?.leaf;
    return leaf instanceof Uint8Array ? leaf : undefined;
  }

  /** The root over a full tile. */
  tileRoot(level: number, tile: number): Uint8Array {
    return perfectRoot(this.#tiles.read(level, tile));
  }

  #lastTile: { tile: number; hashes: Uint8Array[] } | undefined;

  #tileOf(tile: number): Uint8Array[] {
    if (this.#lastTile?.tile !== tile) this.#lastTile = { tile, hashes: this.#tiles.read(0, tile) };
    return this.#lastTile.hashes;
  }

  /** Events that were erased here and are not, or not surely, in ClickHouse. */
  unsettled(): Unsettled {
    const rows = this.#database
      .prepare(
        'SELECT sequence, object, actor, plain, refs, version FROM erased_events WHERE settled = 0 ORDER BY sequence',
      )
      .all();
    return {
      events: rows.map((row) => readErased(Number(row.sequence), row)),
      version: rows.reduce((newest, row) => Math.max(newest, Number(row.version)), 0),
    };
  }

  /** All erased events from `from` up to, not including, `to`. */
  erased(from: number, to: number): ErasedEvent[] {
    return this.#database
      .prepare(
        'SELECT sequence, object, actor, plain, refs FROM erased_events WHERE sequence >= ? AND sequence < ? ORDER BY sequence',
      )
      .all(from, to)
      .map((row) => readErased(Number(row.sequence), row));
  }

  /** When the oldest erasure that is not settled was accepted, in microseconds, and how many there are. */
  waiting(): { erasures: number; since: number } {
    const row = this.#database
      .prepare(
        `SELECT count(DISTINCT erasure) AS erasures, coalesce(min(erasures.accepted_at), 0) AS since
         FROM erased_events LEFT JOIN erasures ON erasures.event = erased_events.erasure WHERE settled = 0`,
      )
      .get();
    return { erasures: Number(row?.erasures ?? 0), since: Number(row?.since ?? 0) };
  }

  /** The keys of all erasures of which something is not settled. */
  goneKeys(): number[] {
    const rows = this.#database
      .prepare('SELECT keys FROM erasures WHERE EXISTS (SELECT 1 FROM erased_events WHERE settled = 0)')
      .all();
    return rows.flatMap(({ keys }) => numbers.parse(JSON.parse(String(keys))));
  }

  /** The numbers of the keys that went with an erasure; undefined: the event is none. */
  keysErasedBy(event: number): number[] | undefined {
    const row = this.#database.prepare('SELECT keys FROM erasures WHERE event = ?').get(event);
    return row && numbers.parse(JSON.parse(String(row.keys)));
  }
}
