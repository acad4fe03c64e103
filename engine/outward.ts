// Outward: provisioning, deprovisioning and export attribute flow of one object into every agent that wants it
// (MIM.md 1.10 and 1.11). What comes out is a pending export for each entry; nothing is sent here.

import { actorOf, type Cause } from './cause.ts';
import { RuleError } from './configuration/expressions.ts';
import type { Agent, AgentType, Configuration, ProvisioningRule } from './configuration/model.ts';
import { identity } from './entry-events.ts';
import { connectorsOf, dnOf, flowToEntry, type Outward } from './export-flow.ts';
import { objectView } from './expression-views.ts';
import { entryIndex } from './indexes.ts';
import { isThere } from './matching.ts';
import { nameOf } from './names.ts';
import { linkChanged, targetChanged } from './outstanding.ts';
import type { Entry, MetaverseObject } from './space.ts';
import type { Unit } from './unit.ts';

/** How often provisioning may change which agents an object is connected to before it has to be at rest (as in MIM). */
const MOST_PROVISIONING_CALLS = 10;

/** Provisions, deprovisions and flows an object outward. Throws RuleError. */
export function flowOutward(unit: Unit, object: MetaverseObject, cause: Cause): void {
  const { configuration } = unit.context;
  const schema = configuration.metaverse.get(object.type);
  if (!schema) return;
  const view = objectView(schema, object);
  for (let call = 0; call < MOST_PROVISIONING_CALLS; call++) {
    const entries = connectorsOf(unit, object.id);
    const connected = [...new Set(entries.map(({ agent }) => agent))];
    const outward: Outward = { unit, object, schema, view, connected, cause };
    for (const agent of configuration.agents.values()) {
      for (const type of agent.types.values()) flowIntoType(outward, agent, type, entries);
    }
    if (!asksForConnected(configuration)) return;
    const now = new Set(connectorsOf(unit, object.id).map(({ agent }) => agent));
    if (now.size === connected.length && connected.every((agent) => now.has(agent))) return;
  }
  throw new RuleError(
    'extension-provisioning-call-limit-reached',
    'provisioning',
    `The provisioning rules of ${object.type} depend on one another and do not come to rest.`,
  );
}

const askingCache = new WeakMap<Configuration, boolean>();

/** Does any rule depend on which agents an object is connected to? */
function asksForConnected(configuration: Configuration): boolean {
  const known = askingCache.get(configuration);
  if (known !== undefined) return known;
  const texts = [...configuration.agents.values()].flatMap((agent) =>
    [...agent.types.values()].flatMap(({ provisioning, exportFlows }) => [
      provisioning?.when?.text ?? '',
      provisioning?.dn.text ?? '',
      ...exportFlows.map(({ from }) => ('expression' in from ? from.expression.text : '')),
    ]),
  );
  const asks = texts.some((text) => /\bconnected\b/.test(text));
  askingCache.set(configuration, asks);
  return asks;
}

function flowIntoType(outward: Outward, agent: Agent, type: AgentType, entries: readonly Entry[]): void {
  const rule = type.provisioning?.objectType === outward.object.type ? type.provisioning : undefined;
  const own = entries.filter((entry) => entry.agent === agent.name && entry.type === type.schema.name);
  if (own.length === 0) {
    if (rule && isWanted(outward, rule)) provision(outward, agent, type, rule);
    return;
  }
  for (const entry of own) {
    if (rule && rule.otherwise !== 'keep' && !isWanted(outward, rule)) deprovision(outward, entry, rule.otherwise);
    else if (type.exportFlows.length > 0 || rule) flowToEntry(outward, agent, type, entry, false);
  }
}

function isWanted(outward: Outward, rule: ProvisioningRule): boolean {
  if (!rule.when) return true;
  return rule.when.evaluate({ object: outward.view, connected: outward.connected }) === true;
}

function provision(outward: Outward, agent: Agent, type: AgentType, rule: ProvisioningRule): void {
  const { unit, object, cause } = outward;
  const dn = dnOf(outward, rule);
  const former = findFormer(outward, agent, type, dn);
  const name = nameOf(unit.context.configuration, object);
  const place = former ?? { id: unit.context.newId(), agent: agent.name, type: type.schema.name, dn };
  const event = unit.emit({
    stage: 'provisioning',
    operation: former ? 'update' : 'add',
    outcome: former ? 'provisioned-reconnect' : 'provisioned-add-flow',
    ...identity({ ...place, object: object.id }),
    ...(name !== undefined && { objectName: name }),
    rule: rule.rule,
    ...actorOf(cause),
    causes: [cause.event],
    root: cause.root,
  });
  const linked = { object: object.id, disconnector: 'normal' as const, linkedBy: event, linkedRoot: cause.root };
  const before: Entry = former ?? { ...place, exists: false, image: {}, disconnector: 'normal' };
  const { pendingExport: _, lastObject: __, cause: ___, ...rest } = before;
  const entry: Entry = { ...rest, ...linked };
  flowToEntry({ ...outward, cause: { ...cause, event } }, agent, type, entry, former === undefined);
  targetChanged(unit, object.id, { ...cause, event });
}

/** The entry that was deprovisioned from this very object, is still there, and is wanted again. */
function findFormer({ unit, object }: Outward, agent: Agent, type: AgentType, dn: string): Entry | undefined {
  return unit
    .find('entry', 'dn', entryIndex.dn(agent.name, dn))
    .map((id) => unit.entry(id))
    .find(
      (entry) =>
        entry?.type === type.schema.name &&
        entry.object === undefined &&
        entry.lastObject === object.id &&
        entry.disconnector !== 'filtered' &&
        isThere(entry) &&
        entry.escrowed === undefined,
    );
}

function deprovision(
  { unit, object, cause }: Pick<Outward, 'unit' | 'object' | 'cause'>,
  entry: Entry,
  action: ProvisioningRule['otherwise'],
): void {
  const name = nameOf(unit.context.configuration, object);
  const event = unit.emit({
    stage: 'deprovisioning',
    operation: action === 'delete' ? 'delete' : 'update',
    outcome: action === 'delete' ? 'deprovisioned-delete' : 'provisioned-disconnect',
    ...identity({ ...entry, object: object.id }),
    ...(name !== undefined && { objectName: name }),
    ...actorOf(cause),
    causes: [cause.event],
    root: cause.root,
  });
  const why: Cause = { ...cause, event };
  linkChanged(unit, entry, why);
  targetChanged(unit, object.id, why);
  const left = afterDeprovisioning(entry, object.id, action, why);
  if (left) unit.putEntry(left);
  else unit.removeEntry(entry.id);
}

/** An entry that is no connector of an object any more, as the event in `why` says; undefined: nothing is left of it. */
export function afterDeprovisioning(
  entry: Entry,
  objectId: string,
  action: ProvisioningRule['otherwise'],
  why: Cause,
): Entry | undefined {
  // What was never there needs no farewell, unless it was handed out and may have arrived.
  const isThereOrMayBe = entry.exists || (entry.escrowed !== undefined && action === 'delete');
  if (!isThereOrMayBe && entry.pending?.kind !== 'delete') return undefined;
  const { object: _, pendingExport: __, wanted: ___, ...rest } = entry;
  const disconnected: Entry = {
    ...rest,
    lastObject: objectId,
    disconnector: action === 'keep' ? 'normal' : 'explicit',
    cause: why,
  };
  if (action !== 'delete' || entry.pending?.kind === 'delete') return disconnected;
  const { event, root } = why;
  return { ...disconnected, pendingExport: { kind: 'delete', attributes: {}, event, root, ...actorOf(why) } };
}

/** The object of these entries was deleted: each is left, disconnected for good or deleted, as its rule says. */
export function objectDeleted(unit: Unit, object: MetaverseObject, cause: Cause): void {
  for (const id of unit.find('entry', 'object', object.id)) {
    const entry = unit.entry(id);
    if (!entry) continue;
    const rule = unit.context.configuration.agents.get(entry.agent)?.types.get(entry.type)?.provisioning;
    deprovision({ unit, object, cause }, entry, rule?.otherwise ?? 'keep');
  }
}
