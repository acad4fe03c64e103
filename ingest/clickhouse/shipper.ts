// Moves accepted events from the journal to ClickHouse: in order, in batches, each exactly once.
// A batch is named by its log, range and content, so that ClickHouse drops a repetition; and the shipper compares what
// ClickHouse holds (comparison.ts) before it sends for the first time and after every outcome it is not sure of.
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { LogError } from '../errors.ts';
import type { Journal, JournalRow } from '../journal/journal.ts';
import { missingRows, refuseOtherLog } from './comparison.ts';
import type { ClickHouse } from './connect.ts';
import { migrateClickHouse } from './migrate.ts';
import { INSERTED_COLUMNS } from './rows.ts';

/** Below ClickHouse's block size, so that an insert is one block and thus all or nothing. */
const BATCH_EVENTS = 20_000;
const BATCH_BYTES = 16 * 1024 * 1024;
/** Each insert costs ClickHouse a part, its projections and their merges: fewer events than this wait a little for more. */
const GATHER_EVENTS = 5_000;
const GATHER_MS = 750;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 30_000;
/** How long a server may take over the last statement after `stop`; then the connection is cut, which loses nothing. */
const STOP_GRACE_MS = 5_000;
const WATERMARK = 'shipped';
/** These say that log and journal contradict each other, or that there is no journal: trying again cannot help. */
const FINAL = new Set(['clickhouse-ahead', 'clickhouse-different', 'data-folder-newer']);

export type ShipperState = 'shipping' | 'waiting-for-clickhouse' | 'stopped';

/** Events were accepted, somebody waits for their delivery, or the shipper is to stop. */
type WakeReason = 'accepted' | 'awaited' | 'stop';

export class Shipper {
  readonly #journal: Journal;
  readonly #clickhouse: ClickHouse;
  readonly #insert: string;
  readonly #cut = new AbortController();
  #shipped: number;
  #prepared = false;
  /** ClickHouse is known to hold the events below the watermark and no others. */
  #certain = false;
  #stopping = false;
  #wake: ((reason: WakeReason) => void) | undefined;
  #loop: Promise<void> | undefined;
  #waiters: { size: number; resolve: () => void; reject: (error: LogError) => void }[] = [];
  #problem: LogError | undefined;

  constructor(journal: Journal, clickhouse: ClickHouse) {
    this.#journal = journal;
    this.#clickhouse = clickhouse;
    this.#shipped = Number(journal.fact(WATERMARK) ?? 0);
    const columns = INSERTED_COLUMNS.map((column) => `\`${column}\``).join(', ');
    this.#insert = `INSERT INTO events (${columns}) SETTINGS insert_deduplication_token = {TOKEN}, deduplicate_blocks_in_dependent_materialized_views = 1, async_insert = 0 FORMAT JSONEachRow`;
  }

  /** The delivered watermark: all events below this sequence are in ClickHouse. */
  get shipped(): number {
    return this.#shipped;
  }

  get state(): ShipperState {
    if (!this.#problem) return 'shipping';
    return isFinal(this.#problem) ? 'stopped' : 'waiting-for-clickhouse';
  }

  /** What stands in the way, if anything. */
  get problem(): LogError | undefined {
    return this.#problem;
  }

  /** Brings the tables up to this program's version; done by the loop where it was not possible before. */
  async prepare(): Promise<void> {
    if (this.#prepared) return;
    await migrateClickHouse(this.#clickhouse);
    this.#prepared = true;
  }

  start(): void {
    const unsubscribe = this.#journal.onAccepted(() => this.#wake?.('accepted'));
    this.#loop = this.#run().finally(unsubscribe);
  }

  /**
   * Resolves when all events below `size` are in ClickHouse. Rejects with the LogError that stands in the way when
   * waiting alone does not remove it, and when the shipper is stopped before.
   */
  delivered(size: number): Promise<void> {
    if (this.#shipped >= size) return Promise.resolve();
    if (this.#problem && !this.#problem.retryable) return Promise.reject(this.#problem);
    if (this.#stopping) return Promise.reject(stoppedEarly());
    return new Promise((resolve, reject) => {
      this.#waiters.push({ size, resolve, reject });
      this.#wake?.('awaited');
    });
  }

  /** Ends after the batch under way, or when a server does not answer in five seconds, without it. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wake?.('stop');
    // The embedded engine cannot be cut off: its connection must not be closed while it works.
    const timer = setTimeout(() => !this.#clickhouse.embedded && this.#cut.abort(), STOP_GRACE_MS);
    await this.#loop;
    clearTimeout(timer);
    this.#rejectWaiters(stoppedEarly());
  }

  async #run(): Promise<void> {
    let pause = FIRST_PAUSE_MS;
    while (!this.#stopping) {
      try {
        const moved = await this.#shipOnce();
        this.#problem = undefined;
        pause = FIRST_PAUSE_MS;
        if (!moved) await this.#pause(LONGEST_PAUSE_MS, 'accepted');
        else if (this.#waiters.length === 0 && this.#journal.size - this.#shipped < GATHER_EVENTS) {
          await this.#pause(GATHER_MS, 'awaited');
        }
      } catch (error) {
        this.#certain = false;
        this.#problem = asLogError(error);
        if (!this.#problem.retryable) this.#rejectWaiters(this.#problem);
        if (isFinal(this.#problem)) return;
        await this.#pause(pause, 'stop');
        pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
      }
    }
  }

  /** Ships one batch; false when there is nothing to ship. */
  async #shipOnce(): Promise<boolean> {
    const { signal } = this.#cut;
    await this.prepare();
    if (!this.#certain) await refuseOtherLog(this.#clickhouse, this.#journal, this.#shipped, signal);
    const rows = this.#nextBatch();
    const [first] = rows;
    if (!first) {
      this.#certain = true;
      return false;
    }
    const missing = this.#certain ? rows : await missingRows(this.#clickhouse, rows, signal);
    // As long as ClickHouse holds whole batches that were not remembered, the next one is compared as well.
    if (missing.length > 0) await this.#send(missing);
    await this.#remember(first.sequence + rows.length);
    return true;
  }

  #nextBatch(): JournalRow[] {
    // Into two partitions or two shards it would be two blocks, so a batch ends where one of them does.
    const { rangeEvents } = this.#clickhouse;
    const room = rangeEvents - (this.#shipped % rangeEvents);
    return this.#journal.rows(this.#shipped, Math.min(BATCH_EVENTS, room), BATCH_BYTES);
  }

  async #send(rows: readonly JournalRow[]): Promise<void> {
    const lines = rows.map(({ row }) => row).join('\n');
    const hash = createHash('sha256').update(lines).digest('hex');
    const token = `${this.#journal.log}:${rows[0]?.sequence}-${rows.at(-1)?.sequence}:${hash}`;
    this.#certain = false;
    await this.#clickhouse.insert(this.#insert.replace('{TOKEN}', `'${token}'`), lines, this.#cut.signal);
    this.#certain = true;
  }

  async #remember(shipped: number): Promise<void> {
    await this.#journal.setFact(WATERMARK, String(shipped));
    this.#shipped = shipped;
    this.#problem = undefined;
    const waiters = this.#waiters;
    this.#waiters = waiters.filter((waiter) => waiter.size > shipped);
    for (const waiter of waiters) if (waiter.size <= shipped) waiter.resolve();
  }

  #rejectWaiters(problem: LogError): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(problem);
  }

  /** Sleeps; to stop ends it at once, and where it waits for events, so does the next accepted batch. */
  async #pause(milliseconds: number, until: WakeReason): Promise<void> {
    if (this.#stopping) return;
    if (until === 'accepted' && this.#shipped < this.#journal.size) return;
    const cut = new AbortController();
    this.#wake = (reason) => {
      if (reason === 'stop' || reason === until) cut.abort();
    };
    await sleep(milliseconds, undefined, { signal: cut.signal }).catch(() => undefined);
    this.#wake = undefined;
  }
}

function isFinal(problem: LogError): boolean {
  return FINAL.has(problem.code) || (problem.code.startsWith('journal-') && !problem.retryable);
}

function asLogError(error: unknown): LogError {
  if (error instanceof LogError) return error;
  const said = `Shipping failed: ${error instanceof Error ? error.message : String(error)}.`;
  return new LogError('journal-failed', said, { cause: error });
}

function stoppedEarly(): LogError {
  return new LogError('clickhouse-away', 'The service was stopped before these events were delivered.', {
    retryable: true,
  });
}
