// The one place that knows where ClickHouse is: embedded (chDB, the default) or a server. Both are the same client.
// A connection to chDB runs one query at a time, so reads have a small pool and writes one connection of their own.
import { accessSync, constants, mkdirSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { createChdbConnection } from 'chdb/connection';
import type { z } from 'zod';
import { LogError } from '../errors.ts';
import { withLogErrors } from './clickhouse-error.ts';

export interface ClickHouseTarget {
  /** http(s)://user:password@host:port; undefined: embedded in the data folder. */
  url?: string | undefined;
  database?: string | undefined;
  /** The data folder of the embedded engine. */
  folder: string;
}

/** Four reads at once keep two cores busy and leave libuv's 16 threads room for the writer and the files. */
const READ_CONNECTIONS = 4;
/** A statement to a server that takes longer than this is an uncertain outcome. */
const REQUEST_TIMEOUT_MS = 60_000;
/** The client would print what ClickHouse says, rows included, on the console. */
const SILENT = { level: ClickHouseLogLevel.OFF };

export interface ReadOptions {
  /** Seconds after which ClickHouse gives up. */
  timeLimit?: number;
  signal?: AbortSignal | undefined;
}

export interface ClickHouse {
  readonly embedded: boolean;
  /** Runs a statement that returns nothing. Values are bound, never written into it. */
  command(sql: string, params?: Record<string, unknown>): Promise<void>;
  /** Inserts lines of JSONEachRow with the settings given in the statement. Cancelled, its outcome is uncertain. */
  insert(statement: string, lines: string, signal?: AbortSignal): Promise<void>;
  /** Reads rows, each checked by the schema. */
  select<T extends z.ZodType>(
    sql: string,
    params: Record<string, unknown>,
    schema: T,
    options?: ReadOptions,
  ): Promise<z.infer<T>[]>;
  close(): Promise<void>;
}

/** Opens ClickHouse. Throws LogError when the embedded engine cannot be started; a server is asked only when used. */
export function openClickHouse(target: ClickHouseTarget): ClickHouse {
  const embedded = target.url === undefined;
  const make = target.url === undefined ? embeddedClients(target.folder) : serverClients(target.url, target.database);
  const writer = make();
  const pool = new Pool(Array.from({ length: READ_CONNECTIONS }, make));
  return {
    embedded,
    async command(sql, params = {}) {
      await withLogErrors({ embedded }, () => writer.command({ query: sql, query_params: params }));
    },
    async insert(statement, lines, signal) {
      await withLogErrors({ embedded, insert: true, signal }, () => insertLines(writer, statement, lines, signal));
    },
    select: (sql, params, schema, options = {}) =>
      pool.use(async (client) => {
        const attempt = { embedded, signal: options.signal };
        const rows = await withLogErrors(attempt, () => selectRows(client, sql, params, options));
        return rows.map((row) => schema.parse(row));
      }),
    async close() {
      await Promise.all([writer.close(), ...pool.clients.map((client) => client.close())]);
    },
  };
}

async function insertLines(client: ClickHouseClient, statement: string, lines: string, signal?: AbortSignal) {
  const values = Readable.from([lines], { objectMode: false });
  const { stream } = await client.exec({ query: statement, values, ...(signal && { abort_signal: signal }) });
  await finished(stream.resume());
}

async function selectRows(
  client: ClickHouseClient,
  sql: string,
  params: Record<string, unknown>,
  options: ReadOptions,
): Promise<unknown[]> {
  const limit = options.timeLimit ?? 10;
  const result = await client.query({
    query: `${sql}\nSETTINGS output_format_json_quote_64bit_integers = 0, max_execution_time = ${limit}`,
    query_params: params,
    format: 'JSONEachRow',
    ...(options.signal && { abort_signal: options.signal }),
  });
  return result.json();
}

function embeddedClients(folder: string): () => ClickHouseClient {
  const place = path.join(folder, 'clickhouse');
  try {
    mkdirSync(place, { recursive: true, mode: 0o700 });
    accessSync(place, constants.W_OK | constants.X_OK);
  } catch (error) {
    const said = `The folder ${place} of the embedded ClickHouse cannot be written.`;
    throw new LogError('data-folder-not-writable', said, { cause: error });
  }
  return () => {
    try {
      return createClient({ connection: asConnection(createChdbConnection({ path: place })), log: SILENT });
    } catch (error) {
      // The engine itself writes the reason on stderr and does not hand it over.
      const said = `The embedded ClickHouse in ${place} cannot be opened: it is damaged, or another process has it open.`;
      throw new LogError('clickhouse-refused', said, { cause: error });
    }
  };
}

type ClientConnection = NonNullable<NonNullable<Parameters<typeof createClient>[0]>['connection']>;

/** The same interface twice: chdb takes its types from @clickhouse/client-common, the client carries a copy of its own. */
function asConnection(connection: unknown): ClientConnection {
  return connection as ClientConnection;
}

function serverClients(url: string, database: string | undefined): () => ClickHouseClient {
  return () => {
    try {
      return createClient({
        url,
        ...(database !== undefined && { database }),
        request_timeout: REQUEST_TIMEOUT_MS,
        log: SILENT,
      });
    } catch {
      // What the client says may quote the address, and with it the password.
      const said = 'CLICKHOUSE_URL is no address of a ClickHouse: http[s]://user:password@host:port is expected.';
      throw new LogError('clickhouse-refused', said);
    }
  };
}

/** Hands out the connections, one user each, first come first served. */
class Pool {
  readonly clients: readonly ClickHouseClient[];
  readonly #idle: ClickHouseClient[];
  readonly #waiting: ((client: ClickHouseClient) => void)[] = [];

  constructor(clients: ClickHouseClient[]) {
    this.clients = clients;
    this.#idle = [...clients];
  }

  async use<T>(work: (client: ClickHouseClient) => Promise<T>): Promise<T> {
    const client = this.#idle.pop() ?? (await new Promise<ClickHouseClient>((resolve) => this.#waiting.push(resolve)));
    try {
      return await work(client);
    } finally {
      const next = this.#waiting.shift();
      if (next) next(client);
      else this.#idle.push(client);
    }
  }
}
