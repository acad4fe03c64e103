// A company whose ClickHouse, a real server behind a proxy, can be away.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, type TestContext } from 'node:test';
import { readEnvironment } from '../api/environment.ts';
import { Installation } from '../api/installation.ts';
import { loadConfiguration } from '../engine/configuration/load.ts';
import type { Limits } from '../ingest/back-pressure.ts';
import { ClickHouseProxy } from './clickhouse-proxy.ts';
import { ClickHouseServers, DATABASE } from './clickhouse-server.ts';
import { afterwards, makeFolder } from './ingest-world.ts';
import { assertReplays } from './replayed-state.ts';

const USER = { name: 'someone', password: 'geheim', grants: ['GRANT ALL ON *.*'] };

const COMPANY = `metatrail: 1
name: Company
metaverse:
  person: { about: person, name: name, deletion: never, attributes: { id: string, name: string } }
agents:
  hr:
    connector: { kind: csv, file: "{data}/people.csv" }
    objects: { employee: { anchor: id, attributes: { id: id, name: name } } }
    projection: { employee: person }
    import_flow: { employee: { id: id, name: name } }
    run_profiles: { full: [full-import, delta-synchronization] }
`;

let servers: ClickHouseServers;

/** Starts the server before the tests of a file, and stops it after them. */
export function beginWithClickHouse(): void {
  before(async () => {
    servers = await ClickHouseServers.start({ users: [USER] });
  });
  after(() => servers.stop());
}

/** A proxy before the server, whose database is empty, and where it is. */
export async function startProxy(t: TestContext) {
  await servers.first.query(`DROP DATABASE ${DATABASE} SYNC`, 'default');
  await servers.first.query(`CREATE DATABASE ${DATABASE}`, 'default');
  const proxy = await ClickHouseProxy.start(servers.first);
  afterwards(t, () => proxy.stop());
  return { proxy, url: proxy.url(USER), database: DATABASE };
}

/** An installation with so many people in its HR file, all delivered that there is. */
export async function openCompany(t: TestContext, people: number, limits?: Limits) {
  const folder = makeFolder(t);
  mkdirSync(path.join(folder, 'data'));
  const rows = Array.from({ length: people }, (_, n) => `${n},Person ${n}\n`);
  writeFileSync(path.join(folder, 'people.csv'), ['id,name\n', ...rows].join(''));
  const { proxy, url, database } = await startProxy(t);
  const environment = readEnvironment({
    METATRAIL_DATA: path.join(folder, 'data'),
    CLICKHOUSE_URL: url,
    CLICKHOUSE_DATABASE: database,
  });
  const configuration = loadConfiguration(COMPANY, { file: path.join(folder, 'c.yaml'), variables: { data: folder } });
  const installation = await Installation.open(environment, configuration, limits);
  afterwards(t, async () => {
    await installation.close();
    await assertReplays(path.join(folder, 'data'));
  });
  await installation.log.shipper.delivered(installation.log.journal.size);
  return { installation, clickhouse: proxy, folder };
}
