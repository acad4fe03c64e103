// What an event takes on disk: in ClickHouse with every part, projection, index and view, when all merges are done; in the
// Merkle tiles; and in the journal until it is trimmed.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { ClickHouse } from '../../ingest/clickhouse/connect.ts';
import type { ProposedEvent } from '../../ingest/event.ts';
import { JOURNAL_FILE } from '../../ingest/journal/writer.ts';
import { HASH_BYTES } from '../../ingest/merkle/tree.ts';
import { acceptAll } from './accepting.ts';
import { measured, type Report } from './measurement.ts';
import { EVENTS_OF_THREE } from './mix.ts';
import { withClickHouse, withJournal } from './places.ts';
import { fillEvents, readProposed } from './rows-of-select.ts';
import type { Sizes } from './sections.ts';

/** Of the journal: more take no other room each. */
const MOST_IN_JOURNAL = 100_000;
/** How many of the dearest columns are told. */
const COLUMNS_TOLD = 12;

export async function measureBytes(report: Report, { events }: Sizes): Promise<void> {
  const section = 'bytes-event';
  await withClickHouse(async (clickhouse) => {
    await fillEvents(clickhouse, EVENTS_OF_THREE, events);
    const bytes = await settledBytes(clickhouse);
    const target = { value: 110, must: 'at-most' } as const;
    const note = `${events} events of three values; OPTIMIZE … FINAL first; ${HASH_BYTES} of it in tiles; ${await dearestColumns(clickhouse, events)}`;
    report(
      measured({ section, name: 'ClickHouse and tiles', unit: 'bytes', target, note }, [bytes / events + HASH_BYTES]),
    );
    const some = await readProposed(clickhouse, EVENTS_OF_THREE, Math.min(events, MOST_IN_JOURNAL));
    const journal = (await journalBytes(some)) / some.length;
    report(
      measured(
        { section, name: 'journal before it is trimmed', unit: 'bytes', note: `${some.length} events, tiles included` },
        [journal],
      ),
    );
  });
}

/** Bytes of all tables of the log once everything is merged that can be. */
export async function settledBytes(clickhouse: ClickHouse): Promise<number> {
  for (const table of ['events', 'entitlement_changes']) await clickhouse.command(`OPTIMIZE TABLE ${table} FINAL`);
  return bytesHeld(clickhouse);
}

/** Bytes of all tables of the log as they are. */
export async function bytesHeld(clickhouse: ClickHouse): Promise<number> {
  const [found] = await clickhouse.select(
    'SELECT sum(bytes_on_disk) AS bytes FROM system.parts WHERE active AND database = currentDatabase()',
    {},
    z.object({ bytes: z.number() }),
  );
  return found?.bytes ?? 0;
}

/** A sentence of the columns, projections and indexes that take most. */
async function dearestColumns(clickhouse: ClickHouse, events: number): Promise<string> {
  const active = "WHERE active AND database = currentDatabase() AND table = 'events'";
  const rows = await clickhouse.select(
    `SELECT name, sum(bytes) / {events:Float64} AS each FROM
     (
       SELECT column AS name, column_bytes_on_disk AS bytes FROM system.parts_columns ${active}
       UNION ALL SELECT concat('projection ', name), bytes_on_disk FROM system.projection_parts ${active}
       UNION ALL SELECT concat('index ', name), data_compressed_bytes FROM system.data_skipping_indices WHERE database = currentDatabase() AND table = 'events'
     )
     GROUP BY name ORDER BY each DESC LIMIT ${COLUMNS_TOLD}`,
    { events },
    z.object({ name: z.string(), each: z.number() }),
  );
  return rows.map(({ name, each }) => `${name} ${each.toFixed(1)}`).join(', ');
}

/** The SQLite file when its write-ahead log is taken up: journal, tiles and keys. */
export function journalBytes(events: readonly ProposedEvent[]): Promise<number> {
  return withJournal(async (journal) => {
    await acceptAll(journal, events);
    await journal.close();
    return statSync(join(journal.folder, JOURNAL_FILE)).size;
  });
}
