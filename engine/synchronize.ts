// Synchronises one entry, in MIM's order (MIM.md 1.5): filter, join, projection, import flow, then outward. It reads the
// stored view through the unit, returns decisions as events and state changes in it, and does nothing else.

import type { EventValue } from '../ingest/event.ts';
import { actorOf, type Cause, causeIn } from './cause.ts';
import { RuleError } from './configuration/expressions.ts';
import type { Agent, AgentType } from './configuration/model.ts';
import { identity } from './entry-events.ts';
import { recordWithdrawal } from './export-flow.ts';
import { entryView } from './expression-views.ts';
import { flowInward, recallFrom } from './import-flow.ts';
import { objectIndex } from './indexes.ts';
import { nameOf } from './names.ts';
import { linkChanged } from './outstanding.ts';
import { flowOutward } from './outward.ts';
import { type Entry, isImported, type MetaverseObject, plain } from './space.ts';
import type { Unit } from './unit.ts';

/**
 * Synchronises an entry. What must be done for others because of it is left outstanding. A rule that fails takes back
 * everything done for this entry and becomes one event, flow-failure; the entry keeps its pending import and is tried again.
 */
export function synchronizeEntry(unit: Unit, id: string, reevaluate: boolean): void {
  const entry = unit.entry(id);
  const agent = entry && unit.context.configuration.agents.get(entry.agent);
  const type = entry && agent?.types.get(entry.type);
  if (!entry || !agent || !type) return;
  try {
    unit.attempt(() => synchronizeWith({ unit, agent, type, reevaluate }, entry));
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    recordFailure(unit, entry, error);
  }
}

/** An event names no more objects than a person would compare. */
const MOST_CANDIDATES = 20;

/** What one entry's synchronisation works with. */
interface Synchronization {
  unit: Unit;
  agent: Agent;
  type: AgentType;
  /** A full synchronisation: all is computed anew, for the rules may have changed. */
  reevaluate: boolean;
}

/** Why an entry is to be synchronised, as far as it says. */
export function causeOf(entry: Entry): Cause | undefined {
  const cause = entry.pending ?? entry.retry ?? (entry.object === undefined ? entry.cause : undefined);
  return cause && causeIn(cause);
}

/** Nothing about the entry asks for it: then it is the configuration that does. */
export function causeOfRules(unit: Unit): Cause {
  const { configurationSequence } = unit.context;
  return { event: configurationSequence, root: configurationSequence, initiatorKnown: 'unknown' };
}

function synchronizeWith(step: Synchronization, entry: Entry): void {
  const { unit, type, reevaluate } = step;
  const cause = causeOf(entry) ?? causeOfRules(unit);
  if (entry.pending?.kind === 'delete') {
    disconnectDeleted(step, entry, cause);
    return;
  }
  const { pending, retry, lastOutcome: _, ...settled } = entry;
  if (entry.object === undefined && entry.disconnector === 'explicit') {
    if (pending || retry) unit.putEntry(settled);
    return;
  }
  if (isImported(entry) && isFiltered(type, settled)) {
    filterOut(step, entry, settled, cause);
    return;
  }
  if (settled.object === undefined) {
    linkAndFlow(step, entry, settled, cause);
    return;
  }
  if (!pending && !retry && !reevaluate) return;
  flowConnector(step, settled, cause, reevaluate || pending?.outOfBand === true || retry?.outward === true);
}

function linkAndFlow(step: Synchronization, entry: Entry, settled: Entry, cause: Cause): void {
  const linked = link(step, entry, { ...settled, disconnector: 'normal' }, cause);
  if (!linked) return;
  const next = { ...cause, event: linked.linkedBy ?? cause.event };
  linkChanged(step.unit, linked, next);
  flowConnector(step, linked, next, true);
}

export function isFiltered(type: AgentType, entry: Entry): boolean {
  return type.filter?.evaluate({ entry: entryView(type, plain(entry.image)) }) === true;
}

function flowConnector(step: Synchronization, entry: Entry, cause: Cause, outward: boolean): void {
  const { unit, type } = step;
  const flowed = flowInward(unit, type, entry, cause);
  const object = unit.object(entry.object ?? '');
  if (!object) throw new Error(`The entry ${entry.id} is joined to the object ${entry.object}, which is not there.`);
  if (flowed.waits) unit.putOutstanding('waiting', entry.id, cause);
  else unit.removeOutstanding('waiting', entry.id);
  if (flowed.event !== undefined || outward) {
    const next = flowed.event === undefined ? cause : { ...cause, event: flowed.event };
    flowOutward(unit, object, next);
  }
}

/** Join by the criteria in order, else project. Returns the connector, or undefined when it stays a disconnector. */
function link(step: Synchronization, before: Entry, entry: Entry, cause: Cause): Entry | undefined {
  const { unit, agent, type } = step;
  const found = findJoin(unit, type, entry);
  if (found.outcome === 'found') return join(unit, type, entry, found.object, cause);
  if (found.outcome !== 'none') return stayDisconnector(unit, before, entry, cause, found.outcome, found.candidates);
  if (type.projection === undefined) return stayDisconnector(unit, before, entry, cause, 'disconnector-remains');
  return project(unit, agent, type.projection, entry, cause);
}

type JoinResult =
  | { outcome: 'found'; object: MetaverseObject }
  | { outcome: 'none' }
  | { outcome: 'ambiguous-join' | 'could-not-join-due-to-existing-join'; candidates: MetaverseObject[] };

/** What an entry is joined to by the criteria of its type, in order. */
export function findJoin(unit: Unit, type: AgentType, entry: Entry): JoinResult {
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
    if (!only) return { outcome: 'could-not-join-due-to-existing-join', candidates };
    return free.length === 1 && candidates.length === 1
      ? { outcome: 'found', object: only }
      : { outcome: 'ambiguous-join', candidates };
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
  takePlace(unit, entry, object, { ...cause, event });
  const { cause: _, lastObject: __, ...rest } = entry;
  const joined: Entry = { ...rest, object: object.id, linkedBy: event, linkedRoot: cause.root };
  unit.putEntry(joined);
  return joined;
}

/** The object's own entry, provisioned but never made there, gives way to the one that is there. */
function takePlace(unit: Unit, entry: Entry, object: MetaverseObject, cause: Cause): void {
  for (const other of replacedBy(unit, entry, object.id)) {
    if (other.pendingExport) recordWithdrawal(unit, other, other.pendingExport, cause);
    unit.removeEntry(other.id);
  }
}

/** The object's own entries of that agent and type that were never made there. */
export function replacedBy(unit: Unit, entry: Entry, objectId: string): Entry[] {
  return unit
    .find('entry', 'object', objectId)
    .map((id) => unit.entry(id))
    .filter((other) => other !== undefined)
    .filter(({ id, agent, type }) => id !== entry.id && agent === entry.agent && type === entry.type)
    .filter(({ exists, pending }) => !exists && pending?.kind !== 'delete');
}

function project(unit: Unit, agent: Agent, objectType: string, entry: Entry, cause: Cause): Entry {
  const id = unit.context.newId();
  const key = formerKey(entry);
  const predecessor = entry.lastObject ?? (key === undefined ? undefined : unit.former(key));
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
  const { cause: _, lastObject: __, ...rest } = entry;
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
  before: Entry,
  entry: Entry,
  cause: Cause,
  outcome: string,
  candidates: readonly MetaverseObject[] = [],
): undefined {
  const isError = outcome !== 'disconnector-remains';
  if (isError && before.lastOutcome !== outcome) {
    unit.emit({
      stage: 'join',
      operation: 'none',
      outcome,
      error: outcome,
      ...identity(entry),
      values: candidates.slice(0, MOST_CANDIDATES).map(candidateValue),
      rule: `${entry.agent}/${entry.type}/join`,
      ...actorOf(cause),
      causes: [cause.event],
      root: cause.root,
    });
  } else {
    unit.context.counters.count('join', entry.agent, entry.type, 'disconnector-remains');
    if (isError) unit.context.counters.noteRemainingError();
  }
  const isSettled = !before.pending && !before.retry && before.disconnector === entry.disconnector;
  if (isSettled && before.lastOutcome === outcome) return undefined;
  unit.putEntry({ ...entry, lastOutcome: outcome, cause });
  return undefined;
}

/** One of the objects that the entry might have been joined to. */
function candidateValue({ id }: MetaverseObject): EventValue {
  return { attribute: 'candidate', type: 'reference', operation: 'add', new: id, reference: id, marks: 0 };
}

function filterOut(step: Synchronization, before: Entry, entry: Entry, cause: Cause): void {
  const { unit, agent } = step;
  if (entry.object === undefined && entry.disconnector === 'filtered') {
    if (before.pending || before.retry) unit.putEntry({ ...entry, cause });
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
  const why = { ...cause, event };
  const { object, pendingExport, wanted: _, ...rest } = entry;
  if (pendingExport) recordWithdrawal(unit, entry, pendingExport, why);
  unit.putEntry({ ...rest, disconnector: 'filtered', cause: why, ...(object !== undefined && { lastObject: object }) });
  if (object === undefined) return;
  linkChanged(unit, entry, why);
  recallFrom(unit, entry, why);
}

function disconnectDeleted({ unit, agent }: Synchronization, entry: Entry, cause: Cause): void {
  unit.removeEntry(entry.id);
  const key = formerKey(entry);
  const object = entry.object ?? entry.lastObject;
  if (key !== undefined && object !== undefined) unit.putFormer(key, object);
  if (entry.object === undefined)
    unit.context.counters.count('import-flow', agent.name, entry.type, 'disconnector-deleted');
  else recallFrom(unit, entry, cause);
}

/** Records, once for each cause, that a rule failed; the entry stays as it was before, and due. */
export function recordFailure(unit: Unit, entry: Entry, error: RuleError): void {
  const cause = causeOf(entry);
  const outcome = `flow-failure:${error.rule}:${cause?.event ?? ''}`;
  if (entry.lastOutcome === outcome) {
    unit.context.counters.count('import-flow', entry.agent, entry.type, 'flow-failure-again');
    return;
  }
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
