// Who looked, over HTTP: who and from where, that nothing leaves before it is accepted, and what is no read.
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { createHttpApplication, listen } from '../api/http/server.ts';
import { SignIn } from '../api/sign-in.ts';
import type { Journal } from '../ingest/journal/journal.ts';
import { ApiWorld } from './api/world.ts';
import { limitFiles } from './file-size-limit.ts';

let world: ApiWorld;
let signIn: SignIn;
const servers: Server[] = [];

async function serve(proxies: readonly string[]): Promise<string> {
  const application = createHttpApplication({
    installation: world.installation,
    signIn,
    logger: pino({ level: 'silent' }),
    notReady: () => undefined,
    publicLog: false,
    webFolder: world.folder,
    proxies,
  });
  const server = await listen(application, '127.0.0.1', 0);
  servers.push(server);
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

let url: string;
before(async () => {
  world = await ApiWorld.open();
  world.hr('2024-01', [{ id: '1', name: 'Änne Müller', department: 'Sales', projects: 'Red' }]);
  await world.run('hr', 'full');
  await world.delivered();
  signIn = new SignIn(world.installation.log.journal);
  url = await serve([]);
});
after(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  await world.close();
});

const bearer = () => ({ authorization: `Bearer ${signIn.commandLineToken}` });

async function ask(query: string, headers: Record<string, string> = bearer(), at = url) {
  const response = await fetch(`${at}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query }),
  });
  return { status: response.status, text: await response.text() };
}

function reads() {
  return world.events().filter(({ stage }) => stage === 'read');
}

const lastRead = () => reads().at(-1);

test('the read says who: the person of a session, the command line by its token; and the address of the socket', async () => {
  const link = await fetch(`${url}/sign-in?token=${await signIn.createLink()}`, { redirect: 'manual' });
  const cookie = (link.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
  await ask('{ objectCount }', { cookie, 'x-metatrail': '1' });
  assert.deepEqual([lastRead()?.initiator, lastRead()?.address], ['local administrator', '127.0.0.1']);
  await ask('{ objectCount }');
  assert.deepEqual([lastRead()?.initiator, lastRead()?.address], ['command line', '127.0.0.1']);
});

test('what a client says of its address counts only when it comes from a proxy that is named', async () => {
  const forwarded = { ...bearer(), 'x-forwarded-for': '203.0.113.9, 192.0.2.1' };
  await ask('{ objectCount }', forwarded);
  assert.equal(lastRead()?.address, '127.0.0.1');
  await ask('{ objectCount }', forwarded, await serve(['192.0.2.0/24']));
  assert.equal(lastRead()?.address, '127.0.0.1', 'this client is no such proxy');
  await ask('{ objectCount }', forwarded, await serve(['127.0.0.1']));
  assert.equal(lastRead()?.address, '192.0.2.1', 'the first that is no proxy, from the right');
  await ask('{ objectCount }', forwarded, await serve(['127.0.0.0/8', '192.0.2.0/24']));
  assert.equal(lastRead()?.address, '203.0.113.9');
  await ask('{ objectCount }', { ...bearer(), 'x-forwarded-for': '::ffff:203.0.113.9' }, await serve(['127.0.0.1']));
  assert.equal(lastRead()?.address, '203.0.113.9', 'as IPv4, also from a socket of both kinds');
});

test('signing in and out, health, pages, and who is not signed in leave no read', async () => {
  const count = reads().length;
  const session = await fetch(`${url}/sign-in?token=${await signIn.createLink()}`, { redirect: 'manual' });
  const cookie = (session.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
  await fetch(`${url}/health/ready`);
  await fetch(`${url}/changes`);
  await fetch(`${url}/sign-in-link`, { method: 'POST', headers: bearer() });
  await ask('{ __typename log { size } reports { name } }');
  assert.equal((await ask('{ objectCount }', {})).status, 401);
  await fetch(`${url}/sign-out`, { method: 'POST', headers: { cookie, 'x-metatrail': '1' } });
  assert.equal(reads().length, count);
});

test('a report that is downloaded is a read', async () => {
  const response = await fetch(`${url}/reports/access.pdf?at=2024-03-31`, { headers: bearer() });
  assert.equal(response.status, 200);
  await response.arrayBuffer();
  const told = Object.fromEntries((lastRead()?.values ?? []).map((value) => [value.attribute, value.new]));
  assert.deepEqual(
    [lastRead()?.initiator, lastRead()?.address, told.question, told['parameter/report'], told['parameter/at']],
    ['command line', '127.0.0.1', 'report', 'access', '2024-03-31'],
  );
});

/** Batches are held back until they are let go: what is not accepted must not be answered. */
function holdJournal(journal: Journal): { waiting: () => number; release: () => void } {
  const { acceptFirst } = journal;
  const held: (() => void)[] = [];
  journal.acceptFirst = async (build) => {
    await new Promise<void>((resolve) => held.push(resolve));
    return acceptFirst.call(journal, build);
  };
  return {
    waiting: () => held.length,
    release: () => {
      journal.acceptFirst = acceptFirst;
      for (const go of held) go();
    },
  };
}

test('no byte of an answer or of a report leaves before its read is accepted', async () => {
  const answers = [
    () => ask('{ objects { name } }'),
    () => fetch(`${url}/reports/access.pdf?at=2024-03-31`, { headers: bearer() }),
    () => ask('mutation { removeHold(id: 0, who: "counsel", why: "closed") { id } }'),
  ];
  for (const answer of answers) {
    const hold = holdJournal(world.installation.log.journal);
    let answered = false;
    const asked = answer().finally(() => {
      answered = true;
    });
    while (hold.waiting() === 0) await sleep(5);
    await sleep(300);
    assert.equal(answered, false);
    assert.match((await ask('{ log { size } }')).text, /"size"/, 'how far the log is can be asked all the same');
    hold.release();
    assert.equal((await asked).status, 200);
  }
});

test('a question that its client gave up before it was answered is no read, and nothing of it leaves', async () => {
  const { clickhouse } = world.installation.log;
  const { select } = clickhouse;
  const count = reads().length;
  const reached = Promise.withResolvers<void>();
  const aborted = Promise.withResolvers<void>();
  clickhouse.select = async (_, __, ___, options) => {
    options?.signal?.addEventListener('abort', () => aborted.resolve());
    reached.resolve();
    await aborted.promise;
    return [];
  };
  const sent = request(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...bearer() },
  });
  sent.on('error', () => undefined);
  sent.end(JSON.stringify({ query: '{ objects { name } }' }));
  await reached.promise;
  sent.destroy();
  await aborted.promise;
  clickhouse.select = select;
  await ask('{ log { size } }');
  await sleep(200);
  assert.equal(reads().length, count);
});

test('when the disk of the journal is full, data questions are refused and say so; with space again they are answered', async (t) => {
  const limit = limitFiles(t);
  limit(statSync(path.join(world.installation.log.journal.folder, 'metatrail.sqlite-wal')).size);
  const { status, text } = await ask('{ objects { name } }');
  const report = await fetch(`${url}/reports/access.pdf?at=2024-03-31`, { headers: bearer() });
  limit('unlimited');
  assert.deepEqual([status, report.status], [200, 503]);
  assert.doesNotMatch(text, /Änne/);
  assert.match(text, /cannot record now that it was asked \(journal-full\)\..*"NOT_RECORDED"/);
  assert.match(await report.text(), /^The question was not answered, .*\(journal-full\)/);
  assert.match((await ask('{ objects { name } }')).text, /Änne Müller/);
});

// Last, for it closes the journal.
test('when the journal cannot accept, data questions are refused with a code and a sentence, and nothing of the data leaves', async () => {
  await world.installation.log.journal.close();
  const { text } = await ask('{ objects { name } objectCount }');
  assert.deepEqual(JSON.parse(text), {
    errors: [
      {
        message:
          'The question was not answered, for the log cannot record now that it was asked (journal-closed). The service was being stopped; nothing of this batch was accepted. Start it again.',
        extensions: { code: 'NOT_RECORDED' },
      },
    ],
  });
  const report = await fetch(`${url}/reports/access.pdf?at=2024-03-31`, { headers: bearer() });
  assert.equal(report.status, 503);
  assert.match(await report.text(), /^The question was not answered, .*\(journal-closed\)/);
  assert.equal((await fetch(`${url}/health/live`)).status, 200);
});
