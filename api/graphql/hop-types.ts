// The way of a change with the delay of each hop and the losers of precedence, as GraphQL types.
import { findCauses } from '../queries/chain.ts';
import { findHops, type Hop } from '../queries/hops.ts';
import { builder, checkFirst } from './builder.ts';
import { ChangeType } from './change-types.ts';

const HopType = builder.objectRef<Hop>('Hop').implement({
  description: 'One change on the way from a cause to what it led to.',
  fields: (t) => ({
    change: t.field({ type: ChangeType, description: 'The change itself.', resolve: ({ event }) => event }),
    cause: t.field({
      type: 'Sequence',
      nullable: true,
      description: 'The change that this hop comes from: its principal cause. None: it is a root.',
      resolve: ({ event }) => event.causes[0] ?? null,
    }),
    delayMicros: t.float({
      nullable: true,
      description:
        'Microseconds from when that happened to when this did; below 0 where a source dates it earlier. None: there is no cause, or it has expired.',
      resolve: ({ delay }) => delay ?? null,
    }),
    losers: t.field({
      type: [ChangeType],
      description:
        'Contributions that lost on precedence against this one: looked at with it, or later against the value that it set.',
      resolve: ({ event }, _, { losers }) => losers.load(event),
    }),
  }),
});

builder.objectFields(ChangeType, (t) => ({
  cameFrom: t.field({
    type: [HopType],
    description: 'The way here, hop by hop: the root first, this change last. As `causedBy`, with delays and losers.',
    resolve: async (event, _, { events, queries }) => {
      const load = (sequence: number) => events.load(sequence);
      return findHops(await findCauses(event, load, queries), load);
    },
  }),
  wentTo: t.field({
    type: [HopType],
    description:
      'The ways from here, in order. As `ledTo`, with delays and losers; `ledToMore` says whether there are more.',
    args: { first: t.arg.int({ defaultValue: 100, description: 'So many of them, at most 1000.' }) },
    resolve: async (event, { first }, { effects, events }) => {
      const led = await effects.load({ event, first: checkFirst(first, 100, 1000) });
      return findHops(led.events, (sequence) =>
        sequence === event.sequence ? Promise.resolve(event) : events.load(sequence),
      );
    },
  }),
}));
