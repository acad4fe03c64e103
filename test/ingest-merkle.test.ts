// The Merkle tree against RFC 6962's definition and published vectors, and its tiles on disk at every border.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { restoreTree, TileStore, tilePath } from '../ingest/merkle/tiles.ts';
import { HASH_BYTES, hashNode, MerkleTree, perfectRoot, rootOfLeaves, TILE_WIDTH } from '../ingest/merkle/tree.ts';
import { makeFolder } from './ingest-world.ts';

const leafOfData = (data: Uint8Array): Buffer =>
  createHash('sha256')
    .update(Buffer.from([0]))
    .update(data)
    .digest();
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const leaves = Array.from({ length: 66_600 }, (_, i) => leafOfData(Buffer.from(`leaf ${i}`)));

/** The inputs and roots of the reference tests of Certificate Transparency (google/certificate-transparency, merkletree). */
const PUBLISHED: [data: string, root: string][] = [
  ['', '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d'],
  ['00', 'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125'],
  ['10', 'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77'],
  ['2021', 'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7'],
  ['3031', '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4'],
  ['40414243', '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef'],
  ['5051525354555657', 'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c'],
  ['606162636465666768696a6b6c6d6e6f', '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328'],
];

test('the roots are those published for Certificate Transparency', () => {
  const tree = new MerkleTree();
  assert.equal(hex(tree.root()), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  for (const [data, root] of PUBLISHED) {
    tree.append(leafOfData(Buffer.from(data, 'hex')));
    assert.equal(hex(tree.root()), root);
  }
});

test('the root is that of RFC 6962 at every size up to 600', () => {
  const tree = new MerkleTree();
  for (let size = 0; size <= 600; size++) {
    assert.equal(tree.size, size);
    assert.equal(hex(tree.root()), hex(rootOfLeaves(leaves.slice(0, size))), `size ${size}`);
    tree.append(leaves[size] as Buffer);
  }
});

test('the root is that of RFC 6962 around the first tile of the third level', () => {
  const tree = new MerkleTree();
  const sizes = new Set([65_279, 65_280, 65_535, 65_536, 65_537, 65_791, 65_792, 65_793, 66_600]);
  for (const [index, leaf] of leaves.entries()) {
    tree.append(leaf);
    if (sizes.has(index + 1)) assert.equal(hex(tree.root()), hex(rootOfLeaves(leaves.slice(0, index + 1))));
  }
});

test('a tile is complete with its last hash, the tile above it in the same moment', () => {
  const tree = new MerkleTree();
  const completed = leaves
    .slice(0, 65_536)
    .flatMap((leaf, i) => tree.append(leaf).map((tile) => ({ ...tile, at: i + 1 })));
  const ofLevel = (level: number) => completed.filter((tile) => tile.level === level);
  assert.equal(ofLevel(0).length, 256);
  assert.deepEqual(
    ofLevel(0).map(({ index, at }) => [index, at]),
    Array.from({ length: 256 }, (_, i) => [i, (i + 1) * TILE_WIDTH]),
  );
  assert.deepEqual(
    completed.slice(-2).map(({ level, index, at }) => [level, index, at]),
    [
      [0, 255, 65_536],
      [1, 0, 65_536],
    ],
  );
  assert.deepEqual(ofLevel(0)[3]?.bytes, Buffer.concat(leaves.slice(768, 1024)));
  const above = ofLevel(0).map(({ index }) => perfectRoot(leaves.slice(index * 256, (index + 1) * 256)));
  assert.deepEqual(ofLevel(1)[0]?.bytes, Buffer.concat(above));
});

test('what is handed out stays as it is while the tree grows', () => {
  const left = hashNode(leaves[0] as Buffer, leaves[1] as Buffer);
  const before = hex(left);
  hashNode(leaves[2] as Buffer, leaves[3] as Buffer);
  assert.equal(hex(left), before);
});

test('paths of tiles are those of C2SP tlog-tiles', () => {
  assert.equal(tilePath(0, 0), 'tile/0/000');
  assert.equal(tilePath(0, 5), 'tile/0/005');
  assert.equal(tilePath(1, 999), 'tile/1/999');
  assert.equal(tilePath(2, 1000), 'tile/2/x001/000');
  assert.equal(tilePath(0, 1_234_067), 'tile/0/x001/x234/067');
});

function grow(store: TileStore, size: number): MerkleTree {
  const tree = new MerkleTree();
  for (const leaf of leaves.slice(0, size)) for (const tile of tree.append(leaf)) store.write(tile);
  return tree;
}

const journal = (first: number, count: number): Uint8Array[] => leaves.slice(first, first + count);

test('a tile on disk is its 256 hashes and nothing else', (t) => {
  const folder = makeFolder(t);
  grow(new TileStore(folder), 600);
  assert.deepEqual(readFileSync(path.join(folder, 'tile/0/001')), Buffer.concat(leaves.slice(256, 512)));
  assert.ok(!existsSync(path.join(folder, 'tile/0/002')));
  assert.ok(!existsSync(path.join(folder, 'tile/1')));
});

test('a tree taken up again at any size around a border goes on as if it had never stopped', (t) => {
  for (const size of [0, 1, 2, 255, 256, 257, 511, 512, 513, 767, 768, 769, 1000]) {
    const store = new TileStore(makeFolder(t));
    const tree = grow(store, size);
    const restored = restoreTree(store, size, journal);
    assert.equal(hex(restored.root()), hex(tree.root()), `size ${size}`);
    for (const leaf of leaves.slice(size, size + 300)) for (const tile of restored.append(leaf)) store.write(tile);
    assert.equal(restored.size, size + 300);
    assert.equal(hex(restored.root()), hex(rootOfLeaves(leaves.slice(0, size + 300))), `size ${size} and 300`);
  }
});

test('a tree taken up again around 65,536 leaves goes on as if it had never stopped', (t) => {
  for (const size of [65_535, 65_536, 65_537, 65_792]) {
    const store = new TileStore(makeFolder(t));
    // No tile was written at all: the leaves in the journal are enough.
    const restored = restoreTree(store, size, journal);
    assert.equal(hex(restored.root()), hex(rootOfLeaves(leaves.slice(0, size))), `size ${size}`);
    assert.equal(store.has(1, 0), size >= 65_536);
    assert.equal(hex(restoreTree(store, size, journal).root()), hex(restored.root()));
  }
});

test('tiles that a crash left out, also between others, and tiles cut off are made anew from the journal', (t) => {
  const folder = makeFolder(t);
  const store = new TileStore(folder);
  const tree = grow(store, 65_800);
  const damaged = ['tile/0/000', 'tile/0/100', 'tile/0/255', 'tile/0/256', 'tile/1/000'];
  const before = damaged.map((name) => readFileSync(path.join(folder, name)));
  for (const [i, name] of damaged.entries()) {
    if (i % 2 === 0) rmSync(path.join(folder, name));
    else truncateSync(path.join(folder, name), 4000);
  }
  assert.equal(hex(restoreTree(store, 65_800, journal).root()), hex(tree.root()));
  for (const [i, name] of damaged.entries()) assert.deepEqual(readFileSync(path.join(folder, name)), before[i]);
  assert.equal(statSync(path.join(folder, 'tile/0/100')).size, TILE_WIDTH * HASH_BYTES);
});
