// The whole way of the log, journal and shipper, against ClickHouse fed the same rows by the same client and nothing else:
// the same statement, batches and tables. The two take turns, each in a fresh folder.

import type { ClickHouse } from '../../ingest/clickhouse/connect.ts';
import { openClickHouse } from '../../ingest/clickhouse/connect.ts';
import { Shipper } from '../../ingest/clickhouse/shipper.ts';
import type { ProposedEvent } from '../../ingest/event.ts';
import { Journal } from '../../ingest/journal/journal.ts';
import { acceptAll, BATCH, IN_FLIGHT } from './accepting.ts';
import { measured, type Report, ratios, secondsOf } from './measurement.ts';
import { MIXED_EVENTS } from './mix.ts';
import { inFolder, withClickHouse } from './places.ts';
import { readProposed, requireEvents } from './rows-of-select.ts';
import type { Sizes } from './sections.ts';

/** Some ten seconds of work, so that merges are under way for most of them. */
const MOST_EVENTS = 200_000;

interface Sent {
  statement: string;
  lines: string;
}

export async function measureShipped(report: Report, { events: asked, runs }: Sizes): Promise<void> {
  const events = await withClickHouse((clickhouse) =>
    readProposed(clickhouse, MIXED_EVENTS, Math.min(asked, MOST_EVENTS)),
  );
  const whole: number[] = [];
  const bare: number[] = [];
  for (let run = 0; run < runs; run++) {
    const { seconds, sent } = await acceptAndShip(events);
    whole.push(events.length / seconds);
    bare.push(events.length / (await insertOnly(sent, events.length)));
  }
  const section = 'accepted-and-shipped';
  const note = `${events.length} events of the mix`;
  report(
    measured(
      {
        section,
        name: 'journal and shipper',
        unit: 'events/s',
        note: `${note}, batches of ${BATCH}, ${IN_FLIGHT} in flight, from the first call until all are delivered`,
      },
      whole,
    ),
  );
  report(
    measured(
      { section, name: 'ClickHouse alone', unit: 'events/s', note: `${note}, one insert after the other` },
      bare,
    ),
  );
  const target = { value: 0.5, must: 'at-least' } as const;
  report(measured({ section, name: 'ratio', unit: '×', target }, ratios(whole, bare)));
}

function acceptAndShip(events: readonly ProposedEvent[]): Promise<{ seconds: number; sent: Sent[] }> {
  return inFolder(async (folder) => {
    const sent: Sent[] = [];
    const journal = await Journal.open(folder);
    const clickhouse = openClickHouse({ folder });
    const shipper = new Shipper(journal, noteInserts(clickhouse, sent));
    try {
      await shipper.prepare();
      shipper.start();
      const seconds = await secondsOf(async () => {
        await acceptAll(journal, events);
        await shipper.delivered(events.length);
      });
      await requireEvents(clickhouse, events.length);
      return { seconds, sent };
    } finally {
      await shipper.stop();
      await clickhouse.close();
      await journal.close();
    }
  });
}

/** The same ClickHouse, which keeps what was inserted into `events`. */
function noteInserts(clickhouse: ClickHouse, sent: Sent[]): ClickHouse {
  return {
    ...clickhouse,
    insert(statement, lines, signal) {
      if (statement.startsWith('INSERT INTO events')) sent.push({ statement, lines });
      return clickhouse.insert(statement, lines, signal);
    },
  };
}

/** Seconds for inserting the same once more, into tables of its own. */
function insertOnly(sent: readonly Sent[], events: number): Promise<number> {
  return withClickHouse(async (clickhouse) => {
    const seconds = await secondsOf(async () => {
      for (const { statement, lines } of sent) await clickhouse.insert(statement, lines);
    });
    await requireEvents(clickhouse, events);
    return seconds;
  });
}
