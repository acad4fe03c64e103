// Changes: events of the log as GraphQL types.
import type { ChangeEvent } from '../../ingest/event.ts';
import { MARKS } from '../../ingest/event.ts';
import { describeGoneCauses, findCauses } from '../queries/chain.ts';
import type { ChangeFilter } from '../queries/changes.ts';
import type { Reference } from '../queries/results.ts';
import type { SeenValue } from '../queries/sight.ts';
import { builder, checkFirst, checkId, WATERMARK } from './builder.ts';
import { connectionOf, FIRST } from './connection.ts';
import { NodeType } from './node.ts';

export const ObjectReferenceType = builder.objectRef<Reference & { id: string }>('ObjectReference').implement({
  description: 'A metaverse object by its id, with what it was called.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'The id of the metaverse object: `object(id:)` tells more of it.' }),
    name: t.string({
      description: 'What it is or was called; none: it has no name, is erased, or whoever asks may not know.',
      nullable: true,
      resolve: ({ name }) => name ?? null,
    }),
    type: t.string({ description: 'Its type in the metaverse.', nullable: true, resolve: ({ type }) => type ?? null }),
  }),
});

/** A reference for the schema; undefined when nobody known is named. */
export function referenceOf(reference: Reference | undefined): (Reference & { id: string }) | null {
  return reference?.id === undefined ? null : { ...reference, id: reference.id };
}

type Mark = keyof typeof MARKS;

export const MarkType = builder.enumType('Mark', {
  description: 'What the configuration says of an attribute, and so of its values.',
  values: {
    entitlement: { description: 'It grants something: a membership, an enabled account.' },
    personal: { description: 'It tells of a person.' },
    sensitive: { description: 'It is told only to an investigator who says why.' },
    secret: { description: 'A password or key: the log never has its value.' },
  } satisfies Record<Mark, { description: string }>,
});

const isMark = (name: string): name is Mark => name in MARKS;

export function marksOf(marks: number): Mark[] {
  return Object.keys(MARKS)
    .filter(isMark)
    .filter((name) => (marks & MARKS[name]) > 0);
}

const ValueOperationType = builder.enumType('ValueOperation', {
  description: 'What became of a value.',
  values: {
    add: { description: 'It was added; there is no old value.' },
    remove: { description: 'It was removed; there is no new value.' },
    replace: { description: 'A new value took the place of an old one.' },
  },
});

const InstantKnownType = builder.enumType('InstantKnown', {
  description: 'How it is known when something happened.',
  values: {
    reported: { description: 'The source says when.' },
    observed: { description: 'It is the time at which it was seen.' },
  },
});

const InitiatorKnownType = builder.enumType('InitiatorKnown', {
  description: 'How it is known who caused something.',
  values: {
    reported: { description: 'The source says who.' },
    matched: { description: 'Found by comparing it with another source.' },
    observed: { description: 'It is all that was seen: a system, and nobody in it.' },
    unknown: { description: 'Nobody knows.' },
  },
});

const ChangeValueType = builder.objectRef<SeenValue>('ChangeValue').implement({
  description: 'One value that a change added, removed or replaced.',
  fields: (t) => ({
    attribute: t.exposeString('attribute', { description: 'The attribute, named as in the system of the change.' }),
    type: t.exposeString('type', { description: 'string, integer, boolean, time, binary or reference.' }),
    operation: t.expose('operation', { type: ValueOperationType, description: 'What became of the value.' }),
    old: t.string({
      description: 'The value until then; none: it was added, it is withheld, or it is erased.',
      nullable: true,
      resolve: (value) => value.old ?? null,
    }),
    new: t.string({
      description: 'The value from then on; none: it was removed, it is withheld, or it is erased.',
      nullable: true,
      resolve: (value) => value.new ?? null,
    }),
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
    marks: t.field({
      type: [MarkType],
      description: 'What it was marked as when it was written.',
      resolve: (value) => marksOf(value.marks),
    }),
    rule: t.string({
      description: 'The flow or rule that set it.',
      nullable: true,
      resolve: (value) => value.rule ?? null,
    }),
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
  interfaces: [NodeType],
  description: 'One event of the change log: what one stage did to one object in one step with one outcome.',
  fields: (t) => ({
    sequence: t.field({ description: 'Its place in the log.', type: 'Sequence', resolve: (event) => event.sequence }),
    recordedAt: t.field({
      type: 'DateTime',
      description: 'When it was accepted.',
      resolve: (event) => event.recordedAt,
    }),
    occurredAt: t.field({ type: 'DateTime', description: 'When it happened.', resolve: (event) => event.occurredAt }),
    occurredAtKnown: t.expose('occurredAtKnown', {
      type: InstantKnownType,
      description: 'How it is known when it happened.',
    }),
    stage: t.exposeString('stage', {
      description:
        'What was at work: import, filter, join, projection, import-flow, recall, provisioning, deprovisioning, export-flow, export, confirmation, deletion, run, configuration, baseline, read, erasure, alert, …; open.',
    }),
    operation: t.exposeString('operation', {
      description: 'add, update, delete, rename, … of the object as a whole; open.',
    }),
    outcome: t.exposeString('outcome', {
      description:
        "What came of it: MIM's counter in kebab-case (export-update), or one of ours (skipped-not-precedent); open.",
    }),
    error: t.string({
      description: 'Why it failed or was refused, as the name of an error.',
      nullable: true,
      resolve: (event) => event.error ?? null,
    }),
  }),
});

// Of what, and what of it.
builder.objectFields(ChangeType, (t) => ({
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
  entry: t.id({
    description: 'The entry of the connector space: what one system has of an object.',
    nullable: true,
    resolve: (event) => event.entry ?? null,
  }),
  agent: t.string({
    description: 'The connected system that it happened in or for; none: the metaverse or the service itself.',
    nullable: true,
    resolve: (event) => event.agent ?? null,
  }),
  anchor: t.string({
    description: 'The anchor of the entry: what never changes of it in its system.',
    nullable: true,
    resolve: (event) => event.anchor ?? null,
  }),
  dn: t.string({
    description: 'The distinguished name of the entry, after the change.',
    nullable: true,
    resolve: (event) => event.dn ?? null,
  }),
  values: t.field({
    description: 'The values that it added, removed or replaced.',
    type: [ChangeValueType],
    resolve: (event) => event.values,
  }),
}));

// By whom, and why.
builder.objectFields(ChangeType, (t) => ({
  initiator: t.string({
    nullable: true,
    description: 'Who caused the root of it.',
    resolve: (event) => event.initiator ?? null,
  }),
  initiatorKnown: t.expose('initiatorKnown', {
    type: InitiatorKnownType,
    description: 'How it is known who caused it.',
  }),
  performer: t.string({
    nullable: true,
    description: 'Who carried it out.',
    resolve: (event) => event.performer ?? null,
  }),
  address: t.string({
    description: 'From where it was caused, as far as the source says.',
    nullable: true,
    resolve: (event) => event.address ?? null,
  }),
  causes: t.field({
    type: ['Sequence'],
    description: 'The changes that led to this one, the principal first.',
    resolve: (event) => event.causes,
  }),
  root: t.field({
    description: 'The change at the beginning of its causes; its own sequence, where nothing led to it.',
    type: 'Sequence',
    resolve: (event) => event.root,
  }),
  rule: t.string({
    description: 'The rule of the configuration that did it: a join, a flow, a provisioning.',
    nullable: true,
    resolve: (event) => event.rule ?? null,
  }),
  configuration: t.field({
    description: 'The event that recorded the configuration in force.',
    type: 'Sequence',
    nullable: true,
    resolve: (event) => event.configuration ?? null,
  }),
  run: t.field({
    description: 'The run that it belongs to: the sequence of its first event.',
    type: 'Sequence',
    nullable: true,
    resolve: (event) => event.run ?? null,
  }),
  step: t.int({
    description: 'The step of the run, from 1 on.',
    nullable: true,
    resolve: (event) => event.step ?? null,
  }),
  stepKind: t.string({
    description:
      'The kind of that step, such as full-import or export; of what was carried forward, the stage that it had.',
    nullable: true,
    resolve: (event) => event.stepKind ?? null,
  }),
  outOfBand: t.exposeBoolean('outOfBand', { description: 'A change in a target that no export of ours explains.' }),
}));

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
    args: { first: t.arg.int({ defaultValue: 100, description: FIRST }) },
    resolve: async (event, { first }, { effects }) =>
      (await effects.load({ event, first: checkFirst(first, 100, 1000) })).events,
  }),
  ledToMore: t.boolean({
    description: 'Whether it led to more changes than the first so many, which `ledTo` gives.',
    args: { first: t.arg.int({ defaultValue: 100, description: FIRST }) },
    resolve: async (event, { first }, { effects }) =>
      (await effects.load({ event, first: checkFirst(first, 100, 1000) })).hasMore,
  }),
}));

export const ChangeFilterInput = builder.inputType('ChangeFilter', {
  description: 'Which changes: all that are given must hold.',
  fields: (t) => ({
    from: t.field({ type: 'DateTime', description: 'The first instant.' }),
    to: t.field({ type: 'DateTime', description: 'The last instant, included.' }),
    object: t.id({ description: 'The id of the object that they are about.' }),
    attribute: t.string({ description: 'An attribute that they touched, named as in the system of the change.' }),
    value: t.string({ description: 'An old or new value, exactly.' }),
    agent: t.string({ description: 'The connected system.' }),
    initiator: t.string({ description: 'Who caused them, exactly as recorded.' }),
    stages: t.stringList({
      description: 'Any of these; an empty list asks for all but `read`: who looked at the log has changed nothing.',
    }),
    outcomes: t.stringList({ description: 'Any of these; an empty list asks for all.' }),
    rule: t.string({
      description: 'The rule of the configuration that did them or set one of their values, such as hr/employee/join.',
    }),
    run: t.field({ type: 'Sequence', description: 'The run: the sequence of its first event.' }),
    outOfBand: t.boolean({ description: 'Only those that no export of ours explains, or (false) only the others.' }),
    watermark: t.field({ type: 'Sequence', description: WATERMARK }),
  }),
});

type FilterInput = typeof ChangeFilterInput.$inferInput;

export function filterOf(input: FilterInput | null | undefined): ChangeFilter {
  if (!input) return {};
  const { watermark: _, object, ...rest } = input;
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null && value !== undefined));
  return { ...given, ...(object != null && { object: checkId(object) }) };
}

export const ChangeConnectionType = connectionOf(ChangeType, 'Change', 'changes');
