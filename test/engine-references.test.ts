// Stories of references: who is named by anchor, DN or name, who is not there, who is there twice, who was renamed, went
// or came back. A reference is recorded when it cannot be resolved and never guessed at.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { company } from './engine-company.ts';
import { GROUPS, inWorld, NOBODY, PEOPLE, type Row, tells, type World } from './engine-world.ts';

const ANN = `uid=1,${PEOPLE}`;
const BOB = `uid=2,${PEOPLE}`;
const RED = `cn=Red,${GROUPS}`;

const ann = (more: Row = {}): Row => ({ id: '1', name: 'Ann Ash', ...EMPTY, ...more });
const bob = (more: Row = {}): Row => ({ id: '2', name: 'Bob Beech', ...EMPTY, ...more });
const cid = (more: Row = {}): Row => ({ id: '3', name: 'Cid Cedar', ...EMPTY, ...more });
const EMPTY = { title: '', phone: '', status: '', projects: '', manager: '', by: '' };

/** A clean cycle on these people. */
async function people(world: World, ...rows: Row[]): Promise<void> {
  world.csv('hr.csv', rows, Object.keys(ann()));
  world.csv('crm.csv', [], ['key', 'id', 'name', 'title', 'phone']);
  world.mark();
  await world.cycle();
}

const managerOf = (world: World, dn: string) => world.directory()[dn]?.manager?.[0];
/** The lines of the story about references only. */
const about = (world: World, pattern: RegExp) => world.story().filter((line) => pattern.test(line));

test('a manager who is not there is recorded once and resolved when she comes', async () => {
  await inWorld(company({ groups: false }), async (world) => {
    await people(world, bob({ manager: 'Ann Ash' }));
    assert.deepEqual(about(world, /reference/), [
      'import-flow unresolved-reference | hr employee 2 | manager: +Ann Ash | <- projection/disconnector-projected <<- import/stage-add',
    ]);
    assert.equal(managerOf(world, BOB), undefined);
    await people(world, bob({ manager: 'Ann Ash' }));
    tells(world);
    await people(world, bob({ manager: 'Ann Ash' }), ann());
    assert.equal(managerOf(world, BOB), ANN);
    tells(
      world,
      'import stage-add | hr employee 1 | id: +1, name: +Ann Ash',
      'projection disconnector-projected | hr employee 1 | <- import/stage-add',
      'import-flow connector-flow | hr person 1 | id: +1, name: +Ann Ash | <- projection/disconnector-projected <<- import/stage-add',
      'provisioning provisioned-add-flow | directory account uid=1,ou=people,dc=corp,dc=test | <- import-flow/connector-flow <<- import/stage-add',
      'export-flow connector-flow | directory account 1 | uid: +1, cn: +Ann Ash, sn: +Ash, employeeNumber: +1 | <- provisioning/provisioned-add-flow <<- import/stage-add',
      'import-flow connector-flow | hr person 2 | manager: +Ann Ash | <- projection/disconnector-projected <<- import/stage-add',
      'export-flow connector-flow | directory account 2 | manager: +uid=1,ou=people,dc=corp,dc=test | <- import-flow/connector-flow <<- import/stage-add',
      'export export-intent | directory account 1 | <- export-flow/connector-flow <<- import/stage-add',
      'export export-intent | directory account 2 | <- export-flow/connector-flow <<- import/stage-add',
      'export export-add | directory account 1 | uid: +1, cn: +Ann Ash, sn: +Ash, employeeNumber: +1, status: +untitled | <- export/export-intent <<- import/stage-add',
      'export export-update | directory account 2 | manager: +uid=1,ou=people,dc=corp,dc=test | <- export/export-intent <<- import/stage-add',
      'confirmation export-confirmed | directory account 2 | <- export/export-update <<- import/stage-add',
      'confirmation export-confirmed | directory account 1 | <- export/export-add <<- import/stage-add',
    );
  });
});

test('a name that two people have is ambiguous, and resolves when one of them is renamed', async () => {
  await inWorld(company({ groups: false }), async (world) => {
    await people(world, ann(), bob({ name: 'Ann Ash' }), cid({ manager: 'Ann Ash' }));
    assert.deepEqual(about(world, /reference/), [
      'import-flow ambiguous-reference | hr employee 3 | manager: +Ann Ash | <- projection/disconnector-projected <<- import/stage-add',
    ]);
    assert.equal(managerOf(world, `uid=3,${PEOPLE}`), undefined);
    await people(world, ann(), bob(), cid({ manager: 'Ann Ash' }));
    assert.equal(managerOf(world, `uid=3,${PEOPLE}`), ANN);
    await people(world, ann(), bob({ name: 'Ann Ash' }), cid({ manager: 'Ann Ash' }));
    assert.equal(managerOf(world, `uid=3,${PEOPLE}`), undefined, 'certain no longer');
    assert.equal(about(world, /ambiguous-reference/).length, 1);
  });
});

test('a reference by anchor survives the renaming of whom it names; one by name does not', async () => {
  for (const managerBy of ['anchor', 'name']) {
    await inWorld(company({ groups: false, managerBy }), async (world) => {
      const manager = managerBy === 'anchor' ? '1' : 'Ann Ash';
      await people(world, ann(), bob({ manager }));
      assert.equal(managerOf(world, BOB), ANN);
      await people(world, ann({ name: 'Ann Birch' }), bob({ manager }));
      assert.equal(managerOf(world, BOB), managerBy === 'anchor' ? ANN : undefined);
      assert.equal(about(world, /unresolved-reference/).length, managerBy === 'anchor' ? 0 : 1);
    });
  }
});

test('whoever refers to a leaver refers to nobody, and to the re-hired person again', async () => {
  await inWorld(company(), async (world) => {
    await people(world, ann({ projects: 'Red' }), bob({ manager: 'Ann Ash', projects: 'Red' }));
    const before = world.objects().find(({ attributes }) => attributes.id?.values[0]?.[0] === '1');
    await people(world, bob({ manager: 'Ann Ash', projects: 'Red' }));
    assert.equal(managerOf(world, BOB), undefined);
    assert.deepEqual(world.directory()[RED]?.member, [BOB]);
    await people(world, ann({ projects: 'Red' }), bob({ manager: 'Ann Ash', projects: 'Red' }));
    assert.equal(managerOf(world, BOB), ANN);
    assert.deepEqual(world.directory()[RED]?.member?.toSorted(), [ANN, BOB]);
    const projected = world.news().find(({ stage }) => stage === 'projection');
    assert.equal(projected?.values[0]?.attribute, 'predecessor');
    assert.equal(projected?.values[0]?.reference, before?.id);
  });
});

test('two who manage each other, and one who manages herself, have each other and herself', async () => {
  await inWorld(company({ groups: false }), async (world) => {
    await people(world, ann({ manager: 'Bob Beech' }), bob({ manager: 'Ann Ash' }), cid({ manager: 'Cid Cedar' }));
    assert.equal(managerOf(world, ANN), BOB);
    assert.equal(managerOf(world, BOB), ANN);
    assert.equal(managerOf(world, `uid=3,${PEOPLE}`), `uid=3,${PEOPLE}`);
    assert.deepEqual(about(world, /reference/), []);
  });
});

test('whoever refers to somebody that the filter takes out refers to nobody', async () => {
  await inWorld(
    company({ groups: false, filter: "'status' in entry && entry.status == 'external'" }),
    async (world) => {
      await people(world, ann(), bob({ manager: 'Ann Ash' }));
      await people(world, ann({ status: 'external' }), bob({ manager: 'Ann Ash' }));
      assert.equal(managerOf(world, BOB), undefined);
      tells(
        world,
        'import stage-update | hr employee 1 | status: +external',
        'filter connector-filtered | hr employee 1 | <- import/stage-update',
        'deletion connector-delete-remove-mv | hr person Ann Ash | id: -1 (was import-flow/connector-flow), name: -Ann Ash (was import-flow/connector-flow) | <- filter/connector-filtered <<- import/stage-update',
        'deprovisioning deprovisioned-delete | directory account 1 | <- deletion/connector-delete-remove-mv <<- import/stage-update',
        'import-flow connector-flow | hr person 2 | manager: -Ann Ash (was import-flow/connector-flow) | <- filter/connector-filtered <<- import/stage-update',
        'export-flow connector-flow | directory account 2 | manager: -uid=1,ou=people,dc=corp,dc=test (was export/export-add) | <- import-flow/connector-flow <<- import/stage-update',
        'import-flow reference-not-joined | hr employee 2 | manager: +Ann Ash | <- filter/connector-filtered <<- import/stage-update',
        'export export-intent | directory account 2 | <- export-flow/connector-flow <<- import/stage-update',
        'export export-intent | directory account 1 | <- deprovisioning/deprovisioned-delete <<- import/stage-update',
        'export export-update | directory account 2 | manager: -uid=1,ou=people,dc=corp,dc=test (was export/export-add) | <- export/export-intent <<- import/stage-update',
        'export export-delete | directory account 1 | uid: -1 (was export/export-add), cn: -Ann Ash (was export/export-add), sn: -Ash (was export/export-add), employeeNumber: -1 (was export/export-add), status: -untitled (was export/export-add) | <- export/export-intent <<- import/stage-update',
        'confirmation export-confirmed | directory account 2 | <- export/export-update <<- import/stage-update',
        'confirmation export-confirmed | directory account 1 | <- export/export-delete <<- import/stage-update',
      );
      await people(world, ann(), bob({ manager: 'Ann Ash' }));
      assert.equal(managerOf(world, BOB), ANN);
    },
  );
});

test('a group that nobody is in keeps its placeholder, and one that comes back is a group again', async () => {
  const withoutAccounts = company({
    provisioning: `when: "!('title' in object)"\ndn: "'uid=' + rdn(object.id) + ',ou=people,dc=corp,dc=test'"\notherwise: delete`,
  });
  await inWorld(withoutAccounts, async (world) => {
    await people(world, ann({ projects: 'Red' }));
    assert.deepEqual(world.directory()[RED]?.member, [ANN]);
    await people(world, ann({ projects: 'Red', title: 'Robot' }));
    assert.deepEqual(world.directory()[RED]?.member, [NOBODY]);
    tells(
      world,
      'import stage-update | hr employee 1 | title: +Robot',
      'import-flow connector-flow | hr person 1 | title: +Robot | <- import/stage-update',
      'deprovisioning deprovisioned-delete | directory account 1 | <- import-flow/connector-flow <<- import/stage-update',
      'export-flow connector-flow | directory group Red | member: -uid=1,ou=people,dc=corp,dc=test (was export/export-add), member: +cn=nobody,ou=groups,dc=corp,dc=test | <- deprovisioning/deprovisioned-delete <<- import/stage-update',
      'export export-intent | directory group Red | <- export-flow/connector-flow <<- import/stage-update',
      'export export-intent | directory account 1 | <- deprovisioning/deprovisioned-delete <<- import/stage-update',
      'export export-update | directory group Red | member: -uid=1,ou=people,dc=corp,dc=test (was export/export-add), member: +cn=nobody,ou=groups,dc=corp,dc=test | <- export/export-intent <<- import/stage-update',
      'export export-delete | directory account 1 | uid: -1 (was export/export-add), cn: -Ann Ash (was export/export-add), sn: -Ash (was export/export-add), employeeNumber: -1 (was export/export-add), status: -untitled (was export/export-add) | <- export/export-intent <<- import/stage-update',
      'confirmation export-confirmed | directory group Red | <- export/export-update <<- import/stage-update',
      'confirmation export-confirmed | directory account 1 | <- export/export-delete <<- import/stage-update',
    );
    await people(world, ann());
    assert.equal(world.directory()[RED], undefined);
    await people(world, ann({ projects: 'Red' }));
    assert.deepEqual(world.directory()[RED]?.member, [ANN]);
  });
});

test('when an account is renamed all that refers to it follows, and the log knows that it is the same person', async () => {
  const moving = company({
    provisioning: `dn: "'uid=' + rdn(object.id) + ('title' in object ? ',ou=leavers' : ',ou=people') + ',dc=corp,dc=test'"\notherwise: delete`,
  });
  await inWorld(moving, async (world) => {
    await people(world, ann({ projects: 'Red' }), bob({ manager: 'Ann Ash' }), cid({ manager: 'Cid Cedar' }));
    const object = world.events().find(({ anchor, stage }) => anchor === '1' && stage === 'import-flow')?.object;
    await people(
      world,
      ann({ projects: 'Red', title: 'Gone' }),
      bob({ manager: 'Ann Ash' }),
      cid({ manager: 'Cid Cedar' }),
    );
    assert.equal(managerOf(world, BOB), 'uid=1,ou=leavers,dc=corp,dc=test');
    assert.deepEqual(world.directory()[RED]?.member, ['uid=1,ou=leavers,dc=corp,dc=test']);
    const values = world.news().flatMap((event) => (event.stage === 'export' ? event.values : []));
    const references = values.filter(({ type }) => type === 'reference');
    assert.equal(references.length, 4);
    assert.ok(references.every(({ reference }) => reference === object));
    tells(
      world,
      'import stage-update | hr employee 1 | title: +Gone',
      'import-flow connector-flow | hr person 1 | title: +Gone | <- import/stage-update',
      'export-flow connector-flow | directory account 1 | dn: uid=1,ou=people,dc=corp,dc=test > uid=1,ou=leavers,dc=corp,dc=test, title: +Gone | <- import-flow/connector-flow <<- import/stage-update',
      'export-flow connector-flow | directory account 2 | manager: -uid=1,ou=people,dc=corp,dc=test (was export/export-add), manager: +uid=1,ou=leavers,dc=corp,dc=test | <- export-flow/connector-flow <<- import/stage-update',
      'export-flow connector-flow | directory group Red | member: -uid=1,ou=people,dc=corp,dc=test (was export/export-add), member: +uid=1,ou=leavers,dc=corp,dc=test | <- export-flow/connector-flow <<- import/stage-update',
      'export export-intent | directory account 1 | <- export-flow/connector-flow <<- import/stage-update',
      'export export-intent | directory account 2 | <- export-flow/connector-flow <<- import/stage-update',
      'export export-intent | directory group Red | <- export-flow/connector-flow <<- import/stage-update',
      'export export-rename | directory account 1 | dn: uid=1,ou=people,dc=corp,dc=test > uid=1,ou=leavers,dc=corp,dc=test, status: untitled > titled (was export/export-add), title: +Gone | <- export/export-intent <<- import/stage-update',
      'export export-update | directory account 2 | manager: -uid=1,ou=people,dc=corp,dc=test (was export/export-add), manager: +uid=1,ou=leavers,dc=corp,dc=test | <- export/export-intent <<- import/stage-update',
      'export export-update | directory group Red | member: -uid=1,ou=people,dc=corp,dc=test (was export/export-add), member: +uid=1,ou=leavers,dc=corp,dc=test | <- export/export-intent <<- import/stage-update',
      'confirmation export-confirmed | directory account 2 | <- export/export-update <<- import/stage-update',
      'confirmation export-confirmed | directory group Red | <- export/export-update <<- import/stage-update',
      'confirmation export-confirmed | directory account 1 | <- export/export-rename <<- import/stage-update',
    );
    await people(
      world,
      ann({ projects: 'Red', title: 'Gone' }),
      bob({ manager: 'Ann Ash' }),
      cid({ manager: 'Cid Cedar', title: 'Gone' }),
    );
    assert.equal(managerOf(world, 'uid=3,ou=leavers,dc=corp,dc=test'), 'uid=3,ou=leavers,dc=corp,dc=test');
    await people(
      world,
      ann({ projects: 'Red', title: 'Gone' }),
      bob({ manager: 'Ann Ash' }),
      cid({ manager: 'Cid Cedar', title: 'Gone' }),
    );
    tells(world);
  });
});
