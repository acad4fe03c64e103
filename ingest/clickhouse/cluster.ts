// A cluster of ClickHouse servers. Each has the tables with its rows in a database of their own, `…_local`, made by the same
// migrations as where there is one server; the database that is written to and asked has a table of the same name for each,
// of the engine Distributed, on every server. So statements are the same everywhere.
//
// Tables are made by asking each server itself over HTTP, as `system.clusters` names them, and not with ON CLUSTER: that needs
// Keeper, and says of a server that is away only that it did not answer in time.
import { z } from 'zod';
import { LogError } from '../errors.ts';
import type { ClickHouse, Statements } from './connect.ts';

/**
 * Events of a partition: a complete subtree of the Merkle tree. An insert into two partitions is two blocks. On a cluster a
 * partition is on one shard, see ARCHITECTURE.md for what was measured.
 */
export const PARTITION_EVENTS = 16_777_216;

export interface Cluster {
  name: string;
  /** The database that is asked. */
  database: string;
  /** The database of each server's own rows. */
  rowsDatabase: string;
  /** So many events in sequence go to one shard, then as many to the next. */
  shardEvents: number;
}

export function clusterOf(name: string, database = 'default', shardEvents = PARTITION_EVENTS): Cluster {
  return { name, database, rowsDatabase: `${database}_local`, shardEvents };
}

const serverRow = z.object({ shard_num: z.number(), host_name: z.string(), internal_replication: z.number() });

/** The addresses of all servers of the cluster: hosts as its configuration names them, the rest as in `url`. */
export async function listServers(entry: Statements, cluster: Cluster, url: string): Promise<string[]> {
  const servers = await entry.select(
    'SELECT shard_num, host_name, internal_replication FROM system.clusters WHERE cluster = {name:String} ORDER BY shard_num, replica_num',
    { name: cluster.name },
    serverRow,
  );
  const refuse = (what: string) => new LogError('clickhouse-refused', what);
  if (servers.length === 0)
    throw refuse(`ClickHouse knows no cluster ${cluster.name}; it must stand under remote_servers of every server.`);
  const replicated = servers.length > new Set(servers.map(({ shard_num }) => shard_num)).size;
  if (replicated && servers.some((server) => server.internal_replication === 0))
    throw refuse(
      `Shards of the cluster ${cluster.name} have replicas, but no internal_replication under remote_servers.`,
    );
  return servers.map(({ host_name }) => {
    const address = new URL(url);
    address.hostname = host_name.includes(':') ? `[${host_name}]` : host_name;
    return address.href;
  });
}

/**
 * Whether the tables of the cluster are replicated ones: where its servers have Keeper. Throws LogError: some have it and others
 * not, it cannot be seen, or shards have replicas and there is none.
 */
export async function areReplicated(owners: readonly ClickHouse[], cluster: Cluster): Promise<boolean> {
  const keepers = await Promise.all(owners.map(hasKeeper));
  if (new Set(keepers).size > 1)
    throw new LogError(
      'clickhouse-refused',
      `Some servers of the cluster ${cluster.name} have Keeper and others have not.`,
    );
  if (keepers.includes(true)) return true;
  const shards = await owners[0]?.select(
    'SELECT uniqExact(shard_num) AS n FROM system.clusters WHERE cluster = {name:String}',
    { name: cluster.name },
    z.object({ n: z.number() }),
  );
  if (shards?.[0]?.n === owners.length) return false;
  const said = `Shards of the cluster ${cluster.name} have replicas, which need Keeper, and its servers have none.`;
  throw new LogError('clickhouse-refused', said);
}

async function hasKeeper(owner: ClickHouse): Promise<boolean> {
  // Who may not see the table would be told that it is not there.
  const right = 'SELECT ON system.zookeeper';
  if (!(await owner.hasRight(right)))
    throw new LogError('clickhouse-right-missing', `The user who makes tables lacks a right in ClickHouse: ${right}.`);
  const [row] = await owner.select(
    "SELECT count() AS n FROM system.tables WHERE database = 'system' AND name = 'zookeeper'",
    {},
    z.object({ n: z.number() }),
  );
  return row?.n === 1;
}

/** A migration as it is for replicated tables: the replicas of a shard share what they hold, and remember inserts for a week. */
export function asReplicated(sql: string): string {
  return sql
    .replace(
      /\bENGINE = (\w*MergeTree)\b(?!\()/g,
      "ENGINE = Replicated$1('/clickhouse/tables/{database}/{table}/{shard}', '{replica}')",
    )
    .replace(
      /\bnon_replicated_deduplication_window = (\d+)/g,
      '$&, replicated_deduplication_window = $1, replicated_deduplication_window_seconds = 604800',
    );
}

const tableRow = z.object({ name: z.string(), engine: z.string(), columns: z.array(z.string()) });

/** The tables of a database with their engines, and their columns in no order that means anything. */
function readTables(owner: ClickHouse, database: string): Promise<z.infer<typeof tableRow>[]> {
  return owner.select(
    `SELECT t.name AS name, any(t.engine_full) AS engine, arraySort(groupArray(concat(c.name, ' ', c.type))) AS columns
     FROM (SELECT name, engine_full FROM system.tables WHERE database = {database:String}) AS t
     INNER JOIN (SELECT table, name, type FROM system.columns WHERE database = {database:String}) AS c ON c.table = t.name
     GROUP BY name ORDER BY name LIMIT 1000`,
    { database },
    tableRow,
  );
}

/** The engine of the table that asks all shards. What is of no one event, such as a rollup's row, is only ever read through it. */
export function distributedEngine(cluster: Cluster, table: string, hasSequence = true): string {
  const key = hasSequence ? `intDiv(sequence, ${cluster.shardEvents})` : 'rand()';
  return `Distributed('${cluster.name}', '${cluster.rowsDatabase}', '${table}', ${key})`;
}

/** On one server, for each table with rows the one that asks all shards; made anew when columns or shards have changed. */
export async function makeDistributedTables(owner: ClickHouse, cluster: Cluster): Promise<void> {
  const { name, database, rowsDatabase } = cluster;
  const local = await readTables(owner, rowsDatabase);
  const distributed = new Map((await readTables(owner, database)).map((table) => [table.name, table]));
  for (const table of local.filter((each) => /MergeTree/.test(each.engine) && each.name !== 'migrations')) {
    const engine = distributedEngine(cluster, table.name, table.columns.includes('sequence UInt64'));
    const known = distributed.get(table.name);
    if (known?.engine === engine && known.columns.join() === table.columns.join()) continue;
    if (known !== undefined && !known.engine.startsWith('Distributed')) {
      const said = `The table ${database}.${table.name} holds rows itself, those of one server: the cluster ${name} needs a database of its own.`;
      throw new LogError('clickhouse-refused', said);
    }
    const make = known === undefined ? 'CREATE TABLE IF NOT EXISTS' : 'CREATE OR REPLACE TABLE';
    await owner.command(`${make} ${database}.${table.name} AS ${rowsDatabase}.${table.name} ENGINE = ${engine}`);
  }
}
