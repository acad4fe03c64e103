// Tiles on disk, C2SP tlog-tiles: tile/<level>/<index>, 8,192 bytes each. A tile is written once, when it is full,
// and never changes; the hashes of an incomplete tile are in the journal.
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';
import { type CompletedTile, HASH_BYTES, MerkleTree, perfectRoot, TILE_WIDTH } from './tree.ts';

const TILE_BYTES = TILE_WIDTH * HASH_BYTES;

/** The path of a full tile below the log's folder: 1234067 is x001/x234/067. */
export function tilePath(level: number, index: number): string {
  const digits = String(index).padStart(Math.ceil(String(index).length / 3) * 3, '0');
  const groups = digits.match(/\d{3}/g) ?? [];
  const last = groups.pop() ?? '000';
  return path.join('tile', String(level), ...groups.map((group) => `x${group}`), last);
}

export class TileStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Writes a full tile so that it is there whole or not at all, also after a power failure. */
  write(tile: CompletedTile): void {
    const target = path.join(this.#folder, tilePath(tile.level, tile.index));
    mkdirSync(path.dirname(target), { recursive: true });
    const temporary = `${target}.tmp`;
    const file = openSync(temporary, 'w');
    try {
      writeSync(file, tile.bytes);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, target);
  }

  /** A whole tile is there. */
  has(level: number, index: number): boolean {
    const found = statSync(path.join(this.#folder, tilePath(level, index)), { throwIfNoEntry: false });
    return found?.size === TILE_BYTES;
  }

  read(level: number, index: number): Uint8Array[] {
    const bytes = readFileSync(path.join(this.#folder, tilePath(level, index)));
    if (bytes.length !== TILE_BYTES) {
      throw new Error(
        `The tile ${tilePath(level, index)} has ${bytes.length} bytes instead of ${TILE_BYTES}; restore it from a backup.`,
      );
    }
    return Array.from({ length: TILE_WIDTH }, (_, i) => bytes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES));
  }
}

/**
 * Takes up the tree of a log of `size` leaves: from its tiles where they are, else from the leaf hashes of the journal,
 * writing the tiles that a crash left out. All are looked for: after a power failure the folder may have forgotten any of
 * them, not only the last. `leavesFrom(first, count)` returns the hashes of the journal in order.
 */
export function restoreTree(
  store: TileStore,
  size: number,
  leavesFrom: (first: number, count: number) => Uint8Array[],
): MerkleTree {
  const fullTiles = Math.floor(size / TILE_WIDTH);
  writeMissingLeafTiles(store, fullTiles, leavesFrom);
  const pending: Uint8Array[][] = [leavesFrom(fullTiles * TILE_WIDTH, size - fullTiles * TILE_WIDTH)];
  let below = fullTiles;
  for (let level = 1; below > 0; level++) {
    const full = Math.floor(below / TILE_WIDTH);
    writeMissingUpperTiles(store, level, full);
    pending.push(rootsOfTiles(store, level - 1, full * TILE_WIDTH, below));
    below = full;
  }
  return MerkleTree.restore(size, pending);
}

function writeMissingLeafTiles(
  store: TileStore,
  fullTiles: number,
  leavesFrom: (first: number, count: number) => Uint8Array[],
): void {
  for (let index = 0; index < fullTiles; index++) {
    if (store.has(0, index)) continue;
    store.write({ level: 0, index, bytes: Buffer.concat(leavesFrom(index * TILE_WIDTH, TILE_WIDTH)) });
  }
}

function writeMissingUpperTiles(store: TileStore, level: number, full: number): void {
  for (let index = 0; index < full; index++) {
    if (store.has(level, index)) continue;
    const hashes = rootsOfTiles(store, level - 1, index * TILE_WIDTH, (index + 1) * TILE_WIDTH);
    store.write({ level, index, bytes: Buffer.concat(hashes) });
  }
}

function rootsOfTiles(store: TileStore, level: number, from: number, to: number): Uint8Array[] {
  return Array.from({ length: to - from }, (_, i) => perfectRoot(store.read(level, from + i)));
}
