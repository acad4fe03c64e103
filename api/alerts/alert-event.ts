// The events of alerts: one was raised, told to somebody, not told for good, or acknowledged by a person.
import type { Micros } from '../../ingest/clock.ts';
import type { EventValue, ProposedEvent } from '../../ingest/event.ts';
import { fact, type Reason } from '../access/access-event.ts';
import type { Occurrence, Telling } from './occurrences.ts';
import type { Alert } from './settings.ts';

/** What an occurrence stands on in the log: the event that it began with. */
export interface Ground {
  sequence: number;
  root: number;
}

interface Facts {
  outcome: 'alert-raised' | 'alert-sent' | 'alert-failed' | 'alert-acknowledged';
  occurredAt: Micros;
  values: readonly EventValue[];
  ground: Ground | undefined;
}

function alertEvent({ outcome, occurredAt, values, ground }: Facts): ProposedEvent {
  return {
    occurredAt,
    occurredAtKnown: 'observed',
    stage: 'alert',
    operation: outcome === 'alert-raised' ? 'add' : 'none',
    outcome,
    values: [...values],
    initiatorKnown: 'unknown',
    performer: 'metatrail',
    causes: ground ? [ground.sequence] : [],
    ...(ground && { root: ground.root }),
    outOfBand: false,
  };
}

function numberFact(attribute: string, number: number): EventValue {
  return { ...fact(attribute, String(number)), type: 'integer' };
}

const whoOf = ({ destination, kind, host }: Telling) => `${destination} (${kind} ${host})`;

export function raisedEvent(
  alert: Alert,
  occurrence: Omit<Occurrence, 'event' | 'root'>,
  ground: Ground | undefined,
): ProposedEvent {
  const { kind, severity, count, cause, raisedAt, told } = occurrence;
  return alertEvent({
    outcome: 'alert-raised',
    occurredAt: raisedAt,
    ground,
    values: [
      fact('alert', alert.name),
      fact('kind', kind),
      fact('severity', severity),
      fact('as', alert.as),
      fact('values', alert.values ? 'told' : 'not told'),
      fact('cause', cause),
      numberFact('count', count),
      ...told.map((telling) => fact('tell', whoOf(telling))),
    ],
  });
}

interface Settled {
  occurredAt: Micros;
  attempts: number;
  /** A word for why it is not told for good; absent: it was. */
  failure?: string | undefined;
}

export function toldEvent(
  occurrence: Occurrence,
  telling: Telling,
  { occurredAt, attempts, failure }: Settled,
): ProposedEvent {
  const event = alertEvent({
    outcome: failure === undefined ? 'alert-sent' : 'alert-failed',
    occurredAt,
    ground: groundOf(occurrence),
    values: [
      ...namesOf(occurrence),
      fact('destination', telling.destination),
      fact('destination-kind', telling.kind),
      fact('host', telling.host),
      numberFact('attempts', attempts),
    ],
  });
  return failure === undefined ? event : { ...event, error: failure };
}

export function acknowledgedEvent(
  occurrence: Occurrence,
  { viewer, address, why }: Reason,
  occurredAt: Micros,
): ProposedEvent {
  return {
    ...alertEvent({
      outcome: 'alert-acknowledged',
      occurredAt,
      ground: groundOf(occurrence),
      values: [...namesOf(occurrence), fact('reason', why)],
    }),
    initiator: viewer.toWellFormed(),
    initiatorKnown: 'reported',
    ...(address !== undefined && { address }),
  };
}

const namesOf = ({ alert, event }: Occurrence) => [fact('alert', alert), numberFact('occurrence', event)];

const groundOf = ({ event, root }: Occurrence): Ground => ({ sequence: event, root });
