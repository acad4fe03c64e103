// The command line where something is wrong around it: each time a sentence, never a stack, a password or a wait for ever.
import assert from 'node:assert/strict';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { REMEDIES } from '../ingest/errors.ts';
import { makeCompany, metatrail, startService } from './service-world.ts';

test('a ClickHouse that is away stops no run, is said, and its password is not', async (t) => {
  const company = makeCompany(t);
  const away = {
    ...company,
    environment: { ...company.environment, CLICKHOUSE_URL: 'http://metatrail:hunter2-hunter2@127.0.0.1:9' },
  };
  const run = await metatrail(away, 'run', 'hr', 'full');
  assert.equal(run.status, 1);
  assert.match(
    run.stderr.trim(),
    /^The run \d+ is over and kept in the journal, but ClickHouse does not have all of it yet; ask for run\(sequence: \d+\) later\.$/,
  );
  const query = await metatrail(away, 'query', '{ log { size watermark state } changes { watermark } }');
  assert.equal(query.status, 1);
  assert.match(query.stdout, /The log cannot answer now \(clickhouse-away\)\. The journal keeps every event/);
  const status = await metatrail(away, 'status');
  assert.equal(status.status, 1);
  const { log, agents } = JSON.parse(status.stdout) as { log: Record<string, unknown>; agents: { lastRun: unknown }[] };
  assert.deepEqual(
    [log.watermark, log.state, log.problem],
    [0, 'waiting-for-clickhouse', 'ClickHouse does not answer (ECONNREFUSED).'],
  );
  assert.deepEqual(
    agents.map(({ lastRun }) => lastRun),
    [null, null],
  );
  assert.deepEqual(status.stderr.trim().split('\n'), [
    'ClickHouse does not answer (ECONNREFUSED). The journal keeps every event until ClickHouse answers again.',
    'The log cannot answer now (clickhouse-away). The journal keeps every event until ClickHouse answers again.',
  ]);
  for (const text of [run.stdout, run.stderr, query.stdout, query.stderr, status.stdout, status.stderr]) {
    assert.doesNotMatch(text, /hunter2/);
    assert.doesNotMatch(text, /node:internal|file:\/\//);
  }
  const back = await metatrail(company, 'query', '{ runs { nodes { result } } }');
  const { data, extensions } = JSON.parse(back.stdout) as { data: unknown; extensions: { watermark: number } };
  assert.deepEqual(data, { runs: { nodes: [{ result: 'success' }] } });
  assert.ok(extensions.watermark > 0, 'and up to which event that goes');
});

test('what a service before left behind counts for nothing, whoever has its port now', async (t) => {
  const company = makeCompany(t);
  const stranger = createServer((_, response) => response.writeHead(200).end('<html>'));
  await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
  t.after(() => stranger.close());
  mkdirSync(company.data);
  const { port } = stranger.address() as AddressInfo;
  for (const left of ['{', '{"url":"http://127.0.0.1:1/","token":"a","pid":1}']) {
    writeFileSync(join(company.data, 'service.json'), left);
    assert.match((await metatrail(company, 'status')).stderr, /^There is no data folder /);
  }
  writeFileSync(
    join(company.data, 'service.json'),
    JSON.stringify({ url: `http://127.0.0.1:${port}/`, token: 'a', pid: 1 }),
  );
  const status = await metatrail(company, 'status');
  assert.equal(status.status, 1);
  assert.match(status.stderr, /^There is no data folder /);
});

test('a data folder that cannot be made is said, and one that is made is for its user alone', async (t) => {
  const company = makeCompany(t);
  const { METATRAIL_CONFIG: _, ...environment } = company.environment;
  const within = join(company.configuration, 'data');
  const start = await metatrail({ ...company, environment: { ...environment, METATRAIL_DATA: within } }, 'start');
  assert.equal(start.status, 1);
  assert.equal(
    start.stderr.trim(),
    `The data folder ${within} cannot be made: ENOTDIR: not a directory, mkdir '${within}'. ${REMEDIES['data-folder-not-writable']}`,
  );
  const service = await startService(t, company);
  assert.equal(statSync(company.data).mode & 0o777, 0o700);
  assert.equal(statSync(join(company.data, 'metatrail.log')).mode & 0o777, 0o600);
  await service.stop();
});

test('a configuration choice that cannot be read is said, with the remedy', async (t) => {
  const company = makeCompany(t);
  mkdirSync(company.data);
  writeFileSync(join(company.data, 'configuration.json'), '{');
  writeFileSync(join(company.data, 'metatrail.sqlite'), '');
  const { METATRAIL_CONFIG: _, ...environment } = company.environment;
  const status = await metatrail({ ...company, environment }, 'status');
  assert.equal(status.status, 1);
  assert.equal(
    status.stderr.trim(),
    `${join(company.data, 'configuration.json')} cannot be read; name the configuration with --config.`,
  );
});
