// Alerts: which there are, what they found, and that a person has seen it.
import type { AlertState } from '../alerts/alerts.ts';
import { AcknowledgementError, type Occurrence, type Telling } from '../alerts/occurrences.ts';
import type { Severity } from '../alerts/settings.ts';
import { builder, callerError, WHY } from './builder.ts';
import { AFTER, connectionOf, FIRST, list, pagingOf } from './connection.ts';
import { leftOwnEvent, waitForDelivery } from './context.ts';
import { checkReason } from './erasure-types.ts';
import { LONGEST_DELIVERY_MS } from './run-mutations.ts';

const AlertSeverityType = builder.enumType('AlertSeverity', {
  description: 'How grave an alert is, as the file of the alerts says it.',
  values: {
    low: { description: 'For whoever looks through the alerts once a week.' },
    medium: { description: 'For the next working day; unless the file says otherwise.' },
    high: { description: 'For today.' },
    critical: { description: 'For now.' },
  } satisfies Record<Severity, { description: string }>,
});

const AlertTellingType = builder.objectRef<Telling>('AlertTelling').implement({
  description: 'One destination of an occurrence, and whether it was told.',
  fields: (t) => ({
    destination: t.exposeString('destination', { description: 'Its name in the file of the alerts.' }),
    kind: t.exposeString('kind', { description: '`mail` or `webhook`.' }),
    host: t.exposeString('host', {
      description: 'The mail server or the host of the webhook; never the whole address.',
    }),
    told: t.boolean({
      description: 'It has taken the message.',
      resolve: ({ at, failure }) => at !== undefined && failure === undefined,
    }),
    at: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it was told, or given up; null: it is still tried.',
      resolve: ({ at }) => at ?? null,
    }),
    event: t.field({
      type: 'Sequence',
      nullable: true,
      description: 'The event that says so.',
      resolve: ({ event }) => event ?? null,
    }),
    failure: t.string({
      nullable: true,
      description: 'A word for why it was given up; null: it was told, or is still tried.',
      resolve: ({ failure }) => failure ?? null,
    }),
    problem: t.string({
      nullable: true,
      description: 'Why it is not told yet, in a sentence; null: it is, or nothing is wrong.',
      resolve: ({ at, destination }, _, { alerts }) =>
        at === undefined ? (alerts.problemOf(destination) ?? null) : null,
    }),
  }),
});

type Acknowledged = NonNullable<Occurrence['acknowledged']>;

const AcknowledgementType = builder.objectRef<Acknowledged>('AlertAcknowledgement').implement({
  description: 'That a person has seen an occurrence.',
  fields: (t) => ({
    event: t.expose('event', { type: 'Sequence', description: 'The event that says so.' }),
    at: t.expose('at', { type: 'DateTime', description: 'When.' }),
    by: t.string({
      nullable: true,
      description: 'Who; null: they are erased, or the event is not delivered yet.',
      resolve: async ({ event }, _, { events }) => (await events.load(event))?.initiator ?? null,
    }),
    why: t.string({
      nullable: true,
      description: 'What they said to it; null: the event is not delivered yet.',
      resolve: async ({ event }, _, { events }) =>
        (await events.load(event))?.values.find(({ attribute }) => attribute === 'reason')?.new ?? null,
    }),
  }),
});

const OccurrenceType = builder.objectRef<Occurrence>('AlertOccurrence').implement({
  description: 'What an alert found: once, however long it stays the case.',
  fields: (t) => ({
    id: t.expose('event', { type: 'Sequence', description: 'The event that says that it was found.' }),
    alert: t.exposeString('alert', { description: 'The name of the alert.' }),
    severity: t.expose('severity', { type: AlertSeverityType, description: 'How grave it is.' }),
    cause: t.exposeString('cause', {
      description:
        'What it began with: `change` or `leave` and an event, `behind` and the first event not delivered, `check` and the size of the log, or the name of what contradicts.',
    }),
    first: t.field({
      type: 'Sequence',
      nullable: true,
      description: 'The first event that it is about.',
      resolve: ({ first }) => first ?? null,
    }),
    last: t.field({
      type: 'Sequence',
      nullable: true,
      description: 'The last event that it is about; null: it is about one.',
      resolve: ({ last }) => last ?? null,
    }),
    count: t.exposeInt('count', {
      description: 'How many changes, open accounts, events behind or faults it is about.',
    }),
    since: t.expose('since', { type: 'DateTime', description: 'Since when it was the case.' }),
    raisedAt: t.expose('raisedAt', { type: 'DateTime', description: 'When it was found.' }),
    endedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it was over; null: it is still the case.',
      resolve: ({ endedAt }) => endedAt ?? null,
    }),
    told: t.field({
      type: [AlertTellingType],
      description: 'To whom it is told, and what became of that.',
      resolve: ({ told }) => told,
    }),
    acknowledged: t.field({
      type: AcknowledgementType,
      nullable: true,
      description: 'Who has seen it; null: nobody said so.',
      resolve: ({ acknowledged }) => acknowledged ?? null,
    }),
  }),
});

const OccurrenceConnectionType = connectionOf(OccurrenceType, 'AlertOccurrence', 'occurrences of an alert');

const AlertType = builder.objectRef<AlertState>('Alert').implement({
  description: 'A question that is asked of the log for ever, and whoever is told when it finds something.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Its name in the file of the alerts.' }),
    kind: t.string({
      nullable: true,
      description: '`changes`, `open-leaver`, `log-lag` or `verification-failed`; null: it is not watched any more.',
      resolve: ({ alert }) => alert?.kind ?? null,
    }),
    severity: t.field({
      type: AlertSeverityType,
      nullable: true,
      description: 'How grave it is; null: it is not watched any more.',
      resolve: ({ alert }) => alert?.severity ?? null,
    }),
    watched: t.boolean({
      description: 'It stands in the file of the alerts; false: only what it found is left.',
      resolve: ({ alert }) => alert !== undefined,
    }),
    tell: t.stringList({
      description: 'The names of its destinations.',
      resolve: ({ alert }) => [...(alert?.tell ?? [])],
    }),
    open: t.int({
      description: 'How many of its occurrences are not over.',
      resolve: ({ occurrences }) => occurrences.filter(({ endedAt }) => endedAt === undefined).length,
    }),
    unacknowledged: t.int({
      description: 'How many of its occurrences nobody has acknowledged.',
      resolve: ({ occurrences }) => occurrences.filter(({ acknowledged }) => acknowledged === undefined).length,
    }),
    occurrences: t.field({
      type: OccurrenceConnectionType,
      description: 'What it found, the newest first; of each alert the last thousand are kept.',
      args: {
        first: t.arg.int({ defaultValue: 50, description: FIRST }),
        after: t.arg.string({ description: AFTER }),
      },
      resolve: ({ name, occurrences }, given, { queries: { watermark } }) => {
        const paging = pagingOf('alerts/occurrences', { name }, given);
        const { first, before = Number.POSITIVE_INFINITY } = paging;
        const left = occurrences.filter(({ event }) => event < before);
        const page = { hasMore: left.length > first, watermark, gone: undefined };
        return list(paging, left.slice(0, first), ({ event }) => event, page);
      },
    }),
  }),
});

export function addAlertFields(): void {
  builder.queryFields((t) => ({
    alerts: t.field({
      type: [AlertType],
      description:
        'The alerts in the order of their file, with what they found. For auditors, investigators and administrators.',
      resolve: (_, __, { alerts }) => alerts.list(),
    }),
  }));
  builder.mutationFields((t) => ({
    acknowledgeAlert: t.field({
      type: OccurrenceType,
      description:
        'Says that a person has seen an occurrence, once; it stays watched and told. For investigators and administrators.',
      args: {
        occurrence: t.arg({ type: 'Sequence', required: true, description: 'Its id.' }),
        why: t.arg.string({ required: true, description: WHY }),
      },
      resolve: async (_, { occurrence, why }, context, info) => {
        const { viewer, address, alerts } = context;
        const reason = { viewer, address, why: checkReason(viewer, why).why };
        try {
          const acknowledged = await alerts.acknowledge(occurrence, reason);
          leftOwnEvent(context, info);
          // Who and why are told from the log.
          if (await waitForDelivery(context.log, LONGEST_DELIVERY_MS))
            context.queries.watermark = context.log.shipper.shipped;
          return acknowledged;
        } catch (error) {
          if (error instanceof AcknowledgementError) throw callerError(error.message);
          throw error;
        }
      },
    }),
  }));
}
