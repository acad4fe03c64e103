// Export attribute flow: what the rules want of one entry, compared with what its system is expected to hold. The
// difference is the entry's pending export; nothing is sent here (MIM.md 1.10).
import { isDeepStrictEqual } from 'node:util';
import { actorOf, type Cause } from './cause.ts';
import { RuleError, toValues } from './configuration/expressions.ts';
import type { Agent, AgentType, ExportFlow, MetaverseType, ProvisioningRule } from './configuration/model.ts';
import type { Attributes } from './connector.ts';
import { difference } from './difference.ts';
import { dnValue, identity } from './entry-events.ts';
import { safeDnKey } from './indexes.ts';
import { nameOf } from './names.ts';
import { targetChanged } from './outstanding.ts';
import { connectorAttributeSchema, referencedObject } from './references.ts';
import { type Entry, expectedImage, type MetaverseObject, type PendingExport, plain } from './space.ts';
import type { Unit } from './unit.ts';

/** One object on its way out, and why. */
export interface Outward {
  unit: Unit;
  object: MetaverseObject;
  schema: MetaverseType;
  /** The object as expressions see it. */
  view: Record<string, unknown>;
  /** The agents that have a connector on it. */
  connected: string[];
  cause: Cause;
}

/** The distinguished name that a provisioning rule gives the object's entry. Throws RuleError when it gives none. */
export function dnOf(outward: Outward, rule: ProvisioningRule): string {
  const [dn] = toValues(rule.dn.evaluate({ object: outward.view, connected: outward.connected }), rule.rule);
  if (dn !== undefined) return dn;
  const message = `The rule ${rule.rule} gives no distinguished name; if the object is to have no entry, say so with \`when\`.`;
  throw new RuleError('sync-rule-invalid-expression', rule.rule, message);
}

/** The connectors of an object, without those that are gone from their systems. */
export function connectorsOf(unit: Unit, objectId: string): Entry[] {
  return unit
    .find('entry', 'object', objectId)
    .map((id) => unit.entry(id))
    .filter((entry) => entry !== undefined)
    .filter(({ pending }) => pending?.kind !== 'delete');
}

/** Leaves what has to change in an entry as its pending export. `initial`: the entry is being provisioned. */
export function flowToEntry(outward: Outward, agent: Agent, type: AgentType, entry: Entry, initial: boolean): void {
  const { unit, object, cause } = outward;
  const isNew = initial || !entry.exists;
  const { wanted, named } = wantedAttributes(outward, agent, type, isNew);
  const placed = isNew ? placeNew(outward, type, entry) : entry;
  const newDn = isNew ? undefined : renamedTo(outward, type, entry);
  const { attributes, values } = changesOf(outward, agent, type, entry, isNew, { wanted, named });
  const kind = isNew ? 'add' : newDn === undefined ? 'update' : 'rename';
  const anchor = isNew ? wanted[type.schema.anchor]?.[0] : entry.anchor;
  const remembered = agent.drift === 'report' ? { wanted } : {};
  const next: Entry = { ...placed, ...remembered, ...(anchor !== undefined && { anchor }) };
  if (kind === 'update' && values.length === 0) {
    withdraw(unit, entry, next, cause);
    return;
  }
  if (placed.dn === entry.dn && isSameExport(entry.pendingExport, kind, newDn, attributes)) {
    unit.context.counters.count('export-flow', entry.agent, entry.type, 'connector-no-flow');
    unit.putEntry(next);
    return;
  }
  const name = nameOf(unit.context.configuration, object);
  const dn = newDn ?? placed.dn;
  const why = reasonOf(entry.pendingExport, { kind, newDn, attributes }, cause);
  const event = unit.emit({
    stage: 'export-flow',
    operation: kind,
    outcome: 'connector-flow',
    ...identity(next),
    ...(name !== undefined && { objectName: name }),
    values: [...(dn === undefined || dn === entry.dn ? [] : [dnValue(entry.dn, dn)]), ...values],
    ...why,
  });
  const { causes: _, ...origin } = why;
  const pendingExport: PendingExport = { kind, ...(newDn !== undefined && { newDn }), attributes, event, ...origin };
  unit.putEntry({ ...next, pendingExport });
  if (dn !== entry.dn) targetChanged(unit, object.id, { ...cause, event });
}

interface NextExport {
  kind: PendingExport['kind'];
  newDn: string | undefined;
  attributes: Attributes;
}

/**
 * Why an export is pending, and who caused it. When one was pending already and all of it still is, that one stays the
 * principal cause: an account is not its manager's doing because the manager came later. When one person's change and
 * another's have become a single export, it is nobody's alone, and both causes are named.
 */
function reasonOf(earlier: PendingExport | undefined, next: NextExport, cause: Cause) {
  if (!earlier) return { ...actorOf(cause), causes: [cause.event], root: cause.root };
  const isKept =
    earlier.kind === next.kind &&
    earlier.newDn === next.newDn &&
    Object.entries(earlier.attributes).every(([name, values]) => isSameList(values, next.attributes[name]));
  if (isKept) return { ...actorOf(earlier), causes: [earlier.event, cause.event], root: earlier.root };
  const actor = earlier.initiator === cause.initiator ? actorOf(cause) : { initiatorKnown: 'unknown' as const };
  return { ...actor, causes: [cause.event, earlier.event], root: cause.root };
}

function isSameList(first: readonly string[], second: readonly string[] | undefined): boolean {
  return JSON.stringify(first) === JSON.stringify(second);
}

/** An entry that is still to be made goes where the rule puts it now, unless its add was handed out already. */
function placeNew(outward: Outward, type: AgentType, entry: Entry): Entry {
  if (!type.provisioning || entry.escrowed) return entry;
  const dn = dnOf(outward, type.provisioning);
  return dn === entry.dn ? entry : { ...entry, dn };
}

function renamedTo(outward: Outward, type: AgentType, entry: Entry): string | undefined {
  if (!type.provisioning || type.provisioning.objectType !== outward.object.type) return undefined;
  const dn = dnOf(outward, type.provisioning);
  return entry.dn === undefined || safeDnKey(dn) === safeDnKey(entry.dn) ? undefined : dn;
}

interface Wanted {
  wanted: Attributes;
  /** Which objects its reference values name. */
  named: Map<string, string>;
}

/** What differs from what the connected system is expected to hold: the attributes with all their values after. */
function changesOf(
  outward: Outward,
  agent: Agent,
  type: AgentType,
  entry: Entry,
  isNew: boolean,
  { wanted, named }: Wanted,
) {
  const expected = expectedImage(entry);
  const kept = agent.drift === 'report' && !isNew ? unchangedWishes(entry, wanted) : new Set<string>();
  const compared = Object.fromEntries(Object.entries(wanted).filter(([name]) => !kept.has(name)));
  const before = Object.fromEntries(
    Object.keys(compared).flatMap((name) => (expected[name] ? [[name, expected[name]]] : [])),
  );
  const { values, after } = difference(before, compared, {
    schemaOf: connectorAttributeSchema(type),
    resolve: (attribute, value) =>
      named.get(value) ?? referencedObject(outward.unit, agent.name, type, attribute, value),
    ruleOf: (attribute) => type.exportFlows.find(({ to }) => to === attribute)?.rule,
    sequence: outward.unit.next,
  });
  const changed = new Set(values.map(({ attribute }) => attribute));
  const held = plain(after);
  const names = Object.keys(compared).filter((name) => changed.has(name));
  return { values, attributes: Object.fromEntries(names.map((name) => [name, held[name] ?? []])) };
}

/** The values that the export flows want. Throws RuleError. */
export function wantedAttributes(outward: Outward, agent: Agent, type: AgentType, isNew: boolean): Wanted {
  const wanted: Attributes = {};
  const named = new Map<string, string>();
  for (const flow of type.exportFlows) {
    if (flow.initialOnly && !isNew) continue;
    const values = wantedValues(outward, agent, type, flow, named);
    if (values.length > 0) wanted[flow.to] = values;
    else if (flow.whenEmpty !== undefined) wanted[flow.to] = [flow.whenEmpty];
    else if (flow.allowNull && !isNew) wanted[flow.to] = [];
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
  const target = type.schema.attributes.get(flow.to);
  if ('expression' in flow.from) {
    const values = toValues(
      flow.from.expression.evaluate({ object: outward.view, connected: outward.connected }),
      flow.rule,
    );
    return requireOne(values, target?.multivalued ?? true, flow.rule);
  }
  const held = outward.object.attributes[flow.from.attribute]?.values ?? [];
  if (!target?.reference) return held.map(([value]) => value);
  const { objects, by } = target.reference;
  return held.flatMap(([id]) => {
    const entry = connectorsOf(outward.unit, id).find(
      (each) => each.agent === agent.name && objects.includes(each.type) && each.pendingExport?.kind !== 'delete',
    );
    const value = by === 'dn' ? (entry?.pendingExport?.newDn ?? entry?.dn) : entry?.anchor;
    if (value === undefined) return [];
    named.set(value, id);
    return [value];
  });
}

/** Throws RuleError when an attribute of one value is given several. */
export function requireOne(values: string[], multivalued: boolean, rule: string): string[] {
  if (multivalued || values.length < 2) return values;
  const message = `The rule ${rule} gives ${values.length} values for an attribute that holds one.`;
  throw new RuleError('flow-multi-values-to-single-value', rule, message);
}

/**
 * drift report: attributes that the rules want as they wanted them before are left as somebody made them. What is
 * pending is our own wish and goes out.
 */
function unchangedWishes(entry: Entry, wanted: Attributes): Set<string> {
  const pending = entry.pendingExport?.attributes ?? {};
  return new Set(
    Object.keys(wanted).filter(
      (name) => !(name in pending) && JSON.stringify(entry.wanted?.[name] ?? []) === JSON.stringify(wanted[name]),
    ),
  );
}

function isSameExport(
  pending: PendingExport | undefined,
  kind: PendingExport['kind'],
  newDn: string | undefined,
  attributes: Attributes,
): boolean {
  return (
    pending !== undefined &&
    pending.kind === kind &&
    pending.newDn === newDn &&
    isDeepStrictEqual(pending.attributes, attributes)
  );
}

/** Nothing differs any more: what was pending is no longer needed, and that is recorded. */
function withdraw(unit: Unit, entry: Entry, next: Entry, cause: Cause): void {
  const { pendingExport, ...rest } = next;
  if (pendingExport) recordWithdrawal(unit, next, pendingExport, cause);
  else unit.context.counters.count('export-flow', entry.agent, entry.type, 'connector-no-flow');
  unit.putEntry(rest);
}

/** Records that what was pending for an entry will not be sent. */
export function recordWithdrawal(unit: Unit, entry: Entry, pendingExport: PendingExport, cause: Cause): void {
  unit.emit({
    stage: 'export-flow',
    operation: 'none',
    outcome: 'pending-export-withdrawn',
    ...identity(entry),
    ...actorOf(cause),
    causes: [cause.event, pendingExport.event],
    root: cause.root,
  });
}
