// The rows of a log in ClickHouse, piece by piece: leaves, flags and counts are computed there, for that is what makes the
// speed; only hashes come here. While one piece is looked at here, ClickHouse computes the next.
import type { ClickHouseConnection } from './clickhouse-connection.ts';
import type { DataFolder } from './data-folder.ts';
import type { Findings } from './findings.ts';
import {
  CREATE_KEYS,
  flaggedSql,
  formatKey,
  INSERT_KEYS,
  KEYS_TABLE,
  keyNumbersSql,
  leavesSql,
  tilesSql,
} from './leaf-sql.ts';
import { HASH_BYTES, TILE_WIDTH } from './merkle.ts';
import { parseRow, type Row } from './row.ts';
import { reportFlags, reportOtherRoot } from './row-chunks.ts';
import {
  beyondSql,
  countsSql,
  erasedSql,
  expiredRowsSql,
  factsSql,
  otherRootsSql,
  PLACE_OF_ROWS_SQL,
  partitionsSql,
  rowsSql,
} from './rows-sql.ts';
import type { Chunk, StepCount } from './source.ts';

/** Events computed in one statement: enough for its start not to matter, few enough that a service beside it answers. */
const PIECE_EVENTS = 65_536;
/** Keys bound at once; then the table is made anew. Some 100 bytes each. */
const MOST_KEYS = 1_000_000;
/** Rows read again in one statement. */
const SAMPLE_AT_ONCE = 200;

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
  async *chunks(first: number, end: number, findings: Findings): AsyncIterable<Chunk> {
    let next = this.#readPiece(first, end, findings);
    for (let at = first; at < end; at = endOfPiece(at, end)) {
      const chunk = await next;
      const following = endOfPiece(at, end);
      if (following < end) next = this.#readPiece(following, end, findings);
      // What it raises is raised when it is awaited, and not before.
      next.catch(() => undefined);
      yield chunk;
    }
  }

  /** Rows by their sequences, in order. */
  async readRows(sequences: readonly number[]): Promise<Row[]> {
    const found: Row[] = [];
    for (let i = 0; i < sequences.length; i += SAMPLE_AT_ONCE) {
      const condition = `sequence IN (${sequences.slice(i, i + SAMPLE_AT_ONCE).join(', ')})`;
      found.push(...(await this.#side.rows(rowsSql(condition))).map(parseRow));
    }
    return found;
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

  async #readPiece(first: number, limit: number, findings: Findings): Promise<Chunk> {
    const end = endOfPiece(first, limit);
    const missing = await this.#bindKeys(first, end);
    const [leaves, rows, counts, erased] = await Promise.all([
      this.#readLeaves(first, end, findings),
      this.#side.rows(factsSql(first, end)),
      this.#side.rows(countsSql(first, end)),
      missing.size > 0 ? this.#side.rows(erasedSql(first, end)) : [],
      this.#checkRoots(first, end, findings),
    ]);
    return {
      first,
      leaves,
      rows: rows.map(parseRow),
      counts: counts.map(readCount),
      erased: erased
        .map(({ key, first: its, count }) => ({ key: Number(key), first: Number(its), count: Number(count) }))
        .filter(({ key }) => missing.has(key)),
    };
  }

  /** Hands ClickHouse the keys that a piece needs. Returns the numbers of those that are gone. */
  async #bindKeys(first: number, end: number): Promise<Set<number>> {
    const [answer] = await this.#side.rows(keyNumbersSql(first, end));
    const numbers = Array.isArray(answer?.numbers) ? answer.numbers.map(Number) : [];
    if (this.#bound.size + numbers.length > MOST_KEYS) {
      await this.#main.command(`DROP TABLE ${KEYS_TABLE}`);
      await this.#main.command(CREATE_KEYS);
      this.#bound.clear();
    }
    const missing = new Set<number>();
    let lines = '';
    for (const number of numbers) {
      if (number === 0 || this.#bound.has(number)) continue;
      const key = this.#folder.keyOf(number);
      if (!key) missing.add(number);
      else {
        this.#bound.add(number);
        lines += formatKey(number, key);
      }
    }
    if (lines !== '') await this.#main.insert(INSERT_KEYS, lines);
    return missing;
  }

  /** 32 bytes for each event; zeros where there is none. */
  async #readLeaves(first: number, end: number, findings: Findings): Promise<Buffer> {
    const { log } = this.#folder;
    const leaves = Buffer.alloc((end - first) * HASH_BYTES);
    const irregular = new Set<number>();
    for (let tile = Math.floor(first / TILE_WIDTH); tile * TILE_WIDTH < end; tile++) irregular.add(tile);
    let isFlagged = false;
    for (const { tile, held, is_dense, flags_of_all, leaves: encoded } of await this.#main.rows(
      tilesSql(log, first, end),
    )) {
      isFlagged ||= Number(flags_of_all) !== 0;
      const from = Math.max(Number(tile) * TILE_WIDTH, first);
      const expected = Math.min((Number(tile) + 1) * TILE_WIDTH, end) - from;
      if (Number(held) !== expected || Number(is_dense) !== 1) continue;
      irregular.delete(Number(tile));
      leaves.write(String(encoded), (from - first) * HASH_BYTES, 'base64');
    }
    if (isFlagged)
      for (const { sequence, its_flags } of await this.#main.rows(flaggedSql(log, first, end)))
        reportFlags(findings, Number(its_flags), Number(sequence), 1);
    if (irregular.size > 0) await this.#readIrregular([...irregular], first, end, leaves, findings);
    return leaves;
  }

  /** Tiles in which rows are missing or stand twice, row by row. */
  async #readIrregular(tiles: number[], first: number, end: number, leaves: Buffer, findings: Findings): Promise<void> {
    const held = new Map<number, Buffer>();
    for (const { sequence, hash } of await this.#main.rows(leavesSql(first, end, tiles))) {
      const number = Number(sequence);
      const leaf = Buffer.from(String(hash), 'base64');
      const before = held.get(number);
      if (before) findings.events('duplicate', 'stands in ClickHouse more than once', number);
      if (!before || leaf.equals(this.#keptLeaf(number))) held.set(number, leaf);
    }
    for (const tile of tiles) {
      const to = Math.min((tile + 1) * TILE_WIDTH, end);
      for (let sequence = Math.max(tile * TILE_WIDTH, first); sequence < to; sequence++) {
        const leaf = held.get(sequence);
        if (leaf) leaf.copy(leaves, (sequence - first) * HASH_BYTES);
        else findings.events('missing', 'is missing', sequence);
      }
    }
  }

  #keptLeaf(sequence: number): Buffer {
    const offset = (sequence % TILE_WIDTH) * HASH_BYTES;
    const tile = this.#folder.tile(0, Math.floor(sequence / TILE_WIDTH));
    return tile?.subarray(offset, offset + HASH_BYTES) ?? Buffer.alloc(0);
  }

  async #checkRoots(first: number, end: number, findings: Findings): Promise<void> {
    const [wrong] = await this.#side.rows(otherRootsSql(first, end));
    if (wrong && Number(wrong.count) > 0) reportOtherRoot(findings, Number(wrong.first), Number(wrong.count));
  }
}

/** Pieces end where they would end if the log were read from its beginning. */
function endOfPiece(first: number, limit: number): number {
  return Math.min(first - (first % PIECE_EVENTS) + PIECE_EVENTS, limit);
}

function readCount({ run, step, name, count, event }: Record<string, unknown>): StepCount {
  return { run: Number(run), step: Number(step), name: String(name), count: Number(count), sequence: Number(event) };
}
