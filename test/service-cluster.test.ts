// The service as a whole on a cluster, by its variables alone: what one user has made the tables for, another runs and asks.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { requiredRights } from '../ingest/clickhouse/requirements.ts';
import { CLUSTER, ClickHouseServers, DATABASE } from './clickhouse-server.ts';
import { OWNER } from './ingest-places.ts';
import { makeCompany, metatrail, startService } from './service-world.ts';

const USER = {
  name: 'user',
  password: 'asks',
  grants: requiredRights(DATABASE, `${DATABASE}_local`).map((right) => `GRANT ${right}`),
};

let servers: ClickHouseServers;
before(async () => {
  servers = await ClickHouseServers.start({ users: [OWNER, USER], shards: 2 });
});
after(() => servers.stop());

const QUESTION = '{ log { size watermark state } changes(first: 100) { nodes { sequence } } }';

test('a company lives on a cluster, and what happens there while a shard is away is told when it is back', {
  timeout: 240_000,
}, async (t) => {
  const company = makeCompany(t);
  Object.assign(company.environment, {
    CLICKHOUSE_URL: servers.first.url(USER),
    CLICKHOUSE_OWNER_URL: servers.first.url(OWNER),
    CLICKHOUSE_DATABASE: DATABASE,
    CLICKHOUSE_CLUSTER: CLUSTER,
  });
  const service = await startService(t, company);
  const first = await metatrail(company, 'run', 'hr', 'full');
  assert.equal(first.status, 0, first.stderr);
  const asked = await metatrail(company, 'query', QUESTION);
  assert.equal(asked.status, 0, asked.stderr);
  const { data } = JSON.parse(asked.stdout);
  assert.ok(data.changes.nodes.length > 3);
  assert.equal(existsSync(path.join(company.data, 'clickhouse')), false);
  await servers.at(1).kill();
  const refused = await metatrail(company, 'query', QUESTION);
  assert.equal(refused.status, 1);
  assert.match(refused.stdout, /"code": "CLICKHOUSE_AWAY"/);
  await servers.at(1).start();
  const again = await metatrail(company, 'query', QUESTION);
  assert.deepEqual(JSON.parse(again.stdout).data.changes, data.changes);
  await service.stop();
});
