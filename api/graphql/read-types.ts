// Who looked: reads of the log as GraphQL types.
import { findReads, type LogRead, type ReadFilter, type ReadParameter } from '../queries/reads.ts';
import { builder, checkId, WATERMARK } from './builder.ts';
import { ObjectReferenceType, referenceOf } from './change-types.ts';
import { AFTER, connectionOf, FIRST, list, pagingOf } from './connection.ts';
import { asKnownAt } from './context.ts';

const ReadParameterType = builder.objectRef<ReadParameter>('ReadParameter').implement({
  description: 'What was given with a question.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Where it stands in the question, such as filter/from.' }),
    type: t.exposeString('type', { description: 'string, integer, boolean, time or reference; lists are JSON.' }),
    value: t.string({
      nullable: true,
      description: 'None: it was, or may have been, a secret, or the name of somebody who is erased.',
      resolve: ({ text }) => text ?? null,
    }),
    reference: t.field({
      type: ObjectReferenceType,
      nullable: true,
      description: 'The object that it names.',
      resolve: async ({ reference }, _, { names }) =>
        reference === undefined ? null : referenceOf(await names.load(reference)),
    }),
  }),
});

const ReadOutcomeType = builder.enumType('ReadOutcome', {
  description: 'What came of a question. Only what was answered was seen.',
  values: {
    answered: { description: 'An answer was given, if not to all of it.' },
    refused: { description: 'It asked wrongly, too much, or what may not be asked.' },
    failed: { description: 'The service could not answer.' },
  },
});

const ReadType = builder.objectRef<LogRead>('Read').implement({
  description: 'One question that somebody asked of the log: an event of stage read, accepted before its answer left.',
  fields: (t) => ({
    sequence: t.field({ description: 'Its place in the log.', type: 'Sequence', resolve: ({ sequence }) => sequence }),
    at: t.field({ type: 'DateTime', description: 'When it was answered.', resolve: ({ at }) => at }),
    viewer: t.string({ nullable: true, description: 'Who asked.', resolve: ({ viewer }) => viewer ?? null }),
    address: t.string({
      nullable: true,
      description: 'From where; none: on the machine itself, without the service.',
      resolve: ({ address }) => address ?? null,
    }),
    question: t.exposeString('question', {
      description: 'A field of Query or Mutation, or report, feed, bundle, backup or replay.',
    }),
    fields: t.exposeStringList('fields', { description: 'What of the answer was asked for.' }),
    outcome: t.expose('outcome', { type: ReadOutcomeType, description: 'What came of it.' }),
    error: t.string({
      nullable: true,
      description: 'What went wrong, also where only a part of the answer was missing.',
      resolve: ({ error }) => error ?? null,
    }),
    object: t.field({
      type: ObjectReferenceType,
      nullable: true,
      description: 'The one object that it was about.',
      resolve: async ({ object }, _, { names }) =>
        object === undefined ? null : referenceOf(await names.load(object)),
    }),
    rows: t.int({ nullable: true, description: 'How many rows were told.', resolve: ({ rows }) => rows ?? null }),
    answeredAt: t.field({
      type: 'Sequence',
      description: 'The watermark of the answer: it stands on the events below.',
      resolve: ({ answeredAt }) => answeredAt,
    }),
    parameters: t.field({
      description: 'What was given with it.',
      type: [ReadParameterType],
      resolve: ({ parameters }) => parameters,
    }),
    reason: t.string({
      nullable: true,
      description: 'Why they wanted to see sensitive values; none: they gave no reason and saw none.',
      resolve: ({ reason }) => reason ?? null,
    }),
    through: t.string({
      nullable: true,
      description:
        'What asked for them, as it said itself: mcp/history is that tool of an assistant. None: nothing did.',
      resolve: ({ through }) => through ?? null,
    }),
  }),
});

const ReadFilterInput = builder.inputType('ReadFilter', {
  description: 'All that are given must hold.',
  fields: (t) => ({
    from: t.field({ type: 'DateTime', description: 'The first instant.' }),
    to: t.field({ type: 'DateTime', description: 'The last instant, included.' }),
    viewer: t.string({ description: 'Who asked, exactly.' }),
    object: t.id({ description: 'Asked about as the one object of the question, or named in its parameters.' }),
    question: t.string({ description: 'A field of Query or Mutation, or report, feed, bundle, backup or replay.' }),
    outcome: t.field({ type: ReadOutcomeType, description: 'What came of it.' }),
    watermark: t.field({ type: 'Sequence', description: WATERMARK }),
  }),
});

function filterOf(input: typeof ReadFilterInput.$inferInput | null | undefined): ReadFilter {
  if (!input) return {};
  const { watermark: _, object, ...rest } = input;
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null && value !== undefined));
  return { ...given, ...(object != null && { object: checkId(object) }) };
}

const ReadConnectionType = connectionOf(ReadType, 'Read', 'reads');

builder.queryField('reads', (t) =>
  t.field({
    type: ReadConnectionType,
    description: 'Who looked at what in this log, newest first. To ask this is a read as well.',
    args: {
      filter: t.arg({ description: 'All that are given must hold; none: all reads.', type: ReadFilterInput }),
      first: t.arg.int({ defaultValue: 50, description: FIRST }),
      after: t.arg.string({ description: AFTER }),
    },
    resolve: async (_, { filter, ...given }, { queries }) => {
      const wanted = filterOf(filter);
      const paging = pagingOf('reads', wanted, given);
      const page = await findReads(asKnownAt(queries, filter?.watermark), wanted, paging);
      return list(paging, page.reads, ({ sequence }) => sequence, page);
    },
  }),
);
