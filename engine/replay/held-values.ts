// The values of an event applied to the values that were held before it.
import type { ChangeEvent, EventValue } from '../../ingest/event.ts';
import type { Configuration } from '../configuration/model.ts';
import type { Held, HeldAttributes } from '../space.ts';
import { isErased } from '../unknown-values.ts';

/** Values by attribute, in their order. */
export function byAttribute(values: readonly EventValue[]): Map<string, EventValue[]> {
  const found = new Map<string, EventValue[]>();
  for (const value of values) {
    const of = found.get(value.attribute);
    if (of) of.push(value);
    else found.set(value.attribute, [value]);
  }
  return found;
}

/** What an event says of the attributes of an entry; it also says what the entry is called now, and why it failed. */
export function attributeChanges(event: ChangeEvent, configuration: Configuration): Map<string, EventValue[]> {
  const schema = configuration.agents.get(event.agent ?? '')?.types.get(event.objectType ?? '')?.schema;
  const isOwn = (name: string) => (name !== 'dn' && name !== 'error-message') || schema?.attributes.has(name) === true;
  return byAttribute(event.values.filter(({ attribute }) => isOwn(attribute)));
}

/** What is held of one attribute after an event: what stays keeps its place, what is new comes after it. */
export function heldAfter(before: readonly Held[], changes: readonly EventValue[], sequence: number): Held[] {
  const removed = new Set(changes.flatMap(({ old }) => (old === undefined ? [] : [old])));
  const added = new Map<string, Held>();
  for (const { new: value, reference } of changes) {
    if (value === undefined) continue;
    added.set(value, reference === undefined ? [value, sequence] : [value, sequence, reference]);
  }
  // The same value added again names another object now, and keeps its place.
  const kept = withoutErased(before, changes).flatMap((held): Held[] => {
    if (!removed.has(held[0])) return [held];
    const again = added.get(held[0]);
    added.delete(held[0]);
    return again ? [again] : [];
  });
  return [...kept, ...added.values()];
}

/** A value that was erased after it was set, and not where it was removed: the event that removed it says which one set it. */
function withoutErased(before: readonly Held[], changes: readonly EventValue[]): readonly Held[] {
  if (!before.some(([value]) => isErased(value))) return before;
  const values = new Set(before.map(([value]) => value));
  const setBy = new Set(changes.flatMap((change) => (values.has(change.old ?? '') ? [] : (change.setBy ?? []))));
  return setBy.size === 0 ? before : before.filter(([value, by]) => !(isErased(value) && setBy.has(by)));
}

/** All attributes after an event. */
export function attributesAfter(
  before: HeldAttributes,
  event: ChangeEvent,
  configuration: Configuration,
): HeldAttributes {
  const after = new Map(Object.entries(before));
  for (const [name, changes] of attributeChanges(event, configuration)) {
    const held = heldAfter(before[name] ?? [], changes, event.sequence);
    if (held.length > 0) after.set(name, held);
    else after.delete(name);
  }
  return Object.fromEntries(after);
}
