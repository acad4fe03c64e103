// The end of a synchronisation step: every entry that was due has been looked at, also where nothing followed and no event
// says so. What the engine remembers of that, so that only a change becomes an event, is computed by its own rules.
import { RuleError } from '../configuration/expressions.ts';
import type { Agent, AgentType } from '../configuration/model.ts';
import { connectorsOf, wantedAttributes } from '../export-flow.ts';
import { objectView } from '../expression-views.ts';
import { attributesOf } from '../import-flow.ts';
import { resolveReference } from '../references.ts';
import { type ContributedAttribute, type Entry, isImported, type MetaverseObject } from '../space.ts';
import { causeOf, causeOfRules, findJoin, isFiltered } from '../synchronize.ts';
import type { Unit } from '../unit.ts';
import { removeGone } from './replay-flow.ts';
import { rulesOf } from './replay-import.ts';
import { losersNow } from './replay-losers.ts';
import { type OpenStep, process, type Replaying, settled } from './step.ts';

const FAILED = 'flow-failure:';

/** Settles one entry that the step looked at. `failsAgain`: some of its type failed as they had failed before. */
export function settleEntry(replaying: Replaying, step: OpenStep, id: string, failsAgain: boolean): void {
  const { unit } = replaying;
  const entry = unit.entry(id);
  const { agent, type } = entry ? rulesOf(unit.context.configuration.agents, entry) : {};
  if (!entry || !agent || !type || step.failed.has(id)) return;
  if (!step.processed.has(id)) {
    // Which of them failed again is not known: to look at one once too often changes nothing.
    if (failsAgain && entry.lastOutcome?.startsWith(FAILED)) return;
    settleSilently(replaying, type, entry);
  }
  const connector = unit.entry(id);
  if (connector?.object === undefined) return;
  unit.putEntry(withoutResolved(unit, type, connector));
  rememberContributions(unit, type, connector, connector.object);
  const isOutward = step.kind === 'full-synchronization' || entry.pending?.outOfBand || entry.retry?.outward;
  if (isOutward) step.flowed.add(connector.object);
}

function settleSilently(replaying: Replaying, type: AgentType, entry: Entry): void {
  const { unit } = replaying;
  if (entry.pending?.kind === 'delete') {
    if (entry.object === undefined) removeGone(replaying, entry);
  } else if (entry.object !== undefined || entry.disconnector === 'explicit') unit.putEntry(process(replaying, entry));
  else settleDisconnector(unit, type, entry);
}

function settleDisconnector(unit: Unit, type: AgentType, entry: Entry): void {
  const cause = causeOf(entry) ?? causeOfRules(unit);
  const rest = settled(entry);
  const wasDue = entry.pending !== undefined || entry.retry !== undefined;
  if (entry.disconnector === 'filtered' && isStillFiltered(type, entry)) {
    if (wasDue) unit.putEntry({ ...rest, cause });
    return;
  }
  const { outcome } = findJoin(unit, type, entry);
  const lastOutcome = outcome === entry.lastOutcome ? outcome : 'disconnector-remains';
  if (!wasDue && entry.disconnector === 'normal' && entry.lastOutcome === lastOutcome) return;
  unit.putEntry({ ...rest, disconnector: 'normal', lastOutcome, cause });
}

function isStillFiltered(type: AgentType, entry: Entry): boolean {
  try {
    return isImported(entry) && isFiltered(type, entry);
  } catch (error) {
    if (error instanceof RuleError) return true;
    throw error;
  }
}

/** References that were recorded as resolving to nobody are forgotten when they resolve. */
function withoutResolved(unit: Unit, type: AgentType, entry: Entry): Entry {
  const { unresolved, ...rest } = entry;
  if (!unresolved) return entry;
  const open = Object.fromEntries(
    [...type.schema.attributes.values()].flatMap((attribute) =>
      (entry.image[attribute.name] ?? []).flatMap(([value]) => {
        const key = JSON.stringify([attribute.name, value]);
        const recorded = unresolved[key];
        if (recorded === undefined) return [];
        const { outcome } = resolveReference(unit, entry.agent, attribute, value);
        const now = outcome === 'not-joined' ? 'reference-not-joined' : outcome;
        return now === recorded ? [[key, recorded] as const] : [];
      }),
    ),
  );
  return Object.keys(open).length > 0 ? { ...rest, unresolved: open } : rest;
}

/** Who loses against whom, and whether what the entry contributes stays when it goes, by the rules as they are. */
function rememberContributions(unit: Unit, type: AgentType, entry: Entry, objectId: string): void {
  const object = unit.object(objectId);
  if (!object) return;
  const names = attributesOf(type, object, entry.id);
  const attributes: Record<string, ContributedAttribute> = { ...object.attributes };
  for (const { to, rule, recall } of type.importFlows) {
    const held = attributes[to];
    if (held?.entry === entry.id && held.rule === rule) attributes[to] = { ...held, recall };
  }
  unit.putObject({ ...object, attributes, losers: losersNow(unit, object, names) });
}

/** drift report: what the rules want of an object's entries now that it was flowed outward. */
export function rememberWishes(unit: Unit, objectId: string): void {
  const object = unit.object(objectId);
  const schema = object && unit.context.configuration.metaverse.get(object.type);
  if (!object || !schema) return;
  const connectors = connectorsOf(unit, objectId);
  const connected = [...new Set(connectors.map(({ agent }) => agent))];
  for (const entry of connectors) {
    const { agent, type } = rulesOf(unit.context.configuration.agents, entry);
    if (agent?.drift !== 'report' || !type) continue;
    if (type.exportFlows.length === 0 && type.provisioning?.objectType !== object.type) continue;
    remember(unit, { agent, type, entry, object, connected });
  }
}

interface Wishes {
  agent: Agent;
  type: AgentType;
  entry: Entry;
  object: MetaverseObject;
  connected: string[];
}

function remember(unit: Unit, { agent, type, entry, object, connected }: Wishes): void {
  const schema = unit.context.configuration.metaverse.get(object.type);
  if (!schema) return;
  const view = objectView(schema, object);
  const outward = { unit, object, schema, view, connected, cause: causeOfRules(unit) };
  try {
    unit.putEntry({ ...entry, wanted: wantedAttributes(outward, agent, type, !entry.exists).wanted });
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
  }
}
