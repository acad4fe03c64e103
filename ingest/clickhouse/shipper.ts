// Moves accepted events from the journal to ClickHouse: in order, in batches, each exactly once.
// A batch is named by its log, range and content, so that ClickHouse drops a repetition; and the shipper compares what
// ClickHouse holds (comparison.ts) before it sends for the first time and after every outcome it is not sure of.
import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { asLogError, LogError } from '../errors.ts';
import { isInTime } from '../in-time.ts';
import type { Journal, JournalRow } from '../journal/journal.ts';
import { partitionEvents } from '../retention/tombstones.ts';
import { missingRows, refuseOtherLog, refuseWhileInserting } from './comparison.ts';
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
/** How long somebody waits who keeps others waiting. */
const LONGEST_WAIT_MS = 30_000;
/** How long a server may take over the last statement after `stop`; then the connection is cut, which loses nothing. */
const STOP_GRACE_MS = 5_000;
/** The facts of the data folder: the delivered watermark, and the end of the batch that a server was sent last. */
const WATERMARK = 'shipped';
const SENDING = 'sending';
/** Log and journal contradict each other: to accept more would make two logs of one. */
const CONTRADICTIONS = new Set(['clickhouse-ahead', 'clickhouse-different']);
/** Trying again cannot help. */
const FINAL = new Set([...CONTRADICTIONS, 'data-folder-newer']);

export type ShipperState = 'shipping' | 'waiting-for-clickhouse' | 'stopped';

/** Events were accepted, somebody waits for their delivery, or the shipper is to stop. */
type WakeReason = 'accepted' | 'awaited' | 'stop';

export class Shipper {
  readonly #journal: Journal;
  readonly #clickhouse: ClickHouse;
  readonly #insert: string;
  readonly #cut = new AbortController();
  #shipped: number;
  /** Where the batch ends that was sent last: as long as its outcome is not known, it is sent again as it was. */
  #sending: number;
  #prepared = false;
  /** ClickHouse is known to hold the events below the watermark and no others. */
  #certain = false;
  #stopping = false;
  #wake: ((reason: WakeReason) => void) | undefined;
  #loop: Promise<void> | undefined;
  #waiters: { size: number; resolve: () => void; reject: (error: LogError) => void }[] = [];
  readonly #listeners = new Set<() => void>();
  #problem: LogError | undefined;
  #halted: LogError | undefined;

  constructor(journal: Journal, clickhouse: ClickHouse) {
    this.#journal = journal;
    this.#clickhouse = clickhouse;
    this.#shipped = Number(journal.fact(WATERMARK) ?? 0);
    this.#sending = Number(journal.fact(SENDING) ?? 0);
    const columns = INSERTED_COLUMNS.map((column) => `\`${column}\``).join(', ');
    this.#insert = `INSERT INTO events (${columns}) SETTINGS insert_deduplication_token = {TOKEN}, deduplicate_blocks_in_dependent_materialized_views = 1, async_insert = 0, input_format_skip_unknown_fields = 1 FORMAT JSONEachRow`;
  }

  /** The delivered watermark: all events below this sequence are in ClickHouse. */
  get shipped(): number {
    return this.#shipped;
  }

  get state(): ShipperState {
    if (!this.problem) return 'shipping';
    return isFinal(this.problem) ? 'stopped' : 'waiting-for-clickhouse';
  }

  /** What stands in the way, if anything. */
  get problem(): LogError | undefined {
    return this.#halted ?? this.#problem;
  }

  /** Somebody else found that ClickHouse contradicts the journal: nothing is shipped or accepted any more. */
  halt(problem: LogError): void {
    this.#halted = problem;
    this.#noteProblem(problem);
    this.#wake?.('stop');
  }

  /**
   * Brings the tables up to this program's version and compares what ClickHouse holds with the journal, which accepts
   * nothing more when they contradict each other; done by the loop where it was not possible before.
   */
  async prepare(): Promise<void> {
    if (!this.#prepared) await migrateClickHouse(this.#clickhouse, partitionEvents(this.#journal));
    this.#prepared = true;
    if (this.#certain) return;
    try {
      await refuseWhileInserting(this.#clickhouse, this.#journal.log, this.#cut.signal);
      await refuseOtherLog(this.#clickhouse, this.#journal, this.#shipped, this.#cut.signal);
    } catch (error) {
      this.#noteProblem(error);
      throw error;
    }
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
    if (this.problem && !this.problem.retryable) return Promise.reject(this.problem);
    if (this.#stopping) return Promise.reject(stoppedEarly());
    return new Promise((resolve, reject) => {
      this.#waiters.push({ size, resolve, reject });
      this.#wake?.('awaited');
    });
  }

  /** Calls back whenever the watermark has moved, which it does not hurry. Returns how to stop that. */
  onDelivered(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * As `delivered`, but not for a ClickHouse that is away: meanwhile nothing else could run. Rejects after half a minute with what
   * stands in the way.
   */
  async deliveredSoon(size: number): Promise<void> {
    if (await isInTime(this.delivered(size), LONGEST_WAIT_MS)) return;
    throw (
      this.problem ??
      new LogError('clickhouse-away', 'ClickHouse does not have all that was accepted.', { retryable: true })
    );
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
    while (!this.#stopping && !this.#halted) {
      try {
        const moved = await this.#shipOnce();
        this.#problem = undefined;
        pause = FIRST_PAUSE_MS;
        if (!moved) await this.#pause(LONGEST_PAUSE_MS, 'accepted');
        else if (this.#waiters.length === 0 && this.#journal.size - this.#shipped < GATHER_EVENTS) {
          await this.#pause(GATHER_MS, 'awaited');
        }
      } catch (error) {
        if (isFinal(this.#noteProblem(error))) return;
        await this.#pause(pause, 'stop');
        pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
      }
    }
  }

  /** From here on ClickHouse is asked again what it holds; where that cannot help, nothing more is accepted. */
  #noteProblem(error: unknown): LogError {
    const problem = asLogError(error, 'Shipping failed');
    this.#certain = false;
    this.#problem = problem;
    if (!problem.retryable) this.#rejectWaiters(problem);
    if (CONTRADICTIONS.has(problem.code)) this.#journal.refuse(problem);
    return problem;
  }

  /** Ships one batch; false when there is nothing to ship. */
  async #shipOnce(): Promise<boolean> {
    await this.prepare();
    const rows = this.#nextBatch();
    const [first] = rows;
    if (!first) {
      this.#certain = true;
      return false;
    }
    const next = first.sequence + rows.length;
    await this.#announce(next);
    if (this.#certain) await this.#send(rows);
    else await this.#sendMissing(rows);
    await this.#noteErased(first.sequence, next);
    await this.#remember(next);
    return true;
  }

  #nextBatch(): JournalRow[] {
    // Into two partitions or two shards it would be two blocks, so a batch ends where one of them does.
    const rangeEvents = Math.min(this.#clickhouse.rangeEvents, partitionEvents(this.#journal));
    const room = rangeEvents - (this.#shipped % rangeEvents);
    const before = this.#sending > this.#shipped ? this.#sending - this.#shipped : BATCH_EVENTS;
    return this.#journal.rows(this.#shipped, Math.min(BATCH_EVENTS, before, room), BATCH_BYTES);
  }

  /**
   * Keeps where the batch ends before it is sent. A server may take an insert up long after we gave up on it, or died: the
   * same batch sent again has the same token, and only one of the two is kept; a larger one would be there beside it.
   */
  async #announce(next: number): Promise<void> {
    // The embedded engine ends with this process, and its inserts with it.
    if (!this.#clickhouse.embedded && this.#sending !== next) await this.#journal.setFact(SENDING, String(next));
    this.#sending = next;
  }

  /**
   * Sends what ClickHouse does not hold of a batch, and looks whether it does then. Where power failed, ClickHouse may
   * know the token of rows that it lost, and drop them as a repetition; they are sent under another one.
   */
  async #sendMissing(rows: readonly JournalRow[]): Promise<void> {
    const missing = await missingRows(this.#clickhouse, rows, this.#cut.signal);
    // As long as ClickHouse holds whole batches that were not remembered, the next one is compared as well.
    if (missing.length === 0) return;
    await this.#send(missing);
    this.#certain = false;
    const dropped = await missingRows(this.#clickhouse, rows, this.#cut.signal);
    if (dropped.length > 0) await this.#send(dropped, `:${randomUUID()}`);
    // Where one batch was lost, the next may be as well.
    this.#certain = dropped.length === 0;
  }

  async #send(rows: readonly JournalRow[], again = ''): Promise<void> {
    const lines = rows.map(({ row }) => row).join('\n');
    const hash = createHash('sha256').update(lines).digest('hex');
    const token = `${this.#journal.log}:${rows[0]?.sequence}-${rows.at(-1)?.sequence}:${hash}${again}`;
    this.#certain = false;
    await this.#clickhouse.insert(this.#insert.replace('{TOKEN}', `'${token}'`), lines, this.#cut.signal);
    this.#certain = true;
  }

  /** An erased row is sent, or may be held, without its commitments: they are put in when erasures are settled. */
  async #noteErased(from: number, to: number): Promise<void> {
    if (this.#journal.isErasedWithin(from, to)) await this.#journal.workOnErasure({ kind: 'unsettled', from, to });
  }

  async #remember(shipped: number): Promise<void> {
    await this.#journal.setFact(WATERMARK, String(shipped));
    this.#shipped = shipped;
    this.#problem = undefined;
    const waiters = this.#waiters;
    this.#waiters = waiters.filter((waiter) => waiter.size > shipped);
    for (const waiter of waiters) if (waiter.size <= shipped) waiter.resolve();
    for (const listener of this.#listeners) listener();
  }

  #rejectWaiters(problem: LogError): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(problem);
  }

  /** Sleeps; to stop ends it at once, and where it waits for events, so does the next accepted batch. */
  async #pause(milliseconds: number, until: WakeReason): Promise<void> {
    if (this.#stopping || this.#halted) return;
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

function stoppedEarly(): LogError {
  return new LogError('clickhouse-away', 'The service was stopped before these events were delivered.', {
    retryable: true,
  });
}
