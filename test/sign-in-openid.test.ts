// Sign-in with a real identity provider: who gets in and as what, and what happens when the provider is away, changes its
// keys, or sends what nobody can use.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { OpenId, OpenIdError } from '../api/access/openid.ts';
import { readEnvironment } from '../api/environment.ts';
import { makeFolder } from './ingest-world.ts';
import { Browser, CLIENT_SECRET, OpenIdProvider, type People, type ProviderSettings } from './openid-provider.ts';
import { HOUR, SignInWorld, withSession } from './sign-in-world.ts';

const PEOPLE: People = {
  ann: { email: 'ann@example.org', email_verified: true, name: 'Ann Ash', groups: ['auditors', 'staff'] },
  bob: { email: 'bob@example.org', groups: ['cn=admins,ou=groups'] },
  cid: { email: 'cid@example.org', groups: ['staff'] },
  dee: { email: 'dee@example.org' },
  eve: { email: 'ann@example.org', email_verified: false, groups: ['auditors'] },
  fay: { groups: ['auditors'] },
  gus: { email: 'Command Line', groups: ['cn=admins,ou=groups'] },
  hal: { email: 'hal@example.org', groups: 'auditors' },
  ida: { email: 'token siem', groups: ['auditors'] },
};
const ROLES = 'auditors=auditor; cn=admins,ou=groups=administrator,operator';

interface Met {
  world: SignInWorld;
  provider: OpenIdProvider;
  start: (more?: Partial<ProviderSettings>) => Promise<void>;
  secretFile: string;
}

/** The provider is not started yet. */
async function meet(t: TestContext, more: Record<string, string | undefined> = {}): Promise<Met> {
  const provider = await OpenIdProvider.at(t);
  const secretFile = join(makeFolder(t), 'client-secret');
  writeFileSync(secretFile, `${CLIENT_SECRET}\n`);
  const { openId } = readEnvironment({
    METATRAIL_OIDC_ISSUER: provider.issuer,
    METATRAIL_OIDC_CLIENT_ID: 'metatrail',
    METATRAIL_OIDC_CLIENT_SECRET_FILE: secretFile,
    METATRAIL_OIDC_ROLES: ROLES,
    METATRAIL_OIDC_SCOPE: 'openid profile email groups',
    ...more,
  });
  assert.ok(openId);
  const world = await SignInWorld.open(t, {}, new OpenId(openId));
  const start = (settings: Partial<ProviderSettings> = {}) =>
    provider.start({ callback: `${world.url}/sign-in/callback`, people: PEOPLE, ...settings });
  return { world, provider, start, secretFile };
}

/** Goes through the whole of it as this person; the cookie of the session, if there is one, and the last page. */
async function signInAs({ world }: Met, name: string) {
  const browser = new Browser();
  const { url, page } = await browser.signIn(`${world.url}/sign-in`, name);
  const cookie = browser.cookie(world.url);
  return { browser, url, status: page.status, text: await page.text(), cookie: withSession(cookie) };
}

async function sessionsOf({ world }: Met) {
  const { data } = await world.ask('{ sessions { viewer roles way } }');
  return (data as { sessions: { viewer: string; roles: string[]; way: string }[] }).sessions;
}

test('whoever the provider knows is signed in with the roles of their groups, and recorded by their address', async (t) => {
  const met = await meet(t);
  await met.start();
  const ann = await signInAs(met, 'ann');
  assert.deepEqual([ann.status, ann.url], [200, `${met.world.url}/`]);
  assert.match(ann.cookie.cookie, /^metatrail_session=[\w-]{43}$/, 'and nothing else is left of the way there');
  assert.deepEqual(await sessionsOf(met), [{ viewer: 'ann@example.org', roles: ['auditor'], way: 'openid' }]);
  assert.equal((await met.world.ask('{ objectCount }', ann.cookie)).status, 200);
  assert.equal(met.world.api.events().findLast(({ stage }) => stage === 'read')?.initiator, 'ann@example.org');
  const access = await met.world.signIn.accessOfSession(ann.cookie.cookie.split('=')[1] ?? '');
  assert.equal(access?.identity, 'ann@example.org');
  const bob = await signInAs(met, 'bob');
  assert.equal((await met.world.ask('{ tokens { id } }', bob.cookie)).errors, undefined);
  assert.deepEqual((await sessionsOf(met))[0]?.roles, ['operator', 'administrator']);
  await signInAs(met, 'hal');
  assert.deepEqual((await sessionsOf(met))[0], { viewer: 'hal@example.org', roles: ['auditor'], way: 'openid' });
});

test('claims in the ID token do as well, and so do other claims, and a secret in the body', async (t) => {
  const met = await meet(t, {
    METATRAIL_OIDC_IDENTITY_CLAIM: 'sub',
    METATRAIL_OIDC_NAME_CLAIM: 'name',
  });
  await met.start({ inToken: true, authentication: 'client_secret_post' });
  const { status, cookie } = await signInAs(met, 'ann');
  assert.equal(status, 200);
  const access = await met.world.signIn.accessOfSession(cookie.cookie.split('=')[1] ?? '');
  assert.deepEqual([access?.viewer, access?.identity], ['Ann Ash', 'ann']);
});

test('a client without a secret shows by PKCE alone that it is the one that began', async (t) => {
  const met = await meet(t, { METATRAIL_OIDC_CLIENT_SECRET_FILE: undefined });
  await met.start({ authentication: 'none' });
  assert.equal((await signInAs(met, 'ann')).status, 200);
});

test('an ID token that the published keys did not sign lets nobody in', async (t) => {
  const met = await meet(t);
  await met.start({ publishesOtherKeys: true });
  const { status, cookie } = await signInAs(met, 'ann');
  assert.deepEqual([status, cookie.cookie], [401, '']);
});

test('without a group that has a role nobody is signed in, and a page says so', async (t) => {
  const met = await meet(t);
  await met.start();
  for (const name of ['cid', 'dee']) {
    const { status, text, cookie } = await signInAs(met, name);
    assert.deepEqual([status, cookie.cookie], [403, ''], name);
    assert.match(text, /You have no role here.*none of your groups has a role/s);
    assert.equal((await met.world.ask('{ log { size } }', cookie)).status, 401);
  }
  assert.deepEqual(await sessionsOf(met), []);
});

test('an address that is not verified, none at all, or the name of somebody of the service is not taken', async (t) => {
  const met = await meet(t);
  await met.start();
  for (const name of ['eve', 'fay', 'gus', 'ida']) {
    const { status, text, cookie } = await signInAs(met, name);
    assert.deepEqual([status, cookie.cookie], [403, ''], name);
    assert.match(text, /does not say who you are/);
  }
  assert.deepEqual(await sessionsOf(met), []);
});

test('while the provider is away nobody new gets in, who is signed in stays, and the next attempt finds it again', async (t) => {
  const met = await meet(t);
  const early = await signInAs(met, 'ann');
  assert.deepEqual([early.status, early.cookie.cookie], [503, '']);
  assert.match(early.text, /The identity provider does not answer.*whoever is signed in stays so/s);
  await met.start();
  const ann = await signInAs(met, 'ann');
  assert.equal(ann.status, 200);
  await met.provider.stop();
  assert.equal((await signInAs(met, 'bob')).status, 503);
  assert.equal((await met.world.ask('{ log { size } }', ann.cookie)).status, 200);
  assert.equal((await met.world.send('GET', '/health/ready')).status, 200);
  await met.start();
  assert.equal((await signInAs(met, 'bob')).status, 200);
});

test('a provider that answers with an error or not at all is away, and one that is no provider lets nobody in', async (t) => {
  const says: Record<string, [number, string]> = { broken: [503, '{}'], other: [404, 'nothing'], no: [200, '{"a":1}'] };
  const server = createServer((request, response) => {
    const [status, body] = says[request.url?.split('/')[1] ?? ''] ?? [];
    if (status !== undefined) response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const failureOf = async (path: string): Promise<unknown> => {
    const { openId } = readEnvironment({
      METATRAIL_OIDC_ISSUER: `http://127.0.0.1:${port}/${path}`,
      METATRAIL_OIDC_CLIENT_ID: 'metatrail',
      METATRAIL_OIDC_ROLES: ROLES,
    });
    assert.ok(openId);
    const begun = new OpenId(openId).begin(new URL('http://localhost/sign-in/callback'));
    return begun.catch((error: unknown) => (error instanceof OpenIdError ? error.failure : error));
  };
  const failures = await Promise.all(['broken', 'silent', 'other', 'no'].map(failureOf));
  assert.deepEqual(failures, ['away', 'away', 'refused', 'refused']);
});

test('whatever somebody sends to the callback, the answer is a page and never an error of the program', async (t) => {
  const met = await meet(t);
  await met.start();
  const { world } = met;
  const queries = [
    '',
    '?',
    '?state=a',
    '?state=a&state=a',
    '?state=a&code=',
    '?state[]=a&code[]=b',
    '?code=%00&state=a',
    '?error=x&state=a',
    '?state=a&code=b&iss=https://evil.example',
    `?state=a&code=${'b'.repeat(5000)}`,
    '?state=a&response=x.y.z',
  ];
  for (const query of queries)
    for (const remembered of ['', 'a', 'a.b', 'a.b.c', 'a.b.c.d', '..', '%00.%ff.%', `a.b.${'c'.repeat(5000)}`]) {
      const cookie = { cookie: `metatrail_sign_in=${remembered}` };
      const { status, text, headers } = await world.send('GET', `/sign-in/callback${query}`, cookie);
      if (status === 429) {
        // Begun again by a service that counts anew.
        world.url = await world.serve(t, { address: () => new URL(`${world.url}/`) });
        continue;
      }
      assert.equal(status, 401, `${query} ${remembered} ${text}`);
      assert.ok(!(headers['set-cookie'] ?? []).some((each) => /session=[\w-]/.test(each)));
    }
  assert.deepEqual(
    world.logged.filter((line) => line.includes('A request failed')),
    [],
  );
});

test('a provider with new keys is believed by these, at once', async (t) => {
  const met = await meet(t);
  await met.start();
  assert.equal((await signInAs(met, 'ann')).status, 200);
  await met.start();
  assert.equal((await signInAs(met, 'ann')).status, 200);
});

test('a secret that the provider does not know lets nobody in; a new one counts from the next sign-in on', async (t) => {
  const met = await meet(t);
  await met.start();
  writeFileSync(met.secretFile, 'another-secret-0123456789');
  const refused = await signInAs(met, 'ann');
  assert.deepEqual([refused.status, refused.cookie.cookie], [401, '']);
  assert.match(refused.text, /The identity provider did not let you in/);
  assert.match(
    met.world.logged.join(''),
    /does not take METATRAIL_OIDC_CLIENT_ID with the secret in METATRAIL_OIDC_CLIENT_SECRET_FILE/,
  );
  writeFileSync(met.secretFile, CLIENT_SECRET);
  assert.equal((await signInAs(met, 'ann')).status, 200);
  writeFileSync(met.secretFile, '');
  assert.equal((await signInAs(met, 'ann')).status, 503);
  const told = met.world.logged.join('');
  assert.match(told, /The file that METATRAIL_OIDC_CLIENT_SECRET_FILE names is empty/);
  for (const secret of [CLIENT_SECRET, 'another-secret-0123456789', 'ann@example.org', 'Ann Ash'])
    assert.ok(!told.includes(secret), secret);
});

test('a sign-in counts only in the browser that began it, once, with its own state', async (t) => {
  const met = await meet(t);
  await met.start();
  const { world } = met;
  const isCallback = (url: string) => url.startsWith(`${world.url}/sign-in/callback`);
  const ann = new Browser();
  const { url: callback } = await ann.signIn(`${world.url}/sign-in`, 'ann', isCallback);
  assert.ok(isCallback(callback));
  const refusal = async (browser: Browser, url: string) => {
    const page = await browser.get(url);
    assert.match(await page.text(), /was not begun here, or took too long/);
    return page.status;
  };
  // The address that another was sent to, also where a sign-in of theirs is under way.
  const other = new Browser();
  assert.equal(await refusal(other, callback), 401);
  await other.follow(`${world.url}/sign-in`, (url) => url.startsWith(met.provider.issuer));
  assert.equal(await refusal(other, callback), 401);
  assert.equal(await refusal(new Browser(), `${world.url}/sign-in/callback`), 401);
  assert.equal(await refusal(new Browser(), `${world.url}/sign-in/callback?state=&code=x`), 401);
  assert.equal((await ann.get(callback)).status, 303);
  assert.equal(await refusal(ann, callback), 401);
  assert.equal((await sessionsOf(met)).length, 1);
});

test('a code that was meant for somebody else, and an error of the provider, sign nobody in', async (t) => {
  const met = await meet(t);
  await met.start();
  const { world } = met;
  const isCallback = (url: string) => url.startsWith(`${world.url}/sign-in/callback`);
  const [mallory, ann] = [new Browser(), new Browser()];
  const stolen = new URL((await mallory.signIn(`${world.url}/sign-in`, 'bob', isCallback)).url).searchParams;
  const own = new URL((await ann.signIn(`${world.url}/sign-in`, 'ann', isCallback)).url);
  // Her state, his code: PKCE says that she did not begin it.
  own.searchParams.set('code', stolen.get('code') ?? '');
  const injected = await ann.get(own.href);
  assert.deepEqual(
    [injected.status, injected.headers.getSetCookie().some((each) => /session=/.test(each))],
    [401, false],
  );
  const third = new Browser();
  const { url } = await third.follow(`${world.url}/sign-in`, (at) => at.startsWith(met.provider.issuer));
  const state = new URL(url).searchParams.get('state') ?? '';
  const query = new URLSearchParams({
    error: 'access_denied',
    error_description: '<b>no</b>',
    state,
    iss: met.provider.issuer,
  });
  const denied = await third.get(`${world.url}/sign-in/callback?${query}`);
  assert.equal(denied.status, 401);
  assert.ok(!(await denied.text()).includes('<b>no'));
  assert.match(world.logged.join(''), /access_denied/);
  assert.deepEqual(await sessionsOf(met), []);
});

test('what leaves for the provider has a challenge, a state and a nonce, each time another', async (t) => {
  const met = await meet(t);
  await met.start();
  const leave = async () => {
    const { headers } = await met.world.send('GET', '/sign-in');
    return { to: new URL(headers.location ?? ''), cookie: headers['set-cookie']?.[0] ?? '' };
  };
  const [first, second] = [await leave(), await leave()];
  assert.match(
    first.cookie,
    /^metatrail_sign_in=[\w.-]+; Max-Age=600; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Lax$/,
  );
  const { searchParams: said } = first.to;
  assert.deepEqual(
    [said.get('response_type'), said.get('code_challenge_method'), said.get('redirect_uri')],
    ['code', 'S256', `${met.world.url}/sign-in/callback`],
  );
  for (const name of ['state', 'nonce', 'code_challenge']) {
    assert.match(said.get(name) ?? '', /^[\w-]{43}$/, name);
    assert.notEqual(said.get(name), second.to.searchParams.get(name));
  }
});

test('with an identity provider one-time links are off, and sessions last no longer than others', async (t) => {
  const met = await meet(t);
  await met.start();
  const { world } = met;
  const secret = await world.signIn.links.create();
  const { status, text } = await world.send('GET', `/sign-in?token=${secret}`);
  assert.equal(status, 401);
  assert.equal(await world.signIn.redeemLink(secret), undefined);
  assert.match(text, /One-time links are off.*<a href="\/sign-in">/s);
  const asked = await world.send('POST', '/sign-in-link', world.commandLine);
  assert.equal(asked.status, 409);
  assert.match(
    asked.text,
    /^One-time links are off: people sign in with http:\/\/127\.0\.0\.1:\d+\/, as METATRAIL_OIDC_ISSUER says\. Open /,
  );
  const nobody = await world.ask('{ log { size } }', {});
  assert.deepEqual(JSON.parse(nobody.text).errors[0], {
    message: 'Sign in first, with your identity provider.',
    extensions: { code: 'UNAUTHENTICATED', signIn: 'openid' },
  });
  const { cookie } = await signInAs(met, 'ann');
  world.pass(HOUR);
  assert.equal((await world.ask('{ log { size } }', cookie)).status, 401);
});
