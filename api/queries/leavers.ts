// How long leavers keep their accounts, system by system; what is still open is counted as open, never dropped.
import { z } from 'zod';
import { parseInstant } from '../../ingest/clock.ts';
import { type Account, findAccounts } from './accounts.ts';
import { describeGone, isOf, type QueryContext, readAll, STAGE } from './context.ts';
import { type Employment, findEmployments, type PeopleRules } from './employment.ts';
import { readGrants } from './grants.ts';
import { ownerAt } from './links.ts';
import { nameObjects } from './names.ts';
import type { Leaver, LeaverAccount, LeaversOfPeriod } from './results.ts';
import { computeDelays } from './survival.ts';

const MICROS_AN_HOUR = 3_600_000_000;
const MICROS_A_DAY = 24 * MICROS_AN_HOUR;
/** People asked about in one query. */
const BATCH_PEOPLE = 2000;

interface Departure {
  employment: Employment;
  leftAt: number;
  known: Leaver['leftAtKnown'];
  /** When the person came back, if they did. */
  rehiredAt: number | undefined;
}

/** The leavers of whom HR let go within the period, both ends included, with each account they had then. */
export async function findLeavers(
  context: QueryContext,
  from: number,
  to: number,
  rules: PeopleRules,
): Promise<LeaversOfPeriod> {
  const [employments, asOf] = await Promise.all([findEmployments(context, rules), findLastInstant(context)]);
  const cases = await findCases(context, rules, employments, { from, to, asOf });
  const [names, accounts] = await Promise.all([
    nameObjects(
      context,
      cases.flatMap(({ person }) => person.id ?? []),
    ),
    nameAccounts(
      context,
      cases.flatMap((leaver) => leaver.accounts),
    ),
  ]);
  const leavers = cases.map((leaver) => {
    const { person } = leaver;
    const known = names.get(person.id ?? '') ?? person;
    return {
      ...leaver,
      person: { ...known, name: person.name ?? known.name },
      accounts: leaver.accounts.map(({ lastChange, ...account }) => ({
        ...account,
        account: accounts.get(lastChange),
      })),
    };
  });
  const gone = describeGone(context, { from });
  return { log: context.log, watermark: context.watermark, gone, from, to, asOf, leavers };
}

/** One account of somebody who left, before it is named. */
export interface AccountCase extends Omit<LeaverAccount, 'account'> {
  /** The last event that enabled or disabled it. */
  lastChange: number;
}

/** A leaver with the name and id alone. */
export interface LeaverCase extends Omit<Leaver, 'accounts'> {
  accounts: AccountCase[];
}

/** The same in order of leaving, told only as far as counting it needs. Open cases are measured up to `asOf`. */
export async function findCases(
  context: QueryContext,
  rules: PeopleRules,
  employments: readonly Employment[],
  { from, to, asOf }: { from: number; to: number; asOf: number },
): Promise<LeaverCase[]> {
  const gone = employments.filter(({ leftAt }) => leftAt !== undefined);
  const dates = await findLeavingDates(context, rules, gone);
  const byPerson = groupByPerson(employments);
  const departures = gone
    .map((employment) => departureOf(employment, dates, byPerson))
    .filter(({ leftAt }) => leftAt >= from && leftAt <= to);
  const people = [...new Set(departures.map(({ employment }) => employment.object))];
  const accounts = await findAccounts(context, people);
  return departures
    .map((departure): LeaverCase => {
      const { employment, leftAt, known } = departure;
      return {
        person: { id: employment.object, name: employment.name, type: undefined },
        leftAt,
        leftAtKnown: known,
        goneBy: employment.leftBy ?? 0,
        accounts: (accounts.get(employment.object) ?? []).flatMap((account) => accountOf(account, departure, asOf)),
      };
    })
    .sort((a, b) => a.leftAt - b.leftAt);
}

/** Employments by object; who came back as another object also counts for the one that they were before. */
function groupByPerson(employments: readonly Employment[]): Map<string, Employment[]> {
  const groups = new Map<string, Employment[]>();
  for (const employment of employments) {
    for (const object of [employment.object, employment.predecessor])
      if (object !== undefined) groups.set(object, [...(groups.get(object) ?? []), employment]);
  }
  return groups;
}

/** The last instant that the log knows of: a log that was replayed ends in the past. */
export async function findLastInstant(context: QueryContext): Promise<number> {
  const [row] = await readAll(
    context,
    `SELECT max(occurred_at) AS last FROM events
     WHERE (${STAGE} NOT IN ('run', 'configuration', 'read', 'state', 'retention', 'erasure', 'alert') OR (stage = 'run' AND has(value.attribute, 'input/name')))
       AND sequence < {watermark:UInt64}`,
    {},
    z.object({ last: z.string() }),
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
  const people = [...new Set(gone.map(({ object }) => object))];
  for (let from = 0; from < people.length; from += BATCH_PEOPLE) {
    const rows = await readAll(
      context,
      `SELECT object, v.2 AS date, occurred_at FROM events
       ARRAY JOIN arrayZip(value.attribute, value.new) AS v
       WHERE ${isOf('object', '{people:Array(UUID)}', "stage IN ('import-flow', 'baseline')")} AND ${STAGE} = 'import-flow' AND outcome = 'connector-flow'
         AND hasAny(value.attribute, {attributes:Array(String)}) AND v.1 IN {attributes:Array(String)}
       ORDER BY occurred_at, sequence`,
      { attributes: rules.leavingDateAttributes, people: people.slice(from, from + BATCH_PEOPLE) },
      z.object({ object: z.string(), date: z.string(), occurred_at: z.string() }),
    );
    for (const row of rows)
      dates.set(row.object, [
        ...(dates.get(row.object) ?? []),
        { at: parseInstant(row.occurred_at) ?? 0, date: row.date },
      ]);
  }
  return dates;
}

/** HR's leaving date counts to the end of that day; one that is after the person was gone, or none, does not count. */
function departureOf(
  employment: Employment,
  dates: ReadonlyMap<string, LeavingDate[]>,
  byPerson: ReadonlyMap<string, readonly Employment[]>,
): Departure {
  const goneAt = employment.leftAt ?? 0;
  const rehiredAt = byPerson
    .get(employment.object)
    ?.find(({ joinedBy }) => joinedBy > (employment.leftBy ?? 0))?.joinedAt;
  const known = (dates.get(employment.object) ?? [])
    .filter(({ at }) => at >= employment.joinedAt && at <= goneAt)
    .at(-1);
  const day = known && /^\d{4}-\d{2}-\d{2}$/.test(known.date) ? parseInstant(known.date) : undefined;
  const lastInstant = day === undefined ? undefined : day + MICROS_A_DAY - 1;
  if (lastInstant !== undefined && lastInstant <= goneAt)
    return { employment, leftAt: lastInstant, known: 'leaving-date', rehiredAt };
  return { employment, leftAt: goneAt, known: 'gone-from-image', rehiredAt };
}

/** What became of one account after its person left; nothing when it was not theirs and enabled then. */
function accountOf(account: Account, departure: Departure, asOf: number): AccountCase[] {
  const { leftAt, employment, rehiredAt } = departure;
  const goneAt = employment.leftAt ?? leftAt;
  const goneBy = employment.leftBy ?? 0;
  const openAt = (instant: number) => {
    if (ownerAt(account.links, instant)?.object !== employment.object) return undefined;
    const until = account.changes.filter(({ at, sequence }) => at < instant || (at === instant && sequence < goneBy));
    return until.at(-1)?.enabled ? until.at(-1) : undefined;
  };
  const open = openAt(leftAt) ?? openAt(goneAt);
  if (!open) return [];
  const isAfter = ({ at, sequence }: { at: number; sequence: number }) =>
    at > open.at || (at === open.at && sequence > open.sequence);
  // From the link to somebody else on it is that person's.
  const handedOn = account.links.find(
    (link) => link.linked && link.object !== employment.object && isAfter(link) && link.at >= leftAt,
  );
  const disabled = [account.changes.find((change) => !change.enabled && isAfter(change)), handedOn]
    .filter((end) => end !== undefined)
    .sort((a, b) => a.at - b.at || a.sequence - b.sequence)[0];
  const isBack = rehiredAt !== undefined && (disabled === undefined || disabled.at > rehiredAt);
  const end = isBack ? undefined : disabled;
  const again =
    end &&
    end !== handedOn &&
    account.changes.find(
      ({ enabled, at, sequence }) =>
        enabled &&
        (at > end.at || (at === end.at && sequence > end.sequence)) &&
        (rehiredAt === undefined || at < rehiredAt) &&
        ownerAt(account.links, at)?.object === employment.object,
    );
  return [
    {
      agent: account.agent,
      lastChange: account.changes.at(-1)?.sequence ?? 0,
      disabledAt: end?.at,
      disabledBy: end?.sequence,
      ...(isBack && { rehiredAt }),
      ...(again && { reenabledAt: again.at, reenabledBy: again.sequence }),
      hours: Math.max(0, (isBack ? rehiredAt : (end?.at ?? asOf)) - leftAt) / MICROS_AN_HOUR,
    },
  ];
}

/** DN or anchor of each account, by the event that last changed it. */
async function nameAccounts(
  context: QueryContext,
  accounts: readonly AccountCase[],
): Promise<Map<number, string | undefined>> {
  const events = await readGrants(
    context,
    accounts.map(({ lastChange }) => lastChange),
  );
  return new Map([...events].map(([sequence, { dn, anchor }]) => [sequence, dn ?? anchor]));
}

type DelayOf = Pick<LeaverAccount, 'agent' | 'disabledAt' | 'rehiredAt' | 'hours'>;

/** How long accounts stay open after their people left, of one system. */
export interface LeaverDelay {
  agent: string;
  closed: number;
  open: number;
  /** Hours within which half, and 95 of 100, are disabled; undefined: that is not reached yet. */
  medianHours: number | undefined;
  p95Hours: number | undefined;
  /** Of the closed ones. */
  maximumHours: number | undefined;
}

/**
 * By system. Open cases count as such (survival.ts). An account whose person came back before it was disabled is neither open nor
 * closed, and has stayed open until then.
 */
export function summariseDelays(leavers: readonly { accounts: readonly DelayOf[] }[]): LeaverDelay[] {
  const byAgent = Map.groupBy(
    leavers.flatMap(({ accounts }) => accounts),
    ({ agent }) => agent,
  );
  return [...byAgent]
    .map(([agent, accounts]) => {
      const closed = accounts.filter(({ disabledAt }) => disabledAt !== undefined);
      const open = accounts.filter(({ disabledAt, rehiredAt }) => disabledAt === undefined && rehiredAt === undefined);
      const { p50, p95 } = computeDelays(
        accounts.map(({ hours, disabledAt }) => ({ hours, open: disabledAt === undefined })),
      );
      return {
        agent,
        closed: closed.length,
        open: open.length,
        medianHours: p50?.atLeast ? undefined : p50?.hours,
        p95Hours: p95?.atLeast ? undefined : p95?.hours,
        maximumHours: computeDelays(closed.map(({ hours }) => ({ hours, open: false }))).longest?.hours,
      };
    })
    .sort((a, b) => (a.agent < b.agent ? -1 : 1));
}
