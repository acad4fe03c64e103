// The journal as the rest of the program sees it. Sequences are given out here, synchronously, when a batch is built;
// the writer thread checks that they are dense and makes the batch and its state durable in one transaction.
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';
import type { CheckpointChange } from '../checkpoints/tables.ts';
import { isLogErrorCode, LogError } from '../errors.ts';
import type { Batch, FromWriter, Frontier, LogHead, ToWriter, WriterOpened } from './messages.ts';
import { StateView } from './state.ts';
import { JOURNAL_FILE } from './writer.ts';

export interface Accepted {
  /** The sequence of the first event of the batch. */
  first: number;
  /** One past the last. */
  next: number;
  /** Microseconds, UTC. */
  recordedAt: number;
}

export interface JournalRow {
  sequence: number;
  /** The row of `events` as JSON. */
  row: string;
}

/** What V8 takes by itself makes the process 100 MB larger and the writer no faster. */
const WRITER_YOUNG_MEGABYTES = 24;

interface Waiting {
  resolve: (answer: Extract<FromWriter, { ok: true }>) => void;
  reject: (error: LogError) => void;
}

type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;

export class Journal {
  readonly folder: string;
  /** The origin of the log. */
  readonly log: string;
  readonly state: StateView;
  readonly #worker: Worker;
  readonly #reader: DatabaseSync;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Set<(size: number) => void>();
  #next: number;
  #accepted: number;
  #messageId = 0;
  #inFlight = 0;
  /** Why a batch was refused, while others are still in flight. */
  #refusal: unknown;
  /** Why nothing is accepted any more: closed, or the writer thread died. */
  #over: LogError | undefined;

  private constructor(folder: string, worker: Worker, opened: { log: string; size: number }) {
    this.folder = folder;
    this.log = opened.log;
    this.#worker = worker;
    this.#next = opened.size;
    this.#accepted = opened.size;
    this.#reader = new DatabaseSync(path.join(folder, JOURNAL_FILE), { readOnly: true });
    this.state = new StateView(this.#reader);
    worker.on('message', (answer: FromWriter) => this.#settle(answer));
    worker.on('error', (error) => this.#end(writerStopped(error)));
    worker.on('exit', () => this.#end(writerStopped()));
  }

  /** Opens or makes a data folder. Throws LogError: in use, newer than this program, not writable, full or damaged. */
  static async open(folder: string): Promise<Journal> {
    const worker = new Worker(new URL('./writer-thread.ts', import.meta.url), {
      workerData: { folder },
      resourceLimits: { maxYoungGenerationSizeMb: WRITER_YOUNG_MEGABYTES },
    });
    const opened = await new Promise<WriterOpened>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', (error) => reject(writerStopped(error)));
      worker.once('exit', () => reject(writerStopped()));
    });
    if (opened.opened) return new Journal(folder, worker, opened);
    await worker.terminate();
    throw new LogError(isLogErrorCode(opened.code) ? opened.code : 'journal-failed', opened.message);
  }

  /** The number of accepted events. */
  get size(): number {
    return this.#accepted;
  }

  /**
   * Accepts what `build` returns. `build` is called at once, with the sequence that its first event will have, and may
   * use it in causes and in the state; state changes are visible in `state` from then on. Resolves when the batch is
   * durable. Rejects with LogError when nothing of it was kept; batches built on top of it are then refused as well.
   */
  async accept(build: (base: number) => Batch): Promise<Accepted> {
    if (this.#over) throw this.#over;
    if (this.#refusal !== undefined) throw this.#refusal;
    const first = this.#next;
    const batch = build(first);
    if (batch.events.length === 0 && batch.state.length === 0) return { first, next: first, recordedAt: 0 };
    const follows = this.#inFlight > 0;
    this.#next += batch.events.length;
    this.#inFlight += 1;
    for (const change of batch.state) this.state.put(change);
    try {
      const answer = await this.#ask({ kind: 'accept', base: first, batch, follows });
      this.state.settle(batch.state);
      this.#accepted = answer.size;
      for (const listener of this.#listeners) listener(answer.size);
      return { first, next: first + batch.events.length, recordedAt: answer.recordedAt ?? 0 };
    } catch (error) {
      this.#refusal = error;
      throw error;
    } finally {
      this.#inFlight -= 1;
      if (this.#inFlight === 0 && this.#refusal !== undefined) this.#startAfresh();
    }
  }

  /** Nothing is in flight and something was refused: what was built goes, what was accepted is what is. */
  #startAfresh(): void {
    this.#refusal = undefined;
    this.#next = this.#accepted;
    this.state.reset();
  }

  /** The number of accepted events and the Merkle root over them. */
  async head(): Promise<LogHead> {
    const answer = await this.#ask({ kind: 'head' });
    return { size: answer.size, root: answer.root ?? '' };
  }

  /** The tree as it is now, so far as it is not in full tiles. */
  async frontier(): Promise<Frontier> {
    const { frontier } = await this.#ask({ kind: 'frontier' });
    if (!frontier) throw new Error('The writer gave no frontier.');
    return frontier;
  }

  /** Changes the tables of the checkpoints; resolves when that is durable. Throws LogError. */
  async changeCheckpoints(changes: readonly CheckpointChange[]): Promise<void> {
    await this.#ask({ kind: 'checkpoints', changes });
  }

  /** The first sequence whose row is still in the journal; those before it were trimmed. */
  get firstRow(): number {
    return Number(this.#reader.prepare('SELECT min(sequence) AS first FROM journal').get()?.first ?? 0);
  }

  /** Removes rows below a sequence, all that may go: see Writer.trim. Returns the first sequence that is left. */
  async trim(below: number): Promise<number> {
    let first = this.firstRow;
    for (;;) {
      const answer = await this.#ask({ kind: 'trim', below });
      if (answer.first === undefined || answer.first === first) return first;
      first = answer.first;
    }
  }

  /**
   * Up to `limit` accepted rows from `first` on, in order, and no more than about `bytes` of them. Throws LogError
   * journal-trimmed when `first` is not in the journal any more.
   */
  rows(first: number, limit: number, bytes = Number.POSITIVE_INFINITY): JournalRow[] {
    const found: JournalRow[] = [];
    let total = 0;
    const statement = this.#reader.prepare(
      'SELECT sequence, row FROM journal WHERE sequence >= ? ORDER BY sequence LIMIT ?',
    );
    for (const row of statement.iterate(first, limit)) {
      if (found.length === 0 && Number(row.sequence) !== first)
        throw new LogError(
          'journal-trimmed',
          `The journal begins with event ${row.sequence}; event ${first} was asked for.`,
        );
      const text = String(row.row);
      total += text.length;
      if (found.length > 0 && total > bytes) break;
      found.push({ sequence: Number(row.sequence), row: text });
    }
    return found;
  }

  fact(name: string): string | undefined {
    const row = this.#reader.prepare('SELECT value FROM facts WHERE name = ?').get(name);
    return typeof row?.value === 'string' ? row.value : undefined;
  }

  async setFact(name: string, value: string): Promise<void> {
    await this.#ask({ kind: 'fact', name, value });
  }

  /** Calls back with the number of accepted events after each batch. Returns how to stop that. */
  onAccepted(listener: (size: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Waits for the batches under way, and accepts no more. */
  async close(): Promise<void> {
    if (this.#over) return;
    const closed = this.#ask({ kind: 'close' });
    this.#over = new LogError('journal-closed', 'The journal is closed.');
    try {
      await closed;
    } finally {
      this.#reader.close();
      await this.#worker.terminate();
    }
  }

  #ask(message: WithoutId<ToWriter>): Promise<Extract<FromWriter, { ok: true }>> {
    if (this.#over) return Promise.reject(this.#over);
    this.#messageId += 1;
    const id = this.#messageId;
    try {
      this.#worker.postMessage({ ...message, id });
    } catch (error) {
      const said = 'The batch holds something that is no data, such as a function.';
      return Promise.reject(new LogError('event-invalid', said, { cause: error }));
    }
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  #settle(answer: FromWriter): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (!waiting) return;
    if (answer.ok) waiting.resolve(answer);
    else {
      const code = isLogErrorCode(answer.code) ? answer.code : 'journal-failed';
      waiting.reject(new LogError(code, answer.message, { retryable: code === 'journal-full' }));
    }
  }

  #end(failure: LogError): void {
    this.#over ??= failure;
    for (const waiting of this.#waiting.values()) waiting.reject(this.#over);
    this.#waiting.clear();
  }
}

function writerStopped(cause?: unknown): LogError {
  return new LogError('journal-failed', 'The writer thread of the journal stopped.', { cause });
}
