// What accepting costs alone: checks, keys, commitments, leaves, tiles and the fsynced transaction, and no ClickHouse.
import type { ProposedEvent } from '../../ingest/event.ts';
import { acceptAll, BATCH, IN_FLIGHT } from './accepting.ts';
import { measured, type Report, secondsOf } from './measurement.ts';
import { EVENTS_OF_THREE } from './mix.ts';
import { withClickHouse, withJournal } from './places.ts';
import { readProposed } from './rows-of-select.ts';
import type { Sizes } from './sections.ts';

/** More take no other time each, and are held in memory twice. */
const MOST_EVENTS = 200_000;
const SMALL_BATCH = 20;
const SMALL_BATCHES = 200;
const DURABILITY = 'each batch one SQLite transaction, fsynced (WAL, synchronous FULL)';

export async function measureAccepted(report: Report, { events: asked, runs }: Sizes): Promise<void> {
  const events = await withClickHouse((clickhouse) =>
    readProposed(clickhouse, EVENTS_OF_THREE, Math.min(asked, MOST_EVENTS)),
  );
  const rates: number[] = [];
  const small: number[] = [];
  for (let run = 0; run < runs; run++) {
    rates.push(events.length / (await withJournal((journal) => secondsOf(() => acceptAll(journal, events)))));
    small.push(await measureSmallBatches(events));
  }
  const section = 'accepted';
  report(
    measured(
      {
        section,
        name: 'events of three values',
        unit: 'events/s',
        target: { value: 40_000, must: 'at-least' },
        note: `${events.length} events, batches of ${BATCH}, ${IN_FLIGHT} in flight; ${DURABILITY}`,
      },
      rates,
    ),
  );
  const note = `one after the other, from the call until it is durable; ${DURABILITY}`;
  report(measured({ section, name: `batch of ${SMALL_BATCH}`, unit: 'ms', note }, small));
}

/** Milliseconds a batch. */
function measureSmallBatches(events: readonly ProposedEvent[]): Promise<number> {
  const some = events.slice(0, SMALL_BATCH * SMALL_BATCHES);
  return withJournal(async (journal) => {
    const seconds = await secondsOf(() => acceptAll(journal, some, { batch: SMALL_BATCH, inFlight: 1 }));
    return (seconds * 1000) / Math.ceil(some.length / SMALL_BATCH);
  });
}
