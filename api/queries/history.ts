// An object's history: its own events, those of each entry joined to it while it was, all of an entry's events before
// its first join, and the changes of entitlements that name it (a group that it was put into).
import { z } from 'zod';
import type { ChangeEvent } from '../../ingest/event.ts';
import { MARKS } from '../../ingest/event.ts';
import { type ChangeFilter, type ChangePage, conditionOf, type Page, readPage } from './changes.ts';
import { NO_ID, type QueryContext, readOptions } from './context.ts';

/** An entry whose first join was to the object in question, and when. */
export interface FirstLink {
  entry: string;
  first_link: number;
}

/** Entries of one object; more than this are not followed back before their joins. */
const MOST_ENTRIES = 200;

export async function findFirstLinks(context: QueryContext, object: string): Promise<FirstLink[]> {
  return context.clickhouse.select(
    `SELECT entry, min(e.sequence) AS first_link FROM events AS e
     WHERE entry IN (SELECT entry FROM events WHERE object = {object:UUID} AND stage IN ('join', 'projection'))
       AND stage IN ('join', 'projection') AND sequence < {watermark:UInt64}
     GROUP BY entry HAVING argMin(e.object, e.sequence) = {object:UUID} ORDER BY first_link LIMIT ${MOST_ENTRIES}`,
    { object, watermark: context.watermark },
    z.object({ entry: z.string(), first_link: z.number() }),
    readOptions(context),
  );
}

/** The inner queries that together find an object's own events, each selecting `sequence`. */
export function ownEvents(
  links: readonly FirstLink[],
  extra: string,
): { inners: string[]; params: Record<string, unknown> } {
  const params: Record<string, unknown> = {};
  const inners = [`SELECT sequence FROM events WHERE object = {object:UUID} AND ${extra}`];
  for (const [index, link] of links.entries()) {
    params[`entry${index}`] = link.entry;
    params[`link${index}`] = link.first_link;
    inners.push(
      `SELECT sequence FROM events WHERE entry = {entry${index}:UUID} AND sequence < {link${index}:UInt64} AND object = toUUID('${NO_ID}') AND ${extra}`,
    );
  }
  return { inners, params };
}

export async function findHistory(
  context: QueryContext,
  object: string,
  filter: ChangeFilter,
  page: Page,
): Promise<ChangePage> {
  const links = await findFirstLinks(context, object);
  const { object: _, ...others } = filter;
  const condition = conditionOf(others);
  const extra = [...condition.sql, 'sequence < {before:UInt64}'].join(' AND ');
  const { inners, params } = ownEvents(links, extra);
  const naming = `SELECT sequence FROM events WHERE has(value.reference, {object:UUID}) AND object != {object:UUID}
    AND arrayExists((r, m) -> r = {object:UUID} AND bitAnd(m, ${MARKS.entitlement}) > 0, value.reference, value.marks) AND ${extra}`;
  const found = await readPage(context, [...inners, naming], { ...condition.params, ...params, object }, page);
  return { ...found, events: found.events.map((event) => onlyAbout(event, object)) };
}

/** Of an event about another object (a group), only the values that name this one. */
function onlyAbout(event: ChangeEvent, object: string): ChangeEvent {
  if (event.object === object || !event.values.some(({ reference }) => reference === object)) return event;
  const kept = event.values
    .map((value, index) => ({ value, key: event.valueKeys[index] ?? 0 }))
    .filter(({ value }) => value.reference === object);
  return { ...event, values: kept.map(({ value }) => value), valueKeys: kept.map(({ key }) => key) };
}
