// What may be given to an export, read from text once: as it stands in an address or on the command line.
import { z } from 'zod';
import { isSecretAttribute } from '../../engine/secrets.ts';
import { formatIso, parseInstant } from '../../ingest/clock.ts';
import { asObjectId, type Parameter } from '../reads/read-event.ts';

/** What was given cannot be meant; the message says what can. */
export class ExportParameterError extends Error {
  override name = 'ExportParameterError';
}

/** Longer ones are no filter that somebody wrote. */
const LONGEST = 10_000;

/** One parameter, that need not be given: how it is written into the log, what it does, and how it is read. */
function parameter<T>(type: Parameter['type'], about: string, form: string, read: (text: string) => T | undefined) {
  return z
    .string()
    .transform((text, context) => {
      const value = text.length > LONGEST || !text.isWellFormed() ? undefined : read(text);
      if (value !== undefined) return value;
      context.issues.push({ code: 'custom', input: undefined, message: form });
      return z.NEVER;
    })
    .optional()
    .meta({ description: about, type });
}

const INSTANT = 'an instant with its zone, as in 2026-01-31T23:59:59Z';
const ID = 'the id of an object, as in 01a206d8-0520-7005-ab4b-be69c1b2da2c';
const WORD = /^[a-z0-9][a-z0-9-]*$/;

/** As the API has it: without a zone it would be guessed which was meant. */
const readInstant = (text: string) => (/(Z|[+-]\d{2}:\d{2})$/.test(text) ? parseInstant(text) : undefined);

function readWords(text: string): string[] | undefined {
  const words = text.split(',');
  return words.every((word) => WORD.test(word)) ? words : undefined;
}

export const instant = (about: string) => parameter('time', about, INSTANT, readInstant);
export const objectId = (about: string) => parameter('id', about, ID, asObjectId);
export const plainText = (about: string) => parameter('string', about, 'at most 10,000 characters', (text) => text);
export const words = (about: string) =>
  parameter('string', about, 'words with commas between them, as in import,export', readWords);
export const sequence = (about: string) =>
  parameter('integer', about, 'a whole number from 0 on', (text) =>
    /^\d{1,15}$/.test(text) ? Number(text) : undefined,
  );
export const yesOrNo = (about: string) =>
  parameter('boolean', about, 'true or false', (text) =>
    text === 'true' || text === 'false' ? text === 'true' : undefined,
  );

/** One without which there is no such list. */
export function required<T extends z.ZodType>(field: T) {
  return z.nonoptional(field).meta(field.meta() ?? {});
}

/**
 * Throws ExportParameterError: for one that is not known, which somebody takes for a filter and which would filter nothing, and
 * for one that cannot be read. An empty one was not given.
 */
export function readParameters<S extends z.ZodObject>(schema: S, given: Readonly<Record<string, string>>): z.output<S> {
  const known = Object.keys(schema.shape);
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new ExportParameterError(
      `There is no parameter ${JSON.stringify(unknown.slice(0, 60))}; there is ${known.join(', ')}.`,
    );
  const read = schema.safeParse(Object.fromEntries(Object.entries(given).filter(([, text]) => text !== '')));
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const name = String(issue?.path[0] ?? '');
  const isThere = Object.hasOwn(given, name);
  throw new ExportParameterError(
    isThere ? `${name} cannot be read; give ${issue?.message}.` : `${name} is missing; give it.`,
  );
}

/** Throws ExportParameterError. */
export function checkOrder({ from, to }: { from?: number | undefined; to?: number | undefined }): void {
  if (from !== undefined && to !== undefined && from > to)
    throw new ExportParameterError('from is later than to, so nothing can be between them; exchange the two.');
}

/** As they are written into the log and the manifest. Who asks for the changes of a password by its value has typed it. */
export function describeParameters(schema: z.ZodObject, read: Readonly<Record<string, unknown>>): Parameter[] {
  const { attribute } = read;
  const isSecret = typeof attribute === 'string' && isSecretAttribute(attribute);
  return parametersOf(schema).flatMap(({ name, type }): Parameter[] => {
    const value = read[name];
    if (value === undefined) return [];
    const text = type === 'time' ? formatIso(Number(value)) : String(value);
    return [{ name, type, text, ...(isSecret && name === 'value' && { withheld: true }) }];
  });
}

export interface ParameterDescription {
  name: string;
  type: Parameter['type'];
  about: string;
}

const metaSchema = z.object({
  description: z.string(),
  type: z.enum(['string', 'integer', 'boolean', 'time', 'id']),
});

export function parametersOf(schema: z.ZodObject): ParameterDescription[] {
  return Object.entries(schema.shape).map(([name, field]) => {
    const { description, type } = metaSchema.parse(z.globalRegistry.get(field));
    return { name, type, about: description };
  });
}
