// The schema builder and the scalars. Times are microseconds inside and ISO 8601 in UTC outside.
import SchemaBuilder from '@pothos/core';
import { GraphQLError } from 'graphql';
import { formatIso, parseInstant } from '../../ingest/clock.ts';
import type { RequestContext } from './context.ts';

interface Types {
  Context: RequestContext;
  Scalars: {
    DateTime: { Input: number; Output: number };
    Sequence: { Input: number; Output: number };
    ID: { Input: string; Output: string };
  };
  DefaultFieldNullability: false;
}

export const builder = new SchemaBuilder<Types>({ defaultFieldNullability: false });
export type SchemaTypes = typeof builder.$inferSchemaTypes;

/** The field `gone` of whatever says up to which event it goes. */
export const GONE = 'What the answer lacks because it has expired, in a sentence.';

/** The argument `watermark` of every question. */
export const WATERMARK = 'Only what was known when the log had this many events; none: all that is delivered.';

/** A mistake of the caller: said to them in a sentence, not an error of the program. */
export function callerError(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT' } });
}

/** What was asked is not for whoever asked. */
export function forbidden({ message }: Error): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'FORBIDDEN' } });
}

/** What was given, in an error about it: a text by its beginning, for it may be long, a list or an object by what it is, for it may be deep. */
function quote(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 80));
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'A list' : 'An object';
  return String(value);
}

builder.scalarType('DateTime', {
  description: 'An instant, ISO 8601 with zone; answers are UTC with microseconds (2010-01-31T23:59:59.999999Z).',
  serialize: (value) => formatIso(value),
  parseValue: (value) => {
    const instant = typeof value === 'string' && /(Z|[+-]\d{2}:\d{2})$/.test(value) ? parseInstant(value) : undefined;
    if (instant === undefined) {
      throw callerError(`${quote(value)} is no instant; write it with its zone, as in 2026-01-31T23:59:59Z.`);
    }
    return instant;
  },
});

builder.scalarType('Sequence', {
  description: 'A sequence number of the change log: 0, 1, 2, … without gaps.',
  serialize: (value) => value,
  parseValue: (value) => {
    const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value;
    if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 0) {
      throw callerError(`${quote(value)} is no sequence number; it is a whole number from 0 on.`);
    }
    return number;
  },
});

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The id of an object, or an error for the caller. */
export function checkId(id: string): string {
  if (!UUID.test(id))
    throw callerError(`${quote(id)} is no object id; ids look like 01a206d8-0520-7005-ab4b-be69c1b2da2c.`);
  return id.toLowerCase();
}

/** A page size within bounds, or an error for the caller. */
export function checkFirst(first: number | null | undefined, usual: number, most: number): number {
  const wanted = first ?? usual;
  if (wanted < 1 || wanted > most) throw callerError(`first is ${wanted}; it must be from 1 to ${most}.`);
  return wanted;
}

/** `why` of whatever is recorded for good. */
export const WHY = 'Why; it stays in the log for good and must hold nothing personal.';
