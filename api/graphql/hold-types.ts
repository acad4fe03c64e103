// Legal holds.
import { addHold, type Hold, listHolds, removeHold } from '../../ingest/retention/holds.ts';
import { builder, checkId } from './builder.ts';
import { leftOwnEvent } from './context.ts';
import { checkReason } from './erasure-types.ts';

const HoldType = builder.objectRef<Hold>('Hold').implement({
  description: 'As long as it is in force nothing of the person is erased or expires; without an object, of anybody.',
  fields: (t) => ({
    id: t.expose('event', { type: 'Sequence', description: 'The event that began it.' }),
    object: t.id({ nullable: true, resolve: ({ object }) => object ?? null }),
    who: t.exposeString('who'),
    why: t.exposeString('why'),
    since: t.expose('since', { type: 'DateTime' }),
  }),
});

export function addHoldFields(): void {
  builder.queryFields((t) => ({
    holds: t.field({ type: [HoldType], resolve: (_, __, { log }) => listHolds(log.journal) }),
  }));
  builder.mutationFields((t) => ({
    addHold: t.field({
      type: HoldType,
      args: {
        object: t.arg.id({ description: 'The person; without one, everything is held.' }),
        who: t.arg.string({ required: true }),
        why: t.arg.string({ required: true }),
      },
      resolve: async (_, { object, who, why }, context, info) => {
        const hold = await addHold(context.log.journal, {
          ...checkReason(who, why),
          by: context.viewer,
          ...(object !== null && object !== undefined && { object: checkId(object) }),
        });
        leftOwnEvent(context, info);
        return hold;
      },
    }),
    removeHold: t.field({
      type: HoldType,
      args: {
        id: t.arg({ type: 'Sequence', required: true }),
        who: t.arg.string({ required: true }),
        why: t.arg.string({ required: true }),
      },
      resolve: async (_, { id, who, why }, context, info) => {
        const hold = await removeHold(context.log.journal, id, { ...checkReason(who, why), by: context.viewer });
        leftOwnEvent(context, info);
        return hold;
      },
    }),
  }));
}
