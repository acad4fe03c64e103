// What a replay makes of events of which something was erased: each erased value, and each erased initiator, is held as
// something that stands for it, so that places, counts and what set it stay as they were. Where the live state still has such
// a value, because a connected system has it, the comparison takes the one for the other.
import type { ChangeEvent, EventValue } from '../../ingest/event.ts';
import type { Entry, Held } from '../space.ts';
import { erasedValue, isErased } from '../unknown-values.ts';

/** The event with something in place of each value that was erased. */
export function standingIn(event: ChangeEvent): ChangeEvent {
  const { erased, sequence, valueKeys, subjectKey, actorKey } = event;
  if (!erased) return event;
  const values = event.values.map((value, index): EventValue => {
    const isReference = value.type === 'reference';
    if ((isReference ? (erased.references[index] ?? '') : erased.values) === '') return value;
    const key = isReference ? (valueKeys[index] ?? 0) : subjectKey;
    return {
      ...value,
      ...(value.operation !== 'add' && { old: erasedValue(key, value.setBy ?? 0) }),
      ...(value.operation !== 'remove' && { new: erasedValue(key, sequence) }),
    };
  });
  const hadInitiator = erased.actor !== '' && event.initiatorKnown !== 'unknown';
  return { ...event, values, ...(hadInitiator && { initiator: erasedValue(actorKey, 0) }) };
}

/** The live value with what stands for erased texts in their place; `rebuilt` says which they are. */
export function withErased(live: unknown, rebuilt: unknown): unknown {
  if (typeof rebuilt === 'string') return isErased(rebuilt) && typeof live === 'string' ? rebuilt : live;
  if (Array.isArray(rebuilt) && Array.isArray(live)) {
    if (isErasedHeld(rebuilt) && live[1] === rebuilt[1]) return rebuilt;
    return live.map((each, index) => withErased(each, rebuilt[index]));
  }
  if (!isRecord(rebuilt) || !isRecord(live)) return live;
  const fields = Object.entries(live).map(([name, value]) => [name, withErased(value, rebuilt[name])] as const);
  return Object.fromEntries(fields);
}

/** References that did not resolve are recorded by their value: of erased ones nothing is known. */
export function withoutErasedUnresolved(entry: Entry, rebuilt: Entry): Entry {
  const { unresolved, ...rest } = entry;
  if (!unresolved) return entry;
  const erased = new Set(
    Object.entries(rebuilt.image).flatMap(([name, held]) =>
      held.flatMap(([value], index) => (isErased(value) ? keysOf(name, entry.image[name]?.[index], value) : [])),
    ),
  );
  const known = Object.entries(unresolved).filter(([key]) => !erased.has(key));
  return known.length > 0 ? { ...rest, unresolved: Object.fromEntries(known) } : rest;
}

function keysOf(attribute: string, held: Held | undefined, standIn: string): string[] {
  return [held?.[0], standIn].map((value) => JSON.stringify([attribute, value]));
}

function isErasedHeld(held: readonly unknown[]): boolean {
  return typeof held[0] === 'string' && isErased(held[0]) && typeof held[1] === 'number';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
