// What makes an entry a connector of an object, and what ends that: filter, join, projection, provisioning, deprovisioning.
import type { ChangeEvent } from '../../ingest/event.ts';
import { afterDeprovisioning } from '../outward.ts';
import type { Entry } from '../space.ts';
import { replacedBy } from '../synchronize.ts';
import { rulesOf } from './replay-import.ts';
import { causeOfEvent, linkChanged, principalCause, process, type Replaying } from './step.ts';

export function replayFilter(replaying: Replaying, event: ChangeEvent): void {
  const entry = replaying.unit.entry(event.entry ?? '');
  if (!entry) return;
  const { object, pendingExport: _, wanted: __, ...rest } = process(replaying, entry);
  if (object !== undefined) linkChanged(replaying, entry);
  const lastObject = object !== undefined && { lastObject: object };
  replaying.unit.putEntry({ ...rest, disconnector: 'filtered', cause: causeOfEvent(event), ...lastObject });
}

export function replayJoin(replaying: Replaying, event: ChangeEvent): void {
  const { unit } = replaying;
  const entry = unit.entry(event.entry ?? '');
  if (!entry) return;
  if (event.outcome === 'disconnector-joined') {
    for (const other of replacedBy(unit, entry, event.object ?? '')) unit.removeEntry(other.id);
    connect(replaying, event, entry);
    return;
  }
  const cause = principalCause(event);
  const lastOutcome = event.outcome;
  unit.putEntry({ ...process(replaying, entry), disconnector: 'normal', lastOutcome, ...(cause && { cause }) });
}

export function replayProjection(replaying: Replaying, event: ChangeEvent): void {
  const { unit } = replaying;
  const entry = unit.entry(event.entry ?? '');
  const { type } = rulesOf(unit.context.configuration.agents, {
    agent: event.agent ?? '',
    type: event.objectType ?? '',
  });
  if (!entry || event.object === undefined || type?.projection === undefined) return;
  unit.putObject({
    id: event.object,
    type: type.projection,
    attributes: {},
    losers: {},
    createdBy: event.sequence,
  });
  connect(replaying, event, entry);
}

function connect(replaying: Replaying, event: ChangeEvent, entry: Entry): void {
  const { object } = event;
  if (object === undefined) return;
  const { cause: _, lastObject: __, ...rest } = process(replaying, entry);
  replaying.step?.flowed.add(object);
  linkChanged(replaying, entry);
  replaying.unit.putEntry({
    ...rest,
    object,
    disconnector: 'normal',
    linkedBy: event.sequence,
    linkedRoot: event.root,
  });
}

export function replayProvisioning({ unit, step }: Replaying, event: ChangeEvent): void {
  const { entry: id, agent, objectType: type, object, dn } = event;
  if (id === undefined || agent === undefined || type === undefined || object === undefined) return;
  const made: Entry = { id, agent, type, exists: false, image: {}, disconnector: 'normal' };
  const before: Entry = unit.entry(id) ?? { ...made, ...(dn !== undefined && { dn }) };
  const { pendingExport: _, lastObject: __, cause: ___, ...rest } = before;
  step?.flowed.add(object);
  unit.putEntry({ ...rest, object, disconnector: 'normal', linkedBy: event.sequence, linkedRoot: event.root });
}

export function replayDeprovisioning(replaying: Replaying, event: ChangeEvent): void {
  const { unit } = replaying;
  const entry = unit.entry(event.entry ?? '');
  if (!entry || event.object === undefined) return;
  linkChanged(replaying, entry);
  const rule = rulesOf(unit.context.configuration.agents, entry).type?.provisioning;
  const action = event.outcome === 'deprovisioned-delete' ? 'delete' : (rule?.otherwise ?? 'keep');
  const left = afterDeprovisioning(entry, event.object, action, causeOfEvent(event));
  if (left) unit.putEntry(left);
  else unit.removeEntry(entry.id);
}
