// Hands events to a journal as the engine does: in batches, a few of them in flight.
import type { ProposedEvent } from '../../ingest/event.ts';
import type { Journal } from '../../ingest/journal/journal.ts';

export const BATCH = 1000;
export const IN_FLIGHT = 4;

/** Accepts all events, `batch` at a time and at most `inFlight` batches at once. The journal must be empty before. */
export async function acceptAll(
  journal: Journal,
  events: readonly ProposedEvent[],
  { batch = BATCH, inFlight = IN_FLIGHT } = {},
): Promise<void> {
  const under = new Set<Promise<unknown>>();
  for (let from = 0; from < events.length; from += batch) {
    if (under.size >= inFlight) await Promise.race(under);
    const accepted: Promise<unknown> = journal
      .accept(() => ({ events: events.slice(from, from + batch), state: [] }))
      .finally(() => under.delete(accepted));
    under.add(accepted);
  }
  await Promise.all(under);
  if (journal.size !== events.length) throw new Error(`The journal holds ${journal.size} of ${events.length} events.`);
}
