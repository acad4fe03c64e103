// Which entry of the connector space an imported one is.
import type { AgentType } from './configuration/model.ts';
import type { Attributes } from './connector.ts';
import { entryIndex, safeDnKey } from './indexes.ts';
import type { Entry, EscrowedExport } from './space.ts';
import type { Unit } from './unit.ts';

/** What an import shows of an entry. */
export interface Sighting {
  anchor: string;
  dn?: string;
  attributes: Attributes;
}

/**
 * The entry that is there with this anchor; else one whose add was handed out and now shows to have arrived; else one
 * that an import missed and no synchronisation has taken away yet; else one that we deleted. An add that was refused never
 * matches: what has its anchor is somebody else's.
 */
export function findEntry(unit: Unit, agent: string, type: AgentType, sighting: Sighting): Entry | undefined {
  const { name } = type.schema;
  const same = readEntries(unit, 'anchor', entryIndex.anchor(agent, name, sighting.anchor));
  return (
    findThere(unit, agent, name, sighting.anchor) ??
    same.find((entry) => isArrivedAdd(type, entry, sighting)) ??
    findNamed(unit, agent, type, sighting) ??
    same.find((entry) => entry.pending?.kind === 'delete') ??
    same.find((entry) => entry.exists)
  );
}

/** The entry with this anchor that is in the connected system as far as we know. */
export function findThere(unit: Unit, agent: string, type: string, anchor: string): Entry | undefined {
  return readEntries(unit, 'anchor', entryIndex.anchor(agent, type, anchor)).find(isThere);
}

export function isThere(entry: Entry): boolean {
  return entry.exists && entry.unconfirmed?.deleted !== true;
}

/** An add whose anchor the connected system makes: only its name can tell it. */
function findNamed(unit: Unit, agent: string, type: AgentType, sighting: Sighting): Entry | undefined {
  if (sighting.dn === undefined) return undefined;
  return readEntries(unit, 'dn', entryIndex.dn(agent, sighting.dn)).find(
    (entry) => entry.type === type.schema.name && entry.anchor === undefined && isArrivedAdd(type, entry, sighting),
  );
}

function readEntries(unit: Unit, index: 'anchor' | 'dn', value: string): Entry[] {
  return unit
    .find('entry', index, value)
    .map((id) => unit.entry(id))
    .filter((entry) => entry !== undefined);
}

function isArrivedAdd(type: AgentType, entry: Entry, sighting: Sighting): boolean {
  const { escrowed } = entry;
  return !entry.exists && escrowed?.change.kind === 'add' && hasArrived(type, entry, escrowed, sighting);
}

/** Does the connected system show what was handed out? Then it was carried out, whoever did not live to say so. */
export function hasArrived(type: AgentType, entry: Entry, escrowed: EscrowedExport, sighting: Sighting): boolean {
  const { change } = escrowed;
  if (change.kind === 'delete') return false;
  const dn = change.newDn ?? entry.dn;
  if (dn !== undefined && sighting.dn !== undefined && safeDnKey(dn) !== safeDnKey(sighting.dn)) return false;
  return Object.entries(change.attributes).every(([name, values]) =>
    sameValues(type, name, values, sighting.attributes[name] ?? []),
  );
}

function sameValues(type: AgentType, name: string, first: readonly string[], second: readonly string[]): boolean {
  const keyOf = type.schema.attributes.get(name)?.reference?.by === 'dn' ? safeDnKey : (value: string) => value;
  const keys = new Set(first.map(keyOf));
  return keys.size === new Set(second.map(keyOf)).size && second.every((value) => keys.has(keyOf(value)));
}
