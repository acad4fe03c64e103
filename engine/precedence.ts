// Precedence: what each connector of an object contributes to an attribute, who wins by rank, and the losing side, which
// is recorded as such when it is new or has changed (MIM.md 1.9).
import type { EventValue } from '../ingest/event.ts';
import { actorOf, type Cause } from './cause.ts';
import { toValues } from './configuration/expressions.ts';
import type { AgentType, ImportFlow, MetaverseType } from './configuration/model.ts';
import { identity } from './entry-events.ts';
import { requireOne } from './export-flow.ts';
import { entryView } from './expression-views.ts';
import { nameOf } from './names.ts';
import { resolveReference } from './references.ts';
import { type Entry, isImported, type MetaverseObject, plain } from './space.ts';
import type { Unit } from './unit.ts';

export interface Contribution {
  flow: ImportFlow;
  agent: string;
  entry: Entry;
  values: string[];
}

interface Loss {
  name: string;
  loser: Contribution;
  winner: Contribution;
}

/** What each connector contributes to an attribute, the highest rank first; who has no value does not take part. */
function contributions(unit: Unit, schema: MetaverseType, connectors: readonly Entry[], name: string): Contribution[] {
  const precedence = schema.attributes.get(name)?.precedence ?? [];
  return connectors
    .flatMap((entry) => {
      const type = unit.context.configuration.agents.get(entry.agent)?.types.get(entry.type);
      const flow = type?.importFlows.find(({ to }) => to === name);
      if (!type || !flow || type.importTo !== schema.name || !isImported(entry)) return [];
      const values = contributedValues(unit, type, entry, flow);
      return values.length > 0 ? [{ flow, agent: entry.agent, entry, values }] : [];
    })
    .sort((a, b) => precedence.indexOf(a.agent) - precedence.indexOf(b.agent) || (a.entry.id < b.entry.id ? -1 : 1));
}

function contributedValues(unit: Unit, type: AgentType, entry: Entry, flow: ImportFlow): string[] {
  if ('expression' in flow.from) {
    const values = toValues(flow.from.expression.evaluate({ entry: entryView(type, plain(entry.image)) }), flow.rule);
    return requireOne(values, flow.multivalued, flow.rule);
  }
  const attribute = type.schema.attributes.get(flow.from.attribute);
  const values = (entry.image[flow.from.attribute] ?? []).map(([value]) => value);
  if (!attribute?.reference) return values;
  return values.flatMap((value) => {
    const resolved = resolveReference(unit, entry.agent, attribute, value);
    return resolved.outcome === 'resolved' && resolved.entry.object !== undefined ? [resolved.entry.object] : [];
  });
}

/** Each losing contribution is an event when it is new or has changed; one event for each losing entry. */
export function recordLosers(
  unit: Unit,
  schema: MetaverseType,
  object: MetaverseObject,
  names: ReadonlySet<string>,
  losing: readonly Loss[],
  cause: Cause,
): MetaverseObject {
  const fresh = new Map<Entry, EventValue[]>();
  for (const { name, loser, winner } of losing) {
    const text = JSON.stringify(loser.values);
    if (object.losers[name]?.[loser.entry.id] === text || text === JSON.stringify(winner.values)) continue;
    fresh.set(loser.entry, [...(fresh.get(loser.entry) ?? []), ...losingValues(schema, object, name, loser)]);
  }
  const objectName = nameOf(unit.context.configuration, object);
  for (const [entry, values] of fresh) {
    unit.emit({
      stage: 'import-flow',
      operation: 'none',
      outcome: 'skipped-not-precedent',
      ...identity({ ...entry, object: object.id }),
      objectType: object.type,
      ...(objectName !== undefined && { objectName }),
      values,
      ...actorOf(cause),
      causes: [cause.event],
      root: cause.root,
    });
  }
  return { ...object, losers: losersAfter(object, names, losing) };
}

/** Who loses which attribute with what, once the attributes in `names` were computed anew. */
export function losersAfter(
  object: MetaverseObject,
  names: ReadonlySet<string>,
  losing: readonly Loss[],
): MetaverseObject['losers'] {
  const losers: MetaverseObject['losers'] = { ...object.losers };
  for (const name of names) delete losers[name];
  for (const { name, loser } of losing)
    losers[name] = { ...losers[name], [loser.entry.id]: JSON.stringify(loser.values) };
  return losers;
}

/** Each attribute's contributions, the highest rank first. Throws RuleError. */
export function rankedContributions(
  unit: Unit,
  schema: MetaverseType,
  connectors: readonly Entry[],
  names: ReadonlySet<string>,
): { winners: Map<string, Contribution | undefined>; losing: Loss[] } {
  const winners = new Map<string, Contribution | undefined>();
  const losing: Loss[] = [];
  for (const name of names) {
    const [winner, ...losers] = contributions(unit, schema, connectors, name);
    winners.set(name, winner);
    for (const loser of losers) if (winner) losing.push({ name, loser, winner });
  }
  return { winners, losing };
}

/** The losing values as such; `setBy` is the sequence that had set the value which stands. */
function losingValues(schema: MetaverseType, object: MetaverseObject, name: string, loser: Contribution): EventValue[] {
  const attribute = schema.attributes.get(name);
  const standing = object.attributes[name]?.values[0]?.[1];
  return loser.values.map((value) => ({
    attribute: name,
    type: attribute?.type ?? 'string',
    operation: 'add',
    new: value,
    marks: attribute?.marks ?? 2,
    rule: loser.flow.rule,
    ...(attribute?.type === 'reference' && { reference: value }),
    ...(standing !== undefined && { setBy: standing }),
  }));
}
