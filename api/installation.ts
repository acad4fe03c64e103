// One installation, opened: its log, its engine, and what can be asked of it. The service puts HTTP before it; the command
// line uses it as it is when no service runs.
import { type DocumentNode, execute, GraphQLError, parse, validate } from 'graphql';
import type { Configuration } from '../engine/configuration/model.ts';
import { Engine } from '../engine/engine.ts';
import { systemClock } from '../ingest/clock.ts';
import { type ChangeLog, openChangeLog } from '../ingest/log.ts';
import { type ProducedReport, produceReport } from '../reports/produce.ts';
import type { Environment } from './environment.ts';
import { createRequestContext, type RequestContext } from './graphql/context.ts';
import { schema } from './graphql/schema.ts';
import { createReportSources, queryTextOf } from './report-sources.ts';
import { VERSION } from './version.ts';

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
      database: environment.clickHouseDatabase,
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

  /** Answers a GraphQL operation in process, after everything accepted has been delivered. */
  async ask(query: string, variables: Record<string, unknown>, viewer: string): Promise<unknown> {
    await this.log.shipper.delivered(this.log.journal.size);
    let document: DocumentNode;
    try {
      document = parse(query);
    } catch (error) {
      return { errors: [error instanceof GraphQLError ? error : new GraphQLError(String(error))] };
    }
    const errors = validate(schema, document);
    if (errors.length > 0) return { errors };
    return execute({ schema, document, variableValues: variables, contextValue: this.context(viewer) });
  }

  /** Throws ReportParameterError. */
  produceReport(name: string, parameters: Record<string, string>, viewer: string): Promise<ProducedReport> {
    return produceReport(name, parameters, createReportSources(this.context(viewer)), {
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
