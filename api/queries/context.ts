// What every question is asked with: the log, and up to which event.
import type { ClickHouse, ReadOptions } from '../../ingest/clickhouse/connect.ts';
import { EVENT_COLUMNS, fromRow, rowSchema } from '../../ingest/clickhouse/rows.ts';
import type { ChangeEvent } from '../../ingest/event.ts';

export interface QueryContext {
  clickhouse: ClickHouse;
  /** The origin of the log. */
  log: string;
  /** Answers stop before this sequence: the delivered watermark, or less when asked for what was known then. */
  watermark: number;
  signal?: AbortSignal;
}

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

const COLUMNS = EVENT_COLUMNS.map((column) => `\`${column}\``).join(', ');

export function readOptions(context: QueryContext, timeLimit?: number): ReadOptions {
  return { ...(context.signal && { signal: context.signal }), ...(timeLimit !== undefined && { timeLimit }) };
}

/**
 * Reads whole events whose sequences `inner` selects (one column, `sequence`, with its own order and limit): the inner
 * query walks a projection or an index, the outer reads the few rows by the primary key.
 */
export async function readEvents(
  context: QueryContext,
  inner: string,
  params: Record<string, unknown>,
  order: 'ASC' | 'DESC',
): Promise<ChangeEvent[]> {
  const sql = `SELECT ${COLUMNS} FROM events WHERE sequence IN (${inner}) ORDER BY sequence ${order} LIMIT ${MOST_ROWS}`;
  const rows = await context.clickhouse.select(
    sql,
    { watermark: context.watermark, ...params },
    rowSchema,
    readOptions(context),
  );
  return rows.map(fromRow);
}

export async function readSequences(
  context: QueryContext,
  sequences: readonly number[],
): Promise<Map<number, ChangeEvent>> {
  const found = new Map<number, ChangeEvent>();
  const wanted = [...new Set(sequences)];
  for (let from = 0; from < wanted.length; from += 5000) {
    const part = wanted.slice(from, from + 5000);
    const inner = 'SELECT arrayJoin({sequences:Array(UInt64)}) AS sequence';
    for (const event of await readEvents(context, inner, { sequences: part }, 'ASC')) {
      if (event.sequence < context.watermark) found.set(event.sequence, event);
    }
  }
  return found;
}
