// What ClickHouse holds of the log, compared with the journal: asked before anything is sent for the first time after a
// start and after every uncertain outcome. A deduplication token cannot replace it: tokens are forgotten after a while,
// say nothing of other content, and nothing of a view's target that an insert cut off in the middle has not reached.
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { eraseRow } from '../erasure/erased-row.ts';
import { LogError } from '../errors.ts';
import type { Journal, JournalRow } from '../journal/journal.ts';
import { expiredOf } from '../retention/tombstones.ts';
import type { ClickHouse } from './connect.ts';
import { type EventRow, erasedOf, fromRow, rowSchema, SELECTED_COLUMNS } from './rows.ts';

/** Seconds for reading a batch back: it may be 20,000 rows. */
const TIME_LIMIT = 60;
/** The materialised views over `events` that have to hold a row for each thing that happened, and where they keep it. */
export const VIEWS = [
  { view: 'entitlement_changes_view', target: 'entitlement_changes', key: 'sequence, ordinal, value, granted' },
];

/**
 * An insert of ours that a server took up may still be at work after we gave up on it: what it holds is not known until it
 * is done. Throws LogError clickhouse-refused, retryable, while there is one.
 */
export async function refuseWhileInserting(clickhouse: ClickHouse, log: string, signal: AbortSignal): Promise<void> {
  if (clickhouse.embedded) return;
  const [working] = await clickhouse.select(
    `SELECT count() AS inserts FROM system.processes
     WHERE query_kind = 'Insert' AND position(query, concat('insert_deduplication_token = \\'', {log:String}, ':')) > 0`,
    { log },
    z.object({ inserts: z.number() }),
    { signal },
  );
  if (working && working.inserts > 0)
    throw new LogError('clickhouse-refused', 'ClickHouse is still at work on an insert of before.', {
      retryable: true,
    });
}

/** ClickHouse must hold exactly this log, and no more of it than the journal. Throws LogError when it does not. */
export async function refuseOtherLog(
  clickhouse: ClickHouse,
  journal: Journal,
  shipped: number,
  signal: AbortSignal,
): Promise<void> {
  const below = expiredOf(journal)?.below ?? 0;
  const different = (what: string) => new LogError('clickhouse-different', what);
  // Those that have expired may still be there, or not.
  const [held] = await clickhouse.select(
    'SELECT count() AS events, max(sequence) AS last FROM events WHERE sequence >= {below:UInt64}',
    { below },
    z.object({ events: z.number(), last: z.number() }),
    { signal },
  );
  if (!held || held.events === 0) {
    if (shipped === 0) return;
    throw different(`ClickHouse holds no events, but ${shipped} were delivered to it.`);
  }
  const origins = await clickhouse.select(
    'SELECT DISTINCT log FROM events WHERE sequence IN ({below:UInt64}, {last:UInt64}) LIMIT 10',
    { last: held.last, below },
    z.object({ log: z.string() }),
    { signal },
  );
  const foreign = origins.find(({ log }) => log !== journal.log);
  if (foreign) throw different(`ClickHouse holds events of another log, ${foreign.log}.`);
  if (held.last >= journal.size) {
    throw new LogError(
      'clickhouse-ahead',
      `ClickHouse holds events up to sequence ${held.last}, the journal only ${journal.size} events.`,
    );
  }
  if (held.events + below !== held.last + 1 || held.events + below < shipped) {
    throw different(
      `ClickHouse holds ${held.events} events up to sequence ${held.last}, and ${shipped} were delivered to it.`,
    );
  }
}

/** Of a batch, the rows that ClickHouse does not hold yet. Those it holds must be the same, or LogError is thrown. */
export async function missingRows(
  clickhouse: ClickHouse,
  rows: readonly JournalRow[],
  signal: AbortSignal,
): Promise<readonly JournalRow[]> {
  const from = rows[0]?.sequence ?? 0;
  const held = await compareRows(clickhouse, rows, signal);
  if (held > 0) await completeViews(clickhouse, from, from + held);
  return rows.slice(held);
}

/** How many of these rows ClickHouse holds, from the first on. Throws LogError when one of them is another. */
export async function compareRows(
  clickhouse: ClickHouse,
  rows: readonly JournalRow[],
  signal: AbortSignal,
): Promise<number> {
  const from = rows[0]?.sequence ?? 0;
  const to = from + rows.length;
  const held = await clickhouse.select(
    `SELECT ${SELECTED_COLUMNS} FROM events WHERE sequence >= {from:UInt64} AND sequence < {to:UInt64}
     ORDER BY sequence LIMIT ${rows.length + 1}`,
    { from, to },
    z.unknown(),
    { timeLimit: TIME_LIMIT, signal },
  );
  for (const [index, row] of held.entries()) {
    if (!isSameEvent(row, rows[index]))
      throw new LogError('clickhouse-different', `ClickHouse holds another event ${from + index} than the journal.`);
  }
  return held.length;
}

function isSameEvent(held: unknown, ours: JournalRow | undefined): boolean {
  const parsed = rowSchema.safeParse(held);
  if (!parsed.success || !ours) return false;
  const row = rowSchema.parse(JSON.parse(ours.row));
  return isDeepStrictEqual(fromRow(asErased(parsed.data, row)), fromRow(row));
}

/** An event erased in the journal may not be erased in ClickHouse yet: what ClickHouse holds, as it will be then. */
export function asErased(held: EventRow, ours: EventRow): EventRow {
  const erased = erasedOf(ours);
  return erased ? rowSchema.parse(eraseRow(held, erased)) : held;
}

/** The sequences of a range, its bounds bound as `from` and `to`. */
const OF_RANGE = 'sequence >= {from:UInt64} AND sequence < {to:UInt64}';

/** What a view makes of the events that a condition holds for, by default those from `from` up to `to`: its own question, asked of them alone. */
export async function questionOf(clickhouse: ClickHouse, view: string, condition = OF_RANGE): Promise<string> {
  const [definition] = await clickhouse.select(
    `SELECT as_select FROM system.tables
     WHERE database = if({place:String} = '', currentDatabase(), {place:String}) AND name = {view:String}`,
    { view, place: clickhouse.cluster?.rowsDatabase ?? '' },
    z.object({ as_select: z.string() }),
  );
  const ofRange = definition?.as_select.replace(
    /\bFROM (`?\w+`?\.)?events\b/,
    `FROM (SELECT * FROM events WHERE ${condition})`,
  );
  if (ofRange === undefined || ofRange === definition?.as_select)
    throw new LogError('clickhouse-refused', `The view ${view} is not there, or does not read events.`);
  return ofRange;
}

/** An insert killed in the middle may have reached `events` and not what its views feed: that is made up for here. */
export async function completeViews(clickhouse: ClickHouse, from: number, to: number): Promise<void> {
  for (const { view, target, key } of VIEWS)
    await clickhouse.command(
      `INSERT INTO ${target} SELECT * FROM (${await questionOf(clickhouse, view)})
       WHERE (${key}) NOT IN (SELECT ${key} FROM ${target} WHERE ${OF_RANGE}) SETTINGS insert_deduplicate = 0`,
      { from, to },
    );
}

/** The tables whose rows of a range are not what their view makes of the log. */
export async function findWrongViews(clickhouse: ClickHouse, from: number, to: number): Promise<string[]> {
  const wrong: string[] = [];
  for (const { view, target, key } of VIEWS) {
    const rows = `SELECT (count(), sum(sipHash64(${key})))`;
    const [same] = await clickhouse.select(
      `SELECT (${rows} FROM (${await questionOf(clickhouse, view)})) = (${rows} FROM ${target} WHERE ${OF_RANGE}) AS same`,
      { from, to },
      z.object({ same: z.number() }),
      { timeLimit: TIME_LIMIT },
    );
    if (same?.same !== 1) wrong.push(target);
  }
  return wrong;
}
