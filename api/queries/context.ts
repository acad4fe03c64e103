// What every question is asked with: the log, and up to which event. No answer is ever cut off in silence: what is
// larger than its limit is refused with a sentence.
import type { z } from 'zod';
import type { ReadOptions } from '../../ingest/clickhouse/connect.ts';
import { fromRow, rowSchema, SELECTED_COLUMNS } from '../../ingest/clickhouse/rows.ts';
import { formatIso } from '../../ingest/clock.ts';
import type { Questioned } from '../../ingest/erasure/emptied-first.ts';
import type { ChangeEvent } from '../../ingest/event.ts';
import type { Expired } from '../../ingest/retention/tombstones.ts';
import { type Sight, seenOf } from './sight.ts';

export interface QueryContext {
  /** Of a log that is open, the one that tells nothing of who is erased. */
  clickhouse: Questioned;
  /** The origin of the log. */
  log: string;
  /** Answers stop before this sequence: the delivered watermark, or less when asked for what was known then. */
  watermark: number;
  /** Events that have expired are not there any more, but for what was carried forward. */
  expired?: Expired | undefined;
  signal?: AbortSignal;
  /** What whoever asks may see. */
  sight: Sight;
}

/** The stage whose effect an event has: a baseline event carries forward that of one which has expired, or (`state`) what the engine remembers. */
export const STAGE = "if(stage = 'baseline', step_kind, stage)";

/** The same of an event that was read. */
export function stageOf(event: ChangeEvent): string {
  return event.stage === 'baseline' ? (event.stepKind ?? '') : event.stage;
}

/** Stages of events that are about the log and its runs: nothing that anything else stands on has changed. */
export const NO_CHANGES = "('run', 'configuration', 'read', 'baseline', 'alert')";

export const NO_ID = '00000000-0000-0000-0000-000000000000';

/** No answer has more rows than this, whatever is asked for. */
export const MOST_ROWS = 200_000;
export const LARGEST_PAGE = 1000;

/** Events that took effect, as opposed to intents, failures, refusals and losers. */
export const WITHOUT_EFFECT = [
  'export-intent',
  'export-failure',
  'skipped-not-precedent',
  'stage-failure',
  'unresolved-reference',
  'ambiguous-reference',
  'reference-not-joined',
  'flow-failure',
];

/** The answer is larger than this program gives at once. It is refused whole: a part of it would be taken for all. */
export class AnswerTooLargeError extends Error {
  override name = 'AnswerTooLargeError';

  constructor(most: number, what = 'rows') {
    super(
      `The answer has more than ${most.toLocaleString('en')} ${what}; ask for less: a shorter time, one system or one object.`,
    );
  }
}

/** How far back an answer goes. */
export interface Reach {
  /** The first instant that it is about, in microseconds; undefined: the beginning. */
  from?: number | undefined;
  /** The first event that it can stand on; undefined: the first of all. */
  lowest?: number | undefined;
}

/** What an answer lacks because it has expired, in a sentence; undefined: nothing. */
export function describeGone({ expired }: QueryContext, { from = 0, lowest = 0 }: Reach = {}): string | undefined {
  if (!expired || from > expired.until || lowest >= expired.below) return undefined;
  return `Events before ${expired.below} have expired, the last of which happened at ${formatIso(expired.until)}: of times up to then only what still held is known.`;
}

/** The log does not hold what it says of itself: something that an event names is not there. */
export class BrokenLogError extends Error {
  override name = 'BrokenLogError';
}

export function readOptions(context: QueryContext, timeLimit?: number): ReadOptions {
  return { ...(context.signal && { signal: context.signal }), ...(timeLimit !== undefined && { timeLimit }) };
}

export interface Limits {
  /** More rows than this are refused. */
  most?: number;
  /** Seconds. */
  timeLimit?: number;
}

/** All rows of a question, each checked; the watermark is bound. Throws AnswerTooLargeError rather than leave any out. */
export async function readAll<T extends z.ZodType>(
  context: QueryContext,
  sql: string,
  params: Record<string, unknown>,
  schema: T,
  { most = MOST_ROWS, timeLimit }: Limits = {},
): Promise<z.infer<T>[]> {
  const rows = await context.clickhouse.select(
    `${sql} LIMIT ${most + 1}`,
    { watermark: context.watermark, ...params },
    schema,
    readOptions(context, timeLimit),
  );
  if (rows.length > most) throw new AnswerTooLargeError(most);
  return rows;
}

/**
 * Reads whole events whose sequences `inner` selects (one column, `sequence`, with its own order and limit): the inner
 * query walks a projection or an index, the outer reads the few rows by the primary key. They are put in order here: ClickHouse
 * would read backwards for it, granule by granule, which takes it a quarter longer. Whoever gives `seen` withholds themselves
 * what is not told.
 */
export async function readEvents(
  context: QueryContext,
  inner: string,
  params: Record<string, unknown>,
  order: 'ASC' | 'DESC',
  seen: (sight: Sight, event: ChangeEvent) => ChangeEvent = seenOf,
): Promise<ChangeEvent[]> {
  // A UNION right inside of IN is refused on a cluster (ingest/clickhouse/clients.ts).
  const sql = `SELECT ${SELECTED_COLUMNS} FROM events WHERE sequence IN (SELECT sequence FROM (${inner}))`;
  const rows = await readAll(context, sql, params, rowSchema);
  const events = await Promise.all(rows.map(async (row) => seen(context.sight, await trim(context, fromRow(row)))));
  return events.sort((a, b) => (order === 'ASC' ? a.sequence - b.sequence : b.sequence - a.sequence));
}

/** Of what whoever asks sees only for a part of its values, that part. */
async function trim({ sight }: QueryContext, event: ChangeEvent): Promise<ChangeEvent> {
  return sight.team ? sight.team.trim(event) : event;
}

/** The same question about what held at an instant: whoever sees people for a time is told of those they saw then. */
export function asHeld(context: QueryContext, at: number): QueryContext {
  const { team } = context.sight;
  return team ? { ...context, clickhouse: team.asOf(at) } : context;
}

/**
 * A condition: what concerns these objects, entries or initiators; `values` is what is IN. The projection of that name finds the
 * sequences without looking at events, as long as `and` names nothing but `stage` and `outcome`.
 */
export function isOf(what: 'object' | 'entry' | 'initiator', values: string, and = '1'): string {
  return `sequence IN (SELECT sequence FROM events WHERE ${what} IN ${values} AND ${and} AND sequence < {watermark:UInt64})`;
}

/** Values bound to one query: a server takes 128 KiB of them. */
const BATCH_VALUES = { server: 2000, embedded: 50_000 };

/** Values in parts of which each can be bound to a query. */
export function* batchesOf<T extends string | number>(context: QueryContext, values: readonly T[]): Generator<T[]> {
  const most = BATCH_VALUES[context.clickhouse.embedded ? 'embedded' : 'server'];
  for (let from = 0; from < values.length; from += most) yield values.slice(from, from + most);
}

const GROWTH = 8;

/** Where the spans begin in which the log is looked through from the newest event on, each larger than the one before; the last begins where the log does. */
export function* spansOf({ watermark, expired }: QueryContext, first: number): Generator<number> {
  const lowest = expired?.below ?? 0;
  let span = first;
  let before = watermark;
  // What is left when it is little more is looked at as well: another statement takes longer.
  while (before - lowest > 2 * span) {
    before -= span;
    yield before;
    span *= GROWTH;
  }
  yield Math.min(lowest, watermark);
}

/** Whole events looked up in one query. */
const BATCH_SEQUENCES = 5000;

/** The events below the watermark that have these sequences; those of one query are in order. */
export async function readSequences(
  context: QueryContext,
  sequences: readonly number[],
): Promise<Map<number, ChangeEvent>> {
  const found = new Map<number, ChangeEvent>();
  const wanted = [...new Set(sequences)].filter((sequence) => sequence < context.watermark);
  for (let from = 0; from < wanted.length; from += BATCH_SEQUENCES) {
    const part = wanted.slice(from, from + BATCH_SEQUENCES);
    const sql = `SELECT ${SELECTED_COLUMNS} FROM events WHERE sequence IN {sequences:Array(UInt64)}`;
    const rows = await readAll(context, sql, { sequences: part }, rowSchema);
    for (const row of rows.sort((a, b) => a.sequence - b.sequence))
      found.set(row.sequence, seenOf(context.sight, await trim(context, fromRow(row))));
  }
  return found;
}
