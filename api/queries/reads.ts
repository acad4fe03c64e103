// Question 11: who looked at what? Reads by filters, newest first, in pages that stay stable while events arrive.
import type { ChangeEvent } from '../../ingest/event.ts';
import { addTimes, type Condition, type Page, readPage, whereOf } from './changes.ts';
import { BrokenLogError, type QueryContext } from './context.ts';

export interface ReadFilter {
  /** Microseconds, inclusive. */
  from?: number | undefined;
  to?: number | undefined;
  viewer?: string | undefined;
  /** What was asked about, as the one object of the question or as one of its parameters. */
  object?: string | undefined;
  question?: string | undefined;
  outcome?: ReadOutcome | undefined;
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

/** Only what was answered was seen. */
export const READ_OUTCOMES = ['answered', 'refused', 'failed'] as const;
export type ReadOutcome = (typeof READ_OUTCOMES)[number];

export interface LogRead {
  sequence: number;
  at: number;
  viewer: string | undefined;
  address: string | undefined;
  question: string;
  fields: string[];
  outcome: ReadOutcome;
  error: string | undefined;
  object: string | undefined;
  rows: number | undefined;
  /** The events below it are what the answer stands on. */
  answeredAt: number;
  parameters: ReadParameter[];
  reason: string | undefined;
  through: string | undefined;
}

export interface ReadPage {
  reads: LogRead[];
  hasMore: boolean;
  watermark: number;
  gone: string | undefined;
}

/**
 * The name of a question is asked of the index over new values, a viewer and an object of their projections, an object that
 * is only a parameter of the index over references: with any of them, none but the reads concerned are looked at.
 */
export async function findReads(context: QueryContext, filter: ReadFilter, page: Page): Promise<ReadPage> {
  const { viewer, object, question, outcome } = filter;
  const condition: Condition = { keys: [], effects: ["stage = 'read'"], others: [], params: {} };
  const { keys, effects, others, params } = condition;
  addTimes(condition, filter);
  if (viewer !== undefined) keys.push('initiator = {viewer:String}');
  if (outcome !== undefined) effects.push('outcome = {outcome:String}');
  if (question !== undefined)
    others.push(
      "has(arrayConcat(value.new, value.old), {question:String}) AND value.new[indexOf(value.attribute, 'question')] = {question:String}",
    );
  for (const [name, value] of Object.entries({ viewer, object, question, outcome }))
    if (value !== undefined) params[name] = value;
  const about =
    object === undefined
      ? [condition]
      : [
          { ...condition, keys: ['object = {object:UUID}', ...keys] },
          { ...condition, others: ['has(value.reference, {object:UUID})', ...others] },
        ];
  const wheres = about.map(whereOf);
  const { events, ...rest } = await readPage(context, { wheres, params, from: filter.from }, page);
  return { reads: events.map(asRead), ...rest };
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
    outcome: outcomeOf(event),
    error: event.error,
    object: event.object,
    rows: rows === undefined ? undefined : Number(rows),
    answeredAt: Number(told('watermark') ?? 0),
    reason: told('reason'),
    through: told('through'),
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

function outcomeOf({ sequence, outcome }: ChangeEvent): ReadOutcome {
  const known = READ_OUTCOMES.find((each) => each === outcome);
  if (known === undefined)
    throw new BrokenLogError(`The read ${sequence} has the outcome ${outcome}, which no read has.`);
  return known;
}
