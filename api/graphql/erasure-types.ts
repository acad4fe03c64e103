// Erasure of a person: what it would do, doing it, and the certificate.
import type { Certificate } from '../../ingest/erasure/certificate.ts';
import type { ErasurePlan } from '../../ingest/erasure/plan.ts';
import { erasePerson, previewErasure } from '../erasing.ts';
import { builder, callerError, checkId, WHY } from './builder.ts';
import { leftOwnEvent } from './context.ts';

const ErasedSystemType = builder.objectRef<ErasurePlan['systems'][number]>('ErasedSystem').implement({
  description: 'How much an erasure takes out of what is known of one system.',
  fields: (t) => ({
    agent: t.exposeString('agent', { description: 'The connected system; empty: the metaverse and the engine.' }),
    events: t.exposeInt('events', { description: 'Events of which columns are emptied.' }),
  }),
});

const ErasedKeysType = builder.objectRef<ErasurePlan['keys']>('ErasedKeys').implement({
  description: 'How many keys go, by what they belong to.',
  fields: (t) => ({
    objects: t.exposeInt('object', {
      description: 'Objects: what the person is in the metaverse, was before and came to be later.',
    }),
    entries: t.exposeInt('entry', { description: 'Entries before they were joined.' }),
    actors: t.exposeInt('actor', { description: 'Names under which they caused changes.' }),
    references: t.exposeInt('reference', { description: 'Names by which others referred to them.' }),
    reads: t.exposeInt('read', { description: 'Questions that named them.' }),
  }),
});

const ErasurePlanType = builder.objectRef<ErasurePlan>('ErasurePlan').implement({
  description: 'What an erasure takes away. Computed anew when it is done.',
  fields: (t) => ({
    objects: t.exposeIDList('objects', { description: 'The object, and what the person was before and later.' }),
    keys: t.expose('keys', { description: 'How many keys go.', type: ErasedKeysType }),
    actors: t.exposeStringList('actors', { description: 'The names under which they caused changes.' }),
    events: t.exposeInt('events', { description: 'Events of which columns are emptied.' }),
    systems: t.expose('systems', { description: 'How much goes, by connected system.', type: [ErasedSystemType] }),
    remains: t.exposeStringList('remains', { description: 'Sentences on what stays.' }),
  }),
});

interface Erasure {
  event: number;
  plan: ErasurePlan;
  settled: boolean;
}

const ErasureType = builder.objectRef<Erasure>('Erasure').implement({
  description: 'An erasure that is accepted.',
  fields: (t) => ({
    event: t.expose('event', {
      type: 'Sequence',
      description: 'The event that says so; the certificate is asked for by it.',
    }),
    plan: t.expose('plan', { description: 'What it takes away.', type: ErasurePlanType }),
    settled: t.exposeBoolean('settled', {
      description:
        'ClickHouse is emptied as well. If not, that is done before the next question is answered, and within an hour.',
    }),
  }),
});

const CertificateType = builder.objectRef<Certificate>('ErasureCertificate').implement({
  description: 'Nothing of what was looked for was found any more; the backups named still have the person.',
  fields: (t) => ({
    erasure: t.expose('erasure', { description: 'The event of the erasure that it certifies.', type: 'Sequence' }),
    event: t.expose('event', { type: 'Sequence', description: 'The event that it was issued.' }),
    issuedAt: t.expose('issuedAt', { description: 'When the search was over.', type: 'DateTime' }),
    keys: t.exposeInt('keys', { description: 'Keys deleted.' }),
    values: t.int({
      nullable: true,
      description:
        'Values looked for; null: the service was started anew since the erasure, and only the names given were looked for.',
      resolve: ({ searched }) => searched.values ?? null,
    }),
    names: t.int({
      description: 'Names looked for also within other texts and in files.',
      resolve: ({ searched }) => searched.names,
    }),
    keysSearched: t.int({ description: 'Keys looked for in files.', resolve: ({ searched }) => searched.keys }),
    shared: t.int({
      description: 'Texts not looked for, because events about others have them as well.',
      resolve: ({ not }) => not.shared,
    }),
    short: t.int({
      description: 'Texts not looked for, because they have fewer than three characters.',
      resolve: ({ not }) => not.short,
    }),
    unmarked: t.int({
      description: 'Values marked neither personal nor sensitive: looked for in tables, and not in files.',
      resolve: ({ not }) => not.unmarked,
    }),
    common: t.int({
      description: 'Short names that are words of other texts: looked for in tables, and not in files.',
      resolve: ({ not }) => not.common,
    }),
    folders: t.exposeStringList('folders', { description: 'Folders searched, beside the data folder.' }),
    files: t.exposeInt('files', { description: 'Files searched.' }),
    bytes: t.exposeFloat('bytes', { description: 'Bytes of the files searched.' }),
    notSearched: t.exposeStringList('notSearched', {
      description: 'Files and folders that could not be searched, each with its reason: they may hold the person.',
    }),
    server: t.exposeBoolean('server', {
      description: 'ClickHouse is a server: its tables were searched, its files cannot be.',
    }),
    backups: t.stringList({
      description: 'Backups that still have the person, and until when.',
      resolve: ({ backups }) =>
        backups.map(({ name, until }) => (until === undefined ? name : `${name}, until ${until}`)),
    }),
  }),
});

const BackupInput = builder.inputType('BackupInput', {
  description: 'A backup that still has the person, to stand in the certificate.',
  fields: (t) => ({
    name: t.string({ description: 'Which backup, in words.', required: true }),
    until: t.string({ description: 'Until when it is kept, in words.' }),
  }),
});

const LONGEST_REASON = 500;

/** Who asks and why stand in the log for good. */
export function checkReason(who: string, why: string): { who: string; why: string } {
  if (who.trim() === '') throw callerError('who is empty; say who asks for it.');
  if (why.trim() === '')
    throw callerError('why is empty; say why, without anything personal: it stays in the log for good.');
  if (why.length > LONGEST_REASON)
    throw callerError(`why has ${why.length} characters; say it in ${LONGEST_REASON}, without anything personal.`);
  return { who: who.trim(), why: why.trim() };
}

export function addErasureFields(): void {
  builder.queryFields((t) => ({
    erasurePlan: t.field({
      type: ErasurePlanType,
      description: 'What an erasure of this person would do. Nothing is done.',
      args: {
        object: t.arg.id({ required: true, description: 'The id of the person.' }),
        names: t.arg.stringList({ description: 'Names of theirs that nothing in the log shows to be theirs.' }),
      },
      resolve: (_, { object, names }, context) =>
        previewErasure(context, { object: checkId(object), names: names ?? [] }),
    }),
  }));
  builder.mutationFields((t) => ({
    erase: t.field({
      type: ErasureType,
      description: 'Erases a person who exists no more: their keys are deleted and nothing about them can be had back.',
      args: {
        object: t.arg.id({ required: true, description: 'The id of the person.' }),
        who: t.arg.string({ required: true, description: 'Who asks for it.' }),
        why: t.arg.string({ required: true, description: WHY }),
        names: t.arg.stringList({ description: 'Names of theirs that nothing in the log shows to be theirs.' }),
        now: t.arg.boolean({ description: 'Do not wait for other requests before ClickHouse is emptied.' }),
      },
      resolve: async (_, { object, who, why, names, now }, context, info) => {
        const request = { object: checkId(object), names: names ?? [] };
        const erased = await erasePerson(context, request, { ...checkReason(who, why), by: context.viewer });
        leftOwnEvent(context, info);
        if (now) await context.log.eraser.settle();
        return { ...erased, settled: now === true };
      },
    }),
    certifyErasure: t.field({
      type: CertificateType,
      description: 'Settles what waits and issues the certificate of an erasure, or says what is left and where.',
      args: {
        erasure: t.arg({ description: 'The event of the erasure.', type: 'Sequence', required: true }),
        who: t.arg.string({ required: true, description: 'Who asks for it.' }),
        folders: t.arg.stringList({ description: 'Folders outside of the data folder that may hold copies.' }),
        names: t.arg.stringList({
          description:
            'What the person was called, beside what is known: needed when the service was started anew since.',
        }),
        backups: t.arg({ type: [BackupInput], description: 'Backups that still have the person.' }),
      },
      resolve: async (_, { erasure, who, folders, names, backups }, context, info) => {
        const certificate = await context.log.eraser.certify(erasure, {
          who,
          by: context.viewer,
          folders: folders ?? [],
          names: names ?? [],
          backups: (backups ?? []).map(({ name, until }) => ({ name, until: until ?? undefined })),
        });
        leftOwnEvent(context, info);
        return certificate;
      },
    }),
  }));
}
