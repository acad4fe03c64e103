// How a run goes on: what the log has of it, and of the step that goes on what the engine has counted so far. Whoever comes back is
// told the present state first.
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunProgress } from '../../engine/run.ts';
import type { RequestContext } from '../graphql/context.ts';
import { findRuns, type RunRecord, type RunStep } from '../queries/runs.ts';
import { findUnlessAway, newsOf } from './news.ts';
import { type Following, Told } from './told.ts';

/** Between two messages at least: a person looks, and a step of many batches changes its counters all the time. */
const PAUSE_MS = 500;

/** There is no such run. */
export class UnknownRunError extends Error {
  override name = 'UnknownRunError';

  constructor(run: number) {
    super(`There is no run ${run}; a run has the number of the event that began it, and \`runs\` lists them.`);
  }
}

/** Throws UnknownRunError; what it gives throws as `followChanges` does, and ends when the run is over. */
export async function followRun(
  following: Following,
  first: RequestContext,
  run: number,
): Promise<AsyncGenerator<Told<RunRecord>>> {
  const { journal, shipper } = first.log;
  const isKnown = await findUnlessAway(async () => (await findRun(first, run)) !== undefined, following.signal);
  // What was accepted and is not delivered yet may be one.
  if (isKnown === false && (run < shipper.shipped || run >= journal.size)) throw new UnknownRunError(run);
  return tellRun(following, run);
}

async function* tellRun(
  { renew, signal, everyMs }: Following,
  run: number,
): AsyncGenerator<Told<RunRecord>, void, undefined> {
  let told = '';
  const counted = new Map<number, RunStep>();
  while (!signal.aborted) {
    const context = renew();
    const found = await findUnlessAway(() => findRun(context, run), signal);
    if (found) {
      const record = keepCounters(found, counted);
      const state = JSON.stringify({ ...record, watermark: undefined });
      if (state !== told) yield new Told(context, record);
      told = state;
      if (record.finishedAt !== undefined) return;
    }
    const isGoingOn = context.engine.progress?.run === run;
    if (isGoingOn) await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined);
    else await newsOf(context.log.shipper, context.queries.watermark, everyMs, signal);
  }
}

/** Between the end of a step and its delivery the log has no counters of it yet: those told last stay. */
function keepCounters(record: RunRecord, counted: Map<number, RunStep>): RunRecord {
  const steps = record.steps.map((step) => {
    const isUncounted = step.finishedAt === undefined && step.counters.length === 0;
    const kept = isUncounted ? (counted.get(step.number) ?? step) : step;
    counted.set(step.number, kept);
    return kept;
  });
  return { ...record, steps };
}

async function findRun({ queries, engine }: RequestContext, run: number): Promise<RunRecord | undefined> {
  const { progress } = engine;
  const [logged] = (await findRuns(queries, { id: run }, { first: 1 })).runs;
  if (progress?.run !== run || logged?.finishedAt !== undefined) return logged;
  return withProgress(logged, progress, queries.watermark);
}

/** The record of a run with the step that goes on as the engine has it. */
function withProgress(logged: RunRecord | undefined, progress: RunProgress, watermark: number): RunRecord {
  const { run: id, agent, profile, startedAt, step } = progress;
  const record = logged ?? {
    id,
    agent,
    profile,
    startedAt,
    finishedAt: undefined,
    result: 'in-progress',
    steps: [],
    watermark,
  };
  const isOver = record.steps.some(({ number, finishedAt }) => number === step?.number && finishedAt !== undefined);
  if (step === undefined || isOver) return record;
  const going = {
    number: step.number,
    kind: step.kind,
    result: 'in-progress',
    startedAt: step.startedAt,
    finishedAt: undefined,
    message: undefined,
    input: undefined,
    counters: step.counters.map(({ stage, agent: whose, objectType, name, count }) => ({
      name: [stage, whose, objectType, name].join('/'),
      count,
    })),
    balances: step.balances,
  };
  return { ...record, steps: [...record.steps.filter(({ number }) => number !== step.number), going] };
}
