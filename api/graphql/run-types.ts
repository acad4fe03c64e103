// Agents, runs and their steps.
import type { Agent } from '../../engine/configuration/model.ts';
import { describeGone, type QueryContext } from '../queries/context.ts';
import { type Count, findStepFaults, type RunRecord, type RunStep, type StepBalance } from '../queries/runs.ts';
import { builder, GONE, WATERMARK } from './builder.ts';
import { type PageInfo, PageInfoType, pageInfoOf } from './change-types.ts';
import { asKnownAt } from './context.ts';

export const NamedCountType = builder.objectRef<Count>('NamedCount').implement({
  fields: (t) => ({ name: t.exposeString('name'), count: t.exposeInt('count') }),
});

interface Counter {
  stage: string;
  agent: string;
  objectType: string;
  name: string;
  count: number;
}

/** "import/hr/employee/stage-add" taken apart. */
function counterOf({ name: path, count }: Count): Counter {
  const [stage = '', agent = '', objectType = '', name = ''] = path.split('/');
  return { stage, agent, objectType, name, count };
}

const CounterType = builder.objectRef<Counter>('Counter').implement({
  description: 'How often a stage came to an outcome for one object type of one agent in a step.',
  fields: (t) => ({
    stage: t.exposeString('stage'),
    agent: t.exposeString('agent'),
    objectType: t.exposeString('objectType'),
    name: t.exposeString('name', { description: "MIM's counter, where it has one" }),
    count: t.exposeInt('count'),
  }),
});

const RunInputType = builder.objectRef<NonNullable<RunStep['input']>>('RunInput').implement({
  fields: (t) => ({ name: t.exposeString('name'), bytes: t.exposeFloat('bytes'), sha256: t.exposeString('sha256') }),
});

const StepBalanceType = builder.objectRef<StepBalance>('StepBalance').implement({
  description: 'read = unchanged + changed + refused; entries gone from a full image are counted apart.',
  fields: (t) => ({
    read: t.exposeInt('read'),
    unchanged: t.exposeInt('unchanged'),
    changed: t.exposeInt('changed'),
    refused: t.exposeInt('refused'),
    gone: t.exposeInt('gone'),
  }),
});

interface StepOfRun {
  step: RunStep;
  run: RunRecord;
}

function totalOf(balances: RunStep['balances']): StepBalance | null {
  const all = Object.values(balances);
  if (all.length === 0) return null;
  const sum = (name: keyof StepBalance) => all.reduce((total, balance) => total + balance[name], 0);
  return {
    read: sum('read'),
    unchanged: sum('unchanged'),
    changed: sum('changed'),
    refused: sum('refused'),
    gone: sum('gone'),
  };
}

const RunStepType = builder.objectRef<StepOfRun>('RunStep').implement({
  fields: (t) => ({
    number: t.int({ resolve: ({ step }) => step.number }),
    kind: t.string({ resolve: ({ step }) => step.kind }),
    result: t.string({ resolve: ({ step }) => step.result }),
    message: t.string({
      nullable: true,
      description: 'What stopped it, in one sentence.',
      resolve: ({ step }) => step.message ?? null,
    }),
    startedAt: t.field({ type: 'DateTime', resolve: ({ step }) => step.startedAt }),
    finishedAt: t.field({ type: 'DateTime', nullable: true, resolve: ({ step }) => step.finishedAt ?? null }),
    input: t.field({ type: RunInputType, nullable: true, resolve: ({ step }) => step.input ?? null }),
    counters: t.field({
      type: [CounterType],
      description: 'As the engine counted.',
      resolve: ({ step }) => step.counters.map(counterOf),
    }),
    balance: t.field({
      type: StepBalanceType,
      nullable: true,
      description: 'Import steps, over all object types.',
      resolve: ({ step }) => totalOf(step.balances),
    }),
    counted: t.field({
      type: [CounterType],
      description: "The step's counters counted again from the log.",
      resolve: async ({ step, run }, _, { stepCounts }) => {
        const counted = (await stepCounts.load(run)).get(step.number);
        return [...(counted ?? [])].map(([name, count]) => counterOf({ name, count }));
      },
    }),
    complete: t.boolean({
      description: 'The step is over, and its counters and its balance are what the log holds.',
      resolve: async ({ step, run }, _, { stepCounts }) =>
        step.finishedAt !== undefined &&
        findStepFaults(run, step, (await stepCounts.load(run)).get(step.number)).length === 0,
    }),
    faults: t.stringList({
      description: 'What is wrong with its record, in words; empty while it goes on.',
      resolve: async ({ step, run }, _, { stepCounts }) =>
        findStepFaults(run, step, (await stepCounts.load(run)).get(step.number)),
    }),
  }),
});

export const RunType = builder.objectRef<RunRecord>('Run').implement({
  fields: (t) => ({
    id: t.field({ type: 'Sequence', resolve: ({ id }) => id }),
    agent: t.exposeString('agent'),
    profile: t.exposeString('profile'),
    startedAt: t.field({ type: 'DateTime', resolve: ({ startedAt }) => startedAt }),
    finishedAt: t.field({ type: 'DateTime', nullable: true, resolve: ({ finishedAt }) => finishedAt ?? null }),
    result: t.exposeString('result', {
      description: "MIM's step result of the first step that is no success, else success.",
    }),
    steps: t.field({ type: [RunStepType], resolve: (run) => run.steps.map((step) => ({ step, run })) }),
  }),
});

export interface RunPage {
  runs: RunRecord[];
  pageInfo: PageInfo;
  known: QueryContext;
}

export function runPageOf(known: QueryContext, { runs, hasMore }: { runs: RunRecord[]; hasMore: boolean }): RunPage {
  return {
    known,
    runs,
    pageInfo: pageInfoOf(
      runs.map(({ id }) => id),
      hasMore,
    ),
  };
}

export const RunConnectionType = builder.objectRef<RunPage>('RunConnection').implement({
  fields: (t) => ({
    nodes: t.field({ type: [RunType], resolve: ({ runs }) => runs }),
    pageInfo: t.field({ type: PageInfoType, resolve: ({ pageInfo }) => pageInfo }),
    watermark: t.field({ type: 'Sequence', resolve: ({ known }) => known.watermark }),
    gone: t.string({
      nullable: true,
      description: GONE,
      resolve: ({ pageInfo, known }) => (pageInfo.hasNextPage ? undefined : describeGone(known)) ?? null,
    }),
  }),
});

export const AgentType = builder.objectRef<Agent>('Agent').implement({
  fields: (t) => ({
    name: t.exposeString('name'),
    connector: t.string({ resolve: ({ connector }) => connector.kind }),
    runProfiles: t.stringList({ resolve: ({ runProfiles }) => [...runProfiles.keys()] }),
    lastRun: t.field({
      type: RunType,
      nullable: true,
      args: { watermark: t.arg({ type: 'Sequence', description: WATERMARK }) },
      resolve: async ({ name: agent }, { watermark }, { lastRuns, queries }) =>
        (await lastRuns.load({ agent, watermark: asKnownAt(queries, watermark).watermark })) ?? null,
    }),
  }),
});
