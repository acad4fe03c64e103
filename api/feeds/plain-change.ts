// A change in the log's own words, as JSON: the columns of ingest/README.md, without what is absent. Times with microseconds.
import { formatIso } from '../../ingest/clock.ts';
import type { ChangeEvent } from '../../ingest/event.ts';
import type { SeenValue } from '../queries/sight.ts';

/** Numbers of keys are of use to nobody outside. */
const LEFT_OUT = ['subjectKey', 'actorKey', 'valueKeys', 'erased', 'values', 'occurredAt', 'recordedAt'];

export function plainChange(event: ChangeEvent, values: readonly SeenValue[] = event.values): Record<string, unknown> {
  const facts = Object.entries(event).filter(([name]) => !LEFT_OUT.includes(name));
  return {
    ...inSnakeCase(facts),
    occurred_at: formatIso(event.occurredAt),
    recorded_at: formatIso(event.recordedAt),
    ...(event.erased && { erased: true }),
    values: values.map((value) => inSnakeCase(Object.entries(value))),
  };
}

function inSnakeCase(entries: [string, unknown][]): Record<string, unknown> {
  return Object.fromEntries(
    entries.map(([name, value]) => [name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]),
  );
}
