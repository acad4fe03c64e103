// Backups of a data folder whose rows are on a server or a cluster: they are not in it, and a restore compares itself with what
// is there now.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { CLUSTER, type ClickHouseServers } from './clickhouse-server.ts';
import { OWNER, startServers } from './ingest-places.ts';
import { type Company, makeCompany, metatrail } from './service-world.ts';

async function succeed(company: Company, ...command: string[]): Promise<string> {
  const { status, stdout, stderr } = await metatrail(company, ...command);
  assert.equal(status, 0, `${command.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

/** The README's company, its rows on servers, after a first cycle. */
async function start(t: TestContext, place: 'server' | 'cluster') {
  const servers = await startServers(place);
  const company = makeCompany(t);
  const database = `backup_${place}`;
  Object.assign(company.environment, {
    CLICKHOUSE_URL: servers.first.url(OWNER),
    CLICKHOUSE_DATABASE: database,
    ...(place === 'cluster' && { CLICKHOUSE_CLUSTER: CLUSTER }),
  });
  await succeed(company, 'run', 'hr', 'full');
  return { servers, company, rows: place === 'cluster' ? `${database}_local` : database };
}

const at = (company: Company, data: string, without: Record<string, undefined> = {}): Company => ({
  ...company,
  data,
  environment: { ...company.environment, METATRAIL_DATA: data, ...without },
});

async function truncate(servers: ClickHouseServers, rows: string, from: number): Promise<void> {
  for (const server of servers.all)
    for (const table of ['events', 'entitlement_changes'])
      await server.query(`ALTER TABLE ${table} DELETE WHERE sequence >= ${from} SETTINGS mutations_sync = 2`, rows);
}

for (const place of ['server', 'cluster'] as const)
  test(`a backup beside a ${place} holds no rows, and a restore says what the ${place} has more or less`, {
    timeout: 300_000,
  }, async (t) => {
    const { servers, company, rows } = await start(t, place);
    const backup = path.join(company.folder, 'backup');
    const [, size = ''] = /: (\d+) events, root/.exec(await succeed(company, 'backup', backup)) ?? [];
    assert.ok(!readdirSync(backup).includes('clickhouse'));
    assert.deepEqual(
      JSON.parse(readFileSync(path.join(backup, 'backup.json'), 'utf8').split('\n')[0] ?? '').clickhouse,
      { kind: 'server' },
    );
    const people = path.join(company.folder, 'people.csv');
    writeFileSync(people, readFileSync(people, 'utf8').replace('Ann Smith', 'Ann Miller'));
    await succeed(company, 'run', 'hr', 'full');
    const restore = (name: string, without = {}) =>
      metatrail(at(company, path.join(company.folder, name), without), 'restore', backup);

    const nameless = await restore('nameless', {
      CLICKHOUSE_URL: undefined,
      CLICKHOUSE_DATABASE: undefined,
      CLICKHOUSE_CLUSTER: undefined,
    });
    assert.match(nameless.stdout, /ClickHouse was a server: CLICKHOUSE_URL must name it/);
    const ahead = await restore('ahead');
    assert.equal(ahead.status, 0, ahead.stderr);
    const [, held = ''] =
      /ClickHouse holds (\d+) events: events (\d+) to \d+ are lost here, and nothing is shipped/.exec(ahead.stdout) ??
      [];
    assert.ok(Number(held) > Number(size), ahead.stdout);
    const restored = at(company, path.join(company.folder, 'ahead'));
    const refused = await metatrail(restored, 'run', 'hr', 'full');
    assert.match(`${refused.stdout}${refused.stderr}`, /metatrail recover/);
    await succeed(restored, 'recover', '--apply', '--why', 'the disk was replaced');
    await succeed(restored, 'run', 'hr', 'full');
    assert.match(await succeed(restored, 'verify'), /^Verified: /);

    await truncate(servers, rows, Number(size) - 3);
    const behind = await restore('behind');
    assert.match(
      behind.stdout,
      new RegExp(
        `ClickHouse holds ${Number(size) - 3} of the ${size} events that were delivered to it: restore it too\\.`,
      ),
    );
    await truncate(servers, rows, 0);
    const empty = await restore('empty');
    assert.match(empty.stdout, new RegExp(`ClickHouse holds 0 of the ${size} events`));
    const away = await restore('away', { CLICKHOUSE_URL: 'http://127.0.0.1:9' });
    assert.equal(away.status, 0, 'the folder is made all the same');
    assert.match(
      away.stdout,
      /ClickHouse could not be asked what it holds: .* Nothing is shipped before it was compared\./,
    );
  });
