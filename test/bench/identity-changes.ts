// One person's change flowing to two accounts, as the engine writes it, against a PostgreSQL audit trail: how fast it is
// accepted, and what room it takes.
import { join } from 'node:path';
import { z } from 'zod';
import type { ClickHouse } from '../../ingest/clickhouse/connect.ts';
import { HASH_BYTES } from '../../ingest/merkle/tree.ts';
import { acceptAll, BATCH, IN_FLIGHT } from './accepting.ts';
import { changeLines, changesLike, EVENTS_OF_CHANGE } from './changes-of-engine.ts';
import { recordChange } from './engine-change.ts';
import { measured, type Report, ratios, secondsOf } from './measurement.ts';
import { inFolder, withClickHouse, withJournal } from './places.ts';
import { findPostgres, Postgres } from './postgres.ts';
import { auditBytes, fillAudit, insertScript } from './postgres-audit.ts';
import { type EventSource, fillEvents, readProposed } from './rows-of-select.ts';
import type { Sizes } from './sections.ts';
import { settledBytes } from './sizes.ts';

/** Held in memory as they are made. */
const MOST_ACCEPTED = 200_000;
const CLIENTS = 8;
/** Identity changes of each client in one run. */
const MOST_TIMES = 250;
const LINES_AT_ONCE = 200_000;
const SCHEMA = join(import.meta.dirname, 'postgres-audit.sql');
const BY_INITIATOR = 'CREATE INDEX audit_by_initiator ON audit_event (initiator_oid, at)';

export const recordedChanges = (): Promise<EventSource> =>
  inFolder(async (folder) => changesLike(await recordChange(join(folder, 'company'))));

/** A fresh PostgreSQL with the audit trail, empty. Throws Error where none is installed. */
export async function withAudit<T>(work: (postgres: Postgres) => Promise<T>): Promise<T> {
  const programs = findPostgres();
  if (programs === undefined) throw new Error('PostgreSQL is not installed here; Debian has it as postgresql-15.');
  return inFolder(async (folder) => {
    const postgres = await Postgres.start(programs, folder);
    try {
      postgres.file(SCHEMA);
      return await work(postgres);
    } finally {
      await postgres.stop();
    }
  });
}

/** Whole cycles, so that a last one cut off leaves no change without its end. */
export const wholeChanges = (events: number): number => Math.max(1, Math.floor(events / EVENTS_OF_CHANGE / 100)) * 100;

/** Puts into PostgreSQL the same changes as the log has of so many events. */
export async function copyChanges(clickhouse: ClickHouse, postgres: Postgres, changes: number): Promise<void> {
  const total = changes * EVENTS_OF_CHANGE;
  for (let from = 0; from < total; from += LINES_AT_ONCE) {
    const to = Math.min(total, from + LINES_AT_ONCE);
    const rows = await clickhouse.select(changeLines(), { from, to, total }, z.object({ line: z.string() }), {
      timeLimit: 600,
    });
    postgres.copy('change', `${rows.map(({ line }) => line).join('\n')}\n`);
  }
  fillAudit(postgres, changes);
}

export async function measureBytesOfChange(report: Report, { events }: Sizes): Promise<void> {
  const section = 'bytes-change';
  const changes = wholeChanges(events);
  const source = await recordedChanges();
  await withClickHouse(async (clickhouse) => {
    await fillEvents(clickhouse, source, changes * EVENTS_OF_CHANGE);
    const ours = (await settledBytes(clickhouse)) / changes + EVENTS_OF_CHANGE * HASH_BYTES;
    const note = `${changes} changes of ${EVENTS_OF_CHANGE} events, tiles included; OPTIMIZE … FINAL first`;
    report(measured({ section, name: 'the log', unit: 'bytes', note }, [ours]));
    await withAudit(async (postgres) => {
      await copyChanges(clickhouse, postgres, changes);
      const bytes = { 'as it is': auditBytes(postgres) / changes, 'with an index on the initiator': 0 };
      postgres.sql(BY_INITIATOR);
      bytes['with an index on the initiator'] = auditBytes(postgres) / changes;
      const lengths = postgres.sql(
        'SELECT round(avg(length(delta))) || $$ and $$ || round(avg(length(full_result))) FROM audit_delta',
      );
      for (const [variant, theirs] of Object.entries(bytes)) {
        const said = `${changes} changes of 4 records and 6 deltas (${lengths} bytes of delta and result each)`;
        report(measured({ section, name: `PostgreSQL ${variant}`, unit: 'bytes', note: said }, [theirs]));
        report(
          measured(
            { section, name: `the log against it, ${variant}`, unit: '×', target: { value: 0.1, must: 'at-most' } },
            [ours / theirs],
          ),
        );
      }
    });
  });
}

export async function measureChanges(report: Report, { events, runs }: Sizes): Promise<void> {
  const source = await recordedChanges();
  const changes = wholeChanges(Math.min(events, MOST_ACCEPTED));
  const proposed = await withClickHouse((clickhouse) => readProposed(clickhouse, source, changes * EVENTS_OF_CHANGE));
  const times = Math.min(MOST_TIMES, changes);
  const ours: number[] = [];
  const theirs: Record<string, number[]> = { 'as it is': [], 'with an index on the initiator': [] };
  await withAudit(async (postgres) => {
    for (const [index, [variant, rates]] of Object.entries(theirs).entries()) {
      if (index > 0) postgres.sql(BY_INITIATOR);
      for (let run = 0; run < runs; run++) {
        if (index === 0)
          ours.push(changes / (await withJournal((journal) => secondsOf(() => acceptAll(journal, proposed)))));
        const { seconds } = postgres.bench(insertScript(), { clients: CLIENTS, times });
        rates.push((CLIENTS * times) / seconds);
      }
      const section = 'changes';
      const unit = 'changes/s';
      if (index === 0) {
        const note = `durable: ${BATCH} events (${BATCH / EVENTS_OF_CHANGE} changes) are one fsynced transaction, ${IN_FLIGHT} in flight; not yet in ClickHouse`;
        report(measured({ section, name: 'accepted by the journal', unit, note }, ours));
      }
      const note = `durable: each record, four to a change, is a commit of its own with fsync (synchronous_commit on); ${CLIENTS} clients, no JVM`;
      report(measured({ section, name: `PostgreSQL ${variant}`, unit, note }, rates));
      report(
        measured(
          { section, name: `the journal against it, ${variant}`, unit: '×', target: { value: 5, must: 'at-least' } },
          ratios(ours, rates),
        ),
      );
    }
  });
}
