// What an import says of our own exports: carried out although nobody lived to say so, confirmed, not there, or undone.
import type { Cause } from './cause.ts';
import type { Agent, AgentType } from './configuration/model.ts';
import { difference } from './difference.ts';
import { dnValue, identity } from './entry-events.ts';
import { recordExported, recordRefused } from './export.ts';
import { safeDnKey } from './indexes.ts';
import { hasArrived, type Sighting } from './matching.ts';
import { connectorAttributeSchema } from './references.ts';
import { type Entry, expectedImage, type UnconfirmedExport, withRetry } from './space.ts';
import type { Unit } from './unit.ts';

/** The process ended before the outcome was known, and the import does not show the change. */
const NOT_CARRIED_OUT = 'export-not-carried-out';
const ENGINE = { initiator: 'metatrail', initiatorKnown: 'observed' } as const;

/** An export whose outcome was lost (the process died): when the import shows what was sent, it was carried out. */
export function settleEscrow(unit: Unit, agent: Agent, type: AgentType, entry: Entry, sighting: Sighting): Entry {
  const { escrowed } = entry;
  if (!escrowed) return entry;
  if (!hasArrived(type, entry, escrowed, sighting)) return recordRefused(unit, entry, NOT_CARRIED_OUT, undefined);
  return recordExported(unit, agent, type, { ...entry, anchor: sighting.anchor }, escrowed.change);
}

/** What of our export the import does not show: values of attributes, or the name. */
function missingOf(unit: Unit, type: AgentType, unconfirmed: UnconfirmedExport, sighting: Sighting | undefined) {
  const wanted = Object.keys(unconfirmed.attributes);
  const found = Object.fromEntries(wanted.map((name) => [name, sighting?.attributes[name] ?? []]));
  const { values } = difference(unconfirmed.attributes, found, {
    schemaOf: connectorAttributeSchema(type),
    sequence: unit.next,
  });
  const moved =
    sighting?.dn !== undefined && unconfirmed.dn !== undefined && safeDnKey(sighting.dn) !== safeDnKey(unconfirmed.dn)
      ? [dnValue(unconfirmed.dn, sighting.dn)]
      : [];
  const isMissing = sighting === undefined || unconfirmed.deleted || values.length > 0 || moved.length > 0;
  return { isMissing, values: [...moved, ...values.map(({ setBy: _, ...value }) => value)] };
}

/**
 * Holds what was imported (undefined: nothing, the entry is not there) against what we exported. All there: confirmed.
 * Else what came back otherwise is recorded as exported-change-not-reimported, and then staged like any other change.
 */
export function confirm(
  unit: Unit,
  agent: Agent,
  type: AgentType,
  entry: Entry,
  sighting: Sighting | undefined,
): Entry {
  const { unconfirmed } = entry;
  if (!unconfirmed) return entry;
  const { isMissing, values } = missingOf(unit, type, unconfirmed, sighting);
  const event = unit.emit({
    stage: 'confirmation',
    operation: 'none',
    outcome: isMissing ? 'exported-change-not-reimported' : 'export-confirmed',
    ...identity({ ...entry, ...(sighting?.dn !== undefined && { dn: sighting.dn }) }),
    ...(isMissing && { error: 'exported-change-not-reimported' }),
    values,
    causes: [unconfirmed.event],
    root: unconfirmed.root,
    ...ENGINE,
  });
  const cause: Cause = { event, root: unconfirmed.root, ...ENGINE };
  const settled = afterConfirmation(agent, type, entry, cause);
  unit.putEntry(settled);
  return settled;
}

/** An entry once an import has said what became of what we exported; `cause` is the event that says it. */
export function afterConfirmation(agent: Agent, type: AgentType, entry: Entry, cause: Cause): Entry {
  const { unconfirmed, ...rest } = entry;
  const there: Entry = { ...rest, image: expectedImage(entry), exists: true };
  return unconfirmed?.deleted ? deleteAgain(agent, there, cause) : flowBack(type, there, cause);
}

/** Our delete did not last: it is sent again, unless changes made by hand are only to be reported. */
function deleteAgain(agent: Agent, entry: Entry, cause: Cause): Entry {
  if (agent.drift === 'report' || entry.object !== undefined) return entry;
  const { event, root, initiator, initiatorKnown } = cause;
  const actor = { ...(initiator !== undefined && { initiator }), initiatorKnown };
  return { ...entry, pendingExport: { kind: 'delete', attributes: {}, event, root, ...actor } };
}

/** Now that it is known to be there, what we exported may flow back in, and be filtered. */
function flowBack(type: AgentType, entry: Entry, cause: Cause): Entry {
  return type.importFlows.length > 0 || type.filter ? withRetry(entry, cause, false) : entry;
}

/** Our own delete came true. */
export function confirmDeletion(unit: Unit, entry: Entry): void {
  const { unconfirmed } = entry;
  if (!unconfirmed) return;
  unit.emit({
    stage: 'confirmation',
    operation: 'delete',
    outcome: 'export-confirmed',
    ...identity(entry),
    causes: [unconfirmed.event],
    root: unconfirmed.root,
    ...ENGINE,
  });
  unit.removeEntry(entry.id);
}
