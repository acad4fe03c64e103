// Who had access to what, how long leavers kept it, and the figures of the overview: each computed by hand from the
// half year that the world lives (test/api/world.ts).

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { localAccess } from '../api/access/access.ts';
import { findEmployments, type PeopleRules } from '../api/queries/employment.ts';
import { type EntitlementFilter, findHoldings } from '../api/queries/entitlements.ts';
import { findLeavers, summariseDelays } from '../api/queries/leavers.ts';
import { countObjects, countTurnover } from '../api/queries/overview.ts';
import type { Leaver } from '../api/queries/results.ts';
import { formatIso } from '../ingest/clock.ts';
import type { EventValue } from '../ingest/event.ts';
import { ApiWorld, instant, liveHalfAYear } from './api/world.ts';

let world: ApiWorld;
before(async () => {
  world = await ApiWorld.open();
  await liveHalfAYear(world);
});
after(() => world.close());

async function holdings(at: string, filter: EntitlementFilter = {}, watermark = world.queries.watermark) {
  const { holdings: found } = await findHoldings({ ...world.queries, watermark }, instant(at), filter);
  return found;
}

async function holdersOf(group: string, at: string, agent?: string, watermark?: number): Promise<string[]> {
  const found = await holdings(at, { entitlement: world.id(group), agent }, watermark);
  return found.map(({ holder, since }) => `${holder.name} since ${formatIso(since)}`).sort();
}

const GRANTED = 'since 2024-02-02T10:00:00.000001Z';

test('a group has its members from the microsecond of the export to that of the next', async () => {
  const three = [`Bob Beech ${GRANTED}`, `Cid Cedar ${GRANTED}`, `Änne Schmidt ${GRANTED}`];
  assert.deepEqual(await holdersOf('Red', '2024-02-02T10:00:00Z'), []);
  assert.deepEqual(await holdersOf('Red', '2024-02-02T10:00:00.000001Z'), three);
  assert.deepEqual(await holdersOf('Red', '2024-04-02T09:59:59.999999Z'), three);
  assert.deepEqual(await holdersOf('Red', '2024-04-02T10:00:00Z'), [`Änne Schmidt ${GRANTED}`]);
});

test('who is put back holds the group from then on', async () => {
  assert.deepEqual(await holdersOf('Blue', '2024-05-02T10:00:00Z'), [
    'Eve Elm since 2024-05-02T10:00:00.000000Z',
    `Änne Schmidt ${GRANTED}`,
  ]);
});

test('the metaverse has its own instants, and is asked for by the agent without a name', async () => {
  const since = 'since 2024-01-31T23:59:59.999999Z';
  assert.deepEqual(await holdersOf('Red', '2024-01-31T23:59:59.999998Z', ''), []);
  assert.deepEqual(
    await holdersOf('Red', '2024-01-31T23:59:59.999999Z', ''),
    [`Bob Beech ${since}`, `Cid Cedar ${since}`, `Änne Schmidt ${since}`].map((line) =>
      line.replace('Schmidt', 'Schmidt'),
    ),
  );
  assert.deepEqual(await holdersOf('Red', '2024-03-31T23:59:59.999999Z', ''), [`Änne Schmidt ${since}`]);
  assert.deepEqual(await holdersOf('Red', '2024-03-01T00:00:00Z', 'badge'), []);
});

test('what was not known at the watermark has not happened, and nobody is called by a later name', async () => {
  const revoked = world.sequences(
    ({ stage, outcome, anchor }) => stage === 'export' && outcome === 'export-update' && anchor === 'Red',
  );
  const married = world.sequences(({ objectName }) => objectName === 'Änne Schmidt');
  assert.deepEqual(await holdersOf('Red', '2024-04-10T00:00:00Z', 'directory', revoked.at(-1)), [
    `Bob Beech ${GRANTED}`,
    `Cid Cedar ${GRANTED}`,
    `Änne Schmidt ${GRANTED}`,
  ]);
  assert.deepEqual(await holdersOf('Blue', '2024-04-10T00:00:00Z', 'directory', married[0]), [
    `Eve Elm ${GRANTED}`,
    `Änne Müller ${GRANTED}`,
  ]);
});

test("a person's access is each enabled account and each group, with who granted it and how", async () => {
  const bob = await holdings('2024-03-01T00:00:00Z', { holder: world.id('Bob Beech') });
  assert.deepEqual(
    bob
      .map((each) => [
        each.agent,
        each.attribute,
        each.value,
        each.entitlement?.name,
        each.entryName,
        formatIso(each.since),
      ])
      .sort(),
    [
      ['badge', 'enabled', 'true', undefined, 'uid=2,dc=badge', '2024-02-03T10:00:00.000000Z'],
      ['directory', 'enabled', 'true', undefined, 'cn=Bob Beech,dc=corp', '2024-02-02T10:00:00.000001Z'],
      ['directory', 'member', '', 'Red', 'cn=Red,dc=corp', '2024-02-02T10:00:00.000001Z'],
    ],
  );
  assert.ok(bob.every(({ stage, outcome }) => stage === 'export' && outcome === 'export-add'));
  assert.deepEqual(
    bob
      .filter(({ attribute }) => attribute === 'enabled')
      .map(({ initiator, initiatorKnown }) => [initiator, initiatorKnown]),
    [
      ['carol', 'reported'],
      ['carol', 'reported'],
    ],
  );
  const later = await holdings('2024-04-02T10:00:00Z', { holder: world.id('Bob Beech') });
  assert.deepEqual(
    later.map(({ agent }) => agent),
    ['badge'],
  );
});

test('the access of everybody is the sum of what each person has', async () => {
  const all = await holdings('2024-05-02T10:00:00Z');
  const lines = all.map(
    ({ agent, holder, entitlement, attribute }) => `${agent} ${entitlement?.name ?? attribute} ${holder.name}`,
  );
  assert.deepEqual(lines.sort(), [
    'badge enabled Bob Beech',
    'badge enabled Cid Cedar',
    'badge enabled Dora Dill',
    'badge enabled Eve Elm',
    'badge enabled Änne Schmidt',
    'directory Blue Eve Elm',
    'directory Blue Änne Schmidt',
    'directory Red Änne Schmidt',
    'directory enabled Eve Elm',
    'directory enabled Änne Schmidt',
  ]);
  const persons = await Promise.all(
    ['Änne Müller', 'Bob Beech', 'Cid Cedar', 'Dora Dill', 'Eve Elm', 'Zed Zebra'].map((name) =>
      holdings('2024-05-02T10:00:00Z', { holder: world.id(name) }),
    ),
  );
  assert.equal(persons.flat().length, all.length);
});

const member = (value: Partial<EventValue>): EventValue => ({
  attribute: 'member',
  type: 'reference',
  operation: 'add',
  marks: 1,
  ...value,
});
const id = (last: number) => `01a206d8-0520-7005-ab4b-0000000000${last}`;

test('a member known only by a name that nobody has holds the group under that name', async () => {
  const [entry, object] = [id(11), id(12)];
  const at = (text: string) => ({ occurredAt: instant(text), agent: 'directory', entry, objectType: 'group' });
  const values = [member({ new: 'cn=ghost,dc=corp' }), member({ new: 'cn=nobody,dc=corp', marks: 0 })];
  // An imported group that is joined a day later, as a directory that was there before.
  const read = await world.accept({
    ...at('2024-06-01T00:00:00Z'),
    stage: 'import',
    outcome: 'stage-add',
    operation: 'add',
    values,
  });
  await world.accept({
    ...at('2024-06-02T00:00:00Z'),
    stage: 'join',
    outcome: 'disconnector-joined',
    object,
    objectName: 'Old',
    causes: [read],
    root: read,
  });
  const found = await holdings('2024-06-03T00:00:00Z', { entitlement: object });
  assert.deepEqual(
    found.map(({ holder, entitlement, value, agent }) => [holder, entitlement?.name, value, agent]),
    [[{ id: undefined, name: 'cn=ghost,dc=corp', type: undefined }, 'Old', 'cn=ghost,dc=corp', 'directory']],
  );
  const removed = [member({ operation: 'remove', old: 'cn=ghost,dc=corp' })];
  await world.accept({
    ...at('2024-06-04T00:00:00Z'),
    stage: 'import',
    outcome: 'stage-update',
    operation: 'update',
    object,
    values: removed,
  });
  assert.equal((await holdings('2024-06-03T23:59:59.999999Z', { entitlement: object })).length, 1);
  assert.deepEqual(await holdings('2024-06-04T00:00:00Z', { entitlement: object }), []);
});

test('an account that is joined later, moves to somebody else and is disabled after it was let go, is whose it was then', async () => {
  const [entry, first, second] = [id(21), id(22), id(23)];
  const enabled = (value: Partial<EventValue>): EventValue => ({
    attribute: 'enabled',
    type: 'boolean',
    operation: 'add',
    marks: 1,
    ...value,
  });
  const at = (text: string) => ({ occurredAt: instant(text), agent: 'badge', entry, objectType: 'account' });
  const joined = (text: string, object: string, objectName: string) =>
    world.accept({ ...at(text), stage: 'join', outcome: 'disconnector-joined', object, objectName });
  await world.accept({
    ...at('2024-07-01T00:00:00Z'),
    stage: 'import',
    outcome: 'stage-add',
    operation: 'add',
    values: [enabled({ new: 'true' })],
  });
  await joined('2024-07-02T00:00:00Z', first, 'First');
  await world.accept({ ...at('2024-07-04T00:00:00Z'), stage: 'filter', outcome: 'connector-filtered', object: first });
  await joined('2024-07-06T00:00:00Z', second, 'Second');
  await world.accept({ ...at('2024-07-08T00:00:00Z'), stage: 'filter', outcome: 'connector-filtered', object: second });
  await world.accept({
    ...at('2024-07-10T00:00:00Z'),
    stage: 'import',
    outcome: 'stage-update',
    operation: 'update',
    outOfBand: true,
    values: [enabled({ operation: 'replace', old: 'true', new: 'false' })],
  });
  const whose = async (text: string) => {
    const found = await holdings(text, { agent: 'badge' });
    const both = [...(await holdings(text, { holder: first })), ...(await holdings(text, { holder: second }))];
    const names = found
      .filter(({ holder }) => holder.id === first || holder.id === second)
      .map(({ holder }) => holder.name);
    assert.deepEqual(
      both.map(({ holder }) => holder.name),
      names,
    );
    return names;
  };
  assert.deepEqual(await whose('2024-06-30T00:00:00Z'), []);
  assert.deepEqual(await whose('2024-07-01T00:00:00Z'), ['First']);
  assert.deepEqual(await whose('2024-07-05T00:00:00Z'), ['First']);
  assert.deepEqual(await whose('2024-07-06T00:00:00Z'), ['Second']);
  assert.deepEqual(await whose('2024-07-09T00:00:00Z'), ['Second']);
  assert.deepEqual(await whose('2024-07-10T00:00:00Z'), []);
});

test('in the metaverse a grant ends by whatever connector takes it back', async () => {
  const [object, one, other, group] = [id(31), id(32), id(33), id(34)];
  const flow = {
    stage: 'import-flow',
    outcome: 'connector-flow',
    operation: 'update',
    objectType: 'group',
    object: group,
  } as const;
  const lead = member({ new: object, reference: object });
  await world.accept({ ...flow, agent: 'hr', entry: one, values: [lead] });
  const failed = member({ new: 'nobody' });
  await world.accept({
    ...flow,
    outcome: 'unresolved-reference',
    operation: 'none',
    agent: 'hr',
    entry: one,
    values: [failed],
  });
  assert.equal((await holdings('2024-06-01T00:00:00Z', { entitlement: group, agent: '' })).length, 1);
  await world.accept({
    ...flow,
    agent: 'crm',
    entry: other,
    values: [member({ operation: 'remove', old: object, reference: object })],
  });
  assert.deepEqual(await holdings('2024-06-01T00:00:00Z', { entitlement: group, agent: '' }), []);
});

const people = (): PeopleRules => world.installation.context(localAccess('test')).people;

async function leavers(from: string, to: string): Promise<Leaver[]> {
  // What other tests accept by hand comes after this.
  const watermark = world.sequences(({ stage }) => stage === 'run').at(-1) ?? 0;
  const context = { ...world.queries, watermark: watermark + 1 };
  return (await findLeavers(context, instant(from), instant(to), people())).leavers;
}

test('each leaver has the accounts that were enabled when they left, open ones measured to the end of what is known', async () => {
  const found = await leavers('2024-01-01T00:00:00Z', '2024-12-31T00:00:00Z');
  const lines = found.flatMap(({ person, leftAt, leftAtKnown, accounts }) => [
    `${person.name} ${leftAtKnown} ${formatIso(leftAt)}`,
    ...accounts
      .map(
        (each) =>
          `  ${each.account} ${each.disabledAt === undefined ? (each.rehiredAt === undefined ? 'open' : 'back') : formatIso(each.disabledAt)} ${each.hours.toFixed(6)}`,
      )
      .sort(),
  ]);
  assert.deepEqual(lines, [
    'Bob Beech leaving-date 2024-03-15T23:59:59.999999Z',
    '  cn=Bob Beech,dc=corp 2024-04-02T10:00:00.000000Z 418.000000',
    '  uid=2,dc=badge open 1139.000000',
    'Cid Cedar gone-from-image 2024-03-31T23:59:59.999999Z',
    '  cn=Cid Cedar,dc=corp 2024-04-02T10:00:00.000000Z 34.000000',
    '  uid=3,dc=badge open 755.000000',
    'Dora Dill gone-from-image 2024-03-31T23:59:59.999999Z',
    '  uid=4,dc=badge open 755.000000',
    'Eve Elm gone-from-image 2024-03-31T23:59:59.999999Z',
    '  cn=Eve Elm,dc=corp 2024-04-02T10:00:00.000000Z 34.000000',
    '  uid=5,dc=badge back 720.000000',
    'Zed Zebra gone-from-image 2024-05-01T08:00:00.000000Z',
    '  uid=z9,ou=agency,dc=corp 2024-05-02T10:00:00.000000Z 26.000000',
  ]);
});

test('a period holds both its ends, to the microsecond', async () => {
  const names = async (from: string, to: string) => (await leavers(from, to)).map(({ person }) => person.name);
  assert.deepEqual(await names('2024-03-15T23:59:59.999999Z', '2024-03-15T23:59:59.999999Z'), ['Bob Beech']);
  assert.deepEqual(await names('2024-03-16T00:00:00Z', '2024-03-31T23:59:59.999998Z'), []);
  assert.deepEqual(await names('2024-05-01T08:00:00Z', '2024-05-01T08:00:00Z'), ['Zed Zebra']);
});

test('delays count open cases as open, and whoever came back as neither open nor closed', async () => {
  const found = await leavers('2024-01-01T00:00:00Z', '2024-12-31T00:00:00Z');
  const rounded = summariseDelays(found).map((each) => ({
    ...each,
    medianHours: each.medianHours && Math.round(each.medianHours),
    p95Hours: each.p95Hours && Math.round(each.p95Hours),
    maximumHours: each.maximumHours && Math.round(each.maximumHours),
  }));
  assert.deepEqual(rounded, [
    { agent: 'badge', closed: 0, open: 3, medianHours: undefined, p95Hours: undefined, maximumHours: undefined },
    { agent: 'directory', closed: 4, open: 0, medianHours: 34, p95Hours: 418, maximumHours: 418 },
  ]);
});

test('who comes back is re-hired, and the first load of a system is nobody joining', async () => {
  const employments = await findEmployments(world.queries, people());
  assert.deepEqual(
    employments.filter(({ rehired }) => rehired).map(({ name, joinedAt }) => [name, formatIso(joinedAt)]),
    [['Eve Elm', '2024-04-30T23:59:59.999999Z']],
  );
  assert.deepEqual(countTurnover(employments), [
    { period: '2024-03', joiners: 0, leavers: 4 },
    { period: '2024-04', joiners: 1, leavers: 0 },
    { period: '2024-05', joiners: 0, leavers: 1 },
  ]);
});

test('who was deleted and comes back as a new object is re-hired, not a joiner for the first time', async () => {
  world.csv('agency.csv', ['key', 'name'], [{ key: 'z9', name: 'Zed Zebra' }]);
  await world.run('agency', 'full', '2024-08-01T08:00:00Z');
  await world.delivered();
  const zeds = (await findEmployments(world.queries, people())).filter(({ anchor }) => anchor === 'z9');
  assert.deepEqual(
    zeds.map(({ rehired }) => rehired),
    [false, true],
  );
  assert.equal(zeds[1]?.predecessor, zeds[0]?.object);
});

test('the overview counts the objects that are there', async () => {
  const watermark = world.sequences(({ agent, stage }) => agent === 'directory' && stage === 'run').at(-1) ?? 0;
  const counts = await countObjects({ ...world.queries, watermark });
  assert.deepEqual(
    counts.map(({ name, count }) => `${name} ${count}`),
    ['person 5', 'group 2', 'contractor 0'],
  );
});

test('disabled at the very instant of leaving counts as after it when the log has it after, and else as before', async () => {
  const from = world.queries.watermark;
  const at = { occurredAt: instant('2024-09-01T00:00:00Z') };
  const enabled: EventValue = { attribute: 'enabled', type: 'boolean', operation: 'add', new: 'true', marks: 1 };
  const disabled: EventValue = { ...enabled, operation: 'replace', old: 'true', new: 'false' };
  const live = async (last: number, name: string, isDisabledFirst: boolean) => {
    const [object, entry, account] = [id(last), id(last + 1), id(last + 2)];
    const hr = { ...at, agent: 'hr', entry, object, objectName: name };
    const directory = { ...at, agent: 'directory', entry: account, object };
    const before = { occurredAt: instant('2024-08-01T00:00:00Z') };
    await world.accept({ ...hr, ...before, stage: 'projection', outcome: 'disconnector-projected', operation: 'add' });
    await world.accept({ ...hr, ...before, stage: 'import-flow', outcome: 'connector-flow', objectType: 'person' });
    await world.accept({ ...directory, ...before, stage: 'provisioning', outcome: 'provisioned-add-flow' });
    await world.accept({ ...directory, ...before, stage: 'export', outcome: 'export-add', values: [enabled] });
    const disable = () => world.accept({ ...directory, stage: 'export', outcome: 'export-update', values: [disabled] });
    if (isDisabledFirst) await disable();
    await world.accept({ ...hr, stage: 'recall', outcome: 'connector-delete-leave-mv', objectType: 'person' });
    if (!isDisabledFirst) await disable();
  };
  await live(41, 'After', false);
  await live(51, 'Before', true);
  assert.ok(world.queries.watermark > from);
  const { leavers: found } = await findLeavers(world.queries, at.occurredAt, at.occurredAt, people());
  assert.deepEqual(
    found.map(({ person, accounts }) => [person.name, accounts.map(({ disabledAt, hours }) => [disabledAt, hours])]),
    [
      ['After', [[at.occurredAt, 0]]],
      ['Before', []],
    ],
  );
});
