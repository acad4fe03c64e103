// Tells one destination what it is still to be told: one occurrence at a time, the oldest first, tried again for days. It holds
// up no other destination, and nothing else.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock, Micros } from '../../ingest/clock.ts';
import { LogError, REMEDIES } from '../../ingest/errors.ts';
import { type Pace, pauseAfter } from '../outgoing/pace.ts';
import { TellingError } from '../outgoing/telling-error.ts';
import type { Destination, Message } from './destination.ts';
import type { Occurrence } from './occurrences.ts';

/** From when it was raised on; whoever hears of it later learns nothing new. */
const GIVEN_UP_AFTER: Micros = 3 * 86_400_000_000;
/** When the service stops, what is under way has so long. */
const LONGEST_LEAVE_MS = 5000;
/** It looks by itself, should nobody say that there is something. */
const LONGEST_REST_MS = 60_000;

export interface Errands {
  /** What it is still to be told, the oldest first. */
  untold: () => Occurrence[];
  /** What is told of an occurrence: made each time that it is sent. */
  message: (occurrence: Occurrence) => Promise<Message>;
  /** It was told, or (`failure`) was not for good. */
  settle: (occurrence: Occurrence, attempts: number, failure?: string) => Promise<void>;
  onFailed: (sentence: string) => void;
  clock: Clock;
}

export class Courier {
  readonly destination: Destination;
  readonly #errands: Errands;
  readonly #pace: Pace;
  readonly #ending = new AbortController();
  readonly #attempts = new Map<number, number>();
  #wake = new AbortController();
  #failures = 0;
  #problem: string | undefined;
  #work: Promise<void> = Promise.resolve();

  constructor(destination: Destination, errands: Errands, pace: Pace) {
    this.destination = destination;
    this.#errands = errands;
    this.#pace = pace;
  }

  /** Why the next one is not told yet; undefined: nothing is wrong. */
  get problem(): string | undefined {
    return this.#problem;
  }

  start(): void {
    this.#work = this.#run();
  }

  /** There may be something to tell. After a failure it waits on all the same. */
  notice(): void {
    if (this.#failures === 0) this.#wake.abort();
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    this.#wake.abort();
    const over = new AbortController();
    const tooLong = sleep(LONGEST_LEAVE_MS, undefined, { signal: over.signal, ref: false }).catch(() => undefined);
    await Promise.race([this.#work, tooLong]);
    over.abort();
  }

  async #run(): Promise<void> {
    while (!this.#ending.signal.aborted) {
      this.#wake = new AbortController();
      const pause = await this.#tellNext();
      if (pause > 0) await this.#rest(pause);
    }
  }

  /** Returns how many milliseconds to rest. */
  async #tellNext(): Promise<number> {
    try {
      const [occurrence] = this.#errands.untold();
      if (!occurrence) return LONGEST_REST_MS;
      await this.#tell(occurrence);
      this.#failures = 0;
      this.#problem = undefined;
      return 0;
    } catch (error) {
      // Whatever it is, it must not end the process.
      return this.#ending.signal.aborted ? 0 : this.#noteFailure(sentenceOf(error, this.destination));
    }
  }

  async #tell(occurrence: Occurrence): Promise<void> {
    const { event, raisedAt } = occurrence;
    const attempts = (this.#attempts.get(event) ?? 0) + 1;
    this.#attempts.set(event, attempts);
    try {
      await this.destination.send(await this.#errands.message(occurrence), this.#ending.signal);
    } catch (error) {
      if (this.#ending.signal.aborted) throw error;
      const final = error instanceof TellingError ? error.final : undefined;
      const isTooOld = this.#errands.clock() - raisedAt >= GIVEN_UP_AFTER;
      if (final === undefined && !isTooOld) throw error;
      this.#errands.onFailed(
        `${sentenceOf(error, this.destination)} The occurrence ${event} is not told there any more.`,
      );
      await this.#settle(occurrence, attempts, final ?? 'away-for-three-days');
      return;
    }
    await this.#settle(occurrence, attempts);
  }

  async #settle(occurrence: Occurrence, attempts: number, failure?: string): Promise<void> {
    await this.#errands.settle(occurrence, attempts, failure);
    this.#attempts.delete(occurrence.event);
  }

  #noteFailure(sentence: string): number {
    this.#failures += 1;
    this.#problem = sentence;
    this.#errands.onFailed(sentence);
    return pauseAfter(this.#pace, this.#failures);
  }

  async #rest(milliseconds: number): Promise<void> {
    const signal = AbortSignal.any([this.#wake.signal, this.#ending.signal]);
    await sleep(milliseconds, undefined, { signal, ref: false }).catch(() => undefined);
  }
}

function sentenceOf(error: unknown, { kind, host }: Destination): string {
  if (error instanceof TellingError) return error.message;
  if (error instanceof LogError) return `${error.message} ${REMEDIES[error.code]}`;
  return `An alert cannot be told to the ${kind} ${host}, for an error of the program (${error instanceof Error ? error.name : typeof error}).`;
}
