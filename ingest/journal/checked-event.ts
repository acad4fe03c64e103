// The last check before an event enters the log: its schema, and that everything it names is before it.
import { LogError } from '../errors.ts';
import { OPERATIONS, type ProposedEvent, proposedEventSchema, STAGES } from '../event.ts';
import type { CheckedEvent } from './messages.ts';
import { isPlainEvent } from './plain-event.ts';

const SAFE_OUTCOME = /^[a-z0-9-]{1,80}$/;

/** Checks the events of a batch whose first one gets the sequence `base`. Throws LogError event-invalid. */
export function checkBatch(events: readonly ProposedEvent[], base: number): CheckedEvent[] {
  const checked = events.map((event, index) => checkEvent(event, base + index));
  return checked.map((event, index) => {
    const principal = event.causes[0];
    const root = principal === undefined ? base + index : (event.root ?? rootWithin(checked, base, principal));
    return { ...event, root };
  });
}

/** Returns the event as it will be kept, or throws LogError event-invalid. */
export function checkEvent(proposed: ProposedEvent, sequence: number): ProposedEvent {
  const event = isPlainEvent(proposed) ? proposed : parseEvent(proposed);
  const faults = findOrderFaults(event, sequence);
  if (faults.length > 0) throw invalidEvent(proposed, faults);
  return event;
}

function parseEvent(proposed: ProposedEvent): ProposedEvent {
  const checked = proposedEventSchema.safeParse(proposed);
  if (checked.success) return checked.data;
  const faults = checked.error.issues.map(({ path, message }) => `${path.map(String).join('.')}: ${message}`);
  throw invalidEvent(proposed, faults);
}

/** What an event refers to was before it; its configuration and its run may be itself. */
function findOrderFaults(event: ProposedEvent, sequence: number): string[] {
  const faults: string[] = [];
  const notBefore = (field: string, named: number | undefined, limit: number) => {
    if (named !== undefined && named >= limit) faults.push(`${field}: ${named} is not before ${limit}`);
  };
  for (const [index, cause] of event.causes.entries()) notBefore(`causes.${index}`, cause, sequence);
  for (const [index, { setBy }] of event.values.entries()) notBefore(`values.${index}.setBy`, setBy, sequence);
  notBefore('configuration', event.configuration, sequence + 1);
  notBefore('run', event.run, sequence + 1);
  const principal = event.causes[0];
  if (principal !== undefined) notBefore('root', event.root, principal + 1);
  else if (event.root !== undefined) faults.push('root: an event without a cause is its own root');
  return faults;
}

/** The root of the principal cause, where that is an event of the same batch. */
function rootWithin(events: readonly ProposedEvent[], base: number, principal: number): number {
  let sequence = principal;
  while (sequence >= base) {
    const event = events[sequence - base];
    const next = event?.causes[0];
    if (next === undefined) return sequence;
    if (event?.root !== undefined) return event.root;
    sequence = next;
  }
  throw new LogError('event-invalid', `An event names the cause ${principal} of an earlier batch without its root.`);
}

/** Names the event's kind and the fields at fault, but none of its values. */
function invalidEvent(event: ProposedEvent, faults: readonly string[]): LogError {
  const stage = STAGES.includes(event.stage) ? event.stage : 'of an unknown stage';
  const operation = OPERATIONS.includes(event.operation) ? event.operation : 'unknown operation';
  const outcome = SAFE_OUTCOME.test(event.outcome) ? event.outcome : 'unknown outcome';
  return new LogError(
    'event-invalid',
    `An event ${stage}/${operation}/${outcome} does not satisfy its schema (${faults.join('; ')}).`,
  );
}
