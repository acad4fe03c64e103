// Objects: what they are called, their history, state and access.
import { systemClock } from '../../ingest/clock.ts';
import { describeGone, type QueryContext } from '../queries/context.ts';
import { findHoldings } from '../queries/entitlements.ts';
import { findHistory } from '../queries/history.ts';
import { type AttributeState, findState, type StateValue, type SystemState } from '../queries/object-state.ts';
import type { ObjectSummary } from '../queries/objects.ts';
import type { AccessAsOf, Holding } from '../queries/results.ts';
import { builder, callerError, checkFirst, decodeCursor, GONE } from './builder.ts';
import {
  ChangeConnectionType,
  ChangeFilterInput,
  filterOf,
  marksOf,
  ObjectReferenceType,
  referenceOf,
} from './change-types.ts';
import { asKnownAt } from './context.ts';

export const ObjectSummaryType = builder.objectRef<ObjectSummary>('ObjectSummary').implement({
  fields: (t) => ({
    id: t.exposeID('id'),
    type: t.exposeString('type'),
    name: t.string({ nullable: true, resolve: ({ name }) => name ?? null }),
    formerNames: t.exposeStringList('formerNames', { description: 'Other names it was called.' }),
    deleted: t.exposeBoolean('deleted'),
    firstSeen: t.field({ type: 'DateTime', resolve: ({ firstSeen }) => firstSeen }),
    lastChanged: t.field({ type: 'DateTime', resolve: ({ lastChanged }) => lastChanged }),
  }),
});

export const StateValueType = builder.objectRef<StateValue>('StateValue').implement({
  fields: (t) => ({
    value: t.exposeString('value'),
    withheld: t.boolean({
      description: 'It is there, and whoever asks may not see it.',
      resolve: (value) => value.withheld === true,
    }),
    reference: t.field({
      type: ObjectReferenceType,
      nullable: true,
      resolve: async ({ reference }, _, { names }) =>
        reference === undefined ? null : referenceOf(await names.load(reference)),
    }),
    since: t.field({ type: 'DateTime', resolve: ({ since }) => since }),
    setBy: t.field({ type: 'Sequence', description: 'The change that set it.', resolve: ({ setBy }) => setBy }),
    initiator: t.string({ nullable: true, resolve: ({ initiator }) => initiator ?? null }),
  }),
});

const AttributeStateType = builder.objectRef<AttributeState>('AttributeState').implement({
  fields: (t) => ({
    name: t.exposeString('name'),
    type: t.exposeString('type'),
    marks: t.stringList({ resolve: ({ marks }) => marksOf(marks) }),
    values: t.field({ type: [StateValueType], resolve: ({ values }) => values }),
  }),
});

const SystemStateType = builder.objectRef<SystemState>('SystemState').implement({
  fields: (t) => ({
    agent: t.exposeString('agent', { description: '"" is the metaverse.' }),
    entry: t.id({ nullable: true, resolve: ({ entry }) => entry ?? null }),
    dn: t.string({ nullable: true, resolve: ({ dn }) => dn ?? null }),
    anchor: t.string({ nullable: true, resolve: ({ anchor }) => anchor ?? null }),
    joined: t.exposeBoolean('joined', {
      description: 'false: an entry that the object was not linked to then: before its join, or after it was let go.',
    }),
    attributes: t.field({ type: [AttributeStateType], resolve: ({ attributes }) => attributes }),
  }),
});

interface ObjectState {
  at: number;
  watermark: number;
  systems: SystemState[];
}

const ObjectStateType = builder.objectRef<ObjectState>('ObjectState').implement({
  fields: (t) => ({
    at: t.field({ type: 'DateTime', resolve: ({ at }) => at }),
    watermark: t.field({ type: 'Sequence', resolve: ({ watermark }) => watermark }),
    gone: t.string({
      nullable: true,
      description: GONE,
      resolve: ({ at }, _, { queries }) => describeGone(queries, { from: at }) ?? null,
    }),
    systems: t.field({ type: [SystemStateType], resolve: ({ systems }) => systems }),
  }),
});

export const HoldingType = builder.objectRef<Holding>('Holding').implement({
  description: 'An entitlement that somebody held at an instant in one system.',
  fields: (t) => ({
    holder: t.field({ type: ObjectReferenceType, nullable: true, resolve: ({ holder }) => referenceOf(holder) }),
    entitlement: t.field({
      type: ObjectReferenceType,
      nullable: true,
      description: 'The group; none: the attribute itself is the entitlement (an enabled account).',
      resolve: ({ entitlement }) => referenceOf(entitlement),
    }),
    agent: t.exposeString('agent'),
    attribute: t.exposeString('attribute'),
    value: t.exposeString('value'),
    withheld: t.boolean({
      description: 'It is there, and whoever asks may not see it.',
      resolve: (value) => value.withheld === true,
    }),
    since: t.field({ type: 'DateTime', resolve: ({ since }) => since }),
    grantedBy: t.field({
      type: 'Sequence',
      description: 'The change that granted it.',
      resolve: ({ grantedBy }) => grantedBy,
    }),
    initiator: t.string({ nullable: true, resolve: ({ initiator }) => initiator ?? null }),
    outOfBand: t.exposeBoolean('outOfBand'),
  }),
});

export const HolderListType = builder.objectRef<AccessAsOf>('HolderList').implement({
  fields: (t) => ({
    at: t.field({ type: 'DateTime', resolve: ({ at }) => at }),
    watermark: t.field({ type: 'Sequence', resolve: ({ watermark }) => watermark }),
    gone: t.string({ nullable: true, description: GONE, resolve: ({ gone }) => gone ?? null }),
    holdings: t.field({ type: [HoldingType], resolve: ({ holdings }) => holdings }),
  }),
});

/** An object, and what is known at the watermark that it was asked for. */
export interface KnownObject extends ObjectSummary {
  known: QueryContext;
}

export const MetaverseObjectType = builder.objectRef<KnownObject>('MetaverseObject').implement({
  description: 'One object of the metaverse, with everything the log knows of it.',
  fields: (t) => ({
    watermark: t.field({ type: 'Sequence', resolve: ({ known }) => known.watermark }),
    gone: t.string({
      nullable: true,
      description: GONE,
      resolve: ({ known }) => describeGone(known) ?? null,
    }),
    id: t.exposeID('id'),
    type: t.exposeString('type'),
    name: t.string({ nullable: true, resolve: ({ name }) => name ?? null }),
    deleted: t.exposeBoolean('deleted'),
    history: t.field({
      type: ChangeConnectionType,
      description: 'Its history across all systems, also of entries before they were joined; newest first.',
      args: {
        first: t.arg.int({ defaultValue: 50 }),
        after: t.arg.string(),
        filter: t.arg({ type: ChangeFilterInput }),
      },
      resolve: ({ id, known }, { first, after, filter }) => {
        const { object, ...others } = filterOf(filter);
        if (object !== undefined)
          throw callerError('A history is of one object already; leave `object` out of its filter.');
        return findHistory(asKnownAt(known, filter?.watermark), id, others, {
          first: checkFirst(first, 50, 1000),
          before: decodeCursor(after),
        });
      },
    }),
    state: t.field({
      type: ObjectStateType,
      description: 'Its state in the metaverse and in each system at an instant (none: the latest).',
      args: { at: t.arg({ type: 'DateTime' }), watermark: t.arg({ type: 'Sequence' }) },
      resolve: async ({ id, known: asked }, { at, watermark }) => {
        const known = asKnownAt(asked, watermark);
        const instant = at ?? systemClock();
        return { at: instant, watermark: known.watermark, systems: await findState(known, id, instant) };
      },
    }),
    access: t.field({
      type: HolderListType,
      description: 'What it held at an instant: entitlements by system, since when and by whom.',
      args: { at: t.arg({ type: 'DateTime' }), watermark: t.arg({ type: 'Sequence' }) },
      resolve: ({ id, known }, { at, watermark }) =>
        findHoldings(asKnownAt(known, watermark), at ?? systemClock(), { holder: id }),
    }),
  }),
});
