// Running an agent, and what becomes of a run.
import { GraphQLError } from 'graphql';
import { UnknownNameError } from '../../engine/engine.ts';
import { findRuns, type RunRecord } from '../queries/runs.ts';
import { traced } from '../traces.ts';
import { builder, callerError } from './builder.ts';
import { leftOwnEvent, type RequestContext, waitForDelivery } from './context.ts';
import { checkReason } from './erasure-types.ts';
import { RunType } from './run-types.ts';

/** How long the record of a run that is over is waited for. */
export const LONGEST_DELIVERY_MS = 30_000;

const WHY_RUN =
  'Why; it stays in the log for good and must hold nothing personal. Without it the header x-metatrail-reason counts.';

/** The record of a run that is over; undefined: there is none. Throws GraphQLError when it is not delivered in time. */
export async function tellRun(context: RequestContext, run: number): Promise<RunRecord | undefined> {
  const { log } = context;
  if (!(await waitForDelivery(log, LONGEST_DELIVERY_MS))) throw notDelivered(run);
  context.queries = { ...context.queries, watermark: log.shipper.shipped };
  return (await findRuns(context.queries, { id: run }, { first: 1 })).runs[0];
}

function notDelivered(run: number): GraphQLError {
  return new GraphQLError(
    `The run ${run} is over and kept in the journal, but ClickHouse does not have all of it yet; ask for run(sequence: ${run}) later.`,
    { extensions: { code: 'NOT_DELIVERED' } },
  );
}

/** Why something is done, as whoever asks says in the argument or in the header; undefined: they do not. */
export function whyOf({ viewer, access }: RequestContext, why: string | null | undefined): string | undefined {
  return why === null || why === undefined ? access.reason : checkReason(viewer, why).why;
}

export function addRunFields(): void {
  builder.mutationFields((t) => ({
    run: t.field({
      type: RunType,
      nullable: true,
      description: 'Runs a run profile of an agent and returns its record when it is over and delivered.',
      args: {
        agent: t.arg.string({ required: true, description: 'The agent to run.' }),
        profile: t.arg.string({ required: true, description: 'Its run profile.' }),
        why: t.arg.string({ description: WHY_RUN }),
      },
      resolve: async (_, { agent, profile, why }, context, info) => {
        const { engine, viewer } = context;
        try {
          const options = { initiator: viewer, why: whyOf(context, why) };
          const { run } = await traced(
            'run',
            { 'metatrail.agent': agent, 'metatrail.profile': profile },
            async (span) => {
              const done = await engine.run(agent, profile, options);
              span.setAttributes({ 'metatrail.run': done.run, 'metatrail.result': done.result });
              return done;
            },
          );
          leftOwnEvent(context, info);
          return (await tellRun(context, run)) ?? null;
        } catch (error) {
          if (error instanceof UnknownNameError) throw callerError(error.message);
          throw error;
        }
      },
    }),
  }));
}
