// `npm run feed -- DIR --data FOLDER`: runs the monthly files of the CERT r5.2 directory feed that DIR holds, in order,
// through a fresh data folder, and prints what the log says of each month as JSON.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import type { Engine } from '../engine/engine.ts';
import type { RunResult, StepResult } from '../engine/run.ts';
import { type Entry, KINDS } from '../engine/space.ts';
import { formatIso } from '../ingest/clock.ts';
import type { ChangeEvent } from '../ingest/event.ts';
import type { Journal } from '../ingest/journal/journal.ts';
import { localAccess } from './access/access.ts';
import { CommandError } from './command-line/command-error.ts';
import { describeFailure } from './command-line/failure.ts';
import { type ConfigurationChoice, readConfiguration, rememberChoice } from './configuration-choice.ts';
import { readEnvironment, readVariables } from './environment.ts';
import type { RequestContext } from './graphql/context.ts';
import { Installation } from './installation.ts';
import { readEvents } from './queries/context.ts';
import { type Employment, findEmployments } from './queries/employment.ts';
import { readEvent } from './reads/read-event.ts';

const CONFIGURATION = fileURLToPath(new URL('../engine/examples/cert-r5.2.yaml', import.meta.url));
const HR = 'hr';
const ACCESS = localAccess('command line');

interface Unresolved {
  user_id: string | undefined;
  supervisor: string;
  outcome: string;
}

interface Month {
  month: string;
  runs: RunResult[];
  unresolved: Unresolved[];
}

async function runFeed(folder: string, data: string): Promise<void> {
  if (!existsSync(folder))
    throw new CommandError(`There is no folder ${folder}; name the one that holds the monthly CSV files.`);
  if (existsSync(path.join(data, 'metatrail.sqlite')))
    throw new CommandError(`The data folder ${data} holds a log already; name a fresh one with --data.`);
  const choice: ConfigurationChoice = { file: CONFIGURATION, variables: { feed: path.resolve(folder) } };
  const installation = await Installation.open(
    readEnvironment({ ...readVariables(), METATRAIL_DATA: data }),
    readConfiguration(choice, data),
  );
  try {
    rememberChoice(choice, data);
    const months = await runMonths(installation);
    await installation.log.shipper.delivered(installation.log.journal.size);
    const context = installation.context(ACCESS);
    const described = await describeMonths(context, months);
    const { watermark } = context.queries;
    await context.reads.record([
      readEvent({
        viewer: ACCESS.viewer,
        question: 'feed',
        parameters: [],
        outcome: 'answered',
        rows: described.length,
        watermark,
      }),
    ]);
    console.log(JSON.stringify(described, null, 2));
  } finally {
    await installation.close();
  }
}

/** Runs the cycle for each image until there is none left. A step that is stopped ends it: the next month would hide it. */
async function runMonths({ engine, log }: Installation): Promise<Month[]> {
  const months: Month[] = [];
  for (;;) {
    const runs: RunResult[] = [];
    for (const { agent, profile } of engine.configuration.cycle) {
      const run = await engine.run(agent, profile, { at: runs[0]?.at });
      runs.push(run);
      const [first] = run.steps;
      if (agent === HR && first?.result === 'completed-no-objects') return months;
      const stopped = run.steps.find(({ message }) => message !== undefined);
      if (stopped) throw new CommandError(`${agent}/${profile} was stopped (${stopped.result}): ${stopped.message}`);
    }
    const image = runs[0]?.steps[0]?.input?.name ?? '';
    console.error(`${image}: ${runs.map(({ agent, profile, result }) => `${agent}/${profile} ${result}`).join(', ')}`);
    months.push({ month: path.parse(image).name, runs, unresolved: findUnresolved(engine, log.journal) });
  }
}

/** Supervisors that name nobody or several, as things stand after the month. */
function findUnresolved(engine: Engine, journal: Journal): Unresolved[] {
  const types = [...(engine.configuration.agents.get(HR)?.types.keys() ?? [])];
  return journal.state
    .keys(KINDS.entry)
    .map((id) => journal.state.get(KINDS.entry, id) as Entry)
    .filter((entry) => entry.agent === HR && types.includes(entry.type) && entry.unresolved !== undefined)
    .flatMap((entry) =>
      Object.entries(entry.unresolved ?? {}).flatMap(([key, outcome]) => {
        const [attribute, supervisor] = JSON.parse(key) as [string, string];
        return attribute === 'supervisor' ? [{ user_id: entry.anchor, supervisor, outcome }] : [];
      }),
    );
}

async function describeMonths(context: RequestContext, months: readonly Month[]): Promise<unknown[]> {
  const employments = await findEmployments(context.queries, context.people);
  const described: unknown[] = [];
  for (const [index, month] of months.entries()) {
    const at = month.runs[0]?.at ?? 0;
    const here = (list: Employment[]) => list.map(({ anchor }) => anchor).sort();
    described.push({
      month: month.month,
      at: formatIso(at),
      people: employments.filter(({ joinedAt, leftAt }) => joinedAt <= at && (leftAt === undefined || leftAt > at))
        .length,
      // The first image has nothing before it: those in it were there, they did not join.
      joiners: index === 0 ? [] : here(employments.filter(({ joinedAt }) => joinedAt === at)),
      rehires: here(employments.filter(({ joinedAt, rehired }) => joinedAt === at && rehired)),
      leavers: here(employments.filter(({ leftAt }) => leftAt === at)),
      project_changes: await findProjectChanges(context, month.runs[0]?.run ?? 0),
      unresolved_supervisors: month.unresolved,
      runs: month.runs.map(describeRun),
    });
  }
  return described;
}

/** Who works on other projects than a month ago, as the import of the image recorded it. */
async function findProjectChanges(context: RequestContext, run: number) {
  const events = await readEvents(
    context.queries,
    `SELECT sequence FROM events WHERE run = {run:UInt64} AND run_known = 1 AND stage = 'import' AND outcome = 'stage-update'
       AND object_type = 'employee' AND has(value.attribute, 'projects') AND sequence < {watermark:UInt64}`,
    { run },
    'ASC',
  );
  const values = (event: ChangeEvent, side: 'old' | 'new') =>
    event.values.filter(({ attribute }) => attribute === 'projects').flatMap((value) => value[side] ?? []);
  return events
    .map((event) => ({ user_id: event.anchor, before: values(event, 'old'), after: values(event, 'new') }))
    .sort((a, b) => ((a.user_id ?? '') < (b.user_id ?? '') ? -1 : 1));
}

function describeRun({ run, agent, profile, result, steps }: RunResult) {
  return { run, agent, profile, result, steps: steps.map(describeStep) };
}

function describeStep({ number, kind, result, input, counters, balances }: StepResult) {
  const total = (name: 'read' | 'unchanged' | 'changed' | 'refused' | 'gone') =>
    Object.values(balances).reduce((sum, balance) => sum + balance[name], 0);
  const totals = {
    read: total('read'),
    unchanged: total('unchanged'),
    changed: total('changed'),
    refused: total('refused'),
    gone: total('gone'),
  };
  const named = new Map<string, number>();
  for (const { name, count } of counters) named.set(name, (named.get(name) ?? 0) + count);
  return {
    number,
    kind,
    result,
    ...(input && { input }),
    ...(kind === 'full-import' && { ...totals, objects: balances }),
    counters: Object.fromEntries([...named].sort(([a], [b]) => (a < b ? -1 : 1))),
    counters_by_object_type: counters.map(({ stage, agent, objectType, name, count }) => ({
      stage,
      agent,
      object_type: objectType,
      name,
      count,
    })),
  };
}

const program = new Command('feed')
  .description('Runs the monthly files of the CERT r5.2 directory feed and prints what the log says of each month.')
  .argument('<dir>', 'the folder with the monthly files, YYYY-MM.csv')
  .requiredOption('--data <folder>', 'a fresh data folder')
  .action((dir: string, { data }: { data: string }) => runFeed(dir, path.resolve(data)));

try {
  await program.parseAsync();
} catch (error) {
  console.error(describeFailure(error));
  process.exit(1);
}
