// What ClickHouse or the way to it says, as a LogError. ClickHouse quotes rows in its messages, so of most only the name
// of the error is kept; of those that speak of the statement itself also the words before the first quotation mark.
import { LogError } from '../errors.ts';

/** Errors that go away by themselves or when somebody frees space: trying again is right. */
const PASSING = new Set([
  'ABORTED',
  'CANNOT_ALLOCATE_MEMORY',
  'CANNOT_SCHEDULE_TASK',
  'CANNOT_WRITE_TO_FILE_DESCRIPTOR',
  'KEEPER_EXCEPTION',
  'MEMORY_LIMIT_EXCEEDED',
  'NOT_ENOUGH_SPACE',
  'NO_ZOOKEEPER',
  'QUERY_WAS_CANCELLED',
  'SERVER_OVERLOADED',
  'TABLE_IS_READ_ONLY',
  'TIMEOUT_EXCEEDED',
  'TOO_FEW_LIVE_REPLICAS',
  'TOO_MANY_PARTS',
  'TOO_MANY_SIMULTANEOUS_QUERIES',
  'UNKNOWN_STATUS_OF_INSERT',
]);
/** What a server says of another that it asked: a shard is away. */
const OF_ANOTHER_SERVER = new Set([
  'ALL_CONNECTION_TRIES_FAILED',
  'NETWORK_ERROR',
  'NO_FREE_CONNECTION',
  'SOCKET_TIMEOUT',
]);
/** Errors found before any row is looked at. */
const OF_THE_STATEMENT = new Set([
  'ACCESS_DENIED',
  'AUTHENTICATION_FAILED',
  'ILLEGAL_TYPE_OF_ARGUMENT',
  'NUMBER_OF_ARGUMENTS_DOESNT_MATCH',
  'SYNTAX_ERROR',
  'UNKNOWN_DATABASE',
  'UNKNOWN_FUNCTION',
  'UNKNOWN_IDENTIFIER',
  'UNKNOWN_SETTING',
  'UNKNOWN_TABLE',
]);
const LONGEST_QUOTE = 300;

export interface Attempt {
  /** The engine is in this process: there is no way to it that could be cut off. */
  embedded: boolean;
  /** The statement carries rows. */
  insert?: boolean;
  signal?: AbortSignal | undefined;
}

/** Awaits the work; what it raises becomes a LogError clickhouse-away or clickhouse-refused. */
export async function withLogErrors<T>(attempt: Attempt, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asClickHouseError(error, attempt);
  }
}

function asClickHouseError(error: unknown, { embedded, insert = false, signal }: Attempt): LogError {
  if (error instanceof LogError) return error;
  if (signal?.aborted) return new LogError('clickhouse-refused', 'The statement was cancelled.', { retryable: true });
  const message = error instanceof Error ? error.message : String(error);
  const type = typeOf(error, message);
  if (type !== undefined && OF_ANOTHER_SERVER.has(type))
    return new LogError('clickhouse-away', `A server of the cluster does not answer (${type}).`, { retryable: true });
  if (type !== undefined) {
    const right = type === 'ACCESS_DENIED' ? missingRight(message) : undefined;
    if (right !== undefined)
      return new LogError('clickhouse-right-missing', `The user lacks a right in ClickHouse: ${right}.`);
    const words = OF_THE_STATEMENT.has(type) && !insert ? `: ${firstWords(message)}` : '';
    return new LogError('clickhouse-refused', `ClickHouse refused a statement (${type})${words}.`, {
      retryable: PASSING.has(type),
    });
  }
  if (embedded)
    return new LogError('clickhouse-refused', 'The embedded ClickHouse is closed or failed.', { cause: error });
  return new LogError('clickhouse-away', `ClickHouse does not answer (${networkCode(error, message)}).`, {
    retryable: true,
  });
}

/** The name of an error of ClickHouse, such as UNKNOWN_TABLE; undefined: it is none of its own. */
function typeOf(error: unknown, message: string): string | undefined {
  // By its shape: chdb brings a class ClickHouseError of its own.
  if (typeof error === 'object' && error !== null && 'type' in error && typeof error.type === 'string')
    return error.type;
  return /\bCode: \d+\b.*\(([A-Z][A-Z0-9_]{3,})\)/s.exec(message)?.[1];
}

function networkCode(error: unknown, message: string): string {
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string')
    return error.code;
  return /timeout/i.test(message) ? 'timeout' : 'no proper answer';
}

/** The right that ClickHouse says is needed, such as `INSERT ON metatrail.events`; names of tables and columns only. */
function missingRight(message: string): string | undefined {
  return /\bnecessary to have the grant ([^'"`\n]+?)\.(?= \(|\s*$)/.exec(message)?.[1]?.slice(0, LONGEST_QUOTE);
}

function firstWords(message: string): string {
  const [words = ''] = message.split(/['"`\n]/);
  return words.trim().slice(0, LONGEST_QUOTE);
}
