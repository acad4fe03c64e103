// Inclusion and consistency proofs: against the vectors published for Certificate Transparency, against a naive
// implementation of the RFC's definitions, and against everything that a forger may change.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  proveConsistency,
  proveInclusion,
  readLeaf,
  rootFromTiles,
  type TileReader,
  tileWidth,
  verifyConsistency,
  verifyInclusion,
} from '../ingest/merkle/proof.ts';
import { HASH_BYTES, MerkleTree, TILE_WIDTH } from '../ingest/merkle/tree.ts';

const sha256 = (...parts: Uint8Array[]): Buffer => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};
const leafOf = (data: Uint8Array): Buffer => sha256(Buffer.from([0]), data);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** The definitions of RFC 6962 section 2.1, word for word and slow; it shares nothing with what it is compared with. */
const naive = {
  split: (count: number): number => 2 ** Math.floor(Math.log2(count - 1)),
  root(leaves: Buffer[]): Buffer {
    if (leaves.length === 0) return sha256();
    if (leaves.length === 1) return leaves[0] ?? sha256();
    const k = naive.split(leaves.length);
    return sha256(Buffer.from([1]), naive.root(leaves.slice(0, k)), naive.root(leaves.slice(k)));
  },
  path(m: number, leaves: Buffer[]): Buffer[] {
    if (leaves.length <= 1) return [];
    const k = naive.split(leaves.length);
    return m < k
      ? [...naive.path(m, leaves.slice(0, k)), naive.root(leaves.slice(k))]
      : [...naive.path(m - k, leaves.slice(k)), naive.root(leaves.slice(0, k))];
  },
  subproof(m: number, leaves: Buffer[], b: boolean): Buffer[] {
    if (m === leaves.length) return b ? [] : [naive.root(leaves)];
    const k = naive.split(leaves.length);
    return m <= k
      ? [...naive.subproof(m, leaves.slice(0, k), b), naive.root(leaves.slice(k))]
      : [...naive.subproof(m - k, leaves.slice(k), false), naive.root(leaves.slice(0, k))];
  },
};

/** The tiles of a tree in memory, as tlog-tiles defines them; counts what is read. */
class Tiles implements TileReader {
  readonly #levels: Uint8Array[][] = [];
  reads = 0;

  constructor(leaves: readonly Uint8Array[]) {
    const tree = new MerkleTree();
    this.#levels.push([...leaves]);
    for (const leaf of leaves)
      for (const { level, bytes } of tree.append(leaf)) {
        // The hash above a full tile, by the definition.
        const hashes = Array.from({ length: TILE_WIDTH }, (_, i) =>
          bytes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES),
        );
        this.#levels[level + 1] ??= [];
        this.#levels[level + 1]?.push(naive.root(hashes));
      }
  }

  read(level: number, index: number, width: number): readonly Uint8Array[] {
    this.reads += 1;
    const hashes = this.#levels[level]?.slice(index * TILE_WIDTH, index * TILE_WIDTH + width) ?? [];
    assert.equal(hashes.length, width, `tile ${level}/${index} has ${hashes.length} hashes, ${width} were asked for`);
    assert.ok(width > 0);
    return hashes;
  }
}

const leaves = Array.from({ length: 66_600 }, (_, i) => leafOf(Buffer.from(`leaf ${i}`)));
const tiles = new Tiles(leaves);

/** The leaves, roots and proofs of Certificate Transparency's reference tests (merkletree/merkle_tree_test.cc). */
const DATA = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
const PUBLISHED_INCLUSION: [index: number, size: number, proof: string[]][] = [
  [0, 1, []],
  [
    0,
    8,
    [
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ],
  ],
  [
    5,
    8,
    [
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ],
  ],
  [2, 3, ['fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125']],
  [
    1,
    5,
    [
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    ],
  ],
];
const PUBLISHED_CONSISTENCY: [from: number, to: number, proof: string[]][] = [
  [1, 1, []],
  [
    1,
    8,
    [
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ],
  ],
  [
    6,
    8,
    [
      '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ],
  ],
  [
    2,
    5,
    [
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    ],
  ],
];

test('the proofs are those published for Certificate Transparency', () => {
  const published = DATA.map((data) => leafOf(Buffer.from(data, 'hex')));
  const reader = new Tiles(published);
  for (const [index, size, proof] of PUBLISHED_INCLUSION)
    assert.deepEqual(proveInclusion(reader, index, size).map(hex), proof, `inclusion of ${index} in ${size}`);
  for (const [from, to, proof] of PUBLISHED_CONSISTENCY)
    assert.deepEqual(proveConsistency(reader, from, to).map(hex), proof, `consistency of ${from} with ${to}`);
});

test("every proof of every tree up to 70 leaves is that of the RFC's definition, and verifies", () => {
  for (let size = 1; size <= 70; size++) {
    const these = leaves.slice(0, size);
    const root = naive.root(these);
    assert.equal(hex(rootFromTiles(tiles, size)), hex(root));
    for (let index = 0; index < size; index++) {
      const proof = proveInclusion(tiles, index, size);
      assert.deepEqual(proof.map(hex), naive.path(index, these).map(hex), `${index} in ${size}`);
      const leaf = leaves[index] ?? sha256();
      assert.ok(verifyInclusion({ leaf, index, size, root, proof }), `${index} in ${size}`);
    }
    for (let from = 1; from <= size; from++) {
      const proof = proveConsistency(tiles, from, size);
      assert.deepEqual(proof.map(hex), naive.subproof(from, these, true).map(hex), `${from} to ${size}`);
      const fromRoot = naive.root(leaves.slice(0, from));
      assert.ok(verifyConsistency({ from, fromRoot, to: size, toRoot: root, proof }), `${from} to ${size}`);
    }
  }
});

/** Sizes around the borders of tiles, of all three levels, and any others. */
const anySize = fc.oneof(
  fc.constantFrom(1, 2, 255, 256, 257, 511, 512, 513, 65_279, 65_280, 65_535, 65_536, 65_537, 65_792, 66_600),
  fc.integer({ min: 1, max: 66_600 }),
);
const anyPair = fc.tuple(anySize, anySize).map(([a, b]): [number, number] => (a < b ? [a, b] : [b, a]));
const roots = new Map<number, Buffer>();
function rootAt(size: number): Buffer {
  const root = roots.get(size) ?? naive.root(leaves.slice(0, size));
  roots.set(size, root);
  return root;
}

test('proofs in larger trees equal the naive ones', () => {
  fc.assert(
    fc.property(anyPair, ([from, to]) => {
      const index = from - 1;
      const these = leaves.slice(0, to);
      assert.deepEqual(proveInclusion(tiles, index, to).map(hex), naive.path(index, these).map(hex));
      assert.deepEqual(proveConsistency(tiles, from, to).map(hex), naive.subproof(from, these, true).map(hex));
      assert.equal(hex(rootFromTiles(tiles, to)), hex(rootAt(to)));
      assert.equal(hex(readLeaf(tiles, index, to)), hex(leaves[index] ?? sha256()));
    }),
    { numRuns: 12, seed: 1 },
  );
});

/** Every way to change a list of hashes a little. */
function forgeries(proof: readonly Uint8Array[]): Uint8Array[][] {
  const flipped = proof.map((hash, i) => proof.map((other, j) => (i === j ? sha256(hash) : other)));
  const cut = proof.map((_, i) => proof.filter((__, j) => j !== i));
  const longer = [[...proof, sha256()], [sha256(), ...proof], ...(proof[0] ? [[proof[0], ...proof]] : [])];
  const swapped = proof.length > 1 ? [proof.toReversed()] : [];
  return [...flipped, ...cut, ...longer, ...swapped];
}

test('an inclusion proof holds for its leaf, index, size, root and hashes, and for no others', () => {
  fc.assert(
    fc.property(anyPair, ([from, size]) => {
      const index = from - 1;
      const proof = proveInclusion(tiles, index, size);
      const root = rootFromTiles(tiles, size);
      const leaf = leaves[index] ?? sha256();
      const claim = { leaf, index, size, root, proof };
      assert.ok(verifyInclusion(claim));
      for (const forged of forgeries(proof)) assert.ok(!verifyInclusion({ ...claim, proof: forged }));
      assert.ok(!verifyInclusion({ ...claim, leaf: sha256(leaf) }));
      assert.ok(!verifyInclusion({ ...claim, root: sha256(root) }));
      for (const other of [index - 1, index + 1, size, size + 1, -1]) {
        if (other !== index)
          assert.ok(!verifyInclusion({ ...claim, index: other }), `${other} for ${index} in ${size}`);
      }
      assert.ok(!verifyInclusion({ ...claim, size: index }));
    }),
    { numRuns: 60, seed: 2 },
  );
});

test('a consistency proof holds for its sizes, roots and hashes, and for no others', () => {
  fc.assert(
    fc.property(anyPair, ([from, to]) => {
      const proof = proveConsistency(tiles, from, to);
      const claim = { from, fromRoot: rootFromTiles(tiles, from), to, toRoot: rootFromTiles(tiles, to), proof };
      assert.ok(verifyConsistency(claim));
      for (const forged of forgeries(proof)) assert.ok(!verifyConsistency({ ...claim, proof: forged }));
      assert.ok(!verifyConsistency({ ...claim, fromRoot: sha256(claim.fromRoot) }));
      assert.ok(!verifyConsistency({ ...claim, toRoot: sha256(claim.toRoot) }));
      assert.ok(!verifyConsistency({ ...claim, from: to + 1 }));
      assert.ok(!verifyConsistency({ ...claim, from: -1 }));
    }),
    { numRuns: 60, seed: 3 },
  );
});

test('an empty tree is the beginning of every one, by an empty proof and its own root only', () => {
  const claim = { from: 0, fromRoot: sha256(), to: 300, toRoot: rootFromTiles(tiles, 300), proof: [] };
  assert.deepEqual(proveConsistency(tiles, 0, 300), []);
  assert.ok(verifyConsistency(claim));
  assert.ok(!verifyConsistency({ ...claim, fromRoot: sha256(sha256()) }));
  assert.ok(!verifyConsistency({ ...claim, proof: [sha256()] }));
  assert.equal(hex(rootFromTiles(tiles, 0)), hex(sha256()));
});

test('what is not in the tree is not proved', () => {
  assert.throws(() => proveInclusion(tiles, 8, 8), RangeError);
  assert.throws(() => proveInclusion(tiles, -1, 8), RangeError);
  assert.throws(() => proveInclusion(tiles, 0.5, 8), RangeError);
  assert.throws(() => proveConsistency(tiles, 9, 8), RangeError);
});

/** A tree of any size, each hash made of its place: only how many tiles are read counts. */
class MadeUpTiles implements TileReader {
  reads = 0;
  read(_level: number, index: number, width: number): readonly Uint8Array[] {
    this.reads += 1;
    return Array.from({ length: width }, () => Buffer.alloc(HASH_BYTES, index % 251));
  }
}

test('a proof reads no tile twice, and two at most for each level of tiles', () => {
  for (const size of [1000, 66_600, 16_777_217, 1_000_000_007, 4_294_967_299]) {
    const levels = Math.ceil(Math.log2(size) / 8);
    for (const index of [0, 1, Math.floor(size / 3), Math.floor(size / 2), size - 2, size - 1]) {
      const reader = new MadeUpTiles();
      const proof = proveInclusion(reader, index, size);
      assert.ok(proof.length <= Math.ceil(Math.log2(size)));
      assert.ok(reader.reads <= 2 * levels, `${reader.reads} tiles for ${index} in ${size}`);
      const other = new MadeUpTiles();
      proveConsistency(other, index + 1, size);
      assert.ok(other.reads <= 2 * levels, `${other.reads} tiles from ${index + 1} to ${size}`);
    }
  }
});

test('the widths of tiles are those of the example of C2SP tlog-tiles', () => {
  const widths = (level: number, index: number) => tileWidth(70_000, level, index);
  assert.deepEqual([widths(0, 272), widths(0, 273), widths(0, 274)], [256, 112, 0]);
  assert.deepEqual([widths(1, 0), widths(1, 1), widths(1, 2)], [256, 17, 0]);
  assert.deepEqual([widths(2, 0), widths(2, 1), widths(3, 0)], [1, 0, 0]);
  assert.deepEqual([tileWidth(256, 0, 0), tileWidth(256, 1, 0)], [256, 1]);
});
