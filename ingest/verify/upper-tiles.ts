// The tiles above the lowest: each hash in them is the root of a tile below, computed again from the bottom up.
import type { Findings } from './findings.ts';
import { HASH_BYTES, rootOfTile, TILE_BYTES, TILE_WIDTH } from './merkle.ts';
import type { LogSource } from './source.ts';

export class UpperTiles {
  readonly #source: LogSource;
  readonly #findings: Findings;
  /** From level 1 on: the hashes of the tile that is not full, and how many tiles were full before. */
  readonly #levels: { hashes: Buffer; count: number; full: number }[] = [];

  constructor(source: LogSource, findings: Findings) {
    this.#source = source;
    this.#findings = findings;
  }

  /** The root of the next tile of level 0. */
  add(root: Buffer): void {
    let hash = root;
    for (let level = 1; ; level++) {
      this.#levels[level - 1] ??= { hashes: Buffer.alloc(TILE_BYTES), count: 0, full: 0 };
      const state = this.#levels[level - 1];
      if (!state) return;
      hash.copy(state.hashes, state.count * HASH_BYTES);
      state.count += 1;
      if (state.count < TILE_WIDTH) return;
      this.#compare(level, state.full, state.hashes);
      hash = rootOfTile(state.hashes);
      state.count = 0;
      state.full += 1;
    }
  }

  /** Compares the tiles that are not full, where the source has them. */
  finish(): void {
    for (const [index, { hashes, count, full }] of this.#levels.entries())
      if (count > 0) this.#compare(index + 1, full, hashes.subarray(0, count * HASH_BYTES), true);
  }

  #compare(level: number, index: number, computed: Buffer, isPartial = false): void {
    const kept = this.#source.tile(level, index);
    if (!kept && isPartial) return;
    const spanned = TILE_WIDTH ** level;
    for (let i = 0; i * HASH_BYTES < computed.length; i++) {
      const hash = kept?.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES);
      if (hash?.equals(computed.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES))) continue;
      const first = (index * TILE_WIDTH + i) * spanned;
      const isThere = hash?.length === HASH_BYTES;
      const what = isThere
        ? `The tile ${index} of level ${level} has another hash than the ${spanned} events from ${first} on.`
        : `The tile ${index} of level ${level} of ${this.#source.where} is not there or cut off; restore it from a backup.`;
      const weight = isThere ? 'fault' : 'unchecked';
      this.#findings.add({ weight, kind: isThere ? 'tile-altered' : 'tile-missing', first, count: 1, what });
      return;
    }
  }
}
