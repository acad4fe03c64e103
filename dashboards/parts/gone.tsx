// What has expired is no longer there: an answer that could have had something of it says so.
import type { ReactNode } from 'react';
import type { Sequence } from '../operation.ts';

/** The sentence of an answer that lacks something; null: it lacks nothing. */
export function Gone({ gone }: { gone: string | null }): ReactNode {
  return gone === null ? null : (
    <p className="notice gone" role="note">
      {gone}
    </p>
  );
}

/** Whether an event was there and has expired. */
export function hasExpired(sequence: string, expiredBelow: Sequence): boolean {
  return BigInt(sequence) < BigInt(expiredBelow);
}
