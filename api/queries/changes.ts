// Changes by filters, newest first, in pages that stay stable while events arrive.
import { z } from 'zod';
import { formatMicros } from '../../ingest/clock.ts';
import type { ChangeEvent } from '../../ingest/event.ts';
import { describeGone, LARGEST_PAGE, type QueryContext, type Reach, readOptions, readSequences } from './context.ts';
import { isTold, type Sight } from './sight.ts';

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
  /**
   * Reads of the log (`read`), and the engine's state that an expiry carried forward (of `baseline`), are no changes: they are told only
   * to whoever asks for that stage.
   */
  stages?: readonly string[] | undefined;
  outcomes?: readonly string[] | undefined;
  /** That did them, or set one of their values. */
  rule?: string | undefined;
  run?: number | undefined;
  outOfBand?: boolean | undefined;
}

export interface Page {
  /** At most LARGEST_PAGE. */
  first: number;
  /** Only events before this sequence. */
  before?: number | undefined;
  /** So many of the newest events are looked at first; only tests set it. */
  span?: number | undefined;
}

export interface ChangePage {
  events: ChangeEvent[];
  hasMore: boolean;
  watermark: number;
  /** What would follow but has expired, in a sentence; undefined: nothing, or there is more that has not. */
  gone: string | undefined;
}

/** What a page is of: the events that meet any of the conditions. */
export interface PageOf extends Reach {
  wheres: readonly string[];
  params: Record<string, unknown>;
}

/** Conditions of one question, joined by AND. Every value is bound. */
export interface Condition {
  /** Whose: each finds its sequences in a projection, which has stage and outcome as well. */
  keys: string[];
  /** Of stage and outcome. */
  effects: string[];
  others: string[];
  params: Record<string, unknown>;
}

/** Neither a read nor what the engine remembered when events expired, which is for a replay to begin with. */
const IS_CHANGE = "stage != 'read' AND outcome NOT IN ('state-begins', 'state-carried-forward')";

/** The conditions of a filter. */
export function conditionOf(filter: ChangeFilter, sight: Sight): Condition {
  const condition: Condition = { keys: [], effects: [], others: [], params: {} };
  const { keys, effects, others, params } = condition;
  const add = (to: string[], sql: string, name: string, value: unknown) => {
    if (value === undefined) return;
    to.push(sql);
    params[name] = value;
  };
  addTimes(condition, filter);
  add(keys, 'object = {object:UUID}', 'object', filter.object);
  add(keys, 'initiator = {initiator:String}', 'initiator', filter.initiator);
  if (filter.stages?.length) add(effects, 'stage IN {stages:Array(String)}', 'stages', filter.stages);
  else effects.push(IS_CHANGE);
  if (filter.outcomes?.length) add(effects, 'outcome IN {outcomes:Array(String)}', 'outcomes', filter.outcomes);
  add(others, 'agent = {agent:String}', 'agent', filter.agent);
  add(others, '(rule = {rule:String} OR has(value.rule, {rule:String}))', 'rule', filter.rule);
  add(others, 'run = {run:UInt64} AND run_known = 1', 'run', filter.run);
  const outOfBand = filter.outOfBand === undefined ? undefined : Number(filter.outOfBand);
  add(others, 'out_of_band = {out_of_band:UInt8}', 'out_of_band', outOfBand);
  addValueConditions(filter, sight, others, params);
  return condition;
}

/** The span of time in which something happened, both ends included. */
export function addTimes({ others, params }: Condition, { from, to }: Pick<ChangeFilter, 'from' | 'to'>): void {
  if (from !== undefined) {
    others.push("occurred_at >= {from_time:DateTime64(6, 'UTC')}");
    params.from_time = formatMicros(from);
  }
  if (to !== undefined) {
    others.push("occurred_at <= {to_time:DateTime64(6, 'UTC')}");
    params.to_time = formatMicros(to);
  }
}

/** The part of the log that is looked at. */
const SPAN = 'sequence >= {lowest:UInt64} AND sequence < {before:UInt64}';

/** A condition as `readPage` wants it: answered by a projection alone where that has all that is asked. */
export function whereOf({ keys, effects, others }: Omit<Condition, 'params'>): string {
  if (keys.length === 0 || (keys.length === 1 && others.length === 0))
    return [...keys, ...effects, ...others].join(' AND ');
  const found = keys.map(
    (key) => `sequence IN (SELECT sequence FROM events WHERE ${[key, ...effects, SPAN].join(' AND ')})`,
  );
  return [...found, ...others].join(' AND ');
}

function addValueConditions(filter: ChangeFilter, sight: Sight, sql: string[], params: Record<string, unknown>): void {
  if (filter.attribute !== undefined) params.attribute = filter.attribute;
  if (filter.value !== undefined) {
    params.value = filter.value;
    // As the index `value_texts` of the table has it, or it would not be used.
    sql.push('has(arrayConcat(value.new, value.old), {value:String})');
    // Where a value has no old or no new side, that column is empty: an empty text is not asked of it.
    const isValue = "((p != 'remove' AND n = {value:String}) OR (p != 'add' AND o = {value:String}))";
    const isAttribute = filter.attribute === undefined ? '1' : 'a = {attribute:String}';
    const told = isTold(sight, 'm', 'a');
    Object.assign(params, told.params);
    sql.push(
      `arrayExists((a, p, o, n, m) -> ${isAttribute} AND ${isValue} AND ${told.sql}, value.attribute, value.operation, value.old, value.new, value.marks)`,
    );
  } else if (filter.attribute !== undefined) sql.push('has(value.attribute, {attribute:String})');
}

export async function findChanges(context: QueryContext, filter: ChangeFilter, page: Page): Promise<ChangePage> {
  const condition = conditionOf(filter, context.sight);
  const sought = { wheres: [whereOf(condition)], params: condition.params, ...reachOf(filter) };
  return readPage(context, sought, page);
}

/** A run is named by the first of its events. */
export function reachOf({ from, run }: ChangeFilter): Reach {
  return { from, lowest: run };
}

/** So many of the newest events are looked at first. */
const FIRST_SPAN = 500_000;
const GROWTH = 8;

/**
 * A page of events. It is looked for from the newest on, in spans that grow with what is missing:
 * what a page costs depends on the events that it takes to fill it, not on all that would meet a condition.
 */
export async function readPage(
  context: QueryContext,
  { wheres, params, ...reach }: PageOf,
  page: Page,
): Promise<ChangePage> {
  const first = Math.max(1, Math.min(page.first, LARGEST_PAGE));
  const lowest = context.expired?.below ?? 0;
  const found: number[] = [];
  let span = page.span ?? FIRST_SPAN;
  let before = Math.min(page.before ?? context.watermark, context.watermark);
  // Also of an empty log something is asked: a ClickHouse that is away has no answer.
  do {
    // What is left when it is little more: another statement takes longer than to look at twice as many.
    const from = before - lowest <= 2 * span ? Math.min(lowest, before) : before - span;
    const missing = first + 1 - found.length;
    const some = await findNewest(context, wheres, { ...params, lowest: from, before }, missing);
    found.push(...some);
    const growth = some.length === 0 ? GROWTH : (1.25 * (missing - some.length)) / some.length;
    span = Math.ceil(span * Math.max(1, Math.min(GROWTH, growth)));
    before = from;
  } while (before > lowest && found.length <= first);
  const shown = found.slice(0, first);
  const read = await readSequences(context, shown);
  const events = shown.flatMap((sequence) => read.get(sequence) ?? []);
  const hasMore = found.length > first;
  const gone = hasMore ? undefined : describeGone(context, reach);
  return { events, hasMore, watermark: context.watermark, gone };
}

/** Sequences in the span, the newest first. */
async function findNewest(
  context: QueryContext,
  wheres: readonly string[],
  params: Record<string, unknown>,
  most: number,
): Promise<number[]> {
  const each = wheres.map(
    (where) => `(SELECT sequence FROM events WHERE ${where} AND ${SPAN} ORDER BY sequence DESC LIMIT ${most})`,
  );
  const sql = `SELECT DISTINCT sequence FROM (${each.join(' UNION ALL ')}) ORDER BY sequence DESC LIMIT ${most}`;
  const rows = await context.clickhouse.select(sql, params, z.object({ sequence: z.number() }), readOptions(context));
  return rows.map(({ sequence }) => sequence);
}
