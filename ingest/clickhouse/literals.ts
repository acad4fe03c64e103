// Parameters written into a statement. The embedded engine carries out statements with bound parameters one after the other,
// however many connections ask: written in, two at a time take half as long. A server binds them.

/** A longer statement is not taken (`max_query_size`): longer ones bind. */
const LONGEST_CHARACTERS = 200_000;
/** What can stand between quotes as it is. */
const PLAIN = /^[ !#-&(-[\]-~]*$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const INSTANT = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$/;
const PLACEHOLDER = /\{(\w+): ?([^{}]+)\}/g;

type Write = (value: unknown) => string | undefined;

const writeString: Write = (value) => {
  if (typeof value !== 'string') return undefined;
  // Of other texts nothing is left that could end the quotes.
  return PLAIN.test(value) ? `'${value}'` : `unhex('${Buffer.from(value, 'utf8').toString('hex')}')`;
};

const writeWhole =
  (type: string): Write =>
  (value) =>
    Number.isSafeInteger(value) && Number(value) >= 0 ? `to${type}(${value})` : undefined;

const WRITERS: ReadonlyMap<string, Write> = new Map([
  ['String', writeString],
  ['UInt64', writeWhole('UInt64')],
  ['UInt32', writeWhole('UInt32')],
  ['UUID', (value) => (typeof value === 'string' && UUID.test(value) ? `toUUID('${value}')` : undefined)],
  [
    "DateTime64(6, 'UTC')",
    (value) => (typeof value === 'string' && INSTANT.test(value) ? `toDateTime64('${value}', 6, 'UTC')` : undefined),
  ],
  ['Array(String)', writeList('String', writeString)],
  [
    'Array(UInt64)',
    writeList('UInt64', (value) => (Number.isSafeInteger(value) && Number(value) >= 0 ? `${value}` : undefined)),
  ],
  [
    'Array(UUID)',
    writeList('UUID', (value) => (typeof value === 'string' && UUID.test(value) ? `'${value}'` : undefined)),
  ],
]);

function writeList(type: string, write: Write): Write {
  return (value) => {
    if (!Array.isArray(value)) return undefined;
    const items = value.map(write);
    return items.includes(undefined) ? undefined : `CAST([${items.join(',')}], 'Array(${type})')`;
  };
}

export interface Statement {
  sql: string;
  /** Those that are still bound. */
  params: Record<string, unknown>;
}

/**
 * The same statement with what can be safely written in its place; a value of another type, or one that its type does not
 * take, stays a parameter, so that ClickHouse says what is wrong with it.
 */
export function writeParameters(sql: string, params: Record<string, unknown>): Statement {
  const bound: Record<string, unknown> = {};
  const written = sql.replaceAll(PLACEHOLDER, (placeholder, name: string, type: string) => {
    const literal = WRITERS.get(type)?.(params[name]);
    if (literal === undefined) bound[name] = params[name];
    return literal ?? placeholder;
  });
  return written.length > LONGEST_CHARACTERS ? { sql, params } : { sql: written, params: bound };
}
