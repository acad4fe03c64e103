// Executes a GraphQL operation and accepts, before its answer leaves, that it was asked: the one home of this, for the
// service and for the command line that opens the data folder itself. A mutation that was carried out left an event of its
// own; one that was not, or had nothing to do, is a read.
import { type ExecutionArgs, type ExecutionResult, execute, type GraphQLError, OperationTypeNode } from 'graphql';
import { checkMayAsk, checkMayDo, ForbiddenError } from '../access/questions.ts';
import { forbidden } from '../graphql/builder.ts';
import type { RequestContext } from '../graphql/context.ts';
import { explainError, explainResult, type Report } from '../graphql/errors.ts';
import { refuseCostly } from '../graphql/estimate.ts';
import { describeGone } from '../queries/context.ts';
import type { ReadOutcome } from '../queries/reads.ts';
import { describeSight } from '../queries/sight.ts';
import { traced } from '../traces.ts';
import { type Asked, type Question, questionsOf, rootFieldsOf } from './questions.ts';
import { asObjectId, type Read, readEvent } from './read-event.ts';

export interface RecordedExecution {
  args: ExecutionArgs;
  context: RequestContext;
  /** Given what is no mistake of the caller. */
  report: Report;
}

/** The answer with its errors explained; without any data when the read cannot be recorded, or nobody waits for it. */
export function executeRecorded(execution: RecordedExecution): Promise<ExecutionResult> {
  const { args, context } = execution;
  const asked = {
    schema: args.schema,
    document: args.document,
    operationName: args.operationName,
    variables: args.variableValues ?? {},
  };
  const { kind, fields } = rootFieldsOf(asked);
  // By the names of the schema: what whoever asks calls their operation is theirs.
  return traced(`${kind} ${fields.join(' ')}`, { 'graphql.operation.type': kind }, async (span) => {
    const result = await answer(asked, execution);
    const { statements, rowsRead } = context.cost.describe();
    span.setAttributes({ 'metatrail.statements': statements, 'metatrail.rows_read': rowsRead });
    return result;
  });
}

async function answer(asked: Asked, { args, context, report }: RecordedExecution): Promise<ExecutionResult> {
  const questions = questionsOf(asked);
  const refused = refusalOf(asked, context);
  const result = refused ? { data: null, errors: [refused] } : explainResult(await execute(args), report);
  // Without `data` it was not carried out at all: a variable does not fit.
  if (result.data === undefined) return result;
  // Whoever cancelled has seen nothing, and nothing is sent any more: no read.
  if (context.queries.signal?.aborted) return { data: null };
  try {
    const told = questions.filter(({ key }) => !context.ownEvents.has(key));
    const reads = await Promise.all(told.map((question) => readOf(question, result, context)));
    await context.reads.record(reads.map(readEvent));
    return { ...result, extensions: { ...result.extensions, ...extensionsOf(context) } };
  } catch (error) {
    return { errors: [explainError(error, report)] };
  }
}

/** Each answer says how far it goes, what has expired, what whoever asks does not see and what it cost, also one that is a list or a number. */
export function extensionsOf({ queries, cost }: RequestContext): Record<string, unknown> {
  const gone = describeGone(queries);
  return {
    watermark: queries.watermark,
    ...(gone !== undefined && { gone }),
    ...describeSight(queries.sight),
    cost: cost.describe(),
  };
}

/** Nothing of an operation is carried out when a part of it is not allowed, or when it could give too much. */
export function refusalOf(asked: Asked, { access }: RequestContext): GraphQLError | undefined {
  const { kind, fields } = rootFieldsOf(asked);
  try {
    for (const field of fields) (kind === OperationTypeNode.MUTATION ? checkMayDo : checkMayAsk)(access, field);
    return refuseCostly(asked);
  } catch (error) {
    if (!(error instanceof ForbiddenError)) throw error;
    return forbidden(error);
  }
}

export async function readOf(question: Question, result: ExecutionResult, context: RequestContext): Promise<Read> {
  const { key, field, fields, parameters } = question;
  // An error that takes the whole answer away is that of all its questions.
  const errors = (result.errors ?? []).filter(({ path }) => result.data === null || path?.[0] === key);
  const answer: unknown = result.data?.[key];
  const isAnswered = errors.length === 0 || (answer !== null && answer !== undefined);
  return {
    viewer: context.viewer,
    address: context.address,
    reason: context.access.reason,
    through: context.access.through,
    question: field,
    fields,
    parameters,
    outcome: isAnswered ? 'answered' : outcomeOf(errors),
    error: errors[0] && codeOf(errors[0]),
    object: await subjectOf(question, context),
    ...(isAnswered && { rows: question.countRows(answer) }),
    watermark: context.queries.watermark,
  };
}

/** Codes of errors that are whoever asked's to put right. */
const REFUSALS = new Set([
  ...['BAD_USER_INPUT', 'ANSWER_TOO_LARGE', 'COST_LIMIT', 'UNAUTHENTICATED', 'FORBIDDEN', 'ALREADY_DONE'],
  ...['ERASURE_REFUSED', 'CERTIFICATE_REFUSED', 'HOLD_UNKNOWN', 'RETENTION_UNSET'],
]);

function outcomeOf(errors: readonly GraphQLError[]): ReadOutcome {
  return errors.every(({ extensions }) => REFUSALS.has(String(extensions.code))) ? 'refused' : 'failed';
}

/** `CLICKHOUSE_AWAY` as `clickhouse-away`: names of errors are written so in the log. */
function codeOf({ extensions }: GraphQLError): string {
  return String(extensions.code).toLowerCase().replaceAll('_', '-');
}

/** The parameter that names the one object which a question is about. */
const SUBJECTS: Readonly<Record<string, string>> = {
  node: 'id',
  object: 'id',
  holders: 'entitlement',
  nestedHolders: 'entitlement',
  changes: 'filter/object',
  followChanges: 'filter/object',
  erasurePlan: 'object',
  erase: 'object',
  addHold: 'object',
  reads: 'filter/object',
};

async function subjectOf({ field, parameters }: Question, { events }: RequestContext): Promise<string | undefined> {
  const given = (name: string | undefined) => parameters.find((parameter) => parameter.name === name)?.text;
  if (field === 'change') {
    const sequence = Number(given('sequence'));
    // It was loaded for the answer; a log that could not answer then is not asked again.
    const event = Number.isNaN(sequence) ? undefined : await events.load(sequence).catch(() => undefined);
    return event?.object;
  }
  return asObjectId(given(SUBJECTS[field]) ?? '');
}
