// Full import: compares an image of the connected system with the connector space and stages what differs. Staging
// decides nothing about the metaverse; it records what was read, what is gone, and what became of our own exports.
import type { EventValue } from '../ingest/event.ts';
import { withComputed } from './computed.ts';
import type { RuleError } from './configuration/expressions.ts';
import type { Agent, AgentType } from './configuration/model.ts';
import type { Attributes, ImportedEntry, RefusedEntry } from './connector.ts';
import { difference } from './difference.ts';
import { dnValue, identity } from './entry-events.ts';
import { recordExported } from './export.ts';
import { entryIndex, safeDnKey, targetKeys } from './indexes.ts';
import { connectorAttributeSchema, referencedObject } from './references.ts';
import { type Entry, expectedImage, type HeldAttributes, type PendingImport } from './space.ts';
import type { Unit } from './unit.ts';

/** Is a change in this agent's objects of this type ours to make? Then one that we did not make is out of band. */
export function isExportTarget(type: AgentType): boolean {
  return type.provisioning !== undefined || type.exportFlows.length > 0;
}

/** The entry of the connector space that an imported one is: it must exist in the system, so a refused add never matches. */
export function findEntry(unit: Unit, agent: string, type: string, anchor: string): Entry | undefined {
  return unit
    .find('entry', 'anchor', entryIndex.anchor(agent, type, anchor))
    .map((id) => unit.entry(id))
    .find((entry) => entry?.exists === true || entry?.escrowed !== undefined);
}

/** Stages one imported entry and returns the id of its entry. */
export function stageEntry(unit: Unit, agent: Agent, imported: ImportedEntry, firstImport: boolean): string {
  const type = agent.types.get(imported.type);
  if (!type) throw new Error(`The connector of ${agent.name} returned the undeclared object type ${imported.type}.`);
  const balance = unit.context.counters.balanceOf(imported.type);
  balance.read += 1;
  const attributes = withComputed(type, imported.attributes);
  const entry = findEntry(unit, agent.name, imported.type, imported.anchor);
  if (!entry) {
    balance.changed += 1;
    return stageNew(unit, agent, type, imported, attributes, isExportTarget(type) && !firstImport);
  }
  const sent = entry.escrowed === undefined ? entry : settleEscrow(unit, agent, type, entry, attributes);
  const confirmed = sent.unconfirmed ? confirm(unit, type, sent, attributes, imported) : sent;
  const changed = stageChange(unit, agent, type, confirmed, imported, attributes);
  balance[changed ? 'changed' : 'unchanged'] += 1;
  if (!changed) unit.context.counters.count('import', agent.name, imported.type, 'stage-no-change');
  return entry.id;
}

/** An export whose outcome was lost (the process died): when the import shows what was sent, it was carried out. */
function settleEscrow(unit: Unit, agent: Agent, type: AgentType, entry: Entry, attributes: Attributes): Entry {
  const { pendingExport: pending, escrowed: _, ...rest } = entry;
  if (!pending) return rest;
  const sent = Object.entries(pending.attributes);
  const arrived = sent.every(([name, values]) => sameValues(type, name, values, attributes[name] ?? []));
  if (arrived && pending.kind !== 'delete') return recordExported(unit, agent, type, entry, pending);
  return { ...rest, pendingExport: pending };
}

function sameValues(type: AgentType, name: string, first: readonly string[], second: readonly string[]): boolean {
  const keyOf = type.schema.attributes.get(name)?.reference?.by === 'dn' ? safeDnKey : (value: string) => value;
  const keys = new Set(first.map(keyOf));
  return keys.size === new Set(second.map(keyOf)).size && second.every((value) => keys.has(keyOf(value)));
}

function who(
  imported: ImportedEntry | undefined,
  agent: Agent,
  outOfBand: boolean,
): Pick<PendingImport, 'initiator' | 'initiatorKnown'> {
  if (imported?.initiator !== undefined) return { initiator: imported.initiator, initiatorKnown: 'reported' };
  return outOfBand ? { initiatorKnown: 'unknown' } : { initiator: agent.name, initiatorKnown: 'observed' };
}

function stageNew(
  unit: Unit,
  agent: Agent,
  type: AgentType,
  imported: ImportedEntry,
  attributes: Attributes,
  outOfBand: boolean,
): string {
  const id = unit.context.newId();
  const place = {
    id,
    agent: agent.name,
    type: imported.type,
    anchor: imported.anchor,
    ...(imported.dn !== undefined && { dn: imported.dn }),
  };
  const sequence = unit.next;
  const { values, after } = diff(unit, agent, type, {}, attributes, sequence);
  const actor = who(imported, agent, outOfBand);
  const event = unit.emit({
    stage: 'import',
    operation: 'add',
    outcome: 'stage-add',
    ...identity(place),
    values,
    ...actor,
    causes: [],
    outOfBand,
  });
  const pending: PendingImport = { kind: 'add', event, root: event, ...actor, outOfBand };
  const entry: Entry = { ...place, exists: true, image: after, pending, disconnector: 'normal' };
  unit.putEntry(entry);
  retryReferrers(unit, entry, [], targetKeys(entry, after, unit.context.configuration), event, event);
  return id;
}

function diff(unit: Unit, agent: Agent, type: AgentType, before: HeldAttributes, after: Attributes, sequence: number) {
  return difference(before, after, {
    schemaOf: connectorAttributeSchema(type),
    resolve: (attribute, value) => referencedObject(unit, agent.name, type, attribute, value),
    sequence,
  });
}

function stageChange(
  unit: Unit,
  agent: Agent,
  type: AgentType,
  entry: Entry,
  imported: ImportedEntry,
  attributes: Attributes,
): boolean {
  const before = expectedImage(entry);
  const sequence = unit.next;
  const { values, after } = diff(unit, agent, type, before, attributes, sequence);
  const renamed = imported.dn !== undefined && imported.dn !== entry.dn;
  const back = entry.pending?.kind === 'delete';
  if (values.length === 0 && !renamed && !back) return false;
  const outOfBand = isExportTarget(type);
  const actor = who(imported, agent, outOfBand);
  const outcome = renamed ? 'stage-rename' : 'stage-update';
  const dnChange: EventValue[] = renamed ? [dnValue(entry.dn, imported.dn ?? '')] : [];
  const next = { ...entry, ...(imported.dn !== undefined && { dn: imported.dn }) };
  const event = unit.emit({
    stage: 'import',
    operation: renamed ? 'rename' : 'update',
    outcome,
    ...identity(next),
    values: [...dnChange, ...values],
    ...actor,
    causes: [],
    outOfBand,
  });
  const kind = entry.pending?.kind === 'add' ? 'add' : 'update';
  const { unconfirmed: _, ...rest } = next;
  const changed: Entry = { ...rest, image: after, pending: { kind, event, root: event, ...actor, outOfBand } };
  unit.putEntry(changed);
  const { configuration } = unit.context;
  retryReferrers(
    unit,
    changed,
    targetKeys(entry, before, configuration),
    targetKeys(changed, after, configuration),
    event,
    event,
  );
  return true;
}

/**
 * Holds what was imported against what we exported. All there: confirmed. Else each attribute that came back otherwise
 * is recorded as exported-change-not-reimported; the change itself is then staged like any other.
 */
function confirm(unit: Unit, type: AgentType, entry: Entry, attributes: Attributes, imported: ImportedEntry): Entry {
  const { unconfirmed } = entry;
  if (!unconfirmed) return entry;
  const wanted = Object.fromEntries(
    Object.entries(unconfirmed.attributes).map(([name, held]) => [name, held.map(([value]) => value)]),
  );
  const found = Object.fromEntries(Object.keys(wanted).map((name) => [name, attributes[name] ?? []]));
  const sequence = unit.next;
  const { values } = difference(unconfirmed.attributes, found, { schemaOf: connectorAttributeSchema(type), sequence });
  const missing = unconfirmed.deleted || values.length > 0;
  const base = {
    ...identity({ ...entry, ...(imported.dn !== undefined && { dn: imported.dn }) }),
    causes: [unconfirmed.event],
    root: unconfirmed.root,
  };
  unit.emit({
    stage: 'confirmation',
    operation: 'none',
    outcome: missing ? 'exported-change-not-reimported' : 'export-confirmed',
    ...base,
    ...(missing && { error: 'exported-change-not-reimported' }),
    values: values.map(({ setBy: _, ...value }) => value),
    initiator: 'metatrail',
    initiatorKnown: 'observed',
  });
  const { unconfirmed: _, ...rest } = entry;
  const settled: Entry = { ...rest, image: expectedImage(entry), exists: true };
  if (unconfirmed.deleted) settled.image = entry.image;
  unit.putEntry(settled);
  return settled;
}

/** Stages that an entry is gone from a full image. */
export function stageGone(unit: Unit, agent: Agent, entry: Entry): void {
  const type = agent.types.get(entry.type);
  if (!type || entry.pending?.kind === 'delete') return;
  if (entry.unconfirmed?.deleted) return confirmDeletion(unit, entry, entry.unconfirmed);
  unit.context.counters.balanceOf(entry.type).gone += 1;
  const outOfBand = isExportTarget(type);
  const actor = who(undefined, agent, outOfBand);
  const sequence = unit.next;
  const { values } = diff(unit, agent, type, expectedImage(entry), {}, sequence);
  const event = unit.emit({
    stage: 'import',
    operation: 'delete',
    outcome: 'stage-delete',
    ...identity(entry),
    values,
    ...actor,
    causes: [],
    outOfBand,
  });
  const before = targetKeys(entry, expectedImage(entry), unit.context.configuration);
  const gone: Entry = { ...entry, exists: false, pending: { kind: 'delete', event, root: event, ...actor, outOfBand } };
  unit.putEntry(gone);
  retryReferrers(unit, gone, before, [], event, event);
}

/** Our own delete came true. */
function confirmDeletion(unit: Unit, entry: Entry, unconfirmed: NonNullable<Entry['unconfirmed']>): void {
  unit.emit({
    stage: 'confirmation',
    operation: 'delete',
    outcome: 'export-confirmed',
    ...identity(entry),
    causes: [unconfirmed.event],
    root: unconfirmed.root,
    initiator: 'metatrail',
    initiatorKnown: 'observed',
  });
  unit.removeEntry(entry.id);
}

/** An input entry that cannot be staged. Its object, if there is one, is taken as still there. */
export function stageRefused(unit: Unit, agent: Agent, refused: RefusedEntry): void {
  const type = refused.type ?? '';
  const balance = unit.context.counters.balanceOf(type);
  balance.read += 1;
  balance.refused += 1;
  const entry = refused.anchor === undefined ? undefined : findEntry(unit, agent.name, type, refused.anchor);
  unit.emit({
    stage: 'import',
    operation: 'none',
    outcome: 'stage-failure',
    error: refused.error,
    agent: agent.name,
    ...(type !== '' && { objectType: type }),
    ...(refused.anchor !== undefined && { anchor: refused.anchor }),
    ...(entry && { entry: entry.id }),
    ...(entry?.object !== undefined && { object: entry.object }),
    values: [{ attribute: 'error-message', type: 'string', operation: 'add', new: refused.message, marks: 2 }],
    initiator: agent.name,
    initiatorKnown: 'observed',
    causes: [],
  });
}

/** What an entry can be referred to by has changed: those that refer to it are synchronised again. */
function retryReferrers(
  unit: Unit,
  entry: Entry,
  before: string[],
  after: string[],
  event: number,
  root: number,
): void {
  const changed = [...before.filter((key) => !after.includes(key)), ...after.filter((key) => !before.includes(key))];
  const referrers = new Set(changed.flatMap((key) => unit.find('entry', 'refers', key)));
  for (const id of referrers) {
    const referrer = unit.entry(id);
    if (referrer && id !== entry.id && referrer.object !== undefined)
      unit.putEntry({ ...referrer, retry: { event, root } });
  }
}

/** A computed attribute failed on an imported entry. */
export function refusalOf(imported: ImportedEntry, error: RuleError): RefusedEntry {
  return {
    error: error.code,
    message: `${imported.place}: ${error.message}`,
    anchor: imported.anchor,
    type: imported.type,
    place: imported.place,
  };
}
