// Changes as a feed tells them: as OCSF, or in the log's own words.
import { formatIso } from '../../ingest/clock.ts';
import type { ChangeEvent } from '../../ingest/event.ts';
import type { RequestContext } from '../graphql/context.ts';
import { mapToOcsf, type Told } from '../ocsf/mapping.ts';
import type { Integrity } from '../ocsf/record-integrity.ts';
import type { Reference } from '../queries/results.ts';
import type { FeedName } from './feed-query.ts';
import { plainChange } from './plain-change.ts';

/** One event that leaves. */
export interface ToldEvent {
  /** The same however often it is told. */
  uid: string;
  change: ChangeEvent;
  /** The place of its value among those of the change; -1: it is about the change as a whole. Rising for each change. */
  ordinal: number;
  body: Record<string, unknown>;
}

/** What is needed beside the changes to tell them: asked for all of them at once. Throws as every question does. */
export async function prepareTelling(
  context: RequestContext,
  changes: readonly ChangeEvent[],
  integrity: boolean,
): Promise<Told> {
  const references = new Set(changes.flatMap(({ values }) => values.flatMap(({ reference }) => reference ?? [])));
  const names = await context.names.loadMany([...references]);
  const named = new Map<string, Reference>();
  for (const name of names) {
    if (name instanceof Error) throw name;
    if (name.id !== undefined) named.set(name.id, name);
  }
  const { configuration } = context.engine;
  return { configuration, named, ...(integrity && { integrity: await proveAll(context, changes) }) };
}

async function proveAll({ proofs }: RequestContext, changes: readonly ChangeEvent[]): Promise<Map<number, Integrity>> {
  const proved = await Promise.all(changes.map(({ sequence }) => proofs.load(sequence)));
  return new Map(proved.map((proof) => [proof.sequence, proof]));
}

/** One after the other as they are taken: a group with many members is many events. */
export function* tell(
  feed: FeedName,
  changes: readonly ChangeEvent[],
  told: Told,
): Generator<ToldEvent, void, undefined> {
  for (const change of changes)
    if (feed === 'ocsf')
      for (const { uid, ordinal, body } of mapToOcsf(change, told)) yield { uid, ordinal, body, change };
    else yield { uid: `${change.log}/${change.sequence}`, ordinal: -1, body: plainChange(change), change };
}

/** In the envelope of CloudEvents 1.0 (JSON format). */
export function inCloudEvent(feed: FeedName, { uid, change, body }: ToldEvent): Record<string, unknown> {
  const { log, stage, outcome, object, entry, occurredAt, sequence } = change;
  const subject = object ?? entry;
  return {
    specversion: '1.0',
    id: uid,
    source: `urn:metatrail:${encodeURIComponent(log)}`,
    type: feed === 'ocsf' ? `metatrail.ocsf.${String(body.class_uid)}` : `metatrail.${stage}.${outcome}`,
    ...(subject !== undefined && { subject }),
    time: formatIso(occurredAt),
    datacontenttype: 'application/json',
    // The extension `sequence`: its text is ordered as the numbers are.
    sequence: String(sequence).padStart(16, '0'),
    data: body,
  };
}
