// Two trees grow side by side: one over the leaves computed from the rows, one over the hashes that the tiles hold. As long as
// they are the same there is one. Where they part, the next checkpoint says which of them it signed: so the first event that
// is wrong is named, and whether it or the tile was altered.
import { CannotCheckError } from './cannot-check.ts';
import type { SignedCheckpoint } from './checkpoints.ts';
import type { Findings } from './findings.ts';
import { Frontier, HASH_BYTES, rootOfTile, TILE_BYTES, TILE_LEVELS, TILE_WIDTH } from './merkle.ts';
import type { LogSource } from './source.ts';
import { UpperTiles } from './upper-tiles.ts';

const NO_ROW = Buffer.alloc(HASH_BYTES);

export interface CheckedCheckpoint extends SignedCheckpoint {
  holds: boolean;
}

export class TreeComparison {
  readonly checked: CheckedCheckpoint[] = [];
  /** The root over all rows, when they are in; undefined: some are missing or altered. */
  root: Buffer | undefined;
  readonly #source: LogSource;
  readonly #findings: Findings;
  readonly #due: SignedCheckpoint[];
  readonly #upper: UpperTiles;
  readonly #waiting = Buffer.alloc(TILE_BYTES);
  #waitingBytes = 0;
  /** Over the hashes of the tiles. */
  #kept = new Frontier();
  /** Over the leaves of the rows, where that is another tree since a difference. */
  #computed: Frontier | undefined;
  /** Differences since the last checkpoint that held. */
  #different: { first: number; count: number } | undefined;
  /** The size of the last checkpoint that held. */
  #good = 0;

  /** `checkpoints` in order of size. */
  constructor(source: LogSource, checkpoints: readonly SignedCheckpoint[], findings: Findings) {
    this.#source = source;
    this.#findings = findings;
    this.#due = [...checkpoints];
    this.#upper = new UpperTiles(source, findings);
  }

  /** Before the first rows: takes what is known of the events before them. */
  async begin(signal?: AbortSignal): Promise<void> {
    const { first, isPart } = this.#source;
    if (first === 0) this.#compareDue();
    else if (isPart) this.#beginAt(first);
    else await this.#addExpired(first, signal);
  }

  /** Rows have expired, their tiles have not: they are taken as they are, and older checkpoints say whether they are right. */
  async #addExpired(first: number, signal: AbortSignal | undefined): Promise<void> {
    this.#compareDue();
    for (let tile = 0; tile < first / TILE_WIDTH; tile++) {
      const hashes = this.#source.tile(0, tile);
      if (hashes?.length !== TILE_BYTES)
        throw new CannotCheckError(
          `The tile ${tile} of level 0 of ${this.#source.where}, of events that have expired, is not there or cut off; restore it from a backup.`,
        );
      this.#addTile(hashes);
      if (tile % TILE_WIDTH !== 0) continue;
      signal?.throwIfAborted();
      // A service answers in between.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Appends the leaves of rows that follow each other. */
  add(leaves: Buffer): void {
    let offset = 0;
    while (offset < leaves.length) {
      const part = leaves.subarray(offset, offset + TILE_BYTES - this.#waitingBytes);
      offset += part.length;
      if (part.length === TILE_BYTES) this.#addTile(part);
      else this.#addPart(part);
    }
  }

  /** Leaves wait until there are 256 of them. */
  #addPart(part: Buffer): void {
    part.copy(this.#waiting, this.#waitingBytes);
    this.#waitingBytes += part.length;
    if (this.#waitingBytes === TILE_BYTES) this.#addWaiting();
  }

  #addWaiting(): void {
    const waiting = this.#waiting.subarray(0, this.#waitingBytes);
    this.#waitingBytes = 0;
    this.#addTile(waiting);
  }

  /** When all rows are in: goes on with the tiles to a checkpoint that covers more, then says what is left over. */
  finish(): void {
    if (this.#waitingBytes > 0) this.#addWaiting();
    this.root = this.#computed ? undefined : this.#kept.root();
    const last = this.#due.at(-1);
    if (last && last.size > this.#kept.size) this.#goOnTo(last.size);
    this.#upper.finish();
    // No checkpoint says which of the two is right, but what was accepted is what the tree holds.
    this.#reportAltered();
    for (const due of this.#due.splice(0)) this.#reportBeyond(due);
  }

  /** The rows begin later: what is before them is known by the hashes of whole tiles. */
  #beginAt(first: number): void {
    this.#compareDue();
    for (let tile = 0; tile < first / TILE_WIDTH; tile++) {
      const hash = this.#hashesOf(1, tile);
      if (!hash) break;
      const isDueWithin = (this.#due[0]?.size ?? Number.POSITIVE_INFINITY) < (tile + 1) * TILE_WIDTH;
      if (!isDueWithin || !this.#addLeavesOf(tile, hash)) this.#kept.append(hash, TILE_LEVELS);
      this.#upper.add(hash);
      this.#compareDue();
    }
    // Of tiles that are not there.
    for (const due of this.#due.splice(0, this.#due.findLastIndex(({ size }) => size <= first) + 1))
      this.#reportNotCompared(due);
  }

  /** A checkpoint ends in this tile before the rows: compares it by the leaves, where the source has them, and appends them. */
  #addLeavesOf(tile: number, hash: Buffer): boolean {
    const first = tile * TILE_WIDTH;
    const leaves = this.#source.tile(0, tile);
    if (leaves?.length === TILE_BYTES && rootOfTile(leaves).equals(hash)) {
      this.#addLeafByLeaf(first, leaves, leaves);
      return true;
    }
    const count = this.#due.findLastIndex(({ size }) => size < first + TILE_WIDTH) + 1;
    for (const due of this.#due.splice(0, count)) this.#reportNotCompared(due);
    if (leaves) {
      const what = `The tile ${tile} of level 0 holds other leaves than the tile above it says of the ${TILE_WIDTH} events from ${first} on.`;
      this.#findings.add({ weight: 'fault', kind: 'tile-altered', first, count: 1, what });
    }
    return false;
  }

  #reportNotCompared({ place, size }: SignedCheckpoint): void {
    const what = `${place.charAt(0).toUpperCase()}${place.slice(1)}, of ${size} events, ends before the first row in a tile that ${this.#source.where} does not hold as it was: it was compared with nothing. Ask for a bundle from event 0 on, or for one made by this version.`;
    this.#findings.add({ weight: 'unchecked', kind: 'checkpoint-not-compared', first: size, count: 1, what });
  }

  #hashesOf(level: number, index: number): Buffer | undefined {
    const tile = this.#source.tile(level, Math.floor(index / TILE_WIDTH));
    const offset = (index % TILE_WIDTH) * HASH_BYTES;
    const hash = tile?.subarray(offset, offset + HASH_BYTES);
    if (hash?.length === HASH_BYTES) return hash;
    this.#missingTile(level, Math.floor(index / TILE_WIDTH), index * TILE_WIDTH ** level);
    return undefined;
  }

  #addTile(computed: Buffer): void {
    const first = this.#kept.size;
    const width = computed.length / HASH_BYTES;
    const kept = this.#keptHashes(first, computed);
    const isDueWithin = (this.#due[0]?.size ?? Number.POSITIVE_INFINITY) < first + width;
    if (width < TILE_WIDTH || isDueWithin) {
      this.#addLeafByLeaf(first, computed, kept);
      if (width === TILE_WIDTH) this.#addUpper(kept, computed);
      return;
    }
    for (let i = 0; kept !== computed && i < TILE_WIDTH; i++)
      this.#noteDifference(first + i, hashAt(computed, i), hashAt(kept, i));
    const { root, other } = this.#addUpper(kept, computed);
    this.#computed?.append(other ?? root, TILE_LEVELS);
    this.#kept.append(root, TILE_LEVELS);
    this.#compareDue();
  }

  #addUpper(kept: Buffer, computed: Buffer): { root: Buffer; other: Buffer | undefined } {
    const root = rootOfTile(kept);
    const other = kept === computed ? undefined : rootOfTile(computed);
    this.#upper.add(root, other);
    return { root, other };
  }

  /** A checkpoint may be of any size, so also in the middle of a tile. */
  #addLeafByLeaf(first: number, computed: Buffer, kept: Buffer): void {
    for (let i = 0; i < kept.length / HASH_BYTES; i++) {
      const [ours, theirs] = [hashAt(computed, i), hashAt(kept, i)];
      this.#noteDifference(first + i, ours, theirs);
      this.#computed?.append(Buffer.from(ours));
      this.#kept.append(Buffer.from(theirs));
      this.#compareDue();
    }
  }

  /** What the tile holds for these leaves; the leaves themselves when it is the same, or is not there. */
  #keptHashes(first: number, computed: Buffer): Buffer {
    const index = first / TILE_WIDTH;
    const tile = this.#source.tile(0, index)?.subarray(0, computed.length);
    if (!tile || tile.length < computed.length) {
      this.#missingTile(0, index, first);
      return computed;
    }
    return tile.equals(computed) ? computed : tile;
  }

  #missingTile(level: number, index: number, first: number): void {
    const what = `The tile ${index} of level ${level} of ${this.#source.where}, which begins with event ${first}, is not there or cut off; restore it from a backup.`;
    this.#findings.add({ weight: 'unchecked', kind: 'tile-missing', first, count: 1, what });
  }

  /** Before the first hash that differs is appended the trees are the same, and from there on they are two. */
  #noteDifference(sequence: number, computed: Buffer, kept: Buffer): void {
    if (computed.equals(kept)) return;
    this.#computed ??= this.#kept.copy();
    // A row that is missing has been reported as that.
    if (computed.equals(NO_ROW)) return;
    this.#different ??= { first: sequence, count: 0 };
    this.#different.count += 1;
  }

  #compareDue(): void {
    for (let due = this.#due[0]; due && due.size <= this.#kept.size; due = this.#due[0]) {
      this.#due.shift();
      this.#compare(due);
    }
  }

  /** The trees have the size of this checkpoint. */
  #compare(checkpoint: SignedCheckpoint): void {
    const isKept = checkpoint.root.equals(this.#kept.root());
    const isComputed = this.#computed ? checkpoint.root.equals(this.#computed.root()) : isKept;
    this.checked.push({ ...checkpoint, holds: isKept || isComputed });
    if (!isKept && !isComputed) {
      this.#reportRoot(checkpoint);
      return;
    }
    this.#good = checkpoint.size;
    if (isKept && this.#different) this.#reportAltered();
    if (isComputed && !isKept && this.#computed) {
      if (this.#different)
        this.#findings.events(
          'tile-altered',
          `has another leaf in the tiles than its row, and ${checkpoint.place} has signed the row`,
          this.#different.first,
          this.#different.count,
        );
      this.#kept = this.#computed;
    }
    this.#different = undefined;
    this.#computed = undefined;
  }

  #reportAltered(): void {
    if (this.#different)
      this.#findings.events(
        'altered',
        'is not what was accepted: its row gives another leaf than the tree holds',
        this.#different.first,
        this.#different.count,
      );
    this.#different = undefined;
  }

  #reportRoot(checkpoint: SignedCheckpoint): void {
    const first = this.#different?.first ?? this.#good;
    const since = this.#good > 0 ? `up to ${this.#good} events an older checkpoint holds` : 'no older checkpoint holds';
    const what = this.#different
      ? `${checkpoint.place}, of ${checkpoint.size} events, has another root than rows and tiles; from event ${first} on they differ from each other as well.`
      : `${checkpoint.place}, of ${checkpoint.size} events, has another root than rows and tiles, which agree with each other: both were rewritten, or the checkpoint; ${since}.`;
    const sentence = what.charAt(0).toUpperCase() + what.slice(1);
    this.#findings.add({ weight: 'fault', kind: 'checkpoint-root', first, count: 1, what: sentence });
  }

  /** The log ends before this checkpoint. */
  #reportBeyond(checkpoint: SignedCheckpoint): void {
    const { size } = this.#kept;
    const what = `The log holds ${size} events, but ${checkpoint.place} was signed over ${checkpoint.size}: it was cut off or rolled back, and event ${size} is the first that is gone.`;
    this.checked.push({ ...checkpoint, holds: false });
    this.#findings.add({ weight: 'fault', kind: 'rolled-back', first: size, count: checkpoint.size - size, what });
  }

  /** Rows end before the checkpoint, as in a bundle of a part: the rest is known by its hashes. */
  #goOnTo(size: number): void {
    while (this.#kept.size < size) {
      const at = this.#kept.size;
      const isWhole = at % TILE_WIDTH === 0 && at + TILE_WIDTH <= size;
      if (!this.#source.isPart) return;
      const hash = isWhole ? this.#hashesOf(1, at / TILE_WIDTH) : this.#hashesOf(0, at);
      if (!hash) return;
      this.#kept.append(hash, isWhole ? TILE_LEVELS : 0);
      this.#computed?.append(hash, isWhole ? TILE_LEVELS : 0);
      if (isWhole) this.#upper.add(hash);
      else if (this.#kept.size % TILE_WIDTH === 0) this.#addUpperOf(this.#kept.size / TILE_WIDTH - 1);
      this.#compareDue();
    }
  }

  #addUpperOf(index: number): void {
    const tile = this.#source.tile(0, index);
    if (tile?.length === TILE_BYTES) this.#upper.add(rootOfTile(tile));
  }
}

function hashAt(hashes: Buffer, index: number): Buffer {
  return hashes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES);
}
