// Changes in the order of the log, from a sequence onwards: what is exported, fed to other systems, followed live and
// watched by alerts. Whoever continues with `next` misses nothing and gets nothing twice.
import { z } from 'zod';
import type { ChangeEvent } from '../../ingest/event.ts';
import { type ChangeFilter, conditionOf, reachOf, whereOf } from './changes.ts';
import { describeGone, type QueryContext, readOptions, readSequences } from './context.ts';

export interface Onwards {
  /** The first sequence that may be given. */
  from: number;
  /** At most so many events at once; at most 1000. */
  first: number;
  /** So many events are looked at first; only tests set it. */
  span?: number | undefined;
}

export interface OnwardPage {
  /** In the order of the log. */
  events: ChangeEvent[];
  /** Where to continue: all before it was looked at. */
  next: number;
  /** Up to here everything was delivered: when `next` has reached it, there is no more now. */
  watermark: number;
  /** What would come first but has expired, in a sentence. */
  gone: string | undefined;
}

/** So many events are looked at first, and at most: a statement stays within its limits however rare what is sought is. */
const FIRST_SPAN = 100_000;
const LONGEST_SPAN = 6_400_000;
const GROWTH = 8;

/** One page. Throws LogError as every question does. */
export async function findOnwards(context: QueryContext, filter: ChangeFilter, page: Onwards): Promise<OnwardPage> {
  const { watermark, expired } = context;
  const condition = conditionOf(filter, context.sight);
  const where = whereOf(condition);
  const most = Math.max(1, Math.min(page.first, 1000));
  const found: number[] = [];
  let span = page.span ?? FIRST_SPAN;
  let next = Math.max(page.from, expired?.below ?? 0, filter.run ?? 0);
  while (next < watermark && found.length < most) {
    const before = Math.min(watermark, next + span);
    const missing = most - found.length;
    const params = { ...condition.params, lowest: next, before };
    const sql = `SELECT sequence FROM events WHERE ${where} AND sequence >= {lowest:UInt64} AND sequence < {before:UInt64} ORDER BY sequence LIMIT ${missing}`;
    const rows = await context.clickhouse.select(sql, params, z.object({ sequence: z.number() }), readOptions(context));
    for (const { sequence } of rows) found.push(sequence);
    next = rows.length < missing ? before : (found.at(-1) ?? next) + 1;
    span = Math.min(span * GROWTH, LONGEST_SPAN);
  }
  const read = await readSequences(context, found);
  const events = found.flatMap((sequence) => read.get(sequence) ?? []);
  const reach = reachOf(filter);
  const isCut = page.from < (expired?.below ?? 0);
  return { events, next, watermark, gone: isCut ? describeGone(context, reach) : undefined };
}

/** All of them up to the watermark, in pages; it ends when whoever asks stops taking. */
export async function* readOnwards(
  context: QueryContext,
  filter: ChangeFilter,
  { from, first, span }: Onwards,
): AsyncGenerator<OnwardPage, void, undefined> {
  for (let next = from; next < context.watermark; ) {
    const page = await findOnwards(context, filter, { from: next, first, span });
    yield page;
    next = page.next;
  }
}
