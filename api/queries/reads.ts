// Question 11: who looked at what? Reads by filters, newest first, in pages that stay stable while events arrive.
import { formatMicros } from '../../ingest/clock.ts';
import type { ChangeEvent } from '../../ingest/event.ts';
import { type Page, readPage } from './changes.ts';
import type { QueryContext } from './context.ts';

export interface ReadFilter {
  /** Microseconds, inclusive. */
  from?: number | undefined;
  to?: number | undefined;
  viewer?: string | undefined;
  /** What was asked about, as the one object of the question or as one of its parameters. */
  object?: string | undefined;
  question?: string | undefined;
  outcome?: string | undefined;
}

/** What was given with a question. */
export interface ReadParameter {
  name: string;
  type: string;
  /** Undefined: it was, or may have been, a secret. */
  text: string | undefined;
  /** The object that it names. */
  reference: string | undefined;
}

export interface LogRead {
  sequence: number;
  at: number;
  viewer: string | undefined;
  address: string | undefined;
  question: string;
  fields: string[];
  outcome: string;
  error: string | undefined;
  object: string | undefined;
  rows: number | undefined;
  /** The events below it are what the answer stands on. */
  answeredAt: number;
  parameters: ReadParameter[];
}

export interface ReadPage {
  reads: LogRead[];
  hasMore: boolean;
  watermark: number;
}

/**
 * The name of a question is asked of the index over new values, a viewer and an object of their projections, an object that
 * is only a parameter of the index over references: with any of them, none but the reads concerned are looked at.
 */
export async function findReads(context: QueryContext, filter: ReadFilter, page: Page): Promise<ReadPage> {
  const sql = ["stage = 'read'"];
  const params: Record<string, unknown> = {};
  const add = (condition: string, name: string, value: unknown) => {
    sql.push(condition);
    params[name] = value;
  };
  if (filter.from !== undefined)
    add("occurred_at >= {from_time:DateTime64(6, 'UTC')}", 'from_time', formatMicros(filter.from));
  if (filter.to !== undefined) add("occurred_at <= {to_time:DateTime64(6, 'UTC')}", 'to_time', formatMicros(filter.to));
  if (filter.viewer !== undefined) add('initiator = {viewer:String}', 'viewer', filter.viewer);
  if (filter.outcome !== undefined) add('outcome = {outcome:String}', 'outcome', filter.outcome);
  if (filter.question !== undefined)
    add(
      "has(arrayConcat(value.new, value.old), {question:String}) AND value.new[indexOf(value.attribute, 'question')] = {question:String}",
      'question',
      filter.question,
    );
  if (filter.object !== undefined) params.object = filter.object;
  const about = filter.object === undefined ? ['1'] : ['object = {object:UUID}', 'has(value.reference, {object:UUID})'];
  const inners = about.map(
    (condition) =>
      `SELECT sequence FROM events WHERE ${[...sql, condition].join(' AND ')} AND sequence < {before:UInt64}`,
  );
  const { events, hasMore, watermark } = await readPage(context, inners, params, page);
  return { reads: events.map(asRead), hasMore, watermark };
}

const PARAMETER = 'parameter/';

function asRead(event: ChangeEvent): LogRead {
  const told = (attribute: string) => event.values.find((value) => value.attribute === attribute)?.new;
  const rows = told('rows');
  return {
    sequence: event.sequence,
    at: event.occurredAt,
    viewer: event.initiator,
    address: event.address,
    question: told('question') ?? '',
    fields: told('fields')?.split(', ') ?? [],
    outcome: event.outcome,
    error: event.error,
    object: event.object,
    rows: rows === undefined ? undefined : Number(rows),
    answeredAt: Number(told('watermark') ?? 0),
    parameters: event.values
      .filter(({ attribute }) => attribute.startsWith(PARAMETER))
      .map(({ attribute, type, new: text, reference, rule }) => ({
        name: attribute.slice(PARAMETER.length),
        type,
        text: rule === undefined ? text : undefined,
        reference,
      })),
  };
}
