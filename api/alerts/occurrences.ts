// What is kept of occurrences in the journal's state: sequences, counts and times, nothing of a person. It is changed in the
// transaction of the event that says so; an occurrence has the sequence of its event `alert-raised` as its number.
import { z } from 'zod';
import type { Clock } from '../../ingest/clock.ts';
import type { ProposedEvent } from '../../ingest/event.ts';
import type { Journal } from '../../ingest/journal/journal.ts';
import type { StateChange } from '../../ingest/journal/messages.ts';
import type { Reason } from '../access/access-event.ts';
import { acknowledgedEvent, type Ground, raisedEvent, toldEvent } from './alert-event.ts';
import { type Alert, SEVERITIES } from './settings.ts';

const KIND = 'alert-occurrence';
/** Of each alert; of older ones that are over the log alone tells. */
const MOST_KEPT = 1000;

const tellingShape = z.object({
  destination: z.string(),
  kind: z.enum(['mail', 'webhook']),
  host: z.string(),
  /** When it was told, or given up. */
  at: z.number().optional(),
  /** The event that says so. */
  event: z.number().optional(),
  /** A word for why it was given up; absent: it was told, or is still to be. */
  failure: z.string().optional(),
});

const occurrenceShape = z.object({
  /** The event `alert-raised`. */
  event: z.number(),
  root: z.number(),
  alert: z.string(),
  kind: z.string(),
  severity: z.enum(SEVERITIES),
  /** What caused it, the same after a restart: a word, and a sequence where it is about one. */
  cause: z.string(),
  /** The first and the last event that it is about. */
  first: z.number().optional(),
  last: z.number().optional(),
  /** Changes, open accounts, or events that ClickHouse is behind. */
  count: z.number(),
  since: z.number(),
  raisedAt: z.number(),
  endedAt: z.number().optional(),
  told: z.array(tellingShape),
  acknowledged: z.object({ event: z.number(), at: z.number() }).optional(),
});

/** One destination of an occurrence, and what became of it. */
export type Telling = z.infer<typeof tellingShape>;
/** Times are microseconds. */
export type Occurrence = z.infer<typeof occurrenceShape>;

/** An occurrence that was found and is not accepted yet. */
export interface Found extends Pick<Occurrence, 'cause' | 'first' | 'last' | 'count' | 'since'> {
  ground?: Ground | undefined;
}

/** It cannot be acknowledged, for the reason that the message gives. */
export class AcknowledgementError extends Error {
  override name = 'AcknowledgementError';
}

/** Events and state of one batch. */
export interface Changes {
  events: ProposedEvent[];
  state: StateChange[];
}

export class Occurrences {
  readonly #journal: Journal;
  readonly #clock: Clock;

  constructor(journal: Journal, clock: Clock) {
    this.#journal = journal;
    this.#clock = clock;
  }

  get(event: number): Occurrence | undefined {
    return occurrenceShape.safeParse(this.#journal.state.get(KIND, String(event))).data;
  }

  /** The newest first. */
  of(alert: string): Occurrence[] {
    return this.#find('alert', alert).reverse();
  }

  /** The names of alerts that ever occurred. */
  names(): string[] {
    const all = this.#journal.state.keys(KIND).flatMap((key) => this.get(Number(key)) ?? []);
    return [...new Set(all.map(({ alert }) => alert))].sort();
  }

  open(alert: string): Occurrence[] {
    return this.#find('open', alert);
  }

  /** Those that a destination is still to be told, the oldest first. */
  untold(destination: string): Occurrence[] {
    return this.#find('untold', destination);
  }

  #find(name: string, value: string): Occurrence[] {
    const found = this.#journal.state.find(KIND, name, value).flatMap((key) => this.get(Number(key)) ?? []);
    return found.sort((a, b) => a.event - b.event);
  }

  /** Adds an event to a batch that says what an occurrence of it was already told, before there could be an event. */
  noteTold(changes: Changes, next: number, occurrence: Occurrence, destinations: readonly string[]): void {
    const at = this.#clock();
    let event = next;
    const told = occurrence.told.map((telling) => {
      if (!destinations.includes(telling.destination)) return telling;
      changes.events.push(toldEvent(occurrence, telling, { occurredAt: at, attempts: 1 }));
      const settled = { ...telling, at, event };
      event += 1;
      return settled;
    });
    changes.state.push(put({ ...occurrence, told }));
  }

  /** Adds one to a batch whose next event has the sequence `event`. `told`: its destinations. */
  raise(changes: Changes, event: number, alert: Alert, found: Found, told: readonly Telling[]): Occurrence {
    const { ground, ...about } = found;
    const raised = {
      ...about,
      alert: alert.name,
      kind: alert.kind,
      severity: alert.severity,
      raisedAt: this.#clock(),
      told: [...told],
    };
    const occurrence = { ...raised, event, root: ground?.root ?? event };
    changes.events.push(raisedEvent(alert, raised, ground));
    changes.state.push(put(occurrence), ...this.#outgrown(alert.name));
    return occurrence;
  }

  /** Of those that are kept too long, what takes them out. */
  #outgrown(alert: string): StateChange[] {
    const old = this.of(alert).slice(MOST_KEPT - 1);
    const over = old.filter((each) => each.endedAt !== undefined && each.told.every(({ at }) => at !== undefined));
    return over.map(({ event }) => ({ kind: KIND, key: String(event), value: null }));
  }

  /** What one becomes that is there, or (`fresh`) that the same batch has put there; none: it is not kept any more. */
  change(event: number, change: Partial<Occurrence>, fresh?: unknown): StateChange[] {
    const occurrence = occurrenceShape.safeParse(fresh).data ?? this.get(event);
    return occurrence ? [put({ ...occurrence, ...change })] : [];
  }

  /** A destination was told, or was not for good. Throws LogError. */
  async settle(event: number, destination: string, attempts: number, failure?: string): Promise<void> {
    const at = this.#clock();
    await this.#journal.acceptFirst((next) => {
      const occurrence = this.get(event);
      const telling = occurrence?.told.find((each) => each.destination === destination);
      if (!occurrence || !telling || telling.at !== undefined) return { events: [], state: [] };
      const settled = { ...telling, at, event: next, ...(failure !== undefined && { failure }) };
      const told = occurrence.told.map((each) => (each === telling ? settled : each));
      return {
        events: [toldEvent(occurrence, telling, { occurredAt: at, attempts, failure })],
        state: [put({ ...occurrence, told })],
      };
    });
  }

  /** Throws AcknowledgementError, and LogError when it cannot be accepted. */
  async acknowledge(event: number, reason: Reason): Promise<Occurrence> {
    const at = this.#clock();
    let acknowledged: Occurrence | undefined;
    await this.#journal.acceptFirst((next) => {
      const occurrence = this.get(event);
      if (!occurrence)
        throw new AcknowledgementError(
          `There is no occurrence ${event} of an alert; metatrail alerts lists those there are.`,
        );
      if (occurrence.acknowledged)
        throw new AcknowledgementError(
          `The occurrence ${event} is acknowledged already, by event ${occurrence.acknowledged.event}.`,
        );
      acknowledged = { ...occurrence, acknowledged: { event: next, at } };
      return { events: [acknowledgedEvent(occurrence, reason, at)], state: [put(acknowledged)] };
    });
    if (!acknowledged) throw new Error('A batch was accepted that was never built.');
    return acknowledged;
  }
}

function put(occurrence: Occurrence): StateChange {
  const { event, alert, endedAt, told } = occurrence;
  return {
    kind: KIND,
    key: String(event),
    value: occurrence,
    indexed: {
      alert: [alert],
      open: endedAt === undefined ? [alert] : [],
      untold: told.filter(({ at }) => at === undefined).map(({ destination }) => destination),
    },
  };
}
