// The one way of the pages to ask the service: POST graphql. The types of question and answer come from the operation's text.
import { type AnswerOf, nameOperation, type Operation, type QuestionOf } from './operation.ts';
import { request } from './request.ts';
import { asSentence, ServiceError } from './service-error.ts';

interface GraphqlError {
  message: string;
  extensions?: { code?: string };
}

interface GraphqlAnswer<Data> {
  data?: Data | null;
  errors?: GraphqlError[];
}

const SIGN_IN_CODES = new Set(['UNAUTHENTICATED', 'UNAUTHORIZED']);

/** By the name of the operation: put in by the build (vite.config.ts). */
declare const OPERATION_HASHES: Readonly<Record<string, string>>;

/** The service has the texts of all operations: it is told which one is asked by the SHA-256 of its text. */
function hashOf(text: string): string {
  const hash = OPERATION_HASHES[nameOperation(text) ?? ''];
  if (hash === undefined) throw new Error('An operation was not there when the application was built.');
  return hash;
}

/** The data of an answer without errors. Raises a ServiceError; AbortError when `signal` says so. */
export async function fetchGraphql<Document>(
  asked: Operation<Document>,
  variables: QuestionOf<Operation<Document>>,
  signal?: AbortSignal,
): Promise<AnswerOf<Operation<Document>>> {
  const response = await request('graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json, application/json' },
    body: JSON.stringify({ variables, extensions: { persistedQuery: { version: 1, sha256Hash: hashOf(asked.text) } } }),
    signal: signal ?? null,
  });
  const answer = await readAnswer<AnswerOf<Operation<Document>>>(response);
  const [error] = answer.errors ?? [];
  if (error !== undefined) {
    const failure = SIGN_IN_CODES.has(error.extensions?.code ?? '') ? 'sign-in' : 'answer';
    throw new ServiceError(failure, asSentence(error.message));
  }
  if (answer.data === undefined || answer.data === null) throw describeStatus(response);
  return answer.data;
}

async function readAnswer<Data>(response: Response): Promise<GraphqlAnswer<Data>> {
  try {
    const answer: GraphqlAnswer<Data> | null = await response.json();
    return answer ?? {};
  } catch (cause) {
    throw describeStatus(response, cause);
  }
}

function describeStatus(response: Response, cause?: unknown): ServiceError {
  const said = `${response.status} ${response.statusText}`.trim();
  return new ServiceError('answer', `The service answered ${said}, which is not an answer to a question.`, { cause });
}
