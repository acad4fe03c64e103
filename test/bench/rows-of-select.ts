// Events as ClickHouse itself makes them from numbers: one SELECT fills the tables of the questions and of the sizes, and
// read as rows it gives the journal's sections the same events.
import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import type { ClickHouse } from '../../ingest/clickhouse/connect.ts';
import { fromRow, INSERTED_COLUMNS, rowSchema } from '../../ingest/clickhouse/rows.ts';
import type { ChangeEvent, ProposedEvent } from '../../ingest/event.ts';

export type Column = (typeof INSERTED_COLUMNS)[number];
/** For each column the expression that makes it; those left out have their default. */
export type Columns = Partial<Record<Column, string>>;

export const NOBODY = "toUUID('00000000-0000-0000-0000-000000000000')";
const ZERO = new Set<string>(
  'configuration configuration_known run run_known step out_of_band subject_key actor_key'.split(' '),
);

/** A SELECT of events from `from` on, before `to`; both are bound as parameters, and so is `total`. */
export interface EventSource {
  columns: Columns;
  /** Makes of `numbers` what the columns are computed from. */
  rows: string;
}

const defaultOf = (column: Column): string =>
  column === 'object' || column === 'entry'
    ? NOBODY
    : column.startsWith('value.') || column === 'causes'
      ? '[]'
      : ZERO.has(column)
        ? '0'
        : "''";

export function selectOf({ columns, rows }: EventSource): string {
  const all: Columns = {
    log: "'metatrail/bench'",
    event_version: '1',
    occurred_at_known: "'observed'",
    initiator_known: "'reported'",
    ...columns,
  };
  return `SELECT ${INSERTED_COLUMNS.map((column) => `${all[column] ?? defaultOf(column)} AS \`${column}\``).join(',\n  ')}\nFROM (${rows})`;
}

/** Rows of one INSERT … SELECT: a partition's worth of parts stays small, and memory too. */
const FILL_EVENTS = 500_000;

/** Has ClickHouse insert the events from 0 to `total` itself, in order. */
export async function fillEvents(clickhouse: ClickHouse, source: EventSource, total: number): Promise<void> {
  const columns = INSERTED_COLUMNS.map((column) => `\`${column}\``).join(', ');
  for (let from = 0; from < total; from += FILL_EVENTS) {
    const sql = `INSERT INTO events (${columns}) ${selectOf(source)} SETTINGS max_insert_threads = 1, insert_deduplicate = 0`;
    await clickhouse.command(sql, { from, to: Math.min(total, from + FILL_EVENTS), total });
  }
  await requireEvents(clickhouse, total);
}

/** Between two merges ClickHouse may wait some seconds. */
const AT_REST_SECONDS = 10;

/** Resolves when ClickHouse has merged what it merges by itself: until then a question shares the cores with that. */
export async function comeToRest(clickhouse: ClickHouse): Promise<void> {
  const sql = `SELECT (SELECT count() FROM system.merges) AS merges,
    (SELECT count() FROM system.parts WHERE active AND database = currentDatabase() AND table = 'events') AS parts`;
  const row = z.object({ merges: z.number(), parts: z.number() });
  for (let seconds = 0; seconds < AT_REST_SECONDS; seconds++) {
    const [found] = await clickhouse.select(sql, {}, row);
    if (found?.merges === 0 && found.parts <= 1) return;
    if (found?.merges !== 0) seconds = 0;
    await setTimeout(1000);
  }
}

/** Throws Error when ClickHouse does not hold exactly so many events. */
export async function requireEvents(clickhouse: ClickHouse, total: number): Promise<void> {
  const [held] = await clickhouse.select(
    'SELECT count() AS events, max(sequence) + 1 AS next FROM events',
    {},
    z.object({ events: z.number(), next: z.number() }),
  );
  if (held?.events !== total || held.next !== total)
    throw new Error(`ClickHouse holds ${held?.events} events up to ${held?.next}, not ${total}.`);
}

/** Rows that one SELECT hands over. */
const READ_EVENTS = 10_000;

/** The same events as a producer would propose them to a journal that is empty. */
export async function readProposed(
  clickhouse: ClickHouse,
  source: EventSource,
  total: number,
): Promise<ProposedEvent[]> {
  const events: ProposedEvent[] = [];
  for (let from = 0; from < total; from += READ_EVENTS) {
    const params = { from, to: Math.min(total, from + READ_EVENTS), total };
    const rows = await clickhouse.select(`SELECT * FROM (${selectOf(source)}) ORDER BY sequence`, params, rowSchema, {
      timeLimit: 600,
    });
    for (const row of rows) events.push(proposedOf(fromRow(row)));
  }
  return events;
}

/** What a producer hands over of an event: without what the journal adds. */
export function proposedOf(event: ChangeEvent): ProposedEvent {
  const {
    eventVersion: _v,
    log: _l,
    sequence: _s,
    recordedAt: _r,
    root,
    subjectKey: _k,
    actorKey: _a,
    valueKeys: _n,
    ...proposed
  } = event;
  return event.causes.length > 0 ? { ...proposed, root } : proposed;
}
