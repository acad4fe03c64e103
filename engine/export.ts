// Export: what is pending is sent. The intent to send is accepted before anything leaves, the outcome after; an entry
// whose intent has no outcome (the process died between) is escrowed and sent again, which connectors must take as done.

import { MARKS } from '../ingest/event.ts';
import { actorOf, causeIn } from './cause.ts';
import { withComputed } from './computed.ts';
import { RuleError } from './configuration/expressions.ts';
import type { Agent, AgentType } from './configuration/model.ts';
import type { Attributes, ExportChange, ExportResult } from './connector.ts';
import { difference } from './difference.ts';
import { dnValue, identity } from './entry-events.ts';
import { safeDnKey } from './indexes.ts';
import { nameOf } from './names.ts';
import { connectorAttributeSchema, referencedObject } from './references.ts';
import {
  type Entry,
  expectedImage,
  type HeldAttributes,
  type PendingExport,
  plain,
  type UnconfirmedExport,
  withRetry,
} from './space.ts';
import type { Unit } from './unit.ts';
import { isUnknown } from './unknown-values.ts';

const KIND_ORDER: Record<PendingExport['kind'], number> = { add: 0, rename: 1, update: 2, delete: 3 };

/** Parents before children, deletes last and children first; but what makes room for another goes before it. */
export function inExportOrder(entries: readonly Entry[]): Entry[] {
  const targets = new Set(entries.map(targetOf).filter((key) => key !== undefined));
  const ranked = entries.map((entry) => {
    const kind = changeToSend(entry)?.kind ?? 'update';
    const makesRoom = kind === 'delete' && entry.dn !== undefined && targets.has(safeDnKey(entry.dn));
    // Commas within values are escaped in keys, so each one is a border.
    const depth = safeDnKey(entry.dn ?? '').split(',').length;
    return { entry, rank: makesRoom ? -1 : KIND_ORDER[kind], depth: kind === 'delete' ? -depth : depth };
  });
  ranked.sort((a, b) => a.rank - b.rank || a.depth - b.depth || (a.entry.id < b.entry.id ? -1 : 1));
  return ranked.map(({ entry }) => entry);
}

/** The DN that an add or a rename wants. */
function targetOf(entry: Entry): string | undefined {
  const change = changeToSend(entry);
  const wanted = change?.kind === 'add' ? entry.dn : change?.newDn;
  return wanted === undefined ? undefined : safeDnKey(wanted);
}

/**
 * What is sent for an entry: first, once more, what was handed out and whose outcome is not known, so that the connector
 * can recognise it; but a delete settles whatever there is.
 */
export function changeToSend({ pendingExport, escrowed }: Entry): PendingExport | undefined {
  return pendingExport?.kind === 'delete' ? pendingExport : (escrowed?.change ?? pendingExport);
}

/** Accepts the intent to send what is pending for an entry. */
export function intend(unit: Unit, id: string): void {
  const entry = unit.entry(id);
  const pending = entry && changeToSend(entry);
  if (!entry || !pending) return;
  // What is not known cannot be sent: it stays pending until the value is there.
  if (Object.values(pending.attributes).some((values) => values.some(isUnknown))) return;
  const event = unit.emit({
    stage: 'export',
    operation: pending.kind,
    outcome: 'export-intent',
    ...subject(unit, entry),
    ...actorOf({ ...pending }),
    causes: [pending.event],
    root: pending.root,
  });
  unit.putEntry({ ...entry, escrowed: { event, change: pending } });
}

/** Records that what was handed out was not carried out: nothing is escrowed then, and what is pending stays so. */
export function recordRefused(unit: Unit, entry: Entry, error: string, message: string | undefined): Entry {
  const { escrowed, ...rest } = entry;
  if (!escrowed) return entry;
  const { event, change } = escrowed;
  unit.emit({
    stage: 'export',
    operation: change.kind,
    outcome: 'export-failure',
    error,
    ...subject(unit, entry),
    values:
      message === undefined
        ? []
        : [{ attribute: 'error-message', type: 'string', operation: 'add', new: message, marks: MARKS.personal }],
    ...actorOf({ ...change }),
    causes: [event],
    root: change.root,
  });
  unit.putEntry(rest);
  return rest;
}

/** What a connector is asked to do for an entry. */
export function changeOf(entry: Entry): ExportChange | undefined {
  const pending = entry.escrowed?.change;
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
  const pending = entry?.escrowed?.change;
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
  recordRefused(unit, entry, result.error, result.message);
}

/** The change is in the connected system now; the next import has to confirm it. Returns the entry as it is then. */
export function recordExported(unit: Unit, agent: Agent, type: AgentType, entry: Entry, pending: PendingExport): Entry {
  const before = expectedImage(entry);
  const { values, after: held } = difference(before, imageAfter(type, entry, pending), {
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
    causes: [entry.escrowed?.event ?? pending.event],
    root: pending.root,
  });
  const changed = values.map(({ attribute }) => attribute);
  const settled = afterExport(moved, event, pending, changed, held);
  unit.putEntry(settled);
  return settled;
}

/** An entry once `pending` was carried out, as `event` says: `held` has the values after of the attributes that `changed`. */
export function afterExport(
  moved: Entry,
  event: number,
  pending: PendingExport,
  changed: readonly string[],
  held: HeldAttributes,
): Entry {
  const { escrowed: _, pendingExport, ...rest } = moved;
  const exported: Entry = {
    ...rest,
    // A deleted entry stays until an import no longer shows it.
    exists: true,
    unconfirmed: unconfirmedOf(moved, event, pending, changed, held),
  };
  return afterEscrow(exported, pendingExport, pending, event);
}

/**
 * What was decided while an export's outcome was not known was compared with a state before it: it is decided anew. Only
 * a delete stays as it is.
 */
function afterEscrow(entry: Entry, decided: PendingExport | undefined, sent: PendingExport, event: number): Entry {
  if (decided?.event === sent.event) return entry;
  if (decided?.kind === 'delete') return { ...entry, pendingExport: decided };
  if (entry.object === undefined) return entry;
  return withRetry(entry, { ...causeIn(sent), event }, true);
}

/** The attributes of an entry once a change is carried out. */
function imageAfter(type: AgentType, entry: Entry, pending: PendingExport): Attributes {
  if (pending.kind === 'delete') return {};
  const sent: Attributes = { ...plain(expectedImage(entry)), ...pending.attributes };
  const { anchor } = type.schema;
  // An anchor that the connected system made with the add.
  if (pending.kind === 'add' && entry.anchor !== undefined && !sent[anchor]?.length) sent[anchor] = [entry.anchor];
  const present = Object.fromEntries(Object.entries(sent).filter(([, values]) => values.length > 0));
  try {
    return withComputed(type, present);
  } catch (error) {
    // What was sent was sent; the next import meets the same fault and refuses the entry.
    if (error instanceof RuleError) return present;
    throw error;
  }
}

function unconfirmedOf(
  entry: Entry,
  event: number,
  pending: PendingExport,
  changed: readonly string[],
  held: HeldAttributes,
): UnconfirmedExport {
  const attributes: Record<string, HeldAttributes[string]> = { ...entry.unconfirmed?.attributes };
  for (const name of changed) attributes[name] = held[name] ?? [];
  const named = pending.kind === 'add' || pending.kind === 'rename' ? entry.dn : entry.unconfirmed?.dn;
  return {
    event,
    root: pending.root,
    attributes,
    deleted: pending.kind === 'delete',
    ...(named !== undefined && { dn: named }),
  };
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
