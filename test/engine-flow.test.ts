// Stories of the way in: staging, join, projection, precedence, recall, filter. Each asserts the change log, line by line.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { company } from './engine-company.ts';
import { inWorld, type Row, tells, type World } from './engine-world.ts';

const ann = (more: Row = {}): Row => ({
  id: '1',
  name: 'Ann Ash',
  title: 'Clerk',
  phone: '',
  by: 'carol',
  ...EMPTY,
  ...more,
});
const bob = (more: Row = {}): Row => ({
  id: '2',
  name: 'Bob Beech',
  title: '',
  phone: '',
  by: 'carol',
  ...EMPTY,
  ...more,
});
const EMPTY = { status: '', projects: '', manager: '' };
const contact = (more: Row = {}): Row => ({ key: 'c1', id: '1', name: 'Ann Ash', title: '', phone: '', ...more });
const NO_CONTACTS = ['key', 'id', 'name', 'title', 'phone'];
const NO_PEOPLE = ['id', 'name', 'title', 'phone', 'status', 'projects', 'manager', 'by'];

/** Without accounts and groups: only what flows in. */
const INWARD = { provisioning: 'when: "false"\ndn: "\'uid=\' + object.id"', groups: false };

async function given(world: World, hr: Row[], crm: Row[] = []): Promise<void> {
  world.csv('hr.csv', hr, NO_PEOPLE);
  world.csv('crm.csv', crm, NO_CONTACTS);
  await world.cycle();
  world.mark();
}

test('the first load takes a person from the file to the account and back', async () => {
  await inWorld(company(), async (world) => {
    world.mark();
    world.csv('hr.csv', [ann({ projects: 'Red' })]);
    world.csv('crm.csv', [], NO_CONTACTS);
    const results = await world.cycle();
    assert.deepEqual(
      results.map(({ agent, result }) => `${agent} ${result}`),
      ['hr success', 'crm success', 'directory success', 'directory success'],
    );
    tells(
      world,
      'import stage-add | hr employee 1 | id: +1, name: +Ann Ash, title: +Clerk, projects: +Red',
      'import stage-add | hr project Red | name: +Red, member: +1',
      'projection disconnector-projected | hr employee 1 | <- import/stage-add',
      'import-flow connector-flow | hr person 1 | id: +1, name: +Ann Ash, title: +Clerk | <- projection/disconnector-projected <<- import/stage-add',
      'provisioning provisioned-add-flow | directory account uid=1,ou=people,dc=corp,dc=test | <- import-flow/connector-flow <<- import/stage-add',
      'export-flow connector-flow | directory account 1 | uid: +1, cn: +Ann Ash, sn: +Ash, employeeNumber: +1, title: +Clerk | <- provisioning/provisioned-add-flow <<- import/stage-add',
      'projection disconnector-projected | hr project Red | <- import/stage-add',
      'import-flow connector-flow | hr group Red | name: +Red, member: +Ann Ash | <- projection/disconnector-projected <<- import/stage-add',
      'provisioning provisioned-add-flow | directory group cn=Red,ou=groups,dc=corp,dc=test | <- import-flow/connector-flow <<- import/stage-add',
      'export-flow connector-flow | directory group Red | cn: +Red, member: +uid=1,ou=people,dc=corp,dc=test | <- provisioning/provisioned-add-flow <<- import/stage-add',
      'export export-intent | directory account 1 | <- export-flow/connector-flow <<- import/stage-add',
      'export export-intent | directory group Red | <- export-flow/connector-flow <<- import/stage-add',
      'export export-add | directory account 1 | uid: +1, cn: +Ann Ash, sn: +Ash, employeeNumber: +1, title: +Clerk, status: +titled | <- export/export-intent <<- import/stage-add',
      'export export-add | directory group Red | cn: +Red, member: +uid=1,ou=people,dc=corp,dc=test | <- export/export-intent <<- import/stage-add',
      'confirmation export-confirmed | directory account 1 | <- export/export-add <<- import/stage-add',
      'confirmation export-confirmed | directory group Red | <- export/export-add <<- import/stage-add',
    );
  });
});

test('the same files again give no event but those of the runs', async () => {
  await inWorld(company(), async (world) => {
    await given(world, [ann({ projects: 'Red', manager: 'Bob Beech' }), bob()], [contact({ title: 'Guest' })]);
    await world.cycle();
    tells(world);
    await world.run('hr', 'everything');
    await world.run('directory', 'everything');
    tells(world);
  });
});

test('one changed attribute goes its whole way: who, why, before, after and since when', async () => {
  await inWorld(company(), async (world) => {
    await given(world, [ann(), bob()]);
    world.csv('hr.csv', [ann({ title: 'Chief', by: 'dave' }), bob()]);
    await world.cycle({ initiator: 'erin' });
    const events = world.news().filter(({ stage }) => stage !== 'run');
    const at = (index: number) => events[index]?.sequence;
    const exported = world.events().find(({ outcome }) => outcome === 'export-add')?.sequence;
    const first = world.events().find(({ outcome }) => outcome === 'connector-flow')?.sequence;
    const read = world.events().find(({ outcome }) => outcome === 'stage-add')?.sequence;
    const seen = events.map(({ stage, outcome, causes, root, initiator, initiatorKnown, values: [value] }) => [
      `${stage}/${outcome}`,
      causes,
      root,
      `${initiator} ${initiatorKnown}`,
      value && [value.attribute, value.old, value.new, value.setBy, value.rule],
    ]);
    const root = at(0);
    assert.deepEqual(seen, [
      ['import/stage-update', [], root, 'dave reported', ['title', 'Clerk', 'Chief', read, undefined]],
      [
        'import-flow/connector-flow',
        [at(0)],
        root,
        'dave reported',
        ['title', 'Clerk', 'Chief', first, 'hr/employee/title'],
      ],
      [
        'export-flow/connector-flow',
        [at(1)],
        root,
        'dave reported',
        ['title', 'Clerk', 'Chief', exported, 'directory/account/title'],
      ],
      ['export/export-intent', [at(2)], root, 'dave reported', undefined],
      ['export/export-update', [at(3)], root, 'dave reported', ['title', 'Clerk', 'Chief', exported, undefined]],
      ['confirmation/export-confirmed', [at(4)], root, 'metatrail observed', undefined],
    ]);
    const runs = world.news().filter(({ stage }) => stage === 'run');
    assert.ok(runs.every(({ initiator }) => initiator === 'erin'));
    assert.ok(events.every(({ performer, configuration }) => performer === 'metatrail' && configuration === 0));
  });
});

test('the higher rank wins; the loser is recorded once, again when it changes, and takes over when the winner is cleared', async () => {
  await inWorld(company(INWARD), async (world) => {
    await given(world, [ann()]);
    world.csv('crm.csv', [contact({ title: 'Guest' })]);
    await world.cycle();
    tells(
      world,
      'import stage-add | crm contact c1 | key: +c1, id: +1, name: +Ann Ash, title: +Guest',
      'join disconnector-joined | crm contact c1 | <- import/stage-add',
      'import-flow skipped-not-precedent | crm person c1 | title: +Guest (was import-flow/connector-flow) | <- join/disconnector-joined <<- import/stage-add',
    );
    await world.cycle();
    tells(world);
    world.csv('crm.csv', [contact({ title: 'Visitor' })]);
    await world.cycle();
    tells(
      world,
      'import stage-update | crm contact c1 | title: Guest > Visitor (was import/stage-add)',
      'import-flow skipped-not-precedent | crm person c1 | title: +Visitor (was import-flow/connector-flow) | <- import/stage-update',
    );
    world.csv('hr.csv', [ann({ title: '' })]);
    await world.cycle();
    tells(
      world,
      'import stage-update | hr employee 1 | title: -Clerk (was import/stage-add)',
      'import-flow connector-flow | hr person 1 | title: Clerk > Visitor (was import-flow/connector-flow) | <- import/stage-update',
    );
    world.csv('hr.csv', [ann({ title: 'Chief' })]);
    await world.cycle();
    tells(
      world,
      'import stage-update | hr employee 1 | title: +Chief',
      'import-flow connector-flow | hr person 1 | title: Visitor > Chief (was import-flow/connector-flow) | <- import/stage-update',
      'import-flow skipped-not-precedent | crm person c1 | title: +Visitor (was import-flow/connector-flow) | <- import-flow/connector-flow <<- import/stage-update',
    );
  });
});

test('when the winner goes its values are recalled and the next in rank takes over', async () => {
  await inWorld(company({ ...INWARD, deletion: 'last-connector' }), async (world) => {
    await given(world, [ann()], [contact({ title: 'Guest' })]);
    world.csv('hr.csv', [], NO_PEOPLE);
    await world.cycle();
    tells(
      world,
      'import stage-delete | hr employee 1 | id: -1 (was import/stage-add), name: -Ann Ash (was import/stage-add), title: -Clerk (was import/stage-add)',
      'recall connector-delete-leave-mv | hr person 1 | id: -1 (was import-flow/connector-flow), name: -Ann Ash (was import-flow/connector-flow), title: Clerk > Guest (was import-flow/connector-flow) | <- import/stage-delete',
    );
  });
});

test('a value that another contributes as well stays, and the log says whose it is now', async () => {
  await inWorld(company({ ...INWARD, deletion: 'last-connector' }), async (world) => {
    await given(world, [ann()], [contact({ title: 'Clerk' })]);
    world.csv('hr.csv', [], NO_PEOPLE);
    await world.cycle();
    tells(
      world,
      'import stage-delete | hr employee 1 | id: -1 (was import/stage-add), name: -Ann Ash (was import/stage-add), title: -Clerk (was import/stage-add)',
      'recall connector-delete-leave-mv | hr person 1 | id: -1 (was import-flow/connector-flow), name: -Ann Ash (was import-flow/connector-flow) | <- import/stage-delete',
      'import-flow contributor-changed | crm person c1 | <- recall/connector-delete-leave-mv <<- import/stage-delete',
    );
    world.csv('crm.csv', [contact({ title: '' })]);
    await world.cycle();
    tells(
      world,
      'import stage-update | crm contact c1 | title: -Clerk (was import/stage-add)',
      'import-flow connector-flow | crm person c1 | title: -Clerk (was import-flow/connector-flow) | <- import/stage-update',
    );
  });
});

test('recall: false keeps the value when its contributor goes, but not when it clears it', async () => {
  await inWorld(company({ ...INWARD, deletion: 'last-connector' }), async (world) => {
    await given(world, [ann(), bob()], [contact({ phone: '100' }), contact({ key: 'c2', id: '2', phone: '200' })]);
    world.csv('crm.csv', [contact({ key: 'c2', id: '2', phone: '' })]);
    await world.cycle();
    tells(
      world,
      'import stage-update | crm contact c2 | phone: -200 (was import/stage-add)',
      'import stage-delete | crm contact c1 | key: -c1 (was import/stage-add), id: -1 (was import/stage-add), name: -Ann Ash (was import/stage-add), phone: -100 (was import/stage-add)',
      'recall connector-delete-leave-mv | crm person c1 | <- import/stage-delete',
      'import-flow connector-flow | crm person c2 | phone: -200 (was import-flow/connector-flow) | <- import/stage-update',
    );
  });
});

test('join criteria are tried in order; the first that finds somebody decides', async () => {
  await inWorld(company({ ...INWARD, join: '[{ id: id }, { name: name }]' }), async (world) => {
    await given(world, [ann(), bob()]);
    world.csv('crm.csv', [
      contact({ key: 'by-name', id: '9' }),
      contact({ key: 'by-id', id: '2', name: 'Ann Ash' }),
      contact({ key: 'nobody', id: '8', name: 'Zoe' }),
    ]);
    const result = await world.run('crm', 'full');
    tells(
      world,
      'import stage-add | crm contact by-name | key: +by-name, id: +9, name: +Ann Ash',
      'import stage-add | crm contact by-id | key: +by-id, id: +2, name: +Ann Ash',
      'import stage-add | crm contact nobody | key: +nobody, id: +8, name: +Zoe',
      'join disconnector-joined | crm contact by-name | <- import/stage-add',
      'join disconnector-joined | crm contact by-id | <- import/stage-add',
    );
    assert.equal(result.result, 'success');
    const remains = result.steps[1]?.counters.find(({ name }) => name === 'disconnector-remains');
    assert.equal(remains?.count, 1);
  });
});

test('an ambiguous join is one event, is tried again, and resolves when the ambiguity ends', async () => {
  await inWorld(company({ ...INWARD, join: '[{ name: name }]' }), async (world) => {
    await given(world, [ann(), bob({ name: 'Ann Ash' })]);
    world.csv('crm.csv', [contact()]);
    assert.equal((await world.run('crm', 'full')).result, 'completed-sync-errors');
    tells(
      world,
      'import stage-add | crm contact c1 | key: +c1, id: +1, name: +Ann Ash',
      'join ambiguous-join | crm contact c1 | candidate: +Ann Ash, candidate: +Ann Ash | <- import/stage-add',
    );
    assert.equal((await world.run('crm', 'full')).result, 'completed-sync-errors');
    tells(world);
    world.csv('hr.csv', [ann(), bob()]);
    await world.run('hr', 'full');
    world.mark();
    assert.equal((await world.run('crm', 'full')).result, 'success');
    tells(world, 'join disconnector-joined | crm contact c1 | <- import/stage-add');
  });
});

test('an object has one connector of an agent: a second one could not join, and joins when the first goes', async () => {
  await inWorld(company(INWARD), async (world) => {
    await given(world, [ann()], [contact()]);
    world.csv('crm.csv', [contact(), contact({ key: 'c2', phone: '7' })]);
    await world.cycle();
    tells(
      world,
      'import stage-add | crm contact c2 | key: +c2, id: +1, name: +Ann Ash, phone: +7',
      'join could-not-join-due-to-existing-join | crm contact c2 | candidate: +Ann Ash | <- import/stage-add',
    );
    world.csv('crm.csv', [contact({ key: 'c2', phone: '7' })]);
    await world.cycle();
    tells(
      world,
      'import stage-delete | crm contact c1 | key: -c1 (was import/stage-add), id: -1 (was import/stage-add), name: -Ann Ash (was import/stage-add)',
      'recall connector-delete-leave-mv | crm person c1 | <- import/stage-delete',
      'join disconnector-joined | crm contact c2 | <- import/stage-add',
      'import-flow connector-flow | crm person c2 | phone: +7 | <- join/disconnector-joined <<- import/stage-add',
    );
  });
});

test('the filter takes a connector out and lets it in again, as a new object with its predecessor', async () => {
  await inWorld(company({ ...INWARD, filter: "'status' in entry && entry.status == 'external'" }), async (world) => {
    await given(world, [ann(), bob({ status: 'external' })]);
    const [former] = world.objects();
    assert.equal(world.objects().length, 1);
    world.csv('hr.csv', [ann({ status: 'external' }), bob({ status: 'external', title: 'Chief' })]);
    await world.cycle();
    tells(
      world,
      'import stage-update | hr employee 1 | status: +external',
      'import stage-update | hr employee 2 | title: +Chief',
      'filter connector-filtered | hr employee 1 | <- import/stage-update',
      'deletion connector-delete-remove-mv | hr person Ann Ash | id: -1 (was import-flow/connector-flow), name: -Ann Ash (was import-flow/connector-flow), title: -Clerk (was import-flow/connector-flow) | <- filter/connector-filtered <<- import/stage-update',
    );
    assert.equal(world.objects().length, 0);
    world.csv('hr.csv', [ann(), bob({ status: 'external', title: 'Chief' })]);
    await world.cycle();
    const projected = world.news().find(({ stage }) => stage === 'projection');
    assert.equal(projected?.values[0]?.reference, former?.id);
    world.mark();
  });
});

test('an entry that one import missed and that is back before any synchronisation stays joined', async () => {
  await inWorld(company(INWARD), async (world) => {
    await given(world, [ann(), bob()]);
    const before = world.objects().map(({ id }) => id);
    world.csv('hr.csv', [bob()]);
    await world.run('hr', 'import');
    world.csv('hr.csv', [ann(), bob()]);
    await world.run('hr', 'full');
    tells(
      world,
      'import stage-delete | hr employee 1 | id: -1 (was import/stage-add), name: -Ann Ash (was import/stage-add), title: -Clerk (was import/stage-add)',
      'import stage-add | hr employee 1 | id: +1, name: +Ann Ash, title: +Clerk',
    );
    assert.deepEqual(
      world.objects().map(({ id }) => id),
      before,
    );
  });
});
