// Which events of the log the engine's state stands on: those that set a value which is still held, that made an object,
// or that linked an entry. What expires before them need not be carried forward.
import type { EventValue } from '../ingest/event.ts';
import type { Journal } from '../ingest/journal/journal.ts';
import type { InForce } from '../ingest/retention/baseline.ts';
import { type Entry, type Held, KINDS, type MetaverseObject } from './space.ts';

/** Reads the whole state once. */
export function findInForce(journal: Journal): InForce {
  const { state } = journal;
  const values = new Map<number, Set<string>>();
  const note = (sequence: number | undefined) => {
    if (sequence === undefined) return new Set<string>();
    const known = values.get(sequence) ?? new Set<string>();
    values.set(sequence, known);
    return known;
  };
  const noteHeld = (attribute: string, held: readonly Held[]) => {
    for (const [value, setBy] of held) note(setBy).add(idOf(attribute, value));
  };
  for (const key of state.keys(KINDS.entry)) {
    const entry = state.get(KINDS.entry, key) as Entry;
    for (const [attribute, held] of Object.entries(entry.image)) noteHeld(attribute, held);
    for (const [attribute, held] of Object.entries(entry.unconfirmed?.attributes ?? {})) noteHeld(attribute, held);
    note(entry.linkedBy);
  }
  for (const key of state.keys(KINDS.object)) {
    const object = state.get(KINDS.object, key) as MetaverseObject;
    for (const [attribute, { values: held }] of Object.entries(object.attributes)) noteHeld(attribute, held);
    note(object.createdBy);
  }
  const configuration = state.get(KINDS.engine, 'configuration') as { sequence: number } | undefined;
  if (configuration) values.set(configuration.sequence, ALL);
  return new Map(
    [...values].map(([sequence, held]) => [
      sequence,
      ({ attribute, new: value }: EventValue) =>
        held === ALL || (value !== undefined && held.has(idOf(attribute, value))),
    ]),
  );
}

const ALL = new Set<string>();

function idOf(attribute: string, value: string): string {
  return `${attribute}\n${value}`;
}
