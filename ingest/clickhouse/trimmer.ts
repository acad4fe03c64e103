// Trims the journal: rows that a checkpoint was signed over and that ClickHouse holds as the journal does, each of them read
// back and compared, go when they are old enough. Their leaves stay in the tiles. Slow on purpose: it has all day, and
// shipping and questions have not.
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { type Clock, type Micros, parseInstant, systemClock } from '../clock.ts';
import { asLogError, LogError } from '../errors.ts';
import type { Journal, JournalRow } from '../journal/journal.ts';
import { expiredOf } from '../retention/tombstones.ts';
import { compareRows } from './comparison.ts';
import type { ClickHouse } from './connect.ts';
import type { Shipper } from './shipper.ts';

/** The newest rows stay whatever their age: some batches of the shipper, so that what it may have to compare is there. */
export const KEPT_ROWS = 100_000;
/**
 * Days that a row stays unless told otherwise: as long as it is there, `recover` brings back what a ClickHouse restored from
 * a backup lacks. Backups older than a month are seldom what one restores.
 */
export const KEPT_DAYS = 30;
const DAY: Micros = 86_400_000_000;
/** Rows of one comparison: some 100 ms of one connection. */
const COMPARED_AT_ONCE = 5_000;
/** The pace: between two comparisons, so that it takes at most about a third of one connection's time. */
const PAUSE_MS = 250;
const INTERVAL_MS = 600_000;
/** As long as more events than this wait to be shipped, nothing is compared. */
const BUSY_EVENTS = 20_000;

export interface TrimRules {
  keepDays: number;
  keepRows?: number;
  clock?: Clock;
}

export interface TrimmedParts {
  journal: Journal;
  clickhouse: ClickHouse;
  shipper: Pick<Shipper, 'shipped' | 'halt'>;
  /** The number of events that the newest checkpoint, verified, is signed over. */
  checkpointed: () => number;
}

export class Trimmer {
  readonly #parts: TrimmedParts;
  readonly #rules: Required<TrimRules>;
  readonly #cut = new AbortController();
  #problem: LogError | undefined;
  #loop: Promise<void> | undefined;

  constructor(parts: TrimmedParts, { keepDays, keepRows = KEPT_ROWS, clock = systemClock }: TrimRules) {
    this.#parts = parts;
    this.#rules = { keepDays, keepRows, clock };
  }

  /** What kept it from trimming last, if anything. */
  get problem(): LogError | undefined {
    return this.#problem;
  }

  start(): void {
    this.#loop = this.#run();
  }

  /** Ends after the comparison under way. */
  async stop(): Promise<void> {
    this.#cut.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#cut.signal.aborted) {
      try {
        await this.trimOnce();
        this.#problem = undefined;
      } catch (error) {
        const problem = asLogError(error, 'The journal cannot be trimmed');
        this.#problem = problem;
        if (problem.code === 'clickhouse-different' && !this.#cut.signal.aborted)
          return this.#parts.shipper.halt(problem);
      }
      await this.#pause(INTERVAL_MS);
    }
  }

  /**
   * Trims all that may go now, a range at a time, and returns the first sequence whose row is left. Throws LogError:
   * clickhouse-different when ClickHouse does not hold what it was delivered.
   */
  async trimOnce(): Promise<number> {
    const { journal } = this.#parts;
    const oldest = this.#rules.clock() - this.#rules.keepDays * DAY;
    let first = journal.firstRow;
    while (!this.#cut.signal.aborted && !this.#isExpiring(first)) {
      const limit = Math.min(this.#limit(), first + COMPARED_AT_ONCE);
      const rows = first < limit ? journal.rows(first, limit - first) : [];
      const next = rows.find(({ row }) => recordedAt(row) > oldest)?.sequence ?? limit;
      const old = rows.slice(0, next - first);
      if (old.length === 0) return first;
      if (await this.#isHeld(old)) {
        const left = await journal.trim(next);
        // What is left then is in the tile that is not full.
        if (left === first) return first;
        await this.#pause(PAUSE_MS);
      }
      first = journal.firstRow;
    }
    return first;
  }

  /** Of an expiry that is not at its end the journal still has the rows, and takes them away itself. */
  #isExpiring(first: number): boolean {
    return first < (expiredOf(this.#parts.journal)?.below ?? 0);
  }

  /**
   * Whether ClickHouse holds these rows; not, when somebody erased them or let them go while it was asked. Throws LogError
   * clickhouse-different when it does not hold what it was delivered.
   */
  async #isHeld(rows: readonly JournalRow[]): Promise<boolean> {
    const { journal, clickhouse } = this.#parts;
    const first = rows[0]?.sequence ?? 0;
    try {
      const held = await compareRows(clickhouse, rows, this.#cut.signal);
      if (held === rows.length) return true;
      throw new LogError(
        'clickhouse-different',
        `ClickHouse does not hold event ${first + held}, which was delivered.`,
      );
    } catch (error) {
      const isGone = this.#isExpiring(first) || journal.firstRow > first;
      if (isGone || !isDeepStrictEqual(journal.rows(first, rows.length), rows)) return false;
      throw error;
    }
  }

  #limit(): number {
    const { journal, shipper, checkpointed } = this.#parts;
    if (journal.size - shipper.shipped > BUSY_EVENTS) return 0;
    return Math.min(checkpointed(), shipper.shipped, journal.size - this.#rules.keepRows);
  }

  async #pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.#cut.signal, ref: false }).catch(() => undefined);
  }
}

const timeSchema = z.object({ recorded_at: z.string() });

function recordedAt(row: string): Micros {
  const { recorded_at } = timeSchema.parse(JSON.parse(row));
  return parseInstant(recorded_at) ?? Number.POSITIVE_INFINITY;
}
