// Accepts reads before their answers leave. Reads that come together are one batch of the journal (group commit): each
// commit is an fsync, and fifty people who look at once must not cost fifty of them, nor hold up the engine's batches.
import { setTimeout as sleep } from 'node:timers/promises';
import { LogError } from '../../ingest/errors.ts';
import { type ProposedEvent, proposedEventSchema } from '../../ingest/event.ts';
import type { Journal } from '../../ingest/journal/journal.ts';

/**
 * How long a read waits for others while a commit of reads is under way. With none under way it waits for nothing: the
 * commit itself (a few milliseconds) is what gathers the next ones. Never more, or answers would wait for their company.
 */
const LONGEST_GATHER_MS = 10;
/** Reads of one batch; more are the next batch. */
const MOST_READS = 1000;
/** A batch of the engine that was refused takes with it what was built on it; that is no fault of the reads. */
const ATTEMPTS = 3;
const PAUSE_MS = 5;

/** It cannot be recorded who asked, so there is no answer. */
export class UnrecordedReadError extends Error {
  override name = 'UnrecordedReadError';
  readonly reason: LogError;

  constructor(reason: LogError) {
    super('The question was not answered, for the log cannot record now that it was asked', { cause: reason });
    this.reason = reason;
  }
}

interface Waiting {
  events: readonly ProposedEvent[];
  resolve: () => void;
  reject: (error: UnrecordedReadError) => void;
}

/** Called with reads that were accepted, and how many seconds after they were handed over. */
type OnRecorded = (events: readonly ProposedEvent[], seconds: number) => void;

export class ReadRecorder {
  readonly #journal: Journal;
  readonly #onRecorded: OnRecorded;
  #gathered: Waiting[] = [];
  #commits = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(journal: Journal, onRecorded: OnRecorded = () => undefined) {
    this.#journal = journal;
    this.#onRecorded = onRecorded;
  }

  /** Resolves when these reads are accepted. Throws UnrecordedReadError when they cannot be: then nothing may be told. */
  async record(events: readonly ProposedEvent[]): Promise<void> {
    if (events.length === 0) return;
    const handedOver = performance.now();
    await this.#accepted(events);
    this.#onRecorded(events, (performance.now() - handedOver) / 1000);
  }

  #accepted(events: readonly ProposedEvent[]): Promise<void> {
    // Checked here: a batch that the journal refuses takes with it the engine's batches that were built on it.
    for (const event of events) proposedEventSchema.parse(event);
    return new Promise((resolve, reject) => {
      this.#gathered.push({ events, resolve, reject });
      if (this.#commits === 0) this.#commitSoon();
      else this.#timer ??= setTimeout(() => this.#commitSoon(), LONGEST_GATHER_MS);
    });
  }

  /** After what the event loop has at hand: reads answered in the same turn are one batch. */
  #commitSoon(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#commits += 1;
    setImmediate(() => void this.#commit());
  }

  async #commit(): Promise<void> {
    const batch = this.#take();
    try {
      if (batch.length > 0) await this.#accept(batch.flatMap(({ events }) => events));
      for (const { resolve } of batch) resolve();
    } catch (error) {
      const reason =
        error instanceof LogError ? error : new LogError('journal-failed', String(error), { cause: error });
      for (const { reject } of batch) reject(new UnrecordedReadError(reason));
    } finally {
      this.#commits -= 1;
      if (this.#commits === 0 && this.#gathered.length > 0) this.#commitSoon();
    }
  }

  #take(): Waiting[] {
    let events = 0;
    const end = this.#gathered.findIndex((waiting) => {
      events += waiting.events.length;
      return events > MOST_READS;
    });
    return this.#gathered.splice(0, end === -1 ? this.#gathered.length : Math.max(end, 1));
  }

  async #accept(events: ProposedEvent[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#journal.acceptFirst(() => ({ events, state: [] }));
        return;
      } catch (error) {
        const isOfOthers = error instanceof LogError && error.code === 'event-invalid';
        if (!isOfOthers || attempt === ATTEMPTS) throw error;
        await sleep(PAUSE_MS);
      }
    }
  }
}
