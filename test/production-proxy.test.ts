// The service behind nginx, as the page about production says it: under a path, with TLS of the proxy.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeFolder, ROOT } from './production-world.ts';
import { requireTool } from './require-tool.ts';
import { makeCompany, startService } from './service-world.ts';
import { exchange, withSession } from './sign-in-world.ts';

const PRODUCTION = readFileSync(join(ROOT, 'api/production/README.md'), 'utf8');
const [, SERVER = ''] = /```nginx\n([\s\S]*?)```/.exec(PRODUCTION) ?? [];

async function findFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test('behind nginx under a path people sign in over TLS, and what they ask is recorded with their own address', {
  timeout: 180_000,
}, async (t) => {
  const [nginx, openssl] = [requireTool(t, 'nginx'), requireTool(t, 'openssl')];
  if (nginx === undefined || openssl === undefined) return;
  const folder = makeFolder(t);
  const [certificate, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')];
  const made = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'];
  const names = ['-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', certificate];
  assert.equal(spawnSync(openssl, ['req', ...made, ...names]).status, 0);
  const [outside, inside] = [await findFreePort(), await findFreePort()];
  const company = makeCompany(t);
  const address = `https://localhost:${outside}/metatrail/`;
  const service = await startService(t, {
    ...company,
    environment: {
      ...company.environment,
      PORT: String(inside),
      METATRAIL_URL: address,
      METATRAIL_PROXIES: '127.0.0.1',
    },
  });
  assert.ok(service.link.startsWith(address), service.link);
  const server = SERVER.replace('listen 443 ssl', `listen 127.0.0.1:${outside} ssl`)
    .replace('/etc/ssl/log.example.org.pem', certificate)
    .replace('/etc/ssl/private/log.example.org.key', key)
    .replace('127.0.0.1:8417', `127.0.0.1:${inside}`);
  assert.doesNotMatch(server, /\/etc\/|8417|listen 443/);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${join(folder, kind)};`,
  );
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; pid ${join(folder, 'pid')}; error_log ${join(folder, 'errors')}; events {}\nhttp { access_log off; ${temporary.join(' ')}\n${server} }\n`,
  );
  const proxy = spawn(nginx, ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'errors')], {
    stdio: 'inherit',
  });
  t.after(async () => {
    proxy.kill('SIGTERM');
    await once(proxy, 'exit');
  });
  const pem = readFileSync(certificate, 'utf8');
  const send = async (method: string, path: string, headers: Record<string, string> = {}, body = '') => {
    for (;;) {
      const sent = await exchange(new URL(path, address), method, headers, body, pem, '127.0.0.2').catch(
        () => undefined,
      );
      if (sent) return sent;
      assert.equal(proxy.exitCode, null, readFileSync(join(folder, 'errors'), 'utf8'));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  assert.equal((await send('GET', 'health/ready')).status, 200);
  const signedIn = await send('GET', service.link);
  const cookie = signedIn.headers['set-cookie']?.[0] ?? '';
  assert.match(cookie, /^__Host-metatrail_session=.*Secure/);
  assert.equal(signedIn.headers.location, './');
  const headers = { ...withSession(cookie), 'content-type': 'application/json', 'x-forwarded-for': '203.0.113.7' };
  const query = '{"query":"{ objectCount }"}';
  assert.equal((await send('POST', 'graphql', headers, query)).status, 200);
  const reads = '{"query":"{ reads(filter: { question: \\"objectCount\\" }) { nodes { question viewer address } } }"}';
  // Each look is a read as well: it must not drive what is looked for off the page.
  for (;;) {
    const { text } = await send('POST', 'graphql', headers, reads);
    const read = /\{"question":"objectCount","viewer":"local administrator","address":"([^"]*)"\}/.exec(text);
    if (!read) continue;
    assert.equal(read[1], '127.0.0.2', 'where nginx says it came from, not what the client says');
    break;
  }
  assert.match((await send('GET', '')).text, /<base href="\/metatrail\/"/);
});
