// The tables of the checkpoints in the SQLite file: signed notes, the public keys they are signed with, and where each was
// sent. Changed by the writer thread alone, read by connections that cannot write.
import path from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Micros } from '../clock.ts';
import { TileStore } from '../merkle/tiles.ts';

/** A checkpoint as it is kept. */
export interface KeptCheckpoint {
  size: number;
  /** The signed note. */
  note: string;
}

/** A public key of the log. */
export interface CheckpointKey {
  vkey: string;
  /** Checkpoints of this size and larger are signed with it, until the next key's. */
  from: number;
}

/** What became of sending one checkpoint to one destination. */
export interface Delivery {
  /** What and where, without any secret: `webhook https://example.com`. */
  destination: string;
  size: number;
  state: 'sent' | 'failed';
  /** How often it was tried. */
  attempts: number;
  /** When it was tried last. */
  at: Micros;
  /** Why it failed. */
  error: string | undefined;
}

export type CheckpointChange =
  /** A new checkpoint, or one that has gained signatures. */
  ({ kind: 'checkpoint' } & KeptCheckpoint) | ({ kind: 'key' } & CheckpointKey) | ({ kind: 'delivery' } & Delivery);

const DELIVERY = 'destination, size, state, attempts, at, error';

/** For the writer thread. */
export class CheckpointTables {
  readonly #checkpoint: StatementSync;
  readonly #key: StatementSync;
  readonly #delivery: StatementSync;

  constructor(database: DatabaseSync) {
    this.#checkpoint = database.prepare('INSERT OR REPLACE INTO checkpoints (size, note) VALUES (?, ?)');
    this.#key = database.prepare('INSERT INTO checkpoint_keys (from_size, vkey) VALUES (?, ?)');
    this.#delivery = database.prepare(
      `INSERT OR REPLACE INTO checkpoint_deliveries (${DELIVERY}) VALUES (?, ?, ?, ?, ?, ?)`,
    );
  }

  /** Within the caller's transaction. */
  apply(changes: readonly CheckpointChange[]): void {
    for (const change of changes) {
      if (change.kind === 'checkpoint') this.#checkpoint.run(change.size, change.note);
      else if (change.kind === 'key') this.#key.run(change.from, change.vkey);
      else {
        const { destination, size, state, attempts, at, error } = change;
        this.#delivery.run(destination, size, state, attempts, at, error ?? null);
      }
    }
  }
}

/** For everybody else: its connection cannot write. */
export class CheckpointReader {
  readonly #database: DatabaseSync;
  readonly #newest: StatementSync;
  readonly #at: StatementSync;
  readonly #after: StatementSync;
  readonly #keys: StatementSync;
  readonly #firstDelivery: StatementSync;
  readonly #lastDelivery: StatementSync;
  readonly #lastSent: StatementSync;
  readonly #newestSent: StatementSync;
  /** The full tiles. */
  readonly tiles: TileStore;

  /** `file` is the SQLite file of a data folder. */
  constructor(file: string) {
    const database = new DatabaseSync(path.resolve(file), { readOnly: true });
    this.#database = database;
    this.tiles = new TileStore(database);
    this.#newest = database.prepare('SELECT size, note FROM checkpoints ORDER BY size DESC LIMIT 1');
    this.#at = database.prepare('SELECT size, note FROM checkpoints WHERE size = ?');
    this.#after = database.prepare('SELECT size, note FROM checkpoints WHERE size > ? ORDER BY size LIMIT 1');
    this.#keys = database.prepare('SELECT from_size, vkey FROM checkpoint_keys ORDER BY from_size');
    const ofDestination = `SELECT ${DELIVERY} FROM checkpoint_deliveries WHERE destination = ?`;
    this.#firstDelivery = database.prepare(`${ofDestination} ORDER BY size LIMIT 1`);
    this.#lastDelivery = database.prepare(`${ofDestination} ORDER BY size DESC LIMIT 1`);
    this.#newestSent = database.prepare(
      `SELECT ${DELIVERY} FROM checkpoint_deliveries WHERE state = 'sent' ORDER BY size DESC, at LIMIT 1`,
    );
    this.#lastSent = database.prepare(`${ofDestination} AND state = 'sent' ORDER BY size DESC LIMIT 1`);
  }

  newest(): KeptCheckpoint | undefined {
    return readCheckpoint(this.#newest.get());
  }

  at(size: number): KeptCheckpoint | undefined {
    return readCheckpoint(this.#at.get(size));
  }

  /** The next larger one. */
  after(size: number): KeptCheckpoint | undefined {
    return readCheckpoint(this.#after.get(size));
  }

  /** In the order in which they came to be. */
  keys(): CheckpointKey[] {
    return this.#keys.all().map((row) => ({ vkey: String(row.vkey), from: Number(row.from_size) }));
  }

  /** The smallest checkpoint that was sent there, or tried. */
  firstDelivery(destination: string): Delivery | undefined {
    return readDelivery(this.#firstDelivery.get(destination));
  }

  /** The largest checkpoint that was sent there, or tried. */
  lastDelivery(destination: string): Delivery | undefined {
    return readDelivery(this.#lastDelivery.get(destination));
  }

  /** The largest checkpoint that is anywhere outside; of several places the one that has it longest. */
  newestSent(): Delivery | undefined {
    return readDelivery(this.#newestSent.get());
  }

  lastSent(destination: string): Delivery | undefined {
    return readDelivery(this.#lastSent.get(destination));
  }

  close(): void {
    this.#database.close();
  }
}

type Row = ReturnType<StatementSync['get']>;

function readCheckpoint(row: Row): KeptCheckpoint | undefined {
  return row && { size: Number(row.size), note: String(row.note) };
}

function readDelivery(row: Row): Delivery | undefined {
  return (
    row && {
      destination: String(row.destination),
      size: Number(row.size),
      state: row.state === 'sent' ? 'sent' : 'failed',
      attempts: Number(row.attempts),
      at: Number(row.at),
      error: typeof row.error === 'string' ? row.error : undefined,
    }
  );
}
