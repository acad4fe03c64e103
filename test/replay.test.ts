// The engine's state rebuilt from the log. That it is the state of every story is shown by the worlds of the stories, when
// they close; here it is shown that this comparison can fail, and what is told of it.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { compareStates, type StateDifference } from '../engine/replay/compare.ts';
import { NOT_REBUILT, REBUILT_IN_PART } from '../engine/replay/exceptions.ts';
import { Replay } from '../engine/replay/replay.ts';
import { compareFolder } from '../engine/replay/replay-folder.ts';
import { KINDS } from '../engine/space.ts';
import { LogError } from '../ingest/errors.ts';
import type { ChangeEvent } from '../ingest/event.ts';
import { JournalSnapshot } from '../ingest/journal/snapshot.ts';
import { StateStore } from '../ingest/journal/state-store.ts';
import { addHold, type Hold, removeHold } from '../ingest/retention/holds.ts';
import { ApiWorld, liveHalfAYear } from './api/world.ts';
import { carryForward, differencesFrom } from './carried-forward.ts';
import { company } from './engine-company.ts';
import { inWorld, PEOPLE, type World } from './engine-world.ts';
import { makeFolder, makeId, openJournal } from './ingest-world.ts';
import { assertReplays } from './replayed-state.ts';
import { readReplays } from './tidy/replayed.ts';

const COLUMNS = ['id', 'name', 'title', 'phone', 'status', 'projects', 'manager', 'by'];

/** A bit of everything: joiners, a mover, losers, hand edits, a leaver who comes back, somebody filtered, open exports. */
async function live(world: World, look: () => void | Promise<void> = () => undefined): Promise<void> {
  const cycle = async () => {
    for (const { agent, profile } of world.engine.configuration.cycle) {
      await world.run(agent, profile);
      await look();
    }
  };
  const ann = { id: '1', name: 'Ann Ash', title: 'Clerk', projects: 'Red;Blue', manager: 'Bob Beech' };
  const bob = { id: '2', name: 'Bob Beech', title: 'Chief', projects: 'Red' };
  const cid = { id: '3', name: 'Cid Cedar', manager: 'Nobody' };
  world.csv('crm.csv', [{ key: 'c1', id: '1', name: 'Ann', title: 'Guest', phone: '100' }]);
  world.csv('hr.csv', [ann, bob, cid], COLUMNS);
  await cycle();
  await cycle();
  world.setByHand(`uid=1,${PEOPLE}`, 'title', 'By hand');
  world.csv(
    'hr.csv',
    [
      { ...ann, status: 'external' },
      { ...bob, projects: 'Blue' },
    ],
    COLUMNS,
  );
  await world.run('directory', 'import');
  await look();
  await cycle();
  world.csv('hr.csv', [ann, { ...bob, name: 'Bob Birch' }, cid], COLUMNS);
  await cycle();
  world.csv('hr.csv', [{ ...ann, title: 'Boss', projects: 'Green' }, bob], COLUMNS);
  await world.run('hr', 'full');
  await look();
}

const CONFIGURATION = company({
  filter: "'status' in entry && entry.status == 'external'",
  provisioning: `dn: "'uid=' + rdn(object.id) + ('title' in object && object.title == 'Chief' ? ',ou=leavers' : ',ou=people') + ',dc=corp,dc=test'"
otherwise: delete`,
});

/** What differs when these events are replayed in place of the world's own. */
function differencesOf(world: World, events: readonly ChangeEvent[], strict = false): StateDifference[] {
  const whole = { cutOff: new Set<string>() };
  const snapshot = new JournalSnapshot(world.journal.folder);
  const store = new StateStore();
  try {
    const replay = new Replay(store);
    for (const event of events) replay.add(event);
    replay.flush();
    return compareStates(
      snapshot.state(),
      store.rows(),
      strict ? { ...whole, configuration: replay.configuration } : replay,
    ).differences;
  } finally {
    store.close();
    snapshot.close();
  }
}

test('events that were not there are missed, whatever their stage and outcome', async () => {
  await inWorld(CONFIGURATION, async (world) => {
    const missed = new Map<string, boolean>();
    // After each run: what was filtered out is let in again later, and then nobody can tell.
    await live(world, () => {
      const events = world.events();
      assert.deepEqual(differencesOf(world, events), []);
      for (const [name, sequences] of byOutcome(events)) {
        if (missed.get(name)) continue;
        const without = events.map((event) =>
          sequences.has(event.sequence) ? { ...event, stage: 'read' as const } : event,
        );
        missed.set(name, differencesOf(world, without).length > 0);
      }
    });
    const notMissed = [...missed].filter(([, isMissed]) => !isMissed).map(([name]) => name);
    // Who loses is computed by the rules; the event tells people.
    assert.deepEqual(notMissed, ['import-flow/skipped-not-precedent']);
    assert.ok(missed.size >= 20, [...missed.keys()].join(' '));
  });
});

function byOutcome(events: readonly ChangeEvent[]): Map<string, Set<number>> {
  const found = new Map<string, Set<number>>();
  for (const { stage, outcome, sequence } of events) {
    if (stage === 'run' || stage === 'configuration') continue;
    const name = `${stage}/${outcome}`;
    found.set(name, new Set([...(found.get(name) ?? []), sequence]));
  }
  return found;
}

test('what is told of a difference is kind, id and field, and no value', async () => {
  await inWorld(CONFIGURATION, async (world) => {
    await live(world);
    const events = world.events();
    const flow = events.findLast(
      ({ outcome, stage, values }) =>
        stage === 'import-flow' &&
        outcome === 'connector-flow' &&
        values.some(({ attribute }) => attribute === 'title'),
    );
    assert.ok(flow);
    const values = flow.values.map((value) => (value.attribute === 'title' ? { ...value, new: 'Another' } : value));
    const changed = events.map((event) => (event === flow ? { ...event, values } : event));
    assert.deepEqual(differencesOf(world, changed), [
      { kind: 'object', id: flow.object, field: 'attributes/title', how: 'different' },
    ]);
    const told = JSON.stringify(differencesOf(world, [events[0] ?? flow]));
    for (const secret of ['Ann', 'Ash', 'Clerk', 'uid=', 'Nobody']) assert.ok(!told.includes(secret), secret);
  });
});

test('a value that only one of the states has is told as such, and what is excepted is not compared', async () => {
  await inWorld(CONFIGURATION, async (world) => {
    await live(world);
    const [entry] = world.entries();
    assert.ok(entry);
    const put = (kind: string, key: string, value: unknown) =>
      world.journal.accept(() => ({ events: [], state: [{ kind, key, value }] }));
    await put('session', 'x', { expiresAt: 1, viewer: 'somebody' });
    await put(KINDS.engine, 'demonstration', { done: 1 });
    assert.deepEqual(differencesOf(world, world.events()), []);
    await put(KINDS.entry, entry.id, null);
    await put(KINDS.former, 'made up', entry.id);
    assert.deepEqual(differencesOf(world, world.events()), [
      { kind: 'entry', id: entry.id, field: '', how: 'only-rebuilt' },
      { kind: 'former', id: entry.id, field: '', how: 'only-live' },
    ]);
    await put(KINDS.entry, entry.id, entry);
    await put(KINDS.former, 'made up', null);
  });
});

test('a synchronisation that was cut off: what it looked at in vain is due again, and that is no difference', async () => {
  await inWorld(company({ groups: false }), async (world) => {
    const people = Array.from({ length: 600 }, (_, id) => ({ id: String(id), name: `Person ${id}`, status: '' }));
    world.csv('crm.csv', [], ['key', 'id', 'name', 'title', 'phone']);
    world.csv('hr.csv', people, COLUMNS);
    await world.run('hr', 'full');
    // Nothing flows from it.
    world.csv(
      'hr.csv',
      people.map((person) => ({ ...person, status: 'away' })),
      COLUMNS,
    );
    await world.run('hr', 'import');
    const accept = world.journal.accept.bind(world.journal);
    let calls = 0;
    let last: Promise<unknown> = Promise.resolve();
    world.journal.accept = async (build) => {
      calls += 1;
      // Run, step and one batch are accepted.
      if (calls <= 3) {
        const accepted = accept(build);
        last = accepted;
        return accepted;
      }
      await last;
      throw new LogError('journal-failed', 'the process ended');
    };
    await assert.rejects(world.run('hr', 'synchronize'), LogError);
    await world.reopen();
    const strictly = differencesOf(world, world.events(), true);
    assert.ok(strictly.length > 100 && strictly.every(({ field }) => field === 'pending'), JSON.stringify(strictly[0]));
    assert.deepEqual(differencesOf(world, world.events()), []);
    await world.run('hr', 'synchronize');
    assert.deepEqual(differencesOf(world, world.events(), true), []);
  });
});

/** The live state with one field of each entry, object and former object changed, compared with the rebuilt one. */
function differencesAfterTampering(world: World, replay: Replay, store: StateStore): Map<string, string> {
  const snapshot = new JournalSnapshot(world.journal.folder);
  try {
    const tampered = [...snapshot.state()].map(({ kind, key, value }) => {
      if (kind === KINDS.entry) return { kind, key, value: { ...Object(value), lastOutcome: 'tampered' } };
      if (kind === KINDS.object)
        return { kind, key, value: { ...Object(value), losers: { name: { x: '[["tampered"]]' } } } };
      return { kind, key, value: kind === KINDS.former ? 'tampered' : value };
    });
    const { differences } = compareStates(tampered, store.rows(), replay);
    return new Map(differences.map(({ kind, id, field }) => [kind === KINDS.former ? kind : id, field]));
  } finally {
    snapshot.close();
  }
}

test('a synchronisation that was cut off: what it had not before it is compared in every field', async () => {
  await inWorld(CONFIGURATION, async (world) => {
    const people = ['1', '2', '3'].map((id) => ({ id, name: `Person ${id}`, status: '', projects: 'Blue' }));
    world.csv('crm.csv', [], ['key', 'id', 'name', 'title', 'phone']);
    world.csv('hr.csv', people, COLUMNS);
    await world.cycle();
    world.csv('hr.csv', people.slice(0, 2), COLUMNS);
    await world.cycle();
    const [, second] = people;
    world.csv('hr.csv', [{ ...people[0], name: 'Person 1, renamed' }, { ...second }], COLUMNS);
    await world.run('hr', 'import');
    // The run and its step begin; no batch of entries is let in any more.
    world.stopBefore(1);
    await world.run('hr', 'synchronize');
    world.stopBefore(undefined);
    const store = new StateStore();
    const replay = new Replay(store);
    for (const event of world.events()) replay.add(event);
    replay.flush();
    const due = world.entries().filter(({ pending, agent }) => pending !== undefined && agent === 'hr');
    assert.deepEqual([...replay.cutOff].sort(), due.map(({ id }) => id).sort());
    assert.equal(due.length, 1);
    const found = differencesAfterTampering(world, replay, store);
    store.close();
    const [excepted] = due;
    const expected = [
      ...world.entries().filter(({ id }) => id !== excepted?.id),
      ...world.objects().filter(({ id }) => id !== excepted?.object),
    ].map(({ id }) => id);
    assert.ok(expected.length > 6);
    assert.deepEqual([...found.keys()].sort(), [...expected, KINDS.former].sort());
  });
});

test('what was carried forward is what a replay begins with, at any time, when all before it has expired', async () => {
  await inWorld(CONFIGURATION, async (world) => {
    const beginnings: number[] = [];
    const fields = new Set<string>();
    await live(world, async () => {
      for (const name of world.entries().flatMap((entry) => Object.keys(entry))) fields.add(name);
      beginnings.push(await carryForward(world));
      assert.deepEqual(differencesFrom(world, beginnings.at(-1) ?? 0), []);
      // Also where events from before it are left, which stand on others that are not.
      const earlier = beginnings.at(-2);
      if (earlier !== undefined) assert.deepEqual(differencesFrom(world, earlier + 3), []);
    });
    for (const field of ['pending', 'pendingExport', 'unconfirmed', 'unresolved', 'lastOutcome', 'cause'])
      assert.ok(fields.has(field), field);
    for (const first of beginnings) assert.deepEqual(differencesFrom(world, first), []);
  });
});

test('what was carried forward whole takes the place of all that a replay had before it', async () => {
  await inWorld(company({ groups: false }), async (world) => {
    world.csv('crm.csv', [], ['key', 'id', 'name', 'title', 'phone']);
    world.csv(
      'hr.csv',
      [
        { id: '1', name: 'Ann' },
        { id: '2', name: 'Bob' },
      ],
      COLUMNS,
    );
    await world.run('hr', 'full');
    const from = world.journal.size;
    world.csv('hr.csv', [{ id: '2', name: 'Bob' }], COLUMNS);
    await world.run('hr', 'full');
    const hidden = () =>
      world
        .events()
        .map((event) => (event.sequence < from || event.sequence >= to ? event : { ...event, stage: 'read' as const }));
    const to = world.journal.size;
    assert.ok(differencesOf(world, hidden()).length > 0);
    await carryForward(world);
    assert.deepEqual(differencesOf(world, hidden()), []);
  });
});

test('a value of the state that is long is carried forward in pieces, none of which ends within a character', async () => {
  await inWorld(company({ groups: false }), async (world) => {
    world.csv('crm.csv', [], ['key', 'id', 'name', 'title', 'phone']);
    const people = ['', 'x'].map((first, id) => ({ id: String(id), name: `${first}${'\u{1f5dd}'.repeat(12_000)}` }));
    world.csv('hr.csv', people, COLUMNS);
    await world.run('hr', 'full');
    const first = await carryForward(world);
    const pieces = world.events(first).map(({ values }) => values.length);
    assert.ok(pieces.some((count) => count > 2));
    assert.deepEqual(differencesFrom(world, first), []);
  });
});

test('the log is read from ClickHouse as far as it is delivered, also where the journal was trimmed', async () => {
  const world = await ApiWorld.open();
  try {
    await liveHalfAYear(world);
    const { journal, clickhouse } = world.installation.log;
    const { size } = journal;
    await world.compareNow();
    const first = await journal.trim(size);
    assert.ok(first > 0);
    const { differences, size: replayed } = await compareFolder(journal.folder, { clickhouse });
    assert.deepEqual(differences, []);
    assert.equal(replayed, size);
    await assert.rejects(
      compareFolder(journal.folder),
      (error) => error instanceof LogError && error.code === 'journal-trimmed' && error.message.includes(`${first}`),
    );
    await clickhouse.command('ALTER TABLE events DELETE WHERE sequence = 17 SETTINGS mutations_sync = 2');
    await assert.rejects(
      compareFolder(journal.folder, { clickhouse }),
      (error) => error instanceof LogError && error.code === 'clickhouse-different' && error.message.includes('17'),
    );
  } finally {
    await world.close();
  }
});

test('legal holds are rebuilt from their events, and one that is lost, forged or altered in the state is found', async (t) => {
  const folder = makeFolder(t);
  const journal = await openJournal(t, folder);
  const order = { who: 'the court', by: 'a test', why: 'case 7' };
  const ended = await addHold(journal, { ...order, object: makeId(1) });
  const [lost, altered] = [await addHold(journal, { ...order, object: makeId(2) }), await addHold(journal, order)];
  await removeHold(journal, ended.event, order);
  await assertReplays(folder);
  const change = (hold: Hold, value: Hold | null) => ({ kind: 'hold', key: String(hold.event), value });
  const state = [change(lost, null), change(altered, { ...altered, object: makeId(3) }), change(ended, ended)];
  await journal.accept(() => ({ events: [], state }));
  const { differences } = await compareFolder(folder);
  assert.deepEqual(differences, [
    { kind: 'hold', id: String(ended.event), field: '', how: 'only-live' },
    { kind: 'hold', id: String(lost.event), field: '', how: 'only-rebuilt' },
    { kind: 'hold', id: String(altered.event), field: 'object', how: 'only-live' },
  ]);
});

test('what a replay does not rebuild stands in ARCHITECTURE.md', () => {
  const text = readFileSync(new URL('../ARCHITECTURE.md', import.meta.url), 'utf8');
  for (const { what, why } of [...NOT_REBUILT, ...REBUILT_IN_PART])
    assert.ok(text.includes(`| ${what} | ${why} |`), what);
});

test('every test that lets the engine run holds its state against a replay where it closes it', () => {
  const files = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.startsWith('bench/'))
    .map((name) => ({ name, ...readReplays(name, readFileSync(join(import.meta.dirname, name), 'utf8')) }));
  assert.ok(files.filter(({ runs, compares }) => runs && compares).length > 7);
  const forgetful = files.filter(({ runs, compares }) => runs && !compares).map(({ name }) => name);
  assert.deepEqual(forgetful.sort(), [
    // Asked by the tests that use them.
    'demonstration-world.ts',
    'engine-child.ts',
    // Its events are drawn from a mix, and no engine made them.
    'loaded-log.ts',
  ]);
});

test('a comparison counts only where a test ends', () => {
  const open = 'const engine = await Engine.open(journal, rules);';
  const check = 'await assertReplays(folder);';
  const isForgetful = (text: string) => {
    const { runs, compares } = readReplays('some.test.ts', text);
    return runs && !compares;
  };
  for (const text of [
    `${open} t.after(async () => { ${check} });`,
    `${open} afterwards(t, () => assertReplays(folder));`,
    `try { ${open} } finally { ${check} }`,
    `class World { static async open() { ${open} } async close() { ${check} } }`,
    'test("x", () => journal.open());',
  ])
    assert.equal(isForgetful(text), false, text);
  for (const text of [
    open,
    `${open} ${check}`,
    `${open} t.after(() => engine.close()); ${check}`,
    `class World { static async open() { ${open} } async assertReplays() { ${check} } async close() {} }`,
    `try { ${open} ${check} } finally { await engine.close(); }`,
    "// assertReplays\nspawn(process.execPath, [PROGRAM, 'start']);",
  ])
    assert.equal(isForgetful(text), true, text);
});
