// Moves accepted events from the journal to ClickHouse: in order, in batches, each exactly once.
// A batch is named by its log, range and content, so that ClickHouse drops a repetition; and because such names are
// forgotten after a while and say nothing of other content, the shipper also compares what ClickHouse holds before it
// sends for the first time after a start and after every outcome it is not sure of.
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { LogError } from '../errors.ts';
import type { Journal, JournalRow } from '../journal/journal.ts';
import type { ClickHouse } from './connect.ts';
import { EVENT_COLUMNS, fromRow, INSERTED_COLUMNS, rowSchema } from './rows.ts';

/** Below ClickHouse's block size, so that an insert is one block and thus all or nothing. */
const BATCH_EVENTS = 20_000;
const BATCH_BYTES = 16 * 1024 * 1024;
/** An insert into two partitions is two blocks, so a batch ends where a partition ends. */
const PARTITION_EVENTS = 16_777_216;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 30_000;
const WATERMARK = 'shipped';

export type ShipperState = 'shipping' | 'waiting-for-clickhouse' | 'stopped';

export class Shipper {
  readonly #journal: Journal;
  readonly #clickhouse: ClickHouse;
  readonly #insert: string;
  #shipped: number;
  #certain = false;
  #stopping = false;
  #wake: (() => void) | undefined;
  #loop: Promise<void> | undefined;
  readonly #waiters: { size: number; resolve: () => void; reject: (error: LogError) => void }[] = [];
  #problem: LogError | undefined;

  constructor(journal: Journal, clickhouse: ClickHouse) {
    this.#journal = journal;
    this.#clickhouse = clickhouse;
    this.#shipped = Number(journal.fact(WATERMARK) ?? 0);
    const columns = INSERTED_COLUMNS.map((column) => `\`${column}\``).join(', ');
    this.#insert = `INSERT INTO events (${columns}) SETTINGS insert_deduplication_token = {TOKEN}, deduplicate_blocks_in_dependent_materialized_views = 1, async_insert = 0 FORMAT JSONEachRow`;
  }

  /** The delivered watermark: all events below this sequence are in ClickHouse. */
  get shipped(): number {
    return this.#shipped;
  }

  get state(): ShipperState {
    if (this.#problem && !this.#problem.retryable) return 'stopped';
    return this.#problem ? 'waiting-for-clickhouse' : 'shipping';
  }

  /** What stands in the way, if anything. */
  get problem(): LogError | undefined {
    return this.#problem;
  }

  start(): void {
    const unsubscribe = this.#journal.onAccepted(() => this.#wake?.());
    this.#loop = this.#run().finally(unsubscribe);
  }

  /** Resolves when all events below `size` are in ClickHouse; rejects when shipping has stopped for good. */
  delivered(size: number): Promise<void> {
    if (this.#shipped >= size) return Promise.resolve();
    if (this.#problem && !this.#problem.retryable) return Promise.reject(this.#problem);
    return new Promise((resolve, reject) => this.#waiters.push({ size, resolve, reject }));
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wake?.();
    await this.#loop;
  }

  async #run(): Promise<void> {
    let pause = FIRST_PAUSE_MS;
    while (!this.#stopping) {
      try {
        const moved = await this.#shipOnce();
        this.#problem = undefined;
        pause = FIRST_PAUSE_MS;
        if (!moved) await this.#pause(LONGEST_PAUSE_MS);
      } catch (error) {
        this.#certain = false;
        this.#problem =
          error instanceof LogError ? error : new LogError('journal-failed', String(error), { cause: error });
        if (!this.#problem.retryable) return this.#giveUp(this.#problem);
        await this.#pause(pause);
        pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
      }
    }
  }

  /** Ships one batch; false when there is nothing to ship. */
  async #shipOnce(): Promise<boolean> {
    if (!this.#certain) await this.#refuseIfAhead();
    const rows = this.#nextBatch();
    const [first] = rows;
    if (!first) {
      this.#certain = true;
      return false;
    }
    const missing = this.#certain ? rows : await this.#missingOf(rows);
    const lines = missing.map(({ row }) => row).join('\n');
    if (missing.length > 0) {
      this.#certain = false;
      await this.#clickhouse.insert(this.#insert.replace('{TOKEN}', `'${this.#token(missing, lines)}'`), lines);
    }
    this.#certain = true;
    await this.#remember(first.sequence + rows.length);
    return true;
  }

  #nextBatch(): JournalRow[] {
    const room = PARTITION_EVENTS - (this.#shipped % PARTITION_EVENTS);
    return this.#journal.rows(this.#shipped, Math.min(BATCH_EVENTS, room), BATCH_BYTES);
  }

  #token(rows: JournalRow[], lines: string): string {
    const hash = createHash('sha256').update(lines).digest('hex');
    return `${this.#journal.log}:${rows[0]?.sequence}-${rows.at(-1)?.sequence}:${hash}`;
  }

  async #remember(shipped: number): Promise<void> {
    await this.#journal.setFact(WATERMARK, String(shipped));
    this.#shipped = shipped;
    const ready = this.#waiters.filter((waiter) => waiter.size <= shipped);
    for (const waiter of ready) {
      this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
      waiter.resolve();
    }
  }

  /** ClickHouse must hold exactly this log, and no more of it than the journal. */
  async #refuseIfAhead(): Promise<void> {
    const [held] = await this.#clickhouse.select(
      'SELECT count() AS events, max(sequence) AS last, groupUniqArray(2)(log) AS logs FROM events',
      {},
      z.object({ events: z.number(), last: z.number(), logs: z.array(z.string()) }),
    );
    if (!held || held.events === 0) {
      if (this.#shipped === 0) return;
      throw new LogError(
        'clickhouse-different',
        `ClickHouse holds no events, but ${this.#shipped} were delivered to it.`,
      );
    }
    const foreign = held.logs.find((log) => log !== this.#journal.log);
    if (foreign !== undefined)
      throw new LogError('clickhouse-different', `ClickHouse holds events of another log, ${foreign}.`);
    if (held.last >= this.#journal.size) {
      throw new LogError(
        'clickhouse-ahead',
        `ClickHouse holds events up to sequence ${held.last}, the journal only ${this.#journal.size}.`,
      );
    }
    if (held.events !== held.last + 1 || held.events < this.#shipped) {
      throw new LogError(
        'clickhouse-different',
        `ClickHouse holds ${held.events} events up to sequence ${held.last}, and ${this.#shipped} were delivered to it.`,
      );
    }
  }

  /** Of a batch, the rows that ClickHouse does not hold yet. Those it holds must be the same. */
  async #missingOf(rows: JournalRow[]): Promise<JournalRow[]> {
    const from = rows[0]?.sequence ?? 0;
    const to = from + rows.length;
    const held = await this.#clickhouse.select(
      `SELECT ${EVENT_COLUMNS.map((column) => `\`${column}\``).join(', ')} FROM events
       WHERE sequence >= {from:UInt64} AND sequence < {to:UInt64} ORDER BY sequence LIMIT ${BATCH_EVENTS + 1}`,
      { from, to },
      rowSchema,
      { timeLimit: 60 },
    );
    for (const [index, row] of held.entries()) {
      const ours = rows[index];
      const same = ours && isDeepStrictEqual(fromRow(row), fromRow(rowSchema.parse(JSON.parse(ours.row))));
      if (!same)
        throw new LogError('clickhouse-different', `ClickHouse holds another event ${row.sequence} than the journal.`);
    }
    return rows.slice(held.length);
  }

  #giveUp(problem: LogError): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(problem);
  }

  async #pause(milliseconds: number): Promise<void> {
    if (this.#stopping) return;
    const cut = new AbortController();
    this.#wake = () => cut.abort();
    if (this.#shipped < this.#journal.size && this.#problem === undefined) return;
    await sleep(milliseconds, undefined, { signal: cut.signal }).catch(() => undefined);
    this.#wake = undefined;
  }
}
