// Changes followed as they come, by the client of graphql-sse over HTTP, against the events of the journal itself.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import type { ChangeEvent } from '../ingest/event.ts';
import { liveHalfAYear } from './api/world.ts';
import { type Followed, follow, openWay, sequencesOf, until } from './live-world.ts';
import { bearer, HOUR, SignInWorld, withSession } from './sign-in-world.ts';

const FOLLOW = `subscription ($filter: ChangeFilter, $from: Sequence) {
  followChanges(filter: $filter, from: $from) { nodes { sequence stage } next watermark } }`;

const HEARTBEAT_MS = 200;
const pace = { heartbeatMs: HEARTBEAT_MS, patienceMs: 3000 };

const isChange = ({ stage, outcome }: ChangeEvent) =>
  stage !== 'read' && outcome !== 'state-begins' && outcome !== 'state-carried-forward';

const changesOf = (world: SignInWorld, is: (event: ChangeEvent) => boolean = () => true) =>
  world.api.sequences((event) => isChange(event) && is(event));

/** Reads of the subscription, in order: how many rows each says, and what became of it. */
const readsOf = (world: SignInWorld, question = 'followChanges') =>
  world.api
    .events()
    .filter(
      ({ stage, values }) => stage === 'read' && values.some((v) => v.attribute === 'question' && v.new === question),
    )
    .map(({ outcome, error, initiator, address, values }) => ({
      outcome,
      error,
      initiator,
      address,
      rows: values.find(({ attribute }) => attribute === 'rows')?.new,
    }));

/** Changes of a few people, so that there is something to follow. */
async function change(world: SignInWorld, round: number): Promise<void> {
  const people = Array.from({ length: 8 }, (_, index) => ({
    ...{ id: String(100 + index), name: `Person ${index}`, department: `D${round}`, by: 'carol' },
  }));
  world.api.hr(`${2030 + Math.floor(round / 12)}-${String((round % 12) + 1).padStart(2, '0')}`, people);
  await world.api.run('hr', 'full');
}

test('what is there is told first, then what comes, each once and in order, also after cuts at random moments', async (t) => {
  const world = await SignInWorld.open(t, pace);
  await liveHalfAYear(world.api);
  const way = await openWay(t, () => Number(new URL(world.url).port));
  const { secret } = await world.makeToken('reader', ['auditor']);
  const common = { url: way.url, headers: bearer(secret), query: FOLLOW, variables: { from: 0 } };
  const followers = [
    follow(common),
    follow({ ...common, by: 'last-event-id' }),
    follow({ ...common, variables: { from: 0, filter: { agent: 'hr' } } }),
  ];
  let cuts = 0;
  const timer = setInterval(() => {
    if (Math.random() < 0.3) {
      way.cut();
      cuts += 1;
    }
  }, 40);
  try {
    for (let round = 0; round < 6; round++) await change(world, round);
    await until(() => cuts > 5, 'more than five cuts');
  } finally {
    clearInterval(timer);
  }
  await world.api.delivered();
  const ofHr = changesOf(world, ({ agent }) => agent === 'hr');
  const wanted = [changesOf(world), changesOf(world), ofHr];
  const isTold = (each: Followed, index: number) => sequencesOf(each).length >= (wanted[index]?.length ?? 0);
  await until(() => followers.every(isTold), 'all is told');
  for (const each of followers) each.stop();
  assert.deepEqual(followers.map(sequencesOf), wanted);
  assert.deepEqual(world.api.reported, []);
});

test('that it was asked for is recorded before anything is told, and how much was told when it is over', async (t) => {
  const world = await SignInWorld.open(t, pace);
  await change(world, 0);
  await world.api.delivered();
  const { secret } = await world.makeToken('reader', ['auditor']);
  const common = { url: world.url, headers: bearer(secret), query: FOLLOW };
  const silent = follow(common);
  await until(() => silent.results.length > 0, 'the first message');
  // From now on: nothing of what was there before.
  assert.deepEqual(sequencesOf(silent), []);
  assert.deepEqual(readsOf(world), [
    { outcome: 'answered', error: undefined, initiator: 'token reader', address: '127.0.0.1', rows: '0' },
  ]);
  silent.stop();
  const told = follow({ ...common, variables: { from: 0, filter: { agent: 'hr' } } });
  const wanted = changesOf(world, ({ agent }) => agent === 'hr');
  await until(() => sequencesOf(told).length === wanted.length, 'all of hr');
  told.stop();
  await until(() => readsOf(world).length === 3, 'the last read');
  assert.deepEqual(
    readsOf(world).map(({ rows }) => rows),
    ['0', '0', String(wanted.length)],
  );
});

test('who may not follow is told so, and that they asked is a read', async (t) => {
  const world = await SignInWorld.open(t, pace);
  const { secret } = await world.makeToken('runner', ['operator']);
  const refused = follow({ url: world.url, headers: bearer(secret), query: FOLLOW });
  await refused.over;
  assert.equal(refused.results[0]?.errors?.[0]?.extensions?.code, 'FORBIDDEN');
  assert.deepEqual(
    readsOf(world).map(({ outcome, error }) => [outcome, error]),
    [['refused', 'forbidden']],
  );
});

test('a mistake in what is asked is said in a sentence, and ends it', async (t) => {
  const world = await SignInWorld.open(t, pace);
  const headers = world.commandLine;
  const cases: [string, Record<string, unknown>, RegExp][] = [
    [FOLLOW, { from: 9_000_000 }, /nobody was told to continue from 9000000/],
    [FOLLOW, { filter: { watermark: 3 } }, /would be an end/],
    [FOLLOW, { from: -1 }, /no sequence number/],
    ['subscription { followRun(run: 4) { result } }', {}, /There is no run 4/],
    ['subscription { followRun(run: 0) { result nothing } }', {}, /Cannot query field/],
    ['subscription { followChanges { next } followRun(run: 0) { result } }', {}, /only one top level field/],
  ];
  for (const [query, variables, message] of cases) {
    const { results, over } = follow({ url: world.url, headers, query, variables });
    await over;
    assert.match(results[0]?.errors?.[0]?.message ?? '', message);
    assert.equal(results[0]?.errors?.[0]?.extensions?.code, 'BAD_USER_INPUT', query);
  }
  const send = (more: Record<string, string>) =>
    world.send(
      'POST',
      '/graphql',
      { ...headers, 'content-type': 'application/json', ...more },
      JSON.stringify({ query: 'subscription { followChanges { next } }' }),
    );
  assert.equal((await send({ accept: 'application/json' })).status, 406);
  assert.equal((await send({ accept: 'text/event-stream', 'last-event-id': 'x' })).status, 400);
  const inProcess = await world.api.ask('subscription { followChanges { next } }');
  assert.match(inProcess.errors?.[0]?.message ?? '', /over HTTP/);
});

test('a token that is revoked, and a session that is over, end what they follow, also while nothing happens', async (t) => {
  const world = await SignInWorld.open(t, pace);
  const { id, secret } = await world.makeToken('reader', ['auditor']);
  const byToken = follow({ url: world.url, headers: bearer(secret), query: FOLLOW, retryAttempts: 0 });
  const cookie = await world.followLink();
  const bySession = follow({ url: world.url, headers: withSession(cookie), query: FOLLOW, retryAttempts: 0 });
  await until(() => byToken.results.length + bySession.results.length === 2, 'both follow');
  // The page that follows does not keep anybody signed in: it looks on for an hour, and no longer.
  await world.ask(`mutation { revokeToken(id: ${id}, why: "a test") { id } }`);
  await byToken.over;
  assert.equal(byToken.results.at(-1)?.errors?.[0]?.extensions?.code, 'TOKEN_REVOKED');
  world.pass(HOUR);
  await bySession.over;
  assert.equal(bySession.results.at(-1)?.errors?.[0]?.extensions?.code, 'UNAUTHENTICATED');
});

test('a client that reads nothing is cut off, and holds no more than a message or two', async (t) => {
  const world = await SignInWorld.open(t, { heartbeatMs: HEARTBEAT_MS, patienceMs: 1000 });
  await liveHalfAYear(world.api);
  // More than what the sockets of both sides take.
  const many = Array.from({ length: 60 }, (_, n) => `c${n}: causedBy { sequence stage values { attribute new old } }`);
  const body = JSON.stringify({
    query: `subscription { followChanges(from: 0) { nodes { sequence ${many.join(' ')} } next } }`,
  });
  const { hostname, port } = new URL(world.url);
  const before = readsOf(world).length;
  const socket = connect(Number(port), hostname);
  t.after(() => socket.destroy());
  socket.on('error', () => undefined);
  socket.pause();
  socket.write(
    `POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: ${world.commandLine.authorization}\r\naccept: text/event-stream\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  const { followers } = world.api.installation;
  await until(() => followers.count === 1, 'it follows');
  for (let round = 0; round < 12; round++) await change(world, round);
  await until(() => followers.count === 0, 'it is cut off', 30_000);
  await until(() => readsOf(world).length > before + 1, 'its last read');
  const told = readsOf(world).reduce((sum, { rows }) => sum + Number(rows), 0);
  assert.ok(told < changesOf(world).length, `${told} of ${changesOf(world).length} changes were made ready`);
});

test('one person follows ten things at once and no more, and what has ended makes room', async (t) => {
  const world = await SignInWorld.open(t, pace);
  const headers = world.commandLine;
  const all = Array.from({ length: 10 }, () => follow({ url: world.url, headers, query: FOLLOW }));
  await until(() => all.every(({ results }) => results.length > 0), 'ten follow');
  const sent = await world.send(
    'POST',
    '/graphql',
    { ...headers, 'content-type': 'application/json', accept: 'text/event-stream' },
    JSON.stringify({ query: FOLLOW }),
  );
  assert.equal(sent.status, 429);
  assert.match(sent.text, /TOO_MANY_SUBSCRIPTIONS/);
  const { secret } = await world.makeToken('reader', ['auditor']);
  const other = follow({ url: world.url, headers: bearer(secret), query: FOLLOW });
  await until(() => other.results.length > 0, 'another person follows');
  all[0]?.stop();
  const again = follow({ url: world.url, headers, query: FOLLOW });
  await until(() => again.results.length > 0, 'the tenth place is free');
  for (const each of [...all, other, again]) each.stop();
  await until(() => world.api.installation.followers.count === 0, 'all are gone');
});
