// Trims the journal: rows that a checkpoint was signed over and that ClickHouse holds as the journal does, each of them read
// back and compared, go when they are old enough. Their leaves stay in the tiles.
import { z } from 'zod';
import { type Clock, type Micros, parseInstant, systemClock } from '../clock.ts';
import type { LogError } from '../errors.ts';
import type { Journal } from '../journal/journal.ts';
import { expiredOf } from '../retention/tombstones.ts';
import { holdsDelivered } from './comparison.ts';
import type { ClickHouse } from './connect.ts';
import { COMPARED_AT_ONCE, isBusy, PAUSE_MS, Rounds } from './rounds.ts';
import type { Shipper } from './shipper.ts';

/** The newest rows stay whatever their age: some batches of the shipper, so that what it may have to compare is there. */
export const KEPT_ROWS = 100_000;
/**
 * Days that a row stays unless told otherwise: as long as it is there, `recover` brings back what a ClickHouse restored from
 * a backup lacks. Backups older than a month are seldom what one restores.
 */
export const KEPT_DAYS = 30;
const DAY: Micros = 86_400_000_000;
const INTERVAL_MS = 600_000;
const PACE = { afterMs: 0, everyMs: INTERVAL_MS, againMs: INTERVAL_MS };

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
  readonly #rounds = new Rounds('The journal cannot be trimmed');

  constructor(parts: TrimmedParts, { keepDays, keepRows = KEPT_ROWS, clock = systemClock }: TrimRules) {
    this.#parts = parts;
    this.#rules = { keepDays, keepRows, clock };
  }

  /** What kept it from trimming last, if anything. */
  get problem(): LogError | undefined {
    return this.#rounds.problem;
  }

  start(): void {
    this.#rounds.start(() => this.trimOnce(), PACE, this.#parts.shipper);
  }

  /** Ends after the comparison under way. */
  stop(): Promise<void> {
    return this.#rounds.stop();
  }

  /**
   * Trims all that may go now, a range at a time, and returns the first sequence whose row is left. Throws LogError:
   * clickhouse-different when ClickHouse does not hold what it was delivered.
   */
  async trimOnce(): Promise<number> {
    const { journal, clickhouse } = this.#parts;
    const { signal } = this.#rounds;
    const oldest = this.#rules.clock() - this.#rules.keepDays * DAY;
    let first = journal.firstRow;
    while (!signal.aborted && !this.#isExpiring(first)) {
      const limit = Math.min(this.#limit(), first + COMPARED_AT_ONCE);
      const rows = first < limit ? journal.rows(first, limit - first) : [];
      const next = rows.find(({ row }) => recordedAt(row) > oldest)?.sequence ?? limit;
      const old = rows.slice(0, next - first);
      if (old.length === 0) return first;
      if (await holdsDelivered(clickhouse, journal, old, signal)) {
        const left = await journal.trim(next);
        // What is left then is in the tile that is not full.
        if (left === first) return first;
        await this.#rounds.pause(PAUSE_MS);
      }
      first = journal.firstRow;
    }
    return first;
  }

  /** Of an expiry that is not at its end the journal still has the rows, and takes them away itself. */
  #isExpiring(first: number): boolean {
    return first < (expiredOf(this.#parts.journal)?.below ?? 0);
  }

  #limit(): number {
    const { journal, shipper, checkpointed } = this.#parts;
    if (isBusy(journal, shipper)) return 0;
    return Math.min(checkpointed(), shipper.shipped, journal.size - this.#rules.keepRows);
  }
}

const timeSchema = z.object({ recorded_at: z.string() });

function recordedAt(row: string): Micros {
  const { recorded_at } = timeSchema.parse(JSON.parse(row));
  return parseInstant(recorded_at) ?? Number.POSITIVE_INFINITY;
}
