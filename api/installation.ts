// One installation, opened: its log, its engine, and what can be asked of it. The service puts HTTP before it; the command
// line uses it as it is when no service runs.
import type { ExecutionResult } from 'graphql';
import type { Configuration } from '../engine/configuration/model.ts';
import { Engine } from '../engine/engine.ts';
import type { Limits } from '../ingest/back-pressure.ts';
import type { ClickHouseTarget } from '../ingest/clickhouse/connect.ts';
import { systemClock } from '../ingest/clock.ts';
import { type ChangeLog, openChangeLog } from '../ingest/log.ts';
import { type ProducedReport, produceReport } from '../reports/produce.ts';
import type { Access } from './access/access.ts';
import { Alerts } from './alerts/alerts.ts';
import type { Destination } from './alerts/destination.ts';
import { createDestinations } from './alerts/destinations.ts';
import { type Alert, NO_ALERTS, readAlertSettings } from './alerts/settings.ts';
import { type Environment, logTargetOf } from './environment.ts';
import { callerError } from './graphql/builder.ts';
import { type Asking, createRequestContext, type RequestContext, waitForDelivery } from './graphql/context.ts';
import { explainResult, type Report } from './graphql/errors.ts';
import { isSubscription, readOperation } from './graphql/operation.ts';
import { schema } from './graphql/schema.ts';
import { Followers } from './live/followers.ts';
import { Metrics } from './metrics.ts';
import { Once } from './mutations/once.ts';
import { AddressCheck } from './outgoing/address-check.ts';
import { Feeds } from './push/feeds.ts';
import { type FeedSettings, readFeedSettings } from './push/settings.ts';
import { ReportingLines } from './queries/reporting-lines.ts';
import { executeRecorded } from './reads/execute.ts';
import { followRecorded, type Message } from './reads/follow.ts';
import { ReadRecorder } from './reads/recorder.ts';
import { recordReport } from './reads/report-read.ts';
import { createReportSources, queryTextOf } from './report-sources.ts';
import { VERSION } from './version.ts';

/** How long a question waits for what was accepted just before it. */
const LONGEST_WAIT_MS = 15_000;

const FOLLOWED_OVER_HTTP = 'A subscription is followed over HTTP, as server-sent events, while the service runs.';

/** A GraphQL operation as it was sent. */
export interface Operation {
  query: string;
  variables?: Record<string, unknown> | undefined;
  operationName?: string | undefined;
}

/** What is told to others. */
interface Telling {
  alerts: readonly Alert[];
  destinations: readonly Destination[];
  feeds: readonly FeedSettings[];
  check: AddressCheck;
}

/** Throws ConfigurationError. */
function readTelling({ alertsFile, feedsFile, mail, sendInside }: Environment): Telling {
  const check = new AddressCheck(sendInside);
  const settings = alertsFile === undefined ? NO_ALERTS : readAlertSettings(alertsFile, mail !== undefined);
  const destinations = createDestinations(settings.destinations, mail, check);
  const feeds = feedsFile === undefined ? [] : readFeedSettings(feedsFile);
  return { alerts: settings.alerts, destinations, feeds, check };
}

export class Installation {
  readonly log: ChangeLog;
  readonly engine: Engine;
  /** Accepts every read before its answer leaves. */
  readonly reads: ReadRecorder;
  readonly metrics: Metrics;
  /** Who follows the log now. */
  readonly followers = new Followers();
  /** Mutations with a key, each carried out once. */
  readonly once: Once;
  readonly lines: ReportingLines | undefined;
  /** Watched and told once they are started. */
  readonly alerts: Alerts;
  /** Sent once they are started. */
  readonly feeds: Feeds;
  /** Where its ClickHouse is, for those who open it a second time. */
  readonly clickHouse: ClickHouseTarget;

  private constructor(log: ChangeLog, engine: Engine, clickHouse: ClickHouseTarget, telling: Telling) {
    this.log = log;
    this.engine = engine;
    this.clickHouse = clickHouse;
    this.metrics = new Metrics(log, engine);
    const { managerAttribute } = engine.configuration.access;
    this.lines = managerAttribute === undefined ? undefined : new ReportingLines(managerAttribute);
    this.once = new Once(log.journal);
    this.reads = new ReadRecorder(log.journal, (events, seconds) => this.metrics.countReads(events, seconds));
    const context = (asking: Asking) => this.context(asking);
    const { alerts, destinations, feeds, check } = telling;
    this.alerts = new Alerts({ log, alerts, destinations, context });
    this.metrics.addAlerts(this.alerts);
    this.feeds = new Feeds({ log, feeds, check, context });
    this.metrics.addFeeds(this.feeds);
  }

  /** Throws LogError: the data folder is in use, newer or not writable; ConfigurationError: the file of the alerts or of the feeds is wrong. */
  static async open(environment: Environment, configuration: Configuration, limits?: Limits): Promise<Installation> {
    const clickHouse = logTargetOf(environment);
    const telling = readTelling(environment);
    const { partitionEvents } = configuration.retention;
    const log = await openChangeLog({ ...clickHouse, partitionEvents }, limits);
    try {
      const engine = await Engine.open(log.journal, configuration, () => log.pressure.admit());
      return new Installation(log, engine, clickHouse, telling);
    } catch (error) {
      await log.close();
      throw error;
    }
  }

  context(asking: Asking): RequestContext {
    return createRequestContext(this, asking);
  }

  /**
   * Answers a GraphQL operation in process, by everything accepted so far if that is delivered soon. Errors are explained
   * (graphql/errors.ts); `report` is given those that are no mistake of the caller.
   */
  async ask(
    query: string,
    variables: Record<string, unknown>,
    access: Access,
    report: Report = () => undefined,
  ): Promise<ExecutionResult> {
    await this.catchUp();
    return explainResult(await this.#execute(query, variables, this.context(access), report), report);
  }

  async #execute(
    query: string,
    variables: Record<string, unknown>,
    context: RequestContext,
    report: Report,
  ): Promise<ExecutionResult> {
    const operation = readOperation(query);
    if ('errors' in operation) return operation;
    const { document } = operation;
    if (isSubscription(query, undefined)) return { errors: [callerError(FOLLOWED_OVER_HTTP)] };
    const args = { schema, document, variableValues: variables, contextValue: context };
    return executeRecorded({ args, context, report });
  }

  /**
   * Waits until everything accepted is delivered, but not for a ClickHouse that is away: answers go up to the watermark
   * and say which.
   */
  async catchUp(): Promise<void> {
    await waitForDelivery(this.log, LONGEST_WAIT_MS);
  }

  /**
   * Follows what a subscription asks for, until nobody waits. `context` has `following`; errors are explained and are the last
   * message.
   */
  async *follow(
    operation: Operation,
    context: RequestContext,
    report: Report,
  ): AsyncGenerator<Message, void, undefined> {
    const { query, variables, operationName } = operation;
    const read = readOperation(query);
    if ('errors' in read) {
      yield { result: explainResult(read, report) };
      return;
    }
    const { document } = read;
    const args = { schema, document, operationName, variableValues: variables, contextValue: context };
    yield* followRecorded({ args, context, report });
  }

  /** Throws ReportParameterError, AnswerTooLargeError, ForbiddenError and, when it cannot be recorded, UnrecordedReadError. */
  produceReport(name: string, parameters: Record<string, string>, asking: Asking): Promise<ProducedReport> {
    const context = this.context(asking);
    return recordReport(context, name, parameters, () =>
      produceReport(name, parameters, createReportSources(context), {
        producedAt: systemClock(),
        askedBy: asking.viewer,
        company: this.engine.configuration.name,
        version: VERSION,
        queryText: queryTextOf(name, parameters),
      }),
    );
  }

  async close(): Promise<void> {
    await this.followers.close();
    await this.alerts.close();
    await this.feeds.close();
    this.log.pressure.stop();
    await this.engine.idle();
    await this.log.close();
  }
}
