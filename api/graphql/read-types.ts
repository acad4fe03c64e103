// Who looked: reads of the log as GraphQL types.
import { findReads, type LogRead, type ReadFilter, type ReadPage, type ReadParameter } from '../queries/reads.ts';
import { builder, checkFirst, checkId, decodeCursor, GONE, WATERMARK } from './builder.ts';
import { ObjectReferenceType, PageInfoType, pageInfoOf, referenceOf } from './change-types.ts';
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

const ReadType = builder.objectRef<LogRead>('Read').implement({
  description: 'One question that somebody asked of the log: an event of stage read, accepted before its answer left.',
  fields: (t) => ({
    sequence: t.field({ type: 'Sequence', resolve: ({ sequence }) => sequence }),
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
    outcome: t.exposeString('outcome', {
      description: 'answered; refused: it asked wrongly or too much; or failed. Only what was answered was seen.',
    }),
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
    parameters: t.field({ type: [ReadParameterType], resolve: ({ parameters }) => parameters }),
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
    outcome: t.string({ description: 'answered, refused or failed.' }),
    watermark: t.field({ type: 'Sequence', description: WATERMARK }),
  }),
});

function filterOf(input: typeof ReadFilterInput.$inferInput | null | undefined): ReadFilter {
  if (!input) return {};
  const { watermark: _, object, ...rest } = input;
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null && value !== undefined));
  return { ...given, ...(object != null && { object: checkId(object) }) };
}

const ReadConnectionType = builder.objectRef<ReadPage>('ReadConnection').implement({
  fields: (t) => ({
    nodes: t.field({ type: [ReadType], resolve: ({ reads }) => reads }),
    pageInfo: t.field({
      type: PageInfoType,
      resolve: ({ reads, hasMore }) =>
        pageInfoOf(
          reads.map(({ sequence }) => sequence),
          hasMore,
        ),
    }),
    watermark: t.field({ type: 'Sequence', resolve: ({ watermark }) => watermark }),
    gone: t.string({ nullable: true, description: GONE, resolve: ({ gone }) => gone ?? null }),
  }),
});

builder.queryField('reads', (t) =>
  t.field({
    type: ReadConnectionType,
    description: 'Who looked at what in this log, newest first. To ask this is a read as well.',
    args: {
      filter: t.arg({ type: ReadFilterInput }),
      first: t.arg.int({ defaultValue: 50 }),
      after: t.arg.string(),
    },
    resolve: (_, { filter, first, after }, { queries }) =>
      findReads(asKnownAt(queries, filter?.watermark), filterOf(filter), {
        first: checkFirst(first, 50, 1000),
        before: decodeCursor(after),
      }),
  }),
);
