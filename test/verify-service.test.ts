// Checks through the running service: who may ask, what is streamed, and that it ends with its client.
import assert from 'node:assert/strict';
import { request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { createHttpApplication, listen } from '../api/http/server.ts';
import { SignIn } from '../api/sign-in.ts';
import { ApiWorld } from './api/world.ts';

let world: ApiWorld;
let signIn: SignIn;
let server: Server;
let url: string;
before(async () => {
  world = await ApiWorld.open();
  world.hr('2024-01', [{ id: '1', name: 'Änne Müller', department: 'Sales', projects: 'Red' }]);
  await world.run('hr', 'full');
  await world.delivered();
  const { journal, checkpoints } = world.installation.log;
  await checkpoints.current();
  signIn = new SignIn(journal);
  const application = createHttpApplication({
    installation: world.installation,
    signIn,
    logger: pino({ level: 'silent' }),
    notReady: () => undefined,
    publicLog: true,
    webFolder: world.folder,
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
