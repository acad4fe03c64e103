// What differs between two states of an object, as GraphQL types.
import { systemClock } from '../../ingest/clock.ts';
import { describeGone } from '../queries/context.ts';
import {
  type AttributeDifference,
  findDifference,
  type GoneValue,
  type Place,
  type StateOf,
  type StayedValue,
  type SystemDifference,
} from '../queries/state-difference.ts';
import { builder, GONE, WATERMARK } from './builder.ts';
import { marksOf, ObjectReferenceType, referenceOf } from './change-types.ts';
import { asKnownAt } from './context.ts';
import { MetaverseObjectType, StateValueType } from './object-types.ts';

const GoneValueType = builder.objectRef<GoneValue>('GoneValue').implement({
  description: 'A value that was there in the first state and is not in the second.',
  fields: (t) => ({
    value: t.exposeString('value', { description: 'The value as text.' }),
    withheld: t.boolean({
      description: 'It is there, and whoever asks may not see it.',
      resolve: ({ withheld }) => withheld === true,
    }),
    reference: t.field({
      type: ObjectReferenceType,
      nullable: true,
      description: 'The object that it names.',
      resolve: async ({ reference }, _, { names }) =>
        reference === undefined ? null : referenceOf(await names.load(reference)),
    }),
    setBy: t.field({ type: 'Sequence', description: 'The change that had set it.', resolve: ({ setBy }) => setBy }),
    goneAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it was taken away; none: by no change that the second state knows of.',
      resolve: ({ gone }) => gone?.at ?? null,
    }),
    goneBy: t.field({
      type: 'Sequence',
      nullable: true,
      description: 'The change that took it away.',
      resolve: ({ gone }) => gone?.by ?? null,
    }),
    initiator: t.string({
      nullable: true,
      description: 'Who caused the change that took it away.',
      resolve: ({ gone }) => gone?.initiator ?? null,
    }),
  }),
});

const StayedValueType = builder.objectRef<StayedValue>('StayedValue').implement({
  description: 'A value of both states.',
  fields: (t) => ({
    value: t.exposeString('value', { description: 'The value as text.' }),
    withheld: t.boolean({
      description: 'It is there, and whoever asks may not see it.',
      resolve: ({ withheld }) => withheld === true,
    }),
    setBy: t.field({ type: 'Sequence', description: 'The change that set it.', resolve: ({ setBy }) => setBy }),
    setBefore: t.field({
      type: 'Sequence',
      description: 'The change that had set it in the first state; another one where it went and came back.',
      resolve: ({ setBefore }) => setBefore,
    }),
  }),
});

const AttributeDifferenceType = builder.objectRef<AttributeDifference>('AttributeDifference').implement({
  description: 'One attribute in two states.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'The name of the attribute.' }),
    type: t.exposeString('type', { description: 'The type of its values.' }),
    marks: t.stringList({
      description: 'entitlement, personal, sensitive',
      resolve: ({ marks }) => marksOf(marks),
    }),
    gone: t.field({
      type: [GoneValueType],
      description: 'Values of the first state alone, and what took each away.',
      resolve: ({ gone }) => gone,
    }),
    came: t.field({
      type: [StateValueType],
      description: 'Values of the second state alone, and what set each.',
      resolve: ({ came }) => came,
    }),
    stayed: t.field({
      type: [StayedValueType],
      description: 'Values of both.',
      resolve: ({ stayed }) => stayed,
    }),
  }),
});

const PlaceType = builder.objectRef<Place>('Place').implement({
  description: 'What an object of a system was called, and whether it was joined.',
  fields: (t) => ({
    dn: t.string({ nullable: true, description: 'Its distinguished name.', resolve: ({ dn }) => dn ?? null }),
    anchor: t.string({ nullable: true, description: 'Its anchor.', resolve: ({ anchor }) => anchor ?? null }),
    joined: t.exposeBoolean('joined', { description: 'It was a connector of the metaverse object.' }),
  }),
});

const SystemDifferenceType = builder.objectRef<SystemDifference>('SystemDifference').implement({
  description: 'An entry of a connected system, or the object of the metaverse, in two states.',
  fields: (t) => ({
    agent: t.exposeString('agent', { description: '"" is the metaverse.' }),
    entry: t.id({
      nullable: true,
      description: 'The id of the entry; none in the metaverse.',
      resolve: ({ entry }) => entry ?? null,
    }),
    before: t.field({
      type: PlaceType,
      nullable: true,
      description: 'In the first state; none: it was not there.',
      resolve: ({ before }) => before ?? null,
    }),
    after: t.field({
      type: PlaceType,
      nullable: true,
      description: 'In the second state; none: it was not there.',
      resolve: ({ after }) => after ?? null,
    }),
    attributes: t.field({
      type: [AttributeDifferenceType],
      description: 'Every attribute of either state.',
      args: { changed: t.arg.boolean({ defaultValue: false, description: 'Only those that differ.' }) },
      resolve: ({ attributes }, { changed }) =>
        changed ? attributes.filter(({ gone, came }) => gone.length + came.length > 0) : attributes,
    }),
  }),
});

interface ObjectDifference {
  before: StateOf;
  after: StateOf;
  systems: SystemDifference[];
}

const ObjectDifferenceType = builder.objectRef<ObjectDifference>('ObjectDifference').implement({
  description: 'An object in two states, each at an instant and as of a watermark.',
  fields: (t) => ({
    from: t.field({ type: 'DateTime', description: 'The first instant.', resolve: ({ before }) => before.at }),
    to: t.field({ type: 'DateTime', description: 'The second instant.', resolve: ({ after }) => after.at }),
    fromWatermark: t.field({
      type: 'Sequence',
      description: 'The first state stands on the events below.',
      resolve: ({ before }) => before.context.watermark,
    }),
    toWatermark: t.field({
      type: 'Sequence',
      description: 'The second state stands on the events below.',
      resolve: ({ after }) => after.context.watermark,
    }),
    gone: t.string({
      nullable: true,
      description: GONE,
      resolve: ({ before, after }) => describeGone(after.context, { from: Math.min(before.at, after.at) }) ?? null,
    }),
    systems: t.field({
      type: [SystemDifferenceType],
      description: 'The metaverse and each entry that was there in either state.',
      resolve: ({ systems }) => systems,
    }),
  }),
});

builder.objectField(MetaverseObjectType, 'difference', (t) =>
  t.field({
    type: ObjectDifferenceType,
    description:
      'What differs between its states at two instants; or, with one instant and two watermarks, between what was known of it then and now.',
    args: {
      from: t.arg({ type: 'DateTime', description: 'The first instant; none: the second.' }),
      to: t.arg({ type: 'DateTime', description: 'The second instant; none: now.' }),
      fromWatermark: t.arg({ type: 'Sequence', description: `Of the first state. ${WATERMARK}` }),
      toWatermark: t.arg({ type: 'Sequence', description: `Of the second state. ${WATERMARK}` }),
    },
    resolve: async ({ id, known }, { from, to, fromWatermark, toWatermark }) => {
      const until = to ?? systemClock();
      const before = { context: asKnownAt(known, fromWatermark), at: from ?? until };
      const after = { context: asKnownAt(known, toWatermark), at: until };
      return { before, after, systems: await findDifference(id, before, after) };
    },
  }),
);
