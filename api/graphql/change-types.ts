// Changes: events of the log as GraphQL types.
import type { ChangeEvent } from '../../ingest/event.ts';
import { MARKS } from '../../ingest/event.ts';
import { describeGoneCauses, findCauses } from '../queries/chain.ts';
import type { ChangeFilter, ChangePage } from '../queries/changes.ts';
import type { Reference } from '../queries/results.ts';
import type { SeenValue } from '../queries/sight.ts';
import { builder, checkFirst, checkId, encodeCursor, GONE } from './builder.ts';

export const ObjectReferenceType = builder.objectRef<Reference & { id: string }>('ObjectReference').implement({
  description: 'A metaverse object by its id, with what it was called.',
  fields: (t) => ({
    id: t.exposeID('id'),
    name: t.string({ nullable: true, resolve: ({ name }) => name ?? null }),
    type: t.string({ nullable: true, resolve: ({ type }) => type ?? null }),
  }),
});

/** A reference for the schema; undefined when nobody known is named. */
export function referenceOf(reference: Reference | undefined): (Reference & { id: string }) | null {
  return reference?.id === undefined ? null : { ...reference, id: reference.id };
}

export function marksOf(marks: number): string[] {
  return Object.entries(MARKS).flatMap(([name, bit]) => ((marks & bit) > 0 ? [name] : []));
}

const ChangeValueType = builder.objectRef<SeenValue>('ChangeValue').implement({
  description: 'One value that a change added, removed or replaced.',
  fields: (t) => ({
    attribute: t.exposeString('attribute'),
    type: t.exposeString('type'),
    operation: t.exposeString('operation', { description: 'add, remove or replace' }),
    old: t.string({ nullable: true, resolve: (value) => value.old ?? null }),
    new: t.string({ nullable: true, resolve: (value) => value.new ?? null }),
    withheld: t.boolean({
      description: 'Old and new are there, and whoever asks may not see it.',
      resolve: (value) => value.withheld === true,
    }),
    reference: t.field({
      type: ObjectReferenceType,
      nullable: true,
      description: 'The object that the value names.',
      resolve: async (value, _, { names }) =>
        value.reference === undefined ? null : referenceOf(await names.load(value.reference)),
    }),
    marks: t.stringList({ description: 'entitlement, personal, sensitive', resolve: (value) => marksOf(value.marks) }),
    rule: t.string({ nullable: true, resolve: (value) => value.rule ?? null }),
    setBy: t.field({
      type: 'Sequence',
      nullable: true,
      description: 'The change that had set the old value.',
      resolve: (value) => value.setBy ?? null,
    }),
  }),
});

export const ChangeType = builder.objectRef<ChangeEvent>('Change');

ChangeType.implement({
  description: 'One event of the change log: what one stage did to one object in one step with one outcome.',
  fields: (t) => ({
    sequence: t.field({ type: 'Sequence', resolve: (event) => event.sequence }),
    recordedAt: t.field({
      type: 'DateTime',
      description: 'When it was accepted.',
      resolve: (event) => event.recordedAt,
    }),
    occurredAt: t.field({ type: 'DateTime', description: 'When it happened.', resolve: (event) => event.occurredAt }),
    occurredAtKnown: t.exposeString('occurredAtKnown', { description: 'reported by the source, or observed by us' }),
    stage: t.exposeString('stage'),
    operation: t.exposeString('operation'),
    outcome: t.exposeString('outcome'),
    error: t.string({ nullable: true, resolve: (event) => event.error ?? null }),
    object: t.field({
      type: ObjectReferenceType,
      nullable: true,
      description: 'The metaverse object, named as it was called then.',
      resolve: async (event, _, { names }) => {
        if (event.object === undefined) return null;
        const reference = await names.load(event.object);
        return { ...reference, id: event.object, name: event.objectName ?? reference.name };
      },
    }),
    entry: t.id({ nullable: true, resolve: (event) => event.entry ?? null }),
    agent: t.string({ nullable: true, resolve: (event) => event.agent ?? null }),
    anchor: t.string({ nullable: true, resolve: (event) => event.anchor ?? null }),
    dn: t.string({ nullable: true, resolve: (event) => event.dn ?? null }),
    values: t.field({ type: [ChangeValueType], resolve: (event) => event.values }),
    initiator: t.string({
      nullable: true,
      description: 'Who caused the root of it.',
      resolve: (event) => event.initiator ?? null,
    }),
    initiatorKnown: t.exposeString('initiatorKnown', { description: 'reported, matched, observed or unknown' }),
    performer: t.string({
      nullable: true,
      description: 'Who carried it out.',
      resolve: (event) => event.performer ?? null,
    }),
    address: t.string({ nullable: true, resolve: (event) => event.address ?? null }),
    causes: t.field({
      type: ['Sequence'],
      description: 'The changes that led to this one, the principal first.',
      resolve: (event) => event.causes,
    }),
    root: t.field({ type: 'Sequence', resolve: (event) => event.root }),
    rule: t.string({ nullable: true, resolve: (event) => event.rule ?? null }),
    configuration: t.field({ type: 'Sequence', nullable: true, resolve: (event) => event.configuration ?? null }),
    run: t.field({ type: 'Sequence', nullable: true, resolve: (event) => event.run ?? null }),
    step: t.int({ nullable: true, resolve: (event) => event.step ?? null }),
    stepKind: t.string({ nullable: true, resolve: (event) => event.stepKind ?? null }),
    outOfBand: t.exposeBoolean('outOfBand', { description: 'A change in a target that no export of ours explains.' }),
  }),
});

// Where it comes from and where it leads.
builder.objectFields(ChangeType, (t) => ({
  causedBy: t.field({
    type: [ChangeType],
    description: 'What led to this change, the root first, this change last.',
    resolve: (event, _, { events, queries }) => findCauses(event, (sequence) => events.load(sequence), queries),
  }),
  gone: t.string({
    nullable: true,
    description: 'Which changes that led to this one have expired, in a sentence.',
    resolve: (event, _, { queries }) => describeGoneCauses(queries, event) ?? null,
  }),
  ledTo: t.field({
    type: [ChangeType],
    description: 'What this change led to, in order.',
    args: { first: t.arg.int({ defaultValue: 100 }) },
    resolve: async (event, { first }, { effects }) =>
      (await effects.load({ event, first: checkFirst(first, 100, 1000) })).events,
  }),
  ledToMore: t.boolean({
    description: 'Whether it led to more changes than the first so many, which `ledTo` gives.',
    args: { first: t.arg.int({ defaultValue: 100 }) },
    resolve: async (event, { first }, { effects }) =>
      (await effects.load({ event, first: checkFirst(first, 100, 1000) })).hasMore,
  }),
}));

export const ChangeFilterInput = builder.inputType('ChangeFilter', {
  fields: (t) => ({
    from: t.field({ type: 'DateTime', description: 'The first instant.' }),
    to: t.field({ type: 'DateTime', description: 'The last instant, included.' }),
    object: t.id(),
    attribute: t.string(),
    value: t.string({ description: 'An old or new value, exactly.' }),
    agent: t.string(),
    initiator: t.string(),
    stages: t.stringList({
      description: 'Any of these; an empty list asks for all but `read`: who looked at the log has changed nothing.',
    }),
    outcomes: t.stringList({ description: 'Any of these; an empty list asks for all.' }),
    run: t.field({ type: 'Sequence' }),
    outOfBand: t.boolean(),
    watermark: t.field({ type: 'Sequence', description: 'Only what was known when the log had this many events.' }),
  }),
});

type FilterInput = typeof ChangeFilterInput.$inferInput;

export function filterOf(input: FilterInput | null | undefined): ChangeFilter {
  if (!input) return {};
  const { watermark: _, object, ...rest } = input;
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null && value !== undefined));
  return { ...given, ...(object != null && { object: checkId(object) }) };
}

export interface PageInfo {
  hasNextPage: boolean;
  endCursor: string | undefined;
}

export const PageInfoType = builder.objectRef<PageInfo>('PageInfo').implement({
  fields: (t) => ({
    hasNextPage: t.exposeBoolean('hasNextPage'),
    endCursor: t.string({ nullable: true, resolve: (info) => info.endCursor ?? null }),
  }),
});

export function pageInfoOf(sequences: readonly number[], hasMore: boolean): PageInfo {
  const last = sequences.at(-1);
  return { hasNextPage: hasMore, endCursor: last === undefined ? undefined : encodeCursor(last) };
}

export const ChangeConnectionType = builder.objectRef<ChangePage>('ChangeConnection').implement({
  fields: (t) => ({
    nodes: t.field({ type: [ChangeType], resolve: ({ events }) => events }),
    pageInfo: t.field({
      type: PageInfoType,
      resolve: ({ events, hasMore }) =>
        pageInfoOf(
          events.map(({ sequence }) => sequence),
          hasMore,
        ),
    }),
    watermark: t.field({ type: 'Sequence', resolve: ({ watermark }) => watermark }),
    gone: t.string({ nullable: true, description: GONE, resolve: ({ gone }) => gone ?? null }),
  }),
});
