// Alerts by webhook: signed, and nowhere that is not allowed.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { AlertsWorld, settingsOf, until } from './alerts-world.ts';
import { assertSigned, SECRET, startReceiver } from './webhook-receiver.ts';

const SMTP = new URL('smtp://127.0.0.1:9');

function joiners(t: TestContext, address: string, secret = SECRET) {
  const yaml = `destinations: { hook: { webhook: "${address}", secret_file: secret } }
alerts: { joiners: { kind: changes, filter: { stages: [projection] }, within_minutes: 1, tell: [hook] } }\n`;
  return settingsOf(t, yaml, { secret: `${secret}\n` });
}

test('a webhook is posted once, signed as Standard Webhooks has it, with no value and no path in the log', async (t) => {
  const receiver = await startReceiver(t);
  const world = await AlertsWorld.open(t, SMTP);
  receiver.answer.status = 500;
  await world.watch(joiners(t, `http://127.0.0.1:${receiver.port}/secret-path`));
  await world.people('2024-01', 'Anne');
  await until('it was tried', () => receiver.received.length > 1);
  receiver.answer.status = 204;
  await until('it is told', () => world.events('alert-sent').length === 1);
  const [first, last] = [receiver.received[0], receiver.received.at(-1)];
  assert.ok(first && last);
  assert.equal(first.headers['webhook-id'], last.headers['webhook-id']);
  assertSigned(last);
  const told = JSON.parse(last.body) as { type: string; data: Record<string, unknown> };
  const raised = world.events('alert-raised')[0]?.sequence;
  assert.deepEqual([told.type, told.data.alert, told.data.occurrence], ['metatrail.alert', 'joiners', raised]);
  assert.doesNotMatch(last.body, /Anne|Sales/);
  assert.doesNotMatch(JSON.stringify([world.events(), world.said, world.alerts.list()]), /secret-path|whsec_/);
});

test('an address inside the network is not told unless it is allowed, whatever its name resolves to', async (t) => {
  const receiver = await startReceiver(t);
  const world = await AlertsWorld.open(t, SMTP);
  let expected = 0;
  for (const host of ['127.0.0.1', 'localhost']) {
    await world.watch(joiners(t, `http://${host}:${receiver.port}/`), ['10.0.0.0/8']);
    world.ahead += 120_000_000;
    await world.look();
    expected += 1;
    await world.people(`2024-0${expected}`, ...['Anne', 'Bob', 'Cid'].slice(0, expected));
    await until('it is given up', () => world.events('alert-failed').length === expected);
    assert.equal(world.events('alert-failed').at(-1)?.error, 'inside-address');
  }
  assert.equal(receiver.received.length, 0);
  assert.match(world.said[0] ?? '', /is an address inside the network, .* METATRAIL_SEND_INSIDE/);
});

test('a redirect is not followed, and what is gone is told no more', async (t) => {
  const [receiver, other] = [await startReceiver(t), await startReceiver(t)];
  const world = await AlertsWorld.open(t, SMTP);
  receiver.answer = { status: 307, headers: { location: `http://127.0.0.1:${other.port}/` } };
  await world.watch(joiners(t, `http://127.0.0.1:${receiver.port}/`));
  await world.people('2024-01', 'Anne');
  await until('it was tried', () => world.said.length > 1);
  assert.match(world.said[0] ?? '', /answered with a redirect \(307\), and none is followed\.$/);
  receiver.answer = { status: 410, headers: {} };
  await until('it is given up', () => world.events('alert-failed').length === 1);
  assert.equal(world.events('alert-failed')[0]?.error, 'gone');
  assert.equal(other.received.length, 0);
});

test('a secret that is none is said without being repeated', (t) => {
  assert.throws(() => joiners(t, 'https://example.org/', 'hunter2'), {
    name: 'ConfigurationError',
    message:
      /^(?!.*hunter2).*secret_file holds no secret, which is whsec_ and 24 to 64 bytes in base64 \(destinations\.hook\.secret_file\)$/,
  });
});
