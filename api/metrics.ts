// What a Prometheus may ask: how far the log is, how much is read and how long that takes to record. No name of a person,
// no value and no question's parameter is a label.
import { statSync } from 'node:fs';
import path from 'node:path';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Engine } from '../engine/engine.ts';
import type { ShipperState } from '../ingest/clickhouse/shipper.ts';
import type { ProposedEvent } from '../ingest/event.ts';
import { JOURNAL_FILE } from '../ingest/journal/writer.ts';
import type { ChangeLog } from '../ingest/log.ts';
import type { Alerts } from './alerts/alerts.ts';
import type { FeedState } from './push/feeds.ts';

const SHIPPER_STATES: readonly ShipperState[] = ['shipping', 'waiting-for-clickhouse', 'stopped'];
const PRESSURES = ['none', 'slow', 'hold', 'disk-low'] as const;
/** Seconds: a commit of reads takes a few milliseconds; what takes a tenth of a second waits for something else. */
const COMMIT_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];

export class Metrics {
  readonly #registry = new Registry();
  readonly #reads: Counter<'question' | 'outcome'>;
  readonly #commits: Histogram;
  readonly #runs: Counter<'agent' | 'profile' | 'result'>;

  constructor(log: ChangeLog, engine: Engine) {
    const registers = [this.#registry];
    this.#addLog(log);
    this.#addBacklog(log);
    this.#addCheckpoints(log);
    this.#reads = new Counter({
      name: 'metatrail_reads_total',
      help: 'Questions about data that were recorded, by question and by what became of them.',
      labelNames: ['question', 'outcome'],
      registers,
    });
    this.#commits = new Histogram({
      name: 'metatrail_read_commit_seconds',
      help: 'How long an answer waited until its read was accepted.',
      buckets: COMMIT_BUCKETS,
      registers,
    });
    this.#runs = new Counter({
      name: 'metatrail_runs_total',
      help: 'Runs of this process that are over, whoever or whatever started them, by their result.',
      labelNames: ['agent', 'profile', 'result'],
      registers,
    });
    engine.onRunOver(({ agent, profile, result }) => this.#runs.inc({ agent, profile, result }));
  }

  #addLog({ journal, shipper }: ChangeLog): void {
    this.#total('metatrail_events_accepted_total', 'Events that the journal accepted.', () => journal.size);
    this.#total(
      'metatrail_events_delivered_total',
      'Events that ClickHouse has: the watermark.',
      () => shipper.shipped,
    );
    this.#gauge('metatrail_journal_bytes', 'Size of the journal, state and keys: one SQLite file and its log.', () =>
      ['', '-wal'].reduce((sum, suffix) => sum + sizeOf(path.join(journal.folder, JOURNAL_FILE + suffix)), 0),
    );
    this.#gauge(
      'metatrail_journal_in_flight_events',
      'Events on their way to the writer.',
      () => journal.inFlight.events,
    );
    this.#states(
      'metatrail_shipper_state',
      'What the shipper does: 1 for its state.',
      SHIPPER_STATES,
      () => shipper.state,
    );
  }

  #addBacklog({ pressure }: ChangeLog): void {
    this.#gauge('metatrail_lag_events', 'Events accepted and not delivered.', () => pressure.lag.events);
    this.#gauge('metatrail_lag_seconds', 'Age of the oldest event not delivered.', () => pressure.lag.seconds);
    this.#states(
      'metatrail_pressure',
      'What the backlog does to runs: 1 for what it does.',
      PRESSURES,
      () => pressure.pressure,
    );
  }

  #addCheckpoints({ checkpoints, publication }: ChangeLog): void {
    new Gauge({
      name: 'metatrail_checkpoint_failing',
      help: 'What is done with checkpoints: 1 for what fails, signing them or sending them to a destination.',
      labelNames: ['what'],
      registers: [this.#registry],
      collect() {
        this.set({ what: 'signing' }, checkpoints.problem ? 1 : 0);
        for (const { destination, problem } of publication.status)
          this.set({ what: destination }, problem === undefined ? 0 : 1);
      },
    });
  }

  #gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.set(read());
      },
    });
  }

  /** A number that only grows and is counted elsewhere. */
  #total(name: string, help: string, read: () => number): void {
    new Counter({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }

  #states<State extends string>(name: string, help: string, all: readonly State[], read: () => State): void {
    new Gauge({
      name,
      help,
      labelNames: ['state'],
      registers: [this.#registry],
      collect() {
        const now = read();
        for (const state of all) this.set({ state }, state === now ? 1 : 0);
      },
    });
  }

  /** Occurrences that are not over, by alert: their names are the operator's, and no person's. */
  addAlerts(alerts: Pick<Alerts, 'countOpen'>): void {
    new Gauge({
      name: 'metatrail_alerts_open',
      help: 'Occurrences of alerts that are not over, by alert.',
      labelNames: ['alert'],
      registers: [this.#registry],
      collect() {
        for (const [alert, open] of alerts.countOpen()) this.set({ alert }, open);
      },
    });
  }

  /** How far behind each feed that is sent is. */
  addFeeds(feeds: { readonly states: readonly FeedState[] }): void {
    const add = (name: string, help: string, read: (state: FeedState) => number) =>
      new Gauge({
        name,
        help,
        labelNames: ['feed'],
        registers: [this.#registry],
        collect() {
          for (const state of feeds.states) this.set({ feed: state.name }, read(state));
        },
      });
    add('metatrail_feed_lag_events', 'Accepted events that the receiver of a feed does not have.', ({ lag }) => lag);
    add('metatrail_feed_failing', 'Whether a feed cannot be sent: 1 if so.', ({ problem }) =>
      Number(problem !== undefined),
    );
  }

  /** Reads were accepted, so long after they were handed over. */
  countReads(events: readonly ProposedEvent[], seconds: number): void {
    this.#commits.observe(seconds);
    for (const { outcome, values } of events)
      this.#reads.inc({ question: values.find(({ attribute }) => attribute === 'question')?.new ?? '', outcome });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** In Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
