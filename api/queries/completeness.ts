// Is the log complete: dense, and equal to what the engine counted?
import { z } from 'zod';
import type { SignedCheckpoint } from '../../ingest/checkpoints/kept-checkpoint.ts';
import { parseInstant } from '../../ingest/clock.ts';
import { NO_CHANGES, type QueryContext, readAll, readEvents } from './context.ts';
import type { Completeness } from './results.ts';
import { countSteps, findStepFaults, groupRuns, type RunRecord, type StepCounts } from './runs.ts';

/** Over all runs below the watermark. `checkpoint` is one of all that is accepted, `outside` the newest that was sent out. */
export async function findCompleteness(
  context: QueryContext,
  checkpoint: SignedCheckpoint,
  outside: Completeness['outside'],
): Promise<Completeness> {
  const [[dense], [first], events, counted] = await Promise.all([
    readAll(
      context,
      'SELECT count() AS held, uniqExact(sequence) AS distinct FROM events WHERE sequence >= {below:UInt64} AND sequence < {watermark:UInt64}',
      { below: context.expired?.below ?? 0 },
      z.object({ held: z.number(), distinct: z.number() }),
      { timeLimit: 60 },
    ),
    readAll(
      context,
      `SELECT min(occurred_at) AS begins, count() AS changes FROM events
       WHERE stage NOT IN ${NO_CHANGES} AND sequence < {watermark:UInt64}`,
      {},
      z.object({ begins: z.string(), changes: z.number() }),
    ),
    readEvents(context, "SELECT sequence FROM events WHERE stage = 'run' AND sequence < {watermark:UInt64}", {}, 'ASC'),
    countSteps(context, undefined),
  ]);
  const below = context.expired?.below ?? 0;
  const runs = groupRuns(events, context.watermark).filter(({ id }) => id >= below);
  const { held, distinct } = dense ?? { held: 0, distinct: 0 };
  return {
    beginsAt: first && first.changes > 0 ? parseInstant(first.begins) : undefined,
    size: checkpoint.size,
    watermark: context.watermark,
    expiredBelow: below,
    expiredUntil: context.expired?.until,
    missing: context.watermark - below - distinct + (held - distinct),
    runs: runs.length,
    steps: runs.reduce((sum, run) => sum + run.steps.length, 0),
    faults: findFaults(runs, new Map([...counted].filter(([key]) => Number.parseInt(key, 10) >= below))),
    root: Buffer.from(checkpoint.root).toString('hex'),
    keyIds: checkpoint.keyIds,
    outside,
  };
}

/** Of each step whose record does not agree with the log, also of events of a step that has no record. */
function findFaults(runs: readonly RunRecord[], counted: ReadonlyMap<string, StepCounts>): Completeness['faults'] {
  const known = new Set<string>();
  const faults: Completeness['faults'] = [];
  for (const run of runs) {
    for (const step of run.steps) {
      const key = `${run.id}/${step.number}`;
      known.add(key);
      for (const what of findStepFaults(run, step, counted.get(key)))
        faults.push({ run: run.id, step: step.number, agent: run.agent, what });
    }
  }
  for (const [key, counts] of counted) {
    if (known.has(key)) continue;
    const [run = 0, step = 0] = key.split('/').map(Number);
    const agent = runs.find(({ id }) => id === run)?.agent ?? '';
    faults.push({ run, step, agent, what: `the log holds ${sumOf(counts)} events of a step that has no record` });
  }
  return faults;
}

function sumOf(counts: StepCounts): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}
