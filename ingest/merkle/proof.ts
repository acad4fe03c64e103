// Proofs of RFC 9162 section 2.1.3 (inclusion) and 2.1.4 (consistency): made from tiles, checked from nothing but hashes.
// Sizes may be beyond 2^32, so halves are taken by division, not by shifting.
import { hashNode, perfectRoot, rootOfLeaves, TILE_WIDTH } from './tree.ts';

/** How many levels of the binary tree one level of tiles spans: 256 is 2^8. */
const TILE_HEIGHT = 8;

/** Where the hashes of a tree are read, a tile at a time. */
export interface TileReader {
  /** The first `width` hashes of a tile (1 to 256), 32 bytes each; a tile that is not there raises. */
  read(level: number, index: number, width: number): readonly Uint8Array[];
}

/** How many hashes a tile has in a tree of so many leaves: 0 (there is none) to 256. */
export function tileWidth(size: number, level: number, index: number): number {
  const hashes = Math.floor(size / TILE_WIDTH ** level) - index * TILE_WIDTH;
  return Math.max(0, Math.min(TILE_WIDTH, hashes));
}

/**
 * The hashes that lead from the leaf `index` to the root of the tree of the first `size` leaves, the leaf's sibling first.
 * Raises RangeError when the tree has no such leaf. Reads at most two tiles for each level of tiles.
 */
export function proveInclusion(tiles: TileReader, index: number, size: number): Uint8Array[] {
  checkSize(index, 0, size - 1, 'The leaf');
  return new ProofMaker(tiles, size).path(index, 0, size);
}

/**
 * The hashes that show that the tree of the first `from` leaves is a beginning of the tree of the first `to`. Empty when
 * they are the same, or the first is empty. Raises RangeError when `from` is greater than `to`.
 */
export function proveConsistency(tiles: TileReader, from: number, to: number): Uint8Array[] {
  checkSize(from, 0, to, 'The size');
  return from === 0 || from === to ? [] : new ProofMaker(tiles, to).subproof(from, 0, to, true);
}

/** The root of the tree of the first `size` leaves. */
export function rootFromTiles(tiles: TileReader, size: number): Uint8Array {
  return size === 0 ? rootOfLeaves([]) : new ProofMaker(tiles, size).root(0, size);
}

/** One hash of a tree of so many leaves, such as its leaf `index` (level 0). */
export function readLeaf(tiles: TileReader, index: number, size: number): Uint8Array {
  checkSize(index, 0, size - 1, 'The leaf');
  return new ProofMaker(tiles, size).root(index, index + 1);
}

function checkSize(number: number, least: number, most: number, what: string): void {
  if (!Number.isSafeInteger(number) || number < least || number > most)
    throw new RangeError(`${what} ${number} is not in the tree, whose last is ${most}.`);
}

/** Reads each tile once for one proof. */
class ProofMaker {
  readonly #tiles: TileReader;
  readonly #size: number;
  readonly #read = new Map<string, readonly Uint8Array[]>();

  constructor(tiles: TileReader, size: number) {
    this.#tiles = tiles;
    this.#size = size;
  }

  /** PATH of section 2.1.3.1, for the leaves from `first` up to `end`. */
  path(index: number, first: number, end: number): Uint8Array[] {
    if (end - first === 1) return [];
    const split = first + largestPowerBelow(end - first);
    return index < split
      ? [...this.path(index, first, split), this.root(split, end)]
      : [...this.path(index, split, end), this.root(first, split)];
  }

  /** SUBPROOF of section 2.1.4.1; `known`: the verifier has the root of these leaves already. */
  subproof(size: number, first: number, end: number, known: boolean): Uint8Array[] {
    if (size === end) return known ? [] : [this.root(first, end)];
    const split = first + largestPowerBelow(end - first);
    return size <= split
      ? [...this.subproof(size, first, split, known), this.root(split, end)]
      : [...this.subproof(size, split, end, false), this.root(first, split)];
  }

  /** The root over the leaves from `first` up to `end`; a perfect subtree is one look into a tile. */
  root(first: number, end: number): Uint8Array {
    const count = end - first;
    const below = largestPowerBelow(count);
    if (count === 1 || below * 2 === count) return this.#perfect(first, count);
    return hashNode(this.root(first, first + below), this.root(first + below, end));
  }

  /** A perfect subtree of 2^height leaves stands as 2^(height mod 8) hashes in one tile. */
  #perfect(first: number, count: number): Uint8Array {
    const height = Math.log2(count);
    const level = Math.floor(height / TILE_HEIGHT);
    const span = TILE_WIDTH ** level;
    const position = first / span;
    const offset = position % TILE_WIDTH;
    const hashes = this.#tile(level, (position - offset) / TILE_WIDTH);
    return perfectRoot(hashes.slice(offset, offset + count / span));
  }

  #tile(level: number, index: number): readonly Uint8Array[] {
    const key = `${level}/${index}`;
    const known = this.#read.get(key);
    if (known) return known;
    const hashes = this.#tiles.read(level, index, tileWidth(this.#size, level, index));
    this.#read.set(key, hashes);
    return hashes;
  }
}

/** The largest power of two smaller than `count`; 1 for 1 and 2. */
function largestPowerBelow(count: number): number {
  let power = 1;
  while (power * 2 < count) power *= 2;
  return power;
}

export interface InclusionClaim {
  /** The leaf's hash, 32 bytes. */
  leaf: Uint8Array;
  index: number;
  size: number;
  root: Uint8Array;
  proof: readonly Uint8Array[];
}

/** Whether the leaf is where it is said to be in the tree with this root (section 2.1.3.2). */
export function verifyInclusion({ leaf, index, size, root, proof }: InclusionClaim): boolean {
  if (index < 0 || index >= size) return false;
  let [position, last] = [index, size - 1];
  let hash = leaf;
  for (const sibling of proof) {
    if (last === 0) return false;
    if (position % 2 === 1 || position === last) {
      hash = hashNode(sibling, hash);
      [position, last] = skipToRightChild(position, last);
    } else hash = hashNode(hash, sibling);
    [position, last] = [half(position), half(last)];
  }
  return last === 0 && equal(hash, root);
}

export interface ConsistencyClaim {
  from: number;
  fromRoot: Uint8Array;
  to: number;
  toRoot: Uint8Array;
  proof: readonly Uint8Array[];
}

/** Whether the first tree is a beginning of the second (section 2.1.4.2). An empty tree is the beginning of every one. */
export function verifyConsistency({ from, fromRoot, to, toRoot, proof }: ConsistencyClaim): boolean {
  if (from < 0 || from > to) return false;
  if (from === to) return proof.length === 0 && equal(fromRoot, toRoot);
  if (from === 0) return proof.length === 0 && equal(fromRoot, rootOfLeaves([]));
  if (proof.length === 0) return false;
  const [start, ...rest] = Number.isInteger(Math.log2(from)) ? [fromRoot, ...proof] : proof;
  if (start === undefined) return false;
  let [position, last] = [from - 1, to - 1];
  while (position % 2 === 1) [position, last] = [half(position), half(last)];
  let [first, second] = [start, start];
  for (const hash of rest) {
    if (last === 0) return false;
    if (position % 2 === 1 || position === last) {
      first = hashNode(hash, first);
      second = hashNode(hash, second);
      [position, last] = skipToRightChild(position, last);
    } else second = hashNode(second, hash);
    [position, last] = [half(position), half(last)];
  }
  return last === 0 && equal(first, fromRoot) && equal(second, toRoot);
}

/** Up the right edge of a tree that is not perfect, until the position is a right child or the root. */
function skipToRightChild(position: number, last: number): [position: number, last: number] {
  let at: [number, number] = [position, last];
  while (at[0] % 2 === 0 && at[0] !== 0) at = [half(at[0]), half(at[1])];
  return at;
}

function half(number: number): number {
  return Math.floor(number / 2);
}

function equal(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
