// The columns of changes: a change, and each of its values. They are called as in the log (ingest/README.md).
import type { ChangeEvent } from '../../ingest/event.ts';
import { MARKS } from '../../ingest/event.ts';
import type { QueryContext } from '../queries/context.ts';
import { nameObjects } from '../queries/names.ts';
import type { Reference } from '../queries/results.ts';
import type { SeenValue } from '../queries/sight.ts';
import { type Column, cellsOf, type Entry, type Shape } from './table.ts';

interface NamedChange {
  event: ChangeEvent;
  /** What it was called then, or else is called now. */
  name: string | undefined;
}

interface NamedValue {
  value: SeenValue;
  /** What the object that it names is called. */
  name: string | undefined;
}

const CHANGE: readonly Column<NamedChange>[] = [
  { name: 'sequence', type: 'integer', of: ({ event }) => event.sequence },
  { name: 'recorded_at', type: 'time', of: ({ event }) => event.recordedAt },
  { name: 'occurred_at', type: 'time', of: ({ event }) => event.occurredAt },
  { name: 'occurred_at_known', type: 'text', of: ({ event }) => event.occurredAtKnown },
  { name: 'stage', type: 'text', of: ({ event }) => event.stage },
  { name: 'operation', type: 'text', of: ({ event }) => event.operation },
  { name: 'outcome', type: 'text', of: ({ event }) => event.outcome },
  { name: 'error', type: 'text', of: ({ event }) => event.error },
  { name: 'object', type: 'text', of: ({ event }) => event.object },
  { name: 'object_type', type: 'text', of: ({ event }) => event.objectType },
  { name: 'object_name', type: 'text', of: ({ name }) => name },
  { name: 'entry', type: 'text', of: ({ event }) => event.entry },
  { name: 'agent', type: 'text', of: ({ event }) => event.agent },
  { name: 'anchor', type: 'text', of: ({ event }) => event.anchor },
  { name: 'dn', type: 'text', of: ({ event }) => event.dn },
  { name: 'initiator', type: 'text', of: ({ event }) => event.initiator },
  { name: 'initiator_known', type: 'text', of: ({ event }) => event.initiatorKnown },
  { name: 'performer', type: 'text', of: ({ event }) => event.performer },
  { name: 'address', type: 'text', of: ({ event }) => event.address },
  { name: 'causes', type: 'text', of: ({ event }) => event.causes.join(',') || undefined },
  { name: 'root', type: 'integer', of: ({ event }) => event.root },
  { name: 'rule', type: 'text', of: ({ event }) => event.rule },
  { name: 'configuration', type: 'integer', of: ({ event }) => event.configuration },
  { name: 'run', type: 'integer', of: ({ event }) => event.run },
  { name: 'step', type: 'integer', of: ({ event }) => event.step },
  { name: 'step_kind', type: 'text', of: ({ event }) => event.stepKind },
  { name: 'out_of_band', type: 'boolean', of: ({ event }) => event.outOfBand },
];

const VALUE: readonly Column<NamedValue>[] = [
  { name: 'attribute', type: 'text', of: ({ value }) => value.attribute },
  { name: 'value_type', type: 'text', of: ({ value }) => value.type },
  { name: 'value_operation', type: 'text', of: ({ value }) => value.operation },
  { name: 'old', type: 'text', of: ({ value }) => value.old },
  { name: 'new', type: 'text', of: ({ value }) => value.new },
  { name: 'withheld', type: 'boolean', of: ({ value }) => value.withheld === true },
  { name: 'reference', type: 'text', of: ({ value }) => value.reference },
  { name: 'reference_name', type: 'text', of: ({ name }) => name },
  { name: 'marks', type: 'text', of: ({ value }) => describeMarks(value.marks) },
  { name: 'value_rule', type: 'text', of: ({ value }) => value.rule },
  { name: 'set_by', type: 'integer', of: ({ value }) => value.setBy },
];

export const CHANGE_SHAPE: Shape = { columns: CHANGE, parts: { name: 'values', columns: VALUE } };

function describeMarks(marks: number): string | undefined {
  const names = Object.entries(MARKS).flatMap(([name, bit]) => ((marks & bit) > 0 ? [name] : []));
  return names.join(',') || undefined;
}

/** A page of changes with the names of the objects in it, asked for once. Throws LogError as every question does. */
export async function changeEntries(context: QueryContext, events: readonly ChangeEvent[]): Promise<Entry[]> {
  const ids = events.flatMap(({ object, objectName, values }) => [
    ...(object !== undefined && objectName === undefined ? [object] : []),
    ...values.flatMap(({ reference }) => reference ?? []),
  ]);
  const names: Map<string, Reference> = ids.length === 0 ? new Map() : await nameObjects(context, ids);
  return events.map((event) => ({
    sequence: event.sequence,
    cells: cellsOf(CHANGE, { event, name: event.objectName ?? names.get(event.object ?? '')?.name }),
    parts: event.values.map((value) => cellsOf(VALUE, { value, name: names.get(value.reference ?? '')?.name })),
  }));
}
