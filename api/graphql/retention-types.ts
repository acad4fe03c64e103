// Retention: what has expired, and letting it go.
import { listTombstones, type Tombstone } from '../../ingest/retention/tombstones.ts';
import { applyRetention, previewRetention, type RetentionPlan } from '../retaining.ts';
import { builder, callerError } from './builder.ts';
import { leftOwnEvent } from './context.ts';

const ExpiringPartitionType = builder.objectRef<RetentionPlan['partitions'][number]>('ExpiringPartition').implement({
  description: 'A span of the log that expires as a whole.',
  fields: (t) => ({
    first: t.expose('first', { description: 'Its first event.', type: 'Sequence' }),
    size: t.exposeInt('size', { description: 'How many events it has.' }),
    until: t.expose('until', { type: 'DateTime', description: 'When its last event was accepted.' }),
  }),
});

const RetentionPlanType = builder.objectRef<RetentionPlan>('RetentionPlan').implement({
  description: 'What has expired by the configuration.',
  fields: (t) => ({
    partitions: t.expose('partitions', { description: 'The spans of the log that go.', type: [ExpiringPartitionType] }),
    baselines: t.exposeInt('baselines', {
      description: 'Events of which something still holds; that is carried forward.',
    }),
    reads: t.exposeInt('reads', { description: 'Questions whose texts are erased.' }),
    remains: t.exposeStringList('remains', { description: 'Sentences on what stays although it has expired.' }),
  }),
});

const TombstoneType = builder.objectRef<Tombstone>('Tombstone').implement({
  description: 'What is left of a partition that expired: a note signed by the key of the checkpoints.',
  fields: (t) => ({
    first: t.expose('first', { description: 'The first event that is gone.', type: 'Sequence' }),
    size: t.exposeInt('size', { description: 'How many events are gone.' }),
    until: t.expose('until', { description: 'When the last of them was accepted.', type: 'DateTime' }),
    note: t.exposeString('note', { description: 'The signed note (c2sp.org/signed-note).' }),
  }),
});

export function addRetentionFields(): void {
  builder.queryFields((t) => ({
    retentionPlan: t.field({
      type: RetentionPlanType,
      description: 'What would go now. Nothing is done.',
      resolve: (_, __, context) => previewRetention(context),
    }),
    tombstones: t.field({
      description: 'What is left of what has expired, the oldest first.',
      type: [TombstoneType],
      resolve: (_, __, { log }) => listTombstones(log.journal),
    }),
  }));
  builder.mutationFields((t) => ({
    applyRetention: t.field({
      type: RetentionPlanType,
      description: 'Lets what has expired go.',
      args: { who: t.arg.string({ required: true, description: 'Who asks for it.' }) },
      resolve: async (_, { who }, context, info) => {
        if (who.trim() === '') throw callerError('who is empty; say who asks for it.');
        const gone = await applyRetention(context, { who: who.trim(), by: context.viewer });
        // Where nothing had expired there is no event of it.
        if (gone.reads + gone.partitions.length > 0) leftOwnEvent(context, info);
        return gone;
      },
    }),
  }));
}
