// The engine's state as the engine sees it: what is accepted (read-only SQLite) under what it has changed in batches not
// yet accepted. Reading is synchronous, 6 microseconds a key, so that the engine's rules stay plain functions.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { StateChange } from './messages.ts';

/** How many parsed values are kept in memory; the oldest half goes when there are more. */
const CACHED_VALUES = 50_000;

export class StateView {
  readonly #get: StatementSync;
  readonly #find: StatementSync;
  readonly #keys: StatementSync;
  readonly #cache = new Map<string, unknown>();
  /** Changes that are not in SQLite yet, the newest for each kind and key. */
  readonly #overlay = new Map<string, StateChange>();

  constructor(database: DatabaseSync) {
    this.#get = database.prepare('SELECT value FROM state WHERE kind = ? AND key = ?');
    this.#find = database.prepare('SELECT key FROM state_index WHERE kind = ? AND name = ? AND value = ?');
    this.#keys = database.prepare('SELECT key FROM state WHERE kind = ?');
  }

  /** The value, or undefined. It is shared: never change it in place. */
  get(kind: string, key: string): unknown {
    const id = idOf(kind, key);
    const changed = this.#overlay.get(id);
    if (changed) return changed.value ?? undefined;
    if (this.#cache.has(id)) return this.#cache.get(id);
    const row = this.#get.get(kind, key);
    const value: unknown = typeof row?.value === 'string' ? JSON.parse(row.value) : undefined;
    this.#remember(id, value);
    return value;
  }

  /** The keys of all values of a kind that were put with `indexed[name]` containing `value`, in order. */
  find(kind: string, name: string, value: string): string[] {
    const accepted = this.#find.all(kind, name, value).map((row) => String(row.key));
    if (this.#overlay.size === 0) return accepted.sort();
    const found = new Set(accepted.filter((key) => !this.#overlay.has(idOf(kind, key))));
    for (const change of this.#changesIndexed(kind, name, value)) found.add(change.key);
    return [...found].sort();
  }

  /** All keys of a kind, in order. */
  keys(kind: string): string[] {
    const found = new Set(this.#keys.all(kind).map((row) => String(row.key)));
    for (const change of this.#overlay.values()) {
      if (change.kind !== kind) continue;
      if (change.value === null) found.delete(change.key);
      else found.add(change.key);
    }
    return [...found].sort();
  }

  /** A change that is part of a batch being built; visible at once. Returns how to take it back. */
  put(change: StateChange): () => void {
    const id = idOf(change.kind, change.key);
    const before = this.#overlay.get(id);
    if (before === change) return () => undefined;
    this.#overlay.set(id, change);
    this.#index(change);
    return () => {
      if (before) {
        this.#overlay.set(id, before);
        this.#index(before);
      } else {
        this.#overlay.delete(id);
        this.#unindex(id);
      }
    };
  }

  /** The batch with these changes was accepted: they are in SQLite now. */
  settle(changes: readonly StateChange[]): void {
    for (const change of changes) {
      const id = idOf(change.kind, change.key);
      if (this.#overlay.get(id) === change) {
        this.#overlay.delete(id);
        this.#unindex(id);
      }
      this.#remember(id, change.value ?? undefined);
    }
  }

  /** A batch was refused: everything not accepted is gone. */
  reset(): void {
    this.#overlay.clear();
    this.#cache.clear();
    this.#indexed.clear();
    this.#indexedBy.clear();
  }

  // The index of the overlay: name and value to the changes that carry them, and back for removal.
  readonly #indexed = new Map<string, Set<string>>();
  readonly #indexedBy = new Map<string, string[]>();

  #index(change: StateChange): void {
    const id = idOf(change.kind, change.key);
    this.#unindex(id);
    if (change.value === null) return;
    const places: string[] = [];
    for (const [name, values] of Object.entries(change.indexed ?? {})) {
      for (const value of values) {
        const place = JSON.stringify([change.kind, name, value]);
        const ids = this.#indexed.get(place) ?? new Set();
        ids.add(id);
        this.#indexed.set(place, ids);
        places.push(place);
      }
    }
    this.#indexedBy.set(id, places);
  }

  #unindex(id: string): void {
    for (const place of this.#indexedBy.get(id) ?? []) {
      const ids = this.#indexed.get(place);
      ids?.delete(id);
      if (ids?.size === 0) this.#indexed.delete(place);
    }
    this.#indexedBy.delete(id);
  }

  *#changesIndexed(kind: string, name: string, value: string): Iterable<StateChange> {
    for (const id of this.#indexed.get(JSON.stringify([kind, name, value])) ?? []) {
      const change = this.#overlay.get(id);
      if (change) yield change;
    }
  }

  #remember(id: string, value: unknown): void {
    this.#cache.delete(id);
    this.#cache.set(id, value);
    if (this.#cache.size <= CACHED_VALUES) return;
    let excess = CACHED_VALUES / 2;
    for (const old of this.#cache.keys()) {
      if (excess-- <= 0) break;
      this.#cache.delete(old);
    }
  }
}

function idOf(kind: string, key: string): string {
  return `${kind}\n${key}`;
}
