// Joiners, movers and leavers of a period, and how long the accounts of leavers stay open, as GraphQL types.
import { describeGone, type QueryContext } from '../queries/context.ts';
import { type Employment, findEmployments, joinersAmong, type PeopleRules } from '../queries/employment.ts';
import { findLeavers, summariseDelays } from '../queries/leavers.ts';
import { findMoves, MOVE_ATTRIBUTES, type Move } from '../queries/movers.ts';
import type { Leaver, LeaverAccount, LeaversOfPeriod } from '../queries/results.ts';
import { builder, callerError, GONE, WATERMARK } from './builder.ts';
import { ChangeType, ObjectReferenceType, referenceOf } from './change-types.ts';
import { asKnownAt } from './context.ts';
import { LeaverDelayType } from './overview-types.ts';

const JoinerType = builder.objectRef<Employment>('Joiner').implement({
  description: 'Somebody who came in the period: a system that makes people had them from then on.',
  fields: (t) => ({
    person: t.field({
      type: ObjectReferenceType,
      description: 'The person.',
      resolve: async ({ object, name }, _, { names }) => {
        const known = await names.load(object);
        return { ...known, id: object, name: name ?? known.name };
      },
    }),
    agent: t.exposeString('agent', { description: 'The system that they came to first.' }),
    at: t.field({ type: 'DateTime', description: 'When they came.', resolve: ({ joinedAt }) => joinedAt }),
    change: t.field({
      type: 'Sequence',
      description: 'The change that says so.',
      resolve: ({ joinedBy }) => joinedBy,
    }),
    rehired: t.exposeBoolean('rehired', { description: 'Not for the first time.' }),
  }),
});

const MoverType = builder.objectRef<Move>('Mover').implement({
  description:
    'One attribute of a person that says where they are in the organisation, and that changed in the period.',
  fields: (t) => ({
    person: t.field({
      type: ObjectReferenceType,
      nullable: true,
      description: 'The person, named as they were called then.',
      resolve: async ({ event }, _, { names }) => {
        if (event.object === undefined) return null;
        const known = await names.load(event.object);
        return { ...known, id: event.object, name: event.objectName ?? known.name };
      },
    }),
    at: t.field({ type: 'DateTime', description: 'When it changed.', resolve: ({ event }) => event.occurredAt }),
    attribute: t.exposeString('attribute', { description: 'The attribute of the metaverse.' }),
    from: t.string({
      nullable: true,
      description: 'What it was before; none: whoever asks may not see it.',
      resolve: ({ from }) => from ?? null,
    }),
    to: t.string({
      nullable: true,
      description: 'What it was from then on; none: nothing, or whoever asks may not see it.',
      resolve: ({ to }) => to ?? null,
    }),
    fromObject: t.field({
      type: ObjectReferenceType,
      nullable: true,
      description: 'The object that it named before, such as a manager.',
      resolve: async ({ fromObject }, _, { names }) =>
        fromObject === undefined ? null : referenceOf(await names.load(fromObject)),
    }),
    toObject: t.field({
      type: ObjectReferenceType,
      nullable: true,
      description: 'The object that it named from then on.',
      resolve: async ({ toObject }, _, { names }) =>
        toObject === undefined ? null : referenceOf(await names.load(toObject)),
    }),
    change: t.field({ type: ChangeType, description: 'The change that moved them.', resolve: ({ event }) => event }),
  }),
});

const LeaverAccountType = builder.objectRef<LeaverAccount>('LeaverAccount').implement({
  description: 'An account that was enabled when its person left.',
  fields: (t) => ({
    agent: t.exposeString('agent', { description: 'The connected system.' }),
    account: t.string({
      nullable: true,
      description: 'Its DN or anchor.',
      resolve: ({ account }) => account ?? null,
    }),
    hours: t.exposeFloat('hours', {
      description: 'From leaving until it was disabled, until the person was back, or until `asOf`.',
    }),
    disabledAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'When it was disabled, deleted or came to be somebody else’s; none: it is open, or the person is back.',
      resolve: ({ disabledAt }) => disabledAt ?? null,
    }),
    disabledBy: t.field({
      type: 'Sequence',
      nullable: true,
      description: 'The change that did.',
      resolve: ({ disabledBy }) => disabledBy ?? null,
    }),
    rehiredAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the person came back while it was open.',
      resolve: ({ rehiredAt }) => rehiredAt ?? null,
    }),
    reenabledAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it was enabled again although the person was still gone.',
      resolve: ({ reenabledAt }) => reenabledAt ?? null,
    }),
  }),
});

const LeaverType = builder.objectRef<Leaver>('Leaver').implement({
  description: 'Somebody who left in the period.',
  fields: (t) => ({
    person: t.field({
      type: ObjectReferenceType,
      nullable: true,
      description: 'The person.',
      resolve: ({ person }) => referenceOf(person),
    }),
    at: t.field({ type: 'DateTime', description: 'When HR let go.', resolve: ({ leftAt }) => leftAt }),
    atKnown: t.exposeString('leftAtKnown', {
      description: 'leaving-date: HR gave their last day; or gone-from-image.',
    }),
    change: t.field({
      type: 'Sequence',
      description: 'The change that says they are gone.',
      resolve: ({ goneBy }) => goneBy,
    }),
    accounts: t.field({
      type: [LeaverAccountType],
      description: 'Their accounts that were enabled then.',
      resolve: ({ accounts }) => accounts,
    }),
  }),
});

/** The parts of the answer share their questions; each is asked once, and only when it is needed. */
class PeopleOfPeriod {
  readonly queries: QueryContext;
  readonly from: number;
  readonly to: number;
  readonly #people: PeopleRules;
  #leavers: Promise<LeaversOfPeriod> | undefined;

  constructor(queries: QueryContext, people: PeopleRules, { from, to }: { from: number; to: number }) {
    this.queries = queries;
    this.#people = people;
    this.from = from;
    this.to = to;
  }

  async joiners(): Promise<Employment[]> {
    const all = joinersAmong(await findEmployments(this.queries, this.#people));
    return all.filter(({ joinedAt }) => joinedAt >= this.from && joinedAt <= this.to);
  }

  moves(attributes: readonly string[] | undefined): Promise<Move[]> {
    return findMoves(this.queries, this, this.#people, attributes);
  }

  leavers(): Promise<LeaversOfPeriod> {
    this.#leavers ??= findLeavers(this.queries, this.from, this.to, this.#people);
    return this.#leavers;
  }
}

const PeopleOfPeriodType = builder.objectRef<PeopleOfPeriod>('PeopleOfPeriod').implement({
  description: 'Who came, who moved and who went in a period.',
  fields: (t) => ({
    from: t.field({ type: 'DateTime', description: 'The first instant.', resolve: ({ from }) => from }),
    to: t.field({ type: 'DateTime', description: 'The last instant, included.', resolve: ({ to }) => to }),
    watermark: t.field({
      type: 'Sequence',
      description: 'The answer stands on the events below.',
      resolve: ({ queries }) => queries.watermark,
    }),
    gone: t.string({
      nullable: true,
      description: GONE,
      resolve: ({ queries, from }) => describeGone(queries, { from }) ?? null,
    }),
    joiners: t.field({
      type: [JoinerType],
      description: 'Who came, in order; not those whom a system had when it was first read.',
      resolve: (period) => period.joiners(),
    }),
    movers: t.field({
      type: [MoverType],
      description: 'Who moved, in order: each change of one of these attributes from one value to another.',
      args: {
        attributes: t.arg.stringList({
          description: `The attributes of the metaverse that count; none: ${MOVE_ATTRIBUTES.join(', ')}.`,
        }),
      },
      resolve: (period, { attributes }) => period.moves(attributes ?? undefined),
    }),
    leavers: t.field({
      type: [LeaverType],
      description: 'Who left, in order, with the accounts they had.',
      resolve: async (period) => (await period.leavers()).leavers,
    }),
    asOf: t.field({
      type: 'DateTime',
      description: 'Accounts that are open are measured up to here: the last instant that the log knows of.',
      resolve: async (period) => (await period.leavers()).asOf,
    }),
    leaverDelays: t.field({
      type: [LeaverDelayType],
      description: 'How long the accounts of these leavers stayed open, by system.',
      resolve: async (period) => summariseDelays((await period.leavers()).leavers),
    }),
  }),
});

builder.queryField('people', (t) =>
  t.field({
    type: PeopleOfPeriodType,
    description: 'Who came, who moved and who went in a period, and how long leavers kept their accounts.',
    args: {
      from: t.arg({ type: 'DateTime', required: true, description: 'The first instant.' }),
      to: t.arg({ type: 'DateTime', required: true, description: 'The last instant, included.' }),
      watermark: t.arg({ type: 'Sequence', description: WATERMARK }),
    },
    resolve: (_, { from, to, watermark }, { queries, people }) => {
      if (from > to) throw callerError('`from` is after `to`: a period begins before it ends.');
      return new PeopleOfPeriod(asKnownAt(queries, watermark), people, { from, to });
    },
  }),
);
