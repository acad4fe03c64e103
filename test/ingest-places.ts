// Where ClickHouse can be: embedded, a server, or a cluster of two. What must hold in all of them is one test, done in each.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, type TestContext, type TestOptions, test } from 'node:test';
import { type ClickHouseTarget, openClickHouse } from '../ingest/clickhouse/connect.ts';
import { CLUSTER, ClickHouseServers } from './clickhouse-server.ts';
import { makeFolder } from './ingest-world.ts';

export const PLACES = ['embedded', 'server', 'cluster'] as const;
export type Place = (typeof PLACES)[number];

/** Makes tables and changes them. */
export const OWNER = { name: 'owner', password: 'makes', grants: ['GRANT ALL ON *.*'] };
/** Few, so that a handful of events is spread over both shards. */
export const SHARD_EVENTS = 4;

const targets = new Map<string, ClickHouseTarget>();
const started = new Map<Place, Promise<ClickHouseServers>>();
let databases = 0;

/** Declares a test for each place, with its name. */
export function everywhere(name: string, work: (t: TestContext, place: Place) => Promise<void>): void {
  const options: TestOptions = { timeout: 120_000 };
  for (const place of PLACES) test(`${name} (${place})`, options, (t) => work(t, place));
}

/** The servers of a place, started once for the file of tests and stopped after it. */
export function startServers(place: Place): Promise<ClickHouseServers> {
  const known = started.get(place);
  if (known !== undefined) return known;
  const starting = ClickHouseServers.start({ users: [OWNER], shards: place === 'cluster' ? 2 : 1 });
  started.set(place, starting);
  return starting;
}
after(async () => {
  for (const servers of started.values()) await (await servers).stop();
});

/** A data folder, with a ClickHouse of its own: embedded in it, or a database of its own on the servers. */
export async function makeFolderAt(t: TestContext, place: Place): Promise<string> {
  const folder = makeFolder(t);
  targets.set(folder, place === 'embedded' ? { folder } : await makeTarget(folder, place));
  return folder;
}

async function makeTarget(folder: string, place: Place): Promise<ClickHouseTarget> {
  const servers = await startServers(place);
  databases += 1;
  const url = servers.first.url(OWNER);
  const shards = place === 'cluster' ? { cluster: CLUSTER, shardEvents: SHARD_EVENTS } : {};
  return { folder, url, database: `log_${databases}`, ...shards };
}

/** How the log of a data folder is opened. */
export function targetOf(folder: string): ClickHouseTarget {
  return targets.get(folder) ?? assert.fail(`${path.basename(folder)} was not made by makeFolderAt.`);
}

/** From now on this data folder has the ClickHouse of another. */
export function takeClickHouseOf(other: string, folder: string): void {
  targets.set(folder, { ...targetOf(other), folder });
}

/** Runs statements wherever rows are held. */
export async function changeClickHouse(folder: string, ...statements: string[]): Promise<void> {
  const clickhouse = openClickHouse(targetOf(folder));
  const owners = await clickhouse.openOwners();
  for (const owner of owners) {
    for (const statement of statements) await owner.command(statement);
    await owner.close();
  }
  await clickhouse.close();
}
