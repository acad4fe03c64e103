// What ClickHouse holds of the log, compared with the journal: asked before anything is sent for the first time after a
// start and after every uncertain outcome. A deduplication token cannot replace it: tokens are forgotten after a while,
// say nothing of other content, and nothing of a view's target that an insert cut off in the middle has not reached.
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { eraseRow } from '../erasure/erased-row.ts';
import { ErasureReader } from '../erasure/journal-reader.ts';
import { LogError } from '../errors.ts';
import type { Journal, JournalRow } from '../journal/journal.ts';
import { expiredOf } from '../retention/tombstones.ts';
import type { ClickHouse } from './connect.ts';
import { type EventRow, erasedOf, fromRow, rowSchema, SELECTED_COLUMNS } from './rows.ts';

/** Seconds for reading a batch back: it may be 20,000 rows. */
const TIME_LIMIT = 60;
/** Seconds for counting all events: 10 million take 0.3 s. */
const COUNT_LIMIT = 600;
/** The sequences of a range, its bounds bound as `from` and `to`. */
const OF_RANGE = 'sequence >= {from:UInt64} AND sequence < {to:UInt64}';
/** Delivered rows that are compared before anything is sent: 0.2 s of the largest. The older ones are the scrubber's. */
const NEWEST_ROWS = 1_000;
/**
 * The materialised views over `events` that have to hold a row for each thing that happened, and where they keep it. What is not
 * `fedBy` says nothing to a view: to leave it out takes a fifth of the time.
 */
export const VIEWS = [
  {
    view: 'entitlement_changes_view',
    target: 'entitlement_changes',
    key: 'sequence, ordinal, value, granted',
    fedBy: 'arrayExists(m -> bitAnd(m, 1) = 1, value.marks)',
  },
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

/**
 * ClickHouse must hold exactly this log, each event of it once, no more than the journal and no less than was delivered; of what
 * was delivered the newest rows, and what the views made of them, must be as they are here. Throws LogError when not.
 */
export async function refuseOtherLog(
  clickhouse: ClickHouse,
  journal: Journal,
  shipped: number,
  signal: AbortSignal,
): Promise<void> {
  // Those that have expired may still be there, or not.
  const below = expiredOf(journal)?.below ?? 0;
  const held = await countHeld(clickhouse, journal.log, { from: below, to: Number.MAX_SAFE_INTEGER }, signal);
  if (held.events === 0) {
    if (shipped === 0) return;
    throw different(`ClickHouse holds no events, but ${shipped} were delivered to it.`);
  }
  refuseForeign(held);
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
  await refuseRepeated(clickhouse, below, held, signal);
  const newest = Math.max(journal.firstRow, below, shipped - NEWEST_ROWS);
  await holdsDelivered(clickhouse, journal, journal.rows(newest, Math.max(0, shipped - newest)), signal);
  await refuseWrongViews(clickhouse, journal, newest, shipped, signal);
}

/** Of what was delivered, ClickHouse must hold each event once, and of no other log. Throws LogError when it does not. */
export async function refuseLost(
  clickhouse: ClickHouse,
  journal: Journal,
  shipped: number,
  signal: AbortSignal,
): Promise<void> {
  const below = expiredOf(journal)?.below ?? 0;
  const held = await countHeld(clickhouse, journal.log, { from: below, to: shipped }, signal);
  // What expired meanwhile may be gone.
  if (below !== (expiredOf(journal)?.below ?? 0)) return;
  refuseForeign(held);
  if (held.events + below !== shipped)
    throw different(
      `ClickHouse holds ${held.events} of the ${shipped - below} events from ${below} on that were delivered.`,
    );
  await refuseRepeated(clickhouse, below, held, signal);
}

const different = (what: string) => new LogError('clickhouse-different', what);

const heldRow = z.object({
  events: z.number(),
  last: z.number(),
  foreign: z.number(),
  other: z.string(),
  sequences: z.string(),
});
type Held = z.infer<typeof heldRow>;

/** One pass over two columns. The sum says which sequences there are: another set of as many has another one. */
async function countHeld(
  clickhouse: ClickHouse,
  log: string,
  range: { from: number; to: number },
  signal: AbortSignal,
): Promise<Held> {
  const [held] = await clickhouse.select(
    `SELECT count() AS events, max(sequence) AS last, countIf(log != {log:String}) AS foreign,
       anyIf(log, log != {log:String}) AS other, toString(sum(intHash64(sequence))) AS sequences
     FROM events WHERE ${OF_RANGE}`,
    { log, ...range },
    heldRow,
    { timeLimit: COUNT_LIMIT, signal },
  );
  return held ?? { events: 0, last: 0, foreign: 0, other: '', sequences: '0' };
}

function refuseForeign({ foreign, other }: Held): void {
  if (foreign > 0) throw different(`ClickHouse holds events of another log, ${other}.`);
}

/** As many as there should be, but one of them twice and another not at all. */
async function refuseRepeated(
  clickhouse: ClickHouse,
  below: number,
  { events, last, sequences }: Held,
  signal: AbortSignal,
): Promise<void> {
  const [dense] = await clickhouse.select(
    'SELECT toString(sum(intHash64(number))) AS sequences FROM numbers({below:UInt64}, {events:UInt64})',
    { below, events },
    z.object({ sequences: z.string() }),
    { timeLimit: COUNT_LIMIT, signal },
  );
  if (dense?.sequences !== sequences)
    throw different(`ClickHouse holds ${events} events up to sequence ${last}, but not each of them once.`);
}

/**
 * Whether ClickHouse holds these rows, which were delivered; not, when somebody erased them or let them go while it was asked.
 * Throws LogError clickhouse-different when it does not hold what it was delivered.
 */
export async function holdsDelivered(
  clickhouse: ClickHouse,
  journal: Journal,
  rows: readonly JournalRow[],
  signal: AbortSignal,
): Promise<boolean> {
  const [first] = rows;
  if (!first) return true;
  const { sequence } = first;
  try {
    const held = await compareRows(clickhouse, rows, signal);
    if (held === rows.length) return true;
    throw different(`ClickHouse does not hold event ${sequence + held}, which was delivered.`);
  } catch (error) {
    const isGone = sequence < (expiredOf(journal)?.below ?? 0) || journal.firstRow > sequence;
    if (isGone || !isDeepStrictEqual(journal.rows(sequence, rows.length), rows)) return false;
    throw error;
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
      throw different(`ClickHouse holds another event ${from + index} than the journal.`);
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

/** The tables whose rows of a range are not what their view makes of the log, in any column. */
export async function findWrongViews(
  clickhouse: ClickHouse,
  from: number,
  to: number,
  signal?: AbortSignal,
): Promise<string[]> {
  const wrong: string[] = [];
  for (const { view, target, fedBy } of VIEWS) {
    const rows = 'SELECT (count(), sum(sipHash64(*)))';
    const made = await questionOf(clickhouse, view, `${OF_RANGE} AND ${fedBy}`);
    const [same] = await clickhouse.select(
      `SELECT (${rows} FROM (${made})) = (${rows} FROM ${target} WHERE ${OF_RANGE}) AS same`,
      { from, to },
      z.object({ same: z.number() }),
      { timeLimit: TIME_LIMIT, signal },
    );
    if (same?.same !== 1) wrong.push(target);
  }
  return wrong;
}

/**
 * Throws LogError clickhouse-different when a table does not hold what its view makes of these delivered events. Whoever erases
 * or lets go changes one after the other, so that is not judged until they are through.
 */
export async function refuseWrongViews(
  clickhouse: ClickHouse,
  journal: Journal,
  from: number,
  to: number,
  signal: AbortSignal,
): Promise<void> {
  if (from >= to) return;
  for (let looks = 1; ; looks++) {
    const [wrong] = await findWrongViews(clickhouse, from, to, signal);
    if (wrong === undefined || isChanging(journal, from, to)) return;
    // They may have come to their end since the question was asked: it is asked once more.
    if (looks === 2)
      throw different(`${wrong} is not what its view makes of the events ${from} to ${to - 1} in ClickHouse.`);
  }
}

/** Whether some of these events are erased and not yet so in ClickHouse, or expire. */
function isChanging(journal: Journal, from: number, to: number): boolean {
  if (from < (expiredOf(journal)?.below ?? 0)) return true;
  const reader = new ErasureReader(journal.folder);
  try {
    return reader.unsettled().events.some(({ sequence }) => sequence >= from && sequence < to);
  } finally {
    reader.close();
  }
}
