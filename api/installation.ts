// One installation, opened: its log, its engine, and what can be asked of it. The service puts HTTP before it; the command
// line uses it as it is when no service runs.
import {
  type DocumentNode,
  type ExecutionResult,
  execute,
  GraphQLError,
  parse,
  specifiedRules,
  validate,
} from 'graphql';
import type { Configuration } from '../engine/configuration/model.ts';
import { Engine } from '../engine/engine.ts';
import { systemClock } from '../ingest/clock.ts';
import { type ChangeLog, openChangeLog } from '../ingest/log.ts';
import { type ProducedReport, produceReport } from '../reports/produce.ts';
import type { Environment } from './environment.ts';
import { createRequestContext, type RequestContext, waitForDelivery } from './graphql/context.ts';
import { explainResult } from './graphql/errors.ts';
import { limitQuestion, MOST_TOKENS } from './graphql/limits.ts';
import { schema } from './graphql/schema.ts';
import { createReportSources, queryTextOf } from './report-sources.ts';
import { VERSION } from './version.ts';

/** How long a question waits for what was accepted just before it. */
const LONGEST_WAIT_MS = 15_000;

export class Installation {
  readonly log: ChangeLog;
  readonly engine: Engine;

  private constructor(log: ChangeLog, engine: Engine) {
    this.log = log;
    this.engine = engine;
  }

  /** Throws LogError: the data folder is in use, newer or not writable. */
  static async open(environment: Environment, configuration: Configuration): Promise<Installation> {
    const log = await openChangeLog({
      folder: environment.dataFolder,
      url: environment.clickHouseUrl,
      ownerUrl: environment.clickHouseOwnerUrl,
      database: environment.clickHouseDatabase,
      cluster: environment.clickHouseCluster,
    });
    try {
      return new Installation(log, await Engine.open(log.journal, configuration));
    } catch (error) {
      await log.close();
      throw error;
    }
  }

  context(viewer: string, signal?: AbortSignal): RequestContext {
    return createRequestContext(this.log, this.engine, viewer, signal);
  }

  /**
   * Answers a GraphQL operation in process, by everything accepted so far if that is delivered soon. Errors are explained
   * (graphql/errors.ts); `report` is given those that are no mistake of the caller.
   */
  async ask(
    query: string,
    variables: Record<string, unknown>,
    viewer: string,
    report: (error: unknown) => void = () => undefined,
  ): Promise<ExecutionResult> {
    await this.catchUp();
    return explainResult(await this.#execute(query, variables, viewer), report);
  }

  async #execute(query: string, variables: Record<string, unknown>, viewer: string): Promise<ExecutionResult> {
    let document: DocumentNode;
    try {
      document = parse(query, { maxTokens: MOST_TOKENS });
    } catch (error) {
      return { errors: [error instanceof GraphQLError ? error : new GraphQLError(String(error))] };
    }
    const errors = validate(schema, document, [...specifiedRules, limitQuestion]);
    if (errors.length > 0) return { errors };
    return execute({ schema, document, variableValues: variables, contextValue: this.context(viewer) });
  }

  /**
   * Waits until everything accepted is delivered, but not for a ClickHouse that is away: answers go up to the watermark
   * and say which.
   */
  async catchUp(): Promise<void> {
    await waitForDelivery(this.log, LONGEST_WAIT_MS);
  }

  /** Throws ReportParameterError and AnswerTooLargeError. */
  produceReport(
    name: string,
    parameters: Record<string, string>,
    viewer: string,
    signal?: AbortSignal,
  ): Promise<ProducedReport> {
    return produceReport(name, parameters, createReportSources(this.context(viewer, signal)), {
      producedAt: systemClock(),
      askedBy: viewer,
      company: this.engine.configuration.name,
      version: VERSION,
      queryText: queryTextOf(name, parameters),
    });
  }

  async close(): Promise<void> {
    await this.engine.idle();
    await this.log.close();
  }
}
