// What ClickHouse holds of the log beside what the journal says it should: which events are missing, which are there that
// the journal does not know, and which are others. Reads only, in ranges, whatever the size of the log.
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { Journal } from '../journal/journal.ts';
import { expiredOf } from '../retention/tombstones.ts';
import { asErased, findWrongViews } from './comparison.ts';
import type { ClickHouse } from './connect.ts';
import { EVENT_COLUMNS, fromRow, rowSchema, SELECTED_COLUMNS } from './rows.ts';

/** Sequences from `from` up to, but not including, `to`. */
export interface Range {
  from: number;
  to: number;
}

export const countOf = (ranges: readonly Range[]): number => ranges.reduce((sum, { from, to }) => sum + to - from, 0);

/** "7", or "7 to 12". */
export const formatRange = ({ from, to }: Range): string => (to - from === 1 ? `${from}` : `${from} to ${to - 1}`);

/** An event that is another in ClickHouse than in the journal. */
export interface Difference {
  sequence: number;
  /** The columns that differ, never their values. */
  columns: string[];
}

export interface Ahead extends Range {
  events: number;
  /** When they were accepted, as ClickHouse writes it, UTC. */
  firstAt: string;
  lastAt: string;
  kinds: { stage: string; agent: string; events: number }[];
}

export interface Diagnosis {
  log: string;
  /** The number of events in the journal, how many of them were delivered, and the first whose row it still has. */
  size: number;
  shipped: number;
  firstRow: number;
  /** The number of rows in ClickHouse. */
  held: number;
  /**
   * Other logs of which ClickHouse holds events. Not, where they are among those of this log and the journal has the rows in
   * whose place they are: then they are events that differ, or ahead.
   */
  foreign: { log: string; events: number }[];
  /** Delivered and not there; the journal has them. */
  missing: Range[];
  /** Delivered and not there; the journal was trimmed, and has them no more. */
  lost: Range[];
  /** Beyond the end of the journal. */
  ahead: Ahead | undefined;
  /** The first ones that differ, how many there are, and from which to which. */
  different: { first: Difference[]; events: number; range: Range } | undefined;
  /** There more than once, where the journal has no row to tell which is right. */
  twice: Range[];
  /** What views make of the log and their tables hold otherwise, by ranges of the log. */
  views: { table: string; range: Range }[];
}

/** Sequences asked for at once where only they are counted, and where whole rows are compared. */
const COUNTED_AT_ONCE = 1_048_576;
const COMPARED_AT_ONCE = 5_000;
const TIME_LIMIT = 120;
/** How many differences are named, and how many ranges one question returns. */
const NAMED = 10;
const MOST_RANGES = 10_000;

export const isHealthy = (diagnosis: Diagnosis): boolean =>
  diagnosis.foreign.length + diagnosis.missing.length + diagnosis.lost.length + diagnosis.twice.length === 0 &&
  diagnosis.views.length === 0 &&
  diagnosis.ahead === undefined &&
  diagnosis.different === undefined;

/** Whether this is the ClickHouse of another log, and not one of this log that events of another got into. */
export const isOfAnotherLog = (foreign: readonly { events: number }[], held: number): boolean =>
  foreign.reduce((sum, { events }) => sum + events, 0) * 2 > held;

/** Compares both stores. The tables are there, and nobody writes meanwhile. Throws LogError when a store does not answer. */
export async function diagnose(journal: Journal, clickhouse: ClickHouse): Promise<Diagnosis> {
  const { log, size, firstRow } = journal;
  const shipped = Number(journal.fact('shipped') ?? 0);
  const logs = await clickhouse.select(
    'SELECT log, count() AS events, min(sequence) AS first FROM events GROUP BY log ORDER BY log LIMIT 10',
    {},
    z.object({ log: z.string(), events: z.number(), first: z.number() }),
    { timeLimit: TIME_LIMIT },
  );
  const held = logs.reduce((sum, { events }) => sum + events, 0);
  const found = { missing: [] as Range[], lost: [] as Range[], twice: [] as Range[] };
  const others = logs.filter((each) => each.log !== log);
  const isReplaceable = !isOfAnotherLog(others, held) && others.every(({ first }) => first >= firstRow);
  const foreign = isReplaceable ? [] : others.map(({ log: other, events }) => ({ log: other, events }));
  if (foreign.length === 0) {
    for (const gap of await findGaps(clickhouse, expiredOf(journal)?.below ?? 0, shipped)) {
      if (gap.from < firstRow) found.lost.push({ from: gap.from, to: Math.min(gap.to, firstRow) });
      if (gap.to > firstRow) found.missing.push({ from: Math.max(gap.from, firstRow), to: gap.to });
    }
    found.twice = await findRepeated(clickhouse, firstRow);
  }
  return {
    log,
    size,
    shipped,
    firstRow,
    held,
    foreign,
    ...found,
    ahead: foreign.length === 0 ? await describeAhead(clickhouse, size) : undefined,
    different: foreign.length === 0 ? await findDifferent(journal, clickhouse) : undefined,
    views: foreign.length === 0 ? await findViews(clickhouse) : [],
  };
}

/** Also of events beyond the journal: what is wrong there goes with them. */
async function findViews(clickhouse: ClickHouse): Promise<Diagnosis['views']> {
  const [end] = await clickhouse.select(
    'SELECT max(sequence) + 1 AS end FROM events',
    {},
    z.object({ end: z.number() }),
  );
  const found: Diagnosis['views'] = [];
  for (let from = 0; from < (end?.end ?? 0); from += COUNTED_AT_ONCE) {
    const range = { from, to: from + COUNTED_AT_ONCE };
    for (const table of await findWrongViews(clickhouse, range.from, range.to)) found.push({ table, range });
  }
  return found;
}

const boundsSchema = z.object({ events: z.number(), first: z.number(), last: z.number() });

/** The ranges from `begin`, before which all has expired, below `end` of which ClickHouse has no row. */
export async function findGaps(clickhouse: ClickHouse, begin: number, end: number): Promise<Range[]> {
  const gaps: Range[] = [];
  for (let from = begin; from < end; from += COUNTED_AT_ONCE) {
    const to = Math.min(from + COUNTED_AT_ONCE, end);
    const [bounds] = await clickhouse.select(
      `SELECT uniqExact(sequence) AS events, min(sequence) AS first, max(sequence) AS last FROM events
       WHERE sequence >= {from:UInt64} AND sequence < {to:UInt64}`,
      { from, to },
      boundsSchema,
      { timeLimit: TIME_LIMIT },
    );
    if (!bounds || bounds.events === 0) gaps.push({ from, to });
    else if (bounds.events < to - from) {
      if (bounds.first > from) gaps.push({ from, to: bounds.first });
      gaps.push(...(await findInnerGaps(clickhouse, { from, to })));
      if (bounds.last + 1 < to) gaps.push({ from: bounds.last + 1, to });
    }
  }
  return joinRanges(gaps);
}

async function findInnerGaps(clickhouse: ClickHouse, { from, to }: Range): Promise<Range[]> {
  return clickhouse.select(
    `SELECT before + 1 AS from, sequence AS to FROM
     (SELECT sequence, lagInFrame(sequence, 1, sequence) OVER
        (ORDER BY sequence ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS before
      FROM (SELECT DISTINCT sequence FROM events WHERE sequence >= {from:UInt64} AND sequence < {to:UInt64}))
     WHERE sequence > before + 1 ORDER BY sequence LIMIT ${MOST_RANGES}`,
    { from, to },
    z.object({ from: z.number(), to: z.number() }),
    { timeLimit: TIME_LIMIT },
  );
}

/** In their order; those that touch or overlap are one. */
export function joinRanges(ranges: readonly Range[]): Range[] {
  const joined: Range[] = [];
  for (const { from, to } of ranges.toSorted((a, b) => a.from - b.from)) {
    const last = joined.at(-1);
    if (last && last.to >= from) last.to = Math.max(last.to, to);
    else joined.push({ from, to });
  }
  return joined;
}

async function findRepeated(clickhouse: ClickHouse, end: number): Promise<Range[]> {
  const found: Range[] = [];
  for (let from = 0; from < end; from += COUNTED_AT_ONCE) {
    const rows = await clickhouse.select(
      `SELECT sequence FROM events WHERE sequence >= {from:UInt64} AND sequence < {to:UInt64}
       GROUP BY sequence HAVING count() > 1 ORDER BY sequence LIMIT ${MOST_RANGES}`,
      { from, to: Math.min(from + COUNTED_AT_ONCE, end) },
      z.object({ sequence: z.number() }),
      { timeLimit: TIME_LIMIT },
    );
    found.push(...rows.map(({ sequence }) => ({ from: sequence, to: sequence + 1 })));
  }
  return joinRanges(found);
}

async function describeAhead(clickhouse: ClickHouse, size: number): Promise<Ahead | undefined> {
  const [bounds] = await clickhouse.select(
    `SELECT count() AS events, min(sequence) AS first, max(sequence) AS last, toString(min(recorded_at)) AS firstAt,
     toString(max(recorded_at)) AS lastAt FROM events WHERE sequence >= {size:UInt64}`,
    { size },
    boundsSchema.extend({ firstAt: z.string(), lastAt: z.string() }),
    { timeLimit: TIME_LIMIT },
  );
  if (!bounds || bounds.events === 0) return undefined;
  const kinds = await clickhouse.select(
    `SELECT stage, agent, count() AS events FROM events WHERE sequence >= {size:UInt64}
     GROUP BY stage, agent ORDER BY stage, agent LIMIT 200`,
    { size },
    z.object({ stage: z.string(), agent: z.string(), events: z.number() }),
    { timeLimit: TIME_LIMIT },
  );
  const { first, last, ...rest } = bounds;
  return { from: first, to: last + 1, ...rest, kinds };
}

/** Compares each row that the journal has with those that ClickHouse holds under its sequence. */
async function findDifferent(journal: Journal, clickhouse: ClickHouse): Promise<Diagnosis['different']> {
  const first: Difference[] = [];
  let events = 0;
  let range: Range | undefined;
  for (let from = journal.firstRow; from < journal.size; from += COMPARED_AT_ONCE) {
    for (const difference of await compareRange(journal, clickhouse, from)) {
      if (first.length < NAMED) first.push(difference);
      events += 1;
      range = { from: range?.from ?? difference.sequence, to: difference.sequence + 1 };
    }
  }
  return range && { first, events, range };
}

async function compareRange(journal: Journal, clickhouse: ClickHouse, from: number): Promise<Difference[]> {
  const ours = journal.rows(from, COMPARED_AT_ONCE);
  const held = await clickhouse.select(
    `SELECT ${SELECTED_COLUMNS} FROM events WHERE sequence >= {from:UInt64} AND sequence < {to:UInt64} ORDER BY sequence`,
    { from, to: from + ours.length },
    z.looseObject({ sequence: z.number() }),
    { timeLimit: TIME_LIMIT },
  );
  const found: Difference[] = [];
  for (const [index, row] of held.entries()) {
    const { sequence } = row;
    if (held[index - 1]?.sequence === sequence) {
      if (found.at(-1)?.sequence !== sequence) found.push({ sequence, columns: ['sequence (more than one row)'] });
      continue;
    }
    const differing = differingColumns(row, ours[sequence - from]?.row ?? '{}');
    if (differing.length > 0) found.push({ sequence, columns: differing });
  }
  return found;
}

/** The names of the columns in which a row of ClickHouse is another than the journal's (JSON). */
export function differingColumns(held: unknown, ours: string): string[] {
  const expected = rowSchema.parse(JSON.parse(ours));
  const parsed = rowSchema.safeParse(held);
  if (!parsed.success) return [...new Set(parsed.error.issues.map(({ path }) => String(path[0])))];
  const compared = asErased(parsed.data, expected);
  if (isDeepStrictEqual(fromRow(compared), fromRow(expected))) return [];
  const differing = EVENT_COLUMNS.filter(
    (column) => !column.endsWith('commitment') && !isDeepStrictEqual(compared[column], expected[column]),
  );
  return differing.length > 0 ? differing : ['value'];
}
