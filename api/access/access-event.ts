// Who may what was changed by somebody: the change event of it.
import { formatIso, type Micros } from '../../ingest/clock.ts';
import type { EventValue, ProposedEvent } from '../../ingest/event.ts';

/** Who makes or revokes, and why. */
export interface Reason {
  viewer: string;
  address?: string | undefined;
  /** Stays in the log for good and must hold nothing personal. */
  why: string;
}

interface AccessFacts {
  operation: 'add' | 'delete';
  outcome: 'token-created' | 'token-revoked' | 'session-revoked';
  reason: Reason;
  occurredAt: Micros;
  values: readonly EventValue[];
  /** The event that it takes back. */
  cause?: number | undefined;
}

export function accessEvent({ operation, outcome, reason, occurredAt, values, cause }: AccessFacts): ProposedEvent {
  const { viewer, address, why } = reason;
  return {
    occurredAt,
    occurredAtKnown: 'observed',
    stage: 'configuration',
    operation,
    outcome,
    values: [...values, fact('reason', why)],
    initiator: viewer.toWellFormed(),
    initiatorKnown: 'reported',
    performer: 'metatrail',
    ...(address !== undefined && { address }),
    causes: cause === undefined ? [] : [cause],
    ...(cause !== undefined && { root: cause }),
    outOfBand: false,
  };
}

export function fact(attribute: string, text: string): EventValue {
  return { attribute, type: 'string', operation: 'add', new: text.toWellFormed(), marks: 0 };
}

export function instantFact(attribute: string, at: Micros): EventValue {
  return { ...fact(attribute, formatIso(at)), type: 'time' };
}
