// The service over HTTP as an attacker meets it: who gets in, what is refused and how, and what never leaves.

import assert from 'node:assert/strict';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { after, before, test } from 'node:test';
import { pino } from 'pino';
import { localAccess } from '../api/access/access.ts';
import { createHttpApplication, listen } from '../api/http/server.ts';
import { announceService, findService, withdrawService } from '../api/running-service.ts';
import { SignIn } from '../api/sign-in.ts';
import { LogError } from '../ingest/errors.ts';
import { ApiWorld } from './api/world.ts';

const PASSWORD = 'kept-to-itself';
const HOUR = 3_600_000_000;

let world: ApiWorld;
let signIn: SignIn;
let server: Server;
let url: string;
let now = Date.UTC(2024, 0, 1) * 1000;
let notReady: string | undefined;
const logged: string[] = [];
/** Everything that was ever answered. */
const answered: string[] = [];
const secrets: string[] = [];

before(async () => {
  world = await ApiWorld.open();
  world.hr('2024-01', [{ id: '1', name: 'Änne Müller', department: 'Sales', projects: 'Red' }]);
  await world.run('hr', 'full');
  await world.delivered();
  signIn = new SignIn(world.installation.log.journal, () => now);
  const webFolder = join(world.folder, 'web');
  mkdirSync(join(webFolder, 'assets'), { recursive: true });
  writeFileSync(join(webFolder, 'index.html'), '<div id="root"></div>');
  writeFileSync(join(webFolder, 'assets', 'app-1234.js'), 'export {};');
  writeFileSync(join(world.folder, 'secret.txt'), PASSWORD);
  const sink = new Writable({
    write(chunk: Buffer, _, done) {
      logged.push(chunk.toString());
      done();
    },
  });
  const application = createHttpApplication({
    installation: world.installation,
    signIn,
    logger: pino({ level: 'debug' }, sink),
    notReady: () => notReady,
    publicLog: false,
    webFolder,
  });
  server = await listen(application, '127.0.0.1', 0);
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  secrets.push(signIn.commandLineToken);
});
after(async () => {
  server.closeAllConnections();
  server.close();
  await world.close();
});

interface Sent {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/** One exchange, with the path exactly as it is given. */
function send(method: string, path: string, headers: Record<string, string> = {}, body: string[] = []): Promise<Sent> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const sent = request({ hostname, port, method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        answered.push(text, JSON.stringify(response.headers));
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      });
    });
    sent.on('error', reject);
    for (const part of body) sent.write(part);
    sent.end();
  });
}

const JSON_TYPE = { 'content-type': 'application/json' };
const bearer = () => ({ authorization: `Bearer ${signIn.commandLineToken}` });
const ask = (query: string, headers: Record<string, string> = bearer()) =>
  send('POST', '/graphql', { ...JSON_TYPE, ...headers }, [JSON.stringify({ query })]);

async function openSession(): Promise<string> {
  const token = await signIn.createLink();
  secrets.push(token);
  const { status, headers } = await send('GET', `/sign-in?token=${token}`);
  assert.equal(status, 303);
  const cookie = headers['set-cookie']?.[0] ?? '';
  assert.match(cookie, /^metatrail_session=[\w-]+; Path=\/; HttpOnly; SameSite=Lax$/);
  // The cookie has to be in this one answer, and nowhere else.
  answered.pop();
  const session = cookie.split(';')[0] ?? '';
  secrets.push(session.split('=')[1] ?? '');
  return session;
}

const withSession = (cookie: string) => ({ cookie, 'x-metatrail': '1' });

test('every answer has the headers that keep foreign pages out', async () => {
  for (const path of ['/', '/health/live', '/graphql', '/nothing/here.js', '/reports/access.pdf', '/sign-in']) {
    const { headers } = await send('GET', path, { origin: 'http://evil.example' });
    assert.match(String(headers['content-security-policy']), /default-src 'self'.*frame-ancestors 'none'/, path);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['referrer-policy'], 'no-referrer');
    assert.equal(headers['x-powered-by'], undefined);
    assert.equal(headers['access-control-allow-origin'], undefined, path);
  }
  const session = await openSession();
  const answer = await ask('{ log { size } }', { ...withSession(session), origin: 'http://127.0.0.1:3000' });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['access-control-allow-origin'], undefined);
});

test('files are cached by their name, pages and answers never', async () => {
  const cacheOf = async (path: string) => (await send('GET', path)).headers['cache-control'];
  assert.equal(await cacheOf('/assets/app-1234.js'), 'public, max-age=31536000, immutable');
  assert.equal(await cacheOf('/'), 'no-store');
  assert.equal(await cacheOf('/objects/1'), 'no-store');
  assert.equal(await cacheOf('/assets/app-0000.js'), 'no-store');
});

test('a path leads nowhere out of the web folder, and a report is one of those there are', async () => {
  const out = [
    '/../secret.txt',
    '/..%2fsecret.txt',
    '/assets/..%2f..%2fsecret.txt',
    '/assets/%2e%2e/%2e%2e/secret.txt',
    '/..%5csecret.txt',
    '/assets/..%00/secret.txt',
    '//../secret.txt',
  ];
  for (const path of out) {
    const { status, text } = await send('GET', path);
    assert.ok(
      status === 404 || status === 400 || status === 403 || text === '<div id="root"></div>',
      `${path}: ${status} ${text}`,
    );
  }
  assert.equal((await send('GET', '/reports/%E0%A4%A.pdf', bearer())).status, 400);
  assert.equal((await send('GET', '/assets/%E0%A4%A')).status, 404);
  for (const name of ['..%2f..%2fsecret', 'constructor', '__proto__', 'access%00', 'a'.repeat(2000)]) {
    const { status, text } = await send('GET', `/reports/${name}.pdf?at=2024-01-31`, bearer());
    assert.equal(status, 400, name);
    assert.match(text, /^There is no report /);
  }
});

test('a parameter that is given twice is refused, not guessed at', async () => {
  const report = await send('GET', '/reports/access.pdf?at=2024-01-31&agent=hr&agent=crm', bearer());
  assert.deepEqual([report.status, report.text], [400, 'The parameter "agent" is given more than once.']);
  const none = await send('GET', '/reports/access.pdf?at=2024-01-31&agnet=hr', bearer());
  assert.equal(none.status, 400);
  const pdf = await send('GET', '/reports/access.pdf?at=2024-01-31', bearer());
  assert.deepEqual([pdf.status, pdf.headers['content-type']], [200, 'application/pdf']);
  assert.match(pdf.headers['content-disposition'] ?? '', /^attachment; filename=access-20240131T235959Z\.pdf$/);
});

test('other methods and addresses get a sentence and no service', async () => {
  for (const method of ['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD']) {
    const { status, headers } = await send(method, '/graphql?query={log{size}}', bearer());
    assert.deepEqual([status, headers.allow], [405, 'POST'], method);
  }
  assert.equal((await send('POST', '/reports/access.pdf', bearer())).status, 404);
  assert.equal((await send('DELETE', '/')).text, 'There is nothing at this address.');
  assert.equal((await send('GET', '/assets/none.js')).status, 404);
  assert.equal((await send('GET', '/health/none')).status, 404);
});

test('a body that is too large, malformed or no question is refused with a sentence', async () => {
  const refused = async (headers: Record<string, string>, body: string[]) => {
    const { status, text } = await send('POST', '/graphql', { ...bearer(), ...headers }, body);
    const { errors } = JSON.parse(text) as { errors: { message: string; extensions: { code: string } }[] };
    assert.equal(errors[0]?.extensions.code, 'BAD_USER_INPUT');
    return [status, errors[0]?.message];
  };
  const large = JSON.stringify({ query: `{ log { size } } #${'x'.repeat(100_000)}` });
  const tooLarge = [413, 'The request is too large.'];
  assert.deepEqual(await refused({ ...JSON_TYPE, 'content-length': String(large.length) }, [large]), tooLarge);
  assert.deepEqual(
    await refused({ ...JSON_TYPE, 'transfer-encoding': 'chunked' }, large.match(/.{1,9999}/gs) ?? []),
    tooLarge,
  );
  const malformed = [400, 'The request cannot be understood: its address or its JSON is malformed.'];
  assert.deepEqual(await refused(JSON_TYPE, ['{"query": ']), malformed);
  const none = [400, 'The body must be a JSON object such as {"query": "{ log { size } }", "variables": {}}.'];
  for (const body of [
    '{}',
    '[]',
    '[{"query":"{ log { size } }"}]',
    '{"query":5}',
    '{"query":"{ log { size } }","variables":"a"}',
  ])
    assert.deepEqual(await refused(JSON_TYPE, [body]), none, body);
  const kind = [415, 'A question is sent as JSON, with content-type: application/json.'];
  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/graphql',
  ])
    assert.deepEqual(await refused({ 'content-type': type }, ['{"query":"{ log { size } }"}']), kind, type);
});

test('whoever has neither a session nor the token is told to sign in', async () => {
  const nobody: Record<string, string>[] = [
    {},
    { authorization: 'Bearer' },
    { authorization: 'Bearer x' },
    { authorization: `Basic ${signIn.commandLineToken}` },
    { authorization: `Bearer ${signIn.commandLineToken}x` },
    { authorization: `Bearer ${'a'.repeat(12_000)}` },
    { authorization: `Bearer ${signIn.commandLineToken} ${signIn.commandLineToken}` },
    { cookie: 'metatrail_session' },
    { cookie: 'metatrail_session=' },
    { cookie: '=;;;==metatrail_session=a; metatrail_session=%00' },
    { cookie: `metatrail_session=${signIn.commandLineToken}`, 'x-metatrail': '1' },
  ];
  for (const headers of nobody) {
    const { status, text } = await ask('{ log { size } }', headers);
    assert.equal(status, 401, JSON.stringify(headers).slice(0, 100));
    assert.match(text, 'authorization' in headers ? /This token is not known here|Sign in first/ : /Sign in first/);
    assert.equal((await send('GET', '/reports/access.pdf?at=2024-01-31', headers)).status, 401);
    assert.equal((await send('POST', '/sign-in-link', headers)).status, 401);
  }
});

test('a session needs its header, and ends with signing out', async () => {
  const session = await openSession();
  assert.equal((await ask('{ log { size } }', { cookie: session })).status, 403);
  assert.equal((await ask('{ log { size } }', withSession(session))).status, 200);
  assert.equal((await ask('{ log { size } }', withSession(`other=1; ${session}; x=y`))).status, 200);
  assert.equal((await send('POST', '/sign-out', { cookie: session })).status, 403);
  assert.equal((await send('POST', '/sign-out', withSession(session))).status, 200);
  assert.equal((await ask('{ log { size } }', withSession(session))).status, 401);
});

test('a link works once, within an hour, and not by being looked at', async () => {
  const token = await signIn.createLink();
  secrets.push(token);
  assert.equal((await send('HEAD', `/sign-in?token=${token}`)).status, 204);
  const both = await Promise.all([1, 2, 3].map(() => send('GET', `/sign-in?token=${token}`)));
  assert.deepEqual(both.map(({ status }) => status).sort(), [303, 401, 401]);
  for (const { headers } of both)
    secrets.push(/session=([\w-]+)/.exec(headers['set-cookie']?.[0] ?? '')?.[1] ?? PASSWORD);
  answered.splice(-6);
  const late = await signIn.createLink();
  now += HOUR;
  assert.equal((await send('GET', `/sign-in?token=${late}`)).status, 401);
  for (const query of [
    '',
    '?token=',
    `?token=${token}&token=${token}`,
    `?token[]=${token}`,
    `?token=${'a'.repeat(10_000)}`,
    '?token=%00',
  ]) {
    const { status, text } = await send('GET', `/sign-in${query}`);
    assert.equal(status, 401, query.slice(0, 30));
    assert.match(text, /has been used or has expired/);
  }
});

test('the address that a client says the service has changes nothing', async () => {
  for (const host of ['evil.example', 'a b', '[', '127.0.0.1:99999999']) {
    const { status } = await ask('{ log { size } }', { ...bearer(), host });
    assert.equal(status, 200, host);
  }
  const token = await signIn.createLink();
  secrets.push(token);
  // Nobody signs in there without TLS, and the link stays good.
  assert.equal((await send('GET', `/sign-in?token=${token}`, { host: 'evil.example' })).status, 403);
  const { headers } = await send('GET', `/sign-in?token=${token}`);
  assert.equal(headers.location, './');
  secrets.push(/session=([\w-]+)/.exec(headers['set-cookie']?.[0] ?? '')?.[1] ?? '');
  answered.splice(-2);
});

test('ready says what is still to be done, and that shipping has stopped', async () => {
  const ready = async () => {
    const { status, text } = await send('GET', '/health/ready');
    return { status, ...(JSON.parse(text) as { ready: boolean; reason?: string; shipper: string; problem?: string }) };
  };
  assert.deepEqual([(await ready()).status, (await ready()).ready], [200, true]);
  notReady = 'the web application is being built';
  const building = await ready();
  assert.deepEqual([building.status, building.ready, building.reason], [503, false, notReady]);
  notReady = undefined;
  const { shipper } = world.installation.log;
  Object.defineProperty(shipper, 'state', { value: 'stopped', configurable: true });
  Object.defineProperty(shipper, 'problem', {
    value: new LogError('clickhouse-different', 'The rows differ.'),
    configurable: true,
  });
  const stopped = await ready();
  assert.deepEqual([stopped.status, stopped.ready, stopped.problem], [503, false, 'The rows differ.']);
  assert.equal((await send('GET', '/health/live')).status, 200);
  Reflect.deleteProperty(shipper, 'state');
  Reflect.deleteProperty(shipper, 'problem');
  assert.equal((await ready()).status, 200);
});

test('a ClickHouse that fails is a sentence and a code outside, and its name in the log', async () => {
  const { clickhouse } = world.installation.log;
  const { select } = clickhouse;
  const errorsOf = async (error: Error) => {
    clickhouse.select = () => Promise.reject(error);
    const { text } = await ask('{ changes { watermark } }');
    const { errors } = JSON.parse(text) as { errors: { message: string; extensions: unknown }[] };
    return errors.map(({ message, extensions }) => [message, extensions]);
  };
  try {
    const away = new LogError('clickhouse-away', 'ClickHouse does not answer (ECONNREFUSED).', { retryable: true });
    assert.deepEqual(await errorsOf(away), [
      [
        'The log cannot answer now (clickhouse-away). The journal keeps every event until ClickHouse answers again.',
        { code: 'CLICKHOUSE_AWAY' },
      ],
    ]);
    assert.match(logged.at(-1) ?? '', /ECONNREFUSED/);
    assert.deepEqual(await errorsOf(new Error(`SELECT ${PASSWORD} FROM events`)), [
      ['The service failed to answer; its log says why.', { code: 'INTERNAL_SERVER_ERROR' }],
    ]);
    assert.match(logged.at(-1) ?? '', /A request failed.*at .*api-http\.test\.ts|"at":/);
    const slow = new LogError('clickhouse-refused', 'ClickHouse refused a statement (TIMEOUT_EXCEEDED).', {
      retryable: true,
    });
    assert.deepEqual((await errorsOf(slow))[0]?.[1], { code: 'TIME_LIMIT' });
    const wide = new LogError('clickhouse-refused', 'ClickHouse refused a statement (MEMORY_LIMIT_EXCEEDED).');
    assert.deepEqual((await errorsOf(wide))[0]?.[1], { code: 'MEMORY_LIMIT' });
    const report = await send('GET', '/reports/access.pdf?at=2024-01-31', bearer());
    assert.equal(report.status, 500);
  } finally {
    clickhouse.select = select;
  }
});

test('the file that leads commands to the service is for its user alone, and counts only with the right token', async () => {
  announceService(world.folder, { url: `${url}/`, token: signIn.commandLineToken, pid: process.pid });
  assert.equal(statSync(join(world.folder, 'service.json')).mode & 0o777, 0o600);
  assert.equal((await findService(world.folder))?.url, `${url}/`);
  announceService(world.folder, { url: `${url}/`, token: 'of-a-service-before', pid: process.pid });
  assert.equal(await findService(world.folder), undefined);
  withdrawService(world.folder);
  assert.equal(await findService(world.folder), undefined);
});

test('no token, session or password is in the log or in any answer', () => {
  const all = [...logged, ...answered].join('\n');
  assert.ok(logged.length > 0 && answered.length > 100);
  for (const secret of [PASSWORD, ...secrets]) assert.ok(secret.length > 10 && !all.includes(secret));
});

test('a question that is nested without end is refused in a sentence, and leaves nothing in the log of the service', async () => {
  const before = logged.length;
  const nested = {
    fields: `${'{a'.repeat(5000)}${'}'.repeat(5000)}`,
    inline: `${'{...on Query'.repeat(5000)}{log{size}}${'}'.repeat(5000)}`,
    list: `{object(id:${'['.repeat(5000)}${']'.repeat(5000)}){name}}`,
    input: `{object(id:${'{a:'.repeat(5000)}1${'}'.repeat(5000)}){name}}`,
    unclosed: '{a('.repeat(30_000),
    variable: `query($a:${'['.repeat(5000)}ID${']'.repeat(5000)}){object(id:$a){name}}`,
  };
  for (const [name, query] of Object.entries(nested)) {
    const { status, text } = await ask(query);
    assert.equal(status, 200, name);
    const expected = { message: 'The question has brackets more than 100 deep; ask in parts.', code: 'BAD_USER_INPUT' };
    const inProcess = await world.installation.ask(query, {}, localAccess('test'));
    for (const { errors } of [JSON.parse(text), JSON.parse(JSON.stringify(inProcess))]) {
      const [{ message, extensions }] = errors;
      assert.deepEqual({ message, code: extensions.code }, expected, name);
    }
  }
  assert.equal(logged.length, before);
  // In a text they are no brackets.
  const { text } = await ask(`{ objects(search: "${'{'.repeat(900)}") { name } }`);
  assert.deepEqual(JSON.parse(text).data, { objects: [] });
});
