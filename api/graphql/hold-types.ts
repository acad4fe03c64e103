// Legal holds.
import { addHold, type Hold, listHolds, removeHold } from '../../ingest/retention/holds.ts';
import { builder, checkId, WHY } from './builder.ts';
import { leftOwnEvent } from './context.ts';
import { checkReason } from './erasure-types.ts';

const HoldType = builder.objectRef<Hold>('Hold').implement({
  description: 'As long as it is in force nothing of the person is erased or expires; without an object, of anybody.',
  fields: (t) => ({
    id: t.expose('event', { type: 'Sequence', description: 'The event that began it.' }),
    object: t.id({
      description: 'The person; none: everybody.',
      nullable: true,
      resolve: ({ object }) => object ?? null,
    }),
    who: t.exposeString('who', { description: 'Who asked for it.' }),
    why: t.exposeString('why', { description: 'Why; it stays in the log for good.' }),
    since: t.expose('since', { description: 'When it began.', type: 'DateTime' }),
  }),
});

export function addHoldFields(): void {
  builder.queryFields((t) => ({
    holds: t.field({
      description: 'The holds that are in force. While one is, nothing of its person is erased or expires.',
      type: [HoldType],
      resolve: (_, __, { log }) => listHolds(log.journal),
    }),
  }));
  builder.mutationFields((t) => ({
    addHold: t.field({
      description: 'Forbids erasure and expiry, of a person or of everybody. For administrators.',
      type: HoldType,
      args: {
        object: t.arg.id({ description: 'The person; without one, everything is held.' }),
        who: t.arg.string({ required: true, description: 'Who asks for it.' }),
        why: t.arg.string({ required: true, description: WHY }),
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
      description: 'Ends a hold. For administrators.',
      type: HoldType,
      args: {
        id: t.arg({ description: 'The event that began it.', type: 'Sequence', required: true }),
        who: t.arg.string({ required: true, description: 'Who asks for it.' }),
        why: t.arg.string({ required: true, description: WHY }),
      },
      resolve: async (_, { id, who, why }, context, info) => {
        const hold = await removeHold(context.log.journal, id, { ...checkReason(who, why), by: context.viewer });
        leftOwnEvent(context, info);
        return hold;
      },
    }),
  }));
}
