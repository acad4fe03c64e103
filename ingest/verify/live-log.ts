// A log as its installation keeps it: rows in ClickHouse, keys, tiles, checkpoints and the newest rows in the data folder. The
// service may go on writing: what is accepted after the beginning of the check is left to the next one.
import { ClickHouseConnection, type ClickHousePlace } from './clickhouse-connection.ts';
import { ClickHouseRows } from './clickhouse-rows.ts';
import { DataFolder } from './data-folder.ts';
import type { Findings } from './findings.ts';
import { Rollups } from './rollups.ts';
import { RootIndex } from './root-index.ts';
import { parseRow } from './row.ts';
import { RowChunks } from './row-chunks.ts';
import type { Chunk, KeptTombstone, LogSource } from './source.ts';
import { expiredBelow } from './tombstone.ts';

export class LiveLog implements LogSource {
  readonly where: string;
  readonly log: string;
  readonly first: number;
  readonly size: number;
  readonly isPart = false;
  readonly publicKeys: string;
  readonly tombstones: readonly KeptTombstone[];
  readonly partitionEvents: number;
  readonly #folder: DataFolder;
  readonly #rows: ClickHouseRows;
  readonly #side: ClickHouseConnection;
  #rollups: Rollups | undefined;

  private constructor(folder: DataFolder, rows: ClickHouseRows, side: ClickHouseConnection) {
    this.#folder = folder;
    this.#rows = rows;
    this.#side = side;
    this.where = `the data folder ${folder.folder}`;
    this.log = folder.log;
    this.size = folder.size;
    this.tombstones = folder.readTombstones();
    this.partitionEvents = folder.readPartitionEvents();
    this.first = expiredBelow(this.tombstones, folder.size, this.partitionEvents);
    this.publicKeys = folder.readPublicKeys();
  }

  /**
   * Opens the stores. In the process that runs the service this works beside it; in another the embedded ClickHouse must be
   * free. Throws CannotCheckError.
   */
  static async open(place: ClickHousePlace): Promise<LiveLog> {
    const folder = new DataFolder(place.folder);
    const opened: ClickHouseConnection[] = [];
    try {
      const [main, side] = [await ClickHouseConnection.open(place), await ClickHouseConnection.open(place)];
      opened.push(main, side);
      return new LiveLog(folder, await ClickHouseRows.begin(main, side, folder), side);
    } catch (error) {
      folder.close();
      for (const connection of opened) await connection.close();
      throw error;
    }
  }

  checkpoints(): Iterable<{ place: string; note: string }> {
    return this.#folder.checkpoints();
  }

  tile(level: number, index: number): Buffer | undefined {
    return this.#folder.tile(level, index);
  }

  keyOf = (number: number): Uint8Array | undefined => this.#folder.keyOf(number);

  /** First what ClickHouse was given, then what is accepted and on its way. */
  async *chunks(findings: Findings, sample: readonly number[]): AsyncIterable<Chunk> {
    const roots = new RootIndex(this.first);
    this.#rollups = await Rollups.find(this.#side, findings);
    try {
      let next = this.first;
      for (;;) {
        const delivered = Math.min(this.#folder.readDelivered(), this.size);
        if (delivered <= next) break;
        yield* this.#rows.chunks({ first: next, end: delivered, roots, findings, rollups: this.#rollups, sample });
        next = delivered;
      }
      yield* this.#undelivered(next, roots, findings);
    } finally {
      roots.close();
    }
  }

  async checkRest(findings: Findings): Promise<{ rollups: { name: string; rows: number }[] }> {
    await this.#rows.checkEnds(findings, () => this.#folder.readSize());
    const isAtEnd = await this.#checkExpired(findings);
    return { rollups: (await this.#rollups?.finish(isAtEnd ? this.first : undefined)) ?? [] };
  }

  async close(): Promise<void> {
    this.#folder.close();
    await this.#rows.close();
    await this.#side.close();
  }

  /** Whether everything before the first row is gone. An expiry that is not at its end has left rows in the journal. */
  async #checkExpired(findings: Findings): Promise<boolean> {
    if (this.first === 0) return true;
    if (this.#folder.readFirstRow() >= this.first) {
      await this.#rows.checkExpired(this.first, findings);
      return true;
    }
    const what = `Events before ${this.first} have a tombstone, and the journal still holds rows of them: the expiry is not at its end. Start the service, which ends it, or wait for it.`;
    findings.add({
      weight: 'unchecked',
      kind: 'expiry-unfinished',
      first: this.#folder.readFirstRow(),
      count: 1,
      what,
    });
    return false;
  }

  async *#undelivered(first: number, roots: RootIndex, findings: Findings): AsyncIterable<Chunk> {
    const chunks = new RowChunks({ log: this.log, first, keyOf: this.keyOf, findings, roots });
    for (let sequence = first; sequence < this.size; sequence++) {
      const text = this.#folder.row(sequence);
      if (text !== undefined) yield* chunks.add(parseRow(JSON.parse(text)));
    }
    yield* chunks.skipTo(this.size);
    yield* chunks.finish();
  }
}
