// The one writer of a data folder. It owns the SQLite file: the rows and leaves of a batch, the tiles that they fill, its
// keys and the state that produced it are one fsynced transaction; then and only then they are accepted. It runs on a
// thread of its own (writer-thread.ts), for SQLite blocks.
import { randomBytes } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { type CheckpointChange, CheckpointTables } from '../checkpoints/tables.ts';
import { LogError } from '../errors.ts';
import { restoreTree, TileStore } from '../merkle/tiles.ts';
import { HASH_BYTES, type MerkleTree, TILE_WIDTH } from '../merkle/tree.ts';
import { makeDataFolder } from './data-folder.ts';
import { type ErasureWork, eraseKeys, workOnErasure } from './erase-keys.ts';
import { asOpenError, asWriteError } from './journal-error.ts';
import { lockDataFolder } from './lock.ts';
import type { Frontier, LogHead, PreparedBatch, StoredChange } from './messages.ts';
import { migrateJournal } from './schema.ts';

export const JOURNAL_FILE = 'metatrail.sqlite';
/** Rows removed in one transaction: some 10 ms, for which nothing is accepted. */
const TRIMMED_AT_ONCE = 2_000;

export class Writer {
  readonly log: string;
  readonly #folder: string;
  readonly #database: DatabaseSync;
  readonly #lock: DatabaseSync;
  readonly #tiles: TileStore;
  readonly #checkpoints: CheckpointTables;
  readonly #statements: Statements;
  #tree: MerkleTree;

  /** Opens or makes a data folder. Throws LogError: in use, newer than this program, not writable, full or damaged. */
  constructor(folder: string) {
    this.#folder = folder;
    makeDataFolder(folder);
    this.#lock = lockDataFolder(folder);
    let database: DatabaseSync | undefined;
    try {
      database = openJournalFile(folder);
      this.#database = database;
      this.#statements = prepareStatements(database);
      this.#tiles = new TileStore(database);
      this.#checkpoints = new CheckpointTables(database);
      this.log = this.#readOrMakeOrigin();
      this.#tree = this.#restoreTree();
    } catch (error) {
      database?.close();
      this.#lock.close();
      throw asOpenError(error, folder);
    }
  }

  /** The number of accepted events, which is the next sequence. */
  get size(): number {
    return this.#tree.size;
  }

  get head(): LogHead {
    return { size: this.#tree.size, root: Buffer.from(this.#tree.root()).toString('hex') };
  }

  get frontier(): Frontier {
    return { ...this.#tree.frontier(), root: new Uint8Array(this.#tree.root()) };
  }

  /** Accepts a batch, or throws LogError and nothing of it is kept. */
  accept({ base, rows, leaves, keys, state, checkpoints, erase, recordedAt }: PreparedBatch): void {
    if (base !== this.#tree.size) {
      throw new LogError('journal-failed', `A batch for sequence ${base} came when ${this.#tree.size} was due.`);
    }
    const tree = this.#tree.copy();
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      if (erase) eraseKeys(this.#database, erase, { event: base + rows.length - 1, acceptedAt: recordedAt });
      for (const { number, owner, key } of keys) this.#statements.key.run(number, owner, key);
      for (const [index, row] of rows.entries()) {
        const leaf = leaves.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES);
        this.#statements.journal.run(base + index, leaf, row);
        for (const tile of tree.append(leaf)) this.#tiles.write(tile);
      }
      for (const change of state) this.#applyState(change);
      this.#checkpoints.apply(checkpoints);
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#rollBack();
      throw asWriteError(error, this.#folder);
    }
    this.#tree = tree;
  }

  /**
   * Removes the rows below a sequence from the journal, at most TRIMMED_AT_ONCE of them; their leaves stay in the tiles.
   * Rows of the tile that is not full, and the last row, stay in any case. Returns the first sequence that is there.
   */
  trim(below: number): number {
    const first = Number(this.#database.prepare('SELECT min(sequence) AS first FROM journal').get()?.first ?? 0);
    const lastTile = Math.max(0, Math.floor((this.#tree.size - 1) / TILE_WIDTH) * TILE_WIDTH);
    const limit = Math.min(below, lastTile, first + TRIMMED_AT_ONCE);
    if (limit <= first) {
      this.#truncateWal();
      return first;
    }
    try {
      this.#database.prepare('DELETE FROM journal WHERE sequence < ?').run(limit);
    } catch (error) {
      throw asWriteError(error, this.#folder);
    }
    return limit;
  }

  /** SQLite has rolled back by itself after some errors; after others a rollback fails like what was before it. */
  #rollBack(): void {
    try {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
    } catch (error) {
      throw asWriteError(error, this.#folder);
    }
  }

  /** Changes the tables of the checkpoints in a transaction of their own. Throws LogError. */
  changeCheckpoints(changes: readonly CheckpointChange[]): void {
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      this.#checkpoints.apply(changes);
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#rollBack();
      throw asWriteError(error, this.#folder);
    }
  }

  /** Remembers a fact about the data folder, such as how far the shipper came. Throws LogError. */
  setFact(name: string, value: string): void {
    try {
      this.#statements.putFact.run(name, value);
    } catch (error) {
      throw asWriteError(error, this.#folder);
    }
  }

  /** Takes what the WAL holds into the file and makes the WAL empty, unless somebody is reading it just now. */
  #truncateWal(): void {
    try {
      this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } catch (error) {
      // On a full disk all of it stays in the WAL, where it is as durable; whatever else is wrong shows at the next batch.
      if (asWriteError(error, this.#folder).code !== 'journal-full') throw asWriteError(error, this.#folder);
    }
  }

  /** What remains to be done for erasures. Throws LogError. */
  workOnErasure(work: ErasureWork): void {
    try {
      workOnErasure(this.#database, work);
    } catch (error) {
      throw asWriteError(error, this.#folder);
    }
  }

  /** Also when the disk fails while the write-ahead log is taken up: the folder is left to the next process. */
  close(): void {
    try {
      this.#truncateWal();
    } finally {
      this.#database.close();
      this.#lock.close();
    }
  }

  #applyState({ kind, key, value, indexed }: StoredChange): void {
    const before = this.#statements.readIndexed.get(kind, key)?.indexed;
    const was = typeof before === 'string' ? before : '{}';
    if (was !== indexed) this.#reindex(kind, key, readIndexed(was), readIndexed(indexed));
    if (value === null) this.#statements.deleteState.run(kind, key);
    else this.#statements.putState.run(kind, key, value, indexed);
  }

  /** Writes only what differs: a group of a thousand members that gains one gains one row. */
  #reindex(kind: string, key: string, before: Indexed, after: Indexed): void {
    for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
      const old = new Set(before[name]);
      const now = new Set(after[name]);
      for (const value of old) if (!now.has(value)) this.#statements.deleteIndex.run(kind, name, value, key);
      for (const value of now) if (!old.has(value)) this.#statements.insertIndex.run(kind, name, value, key);
    }
  }

  #readOrMakeOrigin(): string {
    const row = this.#database.prepare("SELECT value FROM facts WHERE name = 'log'").get();
    if (typeof row?.value === 'string') return row.value;
    const log = `metatrail/${randomBytes(8).toString('hex')}`;
    this.setFact('log', log);
    return log;
  }

  #restoreTree(): MerkleTree {
    const size = Number(
      this.#database.prepare('SELECT coalesce(max(sequence) + 1, 0) AS size FROM journal').get()?.size ?? 0,
    );
    const first = size - (size % TILE_WIDTH);
    const leaves = this.#database.prepare('SELECT leaf FROM journal WHERE sequence >= ? ORDER BY sequence').all(first);
    if (leaves.length !== size - first)
      throw new LogError(
        'journal-damaged',
        `The journal holds ${leaves.length} of ${size - first} leaves from ${first} on.`,
      );
    return restoreTree(
      this.#tiles,
      size,
      leaves.map(({ leaf }) => leaf as Uint8Array),
    );
  }
}

type Indexed = Record<string, string[]>;

function readIndexed(text: string): Indexed {
  return JSON.parse(text) as Indexed;
}

interface Statements {
  putFact: StatementSync;
  key: StatementSync;
  journal: StatementSync;
  readIndexed: StatementSync;
  deleteIndex: StatementSync;
  insertIndex: StatementSync;
  putState: StatementSync;
  deleteState: StatementSync;
}

function prepareStatements(database: DatabaseSync): Statements {
  return {
    putFact: database.prepare('INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)'),
    key: database.prepare('INSERT INTO keys (number, owner, key) VALUES (?, ?, ?)'),
    journal: database.prepare('INSERT INTO journal (sequence, leaf, row) VALUES (?, ?, ?)'),
    readIndexed: database.prepare('SELECT indexed FROM state WHERE kind = ? AND key = ?'),
    deleteIndex: database.prepare('DELETE FROM state_index WHERE kind = ? AND name = ? AND value = ? AND key = ?'),
    insertIndex: database.prepare('INSERT INTO state_index (kind, name, value, key) VALUES (?, ?, ?, ?)'),
    putState: database.prepare('INSERT OR REPLACE INTO state (kind, key, value, indexed) VALUES (?, ?, ?, ?)'),
    deleteState: database.prepare('DELETE FROM state WHERE kind = ? AND key = ?'),
  };
}

/** Opens the SQLite file; the keys in it are nobody else's to read, whatever the folder around it allows. */
function openJournalFile(folder: string): DatabaseSync {
  const file = path.join(folder, JOURNAL_FILE);
  closeSync(openSync(file, 'a', 0o600));
  const database = new DatabaseSync(file);
  try {
    // The page size is that of a new file: a row has a kilobyte, and of pages of 4 KiB a transaction writes twice as many.
    database.exec(
      `PRAGMA page_size = 8192; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 2000; PRAGMA journal_size_limit = 33554432`,
    );
    const mode = database.prepare('PRAGMA journal_mode = WAL').get()?.journal_mode;
    if (mode !== 'wal') {
      const said = `The data folder ${folder} is on a file system without shared memory, which the journal needs.`;
      throw new LogError('data-folder-not-writable', said);
    }
    migrateJournal(database, folder);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
