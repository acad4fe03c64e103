// The SQLite file: journal, engine state and keys, changed in one transaction. Numbered steps; each runs once.
import { rmSync } from 'node:fs';
import path from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { LogError } from '../errors.ts';
import { TileStore } from '../merkle/tiles.ts';
import { MerkleTree } from '../merkle/tree.ts';

interface Step {
  sql: string;
  /** What SQL alone cannot do; in the same transaction. */
  fill?: (database: DatabaseSync) => void;
  /** What is left over when the step is durable. */
  cleanUp?: (folder: string) => void;
}

// AUTOINCREMENT: the number of an erased key is never given to another person.
const STEPS: readonly Step[] = [
  {
    sql: `
  CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE journal (sequence INTEGER PRIMARY KEY, leaf BLOB NOT NULL, row TEXT NOT NULL) STRICT;
  CREATE TABLE keys (number INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL UNIQUE, key BLOB NOT NULL) STRICT;
  CREATE TABLE state (kind TEXT, key TEXT, value TEXT NOT NULL, indexed TEXT NOT NULL, PRIMARY KEY (kind, key)) STRICT, WITHOUT ROWID;
  CREATE TABLE state_index (kind TEXT, name TEXT, value TEXT, key TEXT, PRIMARY KEY (kind, name, value, key)) STRICT, WITHOUT ROWID;
  `,
  },
  {
    // Tiles were files of their own before, and no leaf was ever trimmed.
    sql: `
  CREATE TABLE tiles (level INTEGER, tile INTEGER, hashes BLOB NOT NULL, PRIMARY KEY (level, tile)) STRICT;
  CREATE TABLE checkpoints (size INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT;
  `,
    fill: writeTilesOfJournal,
    cleanUp: (folder) => rmSync(path.join(folder, 'tile'), { recursive: true, force: true }),
  },
  {
    // A public key signs the checkpoints from this size on, until the next one does.
    sql: `
  CREATE TABLE checkpoint_keys (from_size INTEGER PRIMARY KEY, vkey TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE checkpoint_deliveries (
    destination TEXT, size INTEGER, state TEXT NOT NULL, attempts INTEGER NOT NULL, at INTEGER NOT NULL, error TEXT,
    PRIMARY KEY (destination, size)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX checkpoints_sent ON checkpoint_deliveries (size) WHERE state = 'sent';
  `,
  },
  {
    // Commitments are hexadecimal; `refs` has one for each value of the row, joined by commas. `version` grows with each
    // change of a row, so that what was settled is never more than what was looked at.
    sql: `
  CREATE TABLE erasures (event INTEGER PRIMARY KEY, accepted_at INTEGER NOT NULL, keys TEXT NOT NULL) STRICT;
  CREATE TABLE erased_events (
    sequence INTEGER PRIMARY KEY, erasure INTEGER NOT NULL, object TEXT NOT NULL, actor TEXT NOT NULL, plain TEXT NOT NULL,
    refs TEXT NOT NULL, version INTEGER NOT NULL, settled INTEGER NOT NULL) STRICT;
  CREATE INDEX erased_events_unsettled ON erased_events (sequence) WHERE settled = 0;
  CREATE INDEX erased_events_version ON erased_events (version);
  `,
  },
];

/** The version of the data folder that this program writes. */
export const DATA_VERSION = STEPS.length;

/** Brings the file up to this program's version; refuses one that a newer program has written. */
export function migrateJournal(database: DatabaseSync, folder: string): void {
  const version = Number(database.prepare('PRAGMA user_version').get()?.user_version ?? 0);
  if (version > DATA_VERSION) {
    throw new LogError(
      'data-folder-newer',
      `The data folder ${folder} was written by a newer Metatrail (data version ${version}; this program knows ${DATA_VERSION}).`,
    );
  }
  for (const [index, step] of STEPS.entries()) {
    if (index < version) continue;
    database.exec(`BEGIN IMMEDIATE; ${step.sql}; PRAGMA user_version = ${index + 1}`);
    step.fill?.(database);
    database.exec('COMMIT');
    step.cleanUp?.(folder);
  }
}

function writeTilesOfJournal(database: DatabaseSync): void {
  const store = new TileStore(database);
  const tree = new MerkleTree();
  for (const { leaf } of database.prepare('SELECT leaf FROM journal ORDER BY sequence').iterate())
    for (const tile of tree.append(leaf as Uint8Array)) store.write(tile);
}
