// Makes log and journal agree again after a store was restored from a backup, lost something or was altered. Nothing is
// thrown away: rows of `events` that the journal cannot prove go to `events_set_aside`. An event tells each thing that was
// done. What is to be done is kept in the state before it is, so that a recovery that was cut off is finished, and told, by the next.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { formatMicros, systemClock } from '../clock.ts';
import { LogError } from '../errors.ts';
import type { EventValue, ProposedEvent } from '../event.ts';
import type { Journal } from '../journal/journal.ts';
import { expiredOf } from '../retention/tombstones.ts';
import { completeViews, VIEWS } from './comparison.ts';
import type { ClickHouse } from './connect.ts';
import {
  countOf,
  type Diagnosis,
  findGaps,
  formatRange,
  isOfAnotherLog,
  joinRanges,
  type Range,
} from './recover-diagnosis.ts';
import { EVENT_COLUMNS, INSERTED_COLUMNS } from './rows.ts';

/** Who repairs, and why: kept in the event, so neither may name a person's data. */
export interface Order {
  by: string;
  why: string;
  /** Replace what differs by the journal's rows. */
  fromJournal: boolean;
}

export interface Repaired {
  setAside: number;
  putBack: number;
}

const ROWS_AT_ONCE = 5_000;
const BYTES_AT_ONCE = 16 * 1024 * 1024;
const TIME_LIMIT = 600;
const KIND = 'recovery';
const KEY = 'pending';
const PERFORMER = 'metatrail recover';

/** Ranges that one event names. */
const MOST_RANGES = 100;

const rangeSchema = z.object({ from: z.number(), to: z.number() });
/** What is being done: each thing from before it begins until the events about all of it are accepted. */
const pendingSchema = z.object({
  /** Microseconds, UTC: what the rows set aside are found by. */
  at: z.number(),
  by: z.string(),
  why: z.string(),
  /** What is set aside, its rows and the hash over them. */
  ranges: z.array(rangeSchema),
  rows: z.number(),
  sha256: z.string(),
  putBack: z.array(rangeSchema).default([]),
  views: z.array(z.object({ table: z.string(), range: rangeSchema })).default([]),
});
type Pending = z.infer<typeof pendingSchema>;

/** A recovery that was cut off, if there is one. */
export function readPending(journal: Journal): Pending | undefined {
  const kept = journal.state.get(KIND, KEY);
  return kept === undefined ? undefined : pendingSchema.parse(kept);
}

/** Why this cannot be repaired from what is here; undefined: it can. */
export function findObstacle(diagnosis: Diagnosis, order: Pick<Order, 'fromJournal'>): string | undefined {
  if (diagnosis.foreign.length > 0)
    return isOfAnotherLog(diagnosis.foreign, diagnosis.held)
      ? 'The rows of another log are never touched: name the ClickHouse of this data folder.'
      : 'The journal has no rows to put in the place of all that are of another log: restore ClickHouse from a backup.';
  if (diagnosis.twice.length > 0)
    return 'The journal has no rows to tell which of two is right: restore ClickHouse from a backup.';
  if (diagnosis.lost.length > 0)
    return 'The journal has these rows no more: restore ClickHouse from a backup that holds them, or bring them back from a bundle.';
  if (diagnosis.different !== undefined && !order.fromJournal)
    return 'What differs is replaced by the journal’s rows only when --from-journal says that the journal is right.';
  return undefined;
}

/**
 * Repairs what findObstacle has nothing against. Nobody else writes meanwhile. Throws LogError when a store does not do it;
 * called again it goes on where it was.
 */
export async function repair(
  journal: Journal,
  clickhouse: ClickHouse,
  diagnosis: Diagnosis,
  order: Order,
): Promise<Repaired> {
  const begun = await begin(journal, clickhouse, diagnosis, order);
  if (begun.ranges.length > 0) await setAside(clickhouse, begun);
  const gaps = await findGaps(clickhouse, expiredOf(journal)?.below ?? 0, Number(journal.fact('shipped') ?? 0));
  const pending = { ...begun, putBack: joinRanges([...begun.putBack, ...gaps]) };
  if (gaps.length > 0) await keep(journal, pending);
  await sendAgain(journal, clickhouse, gaps);
  for (const { table, range } of pending.views) await makeViewAgain(clickhouse, table, range);
  const events = describeRepair(pending, journal.size);
  await journal.accept(() => ({ events, state: [{ kind: KIND, key: KEY, value: null }] }));
  return { setAside: pending.rows, putBack: countOf(pending.putBack) };
}

/** Writes down what will be done, with what one that was cut off had begun, before anything changes. */
async function begin(
  journal: Journal,
  clickhouse: ClickHouse,
  { ahead, different, views }: Diagnosis,
  { by, why }: Order,
): Promise<Pending> {
  const known = readPending(journal) ?? { at: systemClock(), by, why, ...NOTHING };
  const ranges = [...(different ? [different.range] : []), ...(ahead ? [{ from: ahead.from, to: ahead.to }] : [])];
  // Rows that are on their way already are gone on with as they were found, whatever is left of them.
  const moved = known.ranges.length > 0 ? {} : { ranges, ...(await hashRows(clickhouse, ranges)) };
  const isNew = ({ table, range }: Pending['views'][number]) =>
    !known.views.some((each) => each.table === table && each.range.from === range.from);
  const pending = { ...known, ...moved, views: [...known.views, ...views.filter(isNew)] };
  await keep(journal, pending);
  return pending;
}

const NOTHING = { ranges: [], rows: 0, sha256: '', putBack: [], views: [] };

async function keep(journal: Journal, pending: Pending): Promise<void> {
  await journal.accept(() => ({ events: [], state: [{ kind: KIND, key: KEY, value: pending }] }));
}

const listColumns = (columns: readonly string[]): string => columns.map((column) => `\`${column}\``).join(', ');

/** SHA-256 over the rows in the order of their sequences: each a JSON array of the columns of `events`, then a line feed. */
async function hashRows(clickhouse: ClickHouse, ranges: readonly Range[]): Promise<{ rows: number; sha256: string }> {
  const hash = createHash('sha256');
  let rows = 0;
  for (const range of ranges)
    for (let from = range.from; from < range.to; from += ROWS_AT_ONCE) {
      const page = await clickhouse.select(
        `SELECT ${listColumns(EVENT_COLUMNS)} FROM events WHERE sequence >= {from:UInt64} AND sequence < {to:UInt64}
         ORDER BY sequence, recorded_at`,
        { from, to: Math.min(from + ROWS_AT_ONCE, range.to) },
        z.record(z.string(), z.unknown()),
        { timeLimit: TIME_LIMIT },
      );
      for (const row of page) hash.update(`${JSON.stringify(EVENT_COLUMNS.map((column) => row[column]))}\n`);
      rows += page.length;
    }
  return { rows, sha256: hash.digest('hex') };
}

const within = (ranges: readonly Range[]): string =>
  ranges.map(({ from, to }) => `(sequence >= ${Number(from)} AND sequence < ${Number(to)})`).join(' OR ');

/** Copies the rows and removes them where they were, in this order: until all are copied none is removed. */
async function setAside(clickhouse: ClickHouse, { at, ranges, rows }: Pending): Promise<void> {
  const time = formatMicros(at);
  const where = within(ranges);
  const columns = listColumns(EVENT_COLUMNS);
  await onEachOwner(clickhouse, async (owners) => {
    if ((await countSetAside(clickhouse, time)) !== rows) {
      for (const owner of owners) {
        await owner.command(
          'ALTER TABLE events_set_aside DELETE WHERE set_aside_at = {time:DateTime64(6)} SETTINGS mutations_sync = 2',
          { time },
        );
        await owner.command(
          `INSERT INTO events_set_aside (${columns}, set_aside_at)
           SELECT ${columns}, {time:DateTime64(6)} FROM events WHERE ${where} SETTINGS insert_deduplicate = 0`,
          { time },
        );
      }
      const copied = await countSetAside(clickhouse, time);
      if (copied !== rows)
        throw new LogError('clickhouse-different', `Of ${rows} rows to be set aside ClickHouse holds ${copied} now.`);
    }
    for (const owner of owners)
      for (const table of ['events', ...VIEWS.map(({ target }) => target)])
        await owner.command(`ALTER TABLE ${table} DELETE WHERE ${where} SETTINGS mutations_sync = 2`);
  });
}

/** Rows are moved and removed where they are, on each server that holds some, by the user who may. */
async function onEachOwner(clickhouse: ClickHouse, work: (owners: ClickHouse[]) => Promise<void>): Promise<void> {
  const owners = await clickhouse.openOwners();
  try {
    await work(owners);
  } finally {
    await Promise.all(owners.map((owner) => owner.close()));
  }
}

async function countSetAside(clickhouse: ClickHouse, time: string): Promise<number> {
  const [row] = await clickhouse.select(
    'SELECT count() AS rows FROM events_set_aside WHERE set_aside_at = {time:DateTime64(6)}',
    { time },
    z.object({ rows: z.number() }),
  );
  return row?.rows ?? 0;
}

/** Sends again what was delivered and is not there. Tokens would drop what ClickHouse held once, so there is none. */
async function sendAgain(journal: Journal, clickhouse: ClickHouse, gaps: readonly Range[]): Promise<void> {
  for (const gap of gaps) {
    // Before they are there: they go without their commitments, and who is cut off after that finds no gap any more.
    if (journal.isErasedWithin(gap.from, gap.to))
      await journal.workOnErasure({ kind: 'unsettled', from: gap.from, to: gap.to });
    for (let from = gap.from; from < gap.to; ) {
      const rows = journal.rows(from, Math.min(ROWS_AT_ONCE, gap.to - from), BYTES_AT_ONCE);
      await clickhouse.insert(
        `INSERT INTO events (${listColumns(INSERTED_COLUMNS)}) SETTINGS insert_deduplicate = 0, async_insert = 0, input_format_skip_unknown_fields = 1 FORMAT JSONEachRow`,
        rows.map(({ row }) => row).join('\n'),
      );
      from += rows.length;
    }
    // A view's target may hold more than `events` did, or less.
    await completeViews(clickhouse, gap.from, gap.to);
  }
}

/** What a view's table holds of a range goes, and comes again from the log. */
async function makeViewAgain(clickhouse: ClickHouse, table: string, range: Range): Promise<void> {
  await onEachOwner(clickhouse, async (owners) => {
    for (const owner of owners)
      await owner.command(`ALTER TABLE ${table} DELETE WHERE ${within([range])} SETTINGS mutations_sync = 2`);
  });
  await completeViews(clickhouse, range.from, range.to);
}

/** An event for each thing that was done. `size`: the number of events of the log. */
function describeRepair(pending: Pending, size: number): ProposedEvent[] {
  const { ranges, rows, sha256, putBack, views } = pending;
  const events: ProposedEvent[] = [];
  if (ranges.length > 0)
    events.push({
      ...describe(pending, 'delete', 'set-aside'),
      values: [count(rows), ...sequences(ranges), text('sha256', sha256), text('reason', pending.why)],
    });
  if (putBack.length > 0)
    events.push({
      ...describe(pending, 'add', 'put-back'),
      values: [count(countOf(putBack)), ...sequences(putBack), text('reason', pending.why)],
    });
  for (const table of new Set(views.map((view) => view.table))) {
    const remade = views.filter((view) => view.table === table).map(({ range }) => upTo(range, size));
    events.push({
      ...describe(pending, 'update', 'view-remade'),
      values: [text('table', table), ...sequences(joinRanges(remade)), text('reason', pending.why)],
    });
  }
  return events;
}

/** A table is looked at in blocks of sequences, of which the last goes beyond the end of the log. */
function upTo({ from, to }: Range, size: number): Range {
  return { from, to: Math.max(from + 1, Math.min(to, size)) };
}

function describe(
  { at, by }: Pending,
  operation: ProposedEvent['operation'],
  outcome: string,
): Omit<ProposedEvent, 'values'> {
  return {
    occurredAt: at,
    occurredAtKnown: 'observed',
    stage: 'retention',
    operation,
    outcome,
    initiator: by,
    initiatorKnown: 'reported',
    performer: PERFORMER,
    causes: [],
    outOfBand: false,
  };
}

const count = (rows: number): EventValue => value('rows', 'integer', String(rows));
const text = (attribute: string, said: string): EventValue => value(attribute, 'string', said);
const sequences = (ranges: readonly Range[]): EventValue[] =>
  ranges.slice(0, MOST_RANGES).map((range) => text('sequences', formatRange(range)));

function value(attribute: string, type: 'integer' | 'string', said: string): EventValue {
  return { attribute, type, operation: 'add', new: said, marks: 0 };
}
