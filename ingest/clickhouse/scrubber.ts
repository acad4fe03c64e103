// Reads again what was delivered, all of it, once a day: that each event is there once, that the tables of the views are what
// the views make of the log, and that each row is the one that the journal still has. What is not so halts the log. Of rows
// that were trimmed from the journal, `metatrail verify` says whether they are what was accepted.
import type { Journal } from '../journal/journal.ts';
import { expiredOf } from '../retention/tombstones.ts';
import { holdsDelivered, refuseLost, refuseWrongViews } from './comparison.ts';
import type { ClickHouse } from './connect.ts';
import { COMPARED_AT_ONCE, isBusy, PAUSE_MS, Rounds } from './rounds.ts';
import type { Shipper } from './shipper.ts';

/** Sequences of which a view is asked at once: a tenth of 10 million takes 0.7 s. */
const VIEWED_AT_ONCE = 1_048_576;
/** A service that starts has more urgent things to do. */
const FIRST_MS = 10_000;
const PACE = { afterMs: FIRST_MS, everyMs: 86_400_000, againMs: 600_000 };

export interface ScrubbedParts {
  journal: Journal;
  clickhouse: ClickHouse;
  shipper: Pick<Shipper, 'shipped' | 'halt'>;
}

/** Where it is: what comes before was read again. */
interface Position {
  to: number;
  views: number;
  rows: number;
}

export class Scrubber {
  readonly #parts: ScrubbedParts;
  readonly #rounds = new Rounds('What ClickHouse holds cannot be read again');
  #position: Position | undefined;

  constructor(parts: ScrubbedParts) {
    this.#parts = parts;
  }

  get problem() {
    return this.#rounds.problem;
  }

  start(): void {
    this.#rounds.start(() => this.scrubOnce(), PACE, this.#parts.shipper);
  }

  /** Ends after the comparison under way. */
  stop(): Promise<void> {
    return this.#rounds.stop();
  }

  /**
   * Reads again all that was delivered by now, or what was left of that by one that failed. Throws LogError:
   * clickhouse-different when ClickHouse does not hold what it was delivered.
   */
  async scrubOnce(): Promise<void> {
    const { journal, clickhouse, shipper } = this.#parts;
    const { signal } = this.#rounds;
    this.#position ??= { to: shipper.shipped, views: 0, rows: 0 };
    const position = this.#position;
    if (position.views === 0) await refuseLost(clickhouse, journal, position.to, signal);
    while (await this.#mayGoOn()) {
      const expired = expiredOf(journal)?.below ?? 0;
      const from = Math.max(position.views, expired);
      if (from >= position.to) break;
      const next = Math.min(from + VIEWED_AT_ONCE, position.to);
      await refuseWrongViews(clickhouse, journal, from, next, signal);
      position.views = next;
    }
    while (await this.#mayGoOn()) {
      const from = Math.max(position.rows, journal.firstRow);
      if (from >= position.to) break;
      const rows = journal.rows(from, Math.min(COMPARED_AT_ONCE, position.to - from));
      await holdsDelivered(clickhouse, journal, rows, signal);
      position.rows = from + rows.length;
    }
    if (!signal.aborted) this.#position = undefined;
  }

  /** Waits for its turn; false when it is to stop. */
  async #mayGoOn(): Promise<boolean> {
    const { journal, shipper } = this.#parts;
    do await this.#rounds.pause(PAUSE_MS);
    while (!this.#rounds.signal.aborted && isBusy(journal, shipper));
    return !this.#rounds.signal.aborted;
  }
}
