// Which columns of rows that were set aside are still to be emptied: a fact of the data folder, so that an erasure that was
// cut off is finished. It counts when the keys of the person are gone, and not before.
import { z } from 'zod';
import type { Journal } from '../journal/journal.ts';
import type { ErasureReader } from './journal-reader.ts';
import { type SetAsideRow, setAsideSchema } from './set-aside.ts';

const FACT = 'erasing-set-aside';
const workSchema = z.array(z.object({ key: z.number(), rows: z.array(setAsideSchema) }));
type Work = z.infer<typeof workSchema>;

export class SetAsideWork {
  readonly #journal: Journal;
  readonly #reader: ErasureReader;
  /** One change after the other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(journal: Journal, reader: ErasureReader) {
    this.#journal = journal;
    this.#reader = reader;
  }

  /** `key`: the number of a key that the erasure takes. Throws LogError when it cannot be written down. */
  add(work: { key: number; rows: SetAsideRow[] }): Promise<void> {
    return this.#change((known) => [...known.filter(({ key }) => key !== work.key), work]);
  }

  /** Does what is due by `empty`, and forgets it. Throws what `empty` throws; then it stays. */
  async finish(empty: (rows: SetAsideRow[]) => Promise<void>): Promise<void> {
    const due = this.#read().filter(({ key }) => this.#reader.bytesOf(key) === undefined);
    if (due.length === 0) return;
    await empty(due.flatMap(({ rows }) => rows));
    const done = new Set(due.map(({ key }) => key));
    await this.#change((known) => known.filter(({ key }) => !done.has(key)));
  }

  #read(): Work {
    return workSchema.parse(JSON.parse(this.#journal.fact(FACT) ?? '[]'));
  }

  #change(change: (known: Work) => Work): Promise<void> {
    const changed = this.#last.then(() => this.#journal.setFact(FACT, JSON.stringify(change(this.#read()))));
    this.#last = changed.catch(() => undefined);
    return changed;
  }
}
