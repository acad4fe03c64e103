// References of an entry that name nobody, several, or somebody without an object: recorded once each, never guessed at.
import { actorOf, type Cause } from './cause.ts';
import type { AgentType } from './configuration/model.ts';
import type { ConnectorAttribute } from './connector.ts';
import { identity } from './entry-events.ts';
import { resolveReference } from './references.ts';
import type { Entry } from './space.ts';
import type { Unit } from './unit.ts';

/** One reference value of an entry that is used by an import flow. */
interface UsedReference {
  attribute: ConnectorAttribute;
  value: string;
  /** How it is called in the entry's `unresolved`. */
  key: string;
}

/**
 * References that name nobody or several are recorded, once each. Returns the entry as it is then, and whether it `waits`
 * for references whose targets are there but not joined yet.
 */
export function recordUnresolved(
  unit: Unit,
  type: AgentType,
  entry: Entry,
  cause: Cause,
): { settled: Entry; waits: boolean } {
  const unresolved: Record<string, string> = {};
  let waits = false;
  for (const { attribute, value, key } of usedReferences(type, entry)) {
    const { outcome } = resolveReference(unit, entry.agent, attribute, value);
    if (outcome === 'not-joined') {
      if (entry.unresolved?.[key] === 'reference-not-joined') unresolved[key] = 'reference-not-joined';
      else waits = true;
    }
    if (outcome !== 'unresolved-reference' && outcome !== 'ambiguous-reference') continue;
    unresolved[key] = outcome;
    if (entry.unresolved?.[key] !== outcome) emitUnresolved(unit, entry, { attribute, value, outcome, cause });
  }
  const { unresolved: _, ...rest } = entry;
  return { settled: Object.keys(unresolved).length > 0 ? { ...rest, unresolved } : rest, waits };
}

/** At the end of a step: references whose targets are still not joined to any object are recorded, once each. */
export function recordNotJoined(unit: Unit, entryId: string, cause: Cause): void {
  const entry = unit.entry(entryId);
  const type = entry && unit.context.configuration.agents.get(entry.agent)?.types.get(entry.type);
  if (entry?.object === undefined || !type) return;
  const unresolved = { ...entry.unresolved };
  const outcome = 'reference-not-joined';
  for (const { attribute, value, key } of usedReferences(type, entry)) {
    if (unresolved[key] !== undefined || resolveReference(unit, entry.agent, attribute, value).outcome !== 'not-joined')
      continue;
    unresolved[key] = outcome;
    emitUnresolved(unit, entry, { attribute, value, outcome, cause });
  }
  if (Object.keys(unresolved).length > 0) unit.putEntry({ ...entry, unresolved });
}

function* usedReferences(type: AgentType, entry: Entry): Iterable<UsedReference> {
  const used = new Set(type.importFlows.flatMap(({ from }) => ('attribute' in from ? [from.attribute] : [])));
  for (const attribute of type.schema.attributes.values()) {
    if (!attribute.reference || !used.has(attribute.name)) continue;
    for (const [value] of entry.image[attribute.name] ?? [])
      yield { attribute, value, key: JSON.stringify([attribute.name, value]) };
  }
}

function emitUnresolved(
  unit: Unit,
  entry: Entry,
  { attribute, value, outcome, cause }: Omit<UsedReference, 'key'> & { outcome: string; cause: Cause },
): void {
  unit.emit({
    stage: 'import-flow',
    operation: 'none',
    outcome,
    error: outcome,
    ...identity(entry),
    values: [{ attribute: attribute.name, type: 'reference', operation: 'add', new: value, marks: attribute.marks }],
    ...actorOf(cause),
    causes: [cause.event],
    root: cause.root,
  });
}
