// Is the log complete: dense, and equal to what the engine counted?
import { z } from 'zod';
import type { LogHead } from '../../ingest/journal/messages.ts';
import { MOST_ROWS, type QueryContext, readEvents, readOptions } from './context.ts';
import type { Completeness } from './results.ts';
import { countSteps, findStepFaults, groupRuns } from './runs.ts';

/** Over all runs below the watermark. `head` is the journal's: how many events are accepted, and their Merkle root. */
export async function findCompleteness(context: QueryContext, head: LogHead): Promise<Completeness> {
  const [[dense], events, counted] = await Promise.all([
    context.clickhouse.select(
      'SELECT count() AS held, uniqExact(sequence) AS distinct FROM events WHERE sequence < {watermark:UInt64}',
      { watermark: context.watermark },
      z.object({ held: z.number(), distinct: z.number() }),
      readOptions(context, 60),
    ),
    readEvents(
      context,
      `SELECT sequence FROM events WHERE stage = 'run' AND sequence < {watermark:UInt64} LIMIT ${MOST_ROWS}`,
      {},
      'ASC',
    ),
    countSteps(context, undefined),
  ]);
  const runs = groupRuns(events);
  const faults = runs.flatMap((run) =>
    run.steps.flatMap((step) =>
      findStepFaults(step, counted.get(`${run.id}/${step.number}`)).map((what) => ({
        run: run.id,
        step: step.number,
        agent: run.agent,
        what,
      })),
    ),
  );
  return {
    size: head.size,
    watermark: context.watermark,
    missing: context.watermark - (dense?.distinct ?? 0),
    runs: runs.length,
    steps: runs.reduce((sum, run) => sum + run.steps.length, 0),
    faults,
    root: head.root,
  };
}
