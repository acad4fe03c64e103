// A feed as syslog over TLS: read by a strict reader of RFC 5424 and RFC 5425, and by rsyslog.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer as createPlainServer } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createServer } from 'node:tls';
import { VERSION } from '../api/version.ts';
import { until } from './alerts-world.ts';
import { feedsOf, PushWorld } from './push-world.ts';
import { requireTool } from './require-tool.ts';

interface Certificates {
  folder: string;
  certificate: string;
  key: string;
}

/** A self-signed certificate of localhost. */
function makeCertificates(t: TestContext, openssl: string): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'metatrail-syslog-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [certificate, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')];
  const made = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'];
  const names = ['-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', certificate];
  assert.equal(spawnSync(openssl, ['req', ...made, ...names]).status, 0);
  return { folder, certificate, key };
}

const feedTo = (t: TestContext, port: number, { certificate }: Certificates, more = 'format: changes, begin: 0') =>
  feedsOf(t, `feeds: { siem: { syslog: "localhost:${port}", ca_file: ca, ${more} } }\n`, {
    ca: readFileSync(certificate, 'utf8'),
  });

/** The messages of a stream that is framed by octet counting (RFC 5425, section 4.3.1); nothing may be left. */
function readFrames(stream: Buffer): string[] {
  const messages: string[] = [];
  for (let at = 0; at < stream.length; ) {
    const space = stream.indexOf(0x20, at);
    const digits = stream.toString('latin1', at, space);
    assert.match(digits, /^[1-9]\d*$/);
    const end = space + 1 + Number(digits);
    assert.ok(end <= stream.length, 'a message is cut off');
    messages.push(new TextDecoder('utf-8', { fatal: true }).decode(stream.subarray(space + 1, end)));
    at = end;
  }
  return messages;
}

/** RFC 5424, section 6: its grammar, with what this program leaves out. */
const MESSAGE =
  /^<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z) ([\x21-\x7e]{1,255}) ([\x21-\x7e]{1,48}) - ([\x21-\x7e]{1,32}) (\[[^\]]+\]) (.*)$/su;

interface Collector {
  port: number;
  connections: Buffer[];
  /** It takes what comes and does not end the connection in turn: it breaks it off. */
  breaksOff: boolean;
}

async function startCollector(t: TestContext, { certificate, key }: Certificates): Promise<Collector> {
  const collector: Collector = { port: 0, connections: [], breaksOff: false };
  const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (socket) => {
    const chunks: Buffer[] = [];
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      if (collector.breaksOff) socket.destroy();
    });
    socket.on('end', () => collector.connections.push(Buffer.concat(chunks)));
  }).listen(0, '127.0.0.1');
  server.on('tlsClientError', () => undefined);
  await once(server, 'listening');
  t.after(() => server.close());
  collector.port = (server.address() as AddressInfo).port;
  return collector;
}

const messagesOf = ({ connections }: Collector): RegExpExecArray[] =>
  connections.flatMap(readFrames).map((message) => MESSAGE.exec(message) ?? assert.fail(message.slice(0, 200)));

test('every change is one message of RFC 5424, framed as RFC 5425 has it, in the order of the log', async (t) => {
  const openssl = requireTool(t, 'openssl');
  if (openssl === undefined) return;
  const certificates = makeCertificates(t, openssl);
  const collector = await startCollector(t, certificates);
  const world = await PushWorld.open(t);
  await world.people('2025-01', 'Zoë 𝄞');
  await world.send(feedTo(t, collector.port, certificates));
  await until('it is told', () => world.state.lag === 0);
  const messages = messagesOf(collector);
  const changes = world.changes();
  assert.deepEqual(
    messages.map(([, , , , , , , body = '']) => (JSON.parse(body) as { sequence: number }).sequence),
    changes.map(({ sequence }) => sequence),
  );
  assert.ok(messages.some(([text]) => text.includes('Zoë 𝄞')));
  for (const [index, [, priority, , host, app, id, data]] of messages.entries()) {
    assert.deepEqual(
      [host, app, id, data],
      [hostname(), 'metatrail', changes[index]?.stage, `[origin software="Metatrail" swVersion="${VERSION}"]`],
    );
    const { outOfBand, error } = changes[index] ?? assert.fail();
    assert.equal(Number(priority), 13 * 8 + (outOfBand || error !== undefined ? 5 : 6));
  }
});

test('as OCSF a message says its class, and access that was gained beside the engine is a warning', async (t) => {
  const openssl = requireTool(t, 'openssl');
  if (openssl === undefined) return;
  const certificates = makeCertificates(t, openssl);
  const collector = await startCollector(t, certificates);
  const world = await PushWorld.open(t);
  await world.send(feedTo(t, collector.port, certificates, 'begin: 0'));
  await until('it is told', () => world.state.lag === 0);
  const severities = new Map([
    [1, 6],
    [3, 5],
    [4, 4],
  ]);
  const seen = new Set<number>();
  for (const [, priority, , , , id, , body = ''] of messagesOf(collector)) {
    const { class_uid, severity_id } = JSON.parse(body) as { class_uid: number; severity_id: number };
    assert.equal(id, `ocsf-${class_uid}`);
    assert.equal(Number(priority), 13 * 8 + (severities.get(severity_id) ?? assert.fail(String(severity_id))));
    seen.add(severity_id);
  }
  assert.ok(seen.has(1) && seen.size > 1, [...seen].join(' '));
});

test('nothing is sent to a collector whose certificate is not trusted, or of another name', async (t) => {
  const openssl = requireTool(t, 'openssl');
  if (openssl === undefined) return;
  const [certificates, others] = [makeCertificates(t, openssl), makeCertificates(t, openssl)];
  const collector = await startCollector(t, certificates);
  const world = await PushWorld.open(t);
  await world.send(feedTo(t, collector.port, others));
  await until('it is said', () => world.said.length === 1);
  assert.match(
    world.said[0] ?? '',
    /^The feed siem waits: The syslog collector localhost:\d+ cannot be reached \(DEPTH_ZERO_SELF_SIGNED_CERT\)\.$/,
  );
  const [feed = assert.fail()] = feedTo(t, collector.port, certificates);
  assert.ok(feed.to.kind === 'syslog');
  await world.send([{ ...feed, to: { ...feed.to, host: '127.0.0.1' } }]);
  await until('it is said', () => world.said.length === 2);
  assert.match(world.said[1] ?? '', /127\.0\.0\.1:\d+ cannot be reached \(ERR_TLS_CERT_ALTNAME_INVALID\)/);
  assert.deepEqual(
    collector.connections.map((each) => each.length).filter((length) => length > 0),
    [],
  );
});

test('what a collector breaks off, or takes without an end, is not taken, and is sent again', async (t) => {
  const openssl = requireTool(t, 'openssl');
  if (openssl === undefined) return;
  const certificates = makeCertificates(t, openssl);
  const collector = await startCollector(t, certificates);
  const world = await PushWorld.open(t);
  collector.breaksOff = true;
  await world.send(feedTo(t, collector.port, certificates));
  await until('it is said', () => world.said.length === 1);
  assert.match(world.said[0] ?? '', /cannot be reached \((ECONNRESET|EPIPE)\)/);
  collector.breaksOff = false;
  await until('it is told', () => world.state.lag === 0);
  assert.deepEqual(
    messagesOf(collector).map(([, , , , , , , body = '']) => (JSON.parse(body) as { sequence: number }).sequence),
    world.changes().map(({ sequence }) => sequence),
  );
});

test('a collector inside the network gets nothing unless it is allowed', async (t) => {
  const openssl = requireTool(t, 'openssl');
  if (openssl === undefined) return;
  const certificates = makeCertificates(t, openssl);
  const collector = await startCollector(t, certificates);
  const world = await PushWorld.open(t);
  await world.send(feedTo(t, collector.port, certificates), ['10.0.0.0/8']);
  await until('it is said', () => world.said.length === 1);
  assert.match(world.said[0] ?? '', /^The feed siem waits: localhost is an address inside the network/);
  assert.equal(collector.connections.length, 0);
});

async function findFreePort(): Promise<number> {
  const server = createPlainServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test('rsyslog takes a feed whole, also across a restart of it', { timeout: 120_000 }, async (t) => {
  const [rsyslogd, openssl] = [requireTool(t, 'rsyslogd'), requireTool(t, 'openssl')];
  if (rsyslogd === undefined || openssl === undefined) return;
  const certificates = makeCertificates(t, openssl);
  const { folder, certificate, key } = certificates;
  const port = await findFreePort();
  const taken = join(folder, 'taken');
  writeFileSync(
    join(folder, 'rsyslog.conf'),
    `global(workDirectory="${folder}" maxMessageSize="1m" defaultNetstreamDriver="gtls"
  defaultNetstreamDriverCAFile="${certificate}" defaultNetstreamDriverCertFile="${certificate}" defaultNetstreamDriverKeyFile="${key}")
module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon")
input(type="imtcp" address="127.0.0.1" port="${port}")
template(name="message" type="string" string="%procid% %msgid% %msg%\\n")
action(type="omfile" file="${taken}" template="message")
`,
  );
  const start = () =>
    spawn(rsyslogd, ['-n', '-f', join(folder, 'rsyslog.conf'), '-i', join(folder, 'pid')], { stdio: 'ignore' });
  let running = start();
  t.after(() => running.kill('SIGKILL'));
  const lines = () =>
    existsSync(taken)
      ? readFileSync(taken, 'utf8')
          .split('\n')
          .filter((line) => line !== '')
      : [];
  const world = await PushWorld.open(t);
  const feeds = feedTo(t, port, certificates);
  await world.send(feeds);
  await until('it is told', () => world.state.lag === 0);
  await until('it is written', () => lines().length >= world.changes().length);
  running.kill('SIGTERM');
  await once(running, 'exit');
  await world.people('2025-01', 'Zoe');
  await until('it is said', () => world.state.problem !== undefined);
  running = start();
  await until('it is told', () => world.state.lag === 0);
  await until('it is written', () => lines().length >= world.changes().length);
  const told = lines().map((line) => /^- (\S+) +(\{.*\})$/.exec(line) ?? assert.fail(line.slice(0, 200)));
  assert.deepEqual(
    told.map(([, id, body = '']) => [id, (JSON.parse(body) as { sequence: number }).sequence]),
    world.changes().map(({ stage, sequence }) => [stage, sequence]),
  );
});
