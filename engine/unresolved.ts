// References of an entry that name nobody, several, or somebody without an object: recorded once each, never guessed at.
import { actorOf, type Cause } from './cause.ts';
import type { Agent, AgentType } from './configuration/model.ts';
import { identity } from './entry-events.ts';
import type { WaitingReference } from './outstanding.ts';
import { resolveReference } from './references.ts';
import type { Entry } from './space.ts';
import type { Unit } from './unit.ts';

/** References that name nobody or several are recorded, once each; those that wait for a join are collected. */
export function recordUnresolved(
  unit: Unit,
  agent: Agent,
  type: AgentType,
  entry: Entry,
  cause: Cause,
  waiting: WaitingReference[],
): Entry {
  const used = new Set(type.importFlows.flatMap(({ from }) => ('attribute' in from ? [from.attribute] : [])));
  const unresolved: Record<string, string> = {};
  for (const attribute of type.schema.attributes.values()) {
    if (!attribute.reference || !used.has(attribute.name)) continue;
    for (const [value] of entry.image[attribute.name] ?? []) {
      const { outcome } = resolveReference(unit, agent.name, attribute, value);
      const key = JSON.stringify([attribute.name, value]);
      if (outcome === 'not-joined') {
        waiting.push({ attribute, value });
        if (entry.unresolved?.[key] === 'reference-not-joined') unresolved[key] = 'reference-not-joined';
      }
      if (outcome !== 'unresolved-reference' && outcome !== 'ambiguous-reference') continue;
      unresolved[key] = outcome;
      if (entry.unresolved?.[key] !== outcome)
        emitUnresolved(unit, entry, attribute.name, value, attribute.marks, outcome, cause);
    }
  }
  const { unresolved: _, ...rest } = entry;
  return Object.keys(unresolved).length > 0 ? { ...rest, unresolved } : rest;
}

/** At the end of a step: references whose targets are still not joined to any object are recorded, once each. */
export function recordNotJoined(unit: Unit, entryId: string, waiting: readonly WaitingReference[], cause: Cause): void {
  const entry = unit.entry(entryId);
  if (!entry) return;
  const unresolved = { ...entry.unresolved };
  for (const { attribute, value } of waiting) {
    const key = JSON.stringify([attribute.name, value]);
    if (unresolved[key] !== undefined || resolveReference(unit, entry.agent, attribute, value).outcome !== 'not-joined')
      continue;
    unresolved[key] = 'reference-not-joined';
    emitUnresolved(unit, entry, attribute.name, value, attribute.marks, 'reference-not-joined', cause);
  }
  if (Object.keys(unresolved).length > 0) unit.putEntry({ ...entry, unresolved });
}

function emitUnresolved(
  unit: Unit,
  entry: Entry,
  attribute: string,
  value: string,
  marks: number,
  outcome: string,
  cause: Cause,
): void {
  unit.emit({
    stage: 'import-flow',
    operation: 'none',
    outcome,
    error: outcome,
    ...identity(entry),
    values: [{ attribute, type: 'reference', operation: 'add', new: value, marks }],
    ...actorOf(cause),
    causes: [cause.event],
    root: cause.root,
  });
}
