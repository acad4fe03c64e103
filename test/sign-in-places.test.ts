// Where the service is reached: with TLS of its own, under a path behind a proxy, and what is wrong with a certificate or an
// identity provider when it starts.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Environment, EnvironmentError, readEnvironment } from '../api/environment.ts';
import { findService } from '../api/running-service.ts';
import { Browser, CLIENT_SECRET, OpenIdProvider } from './openid-provider.ts';
import { makeCompany, metatrail, startService } from './service-world.ts';
import { exchange, SignInWorld, withSession } from './sign-in-world.ts';

const SIZE = { query: '{ log { size } }' };

/** A certificate of its own making for this machine, by openssl. */
function makeCertificate(folder: string): { certificate: string; key: string } {
  const [certificate, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...['-keyout', key, '-out', certificate, '-subj', '/CN=localhost'],
      ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
    ],
    { stdio: 'ignore' },
  );
  return { certificate, key };
}

test('with a certificate the service speaks TLS, signs in with a cookie of this host alone, and its command line works', async (t) => {
  const company = makeCompany(t);
  const { certificate, key } = makeCertificate(company.folder);
  company.environment.METATRAIL_TLS_CERT = certificate;
  company.environment.METATRAIL_TLS_KEY = key;
  const service = await startService(t, company);
  assert.match(service.link, /^https:\/\/127\.0\.0\.1:\d+\/sign-in\?token=/);
  const trusted = readFileSync(certificate, 'utf8');
  const signedIn = await exchange(new URL(service.link), 'GET', {}, '', trusted);
  const cookie = signedIn.headers['set-cookie']?.[0] ?? '';
  assert.match(cookie, /^__Host-metatrail_session=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
  const headers = { ...withSession(cookie), 'content-type': 'application/json' };
  const asked = await exchange(new URL('graphql', service.url), 'POST', headers, JSON.stringify(SIZE), trusted);
  assert.equal(asked.status, 200);
  await assert.rejects(exchange(new URL(service.url.replace('https', 'http')), 'GET', {}));
  const again = await metatrail(company, 'sign-in');
  assert.deepEqual([again.status, again.stdout.startsWith(`${service.url}sign-in?token=`)], [0, true], again.stderr);
  const local = await findService(company.data);
  assert.match(local?.url ?? '', /^http:\/\/127\.0\.0\.1:\d+\/$/, 'its own door, which only this machine reaches');
});

test('a certificate that is none stops the start with a sentence', async (t) => {
  const company = makeCompany(t);
  const { certificate } = makeCertificate(company.folder);
  const none = join(company.folder, 'none.pem');
  const startWith = async (cert: string, key: string) => {
    Object.assign(company.environment, { METATRAIL_TLS_CERT: cert, METATRAIL_TLS_KEY: key });
    const { status, stderr } = await metatrail(company, 'start');
    assert.equal(status, 1);
    return stderr;
  };
  assert.equal(await startWith(certificate, none), `The file ${none} of METATRAIL_TLS_KEY cannot be read (ENOENT).\n`);
  writeFileSync(none, 'no key');
  assert.match(
    await startWith(certificate, none),
    /^METATRAIL_TLS_CERT and METATRAIL_TLS_KEY are no certificate and its key, as PEM \(\w+\)\.\n$/,
  );
});

test('with an identity provider metatrail sign-in says that links are off, and the service starts while it is away', async (t) => {
  const company = makeCompany(t);
  const provider = await OpenIdProvider.at(t);
  const secret = join(company.folder, 'client-secret');
  Object.assign(company.environment, {
    METATRAIL_OIDC_ISSUER: provider.issuer,
    METATRAIL_OIDC_CLIENT_ID: 'metatrail',
    METATRAIL_OIDC_CLIENT_SECRET_FILE: secret,
    METATRAIL_OIDC_ROLES: 'auditors=auditor',
    METATRAIL_OIDC_SCOPE: 'openid profile email groups',
  });
  const missing = await metatrail(company, 'start');
  assert.deepEqual(
    [missing.status, missing.stderr],
    [1, 'The file that METATRAIL_OIDC_CLIENT_SECRET_FILE names cannot be read (ENOENT).\n'],
  );
  writeFileSync(secret, CLIENT_SECRET);
  const service = await startService(t, company, /Open this address to sign in with \S+:\s+(http:\S+)/);
  const { status, stderr } = await metatrail(company, 'sign-in');
  assert.equal(status, 1);
  assert.equal(
    stderr,
    `One-time links are off: people sign in with ${provider.issuer}/, as METATRAIL_OIDC_ISSUER says. Open ${service.url}sign-in\n`,
  );
  await provider.start({
    callback: `${service.url}sign-in/callback`,
    people: { ann: { email: 'ann@example.org', groups: ['auditors'] } },
  });
  const browser = new Browser();
  const { url } = await browser.signIn(`${service.url}sign-in`, 'ann', (at) => at === service.url);
  assert.equal(url, service.url);
  assert.ok(browser.cookie(service.url).startsWith('metatrail_session='));
});

/** A proxy with https before it, as it looks from the service; it takes the path off, or passes it on. */
async function proxyTo(t: TestContext, target: string, path: string, takesOff: boolean): Promise<string> {
  const { hostname, port } = new URL(target);
  const server = createServer((incoming, outgoing) => {
    const url = incoming.url ?? '/';
    const passed = takesOff && url.startsWith(path) ? url.slice(path.length - 1) : url;
    const headers = { ...incoming.headers, host: 'log.example.org', 'x-forwarded-proto': 'https' };
    const sent = request({ hostname, port, path: passed, method: incoming.method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 0, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(sent);
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

for (const takesOff of [true, false])
  test(`under a path everything works behind a proxy that ${takesOff ? 'takes it off' : 'passes it on'}`, async (t) => {
    const address = () => new URL('https://log.example.org/metatrail/');
    const world = await SignInWorld.open(t, { proxies: ['127.0.0.1'], address });
    const proxy = await proxyTo(t, world.url, '/metatrail/', takesOff);
    const send = (path: string, headers = {}, body?: string) =>
      exchange(new URL(path, `${proxy}/metatrail/`), body === undefined ? 'GET' : 'POST', headers, body);
    const page = await send('');
    assert.match(page.text, /<base href="\/metatrail\/" \/>/);
    assert.equal((await send('objects/1')).text, page.text);
    assert.equal((await send('index.html')).text, page.text);
    assert.equal((await send('health/live')).status, 200);
    const link = await world.send('POST', '/sign-in-link', world.commandLine);
    const { pathname, search, origin } = new URL(link.text);
    assert.deepEqual([origin, pathname], ['https://log.example.org', '/metatrail/sign-in']);
    const signedIn = await send(`sign-in${search}`);
    assert.deepEqual([signedIn.status, signedIn.headers.location], [303, './']);
    const cookie = signedIn.headers['set-cookie']?.[0] ?? '';
    assert.match(cookie, /^__Host-metatrail_session=/);
    const headers = { ...withSession(cookie), 'content-type': 'application/json' };
    const asked = await send('graphql', headers, JSON.stringify(SIZE));
    assert.equal(asked.status, 200, asked.text);
    assert.match((await send('reports/access.pdf?at=2024-01-31', headers)).headers['content-type'] ?? '', /pdf/);
    if (takesOff) return;
    const bare = await exchange(new URL('/metatrail', proxy), 'GET', {});
    assert.deepEqual([bare.status, bare.headers.location], [308, '/metatrail/']);
  });

test('variables that do not go together, or mean nothing, stop the program with a sentence, without what may be secret', () => {
  const wrong = (variables: Record<string, string>): string => {
    try {
      readEnvironment(variables);
    } catch (error) {
      assert.ok(error instanceof EnvironmentError);
      return error.message;
    }
    return assert.fail(`${JSON.stringify(variables)} was taken`);
  };
  const issuer = 'https://login.example.org/realms/one';
  assert.match(
    wrong({ METATRAIL_OIDC_ISSUER: issuer }),
    /METATRAIL_OIDC_CLIENT_ID and METATRAIL_OIDC_ROLES need one another/,
  );
  assert.match(wrong({ METATRAIL_OIDC_CLIENT_SECRET_FILE: 'file' }), /need one another/);
  for (const unsafe of [
    'http://login.example.org',
    'https://user:hunter2@login.example.org',
    'login',
    'https://a.org/?b',
  ])
    assert.match(
      wrong({ METATRAIL_OIDC_ISSUER: unsafe }),
      /^[^:]*METATRAIL_OIDC_ISSUER must be the https address[^:]*$/,
    );
  for (const roles of [
    '',
    '=auditor',
    'auditors',
    'auditors=',
    'auditors=emperor',
    'a=auditor;a=operator',
    'a=auditor,,operator',
  ])
    assert.match(wrong({ METATRAIL_OIDC_ROLES: roles }), /METATRAIL_OIDC_ROLES must map groups to roles, as in/, roles);
  assert.match(wrong({ METATRAIL_TLS_CERT: 'cert.pem' }), /METATRAIL_TLS_CERT and METATRAIL_TLS_KEY need one another/);
  for (const url of [
    'log.example.org',
    'ftp://log.example.org',
    'https://u:p@log.example.org',
    'https://a.org/?q',
    'https://',
  ])
    assert.match(wrong({ METATRAIL_URL: url }), /^The environment variable METATRAIL_URL must be the address at which/);
  const read = (variables: Record<string, string>): Environment => readEnvironment(variables);
  assert.equal(
    read({ METATRAIL_URL: 'https://log.example.org/metatrail' }).url?.href,
    'https://log.example.org/metatrail/',
  );
  const roles = 'auditors = auditor; cn=a,ou=groups=investigator, manager;';
  const { openId } = read({
    METATRAIL_OIDC_ISSUER: issuer,
    METATRAIL_OIDC_CLIENT_ID: 'm',
    METATRAIL_OIDC_ROLES: roles,
  });
  assert.deepEqual(
    [...(openId?.roles ?? [])],
    [
      ['auditors', ['auditor']],
      ['cn=a,ou=groups', ['investigator', 'manager']],
    ],
  );
  assert.deepEqual(openId?.claims, { identity: 'email', name: 'email', groups: 'groups' });
});
