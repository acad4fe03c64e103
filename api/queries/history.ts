// An object's history: its own events, those of its entries while they were not linked to any other (links.ts), and the
// changes of entitlements that name it (a group that it was put into).
import type { ChangeEvent } from '../../ingest/event.ts';
import { MARKS } from '../../ingest/event.ts';
import { type ChangeFilter, type ChangePage, conditionOf, type Page, reachOf, readPage, whereOf } from './changes.ts';
import { NO_ID, type QueryContext } from './context.ts';
import { rangesOf, readLinks } from './links.ts';

/** `filter` without an object: the history is of one already. */
export async function findHistory(
  context: QueryContext,
  object: string,
  filter: Omit<ChangeFilter, 'object'>,
  page: Page,
): Promise<ChangePage> {
  const ranges = rangesOf(await readLinks(context, [object]), object);
  const condition = conditionOf(filter, context.sight);
  const isObject = 'object = {object:UUID}';
  const own = whereOf({ ...condition, keys: [isObject, ...condition.keys] });
  const isEntry = `entry IN {entries:Array(UUID)} AND object = toUUID('${NO_ID}')
    AND arrayExists((e, f, u) -> e = entry AND sequence >= f AND sequence < u, {entries:Array(UUID)}, {froms:Array(UInt64)}, {untils:Array(UInt64)})`;
  const ofEntries = whereOf({ ...condition, keys: [isEntry, ...condition.keys] });
  const isNamed = `has(value.reference, {object:UUID}) AND object != {object:UUID}
    AND arrayExists((r, m) -> r = {object:UUID} AND bitAnd(m, ${MARKS.entitlement}) > 0, value.reference, value.marks)`;
  const naming = whereOf({ ...condition, others: [isNamed, ...condition.others] });
  const params = {
    ...condition.params,
    object,
    entries: ranges.map(({ entry }) => entry),
    froms: ranges.map(({ from }) => from),
    untils: ranges.map(({ until }) => until),
  };
  const wheres = ranges.length > 0 ? [own, ofEntries, naming] : [own, naming];
  const found = await readPage(context, { wheres, params, ...reachOf(filter) }, page);
  const entries = new Set(params.entries);
  return { ...found, events: found.events.map((event) => onlyAbout(event, object, entries)) };
}

/** Of an event about another object (a group), only the values that name this one. */
function onlyAbout(event: ChangeEvent, object: string, entries: ReadonlySet<string>): ChangeEvent {
  const isOwn = event.object === object || (event.object === undefined && entries.has(event.entry ?? ''));
  if (isOwn) return event;
  const kept = event.values
    .map((value, index) => ({ value, key: event.valueKeys[index] ?? 0 }))
    .filter(({ value }) => value.reference === object);
  return { ...event, values: kept.map(({ value }) => value), valueKeys: kept.map(({ key }) => key) };
}
