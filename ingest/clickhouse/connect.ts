// The one place that knows where ClickHouse is: embedded (chDB, the default), a server, or a cluster of them. All are the same
// client. A connection to chDB runs one query at a time, so reads have a small pool and writes one connection of their own.
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { finished } from 'node:stream/promises';
import { setImmediate } from 'node:timers/promises';
import type { ClickHouseClient } from '@clickhouse/client';
import { z } from 'zod';
import { withLogErrors } from './clickhouse-error.ts';
import { embeddedClients, serverClients } from './clients.ts';
import { type Cluster, clusterOf, listServers, PARTITION_EVENTS } from './cluster.ts';
import { writeParameters } from './literals.ts';
import { Pool } from './pool.ts';

export interface ClickHouseTarget {
  /** http(s)://user:password@host:port; undefined: embedded in the data folder. */
  url?: string | undefined;
  /** The same address for the user who makes and changes tables; undefined: `url` may do it. */
  ownerUrl?: string | undefined;
  database?: string | undefined;
  /** The name of a cluster, as the servers' `remote_servers` has it, whose shards hold the rows. */
  cluster?: string | undefined;
  /** So many events in sequence go to one shard, then as many to the next; only measurements and tests set it. */
  shardEvents?: number | undefined;
  /** The data folder of the embedded engine. */
  folder: string;
}

/** Four reads at once keep two cores busy and leave libuv's 16 threads room for the writer and the files. */
const READ_CONNECTIONS = 4;

/** What a statement took ClickHouse. */
export interface ReadCost {
  /** Read from tables, not told. */
  rows: number;
  bytes: number;
  milliseconds: number;
}

export interface ReadOptions {
  /** Seconds after which ClickHouse gives up. */
  timeLimit?: number;
  signal?: AbortSignal | undefined;
  /** Bytes that the statement may take in ClickHouse; as many as it likes unless given. */
  memoryLimit?: number | undefined;
  /** By table a condition on all that the statement reads of it; values in it are literals, written by us. */
  filters?: Readonly<Record<string, string>> | undefined;
  /** For whom: many statements of one keep no others waiting; undefined: for the program itself. */
  owner?: string | undefined;
  /** Told when the statement is over. */
  onCost?: ((cost: ReadCost) => void) | undefined;
}

/** Filters may name thousands of objects; otherwise 256 KiB is the longest statement. */
const LONGEST_FILTERED_BYTES = 16 * 2 ** 20;

export interface ClickHouse {
  readonly embedded: boolean;
  /** The cluster whose shards hold the rows; undefined: they are all in one place. */
  readonly cluster: Cluster | undefined;
  /** Where an insert must not cross a multiple of so many events: it is then one block on one shard, all or nothing. */
  readonly rangeEvents: number;
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
  /** Whether the user has a right of a server, such as `INSERT ON metatrail.events`. */
  hasRight(right: string): Promise<boolean>;
  /** The version of the server, such as `26.7.2.1`, also of one too old for anything else here. */
  version(): Promise<string>;
  /**
   * Each place that holds rows, one for each server of a cluster, as the user who may make and change tables; what is done
   * to `events` there is done to the rows themselves. Whoever asks closes them. Throws LogError: a server is away, or the
   * cluster is not known. `makeDatabases`: those that are not there yet are made.
   */
  openOwners(options?: { makeDatabases: boolean }): Promise<ClickHouse[]>;
  close(): Promise<void>;
}

/** Opens ClickHouse. Throws LogError when the embedded engine cannot be started; a server is asked only when used. */
export function openClickHouse(target: ClickHouseTarget): ClickHouse {
  return target.url === undefined ? openEmbedded(target.folder) : openServer(target, target.url);
}

function openEmbedded(folder: string): ClickHouse {
  const clickhouse: ClickHouse = {
    ...openClients(embeddedClients(folder), true),
    embedded: true,
    cluster: undefined,
    rangeEvents: PARTITION_EVENTS,
    version: () => readVersion(clickhouse),
    // The folder cannot be opened twice.
    openOwners: async () => [{ ...clickhouse, close: async () => undefined }],
  };
  return clickhouse;
}

function openServer(target: ClickHouseTarget, url: string): ClickHouse {
  const { database, cluster: name } = target;
  const cluster = name === undefined ? undefined : clusterOf(name, database, target.shardEvents);
  return {
    ...openClients(serverClients(url, database), false),
    embedded: false,
    cluster,
    rangeEvents: cluster?.shardEvents ?? PARTITION_EVENTS,
    async version() {
      const bare = openClients(serverClients(url, undefined, {}), false);
      return readVersion(bare).finally(() => bare.close());
    },
    openOwners: ({ makeDatabases } = { makeDatabases: false }) => openOwners(target, url, cluster, makeDatabases),
  };
}

async function openOwners(target: ClickHouseTarget, url: string, cluster: Cluster | undefined, makeDatabases: boolean) {
  const owner = target.ownerUrl ?? url;
  const servers = cluster ? await withServer(owner, (entry) => listServers(entry, cluster, owner)) : [owner];
  const databases = cluster ? [cluster.database, cluster.rowsDatabase] : target.database ? [target.database] : [];
  if (makeDatabases) {
    for (const server of servers) await withServer(server, (entry) => makeMissing(entry, databases));
  }
  const database = cluster?.rowsDatabase ?? target.database;
  return servers.map((server) => openServer({ folder: target.folder, database }, server));
}

/** Asks a server without naming a database: it may not be there yet. */
async function withServer<T>(url: string, work: (server: Statements) => Promise<T>): Promise<T> {
  const server = openClients(serverClients(url, undefined), false);
  return work(server).finally(() => server.close());
}

async function makeMissing(server: Statements, databases: readonly string[]): Promise<void> {
  const there = await server.select('SELECT name FROM system.databases', {}, z.object({ name: z.string() }));
  for (const database of databases) {
    if (!there.some(({ name }) => name === database)) await server.command(`CREATE DATABASE IF NOT EXISTS ${database}`);
  }
}

export type Statements = Pick<ClickHouse, 'command' | 'insert' | 'select' | 'hasRight' | 'close'>;

function openClients(make: () => ClickHouseClient, embedded: boolean): Statements {
  const writer = make();
  const pool = new Pool(Array.from({ length: READ_CONNECTIONS }, make));
  return {
    async command(sql, params = {}) {
      await withLogErrors({ embedded }, () => writer.command({ query: sql, query_params: params }));
    },
    async insert(statement, lines, signal) {
      await withLogErrors({ embedded, insert: true, signal }, () => insertLines(writer, statement, lines, signal));
    },
    select: (sql, params, schema, options = {}) =>
      pool.use(async (client) => {
        const attempt = { embedded, signal: options.signal };
        const rows = await withLogErrors(attempt, async () => {
          // Nobody waits any more since it was its turn.
          options.signal?.throwIfAborted();
          try {
            return await selectRows(client, sql, params, options, embedded);
          } catch (error) {
            if (embedded) await forgetSaid(client);
            throw error;
          }
        });
        return checkRows(rows, schema);
      }, options.owner),
    async hasRight(right) {
      // Takes neither a format nor settings.
      const { stream } = await withLogErrors({ embedded }, () => writer.exec({ query: `CHECK GRANT ${right}` }));
      return (await text(stream)).trim() === '1';
    },
    async close() {
      await Promise.all([writer.close(), ...pool.connections.map((client) => client.close())]);
    },
  };
}

async function readVersion({ select }: Statements): Promise<string> {
  const [row] = await select('SELECT version() AS version', {}, z.object({ version: z.string() }));
  return row?.version ?? '';
}

async function insertLines(client: ClickHouseClient, statement: string, lines: string, signal?: AbortSignal) {
  const values = Readable.from([lines], { objectMode: false });
  const { stream } = await client.exec({ query: statement, values, ...(signal && { abort_signal: signal }) });
  await finished(stream.resume());
}

/**
 * To leave parts out by what projections hold finds nothing here, and takes 20 ms a statement over 10 million events. Rows that lie
 * apart are read by all cores from 8,192 rows on, not from 163,840: a page of a hundred takes a fifth less time.
 */
const HOW_TO_READ =
  'optimize_use_projection_filtering = 0, merge_tree_min_rows_for_concurrent_read = 8192, merge_tree_min_bytes_for_concurrent_read = 1048576';

/** Rows that are checked in one go: others have their turn between. */
const CHECKED_AT_ONCE = 2000;

async function checkRows<T extends z.ZodType>(rows: readonly unknown[], schema: T): Promise<z.infer<T>[]> {
  const checked: z.infer<T>[] = [];
  for (const row of rows) {
    checked.push(schema.parse(row));
    if (checked.length % CHECKED_AT_ONCE === 0) await setImmediate();
  }
  return checked;
}

/**
 * chDB keeps what a statement had said before it failed, and says it before the next answer of the connection: asks until an answer is
 * that of its own question. It waits for a statement that goes on though nobody does.
 */
async function forgetSaid(client: ClickHouseClient): Promise<void> {
  // A connection that is closed, or fails at this too, has no later answer.
  for (let tries = 0; tries < 3; tries++) {
    const asked = client.query({ query: "SELECT 'nothing more'", format: 'TabSeparated' });
    const said = await asked.then((result) => result.text()).catch(() => '');
    if (said === 'nothing more\n') return;
  }
}

async function selectRows(
  client: ClickHouseClient,
  sql: string,
  params: Record<string, unknown>,
  options: ReadOptions,
  embedded: boolean,
): Promise<unknown[]> {
  const limit = options.timeLimit ?? 10;
  const statement = embedded ? writeParameters(sql, params) : { sql, params };
  const result = await client.query({
    query: `${statement.sql}\nSETTINGS ${filtersSetting(options.filters)}output_format_json_quote_64bit_integers = 0, max_execution_time = ${limit}, max_memory_usage = ${options.memoryLimit ?? 0}, ${HOW_TO_READ}`,
    query_params: statement.params,
    format: 'JSONCompact',
    // A server stops a question that nobody waits for any more only where it is told that nothing is written.
    clickhouse_settings: {
      // Half an answer of a server would be cut off in the middle of its JSON, and its error in it.
      ...(!embedded && { readonly: '2', wait_end_of_query: 1 }),
      ...(options.filters && { max_query_size: String(LONGEST_FILTERED_BYTES) }),
    },
    ...(options.signal && { abort_signal: options.signal }),
  });
  const { meta = [], data, statistics } = await result.json<unknown[]>();
  if (statistics)
    options.onCost?.({
      rows: statistics.rows_read,
      bytes: statistics.bytes_read,
      milliseconds: statistics.elapsed * 1000,
    });
  return data.map((values) => Object.fromEntries(meta.map(({ name }, column) => [name, values[column]])));
}

function filtersSetting(filters: ReadOptions['filters']): string {
  if (!filters) return '';
  const quote = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const each = Object.entries(filters).map(([table, condition]) => `${quote(table)}: ${quote(condition)}`);
  return `additional_table_filters = {${each.join(', ')}}, `;
}
