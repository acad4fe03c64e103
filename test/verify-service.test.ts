// Checks through the running service: who may ask, what is streamed, and that it ends with its client.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { request, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { createHttpApplication, listen } from '../api/http/server.ts';
import { SignIn } from '../api/sign-in.ts';
import { ApiWorld } from './api/world.ts';

/** How long the service lets a client read nothing. */
const PATIENCE_MS = 2000;
/** More than the system keeps for two sockets. */
const LARGE_BYTES = 64 * 1024 * 1024;

let world: ApiWorld;
let signIn: SignIn;
let server: Server;
let url: string;
before(async () => {
  world = await ApiWorld.open();
  world.hr('2024-01', [{ id: '1', name: 'Änne Müller', department: 'Sales', projects: 'Red' }]);
  await world.run('hr', 'full');
  await world.delivered();
  mkdirSync(join(world.folder, 'web', 'assets'), { recursive: true });
  writeFileSync(join(world.folder, 'web', 'index.html'), '');
  writeFileSync(join(world.folder, 'web', 'assets', 'large.js'), Buffer.alloc(LARGE_BYTES, ' '));
  const { journal, checkpoints } = world.installation.log;
  await checkpoints.current();
  signIn = new SignIn(journal);
  const application = createHttpApplication({
    installation: world.installation,
    signIn,
    logger: pino({ level: 'silent' }),
    notReady: () => undefined,
    publicLog: true,
    webFolder: join(world.folder, 'web'),
    patienceMs: PATIENCE_MS,
  });
  server = await listen(application, '127.0.0.1', 0);
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(async () => {
  server.closeAllConnections();
  server.close();
  await world.close();
});

const headers = () => ({ authorization: `Bearer ${signIn.commandLineToken}`, 'content-type': 'application/json' });
const verify = (body: unknown, given: Record<string, string> = headers()) =>
  fetch(`${url}/log/verify`, { method: 'POST', headers: given, body: JSON.stringify(body) });

test('a check is for whoever is signed in, also where the log itself is public', async () => {
  assert.equal((await verify({}, { 'content-type': 'application/json' })).status, 401);
  assert.equal((await fetch(`${url}/log/rows?first=0&end=1`)).status, 401);
  assert.equal((await verify({ outside: 'x' })).status, 400);
});

test('a check is answered line by line, with the report at the end', async () => {
  const answer = await verify({ seed: 'abc' });
  assert.equal(answer.status, 200);
  const lines = (await answer.text())
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.ok(lines.slice(0, -1).every(({ checked, size }) => checked <= size));
  const { report } = lines.at(-1);
  assert.equal(report.result, 'verified');
  assert.equal(report.sample.seed, 'abc');
});

test('what cannot be checked is said in a line', async () => {
  const note = 'metatrail/ffffffffffffffff\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n— x AAAAAAAA\n';
  const answer = await verify({ outside: [{ place: 'the checkpoint x', note }] });
  assert.match(JSON.parse(await answer.text()).problem, /The checkpoint x is of another log/);
});

test('there is one check at a time', async () => {
  const answers = await Promise.all([verify({}), verify({}), verify({})]);
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, 409, 409]);
  await Promise.all(answers.map((answer) => answer.text()));
});

test('when the client of a check is gone, another one can be made', async () => {
  const sent = request(`${url}/log/verify`, { method: 'POST', headers: headers() });
  sent.on('error', () => undefined);
  sent.end('{}', () => sent.destroy());
  await new Promise((resolve) => sent.once('close', resolve));
  let status = 409;
  for (let tries = 0; status === 409 && tries < 100; tries++) {
    await sleep(20);
    const again = await verify({});
    status = again.status;
    await again.text();
  }
  assert.equal(status, 200);
});

test('rows for a bundle are handed out page by page, and that is a read', async () => {
  const answer = await fetch(`${url}/log/rows?first=0&end=3`, { headers: headers() });
  const rows = (await answer.json()) as { sequence: number }[];
  assert.deepEqual(
    rows.map(({ sequence }) => sequence),
    [0, 1, 2],
  );
  const read = world.events().findLast(({ stage }) => stage === 'read');
  const values = Object.fromEntries((read?.values ?? []).map((value) => [value.attribute, value.new]));
  assert.equal(values.question, 'bundle');
  assert.equal(values.rows, '3');
  for (const query of ['first=0', 'first=3&end=3', 'first=0&end=9000', 'first=-1&end=2', 'first=0&first=1&end=2'])
    assert.equal((await fetch(`${url}/log/rows?${query}`, { headers: headers() })).status, 400, query);
});

test('a client that asks for a check and never reads keeps nobody from another, and loses its connection', async () => {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.pause();
  const closed = once(socket, 'close');
  const more = Object.entries(headers()).map(([name, value]) => `${name}: ${value}\r\n`);
  const asked = new Promise<void>((resolve) => {
    server.on('request', ({ url: address }) => address === '/log/verify' && resolve());
  });
  const body = '{}';
  // The answer that comes first is never taken, so that of the check cannot leave at all.
  const large = 'GET /assets/large.js HTTP/1.1\r\nhost: a\r\n\r\n';
  socket.write(
    `${large}POST /log/verify HTTP/1.1\r\nhost: a\r\n${more.join('')}content-length: ${body.length}\r\n\r\n${body}`,
  );
  await asked;
  let isSeen = false;
  let told = '';
  for (const begun = performance.now(); !(isSeen && told.includes('"report"')); ) {
    assert.ok(performance.now() - begun < PATIENCE_MS * 3, `it was checked for that client: ${isSeen}`);
    const answer = await verify({});
    told = await answer.text();
    isSeen ||= answer.status === 409;
  }
  await sleep(PATIENCE_MS * 2);
  socket.resume();
  await closed;
  assert.ok(socket.bytesRead < LARGE_BYTES, 'what was not taken was dropped');
});

test('an answer that nobody takes is dropped after a while, one that is taken slowly is not', async () => {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  const ended = once(socket, 'close');
  socket.write('GET /assets/large.js HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
  // Slower than the patience as a whole, but never that long without a byte.
  const begun = performance.now();
  for await (const _ of socket) if (performance.now() - begun < PATIENCE_MS * 1.5) await sleep(20);
  await ended;
  assert.ok(socket.bytesRead > LARGE_BYTES);
});
