// The verifier's own way to ClickHouse: embedded or a server, one statement at a time on each connection, with a temporary
// table for keys that lives and dies with it.
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { finished } from 'node:stream/promises';
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { createChdbConnection } from 'chdb/connection';
import { CannotCheckError } from './cannot-check.ts';

export interface ClickHousePlace {
  /** The data folder, with the embedded engine in it. */
  folder: string;
  /** http(s)://user:password@host:port of a server instead. */
  url?: string | undefined;
  database?: string | undefined;
}

/** The oldest version that has what the tables of the log need: text indexes. */
const NEEDED_VERSION = [26, 2] as const;
/** A statement covers one chunk or one view; one that takes longer than this has failed. */
const REQUEST_TIMEOUT_MS = 600_000;
/** A piece of rows is small for ClickHouse: without these one thread alone computes it. */
const PARALLEL = 'merge_tree_min_rows_for_concurrent_read = 8192, merge_tree_min_bytes_for_concurrent_read = 1048576';
/** Looks through all conditions of a statement for chains of comparisons: a sixth of the time that the leaves take to be understood. */
const UNDERSTOOD_FASTER = 'optimize_and_compare_chain = 0';
/** Some thousand rows at a time instead of some hundred: an eighth less time for the leaves. */
const LARGE_BLOCKS = 'preferred_block_size_bytes = 8000000';
/** The client would print what ClickHouse says, rows included, on the console. */
const SILENT = { level: ClickHouseLogLevel.OFF };

export class ClickHouseConnection {
  readonly #client: ClickHouseClient;
  /** One statement at a time: a session does not take two, and neither does the embedded engine. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(client: ClickHouseClient) {
    this.#client = client;
  }

  /** Throws CannotCheckError: it cannot be opened, does not answer, or is too old. */
  static async open(place: ClickHousePlace): Promise<ClickHouseConnection> {
    const connection = new ClickHouseConnection(
      place.url === undefined ? openEmbedded(place.folder) : openServer(place),
    );
    try {
      await connection.#refuseOldVersion();
      return connection;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  /** Reads rows. Numbers are numbers; what may be larger than 2^53 has to be asked for as text. */
  async rows(sql: string): Promise<Record<string, unknown>[]> {
    return this.#inTurn(async () => {
      const query = `${sql}\nSETTINGS output_format_json_quote_64bit_integers = 0, ${PARALLEL}`;
      const result = await this.#client.query({ query, format: 'JSONEachRow' });
      return result.json<Record<string, unknown>>();
    });
  }

  /** The answer in ClickHouse's RowBinary. */
  async bytes(sql: string): Promise<Buffer> {
    return this.#inTurn(async () => {
      const query = `${sql}\nSETTINGS ${PARALLEL}, ${UNDERSTOOD_FASTER}, ${LARGE_BLOCKS}\nFORMAT RowBinary`;
      // A server that fails midway must say so, and not break off.
      const { stream } = await this.#client.exec({ query, clickhouse_settings: { wait_end_of_query: 1 } });
      return buffer(stream);
    });
  }

  async command(sql: string): Promise<void> {
    await this.#inTurn(() => this.#client.command({ query: sql }));
  }

  /** Inserts lines of tab-separated values. They are sent apart from the statement, so that no server writes them down with it. */
  async insert(statement: string, lines: string): Promise<void> {
    await this.#inTurn(async () => {
      const values = Readable.from([lines], { objectMode: false });
      const { stream } = await this.#client.exec({ query: statement, values });
      await finished(stream.resume());
    });
  }

  /** After what was under way. */
  async close(): Promise<void> {
    await this.#last;
    await this.#client.close();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(() => attempt(work));
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #refuseOldVersion(): Promise<void> {
    const [row] = await this.rows('SELECT version() AS version');
    const version = String(row?.version);
    const [major = 0, minor = 0] = version.split('.').map(Number);
    const [neededMajor, neededMinor] = NEEDED_VERSION;
    if (major > neededMajor || (major === neededMajor && minor >= neededMinor)) return;
    throw new CannotCheckError(
      `This ClickHouse is of version ${version.slice(0, 40)}; ${NEEDED_VERSION.join('.')} or newer is needed to check the log in it.`,
    );
  }
}

type Connection = NonNullable<NonNullable<Parameters<typeof createClient>[0]>['connection']>;

/** The same interface twice: chdb takes its types from @clickhouse/client-common, the client carries a copy of its own. */
function asConnection(connection: unknown): Connection {
  return connection as Connection;
}

function openEmbedded(folder: string): ClickHouseClient {
  const place = path.join(folder, 'clickhouse');
  if (!existsSync(place))
    throw new CannotCheckError(
      `There is no embedded ClickHouse ${place}; name the data folder, or set CLICKHOUSE_URL.`,
    );
  try {
    return createClient({ connection: asConnection(createChdbConnection({ path: place })), log: SILENT });
  } catch {
    throw new CannotCheckError(
      `The embedded ClickHouse in ${place} cannot be opened: it is damaged, or another process has it open; stop that one.`,
    );
  }
}

function openServer({ url, database }: ClickHousePlace): ClickHouseClient {
  try {
    return createClient({
      ...(url !== undefined && { url }),
      ...(database !== undefined && { database }),
      // A temporary table belongs to a session.
      session_id: randomUUID(),
      request_timeout: REQUEST_TIMEOUT_MS,
      log: SILENT,
    });
  } catch {
    // What the client says may quote the address, and with it the password.
    throw new CannotCheckError(
      'CLICKHOUSE_URL is no address of a ClickHouse: http[s]://user:password@host:port is expected.',
    );
  }
}

async function attempt<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CannotCheckError) throw error;
    throw new CannotCheckError(describe(error));
  }
}

/** Only what cannot quote a row. */
function describe(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const named = typeof error === 'object' && error !== null && 'type' in error ? error.type : undefined;
  const type = named ?? /\bCode: \d+\b.*\(([A-Z][A-Z0-9_]{3,})\)/s.exec(message)?.[1];
  if (typeof type === 'string') return `ClickHouse refused a statement of the check (${type}).`;
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'no proper answer';
  return `ClickHouse does not answer (${code}); see that it runs, and try again.`;
}
