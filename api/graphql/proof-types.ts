// Checkpoints and proofs: what anybody needs to check that the log is what was signed.
import type { ConsistencyProof, InclusionProof, Rotation } from '../../ingest/checkpoints/checkpoints.ts';
import type { SignedCheckpoint } from '../../ingest/checkpoints/kept-checkpoint.ts';
import { formatConsistencyProof, formatInclusionProof } from '../../ingest/checkpoints/proof-text.ts';
import type { DestinationStatus } from '../../ingest/checkpoints/publication/courier.ts';
import type { Outside } from '../../ingest/checkpoints/publication/publication.ts';
import type { CheckpointKey } from '../../ingest/checkpoints/tables.ts';
import { builder, callerError } from './builder.ts';
import { ChangeType } from './change-types.ts';
import { leftOwnEvent } from './context.ts';
import { LogStatusType } from './overview-types.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** What a proof is asked for may not be there. */
async function orCallerError<T>(proof: Promise<T>): Promise<T> {
  try {
    return await proof;
  } catch (error) {
    if (error instanceof RangeError) throw callerError(error.message);
    throw error;
  }
}

export const CheckpointType = builder.objectRef<SignedCheckpoint>('Checkpoint').implement({
  description: 'What the log has signed: that its first so many events have this Merkle root.',
  fields: (t) => ({
    origin: t.string({
      description: 'Whose log it is.',
      resolve: (_, __, { log }) => log.checkpoints.origin,
    }),
    size: t.field({ type: 'Sequence', description: 'How many events.', resolve: ({ size }) => size }),
    root: t.string({ description: 'The Merkle root over them, hexadecimal.', resolve: ({ root }) => hex(root) }),
    keyIds: t.exposeStringList('keyIds', {
      description: 'The ids of the keys that signed: of the log, and of witnesses.',
    }),
    note: t.exposeString('note', {
      description: 'The signed note itself (c2sp.org/tlog-checkpoint); nothing else is needed to check the signature.',
    }),
  }),
});

const CheckpointKeyType = builder.objectRef<CheckpointKey>('CheckpointKey').implement({
  description: 'A public key that the log signs its checkpoints with.',
  fields: (t) => ({
    vkey: t.exposeString('vkey', { description: 'The key as text (c2sp.org/signed-note): name+id+base64.' }),
    from: t.field({
      type: 'Sequence',
      description: 'Checkpoints of this size and larger are signed with it, until the next key.',
      resolve: ({ from }) => from,
    }),
  }),
});

/** The newest checkpoint that some destination has. */
const OutsideType = builder.objectRef<Outside>('OutsideCheckpoint').implement({
  description: 'The newest checkpoint that is known to be outside of this installation.',
  fields: (t) => ({
    destination: t.exposeString('destination', { description: 'Where it was sent: a witness, webhook, file or mail.' }),
    size: t.field({ description: 'So many events are in it.', type: 'Sequence', resolve: ({ size }) => size }),
    at: t.field({ type: 'DateTime', description: 'When it was sent.', resolve: ({ at }) => at }),
  }),
});

const DestinationType = builder.objectRef<DestinationStatus>('CheckpointDestination').implement({
  description: 'Where checkpoints are sent, and how far that is.',
  fields: (t) => ({
    destination: t.exposeString('destination', {
      description: 'A witness, webhook, file or mail, by its name in the settings.',
    }),
    size: t.field({
      type: 'Sequence',
      nullable: true,
      description: 'The largest checkpoint that is there.',
      resolve: ({ sent }) => sent?.size ?? null,
    }),
    at: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Since when.',
      resolve: ({ sent }) => sent?.at ?? null,
    }),
    problem: t.string({
      nullable: true,
      description: 'Why the next one is not there yet; it is tried again.',
      resolve: ({ problem }) => problem ?? null,
    }),
  }),
});

builder.objectFields(LogStatusType, (t) => ({
  outside: t.field({
    type: OutsideType,
    nullable: true,
    description: 'The newest checkpoint outside of this installation; none: nobody outside knows the log.',
    resolve: (_, __, { log }) => log.publication.outside ?? null,
  }),
  destinations: t.field({
    type: [DestinationType],
    description: 'Where checkpoints are sent, and how far that is.',
    resolve: (_, __, { log }) => log.publication.status,
  }),
}));

export const InclusionProofType = builder.objectRef<InclusionProof>('InclusionProof').implement({
  description:
    'That an event is in the log at its place: its leaf, put together with each hash of the path (RFC 9162 section 2.1.3), comes to the root.',
  fields: (t) => ({
    sequence: t.field({ description: 'The event.', type: 'Sequence', resolve: ({ sequence }) => sequence }),
    size: t.field({
      type: 'Sequence',
      description: 'The number of events of the tree that it is proved in.',
      resolve: ({ size }) => size,
    }),
    leaf: t.string({
      description: 'SHA-256(00 ‖ encoding of the event), hexadecimal.',
      resolve: ({ leaf }) => hex(leaf),
    }),
    path: t.stringList({
      description: "The hashes from the leaf's sibling to the root's child, hexadecimal.",
      resolve: ({ proof }) => proof.map(hex),
    }),
    root: t.string({ description: 'The root of that tree, hexadecimal.', resolve: ({ root }) => hex(root) }),
    checkpoint: t.field({
      type: CheckpointType,
      nullable: true,
      description: 'The checkpoint of this size, where one was signed.',
      resolve: ({ checkpoint }) => checkpoint ?? null,
    }),
    text: t.string({
      nullable: true,
      description: 'The proof as text (c2sp.org/tlog-proof), where there is a checkpoint of this size.',
      resolve: (proof) => formatInclusionProof(proof) ?? null,
    }),
  }),
});

const ConsistencyProofType = builder.objectRef<ConsistencyProof>('ConsistencyProof').implement({
  description: 'That the log only grew from one size to another (RFC 9162 section 2.1.4): nothing before was changed.',
  fields: (t) => ({
    from: t.field({ description: 'The first size.', type: 'Sequence', resolve: ({ from }) => from }),
    fromRoot: t.string({ description: 'Hexadecimal.', resolve: ({ fromRoot }) => hex(fromRoot) }),
    to: t.field({ description: 'The second size.', type: 'Sequence', resolve: ({ to }) => to }),
    toRoot: t.string({ description: 'Hexadecimal.', resolve: ({ toRoot }) => hex(toRoot) }),
    path: t.stringList({
      description: 'The hashes, hexadecimal; none when the sizes are equal or the first is 0.',
      resolve: ({ proof }) => proof.map(hex),
    }),
    fromCheckpoint: t.field({
      type: CheckpointType,
      nullable: true,
      description: 'The checkpoint of the first size, where one was signed.',
      resolve: ({ fromCheckpoint }) => fromCheckpoint ?? null,
    }),
    toCheckpoint: t.field({
      type: CheckpointType,
      nullable: true,
      description: 'The checkpoint of the second size, where one was signed.',
      resolve: ({ toCheckpoint }) => toCheckpoint ?? null,
    }),
    text: t.string({
      nullable: true,
      description:
        'The proof as text, as c2sp.org/tlog-witness sends it, where there is a checkpoint of the second size.',
      resolve: (proof) => formatConsistencyProof(proof) ?? null,
    }),
  }),
});

const RotationType = builder.objectRef<Rotation>('CheckpointKeyRotation').implement({
  description: 'A new key has taken the place of the old one.',
  fields: (t) => ({
    old: t.exposeString('old', { description: 'The old public key.' }),
    new: t.exposeString('new', { description: 'The new public key.' }),
    sequence: t.field({
      type: 'Sequence',
      description: 'The event that says so.',
      resolve: ({ sequence }) => sequence,
    }),
    checkpoint: t.field({
      type: CheckpointType,
      description: 'Signed with both keys.',
      resolve: ({ checkpoint }) => checkpoint,
    }),
  }),
});

builder.objectFields(ChangeType, (t) => ({
  proof: t.field({
    type: InclusionProofType,
    description: 'That this event is in the log, by the newest checkpoint.',
    resolve: ({ sequence }, _, { proofs }) => proofs.load(sequence),
  }),
}));

builder.queryFields((t) => ({
  checkpoint: t.field({
    type: CheckpointType,
    description: 'The newest checkpoint; one is signed first when the log has grown.',
    resolve: (_, __, { log }) => log.checkpoints.current(),
  }),
  checkpointKeys: t.field({
    type: [CheckpointKeyType],
    description: 'The public keys of the log, the oldest first.',
    resolve: (_, __, { log }) => log.checkpoints.keys(),
  }),
  inclusionProof: t.field({
    type: InclusionProofType,
    description: 'That an event is among the first `size` events; unless given, the size is that of a checkpoint.',
    args: {
      sequence: t.arg({ type: 'Sequence', required: true, description: 'The event.' }),
      size: t.arg({ type: 'Sequence', description: 'The size of the log that it is proved in.' }),
    },
    resolve: (_, { sequence, size }, { log }) =>
      orCallerError(log.checkpoints.proveInclusion(sequence, size ?? undefined)),
  }),
  consistencyProof: t.field({
    type: ConsistencyProofType,
    description: 'That the log of size `to` begins with the log of size `from`.',
    args: {
      from: t.arg({ description: 'The first size.', type: 'Sequence', required: true }),
      to: t.arg({ description: 'The second size.', type: 'Sequence', required: true }),
    },
    resolve: (_, { from, to }, { log }) => orCallerError(log.checkpoints.proveConsistency(from, to)),
  }),
}));

builder.mutationFields((t) => ({
  rotateCheckpointKey: t.field({
    type: RotationType,
    description:
      'Takes a new key for the checkpoints. An event says so, the next checkpoint is signed with both, the old private key is deleted.',
    resolve: async (_, __, context, info) => {
      const rotation = await context.log.checkpoints.rotate(context.viewer);
      leftOwnEvent(context, info);
      return rotation;
    },
  }),
}));
