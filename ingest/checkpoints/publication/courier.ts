// Carries checkpoints to one destination: one at a time, in order, tried again for as long as it takes. It never holds up the
// log: what happens here only reads checkpoints that are kept, and remembers what became of them.
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../clock.ts';
import { LogError, REMEDIES } from '../../errors.ts';
import { asReadError } from '../../journal/journal-error.ts';
import type { Checkpoints } from '../checkpoints.ts';
import type { Delivery, KeptCheckpoint } from '../tables.ts';
import { DeliveryError, type Destination } from './destination.ts';

export interface Pace {
  /** The pause after the first failure; twice as long after each further one. */
  firstPauseMs: number;
  longestPauseMs: number;
}

export const PACE: Pace = { firstPauseMs: 1000, longestPauseMs: 300_000 };

/** How far one destination is. */
export interface DestinationStatus {
  destination: string;
  /** The largest checkpoint that is there, and since when. */
  sent: { size: number; at: number } | undefined;
  /** Why the next one is not there yet; it is tried again. */
  problem: string | undefined;
}

export class Courier {
  readonly #destination: Destination;
  readonly #checkpoints: Checkpoints;
  readonly #pace: Pace;
  readonly #onFailed: (message: string) => void;
  readonly #ending = new AbortController();
  /** Ends the pause of a courier that has nothing to do. */
  #wake = new AbortController();
  #failures = 0;
  /** Not again before, in the milliseconds of a clock that nobody sets. */
  #retryAt = 0;
  #isLeaving = false;
  #problem: string | undefined;
  #work: Promise<void> = Promise.resolve();

  constructor(destination: Destination, checkpoints: Checkpoints, onFailed: (message: string) => void, pace: Pace) {
    this.#destination = destination;
    this.#checkpoints = checkpoints;
    this.#onFailed = onFailed;
    this.#pace = pace;
  }

  start(): void {
    this.#work = this.#run();
  }

  /** There is a new checkpoint. After a failure it waits on all the same. */
  notice(): void {
    if (this.#failures === 0) this.#wake.abort();
  }

  get status(): DestinationStatus {
    const { name } = this.#destination;
    const sent = this.#checkpoints.reader.lastSent(name);
    return { destination: name, sent: sent && { size: sent.size, at: sent.at }, problem: this.#problem };
  }

  /** Carries what is left, once, and for no longer than so; what is not there then is carried after the next start. */
  async stop(longestMs: number): Promise<void> {
    this.#isLeaving = true;
    this.#wake.abort();
    const { promise: tooLong, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, longestMs);
    // Not every destination can be interrupted; what it says later is heard by nobody.
    await Promise.race([this.#work, tooLong]);
    clearTimeout(timer);
    this.#ending.abort();
  }

  async #run(): Promise<void> {
    while (!this.#ending.signal.aborted) {
      const pause = await this.#carryNext();
      if (pause === 0) continue;
      if (this.#isLeaving) return;
      await this.#rest(pause);
    }
  }

  /** Carries what is due, if anything is. Returns after how many milliseconds to look again. */
  async #carryNext(): Promise<number> {
    try {
      const next = this.#next();
      if (!next) return Number.POSITIVE_INFINITY;
      const pause = Math.max(0, this.#pauseBefore());
      if (pause === 0) await this.#carry(next);
      return pause;
    } catch (error) {
      // The journal cannot be read, say: whatever it is, it must not end the process.
      return this.#tellFailure(this.#sentenceOf(error));
    }
  }

  /** Undefined: there is nothing to carry. */
  #next(): KeptCheckpoint | undefined {
    const { reader } = this.#checkpoints;
    const { name, takes } = this.#destination;
    const last = reader.lastSent(name);
    const newest = reader.newest();
    if (takes === 'newest') return newest && newest.size > (last?.size ?? -1) ? newest : undefined;
    if (last) return reader.after(last.size);
    // A destination gets what comes from the time on that it is there, and of that nothing is left out.
    const first = reader.firstDelivery(name);
    return first ? reader.at(first.size) : newest;
  }

  /** Milliseconds; a destination that wants to be asked seldom is also asked seldom after a start. */
  #pauseBefore(): number {
    const { name, leastIntervalMs } = this.#destination;
    const now = systemClock();
    const sent = this.#checkpoints.reader.lastSent(name);
    // One that was sent in the future was sent before the clock was set back: nobody waits until then.
    const interval = sent && sent.at <= now ? leastIntervalMs - (now - sent.at) / 1000 : 0;
    return Math.max(interval, this.#retryAt - performance.now());
  }

  async #carry(checkpoint: KeptCheckpoint): Promise<void> {
    const { size } = checkpoint;
    const destination = this.#destination.name;
    const before = this.#checkpoints.reader.lastDelivery(destination);
    const attempts = (before?.size === size ? before.attempts : 0) + 1;
    try {
      await this.#destination.send(checkpoint, this.#ending.signal);
      await this.#remember({ destination, size, state: 'sent', attempts, at: systemClock(), error: undefined });
      this.#failures = 0;
      this.#problem = undefined;
    } catch (error) {
      if (this.#ending.signal.aborted) return;
      const sentence = this.#sentenceOf(error);
      this.#tellFailure(sentence);
      await this.#rememberFailure({ destination, size, state: 'failed', attempts, at: systemClock(), error: sentence });
    }
  }

  #sentenceOf(error: unknown): string {
    if (error instanceof DeliveryError) return error.message;
    const { message, code } = asReadError(error, `A checkpoint cannot be sent to the ${this.#destination.name}`);
    return `${message} ${REMEDIES[code]}`;
  }

  /** Returns how many milliseconds to wait now. */
  #tellFailure(sentence: string): number {
    const { firstPauseMs, longestPauseMs } = this.#pace;
    const pause = Math.min(longestPauseMs, firstPauseMs * 2 ** this.#failures);
    this.#failures += 1;
    this.#retryAt = performance.now() + pause;
    this.#problem = sentence;
    this.#onFailed(sentence);
    return pause;
  }

  async #rememberFailure(delivery: Delivery): Promise<void> {
    try {
      await this.#remember(delivery);
    } catch (error) {
      // The journal's disk is full, say: it is tried, and remembered, again.
      if (!(error instanceof LogError)) throw error;
    }
  }

  #remember(delivery: Delivery): Promise<void> {
    return this.#checkpoints.record([{ kind: 'delivery', ...delivery }]);
  }

  async #rest(pauseMs: number): Promise<void> {
    if (this.#isLeaving) return;
    this.#wake = new AbortController();
    const { signal } = this.#wake;
    // Timers know no longer pause than 24 days; a courier that wakes up early looks, and rests again.
    await sleep(Math.min(pauseMs, 3_600_000), undefined, { signal, ref: false }).catch(() => undefined);
  }
}
