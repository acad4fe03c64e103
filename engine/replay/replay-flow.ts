// Import attribute flow: what the metaverse holds and who contributed it, recall, and the deletion of objects.
import type { ChangeEvent } from '../../ingest/event.ts';
import type { ImportFlow } from '../configuration/model.ts';
import { contributedBy } from '../import-flow.ts';
import { type ContributedAttribute, type Entry, isImported, type MetaverseObject } from '../space.ts';
import { formerKey } from '../synchronize.ts';
import type { Unit } from '../unit.ts';
import { byAttribute, heldAfter } from './held-values.ts';
import { rulesOf } from './replay-import.ts';
import { losersNow } from './replay-losers.ts';
import { principalCause, process, type Replaying } from './step.ts';

export function replayImportFlow(replaying: Replaying, event: ChangeEvent): void {
  const { unit } = replaying;
  const entry = unit.entry(event.entry ?? '');
  switch (event.outcome) {
    case 'connector-flow':
      if (entry) unit.putEntry(process(replaying, entry));
      flow(replaying, event);
      return;
    case 'contributor-changed':
      takeOver(unit, event);
      return;
    case 'unresolved-reference':
    case 'ambiguous-reference':
    case 'reference-not-joined':
      if (entry) noteUnresolved(replaying, event, entry);
      return;
    case 'flow-failure':
      if (entry) replayFailure(replaying, event, entry);
  }
}

/** A connector is gone, and with it the object, or what it contributed. */
export function replayRecall(replaying: Replaying, event: ChangeEvent): void {
  const { unit } = replaying;
  const entry = unit.entry(event.entry ?? '');
  if (entry?.pending?.kind === 'delete') removeGone(replaying, entry);
  if (event.stage === 'deletion') {
    if (event.object !== undefined) unit.removeObject(event.object);
    return;
  }
  const before = unit.object(event.object ?? '');
  if (!before) return;
  const names = new Set(contributedBy(before, event.entry ?? ''));
  flow(replaying, event);
  const object = unit.object(before.id);
  if (object) unit.putObject({ ...object, losers: losersNow(unit, object, names) });
}

/** An entry that its system has no longer and that was synchronised: what it was is remembered by its anchor. */
export function removeGone(replaying: Replaying, entry: Entry): void {
  process(replaying, entry);
  const key = formerKey(entry);
  const object = entry.object ?? entry.lastObject;
  replaying.unit.removeEntry(entry.id);
  if (key !== undefined && object !== undefined) replaying.unit.putFormer(key, object);
}

function flow({ unit, step }: Replaying, event: ChangeEvent): void {
  const object = unit.object(event.object ?? '');
  if (!object) return;
  step?.flowed.add(object.id);
  const attributes: Record<string, ContributedAttribute> = { ...object.attributes };
  for (const [name, changes] of byAttribute(event.values)) {
    const current = attributes[name];
    const values = heldAfter(current?.values ?? [], changes, event.sequence);
    const rule = changes[0]?.rule ?? current?.rule ?? '';
    if (values.length === 0) delete attributes[name];
    else attributes[name] = { values, ...contributionOf(unit, object, rule, current) };
  }
  unit.putObject({ ...object, attributes });
}

/** Who contributes by a rule: it names agent and type, and an object has one connector of each. */
function contributionOf(
  unit: Unit,
  object: MetaverseObject,
  rule: string,
  current: ContributedAttribute | undefined,
): Omit<ContributedAttribute, 'values'> {
  for (const id of unit.find('entry', 'object', object.id)) {
    const entry = unit.entry(id);
    const found = entry && isImported(entry) ? flowOf(unit, entry, rule) : undefined;
    if (entry && found) return { entry: entry.id, rule, recall: found.recall };
  }
  return { entry: current?.entry ?? '', rule, recall: current?.recall ?? true };
}

function flowOf(unit: Unit, entry: Entry, rule: string): ImportFlow | undefined {
  return rulesOf(unit.context.configuration.agents, entry).type?.importFlows.find((each) => each.rule === rule);
}

function takeOver(unit: Unit, event: ChangeEvent): void {
  const object = unit.object(event.object ?? '');
  const entry = unit.entry(event.entry ?? '');
  const found = entry && flowOf(unit, entry, event.rule ?? '');
  const current = found && object?.attributes[found.to];
  if (!object || !entry || !found || !current) return;
  const taken = { ...current, entry: entry.id, rule: found.rule, recall: found.recall };
  unit.putObject({ ...object, attributes: { ...object.attributes, [found.to]: taken } });
}

function noteUnresolved(replaying: Replaying, event: ChangeEvent, entry: Entry): void {
  const noted = event.values.map(({ attribute, new: value }) => [JSON.stringify([attribute, value]), event.outcome]);
  const unresolved = { ...entry.unresolved, ...Object.fromEntries(noted) };
  replaying.unit.putEntry({ ...process(replaying, entry), unresolved });
}

/** The entry stays due, for the reason that the event names. */
function replayFailure({ unit, step }: Replaying, event: ChangeEvent, entry: Entry): void {
  const cause = principalCause(event);
  const lastOutcome = `flow-failure:${event.rule ?? ''}:${cause?.event ?? ''}`;
  step?.failed.add(entry.id);
  step?.processed.delete(entry.id);
  const isKnown = [entry.pending, entry.retry, entry.object === undefined ? entry.cause : undefined].some(
    (each) => each?.event === cause?.event,
  );
  if (cause === undefined || isKnown) {
    unit.putEntry({ ...entry, lastOutcome });
    return;
  }
  // It was synchronised before and again because of another, or its object was flowed outward because of another.
  const isInward = rulesOf(unit.context.configuration.agents, entry).type?.importFlows.some(
    ({ rule }) => rule === event.rule,
  );
  const retry = { ...cause, ...((!isInward || entry.retry?.outward === true) && { outward: true }) };
  const { pending: _, ...rest } = entry;
  unit.putEntry({ ...rest, retry, lastOutcome });
}
