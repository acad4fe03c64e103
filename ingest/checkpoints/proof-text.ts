// Proofs as text, in the forms of C2SP, which other programs read.
import type { ConsistencyProof, InclusionProof } from './checkpoints.ts';

/**
 * c2sp.org/tlog-proof: the number of the leaf, the hashes from its sibling up, an empty line and the checkpoint. Undefined when
 * the proof is for a size of which there is no checkpoint.
 */
export function formatInclusionProof({ sequence, proof, checkpoint }: InclusionProof): string | undefined {
  if (!checkpoint) return undefined;
  return `c2sp.org/tlog-proof@v1\nindex ${sequence}\n${formatHashes(proof)}\n${checkpoint.note}`;
}

/**
 * As c2sp.org/tlog-witness sends it: the old size, the hashes, an empty line and the checkpoint of the new size. Undefined when
 * there is no such checkpoint.
 */
export function formatConsistencyProof({ from, proof, toCheckpoint }: ConsistencyProof): string | undefined {
  if (!toCheckpoint) return undefined;
  return `old ${from}\n${formatHashes(proof)}\n${toCheckpoint.note}`;
}

function formatHashes(hashes: readonly Uint8Array[]): string {
  return hashes.map((hash) => `${Buffer.from(hash).toString('base64')}\n`).join('');
}
