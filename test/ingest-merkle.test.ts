// The Merkle tree against RFC 6962's definition and published vectors, and its tiles on disk at every border.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { migrateJournal } from '../ingest/journal/schema.ts';
import { restoreTree, TileStore, tilePath } from '../ingest/merkle/tiles.ts';
import { hashNode, MerkleTree, perfectRoot, rootOfLeaves, TILE_WIDTH } from '../ingest/merkle/tree.ts';

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

/** A journal's file in memory, with the tiles of the first so many leaves. */
function grow(size: number): { store: TileStore; database: DatabaseSync; tree: MerkleTree } {
  const database = new DatabaseSync(':memory:');
  migrateJournal(database, ':memory:');
  const store = new TileStore(database);
  const tree = new MerkleTree();
  for (const leaf of leaves.slice(0, size)) for (const tile of tree.append(leaf)) store.write(tile);
  return { store, database, tree };
}

const lastLeaves = (size: number): Uint8Array[] => leaves.slice(size - (size % TILE_WIDTH), size);

test('a tile is its 256 hashes, once it is full and not before', () => {
  const { store, database } = grow(600);
  assert.deepEqual(Buffer.concat(store.read(0, 1)), Buffer.concat(leaves.slice(256, 512)));
  assert.throws(() => store.read(0, 2), /tile\/0\/002 of the journal is not there/);
  assert.throws(() => store.read(1, 0), /tile\/1\/000 of the journal is not there/);
  database.exec('UPDATE tiles SET hashes = substr(hashes, 1, 100) WHERE tile = 1');
  assert.throws(() => store.read(0, 1), /tile\/0\/001 of the journal has 100 bytes instead of 8192/);
});

test('a tree taken up again at any size around a border goes on as if it had never stopped', () => {
  for (const size of [0, 1, 2, 255, 256, 257, 511, 512, 513, 767, 768, 769, 1000]) {
    const { store, tree } = grow(size);
    const restored = restoreTree(store, size, lastLeaves(size));
    assert.equal(hex(restored.root()), hex(tree.root()), `size ${size}`);
    for (const leaf of leaves.slice(size, size + 300)) for (const tile of restored.append(leaf)) store.write(tile);
    assert.equal(restored.size, size + 300);
    assert.equal(hex(restored.root()), hex(rootOfLeaves(leaves.slice(0, size + 300))), `size ${size} and 300`);
  }
});

test('a tree taken up again around 65,536 leaves goes on as if it had never stopped', () => {
  for (const size of [65_535, 65_536, 65_537, 65_792]) {
    const { store } = grow(size);
    const restored = restoreTree(store, size, lastLeaves(size));
    assert.equal(hex(restored.root()), hex(rootOfLeaves(leaves.slice(0, size))), `size ${size}`);
    for (const leaf of leaves.slice(size, 66_600)) restored.append(leaf);
    assert.equal(hex(restored.root()), hex(rootOfLeaves(leaves)), `from ${size} on`);
  }
});

test('what is appended to a copy is not in the tree that it was made from', () => {
  const { tree } = grow(300);
  const before = hex(tree.root());
  const copy = tree.copy();
  for (const leaf of leaves.slice(300, 600)) copy.append(leaf);
  assert.equal(hex(tree.root()), before);
  assert.equal(tree.size, 300);
  assert.equal(hex(copy.root()), hex(rootOfLeaves(leaves.slice(0, 600))));
});
