// Runs and their steps as the engine recorded them, and counted again from the log.
import { z } from 'zod';
import { type ChangeEvent, COUNTED_WITHOUT_EVENT } from '../../ingest/event.ts';
import { describeGone, LARGEST_PAGE, type QueryContext, readAll, readEvents } from './context.ts';

export interface Count {
  name: string;
  count: number;
}

export interface StepBalance {
  read: number;
  unchanged: number;
  changed: number;
  refused: number;
  gone: number;
}

export interface RunStep {
  number: number;
  kind: string;
  result: string;
  startedAt: number;
  finishedAt: number | undefined;
  message: string | undefined;
  input: { name: string; bytes: number; sha256: string } | undefined;
  /** "stage/agent/object type/name" as the engine counted. */
  counters: Count[];
  /** Of each object type. */
  balances: Record<string, StepBalance>;
}

export interface RunRecord {
  id: number;
  agent: string;
  profile: string;
  startedAt: number;
  finishedAt: number | undefined;
  result: string;
  steps: RunStep[];
  /** What is told of it stands on the events below. */
  watermark: number;
}

export interface RunFilter {
  agent?: string | undefined;
  id?: number | undefined;
}

export interface RunPage {
  runs: RunRecord[];
  hasMore: boolean;
  watermark: number;
  /** What would follow but has expired, in a sentence. */
  gone: string | undefined;
}

export async function findRuns(
  context: QueryContext,
  filter: RunFilter,
  page: { first: number; before?: number | undefined },
): Promise<RunPage> {
  const first = Math.max(1, Math.min(page.first, LARGEST_PAGE));
  const before = Math.min(page.before ?? context.watermark, context.watermark);
  const conditions = ["stage = 'run'", "operation = 'start'", 'step = 0', 'sequence < {before:UInt64}'];
  if (filter.agent !== undefined) conditions.push('agent = {agent:String}');
  if (filter.id !== undefined) conditions.push('sequence = {id:UInt64}');
  const starts = `SELECT sequence FROM events WHERE ${conditions.join(' AND ')} ORDER BY sequence DESC LIMIT ${first + 1}`;
  const events = await readEvents(
    context,
    `SELECT sequence FROM events WHERE run IN (${starts}) AND run_known = 1 AND stage = 'run' AND sequence < {watermark:UInt64}`,
    {
      before,
      ...(filter.agent !== undefined && { agent: filter.agent }),
      ...(filter.id !== undefined && { id: filter.id }),
    },
    'ASC',
  );
  const runs = groupRuns(events, context.watermark).sort((a, b) => b.id - a.id);
  const hasMore = runs.length > first;
  const gone = hasMore ? undefined : describeGone(context);
  return { runs: runs.slice(0, first), hasMore, watermark: context.watermark, gone };
}

/** The last run of each agent that ever ran. */
export async function findLastRuns(context: QueryContext): Promise<Map<string, RunRecord>> {
  const starts = `SELECT max(sequence) FROM events WHERE stage = 'run' AND operation = 'start' AND step = 0 AND sequence < {watermark:UInt64} GROUP BY agent`;
  const events = await readEvents(
    context,
    `SELECT sequence FROM events WHERE run IN (${starts}) AND run_known = 1 AND stage = 'run' AND sequence < {watermark:UInt64}`,
    {},
    'ASC',
  );
  return new Map(groupRuns(events, context.watermark).map((run) => [run.agent, run]));
}

/** Puts the events of stage run together, run by run. */
export function groupRuns(events: readonly ChangeEvent[], watermark: number): RunRecord[] {
  const runs = new Map<number, RunRecord>();
  for (const event of events) {
    const id = event.run ?? event.sequence;
    const run = runs.get(id) ?? {
      id,
      agent: event.agent ?? '',
      profile: '',
      startedAt: event.occurredAt,
      finishedAt: undefined,
      result: 'in-progress',
      steps: [],
      watermark,
    };
    runs.set(id, run);
    if (event.step !== undefined) addStep(run, event.step, event);
    else {
      run.profile = event.values.find(({ attribute }) => attribute === 'profile')?.new ?? run.profile;
      if (event.operation !== 'start') Object.assign(run, { finishedAt: event.occurredAt, result: event.outcome });
    }
  }
  return [...runs.values()];
}

function addStep(run: RunRecord, number: number, event: ChangeEvent): void {
  if (event.operation === 'start') {
    run.steps.push({
      number,
      kind: event.stepKind ?? '',
      result: 'in-progress',
      startedAt: event.occurredAt,
      finishedAt: undefined,
      message: undefined,
      input: undefined,
      counters: [],
      balances: {},
    });
    return;
  }
  const step = run.steps.find((each) => each.number === number);
  if (!step) return;
  Object.assign(step, { result: event.outcome, finishedAt: event.occurredAt });
  const input: Record<string, string> = {};
  for (const { attribute, new: text = '' } of event.values) {
    const [kind = '', ...rest] = attribute.split('/');
    if (kind === 'input') input[rest.join('/')] = text;
    else if (kind === 'error-message') step.message = text;
    else if (kind === 'counter') step.counters.push({ name: rest.join('/'), count: Number(text) });
    else if (kind === 'balance') addBalance(step, rest, Number(text));
  }
  if (input.name !== undefined)
    step.input = { name: input.name, bytes: Number(input.bytes), sha256: input.sha256 ?? '' };
}

function addBalance(step: RunStep, [type = '', name = '']: string[], count: number): void {
  const balance = step.balances[type] ?? { read: 0, unchanged: 0, changed: 0, refused: 0, gone: 0 };
  step.balances[type] = name in balance ? { ...balance, [name]: count } : balance;
}

/** Counter name to count. */
export type StepCounts = ReadonlyMap<string, number>;

/** Different counters of all steps of all runs. */
const MOST_COUNTERS = 2_000_000;

/** The counters of steps, counted again from the log, by run and step ("12/1"); of these runs, or of all. */
export async function countSteps(
  context: QueryContext,
  runs: readonly number[] | undefined,
): Promise<Map<string, StepCounts>> {
  const rows = await readAll(
    context,
    `SELECT run, step, stage, agent, object_type, outcome, count() AS count FROM events
     WHERE run_known = 1 AND stage != 'run' AND step > 0 AND sequence < {watermark:UInt64} ${runs ? 'AND run IN {runs:Array(UInt64)} AND sequence > {first_run:UInt64}' : ''}
     GROUP BY run, step, stage, agent, object_type, outcome`,
    { ...(runs && { runs, first_run: Math.min(...runs, context.watermark) }) },
    z.object({
      run: z.number(),
      step: z.number(),
      stage: z.string(),
      agent: z.string(),
      object_type: z.string(),
      outcome: z.string(),
      count: z.number(),
    }),
    { most: MOST_COUNTERS, timeLimit: 60 },
  );
  const counted = new Map<string, Map<string, number>>();
  for (const row of rows) {
    const key = `${row.run}/${row.step}`;
    const counts = counted.get(key) ?? new Map<string, number>();
    counts.set([row.stage, row.agent, row.object_type, row.outcome].join('/'), row.count);
    counted.set(key, counts);
  }
  return counted;
}

/** What is wrong with a step's record, in words; empty when its counters and its balance are what the log holds. */
export function findStepFaults(run: RunRecord, step: RunStep, counted: StepCounts | undefined): string[] {
  if (step.finishedAt === undefined)
    return run.finishedAt === undefined ? [] : ['the run is over, but the log holds no end of this step'];
  const faults: string[] = [];
  const recorded = new Map(step.counters.map(({ name, count }) => [name, count]));
  // The end of a step that nobody lived to finish is recorded by the next start, which has no counters of it.
  const isInterrupted = INTERRUPTED.includes(step.result) && recorded.size === 0;
  if (isInterrupted && counted)
    return ['the step was interrupted before its counters were recorded: its events cannot be counted against them'];
  for (const name of new Set([...recorded.keys(), ...(counted?.keys() ?? [])])) {
    if (COUNTED_WITHOUT_EVENT.includes(name.split('/').at(-1) ?? '')) continue;
    const [ours, log] = [recorded.get(name) ?? 0, counted?.get(name) ?? 0];
    if (ours !== log) faults.push(`the engine counted ${ours} ${name}, the log holds ${log}`);
  }
  faults.push(...findBalanceFaults(step, recorded, counted ?? new Map()));
  return faults;
}

/** The parts of an import's balance, each with what it is counted from: events by outcome. */
const STAGED = [
  ['changed', ['stage-add', 'stage-update', 'stage-rename']],
  ['refused', ['stage-failure']],
  ['gone', ['stage-delete']],
] as const;
/** An unchanged object leaves no event: there is the engine's own counter alone. */
const UNCHANGED = 'stage-no-change';
const IN_BALANCE: readonly string[] = [...STAGED.flatMap(([, outcomes]) => outcomes), UNCHANGED];
const NOTHING_READ: StepBalance = { read: 0, unchanged: 0, changed: 0, refused: 0, gone: 0 };

function findBalanceFaults(step: RunStep, recorded: StepCounts, counted: StepCounts): string[] {
  const faults: string[] = [];
  const named = [...recorded.keys(), ...counted.keys()].filter(isInBalance).map(typeIn);
  for (const type of new Set([...Object.keys(step.balances), ...named])) {
    const balance = step.balances[type] ?? NOTHING_READ;
    for (const [part, outcomes] of STAGED) {
      const [said, held] = [balance[part], sumOfImports(counted, type, outcomes)];
      if (said !== held)
        faults.push(`${said} ${type} objects are said to be ${part}, the log holds ${held} (${outcomes.join(', ')})`);
    }
    const { read, unchanged, changed, refused } = balance;
    const ours = sumOfImports(recorded, type, [UNCHANGED]);
    if (unchanged !== ours)
      faults.push(`${unchanged} ${type} objects are said to be unchanged, the engine counted ${ours} ${UNCHANGED}`);
    if (read !== unchanged + changed + refused)
      faults.push(
        `of ${read} ${type} objects read, ${unchanged} unchanged, ${changed} changed and ${refused} refused do not add up`,
      );
  }
  return faults;
}

/** Counters are named "stage/agent/object type/outcome". */
const typeIn = (name: string): string => name.split('/').slice(2, -1).join('/');
const outcomeIn = (name: string): string => name.slice(name.lastIndexOf('/') + 1);
const isInBalance = (name: string): boolean => name.startsWith('import/') && IN_BALANCE.includes(outcomeIn(name));

function sumOfImports(counts: StepCounts, type: string, outcomes: readonly string[]): number {
  return [...counts]
    .filter(([name]) => isInBalance(name) && typeIn(name) === type && outcomes.includes(outcomeIn(name)))
    .reduce((sum, [, count]) => sum + count, 0);
}

/** Results of a step that was closed by the next start. */
const INTERRUPTED = ['stopped-service-shutdown', 'stopped-server'];
