// The overview, and how far the log is.
import type { LogHead } from '../../ingest/journal/messages.ts';
import { describeGone, type QueryContext } from '../queries/context.ts';
import { type Employment, findEmployments, type PeopleRules } from '../queries/employment.ts';
import { findCases, findLastInstant, type LeaverCase, type LeaverDelay, summariseDelays } from '../queries/leavers.ts';
import {
  countChangesByMonth,
  countObjects,
  countOutOfBand,
  countProblems,
  countTurnover,
  type PeriodStageCount,
  type ProblemCount,
} from '../queries/overview.ts';
import { findRuns } from '../queries/runs.ts';
import { builder, GONE } from './builder.ts';
import { ChangeType, ObjectReferenceType } from './change-types.ts';
import { NamedCountType, RunType } from './run-types.ts';

const RECENT_RUNS = 10;
const OPEN_LEAVERS_SHOWN = 10;

export const LogStatusType = builder.objectRef<LogHead>('LogStatus').implement({
  description: 'How far the log is. Every answer stops at the delivered watermark.',
  fields: (t) => ({
    origin: t.string({
      description: 'The name of the log, which stands in each checkpoint.',
      resolve: (_, __, { log }) => log.journal.log,
    }),
    size: t.field({ type: 'Sequence', description: 'Accepted events.', resolve: ({ size }) => size }),
    watermark: t.field({
      type: 'Sequence',
      description: 'Delivered events: all below this sequence are in ClickHouse.',
      resolve: (_, __, { queries }) => queries.watermark,
    }),
    lag: t.int({
      description: 'Accepted and not yet delivered.',
      resolve: ({ size }, _, { queries }) => Math.max(0, size - queries.watermark),
    }),
    lagSeconds: t.float({
      description: 'The age of the oldest event that is not delivered, in seconds.',
      resolve: (_, __, { log }) => log.pressure.lag.seconds,
    }),
    pressure: t.string({
      description:
        'What the backlog does to runs: none, slow, hold (until some is delivered), or disk-low (they stop at once).',
      resolve: (_, __, { log }) => log.pressure.pressure,
    }),
    root: t.string({ description: 'Merkle root over the accepted events, hexadecimal.', resolve: ({ root }) => root }),
    expiredBelow: t.field({
      type: 'Sequence',
      description: 'Events below it have expired, but for what was carried forward; 0: none has.',
      resolve: (_, __, { queries }) => queries.expired?.below ?? 0,
    }),
    gone: t.string({
      nullable: true,
      description: 'What a list, a number or nothing found lacks because it has expired, in a sentence.',
      resolve: (_, __, { queries }) => describeGone(queries) ?? null,
    }),
    state: t.string({
      description: 'shipping, waiting-for-clickhouse or stopped',
      resolve: (_, __, { log }) => log.shipper.state,
    }),
    problem: t.string({
      description: 'Why nothing is delivered, in a sentence.',
      nullable: true,
      resolve: (_, __, { log }) => log.shipper.problem?.message ?? null,
    }),
  }),
});

export const PeriodStageCountType = builder.objectRef<PeriodStageCount>('PeriodStageCount').implement({
  description: 'How many changes of a stage a month or day had.',
  fields: (t) => ({
    period: t.exposeString('period', { description: '2024-03, or a day, 2024-03-17' }),
    stage: t.exposeString('stage', { description: 'What was at work, such as import-flow.' }),
    count: t.exposeInt('count', { description: 'How many changes.' }),
  }),
});

const TurnoverType = builder.objectRef<{ period: string; joiners: number; leavers: number }>('Turnover').implement({
  description: 'How many people came and went in a month.',
  fields: (t) => ({
    period: t.exposeString('period', { description: 'The month, as in 2024-03.' }),
    joiners: t.exposeInt('joiners', { description: 'People who came.' }),
    leavers: t.exposeInt('leavers', { description: 'People who went.' }),
  }),
});

const ProblemType = builder.objectRef<ProblemCount>('Problem').implement({
  description: 'Something that went wrong or was refused, as often as it did.',
  fields: (t) => ({
    outcome: t.exposeString('outcome', { description: 'What came of it.' }),
    error: t.string({
      description: 'The name of the error; none: the outcome says it.',
      nullable: true,
      resolve: ({ error }) => error ?? null,
    }),
    stage: t.exposeString('stage', { description: 'What was at work.' }),
    agent: t.exposeString('agent', { description: 'The connected system; "" is the service itself.' }),
    count: t.exposeInt('count', { description: 'How often.' }),
    latest: t.field({
      description: 'The newest of these changes.',
      type: ChangeType,
      resolve: async ({ latest }, _, { events }) => {
        const event = await events.load(latest);
        if (!event) throw new Error(`The event ${latest} is counted but not there.`);
        return event;
      },
    }),
  }),
});

interface OpenLeaver {
  person: { id: string; name: string | undefined };
  agent: string;
  leftAt: number;
  openHours: number;
}

const OpenLeaverType = builder.objectRef<OpenLeaver>('OpenLeaver').implement({
  description: 'An account that is still enabled although its person has left.',
  fields: (t) => ({
    person: t.field({
      description: 'The person.',
      type: ObjectReferenceType,
      resolve: async ({ person }, _, { names }) => ({ ...(await names.load(person.id)), ...person }),
    }),
    agent: t.exposeString('agent', { description: 'The connected system.' }),
    leftAt: t.field({ description: 'When the person left.', type: 'DateTime', resolve: ({ leftAt }) => leftAt }),
    openHours: t.exposeFloat('openHours', { description: 'Hours since then.' }),
  }),
});

export const LeaverDelayType = builder.objectRef<LeaverDelay>('LeaverDelay').implement({
  description:
    'Hours from leaving to disabled by system. Open cases count as open so long, and maybe longer (Kaplan and Meier); a figure that is not reached yet is none.',
  fields: (t) => ({
    agent: t.exposeString('agent', { description: 'The connected system.' }),
    closed: t.exposeInt('closed', { description: 'Accounts of leavers that were disabled.' }),
    open: t.exposeInt('open', { description: 'Accounts of leavers that are still enabled.' }),
    medianHours: t.float({
      description: 'So many hours until half of the accounts were disabled (p50).',
      nullable: true,
      resolve: ({ medianHours }) => medianHours ?? null,
    }),
    p95Hours: t.float({
      description: 'So many hours until 95 of 100 accounts were disabled.',
      nullable: true,
      resolve: ({ p95Hours }) => p95Hours ?? null,
    }),
    maximumHours: t.float({
      description: 'Of those that were disabled, the longest.',
      nullable: true,
      resolve: ({ maximumHours }) => maximumHours ?? null,
    }),
  }),
});

/** The overview's fields share these questions; each is asked once, and only when a field needs it. */
export class Overview {
  readonly queries: QueryContext;
  readonly #people: PeopleRules;
  #until: Promise<number> | undefined;
  #employments: Promise<Employment[]> | undefined;
  #leavers: Promise<LeaverCase[]> | undefined;

  constructor(queries: QueryContext, people: PeopleRules) {
    this.queries = queries;
    this.#people = people;
  }

  until(): Promise<number> {
    this.#until ??= findLastInstant(this.queries);
    return this.#until;
  }

  employments(): Promise<Employment[]> {
    this.#employments ??= findEmployments(this.queries, this.#people);
    return this.#employments;
  }

  leavers(): Promise<LeaverCase[]> {
    this.#leavers ??= this.#findLeavers();
    return this.#leavers;
  }

  async #findLeavers(): Promise<LeaverCase[]> {
    const [employments, asOf] = await Promise.all([this.employments(), this.until()]);
    return findCases(this.queries, this.#people, employments, { from: 0, to: Number.MAX_SAFE_INTEGER, asOf });
  }

  async openLeavers(): Promise<OpenLeaver[]> {
    return (await this.leavers())
      .flatMap(({ person, leftAt, accounts }) => {
        const { id } = person;
        if (id === undefined) return [];
        const open = accounts.filter(
          ({ disabledAt, rehiredAt }) => disabledAt === undefined && rehiredAt === undefined,
        );
        return open.map(({ agent, hours }) => ({ person: { id, name: person.name }, agent, leftAt, openHours: hours }));
      })
      .sort((a, b) => b.openHours - a.openHours);
  }
}

export const OverviewType = builder.objectRef<Overview>('Overview').implement({
  description: 'The figures of the first page.',
  fields: (t) => ({
    watermark: t.field({
      description: 'The figures stand on the events below.',
      type: 'Sequence',
      resolve: ({ queries }) => queries.watermark,
    }),
    gone: t.string({
      nullable: true,
      description: GONE,
      resolve: ({ queries }) => describeGone(queries) ?? null,
    }),
    until: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'The last instant that the log knows of (a replayed log ends in the past).',
      resolve: async (overview) => (await overview.until()) || null,
    }),
    objectCounts: t.field({
      description: 'How many objects there are, by type.',
      type: [NamedCountType],
      resolve: ({ queries }) => countObjects(queries),
    }),
    changesByMonth: t.field({
      type: [PeriodStageCountType],
      description: 'By month of occurrence, at most the last 24 months.',
      resolve: ({ queries }) => countChangesByMonth(queries),
    }),
    turnover: t.field({
      type: [TurnoverType],
      description: 'People who came and went, by month.',
      resolve: async (overview) => countTurnover(await overview.employments()),
    }),
    problems: t.field({
      type: [ProblemType],
      description: 'What went wrong or was refused, the most frequent first.',
      resolve: ({ queries }) => countProblems(queries),
    }),
    outOfBand: t.int({
      description: 'Changes in connected systems that no export of ours explains.',
      resolve: ({ queries }) => countOutOfBand(queries),
    }),
    openLeaverAccounts: t.int({
      description: 'Accounts still enabled whose person has left.',
      resolve: async (overview) => (await overview.openLeavers()).length,
    }),
    openLeavers: t.field({
      type: [OpenLeaverType],
      description: 'These accounts, longest open first, at most ten.',
      resolve: async (overview) => (await overview.openLeavers()).slice(0, OPEN_LEAVERS_SHOWN),
    }),
    leaverDelays: t.field({
      description: 'How long accounts of leavers stay open, by system.',
      type: [LeaverDelayType],
      resolve: async (overview) => summariseDelays(await overview.leavers()),
    }),
    recentRuns: t.field({
      description: 'The newest runs, at most ten.',
      type: [RunType],
      resolve: async ({ queries }) => (await findRuns(queries, {}, { first: RECENT_RUNS })).runs,
    }),
    log: t.field({
      description: 'How far the log is.',
      type: LogStatusType,
      resolve: (_, __, { log }) => log.journal.head(),
    }),
  }),
});
