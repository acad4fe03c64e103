// Who is in a group by the log alone: a fold over the values marked entitlement, as ClickHouse keeps it. It must come out
// right for groups that were there before the engine, whose members were joined to nobody when they were first read.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MARKS } from '../ingest/event.ts';
import { company } from './engine-company.ts';
import { GROUPS, INITIAL, inWorld, PEOPLE, type World } from './engine-world.ts';

const ANN = `uid=1,${PEOPLE}`;
const CREW = `cn=Crew,${GROUPS}`;
const ACCOUNT = `dn: ${ANN}\nobjectClass: inetOrgPerson\nuid: 1\nemployeeNumber: 1\ncn: Ann Ash\nsn: Ash`;
const GROUP = `dn: ${CREW}\nobjectClass: groupOfNames\ncn: Crew\nmember: ${ANN}`;
const PERSON = { id: '1', name: 'Ann Ash', title: '', phone: '', status: '', projects: '', manager: '', by: '' };

/** The members of all groups of the directory by name, or the DN of one who is nobody we know. */
function members(world: World): string[] {
  const names = new Map(
    world.events().flatMap(({ object, objectName }) => (object && objectName ? [[object, objectName]] : [])),
  );
  const held = new Map<string, boolean>();
  for (const event of world.events()) {
    if (!['import', 'export'].includes(event.stage) || event.agent !== 'directory') continue;
    for (const value of event.values) {
      if (value.type !== 'reference' || (value.marks & MARKS.entitlement) === 0) continue;
      held.set(
        value.reference ? (names.get(value.reference) ?? '') : (value.new ?? value.old ?? ''),
        value.operation === 'add',
      );
    }
  }
  return [...held].filter(([, granted]) => granted).map(([name]) => name);
}

async function adopt(world: World): Promise<void> {
  world.text('directory.ldif', `${[INITIAL, ACCOUNT, GROUP].join('\n\n')}\n`);
  world.csv('hr.csv', [PERSON]);
  world.csv('crm.csv', [], ['key', 'id', 'name', 'title', 'phone']);
  await world.run('directory', 'confirm');
  assert.deepEqual(members(world), [ANN], 'nobody is known yet');
  await world.run('hr', 'full');
  await world.run('directory', 'everything');
}

test('members of a group that was there before are known by name once they are joined, and the event says why', async () => {
  await inWorld(company(), async (world) => {
    await adopt(world);
    assert.deepEqual(members(world), ['Ann Ash']);
    const resolved = world.events().filter(({ outcome }) => outcome === 'reference-resolved');
    assert.equal(resolved.length, 1);
    const causes = resolved[0]?.causes.map((cause) => world.events()[cause]?.stage);
    assert.deepEqual(causes, ['join']);
  });
});

test('a member removed by hand after the account got another DN is a member no longer', async () => {
  await inWorld(company(), async (world) => {
    await adopt(world);
    const moved = `uid=1,ou=leavers,${PEOPLE.replace('ou=people,', '')}`;
    world.edit((records) => records.map((record) => (record.dn === ANN ? { ...record, dn: moved } : record)));
    await world.run('directory', 'confirm');
    world.setByHand(CREW, 'member', `cn=nobody,${GROUPS}`);
    await world.run('directory', 'confirm');
    assert.deepEqual(
      members(world).filter((name) => name === 'Ann Ash'),
      [],
    );
  });
});

test('a member whose DN changes in the group keeps the membership and its date', async () => {
  await inWorld(company(), async (world) => {
    await adopt(world);
    const moved = `uid=1,ou=leavers,${PEOPLE.replace('ou=people,', '')}`;
    const before = world.events().length;
    world.edit((records) => records.map((record) => (record.dn === ANN ? { ...record, dn: moved } : record)));
    world.setByHand(CREW, 'member', moved);
    await world.run('directory', 'import');
    const renamed = world.events(before).find(({ anchor }) => anchor === 'Crew');
    assert.deepEqual(
      renamed?.values.map(({ operation, marks }) => [operation, marks & MARKS.entitlement]),
      [
        ['remove', 0],
        ['add', 0],
      ],
    );
    assert.deepEqual(members(world), ['Ann Ash']);
  });
});
