// The journal as the rest of the program sees it. Sequences are given out here, synchronously, when a batch is built, and
// its events are checked; the preparer's thread makes rows and leaves of them, and the writer's makes these, the tiles and
// the state durable in one transaction.
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type { CheckpointChange } from '../checkpoints/tables.ts';
import { systemClock } from '../clock.ts';
import { isLogErrorCode, LogError } from '../errors.ts';
import { checkBatch } from './checked-event.ts';
import { noteClockSetBack, readHighestTime } from './clock-set-back.ts';
import { awaitReaders, type ErasureWork } from './erase-keys.ts';
import { Gate, type Weight, weigh } from './gate.ts';
import { asReadError } from './journal-error.ts';
import type {
  Batch,
  FromWriter,
  Frontier,
  LogHead,
  StateChange,
  StoredChange,
  ToPreparer,
  WriterOpened,
} from './messages.ts';
import { boarded } from './rider.ts';
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

/** What V8 takes by itself makes the process 100 MB larger and its threads no faster. */
const YOUNG_MEGABYTES = 24;

type Answer = Extract<FromWriter, { ok: true }>;

interface Waiting {
  resolve: (answer: Answer) => void;
  reject: (error: LogError) => void;
}

type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;

export class Journal {
  readonly folder: string;
  /** The origin of the log. */
  readonly log: string;
  readonly state: StateView;
  readonly #preparer: Worker;
  readonly #writer: Worker;
  readonly #reader: DatabaseSync;
  readonly #gate = new Gate();
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Set<(size: number) => void>();
  #next: number;
  #accepted: number;
  /** What clock-set-back.ts holds the clock against: microseconds, UTC. */
  #highestTime: number;
  #messageId = 0;
  #inFlight = 0;
  /** Why a batch was refused, while others are still in flight. */
  #refusal: unknown;
  /** Something was refused since the last batch was sent. */
  #afterRefusal = false;
  /** Why nothing is accepted any more: closed, or the writer thread died. */
  #over: LogError | undefined;
  #closed: Promise<void> | undefined;
  /** Why nothing is accepted any more, while all else goes on. */
  #refused: LogError | undefined;

  /** Throws what SQLite and JSON throw of a journal that is damaged. */
  private constructor(folder: string, threads: Threads, reader: DatabaseSync, opened: Opened) {
    this.folder = folder;
    this.log = opened.log;
    this.#preparer = threads.preparer;
    this.#writer = threads.writer;
    this.#next = opened.size;
    this.#accepted = opened.size;
    this.#reader = reader;
    this.#highestTime = readHighestTime(this.#reader, this.#accepted);
    this.state = new StateView(this.#reader);
    this.#writer.on('message', (answer: FromWriter) => this.#settle(answer));
    for (const thread of [this.#preparer, this.#writer]) {
      thread.on('error', (error) => this.#end(threadStopped(error)));
      thread.on('exit', () => this.#end(threadStopped()));
    }
  }

  /** Opens or makes a data folder. Throws LogError: in use, newer than this program, not writable, full or damaged. */
  static async open(folder: string): Promise<Journal> {
    const { port1, port2 } = new MessageChannel();
    const writer = startThread(new URL('./writer-thread.ts', import.meta.url), { folder, preparer: port2 }, port2);
    const opened = await new Promise<WriterOpened>((resolve, reject) => {
      writer.once('message', resolve);
      writer.once('error', (error) => reject(threadStopped(error)));
      writer.once('exit', () => reject(threadStopped()));
    });
    if (opened.opened) {
      const preparer = startThread(
        new URL('./preparer-thread.ts', import.meta.url),
        { folder, log: opened.log, writer: port1 },
        port1,
      );
      return Journal.#openRows(folder, { preparer, writer }, opened);
    }
    await writer.terminate();
    throw new LogError(isLogErrorCode(opened.code) ? opened.code : 'journal-failed', opened.message);
  }

  static async #openRows(folder: string, threads: Threads, opened: Opened): Promise<Journal> {
    const reader = new DatabaseSync(path.join(folder, JOURNAL_FILE), { readOnly: true });
    try {
      return new Journal(folder, threads, reader, opened);
    } catch (error) {
      reader.close();
      await Promise.all([threads.preparer.terminate(), threads.writer.terminate()]);
      throw asReadError(error, `The data folder ${folder} cannot be opened`);
    }
  }

  /** What is on its way to the writer. */
  get inFlight(): Weight {
    return this.#gate.inFlight;
  }

  /** The number of accepted events. */
  get size(): number {
    return this.#accepted;
  }

  /**
   * Accepts what `build` returns. `build` is called at once, or as soon as there is room (gate.ts), with the sequence that
   * its first event will have, and may use it in causes and in the state; state changes are visible in `state` from then
   * on. Resolves when the batch is durable. Rejects with LogError when nothing of it was kept; batches built on top of it
   * are then refused as well. Where the machine's clock was set back since an event was accepted, an event that says so
   * goes first.
   */
  async accept(build: (base: number) => Batch): Promise<Accepted> {
    if (!this.#gate.isOpen) await this.#gate.turn();
    const accepted = this.#accept(build);
    this.#gate.next();
    return accepted;
  }

  /** The same for a small batch that somebody waits for: it goes before those that wait for room. */
  acceptFirst(build: (base: number) => Batch): Promise<Accepted> {
    return this.#accept(build);
  }

  /** Runs without a pause up to where the batch is on its way. */
  async #accept(build: (base: number) => Batch): Promise<Accepted> {
    const reason = this.#over ?? this.#refused ?? this.#refusal;
    if (reason !== undefined) throw reason;
    const recordedAt = systemClock();
    const setBack = noteClockSetBack(this.#highestTime, recordedAt);
    const first = this.#next + setBack.length;
    const { batch, refused } = boarded(build(first), first);
    if (batch.events.length === 0 && batch.state.length === 0) return { first, next: first, recordedAt: 0 };
    const follows = this.#inFlight > 0;
    const events = [...setBack, ...batch.events];
    this.#next += events.length;
    this.#highestTime = setBack.length > 0 ? recordedAt : Math.max(this.#highestTime, recordedAt);
    this.#inFlight += 1;
    const weight = weigh(batch);
    this.#gate.take(weight);
    for (const change of batch.state) this.state.put(change);
    try {
      const answer = await this.#send({ ...batch, events }, first - setBack.length, recordedAt, follows);
      this.state.settle(batch.state);
      this.#accepted = answer.size;
      for (const listener of this.#listeners) listener(answer.size);
      return { first, next: first + batch.events.length, recordedAt };
    } catch (error) {
      this.#refusal = error;
      refused();
      throw error;
    } finally {
      this.#inFlight -= 1;
      this.#gate.giveBack(weight);
      if (this.#inFlight === 0 && this.#refusal !== undefined) this.#startAfresh();
    }
  }

  #send(batch: Batch, base: number, recordedAt: number, follows: boolean): Promise<Answer> {
    try {
      const events = checkBatch(batch.events, base).map((event) => JSON.stringify(event));
      const state = batch.state.map(toStored);
      const afterRefusal = this.#afterRefusal;
      this.#afterRefusal = false;
      const accepted = this.#accepted;
      const checkpoints = batch.checkpoints ?? [];
      return this.#ask({
        kind: 'accept',
        events,
        state,
        checkpoints,
        erase: batch.erase,
        base,
        recordedAt,
        follows,
        accepted,
        afterRefusal,
      });
    } catch (error) {
      // At once: what is built from now on may stand on this batch, as long as nobody has heard of its refusal.
      this.#refusal = error;
      return Promise.reject(error);
    }
  }

  /**
   * From now on nothing is accepted, for this reason: what is published of this log contradicts it, and a batch more would
   * make the contradiction worse. What is under way ends; reading goes on.
   */
  refuse(reason: LogError): void {
    this.#refused ??= reason;
  }

  /** Nothing is in flight and something was refused: what was built goes, what was accepted is what is. */
  #startAfresh(): void {
    this.#refusal = undefined;
    this.#afterRefusal = true;
    this.#highestTime = readHighestTime(this.#reader, this.#accepted);
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

  /**
   * What remains to be done in the journal's file for erasures. Throws LogError; certificate-refused: somebody reads the file, and
   * went on for five seconds, so that it keeps its old pages.
   */
  async workOnErasure(work: ErasureWork): Promise<void> {
    if (work.kind !== 'checkpoint') await this.#ask({ kind: 'erasure', work });
    if (work.kind === 'checkpoint' || work.kind === 'vacuum')
      await awaitReaders(() => this.#ask({ kind: 'erasure', work: { kind: 'checkpoint' } }));
  }

  /** Whether some event from `from` up to, not including, `to` was erased. */
  isErasedWithin(from: number, to: number): boolean {
    return (
      this.#reader.prepare('SELECT 1 FROM erased_events WHERE sequence >= ? AND sequence < ? LIMIT 1').get(from, to) !==
      undefined
    );
  }

  /** Calls back with the number of accepted events after each batch. Returns how to stop that. */
  onAccepted(listener: (size: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Waits for the batches under way, and accepts no more. Also one whose thread died lets go of the data folder. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const closed = this.#over ? undefined : this.#ask({ kind: 'close' });
    this.#over ??= new LogError('journal-closed', 'The journal is closed.');
    try {
      await closed;
    } finally {
      this.#reader.close();
      await Promise.all([this.#preparer.terminate(), this.#writer.terminate()]);
    }
  }

  #ask(message: WithoutId<ToPreparer>): Promise<Answer> {
    if (this.#over) return Promise.reject(this.#over);
    this.#messageId += 1;
    const id = this.#messageId;
    try {
      this.#preparer.postMessage({ ...message, id });
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

interface Threads {
  preparer: Worker;
  writer: Worker;
}

interface Opened {
  log: string;
  size: number;
}

function startThread(file: URL, workerData: Record<string, unknown>, port: MessagePort): Worker {
  return new Worker(file, {
    workerData,
    transferList: [port],
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MEGABYTES },
  });
}

/** Throws LogError event-invalid for what JSON does not hold. */
function toStored({ kind, key, value, indexed }: StateChange): StoredChange {
  if (value === null) return { kind, key, value, indexed: '{}' };
  const text: string | undefined = JSON.stringify(value);
  if (text !== undefined) return { kind, key, value: text, indexed: JSON.stringify(indexed ?? {}) };
  throw new LogError('event-invalid', `The state of ${kind} is no data, such as a function.`);
}

function threadStopped(cause?: unknown): LogError {
  return new LogError('journal-failed', 'A thread of the journal stopped.', { cause });
}
