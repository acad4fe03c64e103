// What a replay has to remember of the step that it is in: a synchronisation decides without an event that nothing follows
// from a change, so that it has looked at an entry follows from the step's end alone.
import type { ChangeEvent } from '../../ingest/event.ts';
import type { Cause } from '../cause.ts';
import { referrersOf } from '../outstanding.ts';
import type { Entry } from '../space.ts';
import type { Unit } from '../unit.ts';

export interface OpenStep {
  agent: string;
  kind: string;
  /** The entries that the step looks at. */
  due: readonly string[];
  /** Entries that an event of this step shows to be synchronised. */
  processed: Set<string>;
  /** Entries whose rules failed in this step. */
  failed: Set<string>;
  /** Entries that refer to one that was linked or unlinked, and those that a step that was cut off had looked at. */
  again: Set<string>;
  /** Objects that were flowed outward. */
  flowed: Set<string>;
}

/** One event being replayed: the state before it, and the step that it is in. */
export interface Replaying {
  unit: Unit;
  step: OpenStep | undefined;
}

/** The event as the cause of something. */
export function causeOfEvent(event: ChangeEvent): Cause {
  return { event: event.sequence, root: event.root, ...actorIn(event) };
}

/** Who caused it. The engine itself never matches initiators from other logs. */
export function actorIn({ initiator, initiatorKnown }: ChangeEvent): Pick<Cause, 'initiator' | 'initiatorKnown'> {
  return {
    ...(initiator !== undefined && { initiator }),
    initiatorKnown: initiatorKnown === 'matched' ? 'reported' : initiatorKnown,
  };
}

/** The principal cause of an event, as far as the event says who it was. */
export function principalCause(event: ChangeEvent): Cause | undefined {
  const [cause] = event.causes;
  return cause === undefined ? undefined : { event: cause, root: event.root, ...actorIn(event) };
}

/** An entry whose pending import, if it had one, has been synchronised. */
export function settled(entry: Entry): Entry {
  const { pending: _, retry: __, lastOutcome: ___, ...rest } = entry;
  return rest;
}

/** The entry became a connector, or is one no longer: whoever refers to it is looked at again. */
export function linkChanged({ unit, step }: Replaying, entry: Entry): void {
  if (step) for (const id of referrersOf(unit, entry)) step.again.add(id);
}

/** An event shows that the entry was synchronised; returns it as it is then. */
export function process({ step }: Replaying, entry: Entry): Entry {
  step?.processed.add(entry.id);
  step?.failed.delete(entry.id);
  return settled(entry);
}
