// Legal holds: as long as one covers a person, nothing about them is erased; as long as one covers everything, nothing
// expires either. Each is an event when it begins and when it ends; which are in force stands in the journal's state.
import { systemClock } from '../clock.ts';
import { LogError } from '../errors.ts';
import type { ChangeEvent, EventValue, ProposedEvent } from '../event.ts';
import type { Journal } from '../journal/journal.ts';

const KIND = 'hold';

export interface Hold {
  /** The sequence of the event that began it; it is named by that. */
  event: number;
  /** The metaverse object; undefined: everything is held. */
  object?: string;
  who: string;
  why: string;
  /** Microseconds. */
  since: number;
}

export interface HoldRequest {
  object?: string | undefined;
  who: string;
  /** Who carries it out. */
  by: string;
  /** Must hold nothing personal: it stays for good. */
  why: string;
}

/** The holds in force, the oldest first. */
export function listHolds(journal: Journal): Hold[] {
  const holds = journal.state.keys(KIND).map((key) => journal.state.get(KIND, key) as Hold);
  return holds.sort((a, b) => a.event - b.event);
}

/** The holds that cover one of these objects, or everything. */
export function holdsOn(journal: Journal, objects: readonly string[]): Hold[] {
  return listHolds(journal).filter(({ object }) => object === undefined || objects.includes(object));
}

/** What an event does to the holds in force, as the journal's state has them; null: it ended. Undefined: nothing. */
export function holdChange(event: ChangeEvent): { kind: string; key: string; value: Hold | null } | undefined {
  const { sequence, outcome, object, initiator, values, occurredAt, causes } = event;
  if (outcome === 'hold-removed' && causes[0] !== undefined) return { kind: KIND, key: String(causes[0]), value: null };
  if (outcome !== 'hold-added') return undefined;
  const why = values.find(({ attribute }) => attribute === 'reason')?.new ?? '';
  const whom = object === undefined ? {} : { object };
  const hold = { event: sequence, ...whom, who: initiator ?? '', why, since: occurredAt };
  return { kind: KIND, key: String(sequence), value: hold };
}

/** Throws LogError when the journal cannot accept it. */
export async function addHold(journal: Journal, { object, who, by, why }: HoldRequest): Promise<Hold> {
  const since = systemClock();
  const values: EventValue[] = [{ attribute: 'reason', type: 'string', operation: 'add', new: why, marks: 0 }];
  let hold: Hold | undefined;
  await journal.accept((event) => {
    hold = { event, ...(object !== undefined && { object }), who, why, since };
    return {
      events: [holdEvent({ operation: 'add', outcome: 'hold-added', object, who, by, values, occurredAt: since })],
      state: [{ kind: KIND, key: String(event), value: hold }],
    };
  });
  if (!hold) throw new Error('A batch was accepted that was never built.');
  return hold;
}

/** Throws LogError hold-unknown. */
export async function removeHold(journal: Journal, event: number, reason: Omit<HoldRequest, 'object'>): Promise<Hold> {
  const hold = journal.state.get(KIND, String(event)) as Hold | undefined;
  if (!hold) {
    const others = listHolds(journal).map((other) => other.event);
    throw new LogError('hold-unknown', `There is no hold ${event}; in force are ${others.join(', ') || 'none'}.`);
  }
  const values: EventValue[] = [{ attribute: 'reason', type: 'string', operation: 'add', new: reason.why, marks: 0 }];
  const ended = holdEvent({
    operation: 'delete',
    outcome: 'hold-removed',
    object: hold.object,
    who: reason.who,
    by: reason.by,
    values,
    occurredAt: systemClock(),
  });
  await journal.accept(() => ({
    events: [{ ...ended, causes: [event], root: event }],
    state: [{ kind: KIND, key: String(event), value: null }],
  }));
  return hold;
}

type HoldFacts = Pick<ProposedEvent, 'operation' | 'outcome' | 'values' | 'occurredAt'> & {
  object: string | undefined;
  who: string;
  by: string;
};

function holdEvent({ object, who, by, ...facts }: HoldFacts): ProposedEvent {
  return {
    ...facts,
    occurredAtKnown: 'observed',
    stage: 'retention',
    ...(object !== undefined && { object }),
    initiator: who,
    initiatorKnown: 'reported',
    performer: by,
    causes: [],
    outOfBand: false,
  };
}
