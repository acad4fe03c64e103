// Each kind of alert, what its message holds, and what is told where the log accepts nothing any more.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { localAccess } from '../api/access/access.ts';
import { Alerts } from '../api/alerts/alerts.ts';
import { createDestinations } from '../api/alerts/destinations.ts';
import { readEnvironment } from '../api/environment.ts';
import { Installation } from '../api/installation.ts';
import { AddressCheck } from '../api/outgoing/address-check.ts';
import { LogError } from '../ingest/errors.ts';
import { LiveLog } from '../ingest/verify/live-log.ts';
import type { Report } from '../ingest/verify/report.ts';
import { verifyLog } from '../ingest/verify/verify-log.ts';
import { AlertsWorld, factOf, HOUR, headerOf, settingsOf, startMailServer, unfolded, until } from './alerts-world.ts';
import { liveHalfAYear } from './api/world.ts';
import { makeEvent } from './ingest-world.ts';
import { assertReplays } from './replayed-state.ts';

const MAIL = 'destinations: { security: { mail: [security@example.org] } }\n';
const alertsOf = (...lines: string[]) => `${MAIL}alerts:\n${lines.map((line) => `  ${line}\n`).join('')}`;

test('a leaver whose account stays open is one occurrence of each leave, until it is closed', async (t) => {
  const server = await startMailServer(t);
  const world = await AlertsWorld.open(t, server.url);
  await liveHalfAYear(world.api);
  await world.watch(
    settingsOf(t, alertsOf('leaver: { kind: open-leaver, hours: 24, left_within_days: 3660, tell: [security] }')),
  );
  await world.look();
  const [state] = world.alerts.list();
  const leavers = await world.api.data<{ people: { leavers: { change: number }[] } }>(
    '{ people(from: "2024-01-01T00:00:00Z", to: "2024-12-31T00:00:00Z") { leavers { change } } }',
  );
  const left = new Set(leavers.people.leavers.map(({ change }) => change));
  const open = state?.occurrences.filter(({ endedAt }) => endedAt === undefined) ?? [];
  assert.ok(open.length > 0 && open.every(({ first }) => left.has(first ?? -1)));
  await until('each is told', () => world.events('alert-sent').length === open.length);
  world.ahead += HOUR;
  await world.look();
  assert.equal(world.events('alert-raised').length, open.length, 'they are told once');
  // The badges of those who left in March are closed at last.
  await world.api.exportTo('badge', '2024-05-03T10:00:00Z', '2024-05-03T11:00:00Z');
  world.ahead += HOUR;
  await world.look();
  assert.equal(world.alerts.countOpen().get('leaver'), 0);
  assert.equal(world.events('alert-raised').length, open.length);
});

test('a log that is behind is told once, until it is not', async (t) => {
  const server = await startMailServer(t);
  const world = await AlertsWorld.open(t, server.url);
  await world.watch(settingsOf(t, alertsOf('behind: { kind: log-lag, events: 4000, tell: [security] }')));
  const { journal } = world.api.installation.log;
  for (const size of [5000, 5000]) {
    await journal.accept(() => ({
      events: Array.from({ length: size }, () => makeEvent({ stage: 'retention', outcome: 'set-aside' })),
      state: [],
    }));
    await world.alerts.look();
    await world.alerts.look();
    assert.equal(world.alerts.countOpen().get('behind'), 1);
    await world.look();
    assert.equal(world.alerts.countOpen().get('behind'), 0);
  }
  const raised = world.events('alert-raised');
  assert.equal(raised.length, 2);
  assert.ok(raised.every((event) => Number(factOf(event, 'count')) >= 4000));
});

async function check(world: AlertsWorld): Promise<Report> {
  const source = await LiveLog.open(world.api.installation.clickHouse);
  try {
    return await verifyLog(source);
  } finally {
    await source.close();
  }
}

test('a check that found faults is told, and is over when one finds none', async (t) => {
  const server = await startMailServer(t);
  const world = await AlertsWorld.open(t, server.url);
  await world.watch(
    settingsOf(t, alertsOf('altered: { kind: verification-failed, severity: critical, tell: [security] }')),
  );
  await world.people('2024-01', 'Anne');
  await world.api.installation.log.checkpoints.current();
  const good = await check(world);
  assert.equal(good.result, 'verified', JSON.stringify(good.unchecked));
  await world.alerts.noteCheck(good);
  assert.equal(world.alerts.countOpen().get('altered'), 0);
  await world.api.installation.log.clickhouse.command(
    "ALTER TABLE events UPDATE agent = 'forged' WHERE stage = 'projection' SETTINGS mutations_sync = 2",
  );
  const bad = await check(world);
  assert.equal(bad.result, 'faults');
  await world.alerts.noteCheck(bad);
  await world.alerts.noteCheck(bad);
  await until('it is told', () => world.events('alert-sent').length === 1);
  assert.match(headerOf(server.mails[0] ?? '', 'Subject'), /^\[critical\] altered/);
  assert.equal(factOf(world.events('alert-raised')[0] ?? assert.fail(), 'cause'), `check ${bad.size}`);
  await world.alerts.noteCheck(good);
  assert.equal(world.alerts.countOpen().get('altered'), 0);
  assert.equal(server.mails.length, 1);
});

test('where ClickHouse contradicts the log and nothing is accepted any more it is told all the same, once, and recorded later', async (t) => {
  const server = await startMailServer(t);
  const world = await AlertsWorld.open(t, server.url);
  const settings = settingsOf(t, alertsOf('altered: { kind: verification-failed, tell: [security] }'));
  await world.watch(settings);
  const { installation, folder } = world.api;
  const { log, engine } = installation;
  log.shipper.halt(new LogError('clickhouse-different', 'A row is another.'));
  await assert.rejects(log.journal.acceptFirst(() => ({ events: [], state: [{ kind: 'x', key: 'x', value: 1 }] })));
  await world.alerts.look();
  await until('it is told', () => server.mails.length === 1);
  assert.match(unfolded(server.mails[0] ?? ''), /The log accepts nothing now/);
  await world.watch(settings);
  await world.alerts.look();
  assert.equal(world.alerts.countOpen().get('altered'), 1);
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(server.mails.length, 1, 'a restart tells nobody again');
  await world.alerts.close();
  await installation.close();
  const again = await Installation.open(
    readEnvironment({ METATRAIL_DATA: join(folder, 'data') }),
    engine.configuration,
  );
  try {
    const destinations = createDestinations(
      settings.destinations,
      { server: server.url, from: 'a@b.org' },
      new AddressCheck([]),
    );
    const alerts = new Alerts({
      log: again.log,
      alerts: settings.alerts,
      destinations,
      context: (access) => again.context(access),
    });
    alerts.start(new URL('http://localhost/'));
    await alerts.look();
    await alerts.close();
    const [occurrence] = alerts.list()[0]?.occurrences ?? [];
    assert.equal(occurrence?.cause, 'clickhouse-different');
    assert.ok(occurrence.told[0]?.event === occurrence.event + 1 && occurrence.endedAt !== undefined);
    assert.equal(server.mails.length, 1);
  } finally {
    await again.close();
    await assertReplays(join(folder, 'data'));
  }
});

test('values are told only where the file says so, as far as the role is told them, and in no header', async (t) => {
  const server = await startMailServer(t);
  const world = await AlertsWorld.open(t, server.url);
  const filter = '{ stages: [import-flow], attribute: department }';
  await world.watch(
    settingsOf(
      t,
      alertsOf(
        `silent: { kind: changes, filter: ${filter}, tell: [security] }`,
        `seen: { kind: changes, filter: ${filter}, tell: [security], values: true }`,
        `all: { kind: changes, filter: ${filter}, tell: [security], values: true, as: investigator }`,
      ),
    ),
  );
  await world.people('2024-01', 'Anne%0ABcc: x@evil.example Ash');
  await until('all are told', () => world.events('alert-sent').length === 3);
  const mailOf = (name: string) =>
    unfolded(server.mails.find((mail) => headerOf(mail, 'Subject').includes(name)) ?? '');
  assert.doesNotMatch(mailOf('silent'), /Anne|Sales/);
  assert.match(mailOf('seen'), /Anne/);
  assert.match(mailOf('seen'), /department: withheld/);
  assert.doesNotMatch(mailOf('seen'), /Sales/);
  assert.match(mailOf('all'), /department: .*"Sales"/);
  for (const mail of server.mails) {
    assert.doesNotMatch(headerOf(mail, 'Subject'), /Anne|Sales/);
    assert.equal(headerOf(mail, 'Bcc'), '');
  }
  const kept = JSON.stringify(world.alerts.list());
  assert.doesNotMatch(kept, /Anne|Sales/, 'nothing of a person is kept');
});

test('of somebody who is erased before a message is sent it tells nothing', async (t) => {
  const server = await startMailServer(t);
  const world = await AlertsWorld.open(t, server.url);
  const settings = settingsOf(
    t,
    alertsOf(
      'zed: { kind: changes, filter: { stages: [projection, import-flow], agent: agency }, tell: [security], values: true }',
    ),
  );
  server.refuse = { code: 451, text: 'later' };
  await world.watch(settings);
  world.api.csv('agency.csv', ['key', 'name'], [{ key: 'z9', name: 'Zed Zebra' }]);
  await world.api.run('agency', 'full');
  await world.look();
  assert.equal(world.events('alert-raised').length, 1);
  const zed = world.api.id('Zed Zebra');
  assert.ok(!JSON.stringify(world.alerts.list()).includes(zed), 'not even the id is kept');
  world.api.csv('agency.csv', ['key', 'name'], []);
  await world.api.run('agency', 'full');
  const erase = 'mutation ($id: ID!) { erase(object: $id, who: "officer", why: "request") { event } }';
  const erased = await world.api.installation.ask(erase, { id: zed }, localAccess('officer'));
  assert.equal(erased.errors, undefined, JSON.stringify(erased.errors));
  // One that was under way may be sent still.
  const attempts = world.said.length;
  await until('it was tried again since', () => world.said.length > attempts + 1);
  server.refuse = undefined;
  await until('it is told', () => server.mails.length === 1);
  assert.doesNotMatch(unfolded(server.mails[0] ?? ''), /Zed|Zebra|z9/);
  assert.match(unfolded(server.mails[0] ?? ''), /projection/);
});

test('what is wrong in the file is said with its place, its alert and its key, and nothing starts', (t) => {
  const faulty: [string, RegExp][] = [
    [
      alertsOf('a: { kind: changes, tell: [security] }'),
      /alerts\.yaml:3:\d+: expected a map, and it is missing \(alerts\.a\.filter\)/,
    ],
    [
      alertsOf('a: { kind: changes, filter: { run: 3 }, tell: [security] }'),
      /the key run is not known here \(alerts\.a\.filter\)/,
    ],
    [
      alertsOf('a: { kind: nothing, tell: [security] }'),
      /expected "changes" or .*"verification-failed" \(alerts\.a\.kind\)/,
    ],
    [alertsOf('a: { kind: log-lag, tell: [security] }'), /needs events or seconds, or both/],
    [
      alertsOf('a: { kind: verification-failed, tell: [nobody] }'),
      /the alert a tells nobody, which is none of the destinations/,
    ],
    [alertsOf('a: { kind: changes, filter: {}, at_least: 0, tell: [security] }'), /at least 1 \(alerts\.a\.at_least\)/],
    [alertsOf('"a\\r\\nBcc: x": { kind: verification-failed, tell: [security] }'), /a word of small letters/],
    [
      'destinations: { m: { mail: ["a@b.org\\r\\nBcc: x@y.org"] } }\nalerts: {}\n',
      /a mail address such as security@example\.org/,
    ],
    ['destinations: { w: { webhook: "https://example.org/" } }\nalerts: {}\n', /needs secret_file with webhook/],
    [
      'destinations: { w: { webhook: "https://u:p@example.org/", secret_file: s } }\nalerts: {}\n',
      /must be an https address without user and password \(http to this machine only\)/,
    ],
    [
      'destinations: { w: { webhook: "https://example.org/", secret_file: s } }\nalerts: {}\n',
      /secret_file cannot be read \(ENOENT\)/,
    ],
    ['- x\n', /expected a map/],
  ];
  for (const [yaml, message] of faulty)
    assert.throws(() => settingsOf(t, yaml), { name: 'ConfigurationError', message }, yaml);
});

test('the example of the documentation is a file of alerts', (t) => {
  const readme = readFileSync(new URL('../api/alerts/README.md', import.meta.url), 'utf8');
  const [, yaml = ''] = /```yaml alerts\n([\s\S]*?)```/.exec(readme) ?? [];
  const { alerts, destinations } = settingsOf(t, yaml, {
    'siem-secret': `whsec_${Buffer.alloc(24).toString('base64')}`,
  });
  assert.deepEqual(
    [...new Set(alerts.map(({ kind }) => kind))],
    ['changes', 'open-leaver', 'log-lag', 'verification-failed'],
  );
  assert.equal(destinations.length, 2);
});
