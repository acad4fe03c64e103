// Import attribute flow: what each connector of an object contributes, who wins by rank, who loses and is recorded as
// such, and what is recalled when a connector goes (MIM.md 1.9).
import { actorOf, type Cause } from './cause.ts';
import type { AgentType, MetaverseType } from './configuration/model.ts';
import { difference } from './difference.ts';
import { identity } from './entry-events.ts';
import { nameOf } from './names.ts';
import { targetChanged } from './outstanding.ts';
import { flowOutward, objectDeleted } from './outward.ts';
import { type Contribution, rankedContributions, recordLosers } from './precedence.ts';
import type { ContributedAttribute, Entry, HeldAttributes, MetaverseObject } from './space.ts';
import type { Unit } from './unit.ts';
import { recordUnresolved } from './unresolved.ts';

interface FlowResult {
  /** The event of the change of the object; undefined: nothing changed. */
  event: number | undefined;
  /** It has references whose targets are there but not joined yet. */
  waits: boolean;
}

/** Flows an entry into its object. */
export function flowInward(unit: Unit, type: AgentType, entry: Entry, cause: Cause): FlowResult {
  const { settled, waits } = recordUnresolved(unit, type, entry, cause);
  unit.putEntry(settled);
  const object = objectOf(unit, settled);
  const names = attributesOf(type, object, settled.id);
  const event = recompute(unit, object, names, cause, {
    stage: 'import-flow',
    entry: settled,
    changed: 'connector-flow',
    unchanged: 'connector-no-flow',
  });
  return { event, waits };
}

/** A connector is gone: its contributions are recalled, the deletion rule is asked, the rest flows outward. */
export function recallFrom(unit: Unit, entry: Entry, cause: Cause): void {
  const object = objectOf(unit, entry);
  const schema = metaverseType(unit, object);
  if (mustDelete(unit, schema, object, entry)) {
    deleteObject(unit, object, entry, cause);
    return;
  }
  const { object: _, ...gone } = entry;
  const event = recompute(unit, object, new Set(contributedBy(object, entry.id)), cause, {
    stage: 'recall',
    entry: { ...gone, object: object.id },
    changed: 'connector-delete-leave-mv',
    unchanged: 'connector-delete-leave-mv',
    always: true,
  });
  const next = { ...cause, event: event ?? cause.event };
  targetChanged(unit, object.id, next);
  flowOutward(unit, objectOf(unit, entry), next);
}

/** The attributes that are computed anew when an entry flows in: those that it contributed by a rule that is no more, too. */
export function attributesOf(type: AgentType, object: MetaverseObject, entry: string): Set<string> {
  return new Set([...type.importFlows.map(({ to }) => to), ...contributedBy(object, entry)]);
}

/** The attributes to which an entry contributed, whether it won or lost. */
export function contributedBy(object: MetaverseObject, entry: string): string[] {
  const won = Object.entries(object.attributes).filter(([, attribute]) => attribute.entry === entry);
  const lost = Object.entries(object.losers).filter(([, losers]) => entry in losers);
  return [...won, ...lost].map(([name]) => name);
}

function objectOf(unit: Unit, entry: Entry): MetaverseObject {
  const object = unit.object(entry.object ?? '');
  if (!object) throw new Error(`The object ${entry.object} of the entry ${entry.id} is not there.`);
  return object;
}

function metaverseType(unit: Unit, object: MetaverseObject): MetaverseType {
  const type = unit.context.configuration.metaverse.get(object.type);
  if (!type) throw new Error(`The metaverse type ${object.type} is no longer declared.`);
  return type;
}

function connectorsOf(unit: Unit, object: MetaverseObject): Entry[] {
  return unit
    .find('entry', 'object', object.id)
    .map((id) => unit.entry(id))
    .filter((entry) => entry !== undefined);
}

function mustDelete(unit: Unit, schema: MetaverseType, object: MetaverseObject, gone: Entry): boolean {
  const rule = schema.deletion;
  if (rule.when === 'never') return false;
  if (rule.when === 'any-of') return rule.agents.includes(gone.agent);
  return connectorsOf(unit, object).every((entry) => entry.id === gone.id);
}

function deleteObject(unit: Unit, object: MetaverseObject, entry: Entry, cause: Cause): void {
  const schema = metaverseType(unit, object);
  const before = Object.fromEntries(Object.entries(object.attributes).map(([name, { values }]) => [name, values]));
  const { values } = difference(before, {}, metaverseDifference(schema, unit.next));
  const name = nameOf(unit.context.configuration, object);
  const event = unit.emit({
    stage: 'deletion',
    operation: 'delete',
    outcome: 'connector-delete-remove-mv',
    object: object.id,
    objectType: object.type,
    ...(name !== undefined && { objectName: name }),
    agent: entry.agent,
    entry: entry.id,
    values,
    ...actorOf(cause),
    causes: [cause.event],
    root: cause.root,
  });
  targetChanged(unit, object.id, { ...cause, event });
  unit.removeObject(object.id);
  objectDeleted(unit, object, { ...cause, event });
}

function metaverseDifference(
  schema: MetaverseType,
  sequence: number,
  ruleOf?: (attribute: string) => string | undefined,
) {
  return {
    schemaOf: (name: string) => {
      const attribute = schema.attributes.get(name);
      return { type: attribute?.type ?? ('string' as const), marks: attribute?.marks ?? 2, comparesAsDn: false };
    },
    resolve: (_: string, value: string) => value,
    ...(ruleOf && { ruleOf }),
    sequence,
  };
}

interface RecomputeOptions {
  stage: 'import-flow' | 'recall';
  entry: Entry;
  changed: string;
  unchanged: string;
  /** Record an event although nothing changed. */
  always?: boolean;
}

/** Computes attributes of an object anew from all its connectors, by rank, and records what changed and who lost. */
function recompute(
  unit: Unit,
  object: MetaverseObject,
  names: ReadonlySet<string>,
  cause: Cause,
  options: RecomputeOptions,
): number | undefined {
  const schema = metaverseType(unit, object);
  const connectors = connectorsOf(unit, object);
  const { winners, losing } = rankedContributions(unit, schema, connectors, names);
  const sequence = unit.next;
  const present = new Set(connectors.filter(({ pending }) => pending?.kind !== 'delete').map(({ id }) => id));
  const { values, attributes, taken } = applyWinners(schema, object, winners, sequence, present);
  let next: MetaverseObject = { ...object, attributes };
  const name = nameOf(unit.context.configuration, next) ?? nameOf(unit.context.configuration, object);
  const changed = values.length > 0 || options.always === true;
  if (changed) {
    unit.emit({
      stage: options.stage,
      operation: 'update',
      outcome: values.length > 0 ? options.changed : options.unchanged,
      ...identity({ ...options.entry, object: object.id }),
      objectType: object.type,
      ...(name !== undefined && { objectName: name }),
      values,
      ...actorOf(cause),
      causes: [cause.event],
      root: cause.root,
    });
  } else unit.context.counters.count(options.stage, options.entry.agent, object.type, options.unchanged);
  const why = { ...cause, event: changed ? sequence : cause.event };
  for (const winner of taken) recordTaken(unit, next, winner, why);
  next = recordLosers(unit, schema, next, names, losing, why);
  unit.putObject(next);
  return changed ? sequence : undefined;
}

function applyWinners(
  schema: MetaverseType,
  object: MetaverseObject,
  winners: ReadonlyMap<string, Contribution | undefined>,
  sequence: number,
  present: ReadonlySet<string>,
) {
  const before: HeldAttributes = {};
  const wanted: Record<string, string[]> = {};
  for (const [name, winner] of winners) {
    const current = object.attributes[name];
    if (current) before[name] = current.values;
    if (winner) wanted[name] = winner.values;
    else if (current && !current.recall && !present.has(current.entry))
      wanted[name] = current.values.map(([value]) => value);
  }
  const ruleOf = (name: string) => winners.get(name)?.flow.rule ?? object.attributes[name]?.rule;
  const { values, after } = difference(before, wanted, metaverseDifference(schema, sequence, ruleOf));
  const changed = new Set(values.map(({ attribute }) => attribute));
  const attributes: Record<string, ContributedAttribute> = { ...object.attributes };
  const taken: Contribution[] = [];
  for (const [name, winner] of winners) {
    const held = after[name];
    const current = attributes[name];
    if (!held) delete attributes[name];
    else if (winner) {
      attributes[name] = { values: held, entry: winner.entry.id, rule: winner.flow.rule, recall: winner.flow.recall };
      if (!changed.has(name) && (current?.entry !== winner.entry.id || current.rule !== winner.flow.rule))
        taken.push(winner);
    } else if (current) attributes[name] = { ...current, values: held };
  }
  return { values, attributes, taken };
}

/** The values stay as they are, but another contributes them now: if it goes, they go. */
function recordTaken(unit: Unit, object: MetaverseObject, { entry, flow }: Contribution, cause: Cause): void {
  const objectName = nameOf(unit.context.configuration, object);
  unit.emit({
    stage: 'import-flow',
    operation: 'none',
    outcome: 'contributor-changed',
    ...identity({ ...entry, object: object.id }),
    objectType: object.type,
    ...(objectName !== undefined && { objectName }),
    rule: flow.rule,
    ...actorOf(cause),
    causes: [cause.event],
    root: cause.root,
  });
}
