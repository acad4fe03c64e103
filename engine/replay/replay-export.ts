// Export flow and export: what is pending, what was handed out, what came of it.
import type { ChangeEvent } from '../../ingest/event.ts';
import { afterExport, changeToSend } from '../export.ts';
import { type Entry, expectedImage, type HeldAttributes, type PendingExport } from '../space.ts';
import { attributeChanges, heldAfter } from './held-values.ts';
import { actorIn, type Replaying } from './step.ts';

export function replayExportFlow({ unit, step }: Replaying, event: ChangeEvent): void {
  const entry = unit.entry(event.entry ?? '');
  if (!entry) return;
  if (event.object !== undefined) step?.flowed.add(event.object);
  if (event.outcome === 'pending-export-withdrawn') {
    const { pendingExport: _, ...rest } = entry;
    unit.putEntry(rest);
    return;
  }
  const { anchor, dn } = event;
  const named = { ...entry, ...(anchor !== undefined && { anchor }), ...(dn !== undefined && { dn }) };
  unit.putEntry({ ...named, pendingExport: pendingOf(entry, event, changesIn(expectedImage(entry), event, unit)) });
}

/** All values after, of each attribute that the event changes. */
function changesIn(before: HeldAttributes, event: ChangeEvent, unit: Replaying['unit']): HeldAttributes {
  const changes = attributeChanges(event, unit.context.configuration);
  return Object.fromEntries(
    [...changes].map(([name, values]) => [name, heldAfter(before[name] ?? [], values, event.sequence)]),
  );
}

function pendingOf(entry: Entry, event: ChangeEvent, held: HeldAttributes): PendingExport {
  const { operation } = event;
  const renamed = event.values.find(({ attribute, rule }) => attribute === 'dn' && rule === undefined)?.new;
  const kind = operation === 'add' || operation === 'rename' ? operation : 'update';
  return {
    kind,
    ...(kind === 'rename' && { newDn: renamed ?? entry.dn ?? '' }),
    attributes: Object.fromEntries(
      Object.entries(held).map(([name, values]) => [name, values.map(([value]) => value)]),
    ),
    event: event.sequence,
    root: event.root,
    ...actorIn(event),
  };
}

export function replayExport({ unit }: Replaying, event: ChangeEvent): void {
  const entry = unit.entry(event.entry ?? '');
  if (!entry) return;
  if (event.outcome === 'export-intent') {
    const change = changeToSend(entry);
    if (change) unit.putEntry({ ...entry, escrowed: { event: event.sequence, change } });
    return;
  }
  const { escrowed, ...rest } = entry;
  if (event.outcome === 'export-failure') unit.putEntry(rest);
  else if (escrowed) {
    const { anchor, dn } = event;
    const moved = { ...entry, ...(anchor !== undefined && { anchor }), ...(dn !== undefined && { dn }) };
    const held = changesIn(expectedImage(entry), event, unit);
    unit.putEntry(afterExport(moved, event.sequence, escrowed.change, Object.keys(held), held));
  }
}
