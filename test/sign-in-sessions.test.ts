// Sessions of people: their cookie, how long they last, what ends them, and how often one may try.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HOUR, MINUTE, SignInWorld, withSession } from './sign-in-world.ts';

const SIZE = '{ log { size } }';
const HOST = { host: 'log.example.org' };
const HTTPS = { ...HOST, 'x-forwarded-proto': 'https' };

test('behind a proxy with https that is named the cookie is of this host alone; on this machine it works without', async (t) => {
  const world = await SignInWorld.open(t, { proxies: ['127.0.0.1'] });
  const secure = await world.followLink(HTTPS);
  assert.match(secure, /^__Host-metatrail_session=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
  const plain = await world.followLink();
  assert.match(plain, /^metatrail_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/);
  const status = async (cookie: string, headers = {}) =>
    (await world.ask(SIZE, { ...withSession(cookie), ...headers })).status;
  assert.deepEqual([await status(secure, HTTPS), await status(plain)], [200, 200]);
  // What another program of this machine could set without TLS counts for nothing with it.
  assert.equal(await status(plain, HTTPS), 401);
  assert.equal(await status(secure.replace('__Host-', ''), HTTPS), 401);
  const out = await world.send('POST', '/sign-out', { ...withSession(secure), ...HTTPS });
  assert.match(
    out.headers['set-cookie']?.[0] ?? '',
    /^__Host-metatrail_session=; Path=\/; Expires=Thu, 01 Jan 1970.*Secure/,
  );
  assert.equal(await status(secure, HTTPS), 401);
});

test('without TLS nobody signs in over a network, and what a stranger says of TLS does not count', async (t) => {
  const world = await SignInWorld.open(t);
  for (const headers of [HOST, HTTPS]) {
    const token = await world.signIn.createLink();
    const { status, text, headers: told } = await world.send('GET', `/sign-in?token=${token}`, headers);
    assert.deepEqual([status, told['set-cookie']], [403, undefined]);
    assert.match(text, /Signing in needs https/);
    assert.match(text, /METATRAIL_TLS_CERT.*METATRAIL_PROXIES/);
    assert.equal((await world.send('GET', `/sign-in?token=${token}`)).status, 303, 'the link is not used up');
  }
  for (const host of ['localhost', 'localhost:8417', '127.0.0.1', '[::1]:8417']) await world.followLink({ host });
});

test('whoever signed in is out an hour after they last asked, and twelve hours after they began', async (t) => {
  const world = await SignInWorld.open(t);
  const idle = withSession(await world.followLink());
  const status = async (headers: Record<string, string>) => (await world.ask(SIZE, headers)).status;
  world.pass(HOUR - MINUTE);
  assert.equal(await status(idle), 200);
  world.pass(HOUR - MINUTE);
  assert.equal(await status(idle), 200);
  world.pass(HOUR);
  assert.equal(await status(idle), 401);
  const busy = withSession(await world.followLink());
  for (let half = 1; half < 24; half += 1) {
    world.pass(HOUR / 2);
    assert.equal(await status(busy), 200, `after ${half / 2} hours`);
  }
  world.pass(HOUR / 2);
  assert.equal(await status(busy), 401);
});

test('signing in again gives another session and ends the one that the browser had', async (t) => {
  const world = await SignInWorld.open(t);
  const first = await world.followLink();
  const other = await world.followLink();
  const second = await world.followLink(withSession(first));
  assert.notEqual(first.split(';')[0], second.split(';')[0]);
  const statuses = [first, second, other].map(async (cookie) => (await world.ask(SIZE, withSession(cookie))).status);
  assert.deepEqual(await Promise.all(statuses), [401, 200, 200]);
});

test('an administrator sees who is signed in, and signs somebody out, which is an event', async (t) => {
  const world = await SignInWorld.open(t);
  const cookie = await world.followLink();
  type Sessions = { sessions: { id: string; viewer: string; way: string; roles: string[] }[] };
  const list = async () => ((await world.ask('{ sessions { id viewer way roles } }')).data as Sessions).sessions;
  const [session, ...others] = await list();
  assert.deepEqual([session?.viewer, session?.way, others], ['local administrator', 'link', []]);
  assert.ok(!JSON.stringify(session).includes(cookie.split(/[=;]/)[1] ?? ''));
  await world.ask(`mutation { revokeSession(id: "${session?.id}", why: "left") { viewer } }`);
  assert.equal((await world.ask(SIZE, withSession(cookie))).status, 401);
  assert.deepEqual(await list(), []);
  const event = world.api.events().findLast(({ outcome }) => outcome === 'session-revoked');
  const values = event?.values.map((value) => [value.attribute, value.type, value.new]);
  assert.deepEqual(values, [
    ['session', 'reference', 'local administrator'],
    ['reason', 'string', 'left'],
  ]);
  assert.deepEqual([event?.stage, event?.initiator], ['configuration', 'command line']);
  const { errors } = await world.ask(`mutation { revokeSession(id: "${session?.id}", why: "left") { viewer } }`);
  assert.equal(errors?.[0]?.message, 'There is no such session; it may be over already.');
});

test('sixty sign-ins a minute are let through from an address, then it is told when to come again', async (t) => {
  const world = await SignInWorld.open(t);
  for (let count = 0; count < 60; count += 1) assert.equal((await world.send('GET', '/sign-in?token=x')).status, 401);
  const { status, headers } = await world.send('GET', `/sign-in?token=${await world.signIn.createLink()}`);
  assert.equal(status, 429);
  assert.ok(Number(headers['retry-after']) > 0 && Number(headers['retry-after']) <= 60);
  assert.equal((await world.send('GET', '/health/live')).status, 200);
});

test('only the command line gets a sign-in link: neither a session nor a token makes more of itself', async (t) => {
  const world = await SignInWorld.open(t);
  const { secret } = await world.makeToken('administrator', ['administrator']);
  const asSession = withSession(await world.followLink());
  for (const headers of [asSession, { authorization: `Bearer ${secret}` }])
    for (const path of ['/sign-in-link', '/maintenance'])
      assert.equal((await world.send('POST', path, headers)).status, 403, path);
  assert.equal((await world.send('POST', '/sign-in-link', world.commandLine)).status, 200);
});
