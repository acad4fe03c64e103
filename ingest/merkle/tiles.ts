// Tiles of the Merkle tree, C2SP tlog-tiles: 256 hashes, 8,192 bytes each. A tile is written once, when it is full, in the
// transaction that accepts its last leaf, and never changes; the hashes of an incomplete tile are in the journal.
import path from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { LogError } from '../errors.ts';
import { type CompletedTile, HASH_BYTES, MerkleTree, perfectRoot, TILE_WIDTH } from './tree.ts';

const TILE_BYTES = TILE_WIDTH * HASH_BYTES;

/** The path of a full tile below the log's address: 1234067 is x001/x234/067. */
export function tilePath(level: number, index: number): string {
  const digits = String(index).padStart(Math.ceil(String(index).length / 3) * 3, '0');
  const groups = digits.match(/\d{3}/g) ?? [];
  const last = groups.pop() ?? '000';
  return path.posix.join('tile', String(level), ...groups.map((group) => `x${group}`), last);
}

/** The full tiles, in the table `tiles` of the SQLite file. */
export class TileStore {
  readonly #read: StatementSync;
  readonly #insert: () => StatementSync;

  /** `database` may be read-only where nothing is written. */
  constructor(database: DatabaseSync) {
    this.#read = database.prepare('SELECT hashes FROM tiles WHERE level = ? AND tile = ?');
    let insert: StatementSync | undefined;
    this.#insert = () => (insert ??= database.prepare('INSERT INTO tiles (level, tile, hashes) VALUES (?, ?, ?)'));
  }

  write(tile: CompletedTile): void {
    this.#insert().run(tile.level, tile.index, tile.bytes);
  }

  /** The 256 hashes of a full tile. Throws LogError journal-damaged when it is not there or not whole. */
  read(level: number, index: number): Uint8Array[] {
    const bytes = this.#read.get(level, index)?.hashes;
    if (!(bytes instanceof Uint8Array) || bytes.length !== TILE_BYTES) {
      const found = bytes instanceof Uint8Array ? `has ${bytes.length} bytes instead of ${TILE_BYTES}` : 'is not there';
      throw new LogError('journal-damaged', `The tile ${tilePath(level, index)} of the journal ${found}.`);
    }
    return Array.from({ length: TILE_WIDTH }, (_, i) => bytes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES));
  }
}

/** Takes up the tree of a log of `size` leaves from its tiles and `lastLeaves`, those after the last full tile. */
export function restoreTree(store: TileStore, size: number, lastLeaves: readonly Uint8Array[]): MerkleTree {
  const pending: Uint8Array[][] = [[...lastLeaves]];
  let below = Math.floor(size / TILE_WIDTH);
  for (let level = 1; below > 0; level++) {
    const full = Math.floor(below / TILE_WIDTH);
    pending.push(rootsOfTiles(store, level - 1, full * TILE_WIDTH, below));
    below = full;
  }
  return MerkleTree.restore(size, pending);
}

function rootsOfTiles(store: TileStore, level: number, from: number, to: number): Uint8Array[] {
  return Array.from({ length: to - from }, (_, i) => perfectRoot(store.read(level, from + i)));
}
