// How much may be on its way to the writer at once. Whoever builds batches faster than the disk takes them waits here, in
// the order in which they came, before a batch is built: it is not kept in memory while it waits.
import type { Batch } from './messages.ts';

/** A few batches of the engine, so that the writer always has the next one while the last is made durable. */
const MOST_EVENTS = 20_000;
/** Of values, roughly; as rows and in the message to the writer they are there several times. */
const MOST_BYTES = 32 * 1024 * 1024;
/** What an event or a change of state takes besides its values. */
const BYTES_EACH = 500;

export interface Weight {
  events: number;
  bytes: number;
}

/** What a batch weighs; its state is counted, not measured. */
export function weigh({ events, state }: Batch): Weight {
  let bytes = (events.length + state.length) * BYTES_EACH;
  for (const event of events)
    for (const value of event.values) bytes += (value.old?.length ?? 0) + (value.new?.length ?? 0);
  return { events: events.length, bytes };
}

export class Gate {
  readonly #queue: (() => void)[] = [];
  #events = 0;
  #bytes = 0;
  /** Somebody was let in and has not built a batch yet. */
  #turning = false;

  /** Whoever comes now may go on at once. */
  get isOpen(): boolean {
    return this.#queue.length === 0 && !this.#turning && !this.#isFull;
  }

  /** How much is on its way to the writer. */
  get inFlight(): Weight {
    return { events: this.#events, bytes: this.#bytes };
  }

  get #isFull(): boolean {
    return this.#events >= MOST_EVENTS || this.#bytes >= MOST_BYTES;
  }

  /** Resolves when it is one's turn; `next` then says that the turn is over. */
  turn(): Promise<void> {
    return new Promise((resolve) => this.#queue.push(resolve));
  }

  /** The turn of whoever came last is over: the next one may come where there is room. */
  next(): void {
    this.#turning = false;
    this.#letIn();
  }

  take({ events, bytes }: Weight): void {
    this.#events += events;
    this.#bytes += bytes;
  }

  giveBack({ events, bytes }: Weight): void {
    this.#events -= events;
    this.#bytes -= bytes;
    if (!this.#turning) this.#letIn();
  }

  #letIn(): void {
    if (this.#isFull) return;
    const first = this.#queue.shift();
    if (!first) return;
    this.#turning = true;
    first();
  }
}
