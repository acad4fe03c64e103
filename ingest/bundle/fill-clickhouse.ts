// The rows of a bundle into a ClickHouse, in batches that are all or nothing, and each compared with the bundle afterwards.
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { completeViews, findWrongViews } from '../clickhouse/comparison.ts';
import type { ClickHouse } from '../clickhouse/connect.ts';
import { type EventRow, fromRow, INSERTED_COLUMNS } from '../clickhouse/rows.ts';
import { settleInClickHouse } from '../erasure/settle.ts';
import { LogError } from '../errors.ts';
import type { ErasedEvent } from '../journal/erase-keys.ts';
import type { OpenedBundle } from './open-bundle.ts';
import { readRowsFrom } from './read-rows.ts';

/** Below ClickHouse's block size, as the shipper's batches are, so that an insert is all or nothing. */
const BATCH_EVENTS = 20_000;
const BATCH_BYTES = 16 * 1024 * 1024;
/** Rows read back and compared at once. */
const COMPARED_EVENTS = 8192;

export interface FillProgress {
  what: 'copying' | 'comparing';
  /** Events. */
  done: number;
  total: number;
}

export interface Filling {
  bundle: OpenedBundle;
  clickhouse: ClickHouse;
  onProgress?: ((progress: FillProgress) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * How many events of the bundle, from its first on, a ClickHouse holds. Throws LogError move-refused when it holds
 * anything else.
 */
export async function countFilled({ bundle, clickhouse }: Filling): Promise<number> {
  const [held] = await clickhouse.select(
    `SELECT (SELECT count() FROM events) AS events, (SELECT count() FROM events WHERE log != {log:String}) AS others,
       (SELECT max(sequence) FROM events) AS last, (SELECT count() FROM events_set_aside) AS set_aside`,
    { log: bundle.log },
    z.object({ events: z.number(), others: z.number(), last: z.number(), set_aside: z.number() }),
  );
  const { events = 0, others = 0, last = 0, set_aside: setAside = 0 } = held ?? {};
  const isBeginning = events === 0 || (last - bundle.first + 1 === events && last < bundle.size);
  if (others > 0 || setAside > 0 || !isBeginning)
    throw new LogError(
      'move-refused',
      'The ClickHouse to move to holds something else than the beginning of this log.',
    );
  return events;
}

/** Inserts what is not there yet, from the event `found` after the first on. Throws LogError. */
export async function fillClickHouse(filling: Filling, found: number, erased: readonly ErasedEvent[]): Promise<void> {
  const { bundle, clickhouse, signal } = filling;
  const { first, size } = bundle;
  // What an insert that was cut off has not brought into the views is made up for in the last batch that is there.
  const begin = first + found;
  if (found > 0) await completeViews(clickhouse, Math.max(first, begin - BATCH_EVENTS), begin);
  for await (const batch of batchesOf(bundle, begin, clickhouse.rangeEvents)) {
    signal?.throwIfAborted();
    await insertBatch(clickhouse, bundle.log, batch);
    filling.onProgress?.({ what: 'copying', done: batch.from + batch.lines.length - first, total: size - first });
  }
  // Commitments are bytes, which JSON does not carry.
  if (erased.length > 0) await settleInClickHouse(clickhouse, erased);
}

/** Each event must be the bundle's, and each view's table what the view makes of them. Throws LogError clickhouse-different. */
export async function compareFilled({ bundle, clickhouse, onProgress, signal }: Filling): Promise<void> {
  const { first, size } = bundle;
  const readRows = readRowsFrom(clickhouse, signal);
  let next = first;
  for await (const page of pagesOf(bundle, COMPARED_EVENTS)) {
    const held = await readRows(next, next + page.length);
    const wrong = page.findIndex((row, i) => {
      const other = held[i];
      return other === undefined || !isDeepStrictEqual(fromRow(other), fromRow(row));
    });
    if (wrong >= 0 || held.length > page.length) {
      const at = next + (wrong >= 0 ? wrong : page.length);
      throw new LogError('clickhouse-different', `ClickHouse does not hold event ${at} as the bundle has it.`);
    }
    const [view] = await findWrongViews(clickhouse, next, next + page.length);
    if (view !== undefined)
      throw new LogError('clickhouse-different', `${view} is not what its view makes of the events from ${next} on.`);
    next += page.length;
    onProgress?.({ what: 'comparing', done: next - first, total: size - first });
  }
  if (next !== size || (await countFilled({ bundle, clickhouse })) !== size - first)
    throw new LogError(
      'clickhouse-different',
      `ClickHouse does not hold exactly the ${size - first} events of the bundle.`,
    );
}

interface Batch {
  from: number;
  lines: string[];
}

/** Never across the border of what goes to one place in one block. */
async function* batchesOf(bundle: OpenedBundle, begin: number, rangeEvents: number): AsyncIterable<Batch> {
  let batch: Batch = { from: begin, lines: [] };
  let bytes = 0;
  for await (const page of bundle.rows()) {
    for (const row of page) {
      if (row.sequence < begin) continue;
      const line = JSON.stringify(insertedOf(row));
      const isFull = batch.lines.length === BATCH_EVENTS || bytes + line.length > BATCH_BYTES;
      if (batch.lines.length > 0 && (isFull || row.sequence % rangeEvents === 0)) {
        yield batch;
        batch = { from: row.sequence, lines: [] };
        bytes = 0;
      }
      batch.lines.push(line);
      bytes += line.length;
    }
  }
  if (batch.lines.length > 0) yield batch;
}

function insertedOf(row: EventRow): Partial<EventRow> {
  return Object.fromEntries(INSERTED_COLUMNS.map((column) => [column, row[column]]));
}

async function insertBatch(clickhouse: ClickHouse, log: string, { from, lines }: Batch): Promise<void> {
  const text = lines.join('\n');
  const token = `${log}:bundle:${from}-${from + lines.length}:${createHash('sha256').update(text).digest('hex')}`;
  const columns = INSERTED_COLUMNS.map((column) => `\`${column}\``).join(', ');
  await clickhouse.insert(
    `INSERT INTO events (${columns}) SETTINGS insert_deduplication_token = '${token}', deduplicate_blocks_in_dependent_materialized_views = 1, async_insert = 0 FORMAT JSONEachRow`,
    text,
  );
}

async function* pagesOf(bundle: OpenedBundle, events: number): AsyncIterable<EventRow[]> {
  let page: EventRow[] = [];
  for await (const rows of bundle.rows())
    for (const row of rows) {
      page.push(row);
      if (page.length < events) continue;
      yield page;
      page = [];
    }
  if (page.length > 0) yield page;
}
