// Work that goes on beside everything else for as long as the log is open, slowly on purpose: it has all day, and shipping
// and questions have not. Where it finds that ClickHouse contradicts the journal, the log is halted.
import { setTimeout as sleep } from 'node:timers/promises';
import { asLogError, type LogError } from '../errors.ts';
import type { Journal } from '../journal/journal.ts';
import type { Shipper } from './shipper.ts';

/** Rows of one comparison: some 100 ms of one connection. */
export const COMPARED_AT_ONCE = 5_000;
/** The pace: between two comparisons, so that they take at most about a third of one connection's time. */
export const PAUSE_MS = 250;
/** As long as more events than this wait to be shipped, nothing is compared. */
const BUSY_EVENTS = 20_000;

export interface Pace {
  afterMs: number;
  everyMs: number;
  /** After a failure. */
  againMs: number;
}

export class Rounds {
  readonly #failure: string;
  readonly #cut = new AbortController();
  #problem: LogError | undefined;
  #loop: Promise<void> | undefined;

  /** `failure` says what cannot be done, where nothing better is known. */
  constructor(failure: string) {
    this.#failure = failure;
  }

  /** Aborted when it is to stop. */
  get signal(): AbortSignal {
    return this.#cut.signal;
  }

  /** What kept the work from being done last, if anything. */
  get problem(): LogError | undefined {
    return this.#problem;
  }

  start(work: () => Promise<unknown>, pace: Pace, shipper: Pick<Shipper, 'halt'>): void {
    this.#loop = this.#run(work, pace, shipper);
  }

  /** Ends after the comparison under way. */
  async stop(): Promise<void> {
    this.#cut.abort();
    await this.#loop;
  }

  async pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.signal, ref: false }).catch(() => undefined);
  }

  async #run(work: () => Promise<unknown>, pace: Pace, shipper: Pick<Shipper, 'halt'>): Promise<void> {
    await this.pause(pace.afterMs);
    while (!this.signal.aborted) {
      try {
        await work();
        this.#problem = undefined;
      } catch (error) {
        const problem = asLogError(error, this.#failure);
        this.#problem = problem;
        if (problem.code === 'clickhouse-different' && !this.signal.aborted) return shipper.halt(problem);
      }
      await this.pause(this.#problem ? pace.againMs : pace.everyMs);
    }
  }
}

export function isBusy(journal: Journal, shipper: Pick<Shipper, 'shipped'>): boolean {
  return journal.size - shipper.shipped > BUSY_EVENTS;
}
