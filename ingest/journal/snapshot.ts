// Journal and state as they were at one instant, read while the writer goes on: one read transaction of SQLite's WAL.
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { LogError } from '../errors.ts';
import { restoreTree, TileStore } from '../merkle/tiles.ts';
import { TILE_WIDTH } from '../merkle/tree.ts';
import { type ErasedEvent, readErased } from './erase-keys.ts';
import { asOpenError } from './journal-error.ts';
import { readStateRows, type StateRow } from './state-store.ts';
import { JOURNAL_FILE } from './writer.ts';

export class JournalSnapshot {
  readonly #database: DatabaseSync;
  /** The origin of the log. */
  readonly log: string;
  /** The number of accepted events. */
  readonly size: number;
  /** The first sequence whose row is still there. */
  readonly firstRow: number;
  /** All events below this sequence were delivered to ClickHouse. */
  readonly shipped: number;

  /** Throws LogError when the file cannot be read. It keeps SQLite from reusing its WAL: close it soon. */
  constructor(folder: string) {
    const database = open(folder);
    this.#database = database;
    this.log = this.fact('log') ?? '';
    this.shipped = Number(this.fact('shipped') ?? 0);
    const range = database.prepare('SELECT min(sequence) AS first, max(sequence) AS last FROM journal').get();
    this.firstRow = Number(range?.first ?? 0);
    this.size = range?.last === null || range?.last === undefined ? 0 : Number(range.last) + 1;
  }

  fact(name: string): string | undefined {
    const value = this.#database.prepare('SELECT value FROM facts WHERE name = ?').get(name)?.value;
    return typeof value === 'string' ? value : undefined;
  }

  /** Up to `limit` rows of `events` as JSON from `first` on, in order; fewer at the end, none where they were trimmed. */
  rows(first: number, limit: number): string[] {
    return this.#database
      .prepare('SELECT row FROM journal WHERE sequence >= ? AND sequence < ? ORDER BY sequence')
      .all(first, first + limit)
      .map(({ row }) => String(row));
  }

  /** Events that were erased here and are not, or not surely, in ClickHouse. */
  unsettled(): ErasedEvent[] {
    // A data folder of before the first erasure may not have been brought up to this version yet.
    if (!this.#database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'erased_events'").get()) return [];
    return this.#database
      .prepare('SELECT sequence, object, actor, plain, refs FROM erased_events WHERE settled = 0')
      .all()
      .map((row) => readErased(Number(row.sequence), row));
  }

  /** Events before it have expired; 0: none has. */
  expiredBelow(): number {
    const last = this.#database
      .prepare(
        `SELECT max(json_extract(value, '$.first') + json_extract(value, '$.size')) AS below FROM state WHERE kind = 'tombstone'`,
      )
      .get();
    return Number(last?.below ?? 0);
  }

  /** The Merkle root over all events, hex. Throws LogError journal-damaged. */
  root(): string {
    const first = this.size - (this.size % TILE_WIDTH);
    const leaves = this.#database
      .prepare('SELECT leaf FROM journal WHERE sequence >= ? ORDER BY sequence')
      .all(first)
      .map(({ leaf }) => leaf as Uint8Array);
    try {
      return Buffer.from(restoreTree(new TileStore(this.#database), this.size, leaves).root()).toString('hex');
    } catch (error) {
      throw new LogError('journal-damaged', 'The Merkle tree of the journal is not whole.', { cause: error });
    }
  }

  /** The engine's state in the order of kind and key. */
  state(): Iterable<StateRow> {
    return readStateRows(this.#database);
  }

  close(): void {
    this.#database.close();
  }
}

function open(folder: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path.join(folder, JOURNAL_FILE), { readOnly: true });
    // A transaction begins with its first read.
    database.exec('BEGIN; SELECT count(*) FROM facts');
    return database;
  } catch (error) {
    database?.close();
    throw asOpenError(error, folder);
  }
}
