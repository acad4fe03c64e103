// Laws that hold whatever happens: random images, hand edits and runs, then the directory is what the rules want, the
// state is what the log says, and the counters are what the log counts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RunResult } from '../engine/run.ts';
import { KINDS } from '../engine/space.ts';
import { LogError } from '../ingest/errors.ts';
import { COUNTED_WITHOUT_EVENT } from '../ingest/event.ts';
import { carryForward, differencesFrom } from './carried-forward.ts';
import { company } from './engine-company.ts';
import { BASE, GROUPS, inWorld, NOBODY, PEOPLE, type Row, type World } from './engine-world.ts';

/** Random histories tried for each anchor. */
const HISTORIES = 10;
const IDS = ['1', '2', '3', '4', '5'];
const NAMES: Record<string, string[]> = {
  1: ['Ann Ash', 'Ann Birch'],
  2: ['Bob Beech', 'Ann Ash'],
  3: ['Cid Cedar', "O'Brien, Jr. +#"],
  4: ['Dan Date', 'Dan  Date\\'],
  5: ['Eve Elm', 'Eve "E" Elm'],
};

/** Accounts move with the title; the group memberships come from the projects. */
const CONFIGURATION = (anchor: 'uid' | 'entryUUID') =>
  company({
    anchor,
    filter: "'status' in entry && entry.status == 'external'",
    provisioning: `when: "!('room' in object)"
dn: "'uid=' + rdn(object.id) + ('title' in object && object.title == 'Chief' ? ',ou=leavers' : ',ou=people') + ',dc=corp,dc=test'"
otherwise: delete`,
    imports: `room: { expression: "'status' in entry && entry.status == 'remote' ? 'home' : ''" }`,
  });

const person = fc.record({
  name: fc.nat(1),
  title: fc.constantFrom('', 'Clerk', 'Chief'),
  status: fc.constantFrom('', '', '', 'external', 'remote'),
  projects: fc.constantFrom('', 'Red', 'Blue', 'Red;Blue'),
  manager: fc.constantFrom('', ...Object.values(NAMES).map(([name = '']) => name)),
});
const image = fc
  .uniqueArray(fc.constantFrom(...IDS), { maxLength: 5 })
  .chain((ids) =>
    fc.tuple(...ids.map((id) => person.map((value) => ({ id, ...value, name: NAMES[id]?.[value.name] ?? '' })))),
  );
const contacts = fc.uniqueArray(fc.constantFrom(...IDS), { maxLength: 3 }).chain((ids) =>
  fc.tuple(
    ...ids.map((id) =>
      fc.record({
        key: fc.constant(`c${id}`),
        id: fc.constant(id),
        name: fc.constant(`contact ${id}`),
        title: fc.constantFrom('', 'Clerk', 'Guest'),
        phone: fc.constantFrom('', '100', '200'),
      }),
    ),
  ),
);
const RUNS = [
  ['hr', 'full'],
  ['hr', 'import'],
  ['hr', 'synchronize'],
  ['hr', 'everything'],
  ['crm', 'full'],
  ['crm', 'import'],
  ['directory', 'export'],
  ['directory', 'confirm'],
  ['directory', 'import'],
  ['directory', 'everything'],
] as const;
type Command =
  | { kind: 'hr'; rows: Row[] }
  | { kind: 'crm'; rows: Row[] }
  | { kind: 'run'; run: number /** The batch before which it is stopped. */; stop?: number }
  | { kind: 'lose' }
  | { kind: 'expire' }
  | { kind: 'edit'; edit: number; id: string };
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 2, arbitrary: image.map((rows): Command => ({ kind: 'hr', rows })) },
  { weight: 1, arbitrary: contacts.map((rows): Command => ({ kind: 'crm', rows })) },
  { weight: 6, arbitrary: fc.nat(RUNS.length - 1).map((run): Command => ({ kind: 'run', run })) },
  {
    weight: 3,
    arbitrary: fc
      .record({ run: fc.nat(RUNS.length - 1), stop: fc.integer({ min: 1, max: 8 }) })
      .map((run): Command => ({ kind: 'run', ...run })),
  },
  { weight: 1, arbitrary: fc.constant<Command>({ kind: 'lose' }) },
  { weight: 1, arbitrary: fc.constant<Command>({ kind: 'expire' }) },
  {
    weight: 2,
    arbitrary: fc
      .record({ edit: fc.nat(6), id: fc.constantFrom(...IDS) })
      .map((edit): Command => ({ kind: 'edit', ...edit })),
  },
);

function editByHand(world: World, edit: number, id: string): void {
  world.edit((records) => {
    const index = records.findIndex(({ values }) =>
      values.some(({ type, value }) => type === 'employeeNumber' && value === id),
    );
    const record = records[index];
    if (edit === 0 && !record) {
      const values = [
        'inetOrgPerson',
        `uid:${id}`,
        'cn:By Hand',
        'sn:Hand',
        `employeeNumber:${id}`,
        `entryUUID:hand-${id}`,
      ].map((text) => {
        const [first = '', second] = text.split(':');
        return second === undefined ? { type: 'objectClass', value: first } : { type: first, value: second };
      });
      return [...records, { dn: `uid=${id},ou=leavers,${BASE}`, line: 0, values }];
    }
    const group = records.find(({ dn }) => dn === `cn=Red,${GROUPS}`);
    if (edit === 5 && group) group.values.push({ type: 'member', value: `uid=${id},${PEOPLE}` });
    if (edit === 6) return records.filter(({ dn }) => dn !== `cn=Blue,${GROUPS}`);
    if (!record) return records;
    if (edit === 1) return records.filter((each) => each !== record);
    if (edit === 2) record.values = record.values.filter(({ type }) => type !== 'title' && type !== 'manager');
    if (edit === 3)
      record.values = [...record.values.filter(({ type }) => type !== 'title'), { type: 'title', value: 'Boss' }];
    if (edit === 4) record.dn = `uid=${id},ou=leavers,${BASE}`;
    return records;
  });
}

interface Latest {
  /** The first event that is left, where something has expired. */
  first?: number;
  hr: Row[];
  crm: Row[];
}

/** An export whose outcome is lost: the directory is written, and the process ends before that is accepted. */
async function loseOutcome(world: World): Promise<void> {
  const { journal } = world;
  const accept = journal.accept.bind(journal);
  journal.accept = (build) =>
    accept((base) => {
      const batch = build(base);
      if (batch.events.some(({ stage, outcome }) => stage === 'export' && outcome !== 'export-intent'))
        throw new LogError('journal-failed', 'the process ended');
      return batch;
    });
  await world.run('directory', 'export').catch((error: unknown) => assert.ok(error instanceof LogError));
  await world.reopen();
}

async function carryOut(world: World, commands: readonly Command[], latest: Latest): Promise<void> {
  for (const each of commands) {
    if (each.kind === 'run') {
      const [agent, profile] = RUNS[each.run] ?? RUNS[0];
      world.stopBefore(each.stop);
      await check(world, await world.run(agent, profile));
      world.stopBefore(undefined);
    } else if (each.kind === 'lose') await loseOutcome(world);
    else if (each.kind === 'expire') latest.first = await carryForward(world);
    else if (each.kind === 'edit') editByHand(world, each.edit, each.id);
    else {
      latest[each.kind] = each.rows;
      world.csv(`${each.kind}.csv`, each.rows, COLUMNS[each.kind]);
    }
  }
}

const COLUMNS = {
  hr: ['id', 'name', 'title', 'phone', 'status', 'projects', 'manager', 'by'],
  crm: ['key', 'id', 'name', 'title', 'phone'],
};

/** The counters of each step are the events of that step; the balance of an import adds up. */
async function check(world: World, result: RunResult): Promise<void> {
  const events = world.events(result.run);
  for (const step of result.steps) {
    const counted: Record<string, number> = {};
    for (const event of events) {
      if (event.run !== result.run || event.step !== step.number || event.stage === 'run') continue;
      const key = [event.stage, event.agent, event.objectType, event.outcome].join('/');
      counted[key] = (counted[key] ?? 0) + 1;
    }
    const kept = step.counters
      .filter(({ name }) => !COUNTED_WITHOUT_EVENT.includes(name))
      .map(({ stage, agent, objectType, name, count }) => [[stage, agent, objectType, name].join('/'), count]);
    assert.deepEqual(Object.fromEntries(kept), counted, `${result.agent} ${step.kind}`);
    for (const [type, { read, unchanged, changed, refused, gone }] of Object.entries(step.balances)) {
      assert.equal(read, unchanged + changed + refused, `${type} in balance`);
      assert.equal(gone, counted[`import/${result.agent}/${type}/stage-delete`] ?? 0);
    }
  }
}

/** What each person's account and each group must be, from the last images alone. */
function wanted({ hr, crm }: Latest): Record<string, Record<string, string[]>> {
  const people = hr.filter(({ status }) => status !== 'external');
  const withAccount = people.filter(({ status }) => status !== 'remote');
  const dnOf = ({ id, title }: Row, guest: string | undefined) =>
    `uid=${id},${(title || guest) === 'Chief' ? 'ou=leavers' : 'ou=people'},${BASE}`;
  const contactOf = (row: Row) => crm.find(({ id }) => id === row.id);
  const accounts = withAccount.map((row) => {
    const contact = contactOf(row);
    const title = row.title || contact?.title || '';
    const named = hr.filter(({ name }) => name === row.manager);
    const manager = named.length === 1 ? withAccount.find((each) => each === named[0]) : undefined;
    const { name = '', id = '' } = row;
    return [
      dnOf(row, contact?.title),
      {
        uid: [id],
        cn: [name],
        sn: [name.slice(name.lastIndexOf(' ') + 1)],
        employeeNumber: [id],
        ...(title !== '' && { title: [title] }),
        ...(manager && { manager: [dnOf(manager, contactOf(manager)?.title)] }),
      },
    ] as const;
  });
  const projects = [...new Set(hr.flatMap(({ projects = '' }) => projects.split(';')))].filter((name) => name !== '');
  const groups = projects.map((name) => {
    const members = withAccount
      .filter(({ projects = '' }) => projects.split(';').includes(name))
      .map((row) => dnOf(row, contactOf(row)?.title));
    return [`cn=${name},${GROUPS}`, { cn: [name], member: members.length > 0 ? members.sort() : [NOBODY] }] as const;
  });
  return Object.fromEntries([...accounts, ...groups]);
}

/** What the directory holds of it: `phone` and the anchor that it made itself are left out. */
function found(world: World): Record<string, Record<string, string[]>> {
  return Object.fromEntries(
    Object.entries(world.directory()).flatMap(([dn, { telephoneNumber: _, entryUUID: __, ...attributes }]) =>
      attributes.uid || attributes.member
        ? [[dn, { ...attributes, ...(attributes.member && { member: attributes.member.toSorted() }) }]]
        : [],
    ),
  );
}

for (const anchor of ['uid', 'entryUUID'] as const) {
  test(`after any history a clean cycle makes the directory what the rules want, and the log tells the state (${anchor})`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(command, { minLength: 1, maxLength: 25 }),
        image,
        contacts,
        async (commands, hr, crm) => {
          await inWorld(CONFIGURATION(anchor), async (world) => {
            const latest: Latest = { hr: [], crm: [] };
            world.csv('hr.csv', [], COLUMNS.hr);
            world.csv('crm.csv', [], COLUMNS.crm);
            await world.run('directory', 'confirm');
            await carryOut(world, commands, latest);
            await world.assertReplays();
            const { first } = latest;
            if (first !== undefined) assert.deepEqual(differencesFrom(world, first), []);
            Object.assign(latest, { hr, crm });
            world.csv('hr.csv', hr, COLUMNS.hr);
            world.csv('crm.csv', crm, COLUMNS.crm);
            for (let cycle = 0; cycle < 3; cycle++)
              for (const result of await world.cycle()) await check(world, result);
            const target = wanted(latest);
            const actual = found(world);
            assert.deepEqual(Object.fromEntries(Object.keys(target).map((dn) => [dn, actual[dn]])), target);
            assert.equal(world.journal.state.keys(KINDS.engine).includes('run'), false);
            if (first !== undefined) assert.deepEqual(differencesFrom(world, first), []);
          });
        },
      ),
      { includeErrorInReport: true, numRuns: HISTORIES },
    );
  });
}
