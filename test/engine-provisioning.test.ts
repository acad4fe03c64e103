// Stories of the way out: who gets an account and where, renames, what happens to the accounts of those who go, and what
// the directory refuses.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CompanyOptions, company } from './engine-company.ts';
import { BASE, inWorld, PEOPLE, type Row, tells, type World } from './engine-world.ts';

const EMPTY = { title: '', phone: '', status: '', projects: '', manager: '', by: '' };
const ann = (more: Row = {}): Row => ({ id: '1', name: 'Ann Ash', ...EMPTY, ...more });
const bob = (more: Row = {}): Row => ({ id: '2', name: 'Bob Beech', ...EMPTY, ...more });
const NO_CONTACTS = ['key', 'id', 'name', 'title', 'phone'];
const ACCOUNTS: CompanyOptions = { groups: false };

async function people(world: World, ...rows: Row[]): Promise<void> {
  world.csv('hr.csv', rows, Object.keys(ann()));
  world.csv('crm.csv', [], NO_CONTACTS);
  world.mark();
  await world.cycle();
}

const accounts = (world: World) =>
  Object.keys(world.directory()).filter((dn) => dn.startsWith('uid=') || dn.startsWith('cn='));
const ruled = (dn: string, more: string): CompanyOptions => ({ ...ACCOUNTS, provisioning: `dn: "${dn}"\n${more}` });
/** Leaves accounts of objects that have lost their values alone. */
const KEPT = `when: "'id' in object"\ndn: "'id' in object ? 'uid=' + object.id + ',ou=people,dc=corp,dc=test' : ''"\notherwise: disconnect`;
const BY_ID = "'uid=' + rdn(object.id) + ',ou=people,dc=corp,dc=test'";

test('whoever the rule wants gets an account, when it wants them no longer it is deleted, and then made anew', async () => {
  await inWorld(company(ruled(BY_ID, `when: "'title' in object"\notherwise: delete`)), async (world) => {
    await people(world, ann({ title: 'Clerk' }), bob());
    assert.deepEqual(accounts(world), [`cn=nobody,ou=groups,${BASE}`, `uid=1,${PEOPLE}`]);
    await people(world, ann(), bob());
    tells(
      world,
      'import stage-update | hr employee 1 | title: -Clerk (was import/stage-add)',
      'import-flow connector-flow | hr person 1 | title: -Clerk (was import-flow/connector-flow) | <- import/stage-update',
      'deprovisioning deprovisioned-delete | directory account 1 | <- import-flow/connector-flow <<- import/stage-update',
      'export export-intent | directory account 1 | <- deprovisioning/deprovisioned-delete <<- import/stage-update',
      'export export-delete | directory account 1 | uid: -1 (was export/export-add), cn: -Ann Ash (was export/export-add), sn: -Ash (was export/export-add), employeeNumber: -1 (was export/export-add), title: -Clerk (was export/export-add), status: -titled (was export/export-add) | <- export/export-intent <<- import/stage-update',
      'confirmation export-confirmed | directory account 1 | <- export/export-delete <<- import/stage-update',
    );
    assert.deepEqual(accounts(world), [`cn=nobody,ou=groups,${BASE}`]);
    await people(world, ann({ title: 'Clerk' }), bob());
    assert.deepEqual(accounts(world), [`cn=nobody,ou=groups,${BASE}`, `uid=1,${PEOPLE}`]);
  });
});

test('an account that is wanted again before its delete was sent stays the one that it was', async () => {
  await inWorld(company(ruled(BY_ID, `when: "'title' in object"\notherwise: delete`)), async (world) => {
    await people(world, ann({ title: 'Clerk' }));
    world.csv('hr.csv', [ann()], Object.keys(ann()));
    await world.run('hr', 'full');
    await people(world, ann({ title: 'Chief' }));
    tells(
      world,
      'import stage-update | hr employee 1 | title: +Chief',
      'import-flow connector-flow | hr person 1 | title: +Chief | <- import/stage-update',
      'provisioning provisioned-reconnect | directory account 1 | <- import-flow/connector-flow <<- import/stage-update',
      'export-flow connector-flow | directory account 1 | title: Clerk > Chief (was export/export-add) | <- provisioning/provisioned-reconnect <<- import/stage-update',
      'export export-intent | directory account 1 | <- export-flow/connector-flow <<- import/stage-update',
      'export export-update | directory account 1 | title: Clerk > Chief (was export/export-add) | <- export/export-intent <<- import/stage-update',
      'confirmation export-confirmed | directory account 1 | <- export/export-update <<- import/stage-update',
    );
    assert.deepEqual(accounts(world), [`cn=nobody,ou=groups,${BASE}`, `uid=1,${PEOPLE}`]);
  });
});

test('otherwise: disconnect leaves the account and never joins it, but takes it up again when it is wanted', async () => {
  await inWorld(company(ruled(BY_ID, `when: "'title' in object"\notherwise: disconnect`)), async (world) => {
    await people(world, ann({ title: 'Clerk' }));
    await people(world, ann());
    tells(
      world,
      'import stage-update | hr employee 1 | title: -Clerk (was import/stage-add)',
      'import-flow connector-flow | hr person 1 | title: -Clerk (was import-flow/connector-flow) | <- import/stage-update',
      'deprovisioning provisioned-disconnect | directory account 1 | <- import-flow/connector-flow <<- import/stage-update',
    );
    await people(world, ann({ name: 'Ann Birch' }));
    assert.deepEqual(world.directory()[`uid=1,${PEOPLE}`]?.cn, ['Ann Ash'], 'left alone');
    await people(world, ann({ name: 'Ann Birch', title: 'Chief' }));
    assert.deepEqual(world.directory()[`uid=1,${PEOPLE}`]?.cn, ['Ann Birch']);
    tells(
      world,
      'import stage-update | hr employee 1 | title: +Chief',
      'import-flow connector-flow | hr person 1 | title: +Chief | <- import/stage-update',
      'provisioning provisioned-reconnect | directory account 1 | <- import-flow/connector-flow <<- import/stage-update',
      'export-flow connector-flow | directory account 1 | cn: Ann Ash > Ann Birch (was export/export-add), sn: Ash > Birch (was export/export-add), title: Clerk > Chief (was export/export-add) | <- provisioning/provisioned-reconnect <<- import/stage-update',
      'export export-intent | directory account 1 | <- export-flow/connector-flow <<- import/stage-update',
      'export export-update | directory account 1 | cn: Ann Ash > Ann Birch (was export/export-add), sn: Ash > Birch (was export/export-add), title: Clerk > Chief (was export/export-add) | <- export/export-intent <<- import/stage-update',
      'confirmation export-confirmed | directory account 1 | <- export/export-update <<- import/stage-update',
    );
  });
});

test('otherwise: keep goes on maintaining the account', async () => {
  await inWorld(company(ruled(BY_ID, `when: "'title' in object"\notherwise: keep`)), async (world) => {
    await people(world, ann({ title: 'Clerk' }));
    await people(world, ann({ name: 'Ann Birch' }));
    assert.deepEqual(world.directory()[`uid=1,${PEOPLE}`]?.cn, ['Ann Birch']);
    assert.equal(world.directory()[`uid=1,${PEOPLE}`]?.title, undefined);
  });
});

test('a name full of special characters is escaped in the DN, and renamed when it changes', async () => {
  const byName = ruled("'cn=' + rdn(object.name) + ',ou=people,dc=corp,dc=test'", 'otherwise: delete');
  await inWorld(company(byName), async (world) => {
    await people(world, ann({ name: `O'Brien, Jr. +#` }), bob({ name: ' Zoë <"x">; ' }));
    assert.deepEqual(accounts(world).slice(1), [
      `cn=O'Brien\\, Jr. \\+#,${PEOPLE}`,
      `cn=\\ Zoë \\<\\"x\\"\\>\\;\\ ,${PEOPLE}`,
    ]);
    await people(world, ann({ name: '#1 \\ Ann' }), bob({ name: ' Zoë <"x">; ' }));
    assert.deepEqual(accounts(world)[1], `cn=\\#1 \\\\ Ann,${PEOPLE}`);
    tells(
      world,
      "import stage-update | hr employee 1 | name: O'Brien, Jr. +# > #1 \\ Ann (was import/stage-add)",
      "import-flow connector-flow | hr person 1 | name: O'Brien, Jr. +# > #1 \\ Ann (was import-flow/connector-flow) | <- import/stage-update",
      "export-flow connector-flow | directory account 1 | dn: cn=O'Brien\\, Jr. \\+#,ou=people,dc=corp,dc=test > cn=\\#1 \\\\ Ann,ou=people,dc=corp,dc=test, cn: O'Brien, Jr. +# > #1 \\ Ann (was export/export-add), sn: +# > Ann (was export/export-add) | <- import-flow/connector-flow <<- import/stage-update",
      'export export-intent | directory account 1 | <- export-flow/connector-flow <<- import/stage-update',
      "export export-rename | directory account 1 | dn: cn=O'Brien\\, Jr. \\+#,ou=people,dc=corp,dc=test > cn=\\#1 \\\\ Ann,ou=people,dc=corp,dc=test, cn: O'Brien, Jr. +# > #1 \\ Ann (was export/export-add), sn: +# > Ann (was export/export-add) | <- export/export-intent <<- import/stage-update",
      'confirmation export-confirmed | directory account 1 | <- export/export-rename <<- import/stage-update',
    );
    await people(world, ann({ name: '#1 \\ Ann' }), bob({ name: ' Zoë <"x">; ' }));
    tells(world);
  });
});

test('an add that was refused follows the rule to another name', async () => {
  await inWorld(company(ruled("'cn=' + rdn(object.name) + ',ou=people,dc=corp,dc=test'", '')), async (world) => {
    await people(world);
    world.edit((records) => [...records, byHand(`cn=Ann Ash,${PEOPLE}`, 'someone-else')]);
    await people(world, ann());
    assert.equal(world.news().filter(({ outcome }) => outcome === 'export-failure').length, 1);
    await people(world, ann({ name: 'Ann Birch' }));
    assert.deepEqual(world.directory()[`cn=Ann Birch,${PEOPLE}`]?.uid, ['1']);
  });
});

function byHand(dn: string, uid: string, employeeNumber?: string) {
  const cn = /^cn=([^,]*)/.exec(dn)?.[1] ?? 'By Hand';
  const values = [
    { type: 'objectClass', value: 'inetOrgPerson' },
    { type: 'uid', value: uid },
    { type: 'cn', value: cn },
    { type: 'sn', value: 'Hand' },
    ...(employeeNumber === undefined ? [] : [{ type: 'employeeNumber', value: employeeNumber }]),
  ];
  return { dn, line: 0, values };
}

test('a DN that somebody took by hand is refused, recorded, tried again, and adopted when it can be joined', async () => {
  await inWorld(company(ACCOUNTS), async (world) => {
    await people(world);
    world.edit((records) => [...records, byHand(`uid=1,${PEOPLE}`, '1')]);
    world.csv('hr.csv', [ann()], Object.keys(ann()));
    world.mark();
    await world.run('hr', 'full');
    const refused = await world.run('directory', 'export');
    assert.equal(refused.result, 'completed-export-errors');
    await world.run('directory', 'confirm');
    tells(
      world,
      'import stage-add | hr employee 1 | id: +1, name: +Ann Ash',
      'projection disconnector-projected | hr employee 1 | <- import/stage-add',
      'import-flow connector-flow | hr person 1 | id: +1, name: +Ann Ash | <- projection/disconnector-projected <<- import/stage-add',
      'provisioning provisioned-add-flow | directory account uid=1,ou=people,dc=corp,dc=test | <- import-flow/connector-flow <<- import/stage-add',
      'export-flow connector-flow | directory account 1 | uid: +1, cn: +Ann Ash, sn: +Ash, employeeNumber: +1 | <- provisioning/provisioned-add-flow <<- import/stage-add',
      'export export-intent | directory account 1 | <- export-flow/connector-flow <<- import/stage-add',
      'export export-failure | directory account 1 | "uid=1,ou=people,dc=corp,dc=test is there already, with other attributes: import it and join it." | <- export/export-intent <<- import/stage-add',
      'import stage-add ~ | directory account 1 | uid: +1, cn: +By Hand, sn: +Hand, status: +untitled',
    );
    await world.run('directory', 'export');
    tells(
      world,
      'export export-intent | directory account 1 | <- export-flow/connector-flow <<- import/stage-add',
      'export export-failure | directory account 1 | "uid=1,ou=people,dc=corp,dc=test is there already, with other attributes: import it and join it." | <- export/export-intent <<- import/stage-add',
    );
    world.setByHand(`uid=1,${PEOPLE}`, 'employeeNumber', '1');
    await world.run('directory', 'confirm');
    await world.run('directory', 'export');
    await world.run('directory', 'confirm');
    tells(
      world,
      'import stage-update ~ | directory account 1 | employeeNumber: +1',
      'join disconnector-joined | directory account 1 | <- import/stage-update',
      'export-flow pending-export-withdrawn | directory account 1 | <- join/disconnector-joined, export-flow/connector-flow <<- import/stage-update',
      'export-flow connector-flow | directory account 1 | cn: By Hand > Ann Ash (was import/stage-add), sn: Hand > Ash (was import/stage-add) | <- join/disconnector-joined <<- import/stage-update',
      'export export-intent | directory account 1 | <- export-flow/connector-flow <<- import/stage-update',
      'export export-update | directory account 1 | cn: By Hand > Ann Ash (was import/stage-add), sn: Hand > Ash (was import/stage-add) | <- export/export-intent <<- import/stage-update',
      'confirmation export-confirmed | directory account 1 | <- export/export-update <<- import/stage-update',
    );
    assert.deepEqual(world.directory()[`uid=1,${PEOPLE}`]?.cn, ['Ann Ash']);
    assert.equal(world.entries().filter(({ type }) => type === 'account').length, 1);
  });
});

test('the object goes with its last connector, or never, or with any of those named', async () => {
  const cases = [
    ['last-connector', ['hr', 'crm'], 1, 0],
    ['never', ['hr', 'crm'], 1, 1],
    ['{ any_of: [crm] }', ['crm', 'hr'], 0, 0],
    ['{ any_of: [hr] }', ['crm', 'hr'], 1, 0],
  ] as const;
  const none = 'when: "false"\ndn: "\'uid=\' + object.id"';
  for (const [deletion, order, afterFirst, afterBoth] of cases) {
    await inWorld(company({ ...ACCOUNTS, deletion, provisioning: none }), async (world) => {
      world.csv('hr.csv', [ann()], Object.keys(ann()));
      world.csv('crm.csv', [{ key: 'c1', id: '1', name: '', title: '', phone: '' }]);
      await world.cycle();
      const left: number[] = [];
      for (const agent of order) {
        world.csv(`${agent}.csv`, [], agent === 'hr' ? Object.keys(ann()) : NO_CONTACTS);
        await world.run(agent, 'full');
        left.push(world.objects().length);
      }
      // Where hr's entry is still there, it projects again as soon as it is synchronised.
      assert.deepEqual(left, [afterFirst, afterBoth], deletion);
    });
  }
});

test('a re-hire is a new object that names its predecessor; where the object never goes it is the same', async () => {
  for (const deletion of ['{ any_of: [hr] }', 'never']) {
    const flows = 'uid: id\ncn: { from: name, initial_only: true }\nsn: { from: name, initial_only: true }';
    await inWorld(company({ ...ACCOUNTS, deletion, accountFlows: flows, provisioning: KEPT }), async (world) => {
      await people(world, ann());
      const [before] = world.objects();
      await people(world);
      await people(world, ann());
      const [after] = world.objects();
      const projections = world.news().filter(({ stage }) => stage === 'projection');
      if (deletion === 'never') {
        // Its id was recalled, so nothing finds it: recall: false is what a re-hire needs.
        assert.equal(world.objects().length, 2);
      } else assert.notEqual(after?.id, before?.id);
      assert.deepEqual(
        projections.map(({ values }) => values[0]?.reference),
        [before?.id],
      );
    });
  }
});

test('provisioning may depend on where the object has connectors already', async () => {
  const text = company(ruled(BY_ID, `when: "'crm' in connected"\notherwise: delete`));
  await inWorld(text, async (world) => {
    await people(world, ann());
    assert.equal(accounts(world).length, 1);
    world.csv('crm.csv', [{ key: 'c1', id: '1', name: '', title: '', phone: '' }]);
    await world.cycle();
    assert.equal(accounts(world).length, 2);
    world.csv('crm.csv', [], NO_CONTACTS);
    await world.cycle();
    assert.equal(accounts(world).length, 1);
  });
});

test('initial_only, allow_null and when_empty say what an empty value does', async () => {
  const flows = `uid: id
cn: name
sn: { from: name, initial_only: true }
employeeNumber: id
title: { from: title, allow_null: false }
roomNumber: { from: room, when_empty: nowhere }
telephoneNumber: phone`;
  await inWorld(company({ ...ACCOUNTS, accountFlows: flows }), async (world) => {
    await people(world, ann({ title: 'Clerk', phone: '1' }));
    await people(world, ann({ name: 'Ann Birch' }));
    const { cn, sn, title, roomNumber, telephoneNumber } = world.directory()[`uid=1,${PEOPLE}`] ?? {};
    assert.deepEqual(
      { cn, sn, title, roomNumber, telephoneNumber },
      { cn: ['Ann Birch'], sn: ['Ann Ash'], title: ['Clerk'], roomNumber: ['nowhere'], telephoneNumber: undefined },
    );
  });
});

test('the DN of somebody deleted is free for somebody else in the same export', async () => {
  await inWorld(
    company(ruled("'cn=' + rdn(object.name) + ',ou=people,dc=corp,dc=test'", 'otherwise: delete')),
    async (world) => {
      await people(world, ann());
      await people(world, bob({ name: 'Ann Ash' }));
      assert.equal(world.news().filter(({ outcome }) => outcome === 'export-failure').length, 0);
      assert.deepEqual(world.directory()[`cn=Ann Ash,${PEOPLE}`]?.uid, ['2']);
    },
  );
});
