// What a machine that watches is told: how far the log is behind, in events and seconds, what that does, what is read.

import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { getNamedType, isObjectType } from 'graphql';
import { pino } from 'pino';
import { localAccess } from '../api/access/access.ts';
import { schema } from '../api/graphql/schema.ts';
import { createHttpApplication, listen } from '../api/http/server.ts';
import { SignIn } from '../api/sign-in.ts';
import { Trimmer } from '../ingest/clickhouse/trimmer.ts';
import { tamper } from './checkpoint-world.ts';
import { afterwards, makeBatch } from './ingest-world.ts';
import { beginWithClickHouse, openCompany } from './lagging-world.ts';

beginWithClickHouse();

async function serve(t: TestContext, openMetrics = false) {
  const { installation, clickhouse, folder } = await openCompany(t, 1);
  const { journal, shipper } = installation.log;
  const signIn = new SignIn(journal);
  const application = createHttpApplication({
    installation,
    signIn,
    logger: pino({ level: 'silent' }),
    notReady: () => undefined,
    webFolder: folder,
    openMetrics,
    publicLog: false,
  });
  const server = await listen(application, '127.0.0.1', 0);
  afterwards(t, () => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const headers = { authorization: `Bearer ${signIn.commandLineToken}` };
  const get = (address: string, known = true) => fetch(`${url}${address}`, known ? { headers } : {});
  const metrics = async () => {
    const text = await (await get('/metrics')).text();
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return new Map(
      lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
    );
  };
  return { installation, journal, shipper, clickhouse, get, metrics };
}

test('metrics are for those who are signed in', async (t) => {
  const closed = await serve(t);
  assert.equal((await closed.get('/metrics', false)).status, 401);
  const known = await closed.get('/metrics');
  assert.deepEqual(
    [known.status, known.headers.get('content-type')],
    [200, 'text/plain; version=0.0.4; charset=utf-8'],
  );
});

test('open metrics are for everybody who reaches the port', async (t) => {
  const open = await serve(t, true);
  assert.equal((await open.get('/metrics', false)).status, 200);
});

test('what keeps the journal from being trimmed is told in health, without a word of a row', async (t) => {
  const { installation, journal, shipper, get } = await serve(t);
  const { log } = installation;
  await shipper.delivered(journal.size);
  const checkpoint = await log.checkpoints.current();
  const rules = { keepDays: 0, keepRows: 0, clock: () => Date.now() * 1000 + 1_000_000 };
  const trimmer = new Trimmer({ ...log, checkpointed: () => checkpoint.size }, rules);
  Object.assign(log, { trimmer });
  const trimming = async () => (await (await get('/health/ready', false)).text()).match(/"trimming":"[^"]*"/)?.[0];
  assert.equal(await trimming(), undefined);
  tamper(journal.folder, 'UPDATE journal SET row = substr(row, 2) WHERE sequence = 0');
  trimmer.start();
  while (trimmer.problem === undefined) await sleep(20);
  await trimmer.stop();
  tamper(journal.folder, "UPDATE journal SET row = '{' || row WHERE sequence = 0");
  assert.equal(await trimming(), '"trimming":"The journal cannot be trimmed: a row of the journal cannot be read."');
});

test('a log that falls behind says so in events and seconds, in health, metrics and the API', async (t) => {
  const { installation, journal, shipper, clickhouse, get, metrics } = await serve(t);
  const health = async () => {
    const {
      ready: _,
      checkpoint: __,
      ...told
    } = (await (await get('/health/ready', false)).json()) as Record<string, unknown>;
    return told;
  };
  const level = { accepted: journal.size, delivered: journal.size, lagEvents: 0, lagSeconds: 0, pressure: 'none' };
  assert.deepEqual(await health(), { ...level, shipper: 'shipping' });
  clickhouse.mood = 'away';
  const { size } = journal;
  await journal.accept((base) => makeBatch(base, 7));
  while (shipper.state === 'shipping') await sleep(20);
  await sleep(1100);
  const behind = await health();
  assert.deepEqual([behind.lagEvents, behind.shipper], [7, 'waiting-for-clickhouse']);
  assert.ok(Number(behind.lagSeconds) > 1 && Number(behind.lagSeconds) < 60);
  const told = await metrics();
  assert.deepEqual(
    [
      'metatrail_events_accepted_total',
      'metatrail_events_delivered_total',
      'metatrail_lag_events',
      'metatrail_shipper_state{state="shipping"}',
      'metatrail_shipper_state{state="waiting-for-clickhouse"}',
      'metatrail_pressure{state="none"}',
    ].map((name) => told.get(name)),
    [size + 7, size, 7, 0, 1, 1],
  );
  assert.ok((told.get('metatrail_lag_seconds') ?? 0) > 1);
  assert.ok((told.get('metatrail_journal_bytes') ?? 0) > 4096);
  const { data } = await installation.ask('{ log { lag lagSeconds pressure } }', {}, localAccess('test'));
  const log = data?.log as { lag: number; lagSeconds: number; pressure: string };
  assert.deepEqual([log.lag, log.lagSeconds > 1, log.pressure], [7, true, 'none']);
  clickhouse.mood = 'well';
  await shipper.delivered(journal.size);
  assert.equal((await metrics()).get('metatrail_lag_seconds'), 0);
});

test('reads are counted by question and outcome, with the time that recording takes', async (t) => {
  const { installation, journal, shipper, metrics } = await serve(t);
  const ask = (text: string) => installation.ask(text, {}, localAccess('Änne Müller'));
  await ask('{ objects(search: "Änne") { name } }');
  await ask('{ objects { name } objectCount }');
  await ask('{ object(id: "nobody") { name } }');
  await shipper.delivered(journal.size);
  const told = await metrics();
  assert.deepEqual(
    [
      'metatrail_reads_total{question="objects",outcome="answered"}',
      'metatrail_reads_total{question="objectCount",outcome="answered"}',
      'metatrail_reads_total{question="object",outcome="refused"}',
      'metatrail_read_commit_seconds_count',
      'metatrail_read_commit_seconds_bucket{le="+Inf"}',
    ].map((name) => told.get(name)),
    [2, 1, 1, 3, 3],
  );
  assert.doesNotMatch([...told.keys()].join('\n'), /nne|nobody/);
});

test('every run that is over is counted, whoever started it, and one that an error ended', async (t) => {
  const { installation, journal, metrics } = await serve(t);
  const { engine } = installation;
  const count = async (result: string) =>
    (await metrics()).get(`metatrail_runs_total{agent="hr",profile="full",result="${result}"}`);
  await engine.run('hr', 'full');
  assert.equal(await count('success'), 1, 'as the replay of the demonstration starts it');
  await installation.ask('mutation { run(agent: "hr", profile: "full") { result } }', {}, localAccess('test'));
  assert.equal(await count('success'), 2);
  const find = journal.state.find.bind(journal.state);
  journal.state.find = () => {
    throw new TypeError('an error of the program');
  };
  await assert.rejects(engine.run('hr', 'full'), TypeError);
  journal.state.find = find;
  assert.deepEqual([await count('success'), await count('stopped-server')], [2, 1]);
});

const PROOFS = ['checkpoint', 'checkpointKeys', 'consistencyProof', 'inclusionProof'];
/** Lists, numbers, single events and what is planned: their answer says it beside its data. */
const BESIDE_THE_DATA =
  'agents alerts change changesByDay erasurePlan holds node objectCount objects retentionPlan run search sessions tokens tombstones viewer'.split(
    ' ',
  );

test('every answer says up to which event it goes, and whatever has a place for it there as well', async (t) => {
  const { installation, journal, shipper } = await serve(t);
  await installation.engine.run('hr', 'full');
  await shipper.delivered(journal.size);
  const fields = Object.entries(schema.getQueryType()?.getFields() ?? {});
  const without = fields.filter(([, { type }]) => {
    const named = getNamedType(type);
    return !isObjectType(named) || named.getFields().watermark === undefined;
  });
  // Checkpoints and proofs say of which size they are.
  assert.deepEqual(without.map(([name]) => name).sort(), [...PROOFS, ...BESIDE_THE_DATA, 'reports'].sort());
  for (const text of [
    '{ agents { lastRun { id } } }',
    '{ change(sequence: 0) { stage } }',
    '{ objectCount }',
    '{ objects { name } }',
    '{ run(sequence: 1) { id } }',
    '{ changesByDay(from: "2026-01-01T00:00:00Z", to: "2026-12-31T00:00:00Z") { period } }',
    '{ holds { id } }',
    '{ tombstones { first } }',
    'mutation { run(agent: "hr", profile: "full") { id } }',
  ]) {
    const { extensions } = await installation.ask(text, {}, localAccess('test'));
    const { watermark } = extensions ?? {};
    assert.ok(typeof watermark === 'number' && watermark > 5 && watermark <= shipper.shipped, text);
  }
  const asked = '{ overview { watermark } runs { watermark } changes { watermark } reads { watermark } }';
  const { data, extensions } = await installation.ask(asked, {}, localAccess('test'));
  for (const [name, told] of Object.entries(data ?? {})) {
    const { watermark } = told as { watermark: number };
    assert.equal(watermark, extensions?.watermark, name);
  }
});
