// What can be followed as it happens: changes by filter, and how a run goes on.
import { followChanges } from '../live/follow-changes.ts';
import { followRun, UnknownRunError } from '../live/follow-run.ts';
import type { Following, Told } from '../live/told.ts';
import type { OnwardPage } from '../queries/onwards.ts';
import type { RunRecord } from '../queries/runs.ts';
import { builder, callerError, GONE } from './builder.ts';
import { ChangeFilterInput, ChangeType, filterOf } from './change-types.ts';
import type { RequestContext } from './context.ts';
import { RunType } from './run-types.ts';

const FollowedChangesType = builder.objectRef<OnwardPage>('FollowedChanges').implement({
  description: 'Changes that have come, in the order of the log, and where to continue after them.',
  fields: (t) => ({
    nodes: t.field({
      type: [ChangeType],
      description: 'At most a hundred at once; none where only `next` has moved.',
      resolve: ({ events }) => events,
    }),
    next: t.field({
      type: 'Sequence',
      description:
        'Given as `from` after the connection was lost, it continues without a gap and without a repetition.',
      resolve: ({ next }) => next,
    }),
    watermark: t.field({
      type: 'Sequence',
      description: 'Up to here the log was looked through for it; when `next` has reached it there is no more now.',
      resolve: ({ watermark }) => watermark,
    }),
    gone: t.string({ nullable: true, description: GONE, resolve: ({ gone }) => gone ?? null }),
  }),
});

builder.subscriptionType({
  description: 'What is told as it happens, over HTTP as server-sent events, until whoever asks goes.',
});

builder.subscriptionFields((t) => ({
  followChanges: t.field({
    type: FollowedChangesType,
    description:
      'Changes by the filters given (all must hold), each once and in the order of the log: those there are from `from` on, then each as it comes. The first message comes at once, also without any.',
    args: {
      filter: t.arg({
        type: ChangeFilterInput,
        description: 'Which changes; none: all. It has no `watermark`, which would be an end.',
      }),
      from: t.arg({
        type: 'Sequence',
        description:
          'The first sequence that may be told; none: only what comes from now on. The header Last-Event-ID of a client that comes back counts in its place.',
      }),
    },
    subscribe: (_, { filter, from }, context) => {
      if (filter?.watermark != null)
        throw callerError('filter.watermark would be an end, which a subscription does not have; leave it out.');
      const following = followingOf(context);
      const begin = following.resumeFrom ?? from ?? context.queries.watermark;
      const { size } = context.log.journal;
      if (begin > size)
        throw callerError(`The log has ${size} events, so nobody was told to continue from ${begin}; leave from out.`);
      return followChanges(following, context.log, filterOf(filter), begin);
    },
    resolve: ({ answer }: Told<OnwardPage>) => answer,
  }),
  followRun: t.field({
    type: RunType,
    description:
      'How a run goes on: its present state at once, then each time that it has changed, twice a second at most, until it is over. The counters of the step that goes on are what the engine has counted so far.',
    args: {
      run: t.arg({
        type: 'Sequence',
        required: true,
        description: 'The run: the sequence of its first event.',
      }),
    },
    subscribe: async (_, { run }, context) => {
      const following = followingOf(context);
      try {
        return await followRun(following, context, run);
      } catch (error) {
        if (error instanceof UnknownRunError) throw callerError(error.message);
        throw error;
      }
    },
    resolve: ({ answer }: Told<RunRecord>) => answer,
  }),
}));

function followingOf({ following }: RequestContext): Following {
  if (following === undefined) throw new Error('A subscription was asked for by a way that follows nothing.');
  return following;
}
