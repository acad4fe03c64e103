// Export: what is pending is sent. The intent to send is accepted before anything leaves, the outcome after; an entry
// whose intent has no outcome (the process died between) is escrowed and sent again, which connectors must take as done.

import { actorOf } from './cause.ts';
import { withComputed } from './computed.ts';
import type { Agent, AgentType } from './configuration/model.ts';
import type { Attributes, ExportChange, ExportResult } from './connector.ts';
import { difference } from './difference.ts';
import { dnValue, identity } from './entry-events.ts';
import { nameOf } from './names.ts';
import { connectorAttributeSchema, referencedObject } from './references.ts';
import {
  type Entry,
  expectedImage,
  type HeldAttributes,
  type PendingExport,
  plain,
  type UnconfirmedExport,
} from './space.ts';
import type { Unit } from './unit.ts';

const KIND_ORDER: Record<PendingExport['kind'], number> = { add: 0, rename: 1, update: 2, delete: 3 };

/** Parents before children, deletes last and children first. */
export function exportOrder(a: Entry, b: Entry): number {
  const [first, second] = [a.pendingExport?.kind ?? 'update', b.pendingExport?.kind ?? 'update'];
  const depth = (entry: Entry) => (entry.dn ?? '').split(',').length;
  const byDepth = first === 'delete' ? depth(b) - depth(a) : depth(a) - depth(b);
  return KIND_ORDER[first] - KIND_ORDER[second] || byDepth || (a.id < b.id ? -1 : 1);
}

/** Accepts the intent to send what is pending for an entry. */
export function intend(unit: Unit, id: string): void {
  const entry = unit.entry(id);
  const pending = entry?.pendingExport;
  if (!entry || !pending) return;
  const event = unit.emit({
    stage: 'export',
    operation: pending.kind,
    outcome: 'export-intent',
    ...subject(unit, entry),
    ...actorOf({ ...pending }),
    causes: [pending.event],
    root: pending.root,
  });
  unit.putEntry({ ...entry, escrowed: event });
}

/** What a connector is asked to do for an entry. */
export function changeOf(entry: Entry): ExportChange | undefined {
  const pending = entry.pendingExport;
  if (!pending || entry.dn === undefined) return undefined;
  return {
    id: entry.id,
    kind: pending.kind,
    type: entry.type,
    dn: entry.dn,
    ...(entry.anchor !== undefined && pending.kind !== 'add' && { anchor: entry.anchor }),
    ...(pending.newDn !== undefined && { newDn: pending.newDn }),
    attributes: pending.attributes,
  };
}

/** Records what became of an export. */
export function settle(unit: Unit, agent: Agent, result: ExportResult): void {
  const entry = unit.entry(result.id);
  const type = entry && agent.types.get(entry.type);
  const pending = entry?.pendingExport;
  if (!entry || !type || !pending) return;
  if (result.error === undefined) {
    recordExported(
      unit,
      agent,
      type,
      { ...entry, ...(result.anchor !== undefined && { anchor: result.anchor }) },
      pending,
    );
    return;
  }
  unit.emit({
    stage: 'export',
    operation: pending.kind,
    outcome: 'export-failure',
    error: result.error,
    ...subject(unit, entry),
    values:
      result.message === undefined
        ? []
        : [{ attribute: 'error-message', type: 'string', operation: 'add', new: result.message, marks: 2 }],
    ...actorOf({ ...pending }),
    causes: [entry.escrowed ?? pending.event],
    root: pending.root,
  });
  const { escrowed: _, ...rest } = entry;
  unit.putEntry(rest);
}

/** The change is in the connected system now; the next import has to confirm it. Returns the entry as it is then. */
export function recordExported(unit: Unit, agent: Agent, type: AgentType, entry: Entry, pending: PendingExport): Entry {
  const before = expectedImage(entry);
  const after: Attributes =
    pending.kind === 'delete' ? {} : withComputed(type, { ...plain(before), ...pending.attributes });
  const present = Object.fromEntries(Object.entries(after).filter(([, values]) => values.length > 0));
  const { values, after: held } = difference(before, present, {
    schemaOf: connectorAttributeSchema(type),
    resolve: (attribute, value) => referencedObject(unit, agent.name, type, attribute, value),
    sequence: unit.next,
  });
  const dn = pending.newDn ?? entry.dn;
  const moved = { ...entry, ...(dn !== undefined && { dn }) };
  const event = unit.emit({
    stage: 'export',
    operation: pending.kind,
    outcome: `export-${pending.kind}`,
    ...subject(unit, moved),
    values: [...(pending.newDn === undefined ? [] : [dnValue(entry.dn, pending.newDn)]), ...values],
    ...actorOf({ ...pending }),
    causes: [entry.escrowed ?? pending.event],
    root: pending.root,
  });
  const { escrowed: _, pendingExport: __, ...rest } = moved;
  const exported: Entry = {
    ...rest,
    exists: pending.kind !== 'delete',
    unconfirmed: unconfirmedOf(
      entry,
      event,
      pending,
      values.map(({ attribute }) => attribute),
      held,
    ),
  };
  if (pending.kind === 'delete') exported.exists = true;
  unit.putEntry(exported);
  return exported;
}

function unconfirmedOf(
  entry: Entry,
  event: number,
  pending: PendingExport,
  changed: string[],
  held: HeldAttributes,
): UnconfirmedExport {
  const attributes: Record<string, HeldAttributes[string]> = { ...entry.unconfirmed?.attributes };
  for (const name of changed) if (name !== 'dn' || held[name]) attributes[name] = held[name] ?? [];
  return { event, root: pending.root, attributes, deleted: pending.kind === 'delete' };
}

function subject(unit: Unit, entry: Entry) {
  const objectId = entry.object ?? entry.lastObject;
  const object = objectId === undefined ? undefined : unit.object(objectId);
  const name = object && nameOf(unit.context.configuration, object);
  return {
    ...identity(entry),
    ...(objectId !== undefined && { object: objectId }),
    ...(name !== undefined && { objectName: name }),
  };
}
