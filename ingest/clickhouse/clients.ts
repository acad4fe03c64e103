// How a client of ClickHouse is made: embedded (chDB), or of a server with the settings that the log depends on.
import { accessSync, constants, mkdirSync } from 'node:fs';
import path from 'node:path';
import { type ClickHouseClient, ClickHouseLogLevel, type ClickHouseSettings, createClient } from '@clickhouse/client';
import { createChdbConnection } from 'chdb/connection';
import { LogError } from '../errors.ts';

/** A statement to a server that takes longer than this is an uncertain outcome; an address may say otherwise. */
const REQUEST_TIMEOUT_MS = 60_000;
/** The client would print what ClickHouse says, rows included, on the console. */
const SILENT = { level: ClickHouseLogLevel.OFF };

/** What every statement to a server is done with, whatever its user's profile says. */
export const SERVER_SETTINGS: ClickHouseSettings = {
  async_insert: 0,
  cancel_http_readonly_queries_on_client_close: 1,
  // Of a cluster: an insert is acknowledged when its shard has it, not when it is in a spool.
  distributed_foreground_insert: 1,
  // A shard that does not answer is an error, never a smaller answer.
  skip_unavailable_shards: 0,
  // `x IN (SELECT … FROM events)` asks all shards first, as it does where there is one; where the server does not see to
  // that (26.7: a UNION right inside of IN), it refuses.
  prefer_global_in_and_join: 1,
  distributed_product_mode: 'deny',
  // Rows are put where the sharding key says, also those that the server itself selects.
  parallel_distributed_insert_select: '0',
  // Of replicas: most of them have what is acknowledged, and only those that have it answer.
  insert_quorum: 'auto',
  insert_quorum_parallel: 0,
  select_sequential_consistency: '1',
};

export function embeddedClients(folder: string): () => ClickHouseClient {
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

/** `settings` are those of every statement; a server too old to know them is asked for its version without any. */
export function serverClients(
  url: string,
  database: string | undefined,
  settings: ClickHouseSettings = SERVER_SETTINGS,
): () => ClickHouseClient {
  return () => {
    try {
      return createClient({
        url,
        ...(database !== undefined && { database }),
        // Given twice, the client would say so on the console.
        ...(!new URL(url).searchParams.has('request_timeout') && { request_timeout: REQUEST_TIMEOUT_MS }),
        clickhouse_settings: settings,
        log: SILENT,
      });
    } catch {
      // What the client says may quote the address, and with it the password.
      const said = 'CLICKHOUSE_URL is no address of a ClickHouse: http[s]://user:password@host:port is expected.';
      throw new LogError('clickhouse-refused', said);
    }
  };
}
