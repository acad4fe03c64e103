// Agents, runs and their steps.
import type { Agent } from '../../engine/configuration/model.ts';
import { type Count, findStepFaults, type RunRecord, type RunStep, type StepBalance } from '../queries/runs.ts';
import { builder, WATERMARK } from './builder.ts';
import { connectionOf } from './connection.ts';
import { asKnownAt } from './context.ts';
import { NodeType } from './node.ts';

export const NamedCountType = builder.objectRef<Count>('NamedCount').implement({
  description: 'How many there are of something.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Of what.' }),
    count: t.exposeInt('count', { description: 'How many.' }),
  }),
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
    stage: t.exposeString('stage', { description: 'What was at work, such as import or export.' }),
    agent: t.exposeString('agent', { description: 'The connected system.' }),
    objectType: t.exposeString('objectType', { description: 'The object type, as the connected system calls it.' }),
    name: t.exposeString('name', { description: "MIM's counter, where it has one" }),
    count: t.exposeInt('count', { description: 'How often.' }),
  }),
});

const RunInputType = builder.objectRef<NonNullable<RunStep['input']>>('RunInput').implement({
  description: 'The file that a step read.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Its name, without its folder.' }),
    bytes: t.exposeFloat('bytes', { description: 'Its size.' }),
    sha256: t.exposeString('sha256', { description: 'SHA-256 of its content, hexadecimal.' }),
  }),
});

const StepBalanceType = builder.objectRef<StepBalance>('StepBalance').implement({
  description: 'read = unchanged + changed + refused; entries gone from a full image are counted apart.',
  fields: (t) => ({
    read: t.exposeInt('read', { description: 'Entries read.' }),
    unchanged: t.exposeInt('unchanged', { description: 'Entries that are as they were known.' }),
    changed: t.exposeInt('changed', { description: 'Entries that differ from what was known.' }),
    refused: t.exposeInt('refused', { description: 'Entries that could not be taken.' }),
    gone: t.exposeInt('gone', { description: 'Entries that a full image has no more.' }),
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
  description: 'One step of a run.',
  fields: (t) => ({
    number: t.int({ description: 'From 1 on.', resolve: ({ step }) => step.number }),
    kind: t.string({
      description: 'full-import, delta-import, full-synchronization, delta-synchronization or export.',
      resolve: ({ step }) => step.kind,
    }),
    result: t.string({
      description: "MIM's step result, such as success or completed-export-errors; open.",
      resolve: ({ step }) => step.result,
    }),
    message: t.string({
      nullable: true,
      description: 'What stopped it, in one sentence.',
      resolve: ({ step }) => step.message ?? null,
    }),
    startedAt: t.field({ description: 'When it began.', type: 'DateTime', resolve: ({ step }) => step.startedAt }),
    finishedAt: t.field({
      description: 'When it was over; none: it goes on, or its process died.',
      type: 'DateTime',
      nullable: true,
      resolve: ({ step }) => step.finishedAt ?? null,
    }),
    input: t.field({
      description: 'The file that it read.',
      type: RunInputType,
      nullable: true,
      resolve: ({ step }) => step.input ?? null,
    }),
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

export const RunType = builder.objectRef<RunRecord>('Run');

RunType.implement({
  interfaces: [NodeType],
  description: 'One run of a run profile of an agent.',
  fields: (t) => ({
    sequence: t.field({
      type: 'Sequence',
      description: 'The sequence of its first event, by which it is asked for.',
      resolve: ({ id }) => id,
    }),
    agent: t.exposeString('agent', { description: 'The connected system.' }),
    profile: t.exposeString('profile', { description: 'The run profile.' }),
    startedAt: t.field({ description: 'When it began.', type: 'DateTime', resolve: ({ startedAt }) => startedAt }),
    finishedAt: t.field({
      description: 'When it was over; none: it goes on, or its process died.',
      type: 'DateTime',
      nullable: true,
      resolve: ({ finishedAt }) => finishedAt ?? null,
    }),
    result: t.exposeString('result', {
      description: "MIM's step result of the first step that is no success, else success.",
    }),
    steps: t.field({
      description: 'Its steps, in order.',
      type: [RunStepType],
      resolve: (run) => run.steps.map((step) => ({ step, run })),
    }),
  }),
});

export const RunConnectionType = connectionOf(RunType, 'Run', 'runs');

export const AgentType = builder.objectRef<Agent>('Agent').implement({
  interfaces: [NodeType],
  description: 'A connected system: its data source, its rules and its run profiles (in MIM a management agent).',
  fields: (t) => ({
    name: t.exposeString('name', {
      description: 'Its name in the configuration.',
    }),
    connector: t.string({
      description: 'The kind of its connector, such as csv or ldif.',
      resolve: ({ connector }) => connector.kind,
    }),
    runProfiles: t.stringList({
      description: 'The names of what may be run of it; each is a sequence of steps.',
      resolve: ({ runProfiles }) => [...runProfiles.keys()],
    }),
    lastRun: t.field({
      description: 'Its newest run; none: it never ran.',
      type: RunType,
      nullable: true,
      args: { watermark: t.arg({ type: 'Sequence', description: WATERMARK }) },
      resolve: async ({ name: agent }, { watermark }, { lastRuns, queries }) =>
        (await lastRuns.load({ agent, watermark: asKnownAt(queries, watermark).watermark })) ?? null,
    }),
  }),
});
