// The profile `record_integrity` of OCSF 1.9-dev: what shows that an event is in the log, unaltered. The fingerprint is the
// leaf of the change in the Merkle tree (ingest/ENCODING.md), not a hash of the OCSF event's own JSON: so it holds for every
// view of the change, also one with values withheld, and the log's own proofs and programs check it. The signature is that of
// a checkpoint, over the root of the tree that the leaf is in; `unmapped.proof` leads from one to the other.
import type { InclusionProof } from '../../ingest/checkpoints/checkpoints.ts';
import { parseNote } from '../../ingest/checkpoints/note.ts';
import { formatInclusionProof } from '../../ingest/checkpoints/proof-text.ts';

export type Integrity = InclusionProof;

const SHA_256 = { algorithm: 'SHA-256', algorithm_id: 3 };
/** OCSF has no number for it. */
const OTHER = 99;

export function attestationOf(log: string, integrity: Integrity): Record<string, unknown> {
  const { sequence, leaf, root, checkpoint } = integrity;
  const signatures = checkpoint ? parseNote(checkpoint.note).signatures : [];
  const [own] = signatures;
  return {
    uid: `${log}/${sequence}`,
    chain_uid: log,
    ...(own && { authority_uid: `${own.name}+${own.keyId}` }),
    fingerprint: { ...SHA_256, value: hex(leaf) },
    ...(own && {
      signatures: signatures.map(({ name, keyId }) => ({
        algorithm_id: OTHER,
        algorithm: `C2SP signed note by ${name}+${keyId}`,
        digest: { ...SHA_256, value: hex(root) },
      })),
    }),
  };
}

/** c2sp.org/tlog-proof: the way from the leaf to the root that is signed, and the signed checkpoint. */
export function proofOf(integrity: Integrity): { proof?: string } {
  const proof = formatInclusionProof(integrity);
  return proof === undefined ? {} : { proof };
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
