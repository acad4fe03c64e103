// The commitments of an event that stay when keys go, each proven against the tree before anything is emptied: a wrong
// one could never be put right.
import { createHash } from 'node:crypto';
import { type Commitments, computeCommitments, encodeEvent } from '../encoding.ts';
import { LogError } from '../errors.ts';
import type { ChangeEvent } from '../event.ts';
import type { ErasedEvent } from '../journal/erase-keys.ts';

const ABSENT_KEY = new Uint8Array(32);

/** The leaf of an event of which some groups may be erased: for those its row has the commitments. */
export function leafFrom(event: ChangeEvent, keyOf: (number: number) => Uint8Array | undefined): Buffer {
  return hashLeaf(event, commitmentsOf(event, keyOf));
}

function hashLeaf(event: ChangeEvent, commitments: Commitments): Buffer {
  return createHash('sha256').update(Uint8Array.of(0)).update(encodeEvent(event, commitments)).digest();
}

/** Those of the row where there are any, else computed from the columns. */
export function commitmentsOf(event: ChangeEvent, keyOf: (number: number) => Uint8Array | undefined): Commitments {
  const computed = computeCommitments(event, (number) => keyOf(number) ?? ABSENT_KEY);
  const { erased } = event;
  if (!erased) return computed;
  const either = (kept: string | undefined, other: Uint8Array | undefined) => (kept ? Buffer.from(kept, 'hex') : other);
  return {
    object: either(erased.object, computed.object),
    actor: either(erased.actor, computed.actor),
    values: either(erased.values, computed.values),
    references: computed.references.map((reference, index) => either(erased.references[index], reference)),
  };
}

/**
 * What stands for the groups of an event that are under these keys. Throws LogError clickhouse-different when the event
 * is not the one that was accepted.
 */
export function eraseUnder(
  event: ChangeEvent,
  keys: ReadonlySet<number>,
  keyOf: (number: number) => Uint8Array | undefined,
  leaf: Uint8Array | undefined,
): ErasedEvent {
  const commitments = commitmentsOf(event, keyOf);
  if (!leaf || !hashLeaf(event, commitments).equals(leaf))
    throw new LogError(
      'clickhouse-different',
      `Event ${event.sequence} in ClickHouse is not the one that was accepted.`,
    );
  const hex = (key: number, bytes: Uint8Array | undefined) =>
    keys.has(key) && bytes ? Buffer.from(bytes).toString('hex') : '';
  return {
    sequence: event.sequence,
    object: hex(event.subjectKey, commitments.object),
    actor: hex(event.actorKey, commitments.actor),
    values: hex(event.subjectKey, commitments.values),
    references: commitments.references.map((reference, index) => hex(event.valueKeys[index] ?? 0, reference)),
  };
}
