// What is sent at once: events in their order, by number and by size.
import type { ToldEvent } from '../feeds/told-events.ts';

/** Small enough for whoever takes messages of the web, and of a queue. */
const MOST_BYTES = 500_000;
const MOST_EVENTS = 500;

export interface Batch {
  first: string;
  last: string;
  /** As they are sent. */
  events: string[];
  /** Where to go on after it: a change that is not told to its end is told again. */
  next: number;
}

/** `end`: where to go on after all of them. An event that is larger than a batch is one alone. */
export function* makeBatches(
  events: Iterable<ToldEvent>,
  write: (event: ToldEvent) => string,
  end: number,
): Generator<Batch, void, undefined> {
  let batch: Batch | undefined;
  let bytes = 0;
  for (const event of events) {
    const text = write(event);
    const size = Buffer.byteLength(text);
    if (batch && (batch.events.length === MOST_EVENTS || bytes + size > MOST_BYTES)) {
      yield { ...batch, next: event.change.sequence };
      batch = undefined;
      bytes = 0;
    }
    batch ??= { first: event.uid, last: event.uid, events: [], next: end };
    batch.events.push(text);
    batch.last = event.uid;
    bytes += size;
  }
  if (batch) yield batch;
}
