// The schema: every question, and the one thing that can be started. schema.graphql is printed from it (npm run schema).

import { systemClock } from '../../ingest/clock.ts';
import { REPORTS, type ReportDefinition } from '../../reports/definitions.ts';
import { findChanges } from '../queries/changes.ts';
import { findHoldings } from '../queries/entitlements.ts';
import { countFound, findObjects, LONGEST_SEARCH, MOST_OBJECTS, type ObjectSearch } from '../queries/objects.ts';
import { countChangesByDay } from '../queries/overview.ts';
import { findRuns } from '../queries/runs.ts';
import { addAccessFields } from './access-types.ts';
import { builder, callerError, checkFirst, checkId, decodeCursor, WATERMARK } from './builder.ts';
import { ChangeConnectionType, ChangeFilterInput, ChangeType, filterOf } from './change-types.ts';
import { asKnownAt } from './context.ts';
import { addErasureFields } from './erasure-types.ts';
import { addHoldFields } from './hold-types.ts';
import { withIdempotency } from './idempotency.ts';
import { HolderListType, MetaverseObjectType, ObjectSummaryType } from './object-types.ts';
import { LogStatusType, Overview, OverviewType, PeriodStageCountType } from './overview-types.ts';
import './difference-types.ts';
import './hop-types.ts';
import './nested-types.ts';
import './open-export-types.ts';
import './people-types.ts';
import './read-types.ts';
import './proof-types.ts';
import './search-types.ts';
import { addRetentionFields } from './retention-types.ts';
import { addRunFields } from './run-mutations.ts';
import { AgentType, RunConnectionType, RunType, runPageOf } from './run-types.ts';
import './viewer-types.ts';

const ReportParameterType = builder.objectRef<ReportDefinition['parameters'][number]>('ReportParameter').implement({
  fields: (t) => ({
    name: t.exposeString('name'),
    label: t.exposeString('label'),
    type: t.exposeString('type', { description: 'date or text' }),
    required: t.exposeBoolean('required'),
  }),
});

const ReportDefinitionType = builder.objectRef<ReportDefinition>('ReportDefinition').implement({
  description: 'A report; it is downloaded from reports/<name>.pdf with its parameters as query.',
  fields: (t) => ({
    name: t.exposeString('name'),
    title: t.exposeString('title'),
    description: t.exposeString('description'),
    parameters: t.field({ type: [ReportParameterType], resolve: ({ parameters }) => [...parameters] }),
  }),
});

builder.queryType({});

// The installation: overview, log, agents and runs, reports.
builder.queryFields((t) => ({
  overview: t.field({
    type: OverviewType,
    args: { watermark: t.arg({ type: 'Sequence', description: WATERMARK }) },
    resolve: (_, { watermark }, { queries, people }) => new Overview(asKnownAt(queries, watermark), people),
  }),
  log: t.field({ type: LogStatusType, resolve: (_, __, { log }) => log.journal.head() }),
  agents: t.field({ type: [AgentType], resolve: (_, __, { engine }) => [...engine.configuration.agents.values()] }),
  runs: t.field({
    type: RunConnectionType,
    args: {
      agent: t.arg.string(),
      first: t.arg.int({ defaultValue: 50 }),
      after: t.arg.string(),
      watermark: t.arg({ type: 'Sequence', description: WATERMARK }),
    },
    resolve: async (_, { agent, first, after, watermark }, { queries }) => {
      const page = { first: checkFirst(first, 50, 1000), before: decodeCursor(after) };
      const known = asKnownAt(queries, watermark);
      return runPageOf(known, await findRuns(known, { agent: agent ?? undefined }, page));
    },
  }),
  run: t.field({
    type: RunType,
    nullable: true,
    args: {
      id: t.arg({ type: 'Sequence', required: true }),
      watermark: t.arg({ type: 'Sequence', description: WATERMARK }),
    },
    resolve: async (_, { id, watermark }, { queries }) =>
      (await findRuns(asKnownAt(queries, watermark), { id }, { first: 1 })).runs[0] ?? null,
  }),
  reports: t.field({ type: [ReportDefinitionType], resolve: () => Object.values(REPORTS) }),
}));

// Changes.
builder.queryFields((t) => ({
  changes: t.field({
    type: ChangeConnectionType,
    description: 'Changes, newest first, by the filters given (all must hold).',
    args: {
      filter: t.arg({ type: ChangeFilterInput }),
      first: t.arg.int({ defaultValue: 50 }),
      after: t.arg.string(),
    },
    resolve: (_, { filter, first, after }, { queries }) =>
      findChanges(asKnownAt(queries, filter?.watermark), filterOf(filter), {
        first: checkFirst(first, 50, 1000),
        before: decodeCursor(after),
      }),
  }),
  changesByDay: t.field({
    type: [PeriodStageCountType],
    description: 'How many changes each day had (UTC), by stage; a day without any is left out.',
    args: {
      from: t.arg({ type: 'DateTime', required: true }),
      to: t.arg({ type: 'DateTime', required: true, description: 'Inclusive.' }),
      watermark: t.arg({ type: 'Sequence', description: WATERMARK }),
    },
    resolve: (_, { from, to, watermark }, { queries }) =>
      countChangesByDay(asKnownAt(queries, watermark), { from, to }),
  }),
  change: t.field({
    type: ChangeType,
    nullable: true,
    args: {
      sequence: t.arg({ type: 'Sequence', required: true }),
      watermark: t.arg({ type: 'Sequence', description: WATERMARK }),
    },
    resolve: async (_, { sequence, watermark }, { events, queries }) =>
      sequence < asKnownAt(queries, watermark).watermark ? ((await events.load(sequence)) ?? null) : null,
  }),
}));

function searchOf(search: string | null | undefined, type: string | null | undefined): ObjectSearch {
  if (search && search.length > LONGEST_SEARCH)
    throw callerError(`search has ${search.length} characters; a part of a name has at most ${LONGEST_SEARCH}.`);
  return { search: search ?? undefined, type: type ?? undefined };
}

// Objects and who holds what.
builder.queryFields((t) => ({
  objects: t.field({
    type: [ObjectSummaryType],
    description: 'Objects called so, now or ever (part of a name, anchor or DN); also deleted ones.',
    args: {
      search: t.arg.string(),
      type: t.arg.string(),
      first: t.arg.int({ defaultValue: 50 }),
      watermark: t.arg({ type: 'Sequence', description: WATERMARK }),
    },
    resolve: (_, { search, type, first, watermark }, { queries }) =>
      findObjects(asKnownAt(queries, watermark), searchOf(search, type), checkFirst(first, 50, MOST_OBJECTS)),
  }),
  objectCount: t.int({
    description: 'How many objects are called so: `objects` gives the first of them.',
    args: {
      search: t.arg.string(),
      type: t.arg.string(),
      watermark: t.arg({ type: 'Sequence', description: WATERMARK }),
    },
    resolve: (_, { search, type, watermark }, { queries }) =>
      countFound(asKnownAt(queries, watermark), searchOf(search, type)),
  }),
  object: t.field({
    type: MetaverseObjectType,
    nullable: true,
    args: {
      id: t.arg.id({ required: true }),
      watermark: t.arg({ type: 'Sequence', description: WATERMARK }),
    },
    resolve: async (_, { id, watermark }, { queries }) => {
      const known = asKnownAt(queries, watermark);
      const [found] = await findObjects(known, { id: checkId(id) }, 1);
      return found ? { ...found, known } : null;
    },
  }),
  holders: t.field({
    type: HolderListType,
    description:
      'Who had this entitlement at an instant: the members of a group, by system. agent "" is the metaverse.',
    args: {
      entitlement: t.arg.id({ required: true }),
      at: t.arg({ type: 'DateTime' }),
      agent: t.arg.string(),
      watermark: t.arg({ type: 'Sequence', description: WATERMARK }),
    },
    resolve: (_, { entitlement, at, agent, watermark }, { queries }) =>
      findHoldings(asKnownAt(queries, watermark), at ?? systemClock(), {
        entitlement: checkId(entitlement),
        agent: agent ?? undefined,
      }),
  }),
}));

builder.mutationType({});

addRunFields();
addErasureFields();
addHoldFields();
addRetentionFields();
addAccessFields();

export const schema = withIdempotency(builder.toSchema());
