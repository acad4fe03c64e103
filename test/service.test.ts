// The service and the command line as a user meets them: the README's own words, run.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeCompany, metatrail, readmeBlock, signIn, startService } from './service-world.ts';

test("the README's smallest company runs as the README says, through the service", async (t) => {
  const company = makeCompany(t);
  const service = await startService(t, company);
  const commands = readmeBlock('sh', 2)
    .split('\n')
    .filter((line) => line.startsWith('npx metatrail '));
  assert.equal(commands.length, 4);
  let last = '';
  for (const line of commands) {
    const [, words = ''] = /^npx metatrail (.*?)\s*(?:#.*)?$/.exec(line) ?? [];
    const parts = [...words.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
    const { status, stdout, stderr } = await metatrail(company, ...parts);
    assert.equal(status, 0, `${line}: ${stderr}${stdout}`);
    last = stdout;
  }
  assert.match(
    readFileSync(join(company.folder, 'directory.ldif'), 'utf8'),
    /dn: uid=1001,dc=example,dc=org[\s\S]*cn: Ann Smith/,
  );
  const answer = JSON.parse(last) as { data: { changes: { nodes: unknown[] } } };
  assert.equal(answer.data.changes.nodes.length, 5);
  const ready = await fetch(`${service.url}health/ready`);
  assert.equal(ready.status, 200);
  const live = await fetch(`${service.url}health/live`);
  assert.deepEqual(await live.json(), { live: true });
});

test('without a service the commands open the data folder themselves', async (t) => {
  const company = makeCompany(t);
  const missing = await metatrail(company, 'status');
  assert.equal(missing.status, 1);
  assert.equal(
    missing.stderr.trim(),
    `There is no data folder ${company.data}; start Metatrail there first (npm start), or name another one with --data or METATRAIL_DATA.`,
  );
  const run = await metatrail(company, 'run', 'hr', 'full');
  assert.equal(run.status, 0, run.stderr);
  assert.equal((JSON.parse(run.stdout) as { result: string }).result, 'success');
  const status = await metatrail(company, 'status');
  assert.match(status.stdout, /"answeredBy": "the data folder /);
  const unknown = await metatrail(company, 'run', 'hr', 'nightly');
  assert.equal(unknown.status, 1);
  assert.equal(unknown.stderr.trim(), 'hr has no run profile nightly; it has full.');
  const file = join(company.folder, 'access.pdf');
  const report = await metatrail(company, 'report', 'access', '--at', '2026-06-30', '--out', file);
  assert.equal(report.status, 0, report.stderr);
  assert.equal(readFileSync(file).subarray(0, 5).toString(), '%PDF-');
  const wrong = await metatrail(company, 'report', 'access', '--at', 'yesterday', '--out', file);
  assert.equal(wrong.status, 1);
  assert.match(wrong.stderr, /^The parameter "at" is "yesterday"; expected a date/);
});

test('nobody is answered without a sign-in or a token, and a link works once', async (t) => {
  const company = makeCompany(t);
  const service = await startService(t, company);
  const ask = (headers: Record<string, string>) =>
    fetch(`${service.url}graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: '{"query":"{ log { size } }"}',
    });
  assert.equal((await ask({})).status, 401);
  assert.equal((await ask({ authorization: 'Bearer nonsense' })).status, 401);
  assert.equal((await fetch(`${service.url}reports/access.pdf?at=2026-01-01`)).status, 401);
  const cookie = await signIn(service);
  assert.equal((await fetch(service.link, { redirect: 'manual' })).status, 401);
  assert.equal((await ask({ cookie })).status, 403, 'a cookie alone must not be enough');
  const answer = await ask({ cookie, 'x-metatrail': '1' });
  assert.equal(answer.status, 200);
  assert.equal(((await answer.json()) as { errors?: unknown }).errors, undefined);
  const report = await fetch(`${service.url}reports/access.pdf?at=2026-01-01`, { headers: { cookie } });
  assert.equal(report.headers.get('content-type'), 'application/pdf');
  const bad = await fetch(`${service.url}reports/access.pdf?at=never`, { headers: { cookie } });
  assert.equal(bad.status, 400);
  const page = await fetch(`${service.url}objects/some-id`);
  assert.match(await page.text(), /<div id="root">/);
  assert.equal(statSync(join(company.data, 'service.json')).mode & 0o777, 0o600);
  await service.stop();
  assert.equal(existsSync(join(company.data, 'service.json')), false);
});

test('a second process on the same data folder is refused with a sentence', async (t) => {
  const company = makeCompany(t);
  await startService(t, company);
  const second = await metatrail(company, 'start');
  assert.equal(second.status, 1);
  assert.equal(
    second.stderr.trim(),
    `The data folder ${company.data} is in use by another process. Stop the other process, or let the command talk to the running service.`,
  );
});

test('a port in use is refused with a sentence, and the data folder is free again', async (t) => {
  const company = makeCompany(t);
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  t.after(() => holder.close());
  const address = holder.address();
  assert.ok(address !== null && typeof address === 'object');
  const start = await metatrail(
    { ...company, environment: { ...company.environment, PORT: String(address.port) } },
    'start',
  );
  assert.equal(start.status, 1);
  assert.equal(
    start.stderr.trim(),
    `Port ${address.port} of 127.0.0.1 is in use by another program; stop it, or set PORT to another number.`,
  );
  assert.equal((await metatrail(company, 'status')).status, 0);
});

test('variables and configurations that are wrong stop the program with a line for each fault', async (t) => {
  const company = makeCompany(t);
  const environment = {
    ...company.environment,
    PORT: 'http',
    METATRAIL_LOG_LEVEL: 'loud',
    CLICKHOUSE_URL: 'clickhouse:secret@host',
    CLICKHOUSE_OWNER_URL: 'ftp://owner:secret@host',
    CLICKHOUSE_CLUSTER: 'a cluster',
  };
  const wrong = await metatrail({ ...company, environment }, 'status');
  assert.equal(wrong.status, 1);
  assert.deepEqual(wrong.stderr.trim().split('\n'), [
    'The environment variable PORT must be a number from 0 to 65535: "http".',
    'The environment variable METATRAIL_LOG_LEVEL must be debug, info, warn, error or silent: "loud".',
    'The environment variable CLICKHOUSE_URL must be an http or https address such as http://127.0.0.1:8123.',
    'The environment variable CLICKHOUSE_OWNER_URL must be an http or https address such as http://127.0.0.1:8123.',
    'The environment variable CLICKHOUSE_CLUSTER must be the name of a cluster: "a cluster".',
  ]);
  const alone = await metatrail(
    { ...company, environment: { ...company.environment, CLICKHOUSE_CLUSTER: 'company' } },
    'status',
  );
  assert.equal(
    alone.stderr.trim(),
    'The environment variable CLICKHOUSE_CLUSTER means nothing without CLICKHOUSE_URL.',
  );
  writeFileSync(
    company.configuration,
    readmeBlock('yaml').replace('delete_share', 'delete_shar').replace('kind: csv', 'kind: cvs'),
  );
  const configuration = await metatrail(company, 'start');
  assert.equal(configuration.status, 1);
  assert.match(
    configuration.stderr,
    /^The configuration has 2 faults:\n.*company\.yaml:\d+:\d+: .*\n.*company\.yaml:\d+:\d+: the key delete_shar is not known here/,
  );
  assert.equal(existsSync(company.data), false, 'nothing was made');
});

test('a configuration of another installation is refused, and so is a data folder that cannot be made', async (t) => {
  const company = makeCompany(t);
  assert.equal((await metatrail(company, 'run', 'hr', 'full')).status, 0);
  writeFileSync(company.configuration, readmeBlock('yaml').replace('name: Smallest', 'name: Somebody Else'));
  const other = await metatrail(company, 'start');
  assert.equal(other.status, 1);
  assert.equal(
    other.stderr.trim(),
    `The data folder ${company.data} holds the log of "Smallest", and the configuration is that of "Somebody Else". Name another data folder with --data or METATRAIL_DATA; an installation keeps its name.`,
  );
  for (const data of [join(company.configuration, 'data'), '/proc/metatrail/data']) {
    const refused = await metatrail(
      { ...company, environment: { ...company.environment, METATRAIL_DATA: data } },
      'start',
    );
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /^The data folder \S+ cannot be made: [^\n]*\. Give the user that runs Metatrail/);
  }
});

test('a service killed at once comes back with everything that it had accepted', async (t) => {
  const company = makeCompany(t);
  const service = await startService(t, company);
  const run = await metatrail(company, 'run', 'hr', 'full');
  assert.equal(run.status, 0, run.stderr);
  service.child.kill('SIGKILL');
  await once(service.child, 'exit');
  const size = (text: string) => (JSON.parse(text) as { data: { log: { size: number; root: string } } }).data.log;
  const first = await metatrail(company, 'query', '{ log { size root } }');
  const again = await startService(t, company);
  const second = await metatrail(company, 'query', '{ log { size root } }');
  assert.deepEqual(size(second.stdout), size(first.stdout));
  const next = await metatrail(company, 'run', 'directory', 'export');
  assert.equal(next.status, 0, next.stderr);
  await again.stop();
});
