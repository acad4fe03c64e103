// What whoever asked is told when a question fails: always a sentence and a code, never a stack, a statement or a value.
// What is no mistake of theirs is handed to `report` as it was.
import { type ExecutionResult, GraphQLError } from 'graphql';
import { LogError, type LogErrorCode, REMEDIES } from '../../ingest/errors.ts';
import { AccessOverError } from '../live/told.ts';
import { AnswerTooLargeError, BrokenLogError } from '../queries/context.ts';
import { TeamTooLargeError } from '../queries/reporting-lines.ts';
import { UnknownManagerError } from '../queries/team.ts';
import { UnrecordedReadError } from '../reads/recorder.ts';

const INTERNAL = 'INTERNAL_SERVER_ERROR';
export const FAILED = 'The service failed to answer; its log says why.';
const TOO_SLOW =
  'The question took longer than its time limit; ask for less: a shorter time, one system or one object.';

const TOO_WIDE = 'The question takes more memory than one may; ask for less: a shorter time, one system or one object.';

export type Report = (error: unknown) => void;

/** What was asked for cannot be done, for the reason that the message gives. */
const ABOUT_THE_REQUEST: ReadonlySet<LogErrorCode> = new Set([
  'erasure-refused',
  'erasure-outdated',
  'certificate-refused',
  'hold-unknown',
  'retention-unset',
]);

const OF_THE_CALLER = [AnswerTooLargeError, TeamTooLargeError, UnknownManagerError, AccessOverError];

function isOfTheCaller(error: unknown): boolean {
  if (error instanceof LogError) return ABOUT_THE_REQUEST.has(error.code);
  return OF_THE_CALLER.some((kind) => error instanceof kind);
}

const LONGEST_MESSAGE = 1000;

/** GraphQL quotes what was sent whole, and says behind it what is wrong with it. */
function shorten(message: string): string {
  if (message.length <= LONGEST_MESSAGE) return message;
  return `${message.slice(0, LONGEST_MESSAGE / 2)} … ${message.slice(-LONGEST_MESSAGE / 3)}`;
}

/** The sentence and code for an error that is not the caller's. */
function describe(error: unknown): { message: string; code: string } {
  if (error instanceof AnswerTooLargeError || error instanceof TeamTooLargeError)
    return { message: error.message, code: 'ANSWER_TOO_LARGE' };
  if (error instanceof AccessOverError) return { message: error.message, code: error.code };
  if (error instanceof UnknownManagerError) return { message: error.message, code: 'FORBIDDEN' };
  if (error instanceof BrokenLogError) return { message: error.message, code: 'LOG_BROKEN' };
  if (error instanceof UnrecordedReadError) return { message: explainUnrecorded(error), code: 'NOT_RECORDED' };
  if (!(error instanceof LogError)) return { message: FAILED, code: INTERNAL };
  if (ABOUT_THE_REQUEST.has(error.code))
    return { message: `${error.message} ${REMEDIES[error.code]}`, code: error.code.toUpperCase().replaceAll('-', '_') };
  if (error.message.includes('TIMEOUT_EXCEEDED')) return { message: TOO_SLOW, code: 'TIME_LIMIT' };
  if (error.message.includes('MEMORY_LIMIT_EXCEEDED')) return { message: TOO_WIDE, code: 'MEMORY_LIMIT' };
  return {
    message: `The log cannot answer now (${error.code}). ${REMEDIES[error.code]}`,
    code: error.code.toUpperCase().replaceAll('-', '_'),
  };
}

/** No answer leaves before the event that says who asked is accepted. */
export function explainUnrecorded({ message, reason }: UnrecordedReadError): string {
  return `${message} (${reason.code}). ${REMEDIES[reason.code]}`;
}

/** An error as it is answered; one that was explained already stays as it is. */
export function explainError(error: unknown, report: Report): GraphQLError {
  const cause = causeOf(error);
  const place = error instanceof GraphQLError ? placeOf(error) : {};
  if (cause instanceof GraphQLError) {
    const { message } = error instanceof Error ? error : cause;
    return new GraphQLError(shorten(message), {
      ...place,
      extensions: { code: 'BAD_USER_INPUT', ...cause.extensions },
    });
  }
  const { message, code } = describe(cause);
  if (!isOfTheCaller(cause)) reportOnce(cause, report);
  return new GraphQLError(message, { ...place, extensions: { code } });
}

const reported = new WeakSet<object>();

/** One failure may be that of many fields: a loader asks for all of them. */
function reportOnce(cause: unknown, report: Report): void {
  if (typeof cause === 'object' && cause !== null) {
    if (reported.has(cause)) return;
    reported.add(cause);
  }
  report(cause);
}

/** The innermost error that GraphQL wrapped: a GraphQLError itself is the caller's mistake. */
function causeOf(error: unknown): unknown {
  return error instanceof GraphQLError && error.originalError ? causeOf(error.originalError) : error;
}

function placeOf({ nodes, source, positions, path }: GraphQLError) {
  return {
    ...(nodes && { nodes }),
    ...(source && { source }),
    ...(positions && { positions }),
    ...(path && { path }),
  };
}

/** A result with its errors explained. */
export function explainResult<T extends ExecutionResult>(result: T, report: Report): T {
  return result.errors ? { ...result, errors: result.errors.map((error) => explainError(error, report)) } : result;
}
