// The log over HTTP, as a client that knows C2SP tlog-tiles and nothing of us meets it.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { pino } from 'pino';
import { createHttpApplication, listen } from '../api/http/server.ts';
import { SignIn } from '../api/sign-in.ts';
import { ApiWorld } from './api/world.ts';
import { makeBatch } from './ingest-world.ts';

let world: ApiWorld;
let signIn: SignIn;
/** For those who are signed in, and for everybody. */
let [closed, open] = ['', ''];
const servers: Server[] = [];

before(async () => {
  world = await ApiWorld.open();
  signIn = new SignIn(world.installation.log.journal);
  for (const publicLog of [false, true]) {
    const application = createHttpApplication({
      installation: world.installation,
      signIn,
      logger: pino({ level: 'silent' }),
      notReady: () => undefined,
      publicLog,
      webFolder: world.folder,
    });
    const server = await listen(application, '127.0.0.1', 0);
    servers.push(server);
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/log/`;
    if (publicLog) open = url;
    else closed = url;
  }
});
after(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  await world.close();
});

const grow = (count: number) => world.installation.log.journal.accept((base) => makeBatch(base, count));
const sign = () => world.installation.log.checkpoints.current();
const bytesOf = async (url: string): Promise<Buffer> => {
  const response = await fetch(url);
  assert.equal(response.status, 200, url);
  return Buffer.from(await response.arrayBuffer());
};
const sha256 = (...parts: Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();

/** The root from the tiles of level 0 that the standard says a tree of this size has. */
async function rootFromAddresses(size: number): Promise<string> {
  const leaves: Buffer[] = [];
  for (let first = 0, tile = 0; first < size; first += 256, tile++) {
    const width = Math.min(256, size - first);
    const bytes = await bytesOf(`${open}tile/0/${String(tile).padStart(3, '0')}${width < 256 ? `.p/${width}` : ''}`);
    assert.equal(bytes.length, 32 * width);
    for (let i = 0; i < width; i++) leaves.push(bytes.subarray(32 * i, 32 * i + 32));
  }
  return rootOf(leaves).toString('base64');
}

function rootOf(leaves: Buffer[]): Buffer {
  const [only] = leaves;
  if (only && leaves.length === 1) return only;
  const split = 2 ** Math.floor(Math.log2(leaves.length - 1));
  return sha256(Buffer.of(1), rootOf(leaves.slice(0, split)), rootOf(leaves.slice(split)));
}

test('from checkpoint and tiles anybody computes the root that was signed', async () => {
  for (const count of [3, 250, 100, 300]) {
    await grow(count);
    await sign();
    const response = await fetch(`${open}checkpoint`);
    assert.equal(response.headers.get('content-type'), 'text/plain; charset=utf-8');
    assert.equal(response.headers.get('cache-control'), 'no-cache');
    const [origin, size, root, empty, signature] = (await response.text()).split('\n');
    assert.deepEqual([origin, empty], [world.installation.log.journal.log, '']);
    assert.ok(signature?.startsWith(`— ${origin} `));
    assert.equal(await rootFromAddresses(Number(size)), root);
  }
});

test('a tile above is the roots of the full tiles below', async () => {
  const size = (await sign()).size;
  const full = Math.floor(size / 256);
  const above = await bytesOf(`${open}tile/1/000.p/${full}`);
  for (let tile = 0; tile < full; tile++) {
    const bytes = await bytesOf(`${open}tile/0/00${tile}`);
    const leaves = Array.from({ length: 256 }, (_, i) => bytes.subarray(32 * i, 32 * i + 32));
    assert.deepEqual(above.subarray(32 * tile, 32 * tile + 32), rootOf(leaves));
  }
});

test('tiles are kept by whoever may, for ever; partial ones stay when theirs is full', async () => {
  const { headers } = await fetch(`${open}tile/0/000`);
  assert.equal(headers.get('content-type'), 'application/octet-stream');
  assert.equal(headers.get('cache-control'), 'public, max-age=31536000, immutable');
  const partial = await bytesOf(`${open}tile/0/000.p/3`);
  assert.deepEqual(partial, (await bytesOf(`${open}tile/0/000`)).subarray(0, 96));
});

test('what is not there, not signed yet or written otherwise is 404', async () => {
  const { size } = await sign();
  const [tile, width] = [`00${Math.floor(size / 256)}`, size % 256];
  assert.ok(width > 0 && width < 200);
  await bytesOf(`${open}tile/0/${tile}.p/${width}`);
  await grow(3);
  const wrong = [
    `tile/0/${tile}.p/${width + 1}`,
    `tile/0/${tile}`,
    'tile/0/999',
    'tile/0/x001/000',
    'tile/0/x000/000',
    'tile/0/000.p/0',
    'tile/0/000.p/256',
    'tile/0/000.p/01',
    'tile/0/000.p/',
    'tile/0/0',
    'tile/0/0000',
    'tile/00/000',
    'tile/64/000',
    'tile/100/000',
    'tile/1/000',
    'tile/2/000.p/1',
    'tile/-1/000',
    'tile/0/%30%30%30',
    'tile/0/000/',
    'tile/entries/000',
    'tile/0/x999/x999/x999/x999/x999/x999/999',
    'tile/',
    'checkpoint/',
    'nothing',
    '',
  ];
  for (const path of wrong) {
    const response = await fetch(`${open}${path}`);
    assert.equal(response.status, 404, path);
    assert.match(response.headers.get('content-type') ?? '', /^text\/plain/);
    assert.equal(response.headers.get('cache-control'), 'no-store');
  }
  assert.equal((await fetch(`${open}checkpoint`, { method: 'POST' })).status, 404);
  await sign();
  await bytesOf(`${open}tile/0/${tile}.p/${width + 3}`);
});

test('the public keys are served one a line, the oldest first', async () => {
  const { checkpoints } = world.installation.log;
  await checkpoints.rotate('carol');
  const lines = (await bytesOf(`${open}keys`)).toString().split('\n');
  assert.deepEqual(lines, [...checkpoints.keys().map(({ vkey }) => vkey), '']);
  assert.equal(lines.length, 3);
});

test('unless the log is public, who is not signed in gets nothing of it', async () => {
  for (const path of ['checkpoint', 'keys', 'tile/0/000', 'nothing']) {
    assert.equal((await fetch(`${closed}${path}`)).status, 401, path);
    assert.equal((await fetch(`${closed}${path}`, { headers: { authorization: 'Bearer wrong' } })).status, 401, path);
  }
  const headers = { authorization: `Bearer ${signIn.commandLineToken}` };
  const tile = await fetch(`${closed}tile/0/000`, { headers });
  assert.equal(tile.status, 200);
  assert.equal(tile.headers.get('cache-control'), 'private, max-age=31536000, immutable');
  assert.equal((await fetch(`${closed}checkpoint`, { headers })).status, 200);
});

test('what is public holds no word of any person', async () => {
  world.hr('2024-01', [{ id: '1', name: 'Änne Müller', department: 'Sales', projects: 'Red' }]);
  await world.run('hr', 'full');
  const { size } = await sign();
  const all = [await bytesOf(`${open}checkpoint`), await bytesOf(`${open}keys`)];
  for (let tile = 0; tile < Math.floor(size / 256); tile++) all.push(await bytesOf(`${open}tile/0/00${tile}`));
  for (const word of ['Müller', 'Sales', 'event 1', 'carol'])
    assert.ok(!Buffer.concat(all).includes(Buffer.from(word)), word);
});

test('health says how far the log is signed for', async () => {
  const { size } = await sign();
  const health = (await (await fetch(new URL('/health/ready', open))).json()) as { checkpoint: unknown };
  assert.deepEqual(health.checkpoint, { size, key: world.installation.log.checkpoints.keyId, destinations: [] });
});
