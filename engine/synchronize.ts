// Synchronises one entry, in MIM's order (MIM.md 1.5): filter, join, projection, import flow, then outward. It reads the
// stored view through the unit, returns decisions as events and state changes in it, and does nothing else.

import { actorOf, type Cause } from './cause.ts';
import { RuleError } from './configuration/expressions.ts';
import type { Agent, AgentType } from './configuration/model.ts';
import { identity } from './entry-events.ts';
import { entryView } from './expression-views.ts';
import { flowInward, recallFrom } from './import-flow.ts';
import { objectIndex } from './indexes.ts';
import { nameOf } from './names.ts';
import type { Outstanding } from './outstanding.ts';
import { flowOutward } from './outward.ts';
import { type Entry, type MetaverseObject, plain } from './space.ts';
import type { Unit } from './unit.ts';

/**
 * Synchronises an entry. `outstanding` collects what others must be done because of it. A rule that fails takes back
 * everything done for this entry and becomes one event, flow-failure; the entry keeps its pending import and is tried again.
 */
export function synchronizeEntry(
  unit: Unit,
  agent: Agent,
  id: string,
  outstanding: Outstanding,
  reevaluate: boolean,
): void {
  const entry = unit.entry(id);
  if (!entry) return;
  const type = agent.types.get(entry.type);
  if (!type) return;
  try {
    unit.attempt(() => synchronizeWith(unit, agent, type, entry, outstanding, reevaluate));
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    recordFailure(unit, entry, error);
  }
}

function causeOf(entry: Entry): Cause | undefined {
  if (entry.pending) return { ...entry.pending };
  if (entry.retry) return { ...entry.retry, initiatorKnown: 'observed', initiator: entry.agent, outOfBand: false };
  return undefined;
}

function synchronizeWith(
  unit: Unit,
  agent: Agent,
  type: AgentType,
  entry: Entry,
  outstanding: Outstanding,
  reevaluate: boolean,
): void {
  const cause = causeOf(entry) ?? {
    event: entry.linkedBy ?? 0,
    root: entry.linkedRoot ?? 0,
    initiatorKnown: 'observed',
    outOfBand: false,
  };
  if (entry.pending?.kind === 'delete') return disconnectDeleted(unit, agent, entry, cause, outstanding);
  const { pending, retry: _, ...rest } = entry;
  const settled: Entry = rest;
  if (isFiltered(type, settled)) return filterOut(unit, agent, settled, cause, outstanding);
  const hadWork = pending !== undefined || entry.retry !== undefined || reevaluate;
  if (settled.object !== undefined) {
    if (!hadWork) return;
    return flowConnector(unit, agent, type, settled, cause, outstanding, reevaluate || (pending?.outOfBand ?? false));
  }
  if (settled.disconnector === 'explicit') {
    unit.putEntry(settled);
    return;
  }
  const linked = link(unit, agent, type, { ...settled, disconnector: 'normal' }, cause);
  if (!linked) return;
  outstanding.entryLinked(unit, linked);
  flowConnector(unit, agent, type, linked, { ...cause, event: linked.linkedBy ?? cause.event }, outstanding, true);
}

function isFiltered(type: AgentType, entry: Entry): boolean {
  return type.filter?.evaluate({ entry: entryView(type, plain(entry.image)) }) === true;
}

function flowConnector(
  unit: Unit,
  agent: Agent,
  type: AgentType,
  entry: Entry,
  cause: Cause,
  outstanding: Outstanding,
  outward: boolean,
): void {
  const flowed = flowInward(unit, agent, type, entry, cause);
  const object = unit.object(entry.object ?? '');
  if (!object) throw new Error(`The entry ${entry.id} is joined to the object ${entry.object}, which is not there.`);
  outstanding.unresolvedOf(flowed.waiting, entry.id);
  if (flowed.event !== undefined || outward) {
    const next = flowed.event === undefined ? cause : { ...cause, event: flowed.event };
    flowOutward(unit, object, next, outstanding);
  }
}

/** Join by the criteria in order, else project. Returns the connector, or undefined when it stays a disconnector. */
function link(unit: Unit, agent: Agent, type: AgentType, entry: Entry, cause: Cause): Entry | undefined {
  const found = findJoin(unit, type, entry);
  if (found.outcome === 'found') return join(unit, type, entry, found.object, cause);
  if (found.outcome !== 'none') return stayDisconnector(unit, entry, cause, 'join', found.outcome);
  if (type.projection === undefined) return stayDisconnector(unit, entry, cause, 'join', 'disconnector-remains');
  return project(unit, agent, type.projection, entry, cause);
}

type JoinResult =
  | { outcome: 'found'; object: MetaverseObject }
  | { outcome: 'none' | 'ambiguous-join' | 'could-not-join-due-to-existing-join' };

function findJoin(unit: Unit, type: AgentType, entry: Entry): JoinResult {
  const rule = type.join;
  for (const criterion of rule?.criteria ?? []) {
    const values = criterion.map(({ connector }) => entry.image[connector]?.[0]?.[0]);
    const [first, ...others] = criterion;
    const [value] = values;
    if (!rule || !first || value === undefined || values.includes(undefined)) continue;
    const candidates = unit
      .find('object', 'attribute', objectIndex.attribute(rule.objectType, first.metaverse, value))
      .map((id) => unit.object(id))
      .filter((object) => object !== undefined)
      .filter((object) =>
        others.every((pair, i) => object.attributes[pair.metaverse]?.values.some(([v]) => v === values[i + 1])),
      );
    if (candidates.length === 0) continue;
    const free = candidates.filter((object) => otherConnector(unit, entry, object) === undefined);
    const [only] = free;
    if (!only) return { outcome: 'could-not-join-due-to-existing-join' };
    return free.length === 1 && candidates.length === 1
      ? { outcome: 'found', object: only }
      : { outcome: 'ambiguous-join' };
  }
  return { outcome: 'none' };
}

/** The object's connector of the same agent and type, unless it was never made there: then the entry takes its place. */
function otherConnector(unit: Unit, entry: Entry, object: MetaverseObject): Entry | undefined {
  return unit
    .find('entry', 'object', object.id)
    .map((id) => unit.entry(id))
    .find(
      (other) =>
        other?.agent === entry.agent && other.type === entry.type && other.exists && other.pending?.kind !== 'delete',
    );
}

function join(unit: Unit, type: AgentType, entry: Entry, object: MetaverseObject, cause: Cause): Entry {
  for (const id of unit.find('entry', 'object', object.id)) {
    const other = unit.entry(id);
    if (other && other.agent === entry.agent && other.type === entry.type && !other.exists && other.id !== entry.id)
      unit.removeEntry(other.id);
  }
  const name = nameOf(unit.context.configuration, object);
  const event = unit.emit({
    stage: 'join',
    operation: 'update',
    outcome: 'disconnector-joined',
    ...identity({ ...entry, object: object.id }),
    ...(name !== undefined && { objectName: name }),
    rule: `${entry.agent}/${type.schema.name}/join`,
    ...actorOf(cause),
    causes: [cause.event],
    root: cause.root,
  });
  const { lastOutcome: _, ...rest } = entry;
  const joined: Entry = { ...rest, object: object.id, linkedBy: event, linkedRoot: cause.root };
  unit.putEntry(joined);
  return joined;
}

function project(unit: Unit, agent: Agent, objectType: string, entry: Entry, cause: Cause): Entry {
  const id = unit.context.newId();
  const key = formerKey(entry);
  const predecessor = key === undefined ? undefined : unit.former(key);
  const event = unit.emit({
    stage: 'projection',
    operation: 'add',
    outcome: 'disconnector-projected',
    ...identity({ ...entry, object: id }),
    objectType: entry.type,
    values:
      predecessor === undefined
        ? []
        : [
            {
              attribute: 'predecessor',
              type: 'reference',
              operation: 'add',
              new: predecessor,
              reference: predecessor,
              marks: 0,
            },
          ],
    rule: `${agent.name}/${entry.type}/projection`,
    ...actorOf(cause),
    causes: [cause.event],
    root: cause.root,
  });
  unit.putObject({ id, type: objectType, attributes: {}, losers: {}, createdBy: event });
  const { lastOutcome: _, ...rest } = entry;
  const projected: Entry = { ...rest, object: id, linkedBy: event, linkedRoot: cause.root };
  unit.putEntry(projected);
  return projected;
}

/** What a former object of an entry is remembered by, so that a re-hire finds its predecessor. */
export function formerKey(entry: Entry): string | undefined {
  return entry.anchor === undefined ? undefined : JSON.stringify([entry.agent, entry.type, entry.anchor]);
}

/** Records, once, why an entry stays a disconnector. That nothing matches where nothing has to is no event. */
function stayDisconnector(
  unit: Unit,
  entry: Entry,
  cause: Cause,
  stage: 'join' | 'filter',
  outcome: string,
): undefined {
  if (entry.lastOutcome !== outcome && outcome !== 'disconnector-remains') {
    unit.emit({
      stage,
      operation: 'none',
      outcome,
      error: outcome,
      ...identity(entry),
      rule: `${entry.agent}/${entry.type}/${stage}`,
      ...actorOf(cause),
      causes: [cause.event],
      root: cause.root,
    });
  } else unit.context.counters.count(stage, entry.agent, entry.type, 'disconnector-remains');
  unit.putEntry({ ...entry, lastOutcome: outcome });
  return undefined;
}

function filterOut(unit: Unit, agent: Agent, entry: Entry, cause: Cause, outstanding: Outstanding): void {
  if (entry.object === undefined && entry.disconnector === 'filtered') {
    unit.putEntry(entry);
    return;
  }
  const event = unit.emit({
    stage: 'filter',
    operation: 'update',
    outcome: entry.object === undefined ? 'disconnector-filtered' : 'connector-filtered',
    ...identity(entry),
    rule: `${agent.name}/${entry.type}/filter`,
    ...actorOf(cause),
    causes: [cause.event],
    root: cause.root,
  });
  const { object: _, ...rest } = entry;
  unit.putEntry({ ...rest, disconnector: 'filtered' });
  if (entry.object !== undefined) recallFrom(unit, entry, { ...cause, event }, outstanding);
}

function disconnectDeleted(unit: Unit, agent: Agent, entry: Entry, cause: Cause, outstanding: Outstanding): void {
  unit.removeEntry(entry.id);
  const key = formerKey(entry);
  if (entry.object === undefined) {
    unit.context.counters.count('import-flow', agent.name, entry.type, 'disconnector-deleted');
    return;
  }
  if (key !== undefined) unit.putFormer(key, entry.object);
  recallFrom(unit, entry, cause, outstanding);
}

function recordFailure(unit: Unit, entry: Entry, error: RuleError): void {
  const outcome = `flow-failure:${error.rule}`;
  if (entry.lastOutcome === outcome) {
    unit.context.counters.count('import-flow', entry.agent, entry.type, 'flow-failure');
    return;
  }
  const cause = causeOf(entry);
  unit.emit({
    stage: 'import-flow',
    operation: 'none',
    outcome: 'flow-failure',
    error: error.code,
    ...identity(entry),
    rule: error.rule,
    values: [{ attribute: 'error-message', type: 'string', operation: 'add', new: error.message, marks: 2 }],
    ...(cause ? actorOf(cause) : { initiatorKnown: 'unknown' }),
    causes: cause ? [cause.event] : [],
    ...(cause && { root: cause.root }),
  });
  unit.putEntry({ ...entry, lastOutcome: outcome });
}
