// Erasure and expiry as an operator of a cluster does them: by commands, through the service and without one, as an owner with the
// rights that CLUSTER.md names beside a user who may only insert and select, with a shard away and back.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { requiredRights } from '../ingest/clickhouse/requirements.ts';
import { CLUSTER, ClickHouseServers, DATABASE } from './clickhouse-server.ts';
import { type Company, makeCompany, metatrail, startService } from './service-world.ts';

const LOCAL = `${DATABASE}_local`;
const CLUSTER_MD = readFileSync(path.join(import.meta.dirname, '../ingest/CLUSTER.md'), 'utf8');
const grants = [...CLUSTER_MD.matchAll(/^(GRANT .*) TO metatrail_owner;$/gm)].map(([, grant = '']) => grant);
const OWNER = { name: 'owner', password: 'makes', grants };
const USER = {
  name: 'user',
  password: 'asks',
  grants: requiredRights(DATABASE, LOCAL).map((right) => `GRANT ${right}`),
};
const PARTITION = 256;
const DAYS_AGO = 3;
const PEOPLE = 60;
const WHO = ['--who', 'privacy officer'];
const REASON = [...WHO, '--why', 'request 7'];

let servers: ClickHouseServers;
before(async () => {
  servers = await ClickHouseServers.start({ users: [OWNER, USER], shards: 2 });
});
after(() => servers.stop());

/** A company that keeps events for a day, on the cluster. */
function makeCompanyThere(t: TestContext): Company {
  const company = makeCompany(t);
  const retention = `retention: { events: 1 day, partition_events: ${PARTITION} }\n`;
  const text = readFileSync(company.configuration, 'utf8');
  const marked = text.replace('uid: uid,', 'uid: { marks: [entitlement] },');
  assert.notEqual(marked, text);
  writeFileSync(company.configuration, marked + retention);
  Object.assign(company.environment, {
    CLICKHOUSE_URL: servers.first.url(USER),
    CLICKHOUSE_OWNER_URL: servers.first.url(OWNER),
    CLICKHOUSE_DATABASE: DATABASE,
    CLICKHOUSE_CLUSTER: CLUSTER,
  });
  return company;
}

/** The same company, on a machine whose clock is some days behind. */
function daysAgo(company: Company): Company {
  const clock = path.join(company.folder, 'clock.mjs');
  writeFileSync(clock, `const now = Date.now; Date.now = () => now() - ${DAYS_AGO * 86_400_000};\n`);
  return { ...company, environment: { ...company.environment, NODE_OPTIONS: `--import=${clock}` } };
}

/** Those with these numbers are there. */
function writePeople({ folder }: Company, isThere: (number: number) => boolean): void {
  const lines = Array.from({ length: PEOPLE }, (_, i) => i + 1)
    .filter(isThere)
    .map((number) => `${70_000 + number},${nameOf(number)}\n`);
  writeFileSync(path.join(folder, 'people.csv'), `id,name\n${lines.join('')}`);
}

const nameOf = (number: number) => `Person${number} Exampleworth`;

async function succeed(company: Company, ...command: string[]): Promise<string> {
  const { status, stdout, stderr } = await metatrail(company, ...command);
  assert.equal(status, 0, `${command.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

async function fail(company: Company, ...command: string[]): Promise<string> {
  const { status, stderr } = await metatrail(company, ...command);
  assert.equal(status, 1, command.join(' '));
  assert.doesNotMatch(stderr, /node:internal|file:\/\//);
  return stderr;
}

async function runCycle(company: Company): Promise<void> {
  for (const [agent, profile] of [
    ['hr', 'full'],
    ['directory', 'export'],
    ['directory', 'confirm'],
  ] as const)
    await succeed(company, 'run', agent, profile);
}

/** From now on partitions go to one shard after the other: as where there are more events than tests can make. */
async function spread(): Promise<void> {
  for (const table of ['events', 'entitlement_changes'])
    await servers.first.query(
      `CREATE OR REPLACE TABLE ${DATABASE}.${table} AS ${LOCAL}.${table} ENGINE = Distributed('${CLUSTER}', '${LOCAL}', '${table}', intDiv(sequence, ${PARTITION}))`,
    );
}

async function objectOf(company: Company, number: number): Promise<string> {
  const answer = JSON.parse(await succeed(company, 'query', `{ objects(search: "${nameOf(number)}") { id } }`));
  return answer.data.objects[0].id;
}

/** On each server, of how many of its own rows this is true. */
const countAtEach = (condition: string, table = 'events') =>
  Promise.all(
    servers.all.map(async (server) =>
      Number(await server.query(`SELECT count() FROM ${table} WHERE ${condition}`, LOCAL)),
    ),
  );

const naming = (number: number) =>
  `position(formatRow('RowBinary', *), '${nameOf(number)}') > 0 OR position(formatRow('RowBinary', *), 'uid=${70_000 + number},') > 0`;

const AWAY = /^A server of the cluster does not answer \(.*\n.*clickhouse-away/;
/** The refused erasure is a read, which waits to be delivered. */
const NOT_DELIVERED = /^(A server of the cluster|ClickHouse) does not answer \(.*clickhouse-away/s;

test('by commands people are erased and partitions expire on both shards, with the service and without', {
  timeout: 400_000,
}, async (t) => {
  const company = makeCompanyThere(t);
  writePeople(company, () => true);
  const before = await startService(t, daysAgo(company));
  await spread();
  await runCycle(company);
  writePeople(company, (number) => number !== 1 && number !== 2);
  await runCycle(company);
  const [one, two] = [await objectOf(company, 1), await objectOf(company, 2)];
  const held = await countAtEach(naming(1));
  assert.ok(
    held.every((events) => events > 0),
    `both shards have her: ${held.join(', ')}`,
  );

  await t.test('through the service a leaver is erased and certified', async () => {
    const { event, settled } = JSON.parse(await succeed(company, 'erase', one, ...REASON, '--now'));
    assert.equal(settled, true);
    assert.deepEqual(await countAtEach(naming(1)), [0, 0]);
    const certificate = JSON.parse(await succeed(company, 'erase', '--certificate', String(event), ...WHO));
    assert.deepEqual([certificate.erasure, certificate.server], [event, true]);
    // There may be no checkpoint yet.
    const { stdout } = await metatrail(company, 'verify');
    assert.match(stdout, /complete and unaltered|nothing is wrong, but 1 thing could not be checked/);
    assert.match(stdout, new RegExp(`Erased by event ${event}: \\d+ commitments`));
  });
  await before.stop();

  await t.test('with a shard away nothing is erased and nothing expires, and it says so', async () => {
    await servers.at(1).kill();
    assert.match(await fail(company, 'erase', two, ...REASON, '--now'), AWAY);
    assert.match(await fail(company, 'retention', '--apply', ...WHO), NOT_DELIVERED);
    await servers.at(1).start();
    assert.ok((await countAtEach(naming(2))).every((events) => events > 0));
  });

  await t.test('without the service another leaver is erased, and what is older than a day expires', async () => {
    const { settled } = JSON.parse(await succeed(company, 'erase', two, ...REASON, '--now'));
    assert.equal(settled, true);
    assert.deepEqual(await countAtEach(naming(2)), [0, 0]);
    const plan = JSON.parse(await succeed(company, 'retention', '--dry-run'));
    const expired = plan.partitions.length * PARTITION;
    assert.ok((await countAtEach(`sequence < ${expired}`, 'entitlement_changes')).some((changes) => changes > 0));
    assert.ok(plan.partitions.length >= 2, 'of both shards');
    assert.deepEqual(JSON.parse(await succeed(company, 'retention', '--apply', ...WHO)).partitions, plan.partitions);
    assert.deepEqual(await countAtEach(`sequence < ${expired}`), [0, 0]);
    assert.deepEqual(await countAtEach(`sequence < ${expired}`, 'entitlement_changes'), [0, 0]);
    assert.match(await succeed(company, 'verify'), /^Verified: \d+ events, complete and unaltered/m);
    assert.match(await succeed(company, 'replay', '--compare'), /the state is what they make/);
  });

  await t.test('the service goes on where the commands ended', async () => {
    const service = await startService(t, company);
    writePeople(company, (number) => number > 3);
    await runCycle(company);
    const three = await objectOf(company, 3);
    const { event, settled } = JSON.parse(await succeed(company, 'erase', three, ...REASON));
    assert.equal(settled, false, 'it waits for other requests');
    await servers.at(1).kill();
    const certify = ['erase', '--certificate', String(event), ...WHO];
    assert.match(await fail(company, ...certify), /clickhouse-away|CLICKHOUSE_AWAY|does not answer/);
    await servers.at(1).start();
    assert.equal(JSON.parse(await succeed(company, ...certify)).erasure, event);
    assert.deepEqual(await countAtEach(naming(3)), [0, 0]);
    assert.deepEqual(JSON.parse(await succeed(company, 'retention', '--apply', ...WHO)).partitions, []);
    assert.match(await succeed(company, 'verify'), /^Verified: \d+ events, complete and unaltered/m);
    await service.stop();
  });
});
