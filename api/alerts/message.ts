// What is told of an occurrence. It is made when it is sent, with what may be seen then: nothing of it is kept.
import { formatIso } from '../../ingest/clock.ts';
import { LogError } from '../../ingest/errors.ts';
import type { ChangeEvent, EventValue } from '../../ingest/event.ts';
import type { RequestContext } from '../graphql/context.ts';
import { readSequences } from '../queries/context.ts';
import { findOnwards } from '../queries/onwards.ts';
import { type Message, messageId } from './destination.ts';
import type { Occurrence } from './occurrences.ts';
import type { Alert } from './settings.ts';

/** Changes whose values are told. */
const MOST_TOLD = 10;
/** Characters of a value that are told. */
const LONGEST_VALUE = 200;

export interface Telling {
  occurrence: Occurrence;
  destination: string;
  /** The origin of the log. */
  log: string;
  /** What the alert is now; undefined: it is not watched any more. */
  alert: Alert | undefined;
  /** Where people reach the service. */
  address: URL;
  look: (alert: Alert) => RequestContext;
}

/** Throws what questions throw, but for a ClickHouse that is away: then values are left out, and the message says so. */
export async function makeMessage({ occurrence, destination, log, alert, address, look }: Telling): Promise<Message> {
  const { event, severity, cause, alert: name } = occurrence;
  const links = linksOf(occurrence, alert, address);
  const values = alert?.values ? await tellValues(occurrence, alert, look) : [];
  const lines = [
    `${sentenceOf(occurrence, alert)}`,
    '',
    `alert: ${name} (${severity})`,
    ...(event >= 0 ? [`occurrence: ${event}`] : ['The log accepts nothing now, so this has no event yet.']),
    `since: ${formatIso(occurrence.since)}`,
    `log: ${log}`,
    ...Object.values(links),
    ...(values.length > 0 ? ['', ...values] : []),
  ];
  return {
    id: messageId([log, name, cause, event, destination]),
    subject: `[${severity}] ${name}${event >= 0 ? `: occurrence ${event}` : ''}`,
    text: `${lines.join('\n')}\n`,
    json: {
      type: 'metatrail.alert',
      timestamp: formatIso(occurrence.raisedAt),
      data: { ...factsOf(occurrence), log, links, ...(values.length > 0 && { values }) },
    },
  };
}

function factsOf({ event, alert, kind, severity, cause, first, last, count, since }: Occurrence) {
  return {
    occurrence: event >= 0 ? event : null,
    alert,
    kind,
    severity,
    cause,
    first,
    last,
    count,
    since: formatIso(since),
  };
}

function sentenceOf({ kind, count, first, last, cause }: Occurrence, alert: Alert | undefined): string {
  switch (kind) {
    case 'changes': {
      const within = alert?.kind === 'changes' ? ` within ${alert.within_minutes} minutes` : '';
      return `${count} changes that are watched for came${within}: the first is event ${first}, the last ${last}.`;
    }
    case 'open-leaver': {
      const hours = alert?.kind === 'open-leaver' ? ` for ${alert.hours} hours or more` : '';
      return `${count} accounts of somebody who left, as event ${first} says, are open${hours}.`;
    }
    case 'log-lag':
      return `ClickHouse is ${count} events behind the journal; the first that it lacks is ${first}.`;
    default:
      return `What is stored is not what was accepted or signed (${cause}). Keep the data folder and ClickHouse as they are, and run metatrail verify.`;
  }
}

/** Without what may name a person: a link stands in the logs of others. */
function linksOf({ kind, first }: Occurrence, alert: Alert | undefined, address: URL): Record<string, string> {
  const links: Record<string, string> = { alerts: new URL('alerts', address).href };
  if (kind !== 'log-lag' && first !== undefined) links.change = new URL(`changes/${first}`, address).href;
  if (alert?.kind === 'changes') {
    const { value: _, initiator: __, stages, outcomes, outOfBand, ...texts } = alert.filter;
    const changes = new URL('changes', address);
    for (const [name, text] of Object.entries(texts)) if (text !== undefined) changes.searchParams.set(name, text);
    if (stages) changes.searchParams.set('stages', stages.join(','));
    if (outcomes) changes.searchParams.set('outcomes', outcomes.join(','));
    if (outOfBand !== undefined) changes.searchParams.set('outOfBand', String(outOfBand));
    links.changes = changes.href;
  }
  return links;
}

async function tellValues(occurrence: Occurrence, alert: Alert, look: Telling['look']): Promise<string[]> {
  try {
    const { queries } = look(alert);
    const { first = 0, last = first } = occurrence;
    const filter = alert.kind === 'changes' ? alert.filter : undefined;
    const page = filter
      ? (await findOnwards(queries, filter, { from: first, first: MOST_TOLD })).events.filter(
          (each) => each.sequence <= last,
        )
      : [...(await readSequences(queries, [first])).values()];
    const lines = page.flatMap(describeChange);
    return occurrence.count > page.length && filter
      ? [...lines, `… and ${occurrence.count - page.length} more`]
      : lines;
  } catch (error) {
    if (!(error instanceof LogError)) throw error;
    return [`The values cannot be read now: ${error.message}`];
  }
}

function describeChange({ sequence, stage, outcome, agent, objectName, values }: ChangeEvent): string[] {
  const where = [stage, outcome, agent, objectName === undefined ? undefined : shown(objectName)].filter(Boolean);
  return [`${sequence}: ${where.join(' · ')}`, ...values.map((value) => `  ${describeValue(value)}`)];
}

function describeValue({ attribute, old, new: set, ...rest }: EventValue): string {
  if ('withheld' in rest) return `${attribute}: withheld`;
  return `${attribute}: ${old === undefined ? '' : shown(old)} → ${set === undefined ? '' : shown(set)}`;
}

/** On one line, quoted, cut with a word about it: a value never looks like the message around it. */
function shown(text: string): string {
  const cut = text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}… (${text.length} characters)` : text;
  return JSON.stringify(cut);
}
