// The one place that knows where ClickHouse is: embedded (chDB, the default) or a server. Both are the same client.
// A connection to chDB runs one query at a time, so reads have a small pool and writes one connection of their own.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { type ClickHouseClient, createClient } from '@clickhouse/client';
import { createChdbConnection } from 'chdb/connection';
import type { z } from 'zod';
import { LogError } from '../errors.ts';

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

export interface ReadOptions {
  /** Seconds after which ClickHouse gives up. */
  timeLimit?: number;
  signal?: AbortSignal;
}

export interface ClickHouse {
  readonly embedded: boolean;
  /** Runs a statement that returns nothing. Values are bound, never written into it. */
  command(sql: string, params?: Record<string, unknown>): Promise<void>;
  /** Inserts lines of JSONEachRow with the settings given in the statement. */
  insert(statement: string, lines: string): Promise<void>;
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
  const make = target.url === undefined ? embeddedClients(target.folder) : serverClients(target.url, target.database);
  const writer = make();
  const pool = new Pool(Array.from({ length: READ_CONNECTIONS }, make));
  return {
    embedded: target.url === undefined,
    async command(sql, params = {}) {
      await run(() => writer.command({ query: sql, query_params: params }));
    },
    async insert(statement, lines) {
      const { stream } = await run(() =>
        writer.exec({ query: statement, values: Readable.from([lines], { objectMode: false }) }),
      );
      stream.destroy();
    },
    select: (sql, params, schema, options = {}) =>
      pool.use((client) => selectRows(client, sql, params, schema, options)),
    async close() {
      await Promise.all([writer.close(), ...pool.clients.map((client) => client.close())]);
    },
  };
}

async function selectRows<T extends z.ZodType>(
  client: ClickHouseClient,
  sql: string,
  params: Record<string, unknown>,
  schema: T,
  options: ReadOptions,
): Promise<z.infer<T>[]> {
  const limit = options.timeLimit ?? 10;
  const query = `${sql}\nSETTINGS output_format_json_quote_64bit_integers = 0, max_execution_time = ${limit}`;
  const rows: unknown[] = await run(async () => {
    const result = await client.query({
      query,
      query_params: params,
      format: 'JSONEachRow',
      ...(options.signal && { abort_signal: options.signal }),
    });
    return result.json();
  });
  return rows.map((row) => schema.parse(row));
}

function embeddedClients(folder: string): () => ClickHouseClient {
  const path_ = path.join(folder, 'clickhouse');
  mkdirSync(path_, { recursive: true, mode: 0o700 });
  return () => {
    try {
      return createClient({ connection: asConnection(createChdbConnection({ path: path_ })) });
    } catch (error) {
      throw new LogError('data-folder-in-use', `The embedded ClickHouse in ${path_} cannot be opened.`, {
        cause: error,
      });
    }
  };
}

type ClientConnection = NonNullable<NonNullable<Parameters<typeof createClient>[0]>['connection']>;

/** The same interface twice: chdb takes its types from @clickhouse/client-common, the client carries a copy of its own. */
function asConnection(connection: unknown): ClientConnection {
  return connection as ClientConnection;
}

function serverClients(url: string, database: string | undefined): () => ClickHouseClient {
  return () => createClient({ url, ...(database !== undefined && { database }), request_timeout: REQUEST_TIMEOUT_MS });
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

const AWAY = /ECONNREFUSED|ECONNRESET|EPIPE|ENOTFOUND|ETIMEDOUT|EHOSTUNREACH|socket hang up|Timeout error/i;

/** Errors of the client become LogErrors; what a server says may quote a row, so only its code and first words are kept. */
async function run<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const code = errorCode(error);
    if (AWAY.test(message) || AWAY.test(code)) {
      throw new LogError('clickhouse-away', `ClickHouse does not answer (${code || 'no connection'}).`, {
        retryable: true,
        cause: error,
      });
    }
    throw new LogError('clickhouse-refused', `ClickHouse refused a statement: ${scrub(message)}`, { cause: error });
  }
}

function errorCode(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return '';
  return String(error.code);
}

function scrub(message: string): string {
  const line = message.split('\n')[0] ?? '';
  return line.replace(/'(?:[^'\\]|\\.)*'/g, "'…'").slice(0, 300);
}
