// How long leavers keep their accounts, system by system; what is still open is counted as open, never dropped.
import { z } from 'zod';
import { parseInstant } from '../../ingest/clock.ts';
import { MOST_ROWS, NO_ID, type QueryContext, readOptions, readSequences } from './context.ts';
import { type Employment, findEmployments, type PeopleRules } from './employment.ts';
import { nameObjects, unnamed } from './names.ts';
import type { Leaver, LeaverAccount, LeaversOfPeriod } from './results.ts';

const MICROS_AN_HOUR = 3_600_000_000;
const MICROS_A_DAY = 24 * MICROS_AN_HOUR;
/** People asked about in one query. */
const BATCH_PEOPLE = 2000;

interface Departure {
  employment: Employment;
  leftAt: number;
  known: Leaver['leftAtKnown'];
}

/** The leavers of whom HR let go within the period, both ends included, with each account they had then. */
export async function findLeavers(
  context: QueryContext,
  from: number,
  to: number,
  rules: PeopleRules,
): Promise<LeaversOfPeriod> {
  const gone = (await findEmployments(context, rules)).filter(({ leftAt }) => leftAt !== undefined);
  const dates = await findLeavingDates(context, rules, gone);
  const departures = gone
    .map((employment) => departureOf(employment, dates))
    .filter(({ leftAt }) => leftAt >= from && leftAt <= to);
  const asOf = await findLastInstant(context);
  const accounts = await findAccounts(context, departures);
  const names = await nameObjects(
    context,
    departures.map(({ employment }) => employment.object),
  );
  const leavers = departures.map((departure): Leaver => {
    const { employment, leftAt, known } = departure;
    const person = names.get(employment.object) ?? unnamed(employment.object);
    return {
      person: { ...person, name: employment.name ?? person.name },
      leftAt,
      leftAtKnown: known,
      goneBy: employment.leftBy ?? 0,
      accounts: (accounts.get(employment.object) ?? []).flatMap((changes) => accountOf(changes, departure, asOf)),
    };
  });
  const entries = await nameAccounts(context, leavers, accounts);
  for (const leaver of leavers)
    for (const account of leaver.accounts) account.account = entries.get(account.account ?? '');
  return {
    log: context.log,
    watermark: context.watermark,
    from,
    to,
    asOf,
    leavers: leavers.sort((a, b) => a.leftAt - b.leftAt),
  };
}

/** The last instant that the log knows of: a log that was replayed ends in the past. */
export async function findLastInstant(context: QueryContext): Promise<number> {
  const [row] = await context.clickhouse.select(
    "SELECT max(occurred_at) AS last FROM events WHERE stage = 'run' AND sequence < {watermark:UInt64}",
    { watermark: context.watermark },
    z.object({ last: z.string() }),
    readOptions(context),
  );
  return parseInstant(row?.last ?? '') ?? 0;
}

interface LeavingDate {
  at: number;
  date: string;
}

/** For each person the leaving dates that were ever known, in the order in which they became known. */
async function findLeavingDates(
  context: QueryContext,
  rules: PeopleRules,
  gone: readonly Employment[],
): Promise<Map<string, LeavingDate[]>> {
  const dates = new Map<string, LeavingDate[]>();
  if (rules.leavingDateAttributes.length === 0 || gone.length === 0) return dates;
  const rows = await context.clickhouse.select(
    `SELECT object, v.2 AS date, occurred_at FROM events
     ARRAY JOIN arrayZip(value.attribute, value.new, value.operation) AS v
     WHERE stage = 'import-flow' AND outcome = 'connector-flow' AND sequence < {watermark:UInt64}
       AND hasAny(value.attribute, {attributes:Array(String)}) AND v.1 IN {attributes:Array(String)}
     ORDER BY occurred_at, sequence LIMIT ${MOST_ROWS}`,
    { attributes: rules.leavingDateAttributes, watermark: context.watermark },
    z.object({ object: z.string(), date: z.string(), occurred_at: z.string() }),
    readOptions(context),
  );
  for (const row of rows)
    dates.set(row.object, [
      ...(dates.get(row.object) ?? []),
      { at: parseInstant(row.occurred_at) ?? 0, date: row.date },
    ]);
  return dates;
}

/** HR's leaving date counts to the end of that day; one that is after the person was gone, or none, does not count. */
function departureOf(employment: Employment, dates: ReadonlyMap<string, LeavingDate[]>): Departure {
  const goneAt = employment.leftAt ?? 0;
  const known = (dates.get(employment.object) ?? [])
    .filter(({ at }) => at >= employment.joinedAt && at <= goneAt)
    .at(-1);
  const day = known && /^\d{4}-\d{2}-\d{2}$/.test(known.date) ? parseInstant(known.date) : undefined;
  const lastInstant = day === undefined ? undefined : day + MICROS_A_DAY - 1;
  if (lastInstant !== undefined && lastInstant <= goneAt)
    return { employment, leftAt: lastInstant, known: 'leaving-date' };
  return { employment, leftAt: goneAt, known: 'gone-from-image' };
}

interface EnabledChange {
  agent: string;
  entry: string;
  granted: boolean;
  at: number;
  sequence: number;
}

/** When accounts were enabled and disabled; a report prints it. */
export const ENABLED_SQL = `SELECT holder, agent, entry, granted, occurred_at, sequence FROM entitlement_changes
       WHERE holder IN {people:Array(UUID)} AND entitlement = toUUID('${NO_ID}') AND value = 'true' AND agent != '' AND sequence < {watermark:UInt64}
       ORDER BY occurred_at, sequence, ordinal LIMIT ${MOST_ROWS}`;

/** For each person, for each account, when it was enabled and disabled, in order. */
async function findAccounts(
  context: QueryContext,
  departures: readonly Departure[],
): Promise<Map<string, EnabledChange[][]>> {
  const people = [...new Set(departures.map(({ employment }) => employment.object))];
  const found = new Map<string, Map<string, EnabledChange[]>>();
  for (let from = 0; from < people.length; from += BATCH_PEOPLE) {
    const rows = await context.clickhouse.select(
      ENABLED_SQL,
      { people: people.slice(from, from + BATCH_PEOPLE), watermark: context.watermark },
      z.object({
        holder: z.string(),
        agent: z.string(),
        entry: z.string(),
        granted: z.number(),
        occurred_at: z.string(),
        sequence: z.number(),
      }),
      readOptions(context),
    );
    for (const row of rows) {
      const accounts = found.get(row.holder) ?? new Map<string, EnabledChange[]>();
      found.set(row.holder, accounts);
      const change = {
        agent: row.agent,
        entry: row.entry,
        granted: row.granted === 1,
        at: parseInstant(row.occurred_at) ?? 0,
        sequence: row.sequence,
      };
      accounts.set(row.entry, [...(accounts.get(row.entry) ?? []), change]);
    }
  }
  return new Map([...found].map(([person, accounts]) => [person, [...accounts.values()]]));
}

/** What became of one account after its person left; nothing when it was not enabled then. */
function accountOf(changes: readonly EnabledChange[], departure: Departure, asOf: number): LeaverAccount[] {
  const { leftAt, employment } = departure;
  const goneBy = employment.leftBy ?? 0;
  const until = (instant: number) =>
    changes.filter(({ at, sequence }) => at < instant || (at === instant && sequence < goneBy)).at(-1);
  const before = until(leftAt);
  const atGone = until(employment.leftAt ?? leftAt);
  const open = before?.granted ? before : atGone?.granted ? atGone : undefined;
  if (!open) return [];
  const disabled = changes.find(
    ({ granted, at, sequence }) => !granted && (at > open.at || (at === open.at && sequence > open.sequence)),
  );
  return [
    {
      agent: open.agent,
      account: open.entry,
      disabledAt: disabled?.at,
      disabledBy: disabled?.sequence,
      hours: Math.max(0, (disabled?.at ?? asOf) - leftAt) / MICROS_AN_HOUR,
    },
  ];
}

/** The DN or anchor of each account, by its entry. */
async function nameAccounts(
  context: QueryContext,
  leavers: readonly Leaver[],
  accounts: ReadonlyMap<string, EnabledChange[][]>,
): Promise<Map<string, string | undefined>> {
  const last = new Map<string, number>();
  for (const { person } of leavers) {
    for (const changes of accounts.get(person.id ?? '') ?? []) {
      const change = changes.at(-1);
      if (change) last.set(change.entry, change.sequence);
    }
  }
  const events = await readSequences(context, [...last.values()]);
  return new Map(
    [...last].map(([entry, sequence]) => [entry, events.get(sequence)?.dn ?? events.get(sequence)?.anchor]),
  );
}

/** Hours until disabled of the closed cases, and how many are open, by system. */
export interface LeaverDelay {
  agent: string;
  closed: number;
  open: number;
  medianHours: number | undefined;
  p95Hours: number | undefined;
  maximumHours: number | undefined;
}

/**
 * Quantiles over all cases, open ones taken as longer than any closed: a quantile that falls among the open cases is
 * not known yet and thus undefined.
 */
export function summariseDelays(leavers: readonly Leaver[]): LeaverDelay[] {
  const byAgent = new Map<string, LeaverAccount[]>();
  for (const account of leavers.flatMap(({ accounts }) => accounts))
    byAgent.set(account.agent, [...(byAgent.get(account.agent) ?? []), account]);
  return [...byAgent]
    .map(([agent, accounts]) => {
      const closed = accounts
        .filter(({ disabledAt }) => disabledAt !== undefined)
        .map(({ hours }) => hours)
        .sort((a, b) => a - b);
      const quantile = (share: number) => closed[Math.ceil(share * accounts.length) - 1];
      return {
        agent,
        closed: closed.length,
        open: accounts.length - closed.length,
        medianHours: quantile(0.5),
        p95Hours: quantile(0.95),
        maximumHours: closed.at(-1),
      };
    })
    .sort((a, b) => (a.agent < b.agent ? -1 : 1));
}
