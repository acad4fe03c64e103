// Alerts: what is found, that it is told once, and what the log says of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ROLES, type Role } from '../api/access/access.ts';
import { createMailDestination } from '../api/alerts/mail.ts';
import { type Counting, countChange, NOTHING_COUNTED, passTime } from '../api/alerts/window.ts';
import {
  AlertsWorld,
  factOf,
  HOUR,
  headerOf,
  MINUTE,
  settingsOf,
  startMailServer,
  unfolded,
  until,
} from './alerts-world.ts';

const MAIL = 'destinations: { security: { mail: [security@example.org] } }\n';
const joiners = (more = '') =>
  `${MAIL}alerts:\n  joiners: { kind: changes, filter: { stages: [projection] }, tell: [security]${more} }\n`;

test('an occurrence is raised, told once by mail and ended, and each of it is an event', async (t) => {
  const server = await startMailServer(t);
  const world = await AlertsWorld.open(t, server.url);
  await world.people('2024-01', 'Before');
  await world.watch(settingsOf(t, joiners(', severity: high')));
  await world.people('2024-02', 'Before', 'Anne Ash');
  await until('the mail is on record', () => world.events('alert-sent').length === 1);
  await world.people('2024-03', 'Before', 'Anne Ash', 'Bob Beech');
  const [raised] = world.events('alert-raised');
  const [sent] = world.events('alert-sent');
  assert.ok(raised && sent);
  const [, first] = world.api.sequences(({ stage }) => stage === 'projection');
  assert.equal(factOf(raised, 'cause'), `change ${first}`);
  assert.deepEqual(raised.causes, [first]);
  assert.equal(factOf(raised, 'tell'), `security (mail 127.0.0.1:${server.port})`);
  assert.deepEqual(sent.causes, [raised.sequence]);
  assert.equal(factOf(sent, 'occurrence'), String(raised.sequence));
  assert.equal(factOf(sent, 'destination'), 'security');
  const [mail = ''] = server.mails;
  assert.equal(headerOf(mail, 'Subject'), `[high] joiners: occurrence ${raised.sequence}`);
  assert.ok(unfolded(mail).includes(`https://log.example.org/changes/${first}`), mail);
  assert.ok(!/Anne|Ash/.test(unfolded(mail)), 'no name is told');
  // It goes on: that is no new occurrence.
  const [open] = world.alerts.list()[0]?.occurrences ?? [];
  assert.deepEqual([open?.count, open?.endedAt, server.mails.length], [2, undefined, 1]);
  assert.equal(world.alerts.countOpen().get('joiners'), 1);
  world.ahead += 61 * MINUTE;
  await world.look();
  assert.ok(world.alerts.list()[0]?.occurrences[0]?.endedAt);
  await world.people('2024-04', 'Before', 'Anne Ash', 'Bob Beech', 'Cid Cedar');
  await until('the second is told', () => server.mails.length === 2);
  assert.equal(world.events('alert-raised').length, 2);
});

test('what came while nothing was watching is found after a restart, and nothing is told twice', async (t) => {
  const server = await startMailServer(t);
  const world = await AlertsWorld.open(t, server.url);
  const settings = settingsOf(t, joiners());
  await world.watch(settings);
  await world.alerts.close();
  await world.people('2024-01', 'Anne', 'Bob');
  await world.api.delivered();
  for (let again = 0; again < 3; again++) {
    await world.watch(settings);
    await world.look();
    await until('it is told', () => world.events('alert-sent').length === 1);
  }
  assert.equal(world.alerts.list()[0]?.occurrences[0]?.count, 2);
  assert.deepEqual([world.events('alert-raised').length, server.mails.length], [1, 1]);
});

test('so many changes within a time are one occurrence; fewer are none, and each counts once', async (t) => {
  const server = await startMailServer(t);
  const world = await AlertsWorld.open(t, server.url);
  await world.watch(settingsOf(t, joiners(', at_least: 3, within_minutes: 10')));
  await world.people('2024-01', 'Anne', 'Bob');
  assert.equal(world.events().length, 0);
  await world.people('2024-02', 'Anne', 'Bob', 'Cid', 'Dora');
  await until('it is told', () => world.events('alert-sent').length === 1);
  const [occurrence] = world.alerts.list()[0]?.occurrences ?? [];
  const projected = world.api.sequences(({ stage }) => stage === 'projection');
  assert.deepEqual([occurrence?.count, occurrence?.first, occurrence?.last], [4, projected[0], projected[3]]);
  assert.equal(world.events('alert-raised')[0]?.causes[0], projected[2], 'it stands on the one that was one too many');
  world.ahead += 11 * MINUTE;
  await world.look();
  await world.people('2024-03', 'Anne', 'Bob', 'Cid', 'Dora', 'Eve', 'Fay');
  assert.equal(world.events('alert-raised').length, 1);
});

test('an occurrence is over when too few are left in the window, and those count for no other', () => {
  const rule = { atLeast: 3, within: 10 * MINUTE };
  let counting: Counting = NOTHING_COUNTED;
  const steps: [number, boolean][] = [
    ...([
      [0, false],
      [1, false],
      [8, true],
      [9, true],
    ] as [number, boolean][]),
    // Those of 8 and 9 are in the window still, and were told.
    ...([
      [11.5, false],
      [12, false],
      [13, true],
    ] as [number, boolean][]),
  ];
  for (const [minute, open] of steps) {
    const at = minute * MINUTE;
    counting = countChange(rule, passTime(rule, counting, at), [minute, at]);
    assert.equal(counting.open, open, `${minute}`);
  }
  assert.deepEqual(
    counting.counted.map(([sequence]) => sequence),
    [11.5, 12, 13],
  );
  assert.equal(passTime(rule, counting, 21.5 * MINUTE).open, false);
  assert.equal(passTime(rule, counting, 21.4 * MINUTE).open, true);
});

test('an alert whose filter is changed goes on where it was and counts anew', async (t) => {
  const server = await startMailServer(t);
  const world = await AlertsWorld.open(t, server.url);
  await world.watch(settingsOf(t, joiners(', at_least: 2')));
  await world.people('2024-01', 'Anne');
  await world.watch(settingsOf(t, joiners(', at_least: 3')));
  await world.people('2024-02', 'Anne', 'Bob', 'Cid');
  assert.equal(world.events().length, 0, 'Anne was counted by another rule');
  await world.people('2024-03', 'Anne', 'Bob', 'Cid', 'Dora');
  assert.equal(world.alerts.countOpen().get('joiners'), 1);
  await world.watch(settingsOf(t, joiners(', at_least: 4')));
  assert.equal(world.alerts.countOpen().get('joiners'), 0, 'what was open by another rule is over');
});

test('alerts do not set themselves off', async (t) => {
  const server = await startMailServer(t);
  const world = await AlertsWorld.open(t, server.url);
  const yaml = `${MAIL}alerts: { everything: { kind: changes, filter: {}, tell: [security] } }\n`;
  await world.watch(settingsOf(t, yaml));
  await world.people('2024-01', 'Anne');
  await until('it is told', () => world.events('alert-sent').length === 1);
  await world.look();
  const [found] = world.alerts.list()[0]?.occurrences ?? [];
  const told = world.api.sequences(({ stage, sequence }) => stage !== 'alert' && sequence >= (found?.first ?? 0));
  assert.equal(found?.count, told.length);
  for (let round = 0; round < 4; round++) {
    world.ahead += 61 * MINUTE;
    await world.look();
    // What is said of it once it is over is no change to be told of.
    if (round === 1) await world.alerts.acknowledge(found?.event ?? 0, { viewer: 'Ivy', why: 'seen' });
  }
  assert.equal(world.events('alert-raised').length, 1);
});

test('a destination that is away is told when it is back, and holds up no other', async (t) => {
  const [slow, quick] = [await startMailServer(t), await startMailServer(t)];
  const world = await AlertsWorld.open(t, slow.url);
  const yaml = `${MAIL}alerts:
  joiners: { kind: changes, filter: { stages: [projection] }, tell: [security] }
  flows: { kind: changes, filter: { stages: [import-flow] }, tell: [security] }\n`;
  await slow.stop();
  const settings = settingsOf(t, yaml);
  const mail = { server: quick.url, from: 'log@example.org' };
  const second = createMailDestination('second', ['second@example.org'], mail);
  await world.watch(
    { ...settings, alerts: settings.alerts.map((alert) => ({ ...alert, tell: ['security', 'second'] })) },
    [],
    [second],
  );
  await world.people('2024-01', 'Anne');
  await until('the other is told', () => world.events('alert-sent').length === 2);
  await until('it was tried', () => world.said.length > 2);
  assert.match(world.said[0] ?? '', /^The mail by 127\.0\.0\.1:\d+ cannot be sent \(\w+\)\.$/);
  assert.match(world.alerts.problemOf('security') ?? '', /cannot be sent/);
  assert.equal(world.alerts.problemOf('second'), undefined);
  assert.equal(quick.mails.length, 2);
  const back = await startMailServer(t, slow.port);
  await until('both are told', () => world.events('alert-sent').length === 4);
  assert.equal(back.mails.length, 2);
  assert.deepEqual(world.events('alert-failed'), []);
});

test('a destination that is slow keeps another from nothing', async (t) => {
  const [slow, quick] = [await startMailServer(t), await startMailServer(t)];
  slow.slowMs = 3000;
  const world = await AlertsWorld.open(t, slow.url);
  const second = createMailDestination('second', ['b@example.org'], { server: quick.url, from: 'log@example.org' });
  const settings = settingsOf(t, joiners());
  await world.watch(
    { ...settings, alerts: settings.alerts.map((each) => ({ ...each, tell: ['security', 'second'] })) },
    [],
    [second],
  );
  await world.people('2024-01', 'Anne');
  await until('the quick one is told', () => world.events('alert-sent').length === 1);
  assert.deepEqual([quick.mails.length, slow.mails.length], [1, 0]);
  await until('the slow one is told', () => world.events('alert-sent').length === 2);
});

test('what a destination refuses for good, and what is not told within three days, is an event', async (t) => {
  const server = await startMailServer(t);
  server.refuse = { code: 550, text: 'no such mailbox Anne Ash' };
  const world = await AlertsWorld.open(t, server.url);
  const settings = settingsOf(t, joiners());
  await world.watch(settings);
  await world.people('2024-01', 'Anne');
  await until('it is given up', () => world.events('alert-failed').length === 1);
  assert.equal(world.events('alert-failed')[0]?.error, 'mail-refused');
  assert.ok(
    world.said.every((sentence) => !sentence.includes('Anne')),
    'the words of a server are not said',
  );
  world.ahead += 2 * HOUR;
  await world.look();
  server.refuse = { code: 451, text: 'later' };
  await world.people('2024-02', 'Anne', 'Bob');
  await until('it is tried again and again', () => world.said.length > 4);
  assert.equal(world.events('alert-failed').length, 1);
  world.ahead += 73 * HOUR;
  await until('it is given up', () => world.events('alert-failed').length === 2);
  assert.equal(world.events('alert-failed')[1]?.error, 'away-for-three-days');
  server.refuse = undefined;
  // One whose destination the file does not name any more.
  world.ahead += 2 * HOUR;
  await world.look();
  server.refuse = { code: 451, text: 'later' };
  await world.people('2024-03', 'Anne', 'Bob', 'Cid');
  await world.watch({ ...settings, destinations: [] });
  await world.look();
  assert.equal(world.events('alert-failed')[2]?.error, 'destination-removed');
});

test('a person acknowledges an occurrence once, with a reason that stands in the log', async (t) => {
  const server = await startMailServer(t);
  const world = await AlertsWorld.open(t, server.url);
  await world.watch(settingsOf(t, joiners()));
  await world.people('2024-01', 'Anne');
  await until('it is told', () => world.events('alert-sent').length === 1);
  const id = world.events('alert-raised')[0]?.sequence ?? 0;
  await world.alerts.acknowledge(id, { viewer: 'Ivy', address: '192.0.2.1', why: 'it was the new class' });
  const [event] = world.events('alert-acknowledged');
  assert.ok(event);
  assert.deepEqual([event.initiator, event.address, event.causes], ['Ivy', '192.0.2.1', [id]]);
  assert.deepEqual([factOf(event, 'reason'), factOf(event, 'occurrence')], ['it was the new class', String(id)]);
  const again = { viewer: 'Otto', why: 'me too' };
  await assert.rejects(world.alerts.acknowledge(id, again), /is acknowledged already, by event \d+\.$/);
  await assert.rejects(world.alerts.acknowledge(7, again), /There is no occurrence 7 of an alert/);
  await world.look();
  const { alerts } = await world.api.data<{ alerts: { occurrences: { nodes: unknown[] } }[] }>(
    '{ alerts { name watched open unacknowledged occurrences(first: 5) { nodes { id count told { told host } acknowledged { by why } } } } }',
  );
  const [state] = alerts;
  // The installation's own alerts are none: what was found is told of all the same.
  assert.deepEqual(state, {
    ...{ name: 'joiners', watched: false, open: 1, unacknowledged: 0 },
    occurrences: {
      nodes: [
        {
          ...{ id, count: 1, told: [{ told: true, host: `127.0.0.1:${server.port}` }] },
          acknowledged: { by: 'Ivy', why: 'it was the new class' },
        },
      ],
    },
  });
});

test('a manager and an operator are told of no alert, and an auditor acknowledges none', async (t) => {
  const world = await AlertsWorld.open(t, (await startMailServer(t)).url);
  const ask = (role: Role, query: string) => world.api.installation.ask(query, {}, { viewer: 'x', roles: [role] });
  const acknowledge = 'mutation { acknowledgeAlert(occurrence: 1, why: "seen") { id } }';
  for (const role of ROLES) {
    const may = ['auditor', 'investigator', 'administrator'].includes(role);
    assert.equal((await ask(role, '{ alerts { name } }')).errors === undefined, may, role);
    const code = (await ask(role, acknowledge)).errors?.[0]?.extensions.code;
    assert.equal(code, ['investigator', 'administrator'].includes(role) ? 'BAD_USER_INPUT' : 'FORBIDDEN', role);
  }
});
