// The keys that personal columns are committed under: one of 32 random bytes for each metaverse object, each entry not
// yet joined, each actor and each unresolved reference. They exist only here, never in ClickHouse.
import { randomBytes } from 'node:crypto';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { EventValue, ProposedEvent } from '../event.ts';

const KEY_BYTES = 32;
/** How many keys are kept in memory; more are read from SQLite again. */
const CACHED_KEYS = 200_000;

interface Key {
  number: number;
  key: Uint8Array;
}

export class KeyRing {
  readonly #byOwner = new Map<string, Key>();
  readonly #byNumber = new Map<number, Uint8Array>();
  readonly #select: StatementSync;
  readonly #selectNumber: StatementSync;
  readonly #insert: StatementSync;
  readonly #uncommitted: string[] = [];

  constructor(database: DatabaseSync) {
    this.#select = database.prepare('SELECT number, key FROM keys WHERE owner = ?');
    this.#selectNumber = database.prepare('SELECT key FROM keys WHERE number = ?');
    this.#insert = database.prepare('INSERT INTO keys (owner, key) VALUES (?, ?)');
  }

  byNumber(number: number): Uint8Array {
    const cached = this.#byNumber.get(number);
    if (cached) return cached;
    const key = this.#selectNumber.get(number)?.key;
    if (!(key instanceof Uint8Array)) throw new Error(`There is no key ${number}.`);
    return key;
  }

  /** The key of the object group and of the event's own values; 0 when both are empty. */
  subjectOf(event: ProposedEvent): number {
    const named = event.objectName !== undefined || event.anchor !== undefined || event.dn !== undefined;
    if (!named && event.values.every((value) => value.type === 'reference')) return 0;
    if (event.object !== undefined) return this.#of(`object:${event.object}`);
    if (event.entry !== undefined) return this.#of(`entry:${event.entry}`);
    return this.#of('log');
  }

  actorOf(event: ProposedEvent): number {
    if (event.initiator === undefined && event.performer === undefined && event.address === undefined) return 0;
    return this.#of(`actor:${event.initiator ?? event.performer ?? event.address}`);
  }

  /** The key of the person a reference names; one of its own while it is not known whom it names. */
  referenceOf(event: ProposedEvent, value: EventValue): number {
    if (value.type !== 'reference') return 0;
    if (value.reference !== undefined) return this.#of(`object:${value.reference}`);
    return this.#of(`reference:${JSON.stringify([event.agent ?? '', value.new ?? value.old ?? ''])}`);
  }

  /** The transaction that made new keys was rolled back. */
  forgetUncommitted(): void {
    for (const owner of this.#uncommitted) {
      const key = this.#byOwner.get(owner);
      this.#byOwner.delete(owner);
      if (key) this.#byNumber.delete(key.number);
    }
    this.#uncommitted.length = 0;
  }

  keepCommitted(): void {
    this.#uncommitted.length = 0;
    if (this.#byOwner.size <= CACHED_KEYS) return;
    this.#byOwner.clear();
    this.#byNumber.clear();
  }

  #of(owner: string): number {
    const cached = this.#byOwner.get(owner);
    if (cached) return cached.number;
    const found = this.#read(owner) ?? this.#make(owner);
    this.#byOwner.set(owner, found);
    this.#byNumber.set(found.number, found.key);
    return found.number;
  }

  #read(owner: string): Key | undefined {
    const row = this.#select.get(owner);
    return row && row.key instanceof Uint8Array ? { number: Number(row.number), key: row.key } : undefined;
  }

  #make(owner: string): Key {
    const key = randomBytes(KEY_BYTES);
    const { lastInsertRowid } = this.#insert.run(owner, key);
    this.#uncommitted.push(owner);
    return { number: Number(lastInsertRowid), key };
  }
}
