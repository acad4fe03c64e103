// Checkpoints sent out: over HTTP, into a file, by mail, with each destination really away, wrong or slow.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, truncateSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { readEnvironment } from '../api/environment.ts';
import type { Checkpoints } from '../ingest/checkpoints/checkpoints.ts';
import { createAppendFile } from '../ingest/checkpoints/publication/append-file.ts';
import type { Pace } from '../ingest/checkpoints/publication/courier.ts';
import { DeliveryError, type Destination } from '../ingest/checkpoints/publication/destination.ts';
import { createMail, MAIL_INTERVAL_MS } from '../ingest/checkpoints/publication/mail.ts';
import { createDestinations, Publication } from '../ingest/checkpoints/publication/publication.ts';
import { createWebhook } from '../ingest/checkpoints/publication/webhook.ts';
import { CheckpointWorld, tamper } from './checkpoint-world.ts';
import { afterwards, makeFolder } from './ingest-world.ts';
import { requireTool } from './require-tool.ts';

const QUICK: Pace = { firstPauseMs: 10, longestPauseMs: 40 };
const SIGNAL = new AbortController().signal;

interface Receiver {
  url: URL;
  bodies: string[];
  /** How many requests came. */
  requests: number;
  /** What it answers with; undefined: nothing at all. */
  answer: { status: number; headers?: Record<string, string> } | undefined;
  server: Server;
}

/** A server that keeps what is posted to it when it answers well. */
async function startReceiver(t: TestContext, port = 0): Promise<Receiver> {
  const receiver: Receiver = {
    url: new URL('http://127.0.0.1/'),
    bodies: [],
    requests: 0,
    answer: { status: 200 },
    server: createServer((request, response) => void receive(receiver, request, response)),
  };
  await new Promise<void>((resolve) => receiver.server.listen(port, '127.0.0.1', resolve));
  receiver.url = new URL(`http://127.0.0.1:${(receiver.server.address() as AddressInfo).port}/secret-path`);
  afterwards(t, () => stop(receiver));
  return receiver;
}

async function receive(receiver: Receiver, request: IncomingMessage, response: ServerResponse): Promise<void> {
  receiver.requests += 1;
  const body = await text(request);
  const { answer } = receiver;
  if (!answer) return;
  if (answer.status === 200) receiver.bodies.push(body);
  response.writeHead(answer.status, answer.headers).end();
}

function stop({ server }: Receiver): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function publish(t: TestContext, checkpoints: Checkpoints, ...destinations: Destination[]): Publication {
  const publication = new Publication(checkpoints, destinations, QUICK);
  afterwards(t, () => publication.close());
  return publication;
}

/** Waits until it is so, for ten seconds at most. */
async function until(what: string, isSo: () => boolean): Promise<void> {
  for (let turn = 0; !isSo(); turn++) {
    assert.ok(turn < 1000, `it never came to be that ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function signNext(world: CheckpointWorld): Promise<string> {
  await world.grow(1);
  return (await world.checkpoints.current()).note;
}

test('each checkpoint is posted, in order, and what became of it is kept', async (t) => {
  const world = await CheckpointWorld.open(t);
  const receiver = await startReceiver(t);
  const first = await signNext(world);
  const publication = publish(t, world.checkpoints, createWebhook(receiver.url));
  const notes = [first];
  for (let i = 0; i < 5; i++) notes.push(await signNext(world));
  await until('all are there', () => receiver.bodies.length === 6);
  assert.deepEqual(receiver.bodies, notes);
  const name = `webhook ${receiver.url.origin}`;
  await until('the last is on record', () => publication.outside?.size === 6);
  const [status] = publication.status;
  assert.deepEqual([status?.destination, status?.sent?.size, status?.problem], [name, 6, undefined]);
  assert.ok((publication.outside?.at ?? 0) > 1_700_000_000_000_000);
  assert.ok(!name.includes('secret-path'));
});

test('a receiver that is away, refuses or is silent gets everything later, nothing twice in a row, and the log goes on', async (t) => {
  const world = await CheckpointWorld.open(t);
  const receiver = await startReceiver(t);
  const said: string[] = [];
  const publication = publish(t, world.checkpoints, createWebhook(receiver.url));
  publication.onFailed((message) => said.push(message));
  receiver.answer = { status: 503 };
  const notes = [await signNext(world)];
  await until('it was refused some times', () => said.length >= 3);
  for (let i = 0; i < 4; i++) notes.push(await signNext(world));
  assert.match(publication.status[0]?.problem ?? '', /^The webhook http:\/\/127\.0\.0\.1:\d+ answered 503\.$/);
  assert.equal(publication.outside, undefined);
  const delivery = world.checkpoints.reader.lastDelivery(`webhook ${receiver.url.origin}`);
  assert.deepEqual([delivery?.state, delivery?.size], ['failed', 1]);
  assert.ok((delivery?.attempts ?? 0) >= 3);
  const { port } = receiver.server.address() as AddressInfo;
  await stop(receiver);
  await until('it is away', () => said.some((message) => message.includes('cannot be reached (ECONNREFUSED)')));
  const again = await startReceiver(t, port);
  await until('all are there', () => again.bodies.length === 5);
  assert.deepEqual(again.bodies, notes);
  await until('there is no problem any more', () => publication.status[0]?.problem === undefined);
});

test('what was sent while the clock was ahead holds up nothing once it is set back', async (t) => {
  const world = await CheckpointWorld.open(t);
  const receiver = await startReceiver(t);
  const daily: Destination = { ...createWebhook(receiver.url), takes: 'newest', leastIntervalMs: 50 };
  await signNext(world);
  const at = (Date.now() + 365 * 24 * 3600 * 1000) * 1000;
  const { name: destination } = daily;
  await world.checkpoints.record([
    { kind: 'delivery', destination, size: 1, state: 'sent', attempts: 1, at, error: undefined },
  ]);
  const note = await signNext(world);
  publish(t, world.checkpoints, daily);
  await until('the second is there', () => receiver.bodies.includes(note));
});

test('a redirect is not followed', async (t) => {
  const [world, other, receiver] = [await CheckpointWorld.open(t), await startReceiver(t), await startReceiver(t)];
  for (const status of [301, 302, 303, 307, 308]) {
    receiver.answer = { status, headers: { location: other.url.href } };
    await signNext(world);
    const [kept] = [world.checkpoints.newest()];
    assert.ok(kept);
    await assert.rejects(
      createWebhook(receiver.url).send(kept, SIGNAL),
      /answered with a redirect \(30\d\), and none is followed/,
    );
  }
  assert.equal(other.requests, 0);
});

test('a destination that fails goes on after a restart where it was; a new one begins with the newest', async (t) => {
  const world = await CheckpointWorld.open(t);
  const receiver = await startReceiver(t);
  const webhook = createWebhook(receiver.url);
  await signNext(world);
  const second = await signNext(world);
  receiver.answer = { status: 500 };
  const before = new Publication(world.checkpoints, [webhook], QUICK);
  await until('it was tried', () => world.checkpoints.reader.lastDelivery(webhook.name) !== undefined);
  const third = await signNext(world);
  await before.close();
  await world.close();
  receiver.answer = { status: 200 };
  const again = await CheckpointWorld.open(t, world.folder);
  publish(t, again.checkpoints, webhook);
  await until('both are there', () => receiver.bodies.length === 2);
  assert.deepEqual(receiver.bodies, [second, third]);
});

test('what was signed at the end is sent before the end; a receiver that is silent does not hold that up', async (t) => {
  const world = await CheckpointWorld.open(t);
  const receiver = await startReceiver(t);
  const publication = new Publication(world.checkpoints, [createWebhook(receiver.url)], QUICK);
  await world.grow(1);
  await world.checkpoints.signLast();
  await publication.close();
  assert.equal(receiver.bodies.length, 1);
  receiver.answer = undefined;
  const silent = new Publication(world.checkpoints, [createWebhook(receiver.url)], QUICK);
  await signNext(world);
  const before = performance.now();
  await silent.close();
  assert.ok(performance.now() - before < 8000);
  assert.equal(receiver.requests, 2);
});

test('each checkpoint is appended to a file, once, also after a crash between writing and remembering', async (t) => {
  const world = await CheckpointWorld.open(t);
  const file = path.join(makeFolder(t), 'checkpoints.txt');
  const publication = new Publication(world.checkpoints, [createAppendFile(file)], QUICK);
  const notes = [await signNext(world), await signNext(world), await signNext(world)];
  await until('three are there', () => publication.outside?.size === 3);
  await publication.close();
  await world.close();
  const whole = notes.map((note) => `${note}\n`).join('');
  assert.equal(readFileSync(file, 'utf8'), whole);
  // It was written, and the machine stopped before that was remembered.
  tamper(world.folder, 'DELETE FROM checkpoint_deliveries WHERE size = 3');
  const again = await CheckpointWorld.open(t, world.folder);
  const next = publish(t, again.checkpoints, createAppendFile(file));
  await until('it is remembered', () => next.outside?.size === 3);
  assert.equal(readFileSync(file, 'utf8'), whole);
  // Half of a note is there: the next begins on a line of its own.
  await next.close();
  truncateSync(file, whole.length - 40);
  const kept = again.checkpoints.at(3);
  assert.ok(kept);
  await createAppendFile(file).send(kept, SIGNAL);
  assert.ok(readFileSync(file, 'utf8').endsWith(`\n\n${notes[2]}\n`));
});

test('a file that cannot be written is a sentence', async (t) => {
  const folder = makeFolder(t);
  const kept = { size: 1, note: 'note' };
  mkdirSync(path.join(folder, 'folder'));
  for (const [name, code] of [
    ['folder', 'EISDIR'],
    ['nowhere/file', 'ENOENT'],
  ])
    await assert.rejects(
      createAppendFile(path.join(folder, name ?? '')).send(kept, SIGNAL),
      new DeliveryError(`The file ${path.join(folder, name ?? '')} cannot be written (${code}).`),
    );
});

/** A key and a certificate for 127.0.0.1 that nobody believes, and how to believe it until the test ends. */
function makeCertificate(t: TestContext): { key: Buffer; cert: Buffer; believe: () => void } | undefined {
  const openssl = requireTool(t, 'openssl');
  if (openssl === undefined) return undefined;
  const folder = makeFolder(t);
  const [keyFile, certificate] = [path.join(folder, 'key.pem'), path.join(folder, 'certificate.pem')];
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const making = [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    '-keyout',
    keyFile,
    '-out',
    certificate,
  ];
  execFileSync(openssl, [...making, ...subject], { stdio: 'pipe' });
  const [key, cert] = [readFileSync(keyFile), readFileSync(certificate)];
  const believe = () => {
    const before = getCACertificates('default');
    setDefaultCACertificates([...before, cert.toString()]);
    afterwards(t, () => setDefaultCACertificates(before));
  };
  return { key, cert, believe };
}

test('a webhook over https is believed by its certificate, and only by that', async (t) => {
  const certificate = makeCertificate(t);
  if (!certificate) return;
  const bodies: string[] = [];
  const server = createSecureServer(certificate, (request, response) => {
    void text(request).then((body) => {
      bodies.push(body);
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  afterwards(t, () => server.close());
  const webhook = createWebhook(new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}/`));
  const kept = { size: 1, note: 'the note\n' };
  await assert.rejects(webhook.send(kept, SIGNAL), /cannot be reached \(DEPTH_ZERO_SELF_SIGNED_CERT\)\.$/);
  certificate.believe();
  await webhook.send(kept, SIGNAL);
  assert.deepEqual(bodies, ['the note\n']);
});

interface MailServer {
  url: URL;
  mails: string[];
  recipients: string[][];
}

async function startMailServer(t: TestContext, options: SMTPServerOptions = {}): Promise<MailServer> {
  const received: MailServer = { url: new URL('smtp://127.0.0.1'), mails: [], recipients: [] };
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    ...options,
    onData(stream, session, done) {
      text(stream).then((mail) => {
        received.mails.push(mail);
        received.recipients.push(session.envelope.rcptTo.map(({ address }) => address));
        done();
      }, done);
    },
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  afterwards(t, () => new Promise<void>((resolve) => void server.close(() => resolve())));
  const { port } = server.server.address() as AddressInfo;
  received.url = new URL(`smtp://127.0.0.1:${port}`);
  return received;
}

/** The file that a mail has attached, decoded. */
function readAttachment(mail: string): string {
  const [, encoded = ''] = /filename="?checkpoint-\d+\.note"?[\s\S]*?\r\n\r\n([A-Za-z0-9+/=\r\n]+)/.exec(mail) ?? [];
  return Buffer.from(encoded, 'base64').toString();
}

test('the newest checkpoint goes out by mail, the note whole, and not again before a day is over', async (t) => {
  const world = await CheckpointWorld.open(t);
  const server = await startMailServer(t);
  await signNext(world);
  const note = await signNext(world);
  const settings = { server: server.url, from: 'log@example.org', to: 'auditor@example.org, second@example.org' };
  const publication = publish(t, world.checkpoints, createMail(settings, world.journal.log));
  await until('it is sent', () => publication.outside?.size === 2);
  await signNext(world);
  await signNext(world);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(server.mails.length, 1);
  assert.deepEqual(server.recipients, [['auditor@example.org', 'second@example.org']]);
  assert.match(server.mails[0] ?? '', new RegExp(`Subject: Checkpoint of ${world.journal.log}: 2 events`));
  assert.equal(readAttachment(server.mails[0] ?? ''), note);
  // A day later.
  await publication.close();
  await world.close();
  tamper(world.folder, `UPDATE checkpoint_deliveries SET at = at - ${MAIL_INTERVAL_MS * 1000}`);
  const again = await CheckpointWorld.open(t, world.folder);
  const next = publish(t, again.checkpoints, createMail(settings, world.journal.log));
  await until('the newest is sent', () => next.outside?.size === 4);
  assert.equal(server.mails.length, 2);
});

test('a mail server that refuses is a code, and neither the password nor an address', async (t) => {
  const server = await startMailServer(t, {
    onRcptTo: (_, __, done) => done(Object.assign(new Error('no such person'), { responseCode: 550 })),
  });
  const kept = { size: 1, note: 'note' };
  const mail = createMail({ server: server.url, from: 'log@example.org', to: 'nobody@example.org' }, 'log');
  await assert.rejects(
    mail.send(kept, SIGNAL),
    new DeliveryError(`The mail by ${server.url.host} cannot be sent (EENVELOPE, answered 550).`),
  );
  const withPassword = new URL(server.url);
  withPassword.username = 'user';
  withPassword.password = 'hunter2-hunter2';
  const plain = createMail({ server: withPassword, from: 'log@example.org', to: 'a@example.org' }, 'log');
  assert.ok(!plain.name.includes('hunter2'));
  await assert.rejects(plain.send(kept, SIGNAL), (error) => {
    assert.ok(error instanceof DeliveryError);
    assert.match(error.message, /cannot be sent \(E[A-Z]+/);
    return !error.message.includes('hunter2');
  });
  assert.deepEqual(server.mails, []);
});

test('a mail server that wants a password gets it over TLS, and only after its certificate', async (t) => {
  const certificate = makeCertificate(t);
  if (!certificate) return;
  const passwords: (string | null | undefined)[] = [];
  const server = await startMailServer(t, {
    key: certificate.key,
    cert: certificate.cert,
    authOptional: false,
    disabledCommands: [],
    onAuth(auth, _, done) {
      passwords.push(auth.password);
      done(null, { user: auth.username });
    },
  });
  server.url.username = 'user';
  server.url.password = 'hunter2';
  const mail = createMail({ server: server.url, from: 'log@example.org', to: 'a@example.org' }, 'log');
  const kept = { size: 7, note: 'the note\n' };
  await assert.rejects(mail.send(kept, SIGNAL), /cannot be sent \(E[A-Z]+/);
  assert.deepEqual([passwords, server.mails], [[], []]);
  certificate.believe();
  await mail.send(kept, SIGNAL);
  assert.deepEqual(passwords, ['hunter2']);
  assert.equal(readAttachment(server.mails[0] ?? ''), 'the note\n');
});

test('the environment says where, and what is wrong with it is a sentence without any secret', () => {
  const vkey = 'witness.example/w1+ffffffff+BHk=';
  for (const [variables, said] of [
    [
      { METATRAIL_CHECKPOINT_WEBHOOK: 'http://example.com/token-1' },
      /^The environment variable METATRAIL_CHECKPOINT_WEBHOOK must be an https address/,
    ],
    [{ METATRAIL_CHECKPOINT_WEBHOOK: 'https://user:token-1@example.com/' }, /without user and password/],
    [{ METATRAIL_CHECKPOINT_WEBHOOK: 'token-1' }, /METATRAIL_CHECKPOINT_WEBHOOK must be/],
    [
      { METATRAIL_SMTP_URL: 'https://user:token-1@example.com' },
      /METATRAIL_SMTP_URL must be the address of a mail server/,
    ],
    [{ METATRAIL_CHECKPOINT_MAIL: 'nobody' }, /must be mail addresses/],
    [{ METATRAIL_CHECKPOINT_MAIL: 'a@b.c\nBcc: d@e.f' }, /must be mail addresses/],
    [{ METATRAIL_CHECKPOINT_MAIL: 'a@b.c' }, /needs METATRAIL_SMTP_URL and METATRAIL_MAIL_FROM/],
    [{ METATRAIL_WITNESSES: 'https://witness.example' }, /must name each witness by its address and its public key/],
    [{ METATRAIL_WITNESSES: `https://witness.example ${vkey}` }, /must name each witness/],
    [{ METATRAIL_CHECKPOINT_FILE: '' }, /is set but empty/],
  ] as [Record<string, string>, RegExp][])
    assert.throws(
      () => readEnvironment(variables),
      (error) => error instanceof Error && said.test(error.message) && !error.message.includes('token-1'),
      JSON.stringify(variables),
    );
  const { publication } = readEnvironment({
    METATRAIL_CHECKPOINT_WEBHOOK: 'https://example.com/hook',
    METATRAIL_CHECKPOINT_FILE: 'worm.txt',
    METATRAIL_CHECKPOINT_MAIL: 'a@b.c, d@e.f',
    METATRAIL_SMTP_URL: 'smtps://user:pw@mail.example',
    METATRAIL_MAIL_FROM: 'log@b.c',
  });
  assert.equal(publication.file, path.resolve('worm.txt'));
  assert.equal(publication.mail?.to, 'a@b.c, d@e.f');
});

test('every destination of the environment is one', async (t) => {
  const world = await CheckpointWorld.open(t);
  const { publication } = readEnvironment({
    METATRAIL_CHECKPOINT_WEBHOOK: 'https://example.com/hook',
    METATRAIL_CHECKPOINT_FILE: '/worm.txt',
    METATRAIL_CHECKPOINT_MAIL: 'a@b.c',
    METATRAIL_SMTP_URL: 'smtps://user:pw@mail.example',
    METATRAIL_MAIL_FROM: 'log@b.c',
  });
  const names = createDestinations(publication, world.checkpoints).map(({ name }) => name);
  assert.deepEqual(names, ['webhook https://example.com', 'file /worm.txt', 'mail by mail.example']);
});
