// A feed by webhook: every change in the order of the log, however often the receiver or the service is away, and nowhere that is
// not allowed.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { until } from './alerts-world.ts';
import { feedsOf, PushWorld } from './push-world.ts';
import { assertSigned, type Received, SECRET, startReceiver } from './webhook-receiver.ts';

interface Sent {
  id: string;
  sequence: string;
  type: string;
  data: { values?: { withheld?: boolean; attribute: string }[]; sequence: number };
}

const hook = (t: TestContext, port: number, more = 'format: changes, begin: 0') =>
  feedsOf(t, `feeds: { siem: { webhook: "http://127.0.0.1:${port}/secret-path", secret_file: s, ${more} } }\n`, {
    s: `${SECRET}\n`,
  });

const eventsOf = (received: readonly Received[]): Sent[] => received.flatMap(({ body }) => JSON.parse(body) as Sent[]);
const sequencesOf = (received: readonly Received[]): number[] =>
  eventsOf(received).map(({ sequence }) => Number(sequence));

test('a feed is sent whole and in order, signed, as CloudEvents, and goes on after a restart without telling twice', async (t) => {
  const receiver = await startReceiver(t);
  const world = await PushWorld.open(t);
  const feeds = hook(t, receiver.port);
  await world.send(feeds);
  await until('it is told', () => world.state.lag === 0);
  const before = world.changes();
  assert.ok(before.length > 100);
  assert.deepEqual(
    sequencesOf(receiver.received),
    before.map(({ sequence }) => sequence),
  );
  for (const each of receiver.received) {
    assertSigned(each);
    assert.equal(each.headers['content-type'], 'application/cloudevents-batch+json');
    assert.ok(each.body.length < 600_000);
  }
  const [first] = eventsOf(receiver.received);
  assert.match(first?.type ?? '', /^metatrail\.\w+/);
  await world.feeds.close();
  await world.people('2025-01', 'Zoe');
  await world.send(feeds);
  await until('the rest is told', () => world.state.lag === 0);
  assert.deepEqual(
    sequencesOf(receiver.received),
    world.changes().map(({ sequence }) => sequence),
  );
  assert.ok(world.changes().length > before.length);
  assert.doesNotMatch(JSON.stringify([world.api.events(), world.said]), /secret-path|whsec_/);
});

test('as OCSF it tells what its role sees, and one change may be several events', async (t) => {
  const receiver = await startReceiver(t);
  const world = await PushWorld.open(t);
  await world.send(hook(t, receiver.port, 'begin: 0'));
  await until('it is told', () => world.state.lag === 0);
  const sent = eventsOf(receiver.received);
  assert.equal(new Set(sent.map(({ id }) => id)).size, sent.length);
  assert.ok(sent.length > world.changes().length);
  assert.deepEqual(
    [...new Set(sent.map(({ sequence }) => Number(sequence)))],
    world.changes().map(({ sequence }) => sequence),
  );
  assert.ok(sent.every(({ type }) => /^metatrail\.ocsf\.300[1456]$/.test(type)));
});

test('a receiver that is away gets everything when it is back, the same batches under the same ids, and it is said once', async (t) => {
  const receiver = await startReceiver(t);
  const world = await PushWorld.open(t);
  receiver.answer.status = 503;
  await world.send(hook(t, receiver.port));
  await until('it was tried', () => receiver.received.length > 3);
  assert.ok(
    receiver.received.every(
      ({ body, headers }) =>
        body === receiver.received[0]?.body && headers['webhook-id'] === receiver.received[0].headers['webhook-id'],
    ),
  );
  assert.equal(world.said.length, 1);
  assert.match(world.said[0] ?? '', /^The feed siem waits: The webhook 127\.0\.0\.1:\d+ answered 503\.$/);
  assert.ok(world.state.lag >= world.changes().length);
  assert.equal(world.state.problem, world.said[0]);
  receiver.answer.status = 204;
  const tried = receiver.received.length;
  await until('it is told', () => world.state.lag === 0);
  assert.deepEqual(
    sequencesOf(receiver.received.slice(tried)).slice(-world.changes().length),
    world.changes().map(({ sequence }) => sequence),
  );
  assert.equal(world.state.problem, undefined);
});

test('what was taken when the service was cut off before it knew is told again under the same ids, and nothing is left out', async (t) => {
  const receiver = await startReceiver(t);
  const world = await PushWorld.open(t);
  const feeds = hook(t, receiver.port);
  // It has them, and its answer does not come through.
  receiver.answer.status = 500;
  await world.send(feeds);
  await until('it was tried', () => receiver.received.length > 0);
  await world.feeds.close();
  const taken = eventsOf(receiver.received.slice(0, 1));
  receiver.received.length = 0;
  receiver.answer.status = 204;
  await world.send(feeds);
  await until('it is told', () => world.state.lag === 0);
  const ids = eventsOf(receiver.received).map(({ id }) => id);
  assert.deepEqual(
    ids.slice(0, taken.length),
    taken.map(({ id }) => id),
  );
  assert.deepEqual(
    sequencesOf(receiver.received),
    world.changes().map(({ sequence }) => sequence),
  );
});

test('a new feed begins with what comes, a filter leaves out the rest, and one that was changed goes on where it is', async (t) => {
  const receiver = await startReceiver(t);
  const world = await PushWorld.open(t);
  await world.send(hook(t, receiver.port, 'format: changes, filter: { stages: [projection] }'));
  await until('it has begun', () => world.state.lag === 0);
  await world.people('2025-01', 'Zoe', 'Yan');
  await until('it is told', () => world.state.lag === 0);
  const isProjected = ({ stage }: { stage: string }) => stage === 'projection';
  const last = world
    .changes()
    .filter(isProjected)
    .slice(-2)
    .map(({ sequence }) => sequence);
  assert.deepEqual(sequencesOf(receiver.received), last);
  const [end] = [world.api.installation.log.journal.size];
  await world.send(hook(t, receiver.port, 'format: changes, filter: { stages: [join, import] }'));
  await world.people('2025-02', 'Zoe', 'Yan', 'Xia');
  await until('it is told', () => world.state.lag === 0);
  const later = world.changes().filter(({ stage, sequence }) => stage === 'import' && sequence >= end);
  assert.ok(later.length > 0);
  assert.deepEqual(
    sequencesOf(receiver.received.slice(1)),
    later.map(({ sequence }) => sequence),
  );
});

test('each page that is sent is a read of the feed, and reads do not make it send', async (t) => {
  const receiver = await startReceiver(t);
  const world = await PushWorld.open(t);
  await world.send(hook(t, receiver.port));
  await until('it is told', () => world.state.lag === 0);
  const reads = world.reads().filter(({ initiator }) => initiator === 'feed siem');
  assert.equal(reads.length, Math.ceil(world.changes().length / 1000));
  const [{ values } = assert.fail()] = reads;
  assert.ok(values.some(({ attribute, new: text }) => attribute === 'question' && text === 'changeFeed'));
  await world.api.delivered();
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.equal(world.reads().filter(({ initiator }) => initiator === 'feed siem').length, reads.length);
  assert.equal(world.state.lag, 0);
});

test('a feed goes nowhere inside that is not allowed, follows no redirect, and stops where its receiver is gone for good', async (t) => {
  const [receiver, other] = [await startReceiver(t), await startReceiver(t)];
  const world = await PushWorld.open(t);
  await world.send(hook(t, receiver.port), ['10.0.0.0/8']);
  await until('it is said', () => world.said.length === 1);
  assert.match(
    world.said[0] ?? '',
    /is an address inside the network, .* METATRAIL_SEND_INSIDE .* until the service is started again\.$/,
  );
  assert.equal(receiver.received.length, 0);
  receiver.answer = { status: 307, headers: { location: `http://127.0.0.1:${other.port}/` } };
  await world.send(hook(t, receiver.port));
  await until('it is said', () => world.said.length === 2);
  assert.match(world.said[1] ?? '', /answered with a redirect \(307\), and none is followed\.$/);
  receiver.answer = { status: 410, headers: {} };
  await until('it is said', () => world.said.length === 3);
  const tried = receiver.received.length;
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.deepEqual([receiver.received.length, other.received.length], [tried, 0]);
  assert.match(world.state.problem ?? '', /answered 410\. Nothing is sent there until the service is started again\.$/);
});

test('what is wrong in the file of the feeds is told with its line, and no secret with it', (t) => {
  const faults: [string, RegExp][] = [
    ['webhook: "https://a.example.org/", syslog: "b.example.org"', /needs either webhook or syslog/],
    ['format: changes', /needs either webhook or syslog/],
    ['webhook: "http://a.example.org/", secret_file: s', /must be an https address/],
    ['webhook: "https://a.example.org/"', /needs secret_file with webhook/],
    ['webhook: "https://a.example.org/", secret_file: none', /secret_file cannot be read \(ENOENT\)/],
    ['webhook: "https://a.example.org/", secret_file: bad', /secret_file holds no secret/],
    ['webhook: "https://a.example.org/", secret_file: s, ca_file: s', /only with syslog/],
    ['syslog: "b.example.org:0"', /a host and port such as/],
    ['syslog: "b.example.org/x"', /a host and port such as/],
    ['syslog: "b.example.org", key_file: s', /needs certificate_file and key_file together/],
    ['syslog: "b.example.org", ca_file: bad', /ca_file holds nothing in PEM/],
    ['syslog: "b.example.org", filter: { stages: [read] }', /not for the stage read/],
    ['syslog: "b.example.org", begin: yesterday', /expected "now" or a number/],
    ['syslog: "b.example.org", colour: red', /colour/],
  ];
  for (const [text, expected] of faults)
    assert.throws(
      () => feedsOf(t, `feeds:\n  siem: { ${text} }\n`, { s: SECRET, bad: 'hunter2' }),
      (error: Error) => {
        assert.equal(error.name, 'ConfigurationError');
        assert.match(error.message, expected);
        assert.match(error.message, /feeds\.yaml:2:\d+/);
        assert.doesNotMatch(error.message, /hunter2|whsec_\w/);
        return true;
      },
    );
});

test('the example of the page about feeds is one', (t) => {
  const page = readFileSync(join(import.meta.dirname, '../api/push/README.md'), 'utf8');
  const [, yaml = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
  const names = feedsOf(t, yaml.replace(/^ +ca_file:.*\n/m, ''), { 'siem.secret': SECRET }).map(({ name }) => name);
  assert.deepEqual(names, ['siem', 'collector']);
});
