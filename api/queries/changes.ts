// Changes by filters, newest first, in pages that stay stable while events arrive.

import { formatMicros } from '../../ingest/clock.ts';
import type { ChangeEvent } from '../../ingest/event.ts';
import { LARGEST_PAGE, type QueryContext, readEvents } from './context.ts';

export interface ChangeFilter {
  /** Microseconds, inclusive. */
  from?: number | undefined;
  to?: number | undefined;
  object?: string | undefined;
  attribute?: string | undefined;
  /** An old or new value, exactly. */
  value?: string | undefined;
  agent?: string | undefined;
  initiator?: string | undefined;
  /** Reads of the log (`read`) are no changes: they are told only to whoever asks for that stage. */
  stages?: readonly string[] | undefined;
  outcomes?: readonly string[] | undefined;
  run?: number | undefined;
  outOfBand?: boolean | undefined;
}

export interface Page {
  /** At most LARGEST_PAGE. */
  first: number;
  /** Only events before this sequence. */
  before?: number | undefined;
}

export interface ChangePage {
  events: ChangeEvent[];
  hasMore: boolean;
  watermark: number;
}

export interface Condition {
  sql: string[];
  params: Record<string, unknown>;
}

/** The conditions of a filter, every value bound. */
export function conditionOf(filter: ChangeFilter): Condition {
  const sql: string[] = [];
  const params: Record<string, unknown> = {};
  const add = (condition: string, name: string, value: unknown) => {
    sql.push(condition);
    params[name] = value;
  };
  if (filter.from !== undefined)
    add("occurred_at >= {from_time:DateTime64(6, 'UTC')}", 'from_time', formatMicros(filter.from));
  if (filter.to !== undefined) add("occurred_at <= {to_time:DateTime64(6, 'UTC')}", 'to_time', formatMicros(filter.to));
  if (filter.object !== undefined) add('object = {object:UUID}', 'object', filter.object);
  if (filter.agent !== undefined) add('agent = {agent:String}', 'agent', filter.agent);
  if (filter.initiator !== undefined) add('initiator = {initiator:String}', 'initiator', filter.initiator);
  if (filter.stages?.length) add('stage IN {stages:Array(String)}', 'stages', filter.stages);
  else sql.push("stage != 'read'");
  if (filter.outcomes?.length) add('outcome IN {outcomes:Array(String)}', 'outcomes', filter.outcomes);
  if (filter.run !== undefined) add('run = {run:UInt64} AND run_known = 1', 'run', filter.run);
  if (filter.outOfBand !== undefined) add('out_of_band = {out_of_band:UInt8}', 'out_of_band', filter.outOfBand ? 1 : 0);
  addValueConditions(filter, sql, params);
  return { sql, params };
}

function addValueConditions(filter: ChangeFilter, sql: string[], params: Record<string, unknown>): void {
  if (filter.attribute !== undefined) params.attribute = filter.attribute;
  if (filter.value !== undefined) {
    params.value = filter.value;
    // As the index `value_text` of the table has it, or it would not be used.
    sql.push('has(arrayConcat(value.new, value.old), {value:String})');
    // Where a value has no old or no new side, that column is empty: an empty text is not asked of it.
    const isValue = "((p != 'remove' AND n = {value:String}) OR (p != 'add' AND o = {value:String}))";
    const isAttribute = filter.attribute === undefined ? '1' : 'a = {attribute:String}';
    sql.push(
      `arrayExists((a, p, o, n) -> ${isAttribute} AND ${isValue}, value.attribute, value.operation, value.old, value.new)`,
    );
  } else if (filter.attribute !== undefined) sql.push('has(value.attribute, {attribute:String})');
}

export async function findChanges(context: QueryContext, filter: ChangeFilter, page: Page): Promise<ChangePage> {
  const { sql, params } = conditionOf(filter);
  return readPage(
    context,
    [`SELECT sequence FROM events WHERE ${[...sql, '1'].join(' AND ')} AND sequence < {before:UInt64}`],
    params,
    page,
  );
}

/** A page of the events that any of the inner queries finds; each selects `sequence` below {before}. */
export async function readPage(
  context: QueryContext,
  inners: readonly string[],
  params: Record<string, unknown>,
  page: Page,
): Promise<ChangePage> {
  const first = Math.max(1, Math.min(page.first, LARGEST_PAGE));
  const before = Math.min(page.before ?? context.watermark, context.watermark);
  const limited = inners.map((inner) => `(${inner} ORDER BY sequence DESC LIMIT ${first + 1})`);
  const inner = `SELECT DISTINCT sequence FROM (${limited.join(' UNION ALL ')}) ORDER BY sequence DESC LIMIT ${first + 1}`;
  const events = await readEvents(context, inner, { ...params, before }, 'DESC');
  return { events: events.slice(0, first), hasMore: events.length > first, watermark: context.watermark };
}
