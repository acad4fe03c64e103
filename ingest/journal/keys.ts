// The keys that personal columns are committed under: one of 32 random bytes for each metaverse object, each entry not
// yet joined, each actor, each unresolved reference and each question. They exist only here, never in ClickHouse.
import { randomBytes } from 'node:crypto';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { type EventValue, MARKS, type ProposedEvent, type Stage } from '../event.ts';
import type { NewKey } from './messages.ts';

const KEY_BYTES = 32;
/** How many keys are kept in memory; more are read from SQLite again. */
const CACHED_KEYS = 200_000;

/** These say what was done about somebody, and stay when everything about them goes. */
const KEPT_STAGES: ReadonlySet<Stage> = new Set(['erasure', 'retention']);

const isTyped = ({ type, marks }: EventValue): boolean => type !== 'reference' && (marks & MARKS.personal) !== 0;

interface Key {
  number: number;
  key: Uint8Array;
}

export class KeyRing {
  readonly #byOwner = new Map<string, Key>();
  readonly #byNumber = new Map<number, Uint8Array>();
  readonly #select: StatementSync;
  readonly #selectNumber: StatementSync;
  readonly #selectLast: StatementSync;
  /** Keys that were made for events not known to be accepted, in the order of those events. */
  readonly #made: (NewKey & { sequence: number })[] = [];
  /** How many of them were handed out to be written. */
  #taken = 0;
  /** Keys that go with a batch on its way: they may still be in SQLite, and are nobody's. */
  readonly #gone = new Set<number>();
  #next: number;

  /** `database` is only read. */
  constructor(database: DatabaseSync) {
    this.#select = database.prepare('SELECT number, key FROM keys WHERE owner = ?');
    this.#selectNumber = database.prepare('SELECT key FROM keys WHERE number = ?');
    this.#selectLast = database.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'keys'");
    this.#next = this.#firstFree();
  }

  byNumber(number: number): Uint8Array {
    const cached = this.#byNumber.get(number);
    if (cached) return cached;
    const key = this.#selectNumber.get(number)?.key;
    if (!(key instanceof Uint8Array)) throw new Error(`There is no key ${number}.`);
    return key;
  }

  /** The key of the object group and of the event's own values; 0 when both are empty. */
  subjectOf(event: ProposedEvent, sequence: number): number {
    const named = event.objectName !== undefined || event.anchor !== undefined || event.dn !== undefined;
    if (!named && event.values.every((value) => value.type === 'reference')) return 0;
    if (KEPT_STAGES.has(event.stage)) return this.#of('log', sequence);
    // What somebody typed may be anybody's name, also in a question about one object: it is erased by itself.
    if (event.stage === 'read' && event.values.some(isTyped)) return this.#of(`read:${sequence}`, sequence);
    if (event.object !== undefined) return this.#of(`object:${event.object}`, sequence);
    if (event.entry !== undefined) return this.#of(`entry:${event.entry}`, sequence);
    return this.#of('log', sequence);
  }

  actorOf(event: ProposedEvent, sequence: number): number {
    if (event.initiator === undefined && event.performer === undefined && event.address === undefined) return 0;
    return this.#of(`actor:${event.initiator ?? event.performer ?? event.address}`, sequence);
  }

  /** The key of the person a reference names; one of its own while it is not known whom it names. */
  referenceOf(event: ProposedEvent, value: EventValue, sequence: number): number {
    if (value.type !== 'reference') return 0;
    if (value.reference !== undefined) return this.#of(`object:${value.reference}`, sequence);
    return this.#of(`reference:${JSON.stringify([event.agent ?? '', value.new ?? value.old ?? ''])}`, sequence);
  }

  /** The keys made since the last time, to be written with the events that they were made for. */
  takeMade(): NewKey[] {
    const made = this.#made.slice(this.#taken).map(({ number, owner, key }) => ({ number, owner, key }));
    this.#taken = this.#made.length;
    return made;
  }

  /** So many events are accepted, and the keys made for them are in SQLite. */
  settle(accepted: number): void {
    const open = this.#made.findIndex(({ sequence }) => sequence >= accepted);
    const settled = open === -1 ? this.#made.length : open;
    this.#made.splice(0, settled);
    this.#taken -= settled;
    if (this.#byOwner.size <= CACHED_KEYS) return;
    this.#byOwner.clear();
    this.#byNumber.clear();
    for (const made of this.#made) this.#remember(made.owner, made);
  }

  /** The events that keys were made for lately were refused, or are accepted and their keys in SQLite. */
  forgetMade(): void {
    for (const { owner, number } of this.#made.splice(0)) {
      this.#byOwner.delete(owner);
      this.#byNumber.delete(number);
    }
    this.#taken = 0;
    this.#gone.clear();
    this.#next = this.#firstFree();
  }

  /** Keys that are being erased: whoever they belonged to gets another one, should there be something new about them. */
  forget(numbers: readonly number[]): void {
    for (const number of numbers) this.#gone.add(number);
    for (const [owner, { number }] of this.#byOwner) if (this.#gone.has(number)) this.#byOwner.delete(owner);
    for (const number of numbers) this.#byNumber.delete(number);
  }

  #firstFree(): number {
    return Number(this.#selectLast.get()?.seq ?? 0) + 1;
  }

  #of(owner: string, sequence: number): number {
    const cached = this.#byOwner.get(owner);
    if (cached) return cached.number;
    const found = this.#read(owner) ?? this.#make(owner, sequence);
    this.#remember(owner, found);
    return found.number;
  }

  #remember(owner: string, { number, key }: Key): void {
    const kept = { number, key };
    this.#byOwner.set(owner, kept);
    this.#byNumber.set(number, key);
  }

  #read(owner: string): Key | undefined {
    const row = this.#select.get(owner);
    if (!row || !(row.key instanceof Uint8Array) || this.#gone.has(Number(row.number))) return undefined;
    return { number: Number(row.number), key: row.key };
  }

  #make(owner: string, sequence: number): Key {
    const made = { number: this.#next, owner, key: randomBytes(KEY_BYTES), sequence };
    this.#next += 1;
    this.#made.push(made);
    return made;
  }
}
