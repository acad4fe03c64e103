// Inclusion proofs of many events. Each costs the thread a millisecond of hashing, so that others get their turn in between.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { GraphQLError } from 'graphql';
import type { Checkpoints, InclusionProof } from '../../ingest/checkpoints/checkpoints.ts';

const PROOFS_A_TURN = 10;

/** For each event its proof, or why there is none: RangeError for one that is not in the log, or nobody waits any more. */
export async function proveEach(
  checkpoints: Checkpoints,
  sequences: readonly number[],
  signal: AbortSignal | undefined,
): Promise<(InclusionProof | Error)[]> {
  const proofs: (InclusionProof | Error)[] = [];
  for (const [index, sequence] of sequences.entries()) {
    if (index % PROOFS_A_TURN === PROOFS_A_TURN - 1) await nextTurn();
    proofs.push(
      signal?.aborted
        ? new GraphQLError('Nobody waits for this proof any more.')
        : await checkpoints.proveInclusion(sequence).catch(asError),
    );
  }
  return proofs;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
