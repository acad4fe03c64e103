// Proofs of the fixture's changes: a real tree over made-up leaves, signed by nobody.
import { createHash } from 'node:crypto';
import { proveInclusion, rootFromTiles, type TileReader } from '../../ingest/merkle/proof.ts';
import { perfectRoot, TILE_WIDTH } from '../../ingest/merkle/tree.ts';

/** The answer to `proof` of the change with this sequence, in a log of so many. */
export function proveFixture(sequence: number, size: number): object {
  const leaves = Array.from({ length: size }, (_, i) => createHash('sha256').update(`leaf ${i}`).digest());
  const tiles: TileReader = {
    read: (level, index, width) =>
      Array.from({ length: width }, (_, i) => {
        const place = index * TILE_WIDTH + i;
        return level === 0
          ? (leaves[place] ?? Buffer.alloc(32))
          : perfectRoot(leaves.slice(place * TILE_WIDTH, (place + 1) * TILE_WIDTH));
      }),
  };
  const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex');
  const root = hex(rootFromTiles(tiles, size));
  return {
    sequence,
    size,
    leaf: hex(leaves[sequence]),
    path: proveInclusion(tiles, sequence, size).map(hex),
    root,
    checkpoint: { origin: 'example.org/metatrail', size, root, keyIds: ['00c0ffee'], note: '' },
    text: null,
  };
}
