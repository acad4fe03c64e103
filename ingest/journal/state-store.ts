// The tables of the engine's state in a file of their own: where a state is rebuilt that is compared with the live one, or
// takes its place. The live state is the writer's alone.
import path from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { StateChange } from './messages.ts';
import { StateView } from './state.ts';
import { JOURNAL_FILE } from './writer.ts';

type Indexed = Record<string, string[]>;

export interface StateRow {
  kind: string;
  key: string;
  value: unknown;
}

export class StateStore {
  /** What was put so far; a change that is put in here must be applied before the store is read by `rows`. */
  readonly view: StateView;
  readonly #database: DatabaseSync;
  readonly #put: StatementSync;
  readonly #delete: StatementSync;
  readonly #readIndexed: StatementSync;
  readonly #insertIndex: StatementSync;
  readonly #deleteIndex: StatementSync;

  /** `database` has the tables already; without one a file is made that is gone when it is closed, also by a kill. */
  constructor(database = openTemporary()) {
    this.#database = database;
    this.#put = database.prepare('INSERT OR REPLACE INTO state (kind, key, value, indexed) VALUES (?, ?, ?, ?)');
    this.#delete = database.prepare('DELETE FROM state WHERE kind = ? AND key = ?');
    this.#readIndexed = database.prepare('SELECT indexed FROM state WHERE kind = ? AND key = ?');
    this.#insertIndex = database.prepare('INSERT INTO state_index (kind, name, value, key) VALUES (?, ?, ?, ?)');
    this.#deleteIndex = database.prepare(
      'DELETE FROM state_index WHERE kind = ? AND name = ? AND value = ? AND key = ?',
    );
    this.view = new StateView(database);
  }

  /** Writes changes that the view has already been given. */
  apply(changes: readonly StateChange[]): void {
    this.#database.exec('BEGIN');
    for (const change of changes) this.#apply(change);
    this.#database.exec('COMMIT');
    this.view.settle(changes);
  }

  /** All values in the order of kind and key. */
  *rows(): Iterable<StateRow> {
    yield* readStateRows(this.#database);
  }

  close(): void {
    this.#database.close();
  }

  #apply({ kind, key, value, indexed = {} }: StateChange): void {
    const now = value === null ? '{}' : JSON.stringify(indexed);
    const before = this.#readIndexed.get(kind, key)?.indexed;
    const was = typeof before === 'string' ? before : '{}';
    if (was !== now) this.#reindex(kind, key, placesOf(was), placesOf(now));
    if (value === null) this.#delete.run(kind, key);
    else this.#put.run(kind, key, JSON.stringify(value), now);
  }

  #reindex(kind: string, key: string, was: Places, now: Places): void {
    for (const [place, [name, value]] of was) if (!now.has(place)) this.#deleteIndex.run(kind, name, value, key);
    for (const [place, [name, value]] of now) if (!was.has(place)) this.#insertIndex.run(kind, name, value, key);
  }
}

type Places = Map<string, [name: string, value: string]>;

function placesOf(indexed: string): Places {
  return new Map(
    Object.entries(JSON.parse(indexed) as Indexed).flatMap(([name, values]) =>
      values.map((value): [string, [string, string]] => [JSON.stringify([name, value]), [name, value]]),
    ),
  );
}

/** The state of a data folder that nothing has open, emptied but for these kinds: it is rebuilt. */
export function openStateOf(folder: string, kept: readonly string[]): StateStore {
  const database = new DatabaseSync(path.join(folder, JOURNAL_FILE));
  database.exec('PRAGMA journal_mode = WAL; BEGIN');
  for (const table of ['state', 'state_index'])
    database
      .prepare(`DELETE FROM ${table} WHERE kind NOT IN (SELECT value FROM json_each(?))`)
      .run(JSON.stringify(kept));
  database.exec('COMMIT');
  return new StateStore(database);
}

/** The state in a database, in the order of kind and key. */
export function* readStateRows(database: DatabaseSync): Iterable<StateRow> {
  for (const row of database.prepare('SELECT kind, key, value FROM state ORDER BY kind, key').iterate())
    yield { kind: String(row.kind), key: String(row.key), value: JSON.parse(String(row.value)) as unknown };
}

/** SQLite keeps a nameless database in a file that is unlinked as soon as it is open, for its owner alone. */
function openTemporary(): DatabaseSync {
  const database = new DatabaseSync('');
  database.exec(`
    PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
    CREATE TABLE state (kind TEXT, key TEXT, value TEXT NOT NULL, indexed TEXT NOT NULL, PRIMARY KEY (kind, key)) STRICT, WITHOUT ROWID;
    CREATE TABLE state_index (kind TEXT, name TEXT, value TEXT, key TEXT, PRIMARY KEY (kind, name, value, key)) STRICT, WITHOUT ROWID;`);
  return database;
}
