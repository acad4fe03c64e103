// One object: its history across joins, its state at an instant, and the chain of causes, against the journal and the
// engine's own state.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { findCauses, findEffects } from '../api/queries/chain.ts';
import { type QueryContext, readSequences } from '../api/queries/context.ts';
import { findHistory } from '../api/queries/history.ts';
import { findState, type SystemState } from '../api/queries/object-state.ts';
import { type Entry, expectedImage, type HeldAttributes, KINDS, type MetaverseObject } from '../engine/space.ts';
import type { ChangeEvent } from '../ingest/event.ts';
import { ApiWorld, instant, liveHalfAYear } from './api/world.ts';

let world: ApiWorld;
before(async () => {
  world = await ApiWorld.open();
  await liveHalfAYear(world);
});
after(() => world.close());

const LATER = instant('2030-01-01T00:00:00Z');

async function historyOf(name: string, watermark?: number): Promise<ChangeEvent[]> {
  const context: QueryContext = watermark === undefined ? world.queries : { ...world.queries, watermark };
  const { events, hasMore } = await findHistory(context, world.id(name), {}, { first: 1000 });
  assert.equal(hasMore, false);
  return events.reverse();
}

const sequencesOf = (events: readonly ChangeEvent[]) => events.map(({ sequence }) => sequence);

test('an entry before its first join belongs to the object; one that moved, to each until the next join', async () => {
  const contact = world.events().filter(({ agent, entry }) => agent === 'crm' && entry !== undefined);
  const moved = contact.findLast(({ stage }) => stage === 'join')?.sequence ?? 0;
  assert.equal(contact.filter(({ stage }) => stage === 'join').length, 2);
  const anne = sequencesOf((await historyOf('Änne Müller')).filter(({ agent }) => agent === 'crm'));
  const cid = sequencesOf((await historyOf('Cid Cedar')).filter(({ agent }) => agent === 'crm'));
  assert.deepEqual(anne, sequencesOf(contact.filter(({ sequence }) => sequence < moved)));
  assert.deepEqual(cid, sequencesOf(contact.filter(({ sequence }) => sequence >= moved)));
});

test('what was not known at a watermark is not in the history as it was known then', async () => {
  const moved = world.events().findLast(({ stage, agent }) => stage === 'join' && agent === 'crm')?.sequence ?? 0;
  const cid = await historyOf('Cid Cedar', moved);
  assert.deepEqual(
    cid.filter(({ agent }) => agent === 'crm'),
    [],
  );
  const all = sequencesOf(await historyOf('Cid Cedar'));
  assert.deepEqual(
    sequencesOf(cid),
    all.filter((sequence) => sequence < moved),
  );
});

test('the history of a deleted object goes on until its account is deleted and that is confirmed', async () => {
  const zed = await historyOf('Zed Zebra');
  assert.deepEqual(
    zed.map(({ stage, outcome }) => `${stage}/${outcome}`),
    [
      'import/stage-add',
      'projection/disconnector-projected',
      'import-flow/connector-flow',
      'provisioning/provisioned-add-flow',
      'export-flow/connector-flow',
      'export/export-intent',
      'export/export-add',
      'confirmation/export-confirmed',
      'import/stage-delete',
      'deletion/connector-delete-remove-mv',
      'deprovisioning/deprovisioned-delete',
      'export/export-intent',
      'export/export-delete',
      'confirmation/export-confirmed',
    ],
  );
});

test('a group that a person was put into is in their history with the values that are about them alone', async () => {
  const bob = world.id('Bob Beech');
  const groups = (await historyOf('Bob Beech')).filter(({ objectType }) => objectType === 'group');
  const granted = groups.filter(({ outcome, stage }) => stage === 'export' && outcome === 'export-add');
  assert.deepEqual(
    granted.map(({ values, valueKeys }) => [values.map((value) => value.new), valueKeys.length]),
    [[['cn=Bob Beech,dc=corp'], 1]],
  );
  assert.ok(groups.every(({ values }) => values.every(({ reference }) => reference === bob)));
  assert.equal(groups.filter(({ stage, outcome }) => stage === 'export' && outcome === 'export-update').length, 1);
});

test('pages of a history are the history', async () => {
  const all = sequencesOf(await historyOf('Änne Müller')).reverse();
  const paged: number[] = [];
  for (let before: number | undefined; ; before = paged.at(-1)) {
    const page = await findHistory(world.queries, world.id('Änne Müller'), {}, { first: 4, before, span: 30 });
    paged.push(...sequencesOf(page.events));
    if (!page.hasMore) break;
  }
  assert.deepEqual(paged, all);
  const filter = { object: world.id('Bob Beech') };
  const { errors } = await world.ask(
    'query ($id: ID!, $filter: ChangeFilter) { object(id: $id) { history(filter: $filter) { watermark } } }',
    { id: world.id('Änne Müller'), filter },
  );
  assert.equal(errors?.[0]?.message, 'A history is of one object already; leave `object` out of its filter.');
});

function system(systems: readonly SystemState[], agent: string): Record<string, string[]> | undefined {
  const found = systems.find((each) => each.agent === agent);
  return found && Object.fromEntries(found.attributes.map(({ name, values }) => [name, values.map((v) => v.value)]));
}

test('the state at an instant is that of the instant, to the microsecond, in each system', async () => {
  const anne = world.id('Änne Müller');
  const at = (text: string) => findState(world.queries, anne, instant(text));
  assert.deepEqual(await at('2023-12-31T00:00:00Z'), []);
  assert.deepEqual(await at('1800-01-01T00:00:00Z'), []);
  assert.deepEqual(await at('2024-01-31T23:59:59.999998Z'), []);
  const first = await at('2024-01-31T23:59:59.999999Z');
  assert.deepEqual(
    first.map(({ agent }) => agent),
    ['', 'hr'],
  );
  assert.deepEqual(system(first, ''), {
    id: ['1'],
    displayName: ['Änne Müller'],
    department: ['Sales'],
    project: ['Red', 'Blue'],
    employed: ['true'],
  });
  assert.equal(system(await at('2024-02-02T10:00:00Z'), 'directory'), undefined);
  const account = await at('2024-02-02T10:00:00.000001Z');
  assert.equal(account.find(({ agent }) => agent === 'directory')?.dn, 'cn=Änne Müller,dc=corp');
  assert.deepEqual(system(account, 'directory')?.enabled, ['true']);
  const renamed = await at('2024-03-02T10:00:00Z');
  assert.equal(renamed.find(({ agent }) => agent === 'directory')?.dn, 'cn=Änne Schmidt,dc=corp');
  assert.deepEqual(system(renamed, 'directory')?.cn, ['Änne Schmidt']);
  assert.deepEqual(system(renamed, 'badge')?.cn, ['Änne Müller']);
});

test('a contact is the state of whom it was joined to, and says when it no longer was', async () => {
  const contactOf = async (name: string, at: string) => {
    const found = (await findState(world.queries, world.id(name), instant(at))).find(({ agent }) => agent === 'crm');
    return found && [found.joined, found.attributes.map(({ name, values }) => `${name}=${values[0]?.value}`).join(' ')];
  };
  assert.deepEqual(await contactOf('Änne Müller', '2024-02-15T00:00:00Z'), [true, 'id=1 key=c1 phone=100']);
  assert.deepEqual(await contactOf('Änne Müller', '2024-03-15T00:00:00Z'), [false, 'hidden=yes id=1 key=c1 phone=100']);
  assert.equal(await contactOf('Änne Müller', '2024-04-01T09:00:00Z'), undefined);
  assert.equal(await contactOf('Cid Cedar', '2024-03-15T00:00:00Z'), undefined);
  assert.deepEqual(await contactOf('Cid Cedar', '2024-04-01T09:00:00Z'), [true, 'id=3 key=c1 phone=100']);
});

test('a deleted object has no state in the metaverse, and none in the directory from the export on', async () => {
  const systems = async (at: string) =>
    (await findState(world.queries, world.id('Zed Zebra'), instant(at))).map(({ agent }) => agent);
  assert.deepEqual(await systems('2024-04-01T00:00:00Z'), ['', 'agency', 'directory']);
  assert.deepEqual(await systems('2024-05-01T08:00:00Z'), ['directory']);
  assert.deepEqual(await systems('2024-05-02T10:00:00Z'), []);
});

test('references and several values are what they were, with who set each and since when', async () => {
  const state = await findState(world.queries, world.id('Red'), instant('2024-03-10T00:00:00Z'));
  const members = state.find(({ agent }) => agent === 'directory')?.attributes.find(({ name }) => name === 'member');
  assert.deepEqual(
    members?.values.map(({ value, reference }) => [value, reference]).sort(),
    [
      ['cn=Bob Beech,dc=corp', world.id('Bob Beech')],
      ['cn=Cid Cedar,dc=corp', world.id('Cid Cedar')],
      ['cn=Änne Schmidt,dc=corp', world.id('Änne Müller')],
    ].sort(),
  );
  const bob = await findState(world.queries, world.id('Bob Beech'), instant('2024-03-10T00:00:00Z'));
  const manager = bob.find(({ agent }) => agent === '')?.attributes.find(({ name }) => name === 'manager');
  assert.deepEqual(manager?.values, [
    {
      value: world.id('Änne Müller'),
      reference: world.id('Änne Müller'),
      since: instant('2024-01-31T23:59:59.999999Z'),
      setBy: manager?.values[0]?.setBy,
      initiator: 'carol',
    },
  ]);
});

test('the latest state of every object is the one that the engine has', async () => {
  const { state } = world.installation.log.journal;
  const entries = state.keys(KINDS.entry).map((key) => state.get(KINDS.entry, key) as Entry);
  const objects = state.keys(KINDS.object).map((key) => state.get(KINDS.object, key) as MetaverseObject);
  const plain = (held: HeldAttributes) =>
    Object.fromEntries(Object.entries(held).map(([name, values]) => [name, values.map(([value]) => value).sort()]));
  assert.equal(objects.length, 7);
  for (const object of objects) {
    const held = Object.fromEntries(Object.entries(object.attributes).map(([name, { values }]) => [name, values]));
    const own = entries.filter((entry) => entry.object === object.id && entry.exists);
    const expected = [
      ['', plain(held)] as const,
      ...own.map((entry) => [entry.id, plain(expectedImage(entry))] as const),
    ];
    const found = (await findState(world.queries, object.id, LATER)).filter(({ joined }) => joined);
    const folded = found.map(
      ({ entry = '', attributes }) =>
        [
          entry,
          Object.fromEntries(attributes.map(({ name, values }) => [name, values.map((v) => v.value).sort()])),
        ] as const,
    );
    assert.deepEqual(Object.fromEntries(folded), Object.fromEntries(expected));
  }
});

function one<T>(list: readonly T[]): T {
  const [only] = list;
  assert.ok(only !== undefined && list.length === 1);
  return only;
}

test('what led to an account being disabled goes back to the file, and forward from it again, across runs', async () => {
  const { queries } = world;
  const load = async (sequence: number) => (await readSequences(queries, [sequence])).get(sequence);
  const bob = world.id('Bob Beech');
  const disabled = world
    .events()
    .find(({ object, outcome, agent }) => object === bob && outcome === 'export-update' && agent === 'directory');
  assert.ok(disabled);
  const causes = await findCauses(disabled, load, queries);
  assert.deepEqual(
    causes.map(({ agent, stage, outcome }) => `${agent} ${stage}/${outcome}`),
    [
      'hr import/stage-delete',
      'hr recall/connector-delete-leave-mv',
      'directory export-flow/connector-flow',
      'directory export/export-intent',
      'directory export/export-update',
    ],
  );
  const [root] = causes;
  assert.ok(root);
  const { events, hasMore } = one(await findEffects(queries, [root], 100));
  assert.deepEqual(
    events.map(({ agent, stage }) => `${agent} ${stage}`),
    [
      'hr recall',
      'directory export-flow',
      'badge export-flow',
      'directory export',
      'directory export',
      'directory confirmation',
    ],
  );
  assert.equal(hasMore, false);
  assert.deepEqual(one(await findEffects(queries, [root], 2)), { events: events.slice(0, 2), hasMore: true });
});

test('an export that was withdrawn led to its withdrawal, though that has another root', async () => {
  const withdrawn = world.events().find(({ outcome }) => outcome === 'pending-export-withdrawn');
  const pending = world.events()[withdrawn?.causes[1] ?? -1];
  assert.ok(withdrawn && pending && withdrawn.root !== pending.root);
  const { events } = one(await findEffects(world.queries, [pending], 10));
  assert.deepEqual(sequencesOf(events), [withdrawn.sequence]);
});

test('a cause that is not in the log is said, not left out', async () => {
  const event = world.events().findLast(({ causes }) => causes.length > 0);
  assert.ok(event);
  await assert.rejects(
    findCauses(event, async () => undefined, world.queries),
    {
      message: `The change ${event.causes[0]}, which led to the change ${event.sequence}, is not in the log.`,
    },
  );
});
