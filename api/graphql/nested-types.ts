// Entitlements through nested groups, as GraphQL types.
import { systemClock } from '../../ingest/clock.ts';
import {
  findNestedAccess,
  findNestedHolders,
  type NestedAccess,
  type NestedHolding,
} from '../queries/nested-entitlements.ts';
import { builder, checkId, GONE, WATERMARK } from './builder.ts';
import { ObjectReferenceType, referenceOf } from './change-types.ts';
import { asKnownAt } from './context.ts';
import { HoldingType, MetaverseObjectType } from './object-types.ts';

const NestedHoldingType = builder.objectRef<NestedHolding>('NestedHolding').implement({
  description:
    'An entitlement that somebody had at an instant in one system, directly or through groups within groups.',
  fields: (t) => ({
    holder: t.field({
      type: ObjectReferenceType,
      nullable: true,
      description: 'Who had it: a person, or a group in between; none: a name that belongs to no known object.',
      resolve: ({ holder }) => referenceOf(holder),
    }),
    holderName: t.string({
      nullable: true,
      description: 'What the holder was called, also where it is no known object.',
      resolve: ({ holder }) => holder.name ?? null,
    }),
    entitlement: t.field({
      type: ObjectReferenceType,
      nullable: true,
      description: 'The group; none: the attribute itself is the entitlement (an enabled account).',
      resolve: ({ entitlement }) => referenceOf(entitlement),
    }),
    agent: t.exposeString('agent', { description: 'The connected system; "" is the metaverse.' }),
    attribute: t.exposeString('attribute', { description: 'The attribute that gives it: of a group, its members.' }),
    value: t.exposeString('value', { description: 'Its value, where it names no group; else empty.' }),
    withheld: t.boolean({
      description: 'The value is there, and whoever asks may not see it.',
      resolve: ({ withheld }) => withheld === true,
    }),
    direct: t.exposeBoolean('direct', { description: 'It was given to the holder itself, and not only to a group.' }),
    ways: t.exposeInt('ways', {
      description:
        'Asked of an entitlement: the memberships of the holder in it and in groups that had it. Asked of a person: how often it was given to them and to groups that they were in. All must go before it is gone.',
    }),
    path: t.field({
      type: [HoldingType],
      description: "A shortest way: the holder's own membership first, the entitlement last.",
      resolve: ({ path }) => path,
    }),
    since: t.field({
      type: 'DateTime',
      description: 'Since when this way was whole: the latest membership on it.',
      resolve: ({ since }) => since,
    }),
  }),
});

const NestedHolderListType = builder.objectRef<NestedAccess>('NestedHolderList').implement({
  description: 'Who had what through groups within groups at an instant, each once in each system, the nearest first.',
  fields: (t) => ({
    at: t.field({ type: 'DateTime', description: 'The instant asked about.', resolve: ({ at }) => at }),
    watermark: t.field({
      type: 'Sequence',
      description: 'The answer stands on the events below.',
      resolve: ({ watermark }) => watermark,
    }),
    gone: t.string({ nullable: true, description: GONE, resolve: ({ gone }) => gone ?? null }),
    holdings: t.field({
      type: [NestedHoldingType],
      description: 'Those who had it, or what was had.',
      resolve: ({ holdings }) => holdings,
    }),
  }),
});

const AT = 'The instant; none: now.';
const AGENT = 'One connected system, or "" for the metaverse; none: all connected systems.';

builder.queryField('nestedHolders', (t) =>
  t.field({
    type: NestedHolderListType,
    description:
      'Who had this entitlement at an instant, directly and through groups that are members of it, at any depth, each with the way. A way stays within one system.',
    args: {
      entitlement: t.arg.id({ required: true, description: 'The id of the group.' }),
      at: t.arg({ type: 'DateTime', description: AT }),
      agent: t.arg.string({ description: AGENT }),
      watermark: t.arg({ type: 'Sequence', description: WATERMARK }),
    },
    resolve: (_, { entitlement, at, agent, watermark }, { queries }) =>
      findNestedHolders(asKnownAt(queries, watermark), at ?? systemClock(), checkId(entitlement), agent ?? undefined),
  }),
);

builder.objectField(MetaverseObjectType, 'nestedAccess', (t) =>
  t.field({
    type: NestedHolderListType,
    description: 'What it had at an instant, directly and through groups within groups, each with the way.',
    args: {
      at: t.arg({ type: 'DateTime', description: AT }),
      agent: t.arg.string({ description: AGENT }),
      watermark: t.arg({ type: 'Sequence', description: WATERMARK }),
    },
    resolve: ({ id, known }, { at, agent, watermark }) =>
      findNestedAccess(asKnownAt(known, watermark), at ?? systemClock(), id, agent ?? undefined),
  }),
);
