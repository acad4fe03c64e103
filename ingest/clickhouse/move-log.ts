// Takes a whole log from one ClickHouse to another: from the embedded one to a server or a cluster. It can be cut off and run
// again; it ends when every row is known to be the same in both, by SHA-256 over all of its columns.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ErasureReader } from '../erasure/journal-reader.ts';
import { settleInClickHouse } from '../erasure/settle.ts';
import { LogError } from '../errors.ts';
import type { Journal } from '../journal/journal.ts';
import { expiredOf, partitionEvents } from '../retention/tombstones.ts';
import { completeViews, refuseOtherLog, VIEWS } from './comparison.ts';
import type { ClickHouse } from './connect.ts';
import { migrateClickHouse } from './migrate.ts';
import { EVENT_COLUMNS, INSERTED_COLUMNS } from './rows.ts';

/** Below ClickHouse's block size, as the shipper's batches are, so that an insert is all or nothing. */
const BATCH_EVENTS = 20_000;
const BATCH_BYTES = 16 * 1024 * 1024;
/** Events compared by one hash; a divisor of what a shard takes in a row, so that one shard answers for it. */
const COMPARED_EVENTS = 65_536;
/** Seconds for reading a batch or hashing a range. */
const TIME_LIMIT = 60;

export interface LogMove {
  /** What has the data folder locked: nobody ships meanwhile. */
  journal: Journal;
  source: ClickHouse;
  target: ClickHouse;
  /** Called with each batch and each range compared. */
  onProgress?: (progress: MoveProgress) => void;
  signal?: AbortSignal;
}

export interface MoveProgress {
  what: 'copying' | 'comparing';
  /** Events. */
  done: number;
  total: number;
}

export interface MovedLog {
  /** Events that both hold now. */
  events: number;
  /** Those that the target held before. */
  found: number;
}

/**
 * Copies what the target lacks and compares everything. Throws LogError: clickhouse-different when either holds another log
 * or another event, with its sequence; clickhouse-ahead when the target holds more than the source.
 */
export async function moveLog(move: LogMove): Promise<MovedLog> {
  const { journal, source, target, signal = new AbortController().signal } = move;
  const partition = partitionEvents(journal);
  const first = expiredOf(journal)?.below ?? 0;
  await migrateClickHouse(source, partition);
  await refuseOtherLog(source, journal, Number(journal.fact('shipped') ?? 0), signal);
  await migrateClickHouse(target, partition);
  await refuseOtherLog(target, journal, 0, signal);
  const [events, found] = [await countEvents(source, first), await countEvents(target, first)];
  if (found > events) {
    const said = `The ClickHouse to move to holds ${found} events of this log, the one to move from only ${events}.`;
    throw new LogError('clickhouse-ahead', said);
  }
  // What an insert that was cut off has not brought into the views is made up for in the last batch that is there.
  const end = first + events;
  if (found > 0) await completeViews(target, Math.max(first, first + found - BATCH_EVENTS), first + found);
  for (let from = first + found; from < end; ) {
    signal.throwIfAborted();
    from = await copyBatch(move, from, end);
    move.onProgress?.({ what: 'copying', done: from - first, total: events });
  }
  await settleBoth(move);
  for (let from = first; from < end; from += COMPARED_EVENTS) {
    signal.throwIfAborted();
    const to = Math.min(from + COMPARED_EVENTS, end);
    await refuseDifference(source, target, from, to);
    move.onProgress?.({ what: 'comparing', done: to - first, total: events });
  }
  return { events, found };
}

/** Commitments of erased events are bytes, which JSON does not carry: they are put in from the journal. */
async function settleBoth({ journal, source, target }: LogMove): Promise<void> {
  const reader = new ErasureReader(journal.folder);
  const erased = reader.erased(expiredOf(journal)?.below ?? 0, Number(journal.fact('shipped') ?? 0));
  reader.close();
  if (erased.length > 0) for (const each of [source, target]) await settleInClickHouse(each, erased);
}

async function countEvents(clickhouse: ClickHouse, first: number): Promise<number> {
  const sql = 'SELECT count() AS n FROM events WHERE sequence >= {first:UInt64}';
  const [row] = await clickhouse.select(sql, { first }, z.object({ n: z.number() }));
  return row?.n ?? 0;
}

const COLUMNS = EVENT_COLUMNS.map((column) => `\`${column}\``).join(', ');

const INSERTED = INSERTED_COLUMNS.map((column) => `\`${column}\``).join(', ');

/** Copies a batch from `from` on, of one range of the target and not too large, and returns where the next begins. */
async function copyBatch({ journal, source, target }: LogMove, from: number, events: number): Promise<number> {
  const to = Math.min(from + BATCH_EVENTS, events, from - (from % target.rangeEvents) + target.rangeEvents);
  const rows = await source.select(
    `SELECT ${INSERTED} FROM events WHERE sequence >= {from:UInt64} AND sequence < {to:UInt64} ORDER BY sequence LIMIT ${BATCH_EVENTS}`,
    { from, to },
    z.unknown(),
    { timeLimit: TIME_LIMIT },
  );
  const lines: string[] = [];
  let bytes = 0;
  for (const row of rows) {
    const line = JSON.stringify(row);
    bytes += line.length;
    if (lines.length > 0 && bytes > BATCH_BYTES) break;
    lines.push(line);
  }
  if (lines.length === 0)
    throw new LogError('clickhouse-different', `The ClickHouse to move from has lost event ${from}.`);
  const text = lines.join('\n');
  const token = `${journal.log}:move:${from}-${from + lines.length}:${createHash('sha256').update(text).digest('hex')}`;
  await target.insert(
    `INSERT INTO events (${INSERTED}) SETTINGS insert_deduplication_token = '${token}', deduplicate_blocks_in_dependent_materialized_views = 1, async_insert = 0 FORMAT JSONEachRow`,
    text,
  );
  return from + lines.length;
}

/** What is compared: the raw log, and what each view has made of it. */
const COMPARED = [
  { table: 'events', columns: COLUMNS, order: 'sequence' },
  ...VIEWS.map(({ target, key }) => ({ table: target, columns: '*', order: `(${key})` })),
];

async function refuseDifference(source: ClickHouse, target: ClickHouse, from: number, to: number): Promise<void> {
  for (const compared of COMPARED) {
    const [ours, theirs] = await Promise.all([source, target].map((each) => hashRange(each, compared, from, to)));
    if (ours === theirs) continue;
    const first = await findDifference(source, target, compared, from, to);
    const said = `The two ClickHouses differ in ${compared.table} at event ${first}.`;
    throw new LogError('clickhouse-different', said);
  }
}

type Compared = (typeof COMPARED)[number];

/** For each row of a range its sequence and the SHA-256 of all of its columns, in an order of their own. */
const rowHashes = ({ table, columns, order }: Compared): string =>
  `SELECT sequence, SHA256(formatRow('RowBinary', ${columns})) AS hash, ${order} AS place FROM ${table}
   WHERE sequence >= {from:UInt64} AND sequence < {to:UInt64}`;

async function hashRange(clickhouse: ClickHouse, compared: Compared, from: number, to: number): Promise<string> {
  const [row] = await clickhouse.select(
    `SELECT concat(toString(count()), ' ', hex(SHA256(arrayStringConcat(arrayMap(r -> r.2, arraySort(groupArray((place, hash)))))))) AS hash
     FROM (${rowHashes(compared)})`,
    { from, to },
    z.object({ hash: z.string() }),
    { timeLimit: TIME_LIMIT },
  );
  return row?.hash ?? '';
}

/** The first sequence of which one has other rows than the other. */
async function findDifference(source: ClickHouse, target: ClickHouse, compared: Compared, from: number, to: number) {
  const [ours = [], theirs = []] = await Promise.all(
    [source, target].map((each) =>
      each.select(
        `SELECT sequence, hex(hash) AS hash FROM (${rowHashes(compared)}) ORDER BY place`,
        { from, to },
        z.object({ sequence: z.number(), hash: z.string() }),
        { timeLimit: TIME_LIMIT },
      ),
    ),
  );
  const at = ours.findIndex((row, index) => row.hash !== theirs[index]?.hash);
  return Math.min(ours[at]?.sequence ?? to, theirs[at < 0 ? ours.length : at]?.sequence ?? to);
}
