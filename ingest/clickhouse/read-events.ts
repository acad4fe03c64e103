// The whole log in sequence order, page by page: from ClickHouse what is delivered, from the journal the rest.
import { eraseRow } from '../erasure/erased-row.ts';
import { LogError } from '../errors.ts';
import type { ChangeEvent } from '../event.ts';
import type { JournalSnapshot } from '../journal/snapshot.ts';
import type { ClickHouse } from './connect.ts';
import { type EventRow, fromRow, rowSchema, SELECTED_COLUMNS } from './rows.ts';

/** Events in one page: with thirty values each some 6 MB, and a quarter of a second for a replay. */
const PAGE_EVENTS = 1_000;
/** Seconds for one page. */
const TIME_LIMIT = 60;

/**
 * Pages of events, from the first that has not expired on, all below the snapshot's size. Without `clickhouse` the journal must still hold every row. Throws
 * LogError: journal-trimmed, clickhouse-different when a row is missing or another log's, and what ClickHouse says.
 */
export async function* readEvents(
  snapshot: JournalSnapshot,
  clickhouse: ClickHouse | undefined,
): AsyncIterable<ChangeEvent[]> {
  const unsettled = new Map(snapshot.unsettled().map((event) => [event.sequence, event]));
  const emptied = (row: EventRow): EventRow => {
    const erased = unsettled.get(row.sequence);
    return erased ? rowSchema.parse(eraseRow(row, erased)) : row;
  };
  const delivered = clickhouse ? Math.min(snapshot.shipped, snapshot.size) : 0;
  for (let next = snapshot.expiredBelow(); next < snapshot.size; ) {
    const isDelivered = next < delivered;
    const end = Math.min(next + PAGE_EVENTS, isDelivered ? delivered : snapshot.size);
    const rows =
      clickhouse && isDelivered ? await deliveredRows(clickhouse, next, end) : journalRows(snapshot, next, end);
    yield checked(rows.map(emptied), snapshot.log, next, end, isDelivered);
    next = end;
  }
}

function deliveredRows(clickhouse: ClickHouse, from: number, to: number): Promise<EventRow[]> {
  return clickhouse.select(
    `SELECT ${SELECTED_COLUMNS} FROM events WHERE sequence >= {from:UInt64} AND sequence < {to:UInt64} ORDER BY sequence LIMIT ${PAGE_EVENTS + 1}`,
    { from, to },
    rowSchema,
    { timeLimit: TIME_LIMIT },
  );
}

function journalRows(snapshot: JournalSnapshot, from: number, to: number): EventRow[] {
  if (from < snapshot.firstRow)
    throw new LogError(
      'journal-trimmed',
      `The journal begins with event ${snapshot.firstRow}; event ${from} was asked for.`,
    );
  return snapshot.rows(from, to - from).map((row) => rowSchema.parse(JSON.parse(row)));
}

function checked(
  rows: readonly EventRow[],
  log: string,
  from: number,
  to: number,
  isDelivered: boolean,
): ChangeEvent[] {
  const wrong = rows.findIndex((row, index) => row.sequence !== from + index || row.log !== log);
  const at = wrong < 0 ? rows.length : wrong;
  if (from + at < to || rows.length > to - from) {
    const said = `Event ${from + at} of the log ${log} is not where it should be in ${isDelivered ? 'ClickHouse' : 'the journal'}.`;
    throw new LogError(isDelivered ? 'clickhouse-different' : 'journal-damaged', said);
  }
  return rows.map(fromRow);
}
