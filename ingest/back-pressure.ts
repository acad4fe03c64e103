// How far ClickHouse is behind, and what that does to those who make events: a growing backlog slows runs down, then holds
// them, and in the end stops them with a named result, before it fills the disk. The backlog is in the journal's file,
// never in memory. Reads are not held: what people ask is little, and the reserve of the disk is for that.
import { statfsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Shipper } from './clickhouse/shipper.ts';
import { parseInstant, systemClock } from './clock.ts';
import { LogError } from './errors.ts';
import type { Journal } from './journal/journal.ts';

export interface Limits {
  /** From so many events not delivered on, runs are slowed down. */
  slowFromEvents: number;
  /** From so many on they are held until some are delivered. */
  holdFromEvents: number;
  /** How long they are held while nothing at all is delivered; then they stop. */
  longestHold_ms: number;
  /** With less free space on the disk of the data folder runs stop at once: space does not come by waiting. */
  reserveBytes: number;
}

/** Ten million events are about ten gigabytes of journal, and less than ten minutes of shipping once ClickHouse is back. */
export const LIMITS: Limits = {
  slowFromEvents: 1_000_000,
  holdFromEvents: 10_000_000,
  longestHold_ms: 600_000,
  // Room for what is on its way, for SQLite's log and ClickHouse's merges, and for the reads of weeks.
  reserveBytes: 512 * 1024 * 1024,
};

/** Before each batch, just before runs are held; less in proportion from `slowFromEvents` on. */
const LONGEST_PAUSE_MS = 500;
const HOLD_PAUSE_MS = 100;
/** Asking for the free space costs a system call; batches come by the hundred a second. */
const DISK_FRESH_MICROS = 1_000_000;

/** Accepted and not delivered. */
export interface Lag {
  events: number;
  /** The age of the oldest of them. */
  seconds: number;
}

export type Pressure = 'none' | 'slow' | 'hold' | 'disk-low';

export class BackPressure {
  readonly #journal: Journal;
  readonly #shipper: Shipper;
  readonly #limits: Limits;
  readonly #stopping = new AbortController();
  #free = { bytes: Number.POSITIVE_INFINITY, at: Number.NEGATIVE_INFINITY };

  constructor(journal: Journal, shipper: Shipper, limits: Limits = LIMITS) {
    this.#journal = journal;
    this.#shipper = shipper;
    this.#limits = limits;
  }

  get lag(): Lag {
    const { shipped } = this.#shipper;
    const events = Math.max(0, this.#journal.size - shipped);
    const [oldest] = events === 0 ? [] : this.#journal.rows(shipped, 1);
    if (!oldest) return { events, seconds: 0 };
    const row: unknown = JSON.parse(oldest.row);
    const recorded = typeof row === 'object' && row !== null && 'recorded_at' in row ? String(row.recorded_at) : '';
    const recordedAt = parseInstant(recorded) ?? systemClock();
    // A clock that was set back makes no event younger than nothing.
    return { events, seconds: Math.max(0, systemClock() - recordedAt) / 1_000_000 };
  }

  /** What runs meet now. */
  get pressure(): Pressure {
    if (this.#freeBytes() < this.#limits.reserveBytes) return 'disk-low';
    const events = this.#backlog();
    if (events >= this.#limits.holdFromEvents) return 'hold';
    return events >= this.#limits.slowFromEvents ? 'slow' : 'none';
  }

  /**
   * Resolves when the next batch of a run may be made. Throws LogError: log-backlog when nothing was delivered for as long
   * as runs are held, disk-low, and journal-closed when the service is being stopped.
   */
  async admit(): Promise<void> {
    const { slowFromEvents, holdFromEvents } = this.#limits;
    this.#keepReserve();
    const share = (this.#backlog() - slowFromEvents) / (holdFromEvents - slowFromEvents);
    if (share < 0) return;
    if (share < 1) await this.#pause(Math.ceil(share * LONGEST_PAUSE_MS));
    else await this.#hold();
  }

  /** Lets go of the runs that are held: they end as if the process had. */
  stop(): void {
    this.#stopping.abort();
  }

  async #hold(): Promise<void> {
    let { shipped } = this.#shipper;
    let waited_ms = 0;
    while (this.#backlog() >= this.#limits.holdFromEvents) {
      if (waited_ms >= this.#limits.longestHold_ms) throw this.#backlogError();
      await this.#pause(HOLD_PAUSE_MS);
      this.#keepReserve();
      waited_ms = this.#shipper.shipped > shipped ? 0 : waited_ms + HOLD_PAUSE_MS;
      ({ shipped } = this.#shipper);
    }
  }

  async #pause(milliseconds: number): Promise<void> {
    const { signal } = this.#stopping;
    await sleep(milliseconds, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) throw new LogError('journal-closed', 'The service is being stopped.');
  }

  #backlog(): number {
    return this.#journal.size - this.#shipper.shipped;
  }

  #freeBytes(): number {
    const now = systemClock();
    if (Math.abs(now - this.#free.at) >= DISK_FRESH_MICROS) {
      const { bavail, bsize } = statfsSync(this.#journal.folder);
      this.#free = { bytes: bavail * bsize, at: now };
    }
    return this.#free.bytes;
  }

  #keepReserve(): void {
    const free = this.#freeBytes();
    if (free >= this.#limits.reserveBytes) return;
    const megabytes = (bytes: number) => Math.round(bytes / 1024 / 1024).toLocaleString('en');
    const said = `The disk of the data folder ${this.#journal.folder} has ${megabytes(free)} MB left, and ${megabytes(this.#limits.reserveBytes)} MB are kept for what is on its way.`;
    throw new LogError('disk-low', said);
  }

  #backlogError(): LogError {
    const events = this.#backlog().toLocaleString('en');
    const why = this.#shipper.problem ? ` ${this.#shipper.problem.message}` : '';
    const said = `${events} events wait for ClickHouse, and none was delivered for ${this.#limits.longestHold_ms / 1000} s.${why}`;
    return new LogError('log-backlog', said);
  }
}
