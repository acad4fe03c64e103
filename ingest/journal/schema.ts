// The SQLite file: journal, engine state and keys, changed in one transaction. Numbered steps; each runs once.
import type { DatabaseSync } from 'node:sqlite';
import { LogError } from '../errors.ts';

// AUTOINCREMENT: the number of an erased key is never given to another person.
const STEPS: readonly string[] = [
  `
  CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE journal (sequence INTEGER PRIMARY KEY, leaf BLOB NOT NULL, row TEXT NOT NULL) STRICT;
  CREATE TABLE keys (number INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL UNIQUE, key BLOB NOT NULL) STRICT;
  CREATE TABLE state (kind TEXT, key TEXT, value TEXT NOT NULL, indexed TEXT NOT NULL, PRIMARY KEY (kind, key)) STRICT, WITHOUT ROWID;
  CREATE TABLE state_index (kind TEXT, name TEXT, value TEXT, key TEXT, PRIMARY KEY (kind, name, value, key)) STRICT, WITHOUT ROWID;
  `,
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
  for (let step = version; step < DATA_VERSION; step++) {
    database.exec(`BEGIN IMMEDIATE; ${STEPS[step]}; PRAGMA user_version = ${step + 1}; COMMIT`);
  }
}
