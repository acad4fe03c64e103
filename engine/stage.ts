// Full import: compares an image of the connected system with the connector space and stages what differs. Staging
// decides nothing about the metaverse; it records what was read, what is gone, and what became of our own exports.
import type { EventValue } from '../ingest/event.ts';
import { type Cause, causeIn } from './cause.ts';
import { withComputed } from './computed.ts';
import type { RuleError } from './configuration/expressions.ts';
import type { Agent, AgentType } from './configuration/model.ts';
import { confirm, confirmDeletion, settleEscrow } from './confirmation.ts';
import type { Attributes, ImportedEntry, RefusedEntry } from './connector.ts';
import { difference } from './difference.ts';
import { dnValue, identity } from './entry-events.ts';
import { recordExported } from './export.ts';
import { targetKeys } from './indexes.ts';
import { findEntry, findThere } from './matching.ts';
import { connectorAttributeSchema, referencedObject } from './references.ts';
import { type Entry, expectedImage, type HeldAttributes, type PendingImport, withRetry } from './space.ts';
import type { Unit } from './unit.ts';

/** Is a change in this agent's objects of this type ours to make? Then one that we did not make is out of band. */
export function isExportTarget(type: AgentType): boolean {
  return type.provisioning !== undefined || type.exportFlows.length > 0;
}

/** Stages one imported entry and returns the id of its entry. */
export function stageEntry(unit: Unit, agent: Agent, imported: ImportedEntry, firstImport: boolean): string {
  const type = agent.types.get(imported.type);
  if (!type) throw new Error(`The connector of ${agent.name} returned the undeclared object type ${imported.type}.`);
  const balance = unit.context.counters.balanceOf(imported.type);
  balance.read += 1;
  const seen: Seen = { ...imported, attributes: withComputed(type, imported.attributes) };
  const entry = findEntry(unit, agent.name, type, seen);
  const outOfBand = isExportTarget(type) && !firstImport;
  if (!entry || entry.pending?.kind === 'delete') {
    balance.changed += 1;
    return stageNew(unit, agent, type, seen, entry, outOfBand);
  }
  const sent = settleEscrow(unit, agent, type, entry, seen);
  const changed = stageChange(unit, agent, type, confirm(unit, agent, type, sent, seen), seen);
  balance[changed ? 'changed' : 'unchanged'] += 1;
  if (!changed) unit.context.counters.count('import', agent.name, imported.type, 'stage-no-change');
  return entry.id;
}

/** An imported entry with its computed attributes. */
type Seen = ImportedEntry;

function who(
  imported: ImportedEntry | undefined,
  agent: Agent,
  outOfBand: boolean,
): Pick<PendingImport, 'initiator' | 'initiatorKnown'> {
  if (imported?.initiator !== undefined) return { initiator: imported.initiator, initiatorKnown: 'reported' };
  return outOfBand ? { initiatorKnown: 'unknown' } : { initiator: agent.name, initiatorKnown: 'observed' };
}

/** Stages what is new. `back`: an entry that the last import missed and no synchronisation has taken away yet. */
function stageNew(
  unit: Unit,
  agent: Agent,
  type: AgentType,
  seen: Seen,
  back: Entry | undefined,
  outOfBand: boolean,
): string {
  const place = {
    id: back?.id ?? unit.context.newId(),
    agent: agent.name,
    type: seen.type,
    anchor: seen.anchor,
    ...(seen.dn !== undefined && { dn: seen.dn }),
    ...(back?.object !== undefined && { object: back.object }),
  };
  const sequence = unit.next;
  const { values, after } = diff(unit, agent, type, {}, seen.attributes, sequence);
  const actor = who(seen, agent, outOfBand);
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
  const entry: Entry = { ...(back ?? { disconnector: 'normal' }), ...place, exists: true, image: after, pending };
  unit.putEntry(entry);
  retryReferrers(unit, entry, [], targetKeys(entry, after, unit.context.configuration), pending);
  return entry.id;
}

function diff(unit: Unit, agent: Agent, type: AgentType, before: HeldAttributes, after: Attributes, sequence: number) {
  return difference(before, after, {
    schemaOf: connectorAttributeSchema(type),
    resolve: (attribute, value) => referencedObject(unit, agent.name, type, attribute, value),
    sequence,
  });
}

function stageChange(unit: Unit, agent: Agent, type: AgentType, entry: Entry, seen: Seen): boolean {
  const before = expectedImage(entry);
  const sequence = unit.next;
  const { values, after } = diff(unit, agent, type, before, seen.attributes, sequence);
  const renamed = seen.dn !== undefined && seen.dn !== entry.dn;
  if (values.length === 0 && !renamed) return false;
  const outOfBand = isExportTarget(type);
  const actor = who(seen, agent, outOfBand);
  const dnChange: EventValue[] = renamed ? [dnValue(entry.dn, seen.dn ?? '')] : [];
  const next = { ...entry, ...(seen.dn !== undefined && { dn: seen.dn }) };
  const event = unit.emit({
    stage: 'import',
    operation: renamed ? 'rename' : 'update',
    outcome: renamed ? 'stage-rename' : 'stage-update',
    ...identity(next),
    values: [...dnChange, ...values],
    ...actor,
    causes: [],
    outOfBand,
  });
  const kind = entry.pending?.kind === 'add' ? 'add' : 'update';
  const pending: PendingImport = { kind, event, root: event, ...actor, outOfBand };
  const changed: Entry = { ...next, image: after, pending };
  unit.putEntry(changed);
  const { configuration } = unit.context;
  const keysBefore = targetKeys(entry, before, configuration);
  retryReferrers(unit, changed, keysBefore, targetKeys(changed, after, configuration), pending);
  return true;
}

/** Stages that an entry is gone from a full image. */
export function stageGone(unit: Unit, agent: Agent, entry: Entry): void {
  const type = agent.types.get(entry.type);
  if (!type || entry.pending?.kind === 'delete') return;
  if (entry.unconfirmed?.deleted) {
    confirmDeletion(unit, entry);
    return;
  }
  if (entry.escrowed?.change.kind === 'delete') {
    confirmDeletion(unit, recordExported(unit, agent, type, entry, entry.escrowed.change));
    return;
  }
  unit.context.counters.balanceOf(entry.type).gone += 1;
  const { escrowed: _, ...there } = confirm(unit, agent, type, entry, undefined);
  const outOfBand = isExportTarget(type);
  const actor = who(undefined, agent, outOfBand);
  const { values } = diff(unit, agent, type, there.image, {}, unit.next);
  const event = unit.emit({
    stage: 'import',
    operation: 'delete',
    outcome: 'stage-delete',
    ...identity(there),
    values,
    ...actor,
    causes: [],
    outOfBand,
  });
  const before = targetKeys(there, there.image, unit.context.configuration);
  const pending: PendingImport = { kind: 'delete', event, root: event, ...actor, outOfBand };
  const gone: Entry = { ...there, exists: false, image: {}, pending };
  unit.putEntry(gone);
  retryReferrers(unit, gone, before, [], pending);
}

/** An input entry that cannot be staged. Its object, if there is one, is taken as still there. */
export function stageRefused(unit: Unit, agent: Agent, refused: RefusedEntry): void {
  const type = refused.type ?? '';
  const balance = unit.context.counters.balanceOf(type);
  balance.read += 1;
  balance.refused += 1;
  const entry = refused.anchor === undefined ? undefined : findThere(unit, agent.name, type, refused.anchor);
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
export function retryReferrers(unit: Unit, entry: Entry, before: string[], after: string[], cause: Cause): void {
  const changed = [...before.filter((key) => !after.includes(key)), ...after.filter((key) => !before.includes(key))];
  const referrers = new Set(changed.flatMap((key) => unit.find('entry', 'refers', key)));
  for (const id of referrers) {
    const referrer = unit.entry(id);
    if (referrer && id !== entry.id && referrer.object !== undefined)
      unit.putEntry(withRetry(referrer, causeIn(cause), false));
  }
}

/** A computed attribute failed on an imported entry. */
export function refusalOf(imported: ImportedEntry, file: string, error: RuleError): RefusedEntry {
  return {
    error: error.code,
    message: `${file}, ${imported.place}: ${error.message}`,
    anchor: imported.anchor,
    type: imported.type,
    place: imported.place,
  };
}
