// The figures of the overview, each a small aggregate of its own; they are asked at the same time.
import { z } from 'zod';
import { formatIso, formatMicros } from '../../ingest/clock.ts';
import { NO_CHANGES, NO_ID, type QueryContext, readAll } from './context.ts';
import { type Employment, joinersAmong } from './employment.ts';
import { SAID, SAID_BY } from './names.ts';
import type { Count } from './runs.ts';

/** Outcomes that somebody should look at, besides every stop of a run. */
export const PROBLEM_OUTCOMES = [
  'ambiguous-join',
  'could-not-join-due-to-existing-join',
  'export-failure',
  'stage-failure',
  'flow-failure',
  'unresolved-reference',
  'ambiguous-reference',
  'reference-not-joined',
  'exported-change-not-reimported',
  'skipped-not-precedent',
];

const MONTHS_SHOWN = 24;

export interface PeriodStageCount {
  period: string;
  stage: string;
  count: number;
}

export interface ProblemCount {
  outcome: string;
  error: string | undefined;
  stage: string;
  agent: string;
  count: number;
  latest: number;
}

/** Objects that are there, by type. */
export function countObjects(context: QueryContext): Promise<Count[]> {
  return readAll(
    context,
    `SELECT type AS name, countIf(gone = 0) AS count FROM
     (
       SELECT object, anyIf(type, type != '') AS type, max(gone) AS gone FROM
       (
         SELECT ${SAID}, min(sequence) AS first FROM events WHERE object != toUUID('${NO_ID}')
         GROUP BY ${SAID_BY} HAVING first < {watermark:UInt64}
       )
       GROUP BY object
     )
     WHERE type != '' GROUP BY type ORDER BY count DESC, name`,
    {},
    z.object({ name: z.string(), count: z.number() }),
  );
}

export async function countChangesByMonth(context: QueryContext): Promise<PeriodStageCount[]> {
  const rows = await readAll(
    context,
    `SELECT formatDateTime(month, '%Y-%m') AS period, stage, count FROM
     (
       SELECT toStartOfMonth(occurred_at) AS month, stage, count() AS count FROM events
       WHERE stage NOT IN ${NO_CHANGES} AND sequence < {watermark:UInt64}
       GROUP BY month, stage
     )
     ORDER BY period DESC, stage`,
    {},
    z.object({ period: z.string(), stage: z.string(), count: z.number() }),
  );
  const months = [...new Set(rows.map(({ period }) => period))].slice(0, MONTHS_SHOWN);
  return rows.filter(({ period }) => months.includes(period)).reverse();
}

export interface Period {
  /** Microseconds, both inclusive. */
  from: number;
  to: number;
}

/** Changes of each day and stage in a period, UTC, in order of the day; a day without any is left out. */
export function countChangesByDay(context: QueryContext, { from, to }: Period): Promise<PeriodStageCount[]> {
  return readAll(
    context,
    // A day becomes a text once it is counted, not in each event: a fifth of the time.
    `SELECT toString(day) AS period, stage, count FROM
     (
       SELECT toDate(occurred_at) AS day, stage, count() AS count FROM events
       WHERE stage NOT IN ${NO_CHANGES} AND sequence < {watermark:UInt64}
         AND occurred_at >= {from:DateTime64(6, 'UTC')} AND occurred_at <= {to:DateTime64(6, 'UTC')}
       GROUP BY day, stage
     )
     ORDER BY period, stage`,
    { from: formatMicros(from), to: formatMicros(to) },
    z.object({ period: z.string(), stage: z.string(), count: z.number() }),
  );
}

export async function countProblems(context: QueryContext): Promise<ProblemCount[]> {
  const rows = await readAll(
    context,
    `SELECT outcome, error, stage, agent, count() AS count, max(sequence) AS latest FROM events
     WHERE (outcome IN {outcomes:Array(String)} OR (stage = 'run' AND operation = 'stop' AND step > 0)) AND sequence < {watermark:UInt64}
     GROUP BY outcome, error, stage, agent ORDER BY count DESC, outcome`,
    { outcomes: PROBLEM_OUTCOMES },
    z.object({
      outcome: z.string(),
      error: z.string(),
      stage: z.string(),
      agent: z.string(),
      count: z.number(),
      latest: z.number(),
    }),
  );
  return rows.map((row) => ({ ...row, error: row.error || undefined }));
}

export async function countOutOfBand(context: QueryContext): Promise<number> {
  const [row] = await readAll(
    context,
    'SELECT count() AS count FROM events WHERE out_of_band = 1 AND sequence < {watermark:UInt64}',
    {},
    z.object({ count: z.number() }),
  );
  return row?.count ?? 0;
}

/** Joiners (re-hires among them) and leavers of each month. */
export function countTurnover(
  employments: readonly Employment[],
): { period: string; joiners: number; leavers: number }[] {
  const months = new Map<string, { period: string; joiners: number; leavers: number }>();
  const month = (at: number) => {
    const period = formatIso(at).slice(0, 7);
    const found = months.get(period) ?? { period, joiners: 0, leavers: 0 };
    months.set(period, found);
    return found;
  };
  for (const { joinedAt } of joinersAmong(employments)) month(joinedAt).joiners += 1;
  for (const { leftAt } of employments) if (leftAt !== undefined) month(leftAt).leavers += 1;
  return [...months.values()].sort((a, b) => (a.period < b.period ? -1 : 1)).slice(-MONTHS_SHOWN);
}
