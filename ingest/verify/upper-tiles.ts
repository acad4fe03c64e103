// The tiles above the lowest: each hash in them is the root of a tile below, computed again from the bottom up.
import type { Findings } from './findings.ts';
import { HASH_BYTES, rootOfTile, TILE_BYTES, TILE_WIDTH } from './merkle.ts';
import type { LogSource } from './source.ts';

interface Level {
  /** Those of the tile that is not full. */
  hashes: Buffer;
  count: number;
  /** How many tiles were full before. */
  full: number;
  /** By place in the tile: what the hash may be as well. */
  others: Map<number, Buffer>;
}

export class UpperTiles {
  readonly #source: LogSource;
  readonly #findings: Findings;
  readonly #levels: Level[] = [];

  constructor(source: LogSource, findings: Findings) {
    this.#source = source;
    this.#findings = findings;
  }

  /** The root of the next tile of level 0; another one as well, where rows and tile are not the same. */
  add(root: Buffer, other?: Buffer): void {
    let hash = root;
    let alternative = other;
    for (let level = 1; ; level++) {
      const state = this.#levelOf(level);
      if (alternative) state.others.set(state.count, alternative);
      hash.copy(state.hashes, state.count * HASH_BYTES);
      state.count += 1;
      if (state.count < TILE_WIDTH) return;
      this.#compare(level, state);
      hash = rootOfTile(state.hashes);
      alternative = undefined;
      state.others.clear();
      state.count = 0;
      state.full += 1;
    }
  }

  /** Compares the tiles that are not full, where the source has them. */
  finish(): void {
    for (const [index, state] of this.#levels.entries()) if (state.count > 0) this.#compare(index + 1, state);
  }

  #levelOf(level: number): Level {
    const known = this.#levels[level - 1];
    if (known) return known;
    const made = { hashes: Buffer.alloc(TILE_BYTES), count: 0, full: 0, others: new Map() };
    this.#levels[level - 1] = made;
    return made;
  }

  #compare(level: number, { hashes, count, full, others }: Level): void {
    const kept = this.#source.tile(level, full);
    if (!kept && count < TILE_WIDTH) return;
    for (let i = 0; i < count; i++) {
      const computed = hashes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES);
      const hash = kept?.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES);
      if (hash?.equals(computed)) continue;
      const other = others.get(i);
      if (other && hash?.equals(other)) other.copy(computed);
      else {
        this.#report(level, full, i, hash?.length === HASH_BYTES);
        return;
      }
    }
  }

  #report(level: number, index: number, place: number, isThere: boolean): void {
    const spanned = TILE_WIDTH ** level;
    const first = (index * TILE_WIDTH + place) * spanned;
    const what = isThere
      ? `The tile ${index} of level ${level} has another hash than the ${spanned} events from ${first} on.`
      : `The tile ${index} of level ${level} of ${this.#source.where} is not there or cut off; restore it from a backup.`;
    const kind = isThere ? 'tile-altered' : 'tile-missing';
    this.#findings.add({ weight: isThere ? 'fault' : 'unchecked', kind, first, count: 1, what });
  }
}
