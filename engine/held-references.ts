// References that give an entitlement, such as the members of a group, and what they name now. When a directory is read
// for the first time its groups name accounts that are joined to nobody yet; who holds what is known only after the join.
// So the record is set right then: the same value, removed as it was recorded and added with the object that it names.
import { type EventValue, MARKS } from '../ingest/event.ts';
import { actorOf, type Cause } from './cause.ts';
import type { AgentType } from './configuration/model.ts';
import { identity } from './entry-events.ts';
import { referencedObject } from './references.ts';
import type { Entry, Held, HeldAttributes } from './space.ts';
import type { Unit } from './unit.ts';

interface Renamed {
  values: EventValue[];
  image: HeldAttributes;
}

/** Sets right what the entitlement references of an entry name; one event for all of them, none when nothing changed. */
export function resolveHeldReferences(unit: Unit, id: string, cause: Cause): void {
  const entry = unit.entry(id);
  const type = entry && unit.context.configuration.agents.get(entry.agent)?.types.get(entry.type);
  if (!entry || !type || entry.pending?.kind === 'delete') return;
  const { values, image } = resolveIn(unit, type, entry);
  if (values.length === 0) return;
  unit.emit({
    stage: 'import',
    operation: 'update',
    outcome: 'reference-resolved',
    ...identity(entry),
    values,
    ...actorOf(cause),
    causes: [cause.event],
    root: cause.root,
  });
  unit.putEntry({ ...entry, image });
}

function resolveIn(unit: Unit, type: AgentType, entry: Entry): Renamed {
  const values: EventValue[] = [];
  const image: Record<string, readonly Held[]> = { ...entry.image };
  for (const [name, held] of Object.entries(entry.image)) {
    const attribute = type.schema.attributes.get(name);
    if (!attribute?.reference || (attribute.marks & MARKS.entitlement) === 0) continue;
    image[name] = held.map((each): Held => {
      const now = referencedObject(unit, entry.agent, type, name, each[0]);
      if (now === undefined || now === each[2]) return each;
      const value = { attribute: name, type: 'reference' as const, marks: attribute.marks };
      values.push({
        ...value,
        operation: 'remove',
        old: each[0],
        setBy: each[1],
        ...(each[2] !== undefined && { reference: each[2] }),
      });
      values.push({ ...value, operation: 'add', new: each[0], reference: now });
      return [each[0], unit.next, now];
    });
  }
  return { values, image };
}
