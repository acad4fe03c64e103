// Objects: what they are called, their history, state and access.
import { systemClock } from '../../ingest/clock.ts';
import { describeGone, type QueryContext } from '../queries/context.ts';
import { findHoldings } from '../queries/entitlements.ts';
import { findHistory } from '../queries/history.ts';
import { type AttributeState, findState, type StateValue, type SystemState } from '../queries/object-state.ts';
import type { ObjectSummary } from '../queries/objects.ts';
import type { AccessAsOf, Holding } from '../queries/results.ts';
import { builder, callerError, GONE, WATERMARK } from './builder.ts';
import {
  ChangeConnectionType,
  ChangeFilterInput,
  filterOf,
  MarkType,
  marksOf,
  ObjectReferenceType,
  referenceOf,
} from './change-types.ts';
import { AFTER, FIRST, list, pagingOf } from './connection.ts';
import { asKnownAt } from './context.ts';
import { NodeType } from './node.ts';

export const ObjectSummaryType = builder.objectRef<ObjectSummary>('ObjectSummary').implement({
  description: 'An object of the metaverse in a list.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'The id of the metaverse object: `object(id:)` tells more of it.' }),
    type: t.exposeString('type', { description: 'Its type in the metaverse, such as person.' }),
    name: t.string({
      description: 'What it is called now, or was called last.',
      nullable: true,
      resolve: ({ name }) => name ?? null,
    }),
    formerNames: t.exposeStringList('formerNames', { description: 'Other names it was called.' }),
    deleted: t.exposeBoolean('deleted', { description: 'It is gone from the metaverse.' }),
    firstSeen: t.field({
      description: 'When the log first knew of it.',
      type: 'DateTime',
      resolve: ({ firstSeen }) => firstSeen,
    }),
    lastChanged: t.field({
      description: 'When anything last happened to it.',
      type: 'DateTime',
      resolve: ({ lastChanged }) => lastChanged,
    }),
  }),
});

export const StateValueType = builder.objectRef<StateValue>('StateValue').implement({
  description: 'One value that an attribute had at an instant.',
  fields: (t) => ({
    value: t.exposeString('value', { description: 'The value; empty where it is withheld.' }),
    withheld: t.boolean({
      description: 'It is there, and whoever asks may not see it.',
      resolve: (value) => value.withheld === true,
    }),
    reference: t.field({
      description: 'The object that the value names.',
      type: ObjectReferenceType,
      nullable: true,
      resolve: async ({ reference }, _, { names }) =>
        reference === undefined ? null : referenceOf(await names.load(reference)),
    }),
    since: t.field({ description: 'Since when without a break.', type: 'DateTime', resolve: ({ since }) => since }),
    setBy: t.field({ type: 'Sequence', description: 'The change that set it.', resolve: ({ setBy }) => setBy }),
    initiator: t.string({
      description: 'Who caused it to be set.',
      nullable: true,
      resolve: ({ initiator }) => initiator ?? null,
    }),
  }),
});

const AttributeStateType = builder.objectRef<AttributeState>('AttributeState').implement({
  description: 'One attribute of an object in one system at an instant.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'The attribute, named as in that system.' }),
    type: t.exposeString('type', { description: 'string, integer, boolean, time, binary or reference.' }),
    marks: t.field({
      type: [MarkType],
      description: 'What its values are by the configuration.',
      resolve: ({ marks }) => marksOf(marks),
    }),
    values: t.field({
      description: 'Its values then, in the order in which they were set.',
      type: [StateValueType],
      resolve: ({ values }) => values,
    }),
  }),
});

const SystemStateType = builder.objectRef<SystemState>('SystemState').implement({
  description: 'What an object was in one system at an instant.',
  fields: (t) => ({
    agent: t.exposeString('agent', { description: '"" is the metaverse.' }),
    entry: t.id({
      description: 'Its entry of the connector space; none: the metaverse.',
      nullable: true,
      resolve: ({ entry }) => entry ?? null,
    }),
    dn: t.string({
      description: 'The distinguished name of its entry.',
      nullable: true,
      resolve: ({ dn }) => dn ?? null,
    }),
    anchor: t.string({
      description: 'The anchor of its entry.',
      nullable: true,
      resolve: ({ anchor }) => anchor ?? null,
    }),
    joined: t.exposeBoolean('joined', {
      description: 'false: an entry that the object was not linked to then: before its join, or after it was let go.',
    }),
    attributes: t.field({
      description: 'Its attributes, by name.',
      type: [AttributeStateType],
      resolve: ({ attributes }) => attributes,
    }),
  }),
});

interface ObjectState {
  at: number;
  watermark: number;
  systems: SystemState[];
}

const ObjectStateType = builder.objectRef<ObjectState>('ObjectState').implement({
  description: 'What an object was at an instant.',
  fields: (t) => ({
    at: t.field({ description: 'The instant.', type: 'DateTime', resolve: ({ at }) => at }),
    watermark: t.field({
      description: 'The answer stands on the events below.',
      type: 'Sequence',
      resolve: ({ watermark }) => watermark,
    }),
    gone: t.string({
      nullable: true,
      description: GONE,
      resolve: ({ at }, _, { queries }) => describeGone(queries, { from: at }) ?? null,
    }),
    systems: t.field({
      description: 'The metaverse first, then each connected system that had an entry of it.',
      type: [SystemStateType],
      resolve: ({ systems }) => systems,
    }),
  }),
});

export const HoldingType = builder.objectRef<Holding>('Holding').implement({
  description: 'An entitlement that somebody held at an instant in one system.',
  fields: (t) => ({
    holder: t.field({
      description: 'Who held it; none: an entry that belongs to nobody.',
      type: ObjectReferenceType,
      nullable: true,
      resolve: ({ holder }) => referenceOf(holder),
    }),
    entitlement: t.field({
      type: ObjectReferenceType,
      nullable: true,
      description: 'The group; none: the attribute itself is the entitlement (an enabled account).',
      resolve: ({ entitlement }) => referenceOf(entitlement),
    }),
    agent: t.exposeString('agent', { description: 'The connected system; "" is the metaverse.' }),
    attribute: t.exposeString('attribute', { description: 'The attribute that holds it, such as member.' }),
    value: t.exposeString('value', { description: 'The value as it stands there, such as the DN of the member.' }),
    withheld: t.boolean({
      description: 'It is there, and whoever asks may not see it.',
      resolve: (value) => value.withheld === true,
    }),
    since: t.field({ description: 'Since when without a break.', type: 'DateTime', resolve: ({ since }) => since }),
    grantedBy: t.field({
      type: 'Sequence',
      description: 'The change that granted it.',
      resolve: ({ grantedBy }) => grantedBy,
    }),
    initiator: t.string({
      description: 'Who caused the grant.',
      nullable: true,
      resolve: ({ initiator }) => initiator ?? null,
    }),
    outOfBand: t.exposeBoolean('outOfBand', {
      description: 'It was granted in the system itself, and by no export of ours.',
    }),
  }),
});

export const HolderListType = builder.objectRef<AccessAsOf>('HolderList').implement({
  description: 'Who held what at an instant.',
  fields: (t) => ({
    at: t.field({ description: 'The instant.', type: 'DateTime', resolve: ({ at }) => at }),
    watermark: t.field({
      description: 'The answer stands on the events below.',
      type: 'Sequence',
      resolve: ({ watermark }) => watermark,
    }),
    gone: t.string({ nullable: true, description: GONE, resolve: ({ gone }) => gone ?? null }),
    holdings: t.field({
      description: 'Each entitlement that was held, by whom and in which system.',
      type: [HoldingType],
      resolve: ({ holdings }) => holdings,
    }),
  }),
});

/** An object, and what is known at the watermark that it was asked for. */
export interface KnownObject extends ObjectSummary {
  known: QueryContext;
}

export const MetaverseObjectType = builder.objectRef<KnownObject>('MetaverseObject').implement({
  interfaces: [NodeType],
  description: 'One object of the metaverse, with everything the log knows of it.',
  fields: (t) => ({
    watermark: t.field({
      description: 'The answer stands on the events below.',
      type: 'Sequence',
      resolve: ({ known }) => known.watermark,
    }),
    gone: t.string({
      nullable: true,
      description: GONE,
      resolve: ({ known }) => describeGone(known) ?? null,
    }),
    type: t.exposeString('type', { description: 'Its type in the metaverse, such as person.' }),
    name: t.string({
      description: 'What it is called now, or was called last; none: it never had a name, or it is erased.',
      nullable: true,
      resolve: ({ name }) => name ?? null,
    }),
    deleted: t.exposeBoolean('deleted', { description: 'It is gone from the metaverse.' }),
    history: t.field({
      type: ChangeConnectionType,
      description: 'Its history across all systems, also of entries before they were joined; newest first.',
      args: {
        first: t.arg.int({ defaultValue: 50, description: FIRST }),
        after: t.arg.string({ description: AFTER }),
        filter: t.arg({ description: 'All that are given must hold; not `object`.', type: ChangeFilterInput }),
      },
      resolve: async ({ id, known: asked }, { filter, ...given }) => {
        const { object, ...others } = filterOf(filter);
        if (object !== undefined)
          throw callerError('A history is of one object already; leave `object` out of its filter.');
        const known = asKnownAt(asked, filter?.watermark);
        const paging = pagingOf('history', { id, ...others }, given);
        const page = await findHistory(known, id, others, paging);
        return list(paging, page.events, ({ sequence }) => sequence, page);
      },
    }),
    state: t.field({
      type: ObjectStateType,
      description: 'Its state in the metaverse and in each system at an instant (none: the latest).',
      args: {
        at: t.arg({ description: 'The instant; none: now.', type: 'DateTime' }),
        watermark: t.arg({ description: WATERMARK, type: 'Sequence' }),
      },
      resolve: async ({ id, known: asked }, { at, watermark }) => {
        const known = asKnownAt(asked, watermark);
        const instant = at ?? systemClock();
        return { at: instant, watermark: known.watermark, systems: await findState(known, id, instant) };
      },
    }),
    access: t.field({
      type: HolderListType,
      description: 'What it held at an instant: entitlements by system, since when and by whom.',
      args: {
        at: t.arg({ description: 'The instant; none: now.', type: 'DateTime' }),
        watermark: t.arg({ description: WATERMARK, type: 'Sequence' }),
      },
      resolve: ({ id, known }, { at, watermark }) =>
        findHoldings(asKnownAt(known, watermark), at ?? systemClock(), { holder: id }),
    }),
  }),
});
