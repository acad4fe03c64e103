// The schema: every question, and the one thing that can be started. schema.graphql is printed from it (npm run schema).

import { systemClock } from '../../ingest/clock.ts';
import { REPORTS, type ReportDefinition } from '../../reports/definitions.ts';
import { findChanges } from '../queries/changes.ts';
import { findHoldings } from '../queries/entitlements.ts';
import { countFound, findObjects, LONGEST_SEARCH, MOST_OBJECTS, type ObjectSearch } from '../queries/objects.ts';
import { countChangesByDay } from '../queries/overview.ts';
import { findRuns } from '../queries/runs.ts';
import { addAccessFields } from './access-types.ts';
import { addAlertFields } from './alert-types.ts';
import { builder, callerError, checkFirst, checkId, WATERMARK } from './builder.ts';
import { ChangeConnectionType, ChangeFilterInput, ChangeType, filterOf } from './change-types.ts';
import { AFTER, FIRST, list, pagingOf } from './connection.ts';
import { asKnownAt } from './context.ts';
import { addErasureFields } from './erasure-types.ts';
import { addHoldFields } from './hold-types.ts';
import { withIdempotency } from './idempotency.ts';
import { HolderListType, MetaverseObjectType, ObjectSummaryType } from './object-types.ts';
import { LogStatusType, Overview, OverviewType, PeriodStageCountType } from './overview-types.ts';
import './difference-types.ts';
import './hop-types.ts';
import './nested-types.ts';
import './node-query.ts';
import './open-export-types.ts';
import './people-types.ts';
import './read-types.ts';
import './proof-types.ts';
import './search-types.ts';
import { addRetentionFields } from './retention-types.ts';
import { addRunFields } from './run-mutations.ts';
import { AgentType, RunConnectionType, RunType } from './run-types.ts';
import './subscription-types.ts';
import './viewer-types.ts';

const ReportParameterType = builder.objectRef<ReportDefinition['parameters'][number]>('ReportParameter').implement({
  description: 'What may be given with a report.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Its name in the address.' }),
    label: t.exposeString('label', { description: 'What a form calls it.' }),
    type: t.exposeString('type', { description: 'date or text' }),
    required: t.exposeBoolean('required', { description: 'The report cannot be made without it.' }),
  }),
});

const ReportDefinitionType = builder.objectRef<ReportDefinition>('ReportDefinition').implement({
  description: 'A report; it is downloaded from reports/<name>.pdf with its parameters as query.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Its name in addresses and commands.' }),
    title: t.exposeString('title', { description: 'What stands on its first page.' }),
    description: t.exposeString('description', { description: 'What it tells, in a sentence.' }),
    parameters: t.field({
      description: 'What may be given with it.',
      type: [ReportParameterType],
      resolve: ({ parameters }) => [...parameters],
    }),
  }),
});

builder.queryType({ description: 'What can be asked. Each question is recorded before it is answered.' });

// The installation: overview, log, agents and runs, reports.
builder.queryFields((t) => ({
  overview: t.field({
    description: 'The figures of the first page.',
    type: OverviewType,
    args: { watermark: t.arg({ type: 'Sequence', description: WATERMARK }) },
    resolve: (_, { watermark }, { queries, people }) => new Overview(asKnownAt(queries, watermark), people),
  }),
  log: t.field({
    description: 'How far the log is, and what is known of it outside.',
    type: LogStatusType,
    resolve: (_, __, { log }) => log.journal.head(),
  }),
  agents: t.field({
    description: 'The connected systems of the configuration.',
    type: [AgentType],
    resolve: (_, __, { engine }) => [...engine.configuration.agents.values()],
  }),
  runs: t.field({
    description: 'Runs, the newest first.',
    type: RunConnectionType,
    args: {
      agent: t.arg.string({ description: 'Only runs of this agent.' }),
      first: t.arg.int({ defaultValue: 50, description: FIRST }),
      after: t.arg.string({ description: AFTER }),
      watermark: t.arg({ type: 'Sequence', description: WATERMARK }),
    },
    resolve: async (_, { agent, watermark, ...given }, { queries }) => {
      const filter = { agent: agent ?? undefined };
      const paging = pagingOf('runs', filter, given);
      const page = await findRuns(asKnownAt(queries, watermark), filter, paging);
      return list(paging, page.runs, ({ id }) => id, page);
    },
  }),
  run: t.field({
    description: 'One run; none: there is no such run.',
    type: RunType,
    nullable: true,
    args: {
      sequence: t.arg({ description: 'The sequence of its first event.', type: 'Sequence', required: true }),
      watermark: t.arg({ type: 'Sequence', description: WATERMARK }),
    },
    resolve: async (_, { sequence: id, watermark }, { queries }) =>
      (await findRuns(asKnownAt(queries, watermark), { id }, { first: 1 })).runs[0] ?? null,
  }),
  reports: t.field({
    description: 'The reports that there are.',
    type: [ReportDefinitionType],
    resolve: () => Object.values(REPORTS),
  }),
}));

// Changes.
builder.queryFields((t) => ({
  changes: t.field({
    type: ChangeConnectionType,
    description: 'Changes, newest first, by the filters given (all must hold).',
    args: {
      filter: t.arg({ description: 'All that are given must hold; none: all changes.', type: ChangeFilterInput }),
      first: t.arg.int({ defaultValue: 50, description: FIRST }),
      after: t.arg.string({ description: AFTER }),
    },
    resolve: async (_, { filter, ...given }, { queries }) => {
      const wanted = filterOf(filter);
      const paging = pagingOf('changes', wanted, given);
      const page = await findChanges(asKnownAt(queries, filter?.watermark), wanted, paging);
      return list(paging, page.events, ({ sequence }) => sequence, page);
    },
  }),
  changesByDay: t.field({
    type: [PeriodStageCountType],
    description: 'How many changes each day had (UTC), by stage; a day without any is left out.',
    args: {
      from: t.arg({ description: 'The first instant.', type: 'DateTime', required: true }),
      to: t.arg({ type: 'DateTime', required: true, description: 'Inclusive.' }),
      watermark: t.arg({ type: 'Sequence', description: WATERMARK }),
    },
    resolve: (_, { from, to, watermark }, { queries }) =>
      countChangesByDay(asKnownAt(queries, watermark), { from, to }),
  }),
  change: t.field({
    description:
      'One change by its place in the log; none: there is no such event yet, or whoever asks may not see it.',
    type: ChangeType,
    nullable: true,
    args: {
      sequence: t.arg({ description: 'Its place in the log.', type: 'Sequence', required: true }),
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
      search: t.arg.string({ description: 'A part of a name, anchor or DN; none: all.' }),
      type: t.arg.string({ description: 'Only objects of this metaverse type.' }),
      first: t.arg.int({ defaultValue: 50, description: `How many at most, up to ${MOST_OBJECTS}.` }),
      watermark: t.arg({ type: 'Sequence', description: WATERMARK }),
    },
    resolve: (_, { search, type, first, watermark }, { queries }) =>
      findObjects(asKnownAt(queries, watermark), searchOf(search, type), checkFirst(first, 50, MOST_OBJECTS)),
  }),
  objectCount: t.int({
    description: 'How many objects are called so: `objects` gives the first of them.',
    args: {
      search: t.arg.string({ description: 'A part of a name, anchor or DN; none: all.' }),
      type: t.arg.string({ description: 'Only objects of this metaverse type.' }),
      watermark: t.arg({ type: 'Sequence', description: WATERMARK }),
    },
    resolve: (_, { search, type, watermark }, { queries }) =>
      countFound(asKnownAt(queries, watermark), searchOf(search, type)),
  }),
  object: t.field({
    description:
      'One object of the metaverse, also one that is gone; none: there never was one, or whoever asks may not see it.',
    type: MetaverseObjectType,
    nullable: true,
    args: {
      id: t.arg.id({ required: true, description: 'Its id.' }),
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
      entitlement: t.arg.id({ required: true, description: 'The id of the group.' }),
      at: t.arg({ description: 'The instant; none: now.', type: 'DateTime' }),
      agent: t.arg.string({ description: 'One connected system, or "" for the metaverse; none: all of them.' }),
      watermark: t.arg({ type: 'Sequence', description: WATERMARK }),
    },
    resolve: (_, { entitlement, at, agent, watermark }, { queries }) =>
      findHoldings(asKnownAt(queries, watermark), at ?? systemClock(), {
        entitlement: checkId(entitlement),
        agent: agent ?? undefined,
      }),
  }),
}));

builder.mutationType({ description: 'What can be done. Each leaves an event that says who did it.' });

addRunFields();
addErasureFields();
addHoldFields();
addRetentionFields();
addAccessFields();
addAlertFields();

export const schema = withIdempotency(builder.toSchema());
