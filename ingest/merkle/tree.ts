// The Merkle tree of RFC 9162 section 2.1, kept as tiles of 256 hashes (C2SP tlog-tiles). Only the rightmost,
// incomplete tile of each level is in memory: a log of a billion leaves needs five of them.
import { hash } from 'node:crypto';

export const TILE_WIDTH = 256;
export const HASH_BYTES = 32;
const PREFIX_NODE = 0x01;

/** 01 and the two hashes, put together here for each node anew. */
const nodeBytes = Buffer.alloc(1 + 2 * HASH_BYTES, PREFIX_NODE);

/** SHA-256(01 ‖ left ‖ right): 32 bytes. */
export function hashNode(left: Uint8Array, right: Uint8Array): Buffer {
  nodeBytes.set(left, 1);
  nodeBytes.set(right, 1 + HASH_BYTES);
  // A third of the time that `hash` takes for a Buffer, for which it would make an ArrayBuffer.
  return Buffer.from(hash('sha256', nodeBytes, 'binary'), 'binary');
}

/** The root of a perfect tree over a number of hashes that is a power of two. */
export function perfectRoot(hashes: readonly Uint8Array[]): Uint8Array {
  let level = hashes;
  while (level.length > 1) {
    const next: Uint8Array[] = [];
    for (let i = 0; i < level.length; i += 2) next.push(hashNode(level[i] as Uint8Array, level[i + 1] as Uint8Array));
    level = next;
  }
  return level[0] as Uint8Array;
}

/** The root over leaf hashes: SHA-256 of nothing when there are none. For tests and small trees; linear in memory. */
export function rootOfLeaves(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return hash('sha256', Buffer.alloc(0), 'buffer');
  if (leaves.length === 1) return leaves[0] as Uint8Array;
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return hashNode(rootOfLeaves(leaves.slice(0, split)), rootOfLeaves(leaves.slice(split)));
}

/** A tile that has just become complete. */
export interface CompletedTile {
  level: number;
  index: number;
  /** 256 hashes of 32 bytes. */
  bytes: Buffer;
}

export class MerkleTree {
  /** For each level, the hashes of its incomplete tile: fewer than 256. */
  readonly #pending: Uint8Array[][] = [[]];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Takes up a tree of `size` leaves from the incomplete tiles of each level (level 0 first). */
  static restore(size: number, pending: Uint8Array[][]): MerkleTree {
    const tree = new MerkleTree();
    tree.#size = size;
    tree.#pending.length = 0;
    for (const hashes of pending) tree.#pending.push([...hashes]);
    if (tree.#pending.length === 0) tree.#pending.push([]);
    return tree;
  }

  /** The same tree apart from this one: what is appended to one is not in the other. */
  copy(): MerkleTree {
    return MerkleTree.restore(this.#size, this.#pending);
  }

  /** What is needed beside the full tiles: the hashes of each level's incomplete tile, one after the other. */
  frontier(): { size: number; incomplete: Uint8Array[] } {
    // Copies of their own: to another thread an array goes with all of the buffer that it is a part of.
    return { size: this.#size, incomplete: this.#pending.map((hashes) => new Uint8Array(Buffer.concat(hashes))) };
  }

  /** Appends a leaf hash and returns the tiles that it completed, lowest level first. */
  append(leafHash: Uint8Array): CompletedTile[] {
    const completed: CompletedTile[] = [];
    this.#size += 1;
    let hash = leafHash;
    for (let level = 0; ; level++) {
      const pending = this.#pending[level] ?? [];
      this.#pending[level] = pending;
      pending.push(hash);
      if (pending.length < TILE_WIDTH) return completed;
      const span = TILE_WIDTH ** (level + 1);
      completed.push({ level, index: this.#size / span - 1, bytes: Buffer.concat(pending) });
      hash = perfectRoot(pending);
      this.#pending[level] = [];
    }
  }

  /** The Merkle tree hash over all leaves (RFC 9162 section 2.1.1). */
  root(): Uint8Array {
    const perfect: Uint8Array[] = [];
    for (let level = this.#pending.length - 1; level >= 0; level--)
      perfect.push(...perfectSubtrees(this.#pending[level] ?? []));
    if (perfect.length === 0) return rootOfLeaves([]);
    return perfect.reduceRight((right, left) => hashNode(left, right));
  }
}

/** Splits a row of hashes into perfect subtrees, largest first, and returns their roots. */
function perfectSubtrees(hashes: readonly Uint8Array[]): Uint8Array[] {
  const roots: Uint8Array[] = [];
  let offset = 0;
  for (let width = TILE_WIDTH / 2; width >= 1; width /= 2) {
    if (hashes.length - offset < width) continue;
    roots.push(perfectRoot(hashes.slice(offset, offset + width)));
    offset += width;
  }
  return roots;
}
