// The rows of a log in ClickHouse, piece by piece: leaves, flags and counts are computed there, for that is what makes the
// speed; only hashes come here. While one piece is looked at here, ClickHouse computes the next.
import type { ClickHouseConnection } from './clickhouse-connection.ts';
import type { DataFolder } from './data-folder.ts';
import { isFact } from './facts.ts';
import type { Findings } from './findings.ts';
import { orderLeaves } from './leaf-rows.ts';
import { CREATE_KEYS, INSERT_KEYS, KEYS_TABLE, keyNumbersSql, leavesSql } from './leaf-sql.ts';
import { HASH_BYTES, TILE_WIDTH } from './merkle.ts';
import type { Rollups } from './rollups.ts';
import type { RootIndex } from './root-index.ts';
import type { Row } from './row.ts';
import { beyondSql, countsSql, erasedSql, expiredRowsSql, PLACE_OF_ROWS_SQL, partitionsSql } from './rows-sql.ts';
import type { Chunk, StepCount } from './source.ts';

/** Events computed in one statement: many, for ClickHouse takes some 45 ms to understand it; 58 bytes each come here. */
const PIECE_EVENTS = 262_144;
/** Events handed on at once; in between a service answers. */
const CHUNK_EVENTS = 16_384;
/** Keys bound at once; then the table is made anew. Some 100 bytes each. */
const MOST_KEYS = 1_000_000;

interface Range {
  first: number;
  end: number;
}

interface Order extends Range {
  /** Of the events before the first one; they grow. */
  roots: RootIndex;
  findings: Findings;
  rollups: Rollups;
  /** Sequences in order: rows whose leaf is computed again by the caller. */
  sample: readonly number[];
}

/** A piece as ClickHouse answers it. */
interface Piece extends Range {
  answer: Buffer;
  rest: Pick<Chunk, 'counts' | 'erased'>;
}

export class ClickHouseRows {
  /** Holds the keys, and computes leaves. */
  readonly #main: ClickHouseConnection;
  /** For everything else, at the same time. */
  readonly #side: ClickHouseConnection;
  readonly #folder: DataFolder;
  readonly #bound = new Set<number>();

  private constructor(main: ClickHouseConnection, side: ClickHouseConnection, folder: DataFolder) {
    this.#main = main;
    this.#side = side;
    this.#folder = folder;
  }

  static async begin(
    main: ClickHouseConnection,
    side: ClickHouseConnection,
    folder: DataFolder,
  ): Promise<ClickHouseRows> {
    const rows = new ClickHouseRows(main, side, folder);
    await main.command(CREATE_KEYS);
    return rows;
  }

  /** The events from `first` to before `end`. */
  async *chunks(order: Order): AsyncIterable<Chunk> {
    const { first, end, roots, findings } = order;
    const keptLeaf = (sequence: number) => this.#keptLeaf(sequence);
    let next = this.#readPiece(order, first);
    for (let at = first; at < end; at = endOfPiece(at, end)) {
      const current = next;
      const following = endOfPiece(at, end);
      // Before this one is here: so ClickHouse always has one to go on with.
      if (following < end) next = this.#readPiece(order, following);
      // What it raises is raised when it is awaited, and not before.
      next.catch(() => undefined);
      const piece = await current;
      yield* splitPiece(piece, orderLeaves({ ...piece, keptLeaf, roots, findings }), new Set(order.sample));
    }
  }

  /** Rows after the end of the log, and rows in a partition that is not theirs. `readSize` says how large the log is now. */
  async checkEnds(findings: Findings, readSize: () => number): Promise<void> {
    const [beyond] = await this.#side.rows(beyondSql(readSize()));
    if (beyond && Number(beyond.held) > 0) {
      const what = `ClickHouse holds ${beyond.held} events that were never accepted, from sequence ${beyond.first} on.`;
      findings.add({
        weight: 'fault',
        kind: 'never-accepted',
        first: Number(beyond.first),
        count: Number(beyond.held),
        what,
      });
    }
    const [place] = await this.#side.rows(PLACE_OF_ROWS_SQL);
    // Of a cluster's rows each server knows the partitions, and it made them itself.
    if (place?.engine === 'Distributed') return;
    const size = this.#folder.readPartitionEvents();
    for (const { partition, first, last } of await this.#side.rows(partitionsSql())) {
      const from = Number(partition) * size;
      if (Number(first) >= from && Number(last) < from + size) continue;
      const what = `Partition ${partition} holds events ${first} to ${last}, which do not belong there.`;
      findings.add({ weight: 'fault', kind: 'partition', first: Number(first), count: 1, what });
    }
  }

  /** Rows of events that have expired. */
  async checkExpired(first: number, findings: Findings): Promise<void> {
    const [left] = await this.#side.rows(expiredRowsSql('events', first));
    if (left && Number(left.held) > 0)
      findings.events(
        'not-expired',
        'has a tombstone, which says that it has expired, and its row is still in ClickHouse',
        Number(left.first),
        Number(left.held),
      );
  }

  async close(): Promise<void> {
    await this.#main.close();
  }

  async #readPiece(order: Order, first: number): Promise<Piece> {
    const end = endOfPiece(first, order.end);
    const sample = order.sample.filter((sequence) => sequence >= first && sequence < end);
    const [answered] = await this.#side.rows(keyNumbersSql(first, end));
    const numbers = Array.isArray(answered?.numbers) ? answered.numbers.map(Number) : [];
    const { isBound, missing } = this.#bindKeys(numbers);
    // Asked for at once, so that nothing of the next piece comes between keys and leaves.
    const [answer, counts, erased] = await Promise.all([
      this.#main.bytes(leavesSql(this.#folder.log, first, end, sample)),
      this.#side.rows(countsSql(first, end)),
      missing.size > 0 ? this.#side.rows(erasedSql(first, end)) : [],
      order.rollups.compare(first, end),
      isBound,
    ]);
    const rest = {
      counts: counts.map(readCount),
      erased: erased
        .map(({ key, first: its, count }) => ({ key: Number(key), first: Number(its), count: Number(count) }))
        .filter(({ key }) => missing.has(key)),
    };
    return { first, end, answer, rest };
  }

  /** Hands ClickHouse the keys that a piece needs and it has not yet. `missing`: the numbers of those that are gone. */
  #bindKeys(numbers: readonly number[]): { isBound: Promise<unknown>; missing: Set<number> } {
    const statements: Promise<unknown>[] = [];
    if (this.#bound.size + numbers.length > MOST_KEYS) {
      statements.push(this.#main.command(`DROP TABLE ${KEYS_TABLE}`), this.#main.command(CREATE_KEYS));
      this.#bound.clear();
    }
    const wanted = numbers.filter((number) => number !== 0 && !this.#bound.has(number));
    const { lines, missing } = this.#folder.readKeys(wanted);
    for (const number of wanted) this.#bound.add(number);
    for (const number of missing) this.#bound.delete(number);
    if (lines !== '') statements.push(this.#main.insert(INSERT_KEYS, lines));
    return { isBound: Promise.all(statements), missing: new Set(missing) };
  }

  #keptLeaf(sequence: number): Buffer {
    const offset = (sequence % TILE_WIDTH) * HASH_BYTES;
    const tile = this.#folder.tile(0, Math.floor(sequence / TILE_WIDTH));
    return tile?.subarray(offset, offset + HASH_BYTES) ?? Buffer.alloc(0);
  }
}

/** Pieces end where they would end if the log were read from its beginning. */
function endOfPiece(first: number, limit: number): number {
  return Math.min(first - (first % PIECE_EVENTS) + PIECE_EVENTS, limit);
}

function readCount({ run, step, name, count, event }: Record<string, unknown>): StepCount {
  return { run: Number(run), step: Number(step), name: String(name), count: Number(count), sequence: Number(event) };
}

/** Some events at a time. Counts come with the first of them: a step's end is compared with all of its events. */
async function* splitPiece(
  { first, end, rest }: Piece,
  { leaves, rows }: { leaves: Buffer; rows: Row[] },
  sample: ReadonlySet<number>,
): AsyncIterable<Chunk> {
  for (let at = first; at < end; at += CHUNK_EVENTS) {
    const until = Math.min(at + CHUNK_EVENTS, end);
    const its = rows.filter(({ sequence }) => sequence >= at && sequence < until);
    yield {
      first: at,
      leaves: leaves.subarray((at - first) * HASH_BYTES, (until - first) * HASH_BYTES),
      rows: its.filter(isFact),
      again: its.filter(({ sequence }) => sample.has(sequence)),
      ...(at === first ? rest : { counts: [], erased: [] }),
    };
    await new Promise((resolve) => setImmediate(resolve));
  }
}
