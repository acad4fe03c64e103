// Outward: provisioning, deprovisioning and export attribute flow of one object into every agent that wants it
// (MIM.md 1.10 and 1.11). What comes out is a pending export for each entry; nothing is sent here.

import { actorOf, type Cause } from './cause.ts';
import { toValues } from './configuration/expressions.ts';
import type { Agent, AgentType, ExportFlow, MetaverseType, ProvisioningRule } from './configuration/model.ts';
import type { Attributes } from './connector.ts';
import { difference } from './difference.ts';
import { dnValue, identity } from './entry-events.ts';
import { objectView } from './expression-views.ts';
import { entryIndex, safeDnKey } from './indexes.ts';
import { nameOf } from './names.ts';
import type { Outstanding } from './outstanding.ts';
import { connectorAttributeSchema } from './references.ts';
import { type Entry, expectedImage, type MetaverseObject, type PendingExport } from './space.ts';
import type { Unit } from './unit.ts';

interface Outward {
  unit: Unit;
  object: MetaverseObject;
  schema: MetaverseType;
  view: Record<string, unknown>;
  connected: string[];
  cause: Cause;
  outstanding: Outstanding;
}

/** Provisions, deprovisions and flows an object outward. */
export function flowOutward(unit: Unit, object: MetaverseObject, cause: Cause, outstanding: Outstanding): void {
  const { configuration } = unit.context;
  const schema = configuration.metaverse.get(object.type);
  if (!schema) return;
  const entries = entriesOf(unit, object.id);
  const connected = [...new Set(entries.filter(({ pending }) => pending?.kind !== 'delete').map(({ agent }) => agent))];
  const outward: Outward = { unit, object, schema, view: objectView(schema, object), connected, cause, outstanding };
  for (const agent of configuration.agents.values()) {
    for (const type of agent.types.values()) flowIntoType(outward, agent, type, entries);
  }
}

function entriesOf(unit: Unit, objectId: string): Entry[] {
  return unit
    .find('entry', 'object', objectId)
    .map((id) => unit.entry(id))
    .filter((entry) => entry !== undefined);
}

function flowIntoType(outward: Outward, agent: Agent, type: AgentType, entries: readonly Entry[]): void {
  const rule = type.provisioning?.objectType === outward.object.type ? type.provisioning : undefined;
  const own = entries.filter(
    (entry) => entry.agent === agent.name && entry.type === type.schema.name && entry.pending?.kind !== 'delete',
  );
  if (own.length === 0) {
    if (rule && isWanted(outward, rule)) provision(outward, agent, type, rule);
    return;
  }
  for (const entry of own) {
    if (rule && !isWanted(outward, rule) && rule.otherwise !== 'keep')
      deprovision(outward.unit, entry, rule.otherwise, outward.cause, outward.object);
    else if (type.exportFlows.length > 0 || rule) exportFlow(outward, agent, type, entry, false);
  }
}

function isWanted(outward: Outward, rule: ProvisioningRule): boolean {
  if (!rule.when) return true;
  return rule.when.evaluate({ object: outward.view, connected: outward.connected }) === true;
}

function provision(outward: Outward, agent: Agent, type: AgentType, rule: ProvisioningRule): void {
  const { unit, object, cause } = outward;
  const dn = dnOf(outward, rule);
  if (dn === undefined) return;
  const name = nameOf(unit.context.configuration, object);
  const place = { id: unit.context.newId(), agent: agent.name, type: type.schema.name, dn, object: object.id };
  const event = unit.emit({
    stage: 'provisioning',
    operation: 'add',
    outcome: 'provisioned-add-flow',
    ...identity(place),
    ...(name !== undefined && { objectName: name }),
    rule: rule.rule,
    ...actorOf(cause),
    causes: [cause.event],
    root: cause.root,
  });
  const entry: Entry = {
    ...place,
    exists: false,
    image: {},
    disconnector: 'normal',
    linkedBy: event,
    linkedRoot: cause.root,
  };
  exportFlow({ ...outward, cause: { ...cause, event } }, agent, type, entry, true);
  outward.outstanding.targetChanged(unit, object.id, { ...cause, event });
}

function dnOf(outward: Outward, rule: ProvisioningRule): string | undefined {
  return toValues(rule.dn.evaluate({ object: outward.view, connected: outward.connected }), rule.rule)[0];
}

/** The values that the export flows want, and which objects its reference values name. */
function wantedAttributes(
  outward: Outward,
  agent: Agent,
  type: AgentType,
  initial: boolean,
): { wanted: Attributes; named: Map<string, string> } {
  const wanted: Attributes = {};
  const named = new Map<string, string>();
  for (const flow of type.exportFlows) {
    if (flow.initialOnly && !initial) continue;
    const values = wantedValues(outward, agent, type, flow, named);
    if (values.length > 0) wanted[flow.to] = values;
    else if (flow.whenEmpty !== undefined) wanted[flow.to] = [flow.whenEmpty];
    else if (flow.allowNull && !initial) wanted[flow.to] = [];
  }
  return { wanted, named };
}

function wantedValues(
  outward: Outward,
  agent: Agent,
  type: AgentType,
  flow: ExportFlow,
  named: Map<string, string>,
): string[] {
  if ('expression' in flow.from) {
    return toValues(flow.from.expression.evaluate({ object: outward.view, connected: outward.connected }), flow.rule);
  }
  const held = outward.object.attributes[flow.from.attribute]?.values ?? [];
  const target = type.schema.attributes.get(flow.to);
  if (!target?.reference) return held.map(([value]) => value);
  const { objects, by } = target.reference;
  return held.flatMap(([id]) => {
    const entry = entriesOf(outward.unit, id).find(
      (each) => each.agent === agent.name && objects.includes(each.type) && each.pendingExport?.kind !== 'delete',
    );
    const value =
      by === 'dn' ? (entry?.pendingExport?.newDn ?? entry?.dn) : by === 'anchor' ? entry?.anchor : undefined;
    if (value === undefined) return [];
    named.set(value, id);
    return [value];
  });
}

/** Compares what an entry should be with what it is expected to be, and leaves the difference as its pending export. */
function exportFlow(outward: Outward, agent: Agent, type: AgentType, entry: Entry, initial: boolean): void {
  const { unit, object, cause } = outward;
  const isNew = initial || !entry.exists;
  const { wanted, named } = wantedAttributes(outward, agent, type, isNew);
  const expected = expectedImage(entry);
  const before = Object.fromEntries(
    Object.keys(wanted).flatMap((name) => (expected[name] ? [[name, expected[name]]] : [])),
  );
  const kept = agent.drift === 'report' && !isNew ? unchangedWishes(entry, wanted) : new Set<string>();
  const compared = Object.fromEntries(Object.entries(wanted).filter(([name]) => !kept.has(name)));
  const comparedBefore = Object.fromEntries(Object.entries(before).filter(([name]) => !kept.has(name)));
  const newDn = renamedTo(outward, type, entry, isNew);
  const { values } = difference(comparedBefore, compared, {
    schemaOf: connectorAttributeSchema(type),
    resolve: (_, value) => named.get(value),
    ruleOf: (attribute) => type.exportFlows.find(({ to }) => to === attribute)?.rule,
    sequence: unit.next,
  });
  const changed = new Set(values.map(({ attribute }) => attribute));
  const attributes = Object.fromEntries(Object.entries(compared).filter(([name]) => changed.has(name)));
  const kind = isNew ? 'add' : newDn === undefined ? 'update' : 'rename';
  const anchor = isNew ? wanted[type.schema.anchor]?.[0] : entry.anchor;
  const next: Entry = { ...entry, wanted, ...(anchor !== undefined && { anchor }) };
  if (kind === 'update' && values.length === 0) return withdraw(unit, entry, next, cause);
  if (sameExport(entry.pendingExport, kind, newDn, attributes)) {
    unit.context.counters.count('export-flow', entry.agent, entry.type, 'connector-no-flow');
    unit.putEntry(next);
    return;
  }
  const name = nameOf(unit.context.configuration, object);
  const event = unit.emit({
    stage: 'export-flow',
    operation: kind,
    outcome: 'connector-flow',
    ...identity(next),
    ...(name !== undefined && { objectName: name }),
    values: [...(newDn === undefined ? [] : [dnValue(entry.dn, newDn)]), ...values],
    ...actorOf(cause),
    causes: [cause.event],
    root: cause.root,
  });
  const pendingExport: PendingExport = {
    kind,
    ...(newDn !== undefined && { newDn }),
    attributes,
    event,
    root: cause.root,
    ...actorOf(cause),
  };
  unit.putEntry({ ...next, pendingExport });
  if (newDn !== undefined) outward.outstanding.targetChanged(unit, object.id, { ...cause, event });
}

/** drift report: attributes that the rules want as they wanted them before are left as somebody made them. */
function unchangedWishes(entry: Entry, wanted: Attributes): Set<string> {
  return new Set(
    Object.keys(wanted).filter((name) => JSON.stringify(entry.wanted?.[name] ?? []) === JSON.stringify(wanted[name])),
  );
}

function renamedTo(outward: Outward, type: AgentType, entry: Entry, isNew: boolean): string | undefined {
  if (isNew || !type.provisioning || type.provisioning.objectType !== outward.object.type) return undefined;
  const dn = dnOf(outward, type.provisioning);
  return dn === undefined || entry.dn === undefined || safeDnKey(dn) === safeDnKey(entry.dn) ? undefined : dn;
}

function sameExport(
  pending: PendingExport | undefined,
  kind: PendingExport['kind'],
  newDn: string | undefined,
  attributes: Attributes,
): boolean {
  return (
    pending !== undefined &&
    pending.kind === kind &&
    pending.newDn === newDn &&
    JSON.stringify(pending.attributes) === JSON.stringify(attributes)
  );
}

/** Nothing differs any more: what was pending is no longer needed, and that is recorded. */
function withdraw(unit: Unit, entry: Entry, next: Entry, cause: Cause): void {
  if (!entry.pendingExport) {
    unit.context.counters.count('export-flow', entry.agent, entry.type, 'connector-no-flow');
    unit.putEntry(next);
    return;
  }
  unit.emit({
    stage: 'export-flow',
    operation: 'none',
    outcome: 'pending-export-withdrawn',
    ...identity(next),
    ...actorOf(cause),
    causes: [cause.event, entry.pendingExport.event],
    root: cause.root,
  });
  const { pendingExport: _, ...rest } = next;
  unit.putEntry(rest);
}

function deprovision(
  unit: Unit,
  entry: Entry,
  action: 'disconnect' | 'delete' | 'keep',
  cause: Cause,
  object: MetaverseObject,
): void {
  if (entry.pendingExport?.kind === 'delete') return;
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
  if (action === 'delete' && !entry.exists) return unit.removeEntry(entry.id);
  const { object: _, pendingExport: __, wanted: ___, ...rest } = entry;
  const disconnected: Entry = {
    ...rest,
    lastObject: object.id,
    disconnector: action === 'keep' ? 'normal' : 'explicit',
  };
  if (action !== 'delete') return unit.putEntry(disconnected);
  unit.putEntry({
    ...disconnected,
    pendingExport: { kind: 'delete', attributes: {}, event, root: cause.root, ...actorOf(cause) },
  });
}

/** The object of these entries was deleted: each is left, disconnected for good or deleted, as its rule says. */
export function objectDeleted(unit: Unit, object: MetaverseObject, cause: Cause): void {
  for (const entry of entriesOf(unit, object.id)) {
    const rule = unit.context.configuration.agents.get(entry.agent)?.types.get(entry.type)?.provisioning;
    deprovision(unit, entry, rule?.otherwise ?? 'keep', cause, object);
  }
}

/** All entries of an agent that have something to export. */
export function pendingExports(unit: Pick<Unit, 'find' | 'entry'>, agent: string): Entry[] {
  return unit
    .find('entry', 'export', entryIndex.export(agent))
    .map((id) => unit.entry(id))
    .filter((entry) => entry?.pendingExport !== undefined) as Entry[];
}
