// The journal's file of a log that is made again from a bundle: as one that was trimmed as far as it may be. It has tiles,
// checkpoints, keys with their owners, what was erased, legal holds, tombstones, and the rows of the tile that is not full yet.
import { closeSync, openSync, rmSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { EventRow } from '../clickhouse/rows.ts';
import { LogError } from '../errors.ts';
import { migrateJournal } from '../journal/schema.ts';
import { JOURNAL_FILE } from '../journal/writer.ts';
import { TileStore } from '../merkle/tiles.ts';
import { HASH_BYTES, TILE_WIDTH } from '../merkle/tree.ts';
import { tombstoneChange } from '../retention/tombstones.ts';
import type { OpenedBundle } from './open-bundle.ts';
import { ToldByRows } from './told-by-rows.ts';

/** What the rows of a bundle say besides. */
interface Read {
  told: ToldByRows;
  keys: ReadonlyMap<number, Buffer>;
  /** Those of the last tile. */
  rows: EventRow[];
  /** The keys that an erased event names. */
  keysOf: (sequence: number) => readonly number[];
}

export interface WrittenJournal {
  /** Keys of persons, actors and the like. */
  keys: number;
  /** Events with columns that were emptied. */
  erased: ToldByRows['erased'];
  holds: number;
}

/** Writes the file anew, whatever is there. Throws LogError move-refused. */
export async function writeJournal(folder: string, bundle: OpenedBundle): Promise<WrittenJournal> {
  for (const ending of ['', '-wal', '-shm']) rmSync(path.join(folder, `${JOURNAL_FILE}${ending}`), { force: true });
  const read = await readBundle(bundle);
  const file = path.join(folder, JOURNAL_FILE);
  // For its owner alone: the keys of persons are in it.
  closeSync(openSync(file, 'a', 0o600));
  const database = new DatabaseSync(file);
  try {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    migrateJournal(database, folder);
    database.exec('BEGIN IMMEDIATE');
    writeFacts(database, bundle);
    writeTree(database, bundle, read.rows);
    writeCheckpoints(database, bundle);
    writeKeys(database, read);
    writeErasures(database, read);
    writeHolds(database, read);
    writeTombstones(database, bundle);
    database.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE)');
  } finally {
    database.close();
    read.told.close();
  }
  return { keys: read.told.owners.size, erased: read.told.erased, holds: read.told.holds.size };
}

async function readBundle(bundle: OpenedBundle): Promise<Read> {
  const keys = bundle.keys();
  const told = new ToldByRows((number) => keys.has(number));
  const named = new Map<number, readonly number[]>();
  const lastTile = Math.floor((bundle.size - 1) / TILE_WIDTH) * TILE_WIDTH;
  const rows: EventRow[] = [];
  let known = 0;
  for await (const page of bundle.rows()) {
    told.add(page);
    const erased = new Set(told.erased.slice(known).map(({ sequence }) => sequence));
    known = told.erased.length;
    for (const row of page) {
      if (erased.has(row.sequence)) named.set(row.sequence, [row.subject_key, row.actor_key, ...row['value.key']]);
      if (row.sequence >= lastTile) rows.push(row);
    }
  }
  refuseUntold(bundle, told);
  return { told, keys, rows, keysOf: (sequence) => named.get(sequence) ?? [] };
}

/** Without the event of the newest tombstone, what was carried forward is not known to be all. */
function refuseUntold(bundle: OpenedBundle, { expired }: ToldByRows): void {
  const last = bundle.tombstones().at(-1);
  if (!last || expired.has(last.first)) return;
  throw new LogError(
    'move-refused',
    `The bundle was made while events were expiring: the event by which those from ${last.first} on went is not in it. Export the log again.`,
  );
}

function writeFacts(database: DatabaseSync, { log, size, partitionEvents }: OpenedBundle): void {
  const put = database.prepare('INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)');
  put.run('log', log);
  put.run('shipped', String(size));
  put.run('partition-events', String(partitionEvents));
}

/** The full tiles; the hashes of the last one that is not full are the leaves of the last rows. */
function writeTree(database: DatabaseSync, bundle: OpenedBundle, rows: readonly EventRow[]): void {
  const tiles = new TileStore(database);
  for (let level = 0, hashes = bundle.size; hashes >= TILE_WIDTH; level++, hashes = Math.floor(hashes / TILE_WIDTH))
    for (let index = 0; (index + 1) * TILE_WIDTH <= hashes; index++)
      tiles.write({ level, index, bytes: bundle.tile(level, index, TILE_WIDTH) });
  const first = bundle.size - rows.length;
  const leaves = bundle.tile(0, first / TILE_WIDTH, rows.length);
  const put = database.prepare('INSERT INTO journal (sequence, leaf, row) VALUES (?, ?, ?)');
  for (const [index, row] of rows.entries())
    put.run(first + index, leaves.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES), JSON.stringify(row));
}

function writeCheckpoints(database: DatabaseSync, bundle: OpenedBundle): void {
  const put = database.prepare('INSERT INTO checkpoints (size, note) VALUES (?, ?)');
  for (const { size, note } of bundle.checkpoints()) put.run(size, note);
  const record = database.prepare('INSERT INTO checkpoint_keys (from_size, vkey) VALUES (?, ?)');
  for (const { vkey, from } of bundle.publicKeys()) record.run(from, vkey);
}

function writeKeys(database: DatabaseSync, { told, keys }: Read): void {
  const put = database.prepare('INSERT INTO keys (number, owner, key) VALUES (?, ?, ?)');
  for (const [number, owner] of told.owners) put.run(number, owner, keys.get(number) ?? Buffer.alloc(0));
  // Numbers of keys that are gone are given to nobody else.
  database.prepare("DELETE FROM sqlite_sequence WHERE name = 'keys'").run();
  database.prepare("INSERT INTO sqlite_sequence (name, seq) VALUES ('keys', ?)").run(told.highestKey);
}

function writeErasures(database: DatabaseSync, { told, keysOf }: Read): void {
  const put = database.prepare('INSERT INTO erasures (event, accepted_at, keys) VALUES (?, ?, ?)');
  for (const [event, { acceptedAt, keys }] of told.erasures) put.run(event, acceptedAt, JSON.stringify(keys));
  const erase = database.prepare(
    `INSERT INTO erased_events (sequence, erasure, object, actor, plain, refs, version, settled)
     VALUES (?, ?, ?, ?, ?, ?, 1, 1)`,
  );
  for (const event of told.erased) {
    const { sequence, object, actor, values, references } = event;
    erase.run(sequence, told.erasureOf(keysOf(sequence)), object, actor, values, references.join(','));
  }
}

function writeHolds(database: DatabaseSync, { told }: Read): void {
  const put = database.prepare("INSERT INTO state (kind, key, value, indexed) VALUES ('hold', ?, ?, '{}')");
  for (const [event, hold] of told.holds) put.run(String(event), JSON.stringify(hold));
}

function writeTombstones(database: DatabaseSync, bundle: OpenedBundle): void {
  const put = database.prepare("INSERT INTO state (kind, key, value, indexed) VALUES (?, ?, ?, '{}')");
  for (const { kind, key, value } of bundle.tombstones().map(tombstoneChange))
    put.run(kind, key, JSON.stringify(value));
}
