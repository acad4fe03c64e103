// Carries out an operation that follows something. A subscription is a read: that it was asked for is accepted before the first
// message leaves. How much was told by it is accepted after each stretch, before anything of the next one leaves, and at its end: a
// stretch is a thousand rows or ten minutes, so that neither a busy log nor a day of silence fills the log with reads.
import { createSourceEventStream, type ExecutionResult, execute } from 'graphql';
import type { RequestContext } from '../graphql/context.ts';
import { explainError, explainResult, type Report } from '../graphql/errors.ts';
import { Told } from '../live/told.ts';
import { extensionsOf, type RecordedExecution, readOf, refusalOf } from './execute.ts';
import { type Question, questionsOf } from './questions.ts';
import { readEvent } from './read-event.ts';

const STRETCH_ROWS = 1000;
const STRETCH_MS = 600_000;

/** One message, and the sequence to continue from after it, where there is one. */
export interface Message {
  result: ExecutionResult;
  next?: number | undefined;
}

/** Messages with their errors explained; an error is the last one. */
export async function* followRecorded({
  args,
  context,
  report,
}: RecordedExecution): AsyncGenerator<Message, void, undefined> {
  const { schema, document, operationName, variableValues: variables = {} } = args;
  const asked = { schema, document, operationName, variables: variables ?? {} };
  const [question] = questionsOf(asked);
  const refused = refusalOf(asked, context);
  const stream = refused ? { errors: [refused] } : await createSourceEventStream({ ...args, contextValue: context });
  const account = question && new Account(question, context, report);
  try {
    if (!(Symbol.asyncIterator in stream)) {
      const result = explainResult({ ...stream, data: null }, report);
      if (account) await account.refuse(result);
      yield { result };
      return;
    }
    await account?.begin();
    for await (const told of stream) {
      if (!(told instanceof Told)) throw new Error('What is followed gave something that cannot be told.');
      const next = { ...args, rootValue: told, contextValue: told.context };
      const result = explainResult(await execute(next), report);
      await account?.add(result, told.context);
      yield { result: { ...result, extensions: extensionsOf(told.context) }, next: told.next };
    }
  } catch (error) {
    yield { result: { errors: [explainError(error, report)] } };
  } finally {
    await account?.end().catch(report);
  }
}

/** How much one subscription was told. */
class Account {
  readonly #question: Question;
  readonly #report: Report;
  #context: RequestContext;
  #rows = 0;
  #isOpen = false;
  #stretch: NodeJS.Timeout | undefined;

  constructor(question: Question, context: RequestContext, report: Report) {
    this.#question = question;
    this.#context = context;
    this.#report = report;
  }

  /** Throws UnrecordedReadError, as the others do: then nothing may be told. */
  async begin(): Promise<void> {
    await this.#record();
    this.#isOpen = true;
  }

  async refuse(result: ExecutionResult): Promise<void> {
    const read = await readOf(this.#question, result, this.#context);
    await this.#context.reads.record([readEvent(read)]);
  }

  /** Before these rows leave. */
  async add(result: ExecutionResult, context: RequestContext): Promise<void> {
    const rows = this.#question.countRows(result.data?.[this.#question.key]);
    if (this.#rows > 0 && this.#rows + rows > STRETCH_ROWS) await this.#record();
    this.#context = context;
    this.#rows += rows;
    if (this.#rows > 0) this.#stretch ??= setTimeout(() => void this.#record().catch(this.#report), STRETCH_MS);
  }

  async end(): Promise<void> {
    clearTimeout(this.#stretch);
    if (this.#isOpen && this.#rows > 0) await this.#record();
    this.#isOpen = false;
  }

  async #record(): Promise<void> {
    const rows = this.#rows;
    this.#rows = 0;
    clearTimeout(this.#stretch);
    this.#stretch = undefined;
    const read = await readOf(this.#question, { data: {} }, this.#context);
    await this.#context.reads.record([readEvent({ ...read, rows })]);
  }
}
