// Stories of what becomes of an export: confirmed, undone, changed by hand, lost with the process that sent it.
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { asNobody } from './connector-refusals.ts';
import { company } from './engine-company.ts';
import { runAndKill } from './engine-kill.ts';
import { inWorld, PEOPLE, type Row, tells, type World } from './engine-world.ts';

const EMPTY = { title: '', phone: '', status: '', projects: '', manager: '', by: '' };
const ann = (more: Row = {}): Row => ({ id: '1', name: 'Ann Ash', title: 'Clerk', ...more });
const bob = (more: Row = {}): Row => ({ id: '2', name: 'Bob Beech', title: 'Clerk', ...more });
const ANN = `uid=1,${PEOPLE}`;

function write(world: World, ...rows: Row[]): void {
  world.csv(
    'hr.csv',
    rows.map((row) => ({ ...EMPTY, ...row })),
    ['id', 'name', ...Object.keys(EMPTY)],
  );
}

async function people(world: World, ...rows: Row[]): Promise<void> {
  write(world, ...rows);
  world.csv('crm.csv', [], ['key', 'id', 'name', 'title', 'phone']);
  await world.cycle();
  world.mark();
}

test('a change that the directory lost is recorded as not reimported, and sent again', async () => {
  await inWorld(company(), async (world) => {
    await people(world, ann());
    write(world, ann({ title: 'Chief' }));
    await world.run('hr', 'full');
    await world.run('directory', 'export');
    world.setByHand(ANN, 'title', 'Clerk');
    world.mark();
    const { result } = await world.run('directory', 'confirm');
    assert.equal(result, 'completed-warnings');
    await world.run('directory', 'export');
    await world.run('directory', 'confirm');
    tells(
      world,
      'confirmation exported-change-not-reimported | directory account 1 | title: Chief > Clerk | <- export/export-update <<- import/stage-update',
      'import stage-update ~ | directory account 1 | title: Chief > Clerk (was export/export-update)',
      'export-flow connector-flow | directory account 1 | title: Clerk > Chief (was import/stage-update) | <- import/stage-update',
      'export export-intent | directory account 1 | <- export-flow/connector-flow <<- import/stage-update',
      'export export-update | directory account 1 | title: Clerk > Chief (was import/stage-update) | <- export/export-intent <<- import/stage-update',
      'confirmation export-confirmed | directory account 1 | <- export/export-update <<- import/stage-update',
    );
    assert.deepEqual(world.directory()[ANN]?.title, ['Chief']);
  });
});

test('what somebody changed by hand is out of band; drift: correct exports over it', async () => {
  await inWorld(company(), async (world) => {
    await people(world, ann());
    world.setByHand(ANN, 'title', 'Boss');
    await world.run('directory', 'confirm');
    await world.run('directory', 'export');
    await world.run('directory', 'confirm');
    tells(
      world,
      'import stage-update ~ | directory account 1 | title: Clerk > Boss (was export/export-add)',
      'export-flow connector-flow | directory account 1 | title: Boss > Clerk (was import/stage-update) | <- import/stage-update',
      'export export-intent | directory account 1 | <- export-flow/connector-flow <<- import/stage-update',
      'export export-update | directory account 1 | title: Boss > Clerk (was import/stage-update) | <- export/export-intent <<- import/stage-update',
      'confirmation export-confirmed | directory account 1 | <- export/export-update <<- import/stage-update',
    );
    assert.deepEqual(world.directory()[ANN]?.title, ['Clerk']);
  });
});

test('drift: report records it and leaves it, until the rules want something else', async () => {
  await inWorld(company({ drift: 'report' }), async (world) => {
    await people(world, ann());
    world.setByHand(ANN, 'title', 'Boss');
    await world.cycle();
    tells(world, 'import stage-update ~ | directory account 1 | title: Clerk > Boss (was export/export-add)');
    await world.cycle();
    tells(world);
    assert.deepEqual(world.directory()[ANN]?.title, ['Boss']);
    write(world, ann({ phone: '5' }));
    await world.cycle();
    assert.deepEqual(world.directory()[ANN]?.title, ['Boss']);
    write(world, ann({ phone: '5', title: 'Chief' }));
    await world.run('hr', 'full');
    write(world, ann({ phone: '6', title: 'Chief' }));
    await world.cycle();
    assert.deepEqual(world.directory()[ANN]?.title, ['Chief'], 'what was pending is not forgotten');
    assert.deepEqual(world.directory()[ANN]?.telephoneNumber, ['6']);
  });
});

test('an account that somebody made, renamed or deleted by hand', async () => {
  await inWorld(company({ groups: false }), async (world) => {
    await people(world, ann(), bob());
    world.edit((records) => records.filter(({ dn }) => dn !== `uid=2,${PEOPLE}`));
    world.edit((records) => {
      for (const record of records) if (record.dn === ANN) record.dn = 'uid=1,ou=leavers,dc=corp,dc=test';
      return records;
    });
    await world.run('directory', 'confirm');
    await world.run('directory', 'export');
    await world.run('directory', 'confirm');
    tells(
      world,
      'import stage-rename ~ | directory account 1 | dn: uid=1,ou=people,dc=corp,dc=test > uid=1,ou=leavers,dc=corp,dc=test',
      'import stage-delete ~ | directory account 2 | uid: -2 (was export/export-add), cn: -Bob Beech (was export/export-add), sn: -Beech (was export/export-add), employeeNumber: -2 (was export/export-add), title: -Clerk (was export/export-add), status: -titled (was export/export-add)',
      'export-flow connector-flow | directory account 1 | dn: uid=1,ou=leavers,dc=corp,dc=test > uid=1,ou=people,dc=corp,dc=test | <- import/stage-rename',
      'recall connector-delete-leave-mv | directory person 2 | <- import/stage-delete',
      'provisioning provisioned-add-flow | directory account uid=2,ou=people,dc=corp,dc=test | <- recall/connector-delete-leave-mv <<- import/stage-delete',
      'export-flow connector-flow | directory account 2 | uid: +2, cn: +Bob Beech, sn: +Beech, employeeNumber: +2, title: +Clerk | <- provisioning/provisioned-add-flow <<- import/stage-delete',
      'export export-intent | directory account 2 | <- export-flow/connector-flow <<- import/stage-delete',
      'export export-intent | directory account 1 | <- export-flow/connector-flow <<- import/stage-rename',
      'export export-add | directory account 2 | uid: +2, cn: +Bob Beech, sn: +Beech, employeeNumber: +2, title: +Clerk, status: +titled | <- export/export-intent <<- import/stage-delete',
      'export export-rename | directory account 1 | dn: uid=1,ou=leavers,dc=corp,dc=test > uid=1,ou=people,dc=corp,dc=test | <- export/export-intent <<- import/stage-rename',
      'confirmation export-confirmed | directory account 2 | <- export/export-add <<- import/stage-delete',
      'confirmation export-confirmed | directory account 1 | <- export/export-rename <<- import/stage-rename',
    );
    assert.ok(world.directory()[ANN]);
    assert.ok(world.directory()[`uid=2,${PEOPLE}`]);
  });
});

test('an anchor that the directory makes is no change by hand', async () => {
  await inWorld(company({ anchor: 'entryUUID', groups: false }), async (world) => {
    await people(world, ann());
    assert.deepEqual(
      world.events().filter(({ outOfBand }) => outOfBand),
      [],
    );
    const [account] = world.entries().filter(({ type }) => type === 'account');
    assert.equal(account?.anchor, world.directory()[ANN]?.entryUUID?.[0]);
  });
});

test('what comes back of an export flows in, once it is confirmed', async () => {
  const text = company({ groups: false, directoryImports: 'account: { room: uid }' });
  await inWorld(text, async (world) => {
    await people(world, ann());
    assert.deepEqual(world.objects()[0]?.attributes.room?.values[0]?.[0], '1');
  });
});

test('a delete that did not last is sent again', async () => {
  await inWorld(company({ groups: false }), async (world) => {
    await people(world, ann());
    const before = world.records();
    write(world);
    await world.run('hr', 'full');
    await world.run('directory', 'export');
    assert.equal(world.directory()[ANN], undefined);
    world.edit(() => before);
    world.mark();
    await world.run('directory', 'confirm');
    await world.run('directory', 'export');
    await world.run('directory', 'confirm');
    tells(
      world,
      'confirmation exported-change-not-reimported | directory account 1 | uid: +1, cn: +Ann Ash, sn: +Ash, employeeNumber: +1, title: +Clerk, status: +titled | <- export/export-delete <<- import/stage-delete',
      'import stage-update ~ | directory account 1 | uid: +1, cn: +Ann Ash, sn: +Ash, employeeNumber: +1, title: +Clerk, status: +titled',
      'export export-intent | directory account 1 | <- confirmation/exported-change-not-reimported <<- import/stage-delete',
      'export export-delete | directory account 1 | uid: -1 (was import/stage-update), cn: -Ann Ash (was import/stage-update), sn: -Ash (was import/stage-update), employeeNumber: -1 (was import/stage-update), title: -Clerk (was import/stage-update), status: -titled (was import/stage-update) | <- export/export-intent <<- import/stage-delete',
      'confirmation export-confirmed | directory account 1 | <- export/export-delete <<- import/stage-delete',
    );
    assert.equal(world.directory()[ANN], undefined);
  });
});

test('a directory that may not be written: nothing is sent, each says so, the next run is right', async () => {
  await inWorld(company({ groups: false }), async (world) => {
    await people(world);
    write(world, ann());
    await world.run('hr', 'full');
    world.mark();
    chmodSync(world.folder, 0o555);
    let result = await world.run('directory', 'synchronize');
    await asNobody(async () => {
      result = await world.run('directory', 'export');
    });
    chmodSync(world.folder, 0o755);
    assert.equal(result.result, 'stopped-export-write');
    assert.match(
      result.steps[0]?.message ?? '',
      /was not written, because writing in the folder .* failed \(EACCES\): give this process's account the right to write in/,
    );
    tells(
      world,
      'export export-intent | directory account 1 | <- export-flow/connector-flow <<- import/stage-add',
      'export export-failure | directory account 1 | <- export/export-intent <<- import/stage-add',
    );
    await world.cycle();
    assert.ok(world.directory()[ANN]);
  });
});

for (const kind of ['add', 'update', 'rename', 'delete'] as const) {
  for (const next of ['export', 'import'] as const) {
    test(`killed between the ${kind} of an account and its acceptance, ${next} next: sent once, by us`, async () => {
      const text = company({
        groups: false,
        provisioning: `dn: "'uid=' + rdn(object.id) + (object.title == 'Gone' ? ',ou=leavers' : ',ou=people') + ',dc=corp,dc=test'"\notherwise: delete`,
      });
      await inWorld(text, async (world) => {
        await people(world, ...(kind === 'add' ? [bob()] : [ann(), bob()]));
        const title = { add: 'Clerk', update: 'Chief', rename: 'Gone', delete: '' }[kind];
        write(world, ...(kind === 'delete' ? [bob()] : [ann({ title }), bob()]));
        await world.run('hr', 'full');
        world.mark();
        await runAndKill(world, 'directory', 'export');
        const file = JSON.stringify(world.directory());
        if (next === 'export') await world.run('directory', 'export');
        await world.run('directory', 'confirm');
        await world.run('directory', 'export');
        const outcomes = world.news().filter(({ stage }) => stage !== 'run' && stage !== 'export-flow');
        assert.deepEqual(
          outcomes.map(({ outcome, outOfBand }) => (outOfBand ? `${outcome} ~` : outcome)),
          ['export-intent', ...(next === 'export' ? ['export-intent'] : []), `export-${kind}`, 'export-confirmed'],
        );
        assert.equal(JSON.stringify(world.directory()), file, 'nothing is sent twice');
        const dn = kind === 'rename' ? 'uid=1,ou=leavers,dc=corp,dc=test' : ANN;
        assert.equal(world.directory()[dn] !== undefined, kind !== 'delete');
      });
    });
  }
}

test('killed before the directory was written: the intent is closed as not carried out and sent again', async () => {
  await inWorld(company({ groups: false }), async (world) => {
    await people(world, ann());
    const before = world.records();
    write(world, ann({ title: 'Chief' }));
    await world.run('hr', 'full');
    await runAndKill(world, 'directory', 'export');
    world.edit(() => before);
    world.mark();
    await world.run('directory', 'confirm');
    await world.run('directory', 'export');
    await world.run('directory', 'confirm');
    tells(
      world,
      'export export-failure | directory account 1 | <- export/export-intent <<- import/stage-update',
      'export export-intent | directory account 1 | <- export-flow/connector-flow <<- import/stage-update',
      'export export-update | directory account 1 | title: Clerk > Chief (was export/export-add) | <- export/export-intent <<- import/stage-update',
      'confirmation export-confirmed | directory account 1 | <- export/export-update <<- import/stage-update',
    );
    assert.deepEqual(world.directory()[ANN]?.title, ['Chief']);
  });
});

test('killed, and the rules changed their mind before anybody looked: what was sent is known, and set right', async () => {
  await inWorld(company({ groups: false }), async (world) => {
    await people(world, ann());
    write(world, ann({ title: 'Chief' }));
    await world.run('hr', 'full');
    await runAndKill(world, 'directory', 'export');
    write(world, ann({ title: 'Clerk' }));
    await world.cycle();
    await world.cycle();
    assert.deepEqual(world.directory()[ANN]?.title, ['Clerk']);
    assert.deepEqual(
      world.events().filter(({ outOfBand }) => outOfBand),
      [],
    );
  });
});

test('a directory that is no LDIF any more stops the import and the export, and nothing is lost', async () => {
  await inWorld(company({ groups: false }), async (world) => {
    await people(world, ann());
    const before = readFileSync(world.path('directory.ldif'));
    write(world, ann({ title: 'Chief' }));
    await world.run('hr', 'full');
    writeFileSync(world.path('directory.ldif'), 'this is not LDIF\n');
    const stopped = await world.run('directory', 'export');
    assert.equal(stopped.result, 'stopped-parsing-errors');
    assert.equal((await world.run('directory', 'confirm')).result, 'stopped-parsing-errors');
    writeFileSync(world.path('directory.ldif'), before);
    await world.cycle();
    assert.deepEqual(world.directory()[ANN]?.title, ['Chief']);
  });
});
