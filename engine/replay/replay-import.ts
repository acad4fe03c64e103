// Import, confirmation: what an import showed of an entry.
import type { ChangeEvent } from '../../ingest/event.ts';
import type { Agent, AgentType } from '../configuration/model.ts';
import { afterConfirmation } from '../confirmation.ts';
import { targetKeys } from '../indexes.ts';
import { type Entry, expectedImage, type PendingImport } from '../space.ts';
import { retryReferrers } from '../stage.ts';
import { attributesAfter } from './held-values.ts';
import { actorIn, causeOfEvent, type Replaying } from './step.ts';

export function replayImport(replaying: Replaying, event: ChangeEvent): void {
  const { unit } = replaying;
  const { configuration } = unit.context;
  const entry = unit.entry(event.entry ?? '');
  switch (event.outcome) {
    case 'stage-add':
      replayAdd(replaying, event, entry);
      return;
    case 'stage-update':
    case 'stage-rename':
      if (entry) stage(replaying, event, entry, entry.pending?.kind === 'add' ? 'add' : 'update');
      return;
    case 'stage-delete':
      if (entry) stage(replaying, event, entry, 'delete');
      return;
    case 'reference-resolved':
      if (entry) unit.putEntry({ ...entry, image: attributesAfter(entry.image, event, configuration) });
  }
}

function pendingOf(event: ChangeEvent, kind: PendingImport['kind']): PendingImport {
  return { kind, event: event.sequence, root: event.root, ...actorIn(event), outOfBand: event.outOfBand };
}

function namesIn({ anchor, dn, object }: ChangeEvent) {
  return { ...(anchor !== undefined && { anchor }), ...(dn !== undefined && { dn }), ...(object && { object }) };
}

function replayAdd({ unit }: Replaying, event: ChangeEvent, back: Entry | undefined): void {
  const { configuration } = unit.context;
  const { entry: id, agent, objectType: type } = event;
  if (id === undefined || agent === undefined || type === undefined) return;
  const pending = pendingOf(event, 'add');
  const entry: Entry = {
    ...(back ?? { disconnector: 'normal' }),
    id,
    agent,
    type,
    ...namesIn(event),
    exists: true,
    image: attributesAfter({}, event, configuration),
    pending,
  };
  unit.putEntry(entry);
  retryReferrers(unit, entry, [], targetKeys(entry, entry.image, configuration), pending);
}

function stage({ unit }: Replaying, event: ChangeEvent, entry: Entry, kind: PendingImport['kind']): void {
  const { configuration } = unit.context;
  const before = expectedImage(entry);
  const pending = pendingOf(event, kind);
  const { escrowed, ...rest } = entry;
  const isGone = kind === 'delete';
  const changed: Entry = isGone
    ? { ...rest, exists: false, image: {}, pending }
    : {
        ...rest,
        ...(escrowed && { escrowed }),
        ...(event.dn !== undefined && { dn: event.dn }),
        image: attributesAfter(before, event, configuration),
        pending,
      };
  unit.putEntry(changed);
  const after = isGone ? [] : targetKeys(changed, changed.image, configuration);
  retryReferrers(unit, changed, targetKeys(entry, before, configuration), after, pending);
}

export function replayConfirmation({ unit }: Replaying, event: ChangeEvent): void {
  const entry = unit.entry(event.entry ?? '');
  if (!entry) return;
  if (event.operation === 'delete') {
    unit.removeEntry(entry.id);
    return;
  }
  const { agent, type } = rulesOf(unit.context.configuration.agents, entry);
  if (agent && type) unit.putEntry(afterConfirmation(agent, type, entry, causeOfEvent(event)));
}

/** The rules for an entry; undefined when the configuration has none for it any more. */
export function rulesOf(
  agents: ReadonlyMap<string, Agent>,
  entry: Pick<Entry, 'agent' | 'type'>,
): { agent: Agent | undefined; type: AgentType | undefined } {
  const agent = agents.get(entry.agent);
  return { agent, type: agent?.types.get(entry.type) };
}
