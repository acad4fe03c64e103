// Makes of checked events what is written: completes each with log, sequence and the keys of its persons, hashes its leaf
// and writes its row. It has a thread of its own (preparer-thread.ts), for this is most of the work of accepting.
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { toRow } from '../clickhouse/rows.ts';
import { leafOf } from '../encoding.ts';
import { type ChangeEvent, EVENT_VERSION } from '../event.ts';
import { HASH_BYTES } from '../merkle/tree.ts';
import { KeyRing } from './keys.ts';
import type { CheckedBatch, CheckedEvent, PreparedBatch } from './messages.ts';
import { JOURNAL_FILE } from './writer.ts';

export class Preparer {
  readonly #log: string;
  readonly #database: DatabaseSync;
  readonly #keys: KeyRing;

  /** `folder` is a data folder that a writer has open, `log` its origin. */
  constructor(folder: string, log: string) {
    this.#log = log;
    this.#database = new DatabaseSync(path.join(folder, JOURNAL_FILE), { readOnly: true });
    this.#keys = new KeyRing(this.#database);
  }

  prepare(batch: CheckedBatch): PreparedBatch {
    const { base, follows, recordedAt, state, checkpoints, erase } = batch;
    if (batch.afterRefusal) this.#keys.forgetMade();
    this.#keys.settle(batch.accepted);
    if (erase) this.#keys.forget(erase.keys);
    const leaves = Buffer.alloc(batch.events.length * HASH_BYTES);
    const rows = batch.events.map((checked, index) => {
      const event = this.#complete(JSON.parse(checked), base + index, recordedAt);
      leaves.set(
        leafOf(event, (number) => this.#keys.byNumber(number)),
        index * HASH_BYTES,
      );
      return JSON.stringify(toRow(event));
    });
    const keys = this.#keys.takeMade();
    return { kind: 'accept', base, follows, recordedAt, state, checkpoints, erase, rows, leaves, keys };
  }

  close(): void {
    this.#database.close();
  }

  #complete(event: CheckedEvent, sequence: number, recordedAt: number): ChangeEvent {
    return {
      ...event,
      eventVersion: EVENT_VERSION,
      log: this.#log,
      sequence,
      recordedAt,
      subjectKey: this.#keys.subjectOf(event, sequence),
      actorKey: this.#keys.actorOf(event, sequence),
      valueKeys: event.values.map((value) => this.#keys.referenceOf(event, value, sequence)),
    };
  }
}
