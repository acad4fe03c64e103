// The tiles of the tree at one moment: the full ones from the SQLite file, the others from the frontier of that moment. It
// answers for every smaller tree as well, for a tile of a smaller tree is the beginning of the same tile.
import type { Frontier } from '../journal/messages.ts';
import { type TileReader, tileWidth } from '../merkle/proof.ts';
import type { TileStore } from '../merkle/tiles.ts';
import { HASH_BYTES, TILE_WIDTH } from '../merkle/tree.ts';

export class TreeTiles implements TileReader {
  readonly #store: TileStore;
  readonly #frontier: Frontier;

  constructor(store: TileStore, frontier: Frontier) {
    this.#store = store;
    this.#frontier = frontier;
  }

  /** How many leaves the tree has. */
  get size(): number {
    return this.#frontier.size;
  }

  read(level: number, index: number, width: number): readonly Uint8Array[] {
    const present = tileWidth(this.size, level, index);
    if (width > present)
      throw new RangeError(`The tile ${index} of level ${level} has ${present} hashes, not ${width}.`);
    if (present === TILE_WIDTH) return this.#store.read(level, index).slice(0, width);
    const hashes = this.#frontier.incomplete[level] ?? new Uint8Array();
    return Array.from({ length: width }, (_, i) => hashes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES));
  }
}
