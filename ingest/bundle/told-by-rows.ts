// What a data folder keeps beside the rows, and a bundle does not hold, told by the rows themselves: whose each key is, what
// was erased by which event, which legal holds are in force, and what has expired.
import { DatabaseSync } from 'node:sqlite';
import { type EventRow, erasedOf, fromRow } from '../clickhouse/rows.ts';
import { LogError } from '../errors.ts';
import type { ChangeEvent } from '../event.ts';
import type { ErasedEvent } from '../journal/erase-keys.ts';
import { KeyRing } from '../journal/keys.ts';
import { type Hold, holdChange } from '../retention/holds.ts';

/** The key of what is about nobody. Which events that is has changed with the versions. */
const NOBODYS = 'log';

export class ToldByRows {
  /** Owners of the keys that there are, by number. */
  readonly owners = new Map<number, string>();
  readonly erased: ErasedEvent[] = [];
  /** By erasure event: when it was accepted, in microseconds, and the keys that went. */
  readonly erasures = new Map<number, { acceptedAt: number; keys: number[] }>();
  readonly holds = new Map<number, Hold>();
  /** The first events of the partitions that have expired. */
  readonly expired = new Set<number>();
  /** The highest number that a key ever had. */
  highestKey = 0;
  readonly #isThere: (number: number) => boolean;
  readonly #numbers = new Map<string, number>();
  readonly #erasedBy = new Map<number, number>();
  readonly #rule = new OwnerRule();

  /** `isThere`: whether there is a key of this number. */
  constructor(isThere: (number: number) => boolean) {
    this.#isThere = isThere;
  }

  /** Rows that follow each other. Throws LogError move-refused: two keys would be one owner's. */
  add(rows: readonly EventRow[]): void {
    for (const row of rows) {
      const event = fromRow(row);
      this.highestKey = Math.max(this.highestKey, event.subjectKey, event.actorKey, ...event.valueKeys);
      for (const { number, owner } of this.#rule.ownersOf(event)) this.#own(number, owner, event.sequence);
      const erased = erasedOf(row);
      if (erased) this.erased.push({ sequence: row.sequence, ...erased });
      if (event.stage === 'erasure') this.#addErasure(event);
      if (event.stage === 'retention') this.#addRetention(event);
    }
    this.#rule.forget();
  }

  close(): void {
    this.#rule.close();
  }

  /** The newest erasure that took one of these keys, which an event names; 0: its own event has expired. */
  erasureOf(keys: readonly number[]): number {
    return Math.max(0, ...keys.map((key) => this.#erasedBy.get(key) ?? 0));
  }

  #own(number: number, owner: string, sequence: number): void {
    if (!this.#isThere(number) || this.owners.has(number)) return;
    const other = this.#numbers.get(owner);
    if (other !== undefined && owner !== NOBODYS)
      throw new LogError(
        'move-refused',
        `The bundle has two keys, ${other} and ${number}, for whom event ${sequence} is about; no log has.`,
      );
    const name = other === undefined ? owner : `${NOBODYS}:${number}`;
    this.owners.set(number, name);
    this.#numbers.set(name, number);
  }

  #addErasure({ sequence, recordedAt, values }: ChangeEvent): void {
    const keys = values.flatMap(({ attribute, old }) =>
      attribute === 'key' && old !== undefined ? [Number(old)] : [],
    );
    if (keys.length === 0) return;
    this.erasures.set(sequence, { acceptedAt: recordedAt, keys });
    for (const key of keys) this.#erasedBy.set(key, sequence);
    this.highestKey = Math.max(this.highestKey, ...keys);
  }

  #addRetention(event: ChangeEvent): void {
    const { outcome, values } = event;
    if (outcome === 'partition-expired')
      this.expired.add(Number(values.find(({ attribute }) => attribute === 'first')?.new ?? -1));
    const hold = holdChange(event);
    if (hold?.value) this.holds.set(hold.value.event, hold.value);
    else if (hold) this.holds.delete(Number(hold.key));
  }
}

/** Asks the rule by which the journal gives out keys, which numbers them by itself: only the owners count here. */
class OwnerRule {
  readonly #database = new DatabaseSync(':memory:');
  #ring: KeyRing;
  readonly #owners = new Map<number, string>();

  constructor() {
    this.#database.exec(
      'CREATE TABLE keys (number INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL UNIQUE, key BLOB NOT NULL)',
    );
    this.#ring = new KeyRing(this.#database);
  }

  /** The keys that an event is under, and whose they are; nobody's where what says so was erased. */
  *ownersOf(event: ChangeEvent): Iterable<{ number: number; owner: string }> {
    const { sequence, erased } = event;
    const isSubjectThere = event.subjectKey > 0 && !erased?.object && !erased?.values;
    if (isSubjectThere) yield { number: event.subjectKey, owner: this.#nameOf(this.#ring.subjectOf(event, sequence)) };
    if (event.actorKey > 0 && !erased?.actor)
      yield { number: event.actorKey, owner: this.#nameOf(this.#ring.actorOf(event, sequence)) };
    for (const [index, value] of event.values.entries()) {
      const number = event.valueKeys[index] ?? 0;
      if (number > 0 && !erased?.references[index])
        yield { number, owner: this.#nameOf(this.#ring.referenceOf(event, value, sequence)) };
    }
  }

  /** Memory does not grow with the log. */
  forget(): void {
    this.#owners.clear();
    this.#ring = new KeyRing(this.#database);
  }

  close(): void {
    this.#database.close();
  }

  #nameOf(number: number): string {
    for (const made of this.#ring.takeMade()) this.#owners.set(made.number, made.owner);
    return this.#owners.get(number) ?? NOBODYS;
  }
}
