// Merkle hashing of RFC 9162 section 2.1, written for this verifier alone. Only one hash for each level of the tree is held,
// however many leaves there are.
import { hash } from 'node:crypto';

export const HASH_BYTES = 32;
export const TILE_WIDTH = 256;
export const TILE_BYTES = TILE_WIDTH * HASH_BYTES;
/** A tile of 256 hashes is 8 levels of the tree. */
export const TILE_LEVELS = 8;

/** 01 and two hashes: put together here for each node anew. */
const node = Buffer.alloc(1 + 2 * HASH_BYTES, 1);

/** Node hands out a string of bytes ('binary') four times as fast as a Buffer, and these hashes are most of the work here. */
function hashInto(target: Buffer, offset: number): void {
  target.write(hash('sha256', node, 'binary'), offset, 'binary');
}

/** SHA-256(01 ‖ left ‖ right): 32 bytes. */
export function hashChildren(left: Uint8Array, right: Uint8Array): Buffer {
  const parent = Buffer.allocUnsafe(HASH_BYTES);
  node.set(left, 1);
  node.set(right, 1 + HASH_BYTES);
  hashInto(parent, 0);
  return parent;
}

const scratch = Buffer.allocUnsafe(TILE_BYTES);

/** The root over 256 hashes that follow each other in 8,192 bytes. */
export function rootOfTile(hashes: Uint8Array): Buffer {
  scratch.set(hashes);
  for (let width = TILE_WIDTH / 2; width >= 1; width /= 2) {
    for (let i = 0; i < width; i++) {
      node.set(scratch.subarray(i * 2 * HASH_BYTES, (i + 1) * 2 * HASH_BYTES), 1);
      hashInto(scratch, i * HASH_BYTES);
    }
  }
  return Buffer.from(scratch.subarray(0, HASH_BYTES));
}

/** The right edge of a growing tree: enough to append to it, and to say the root at each size. */
export class Frontier {
  /** Perfect subtrees from left to right, each smaller than the one before. */
  readonly #subtrees: { level: number; hash: Buffer }[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Appends a perfect subtree of 2^level leaves; the size so far must be a multiple of that. */
  append(hash: Buffer, level = 0): void {
    this.#size += 2 ** level;
    let appended = { level, hash };
    for (let last = this.#subtrees.at(-1); last?.level === appended.level; last = this.#subtrees.at(-1)) {
      this.#subtrees.pop();
      appended = { level: last.level + 1, hash: hashChildren(last.hash, appended.hash) };
    }
    this.#subtrees.push(appended);
  }

  root(): Buffer {
    const [smallest, ...larger] = this.#subtrees.map((subtree) => subtree.hash).reverse();
    if (smallest === undefined) return hash('sha256', Buffer.alloc(0), 'buffer');
    return larger.reduce((right, left) => hashChildren(left, right), smallest);
  }

  /** Another one that grows on its own from here. */
  copy(): Frontier {
    const copied = new Frontier();
    copied.#size = this.#size;
    copied.#subtrees.push(...this.#subtrees);
    return copied;
  }
}
