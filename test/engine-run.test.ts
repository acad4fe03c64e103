// Stories of runs: their record, the fuse, refused rows, failing rules, dates, changed configurations, runs cut short.
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { UnknownNameError } from '../engine/engine.ts';
import { systemClock } from '../ingest/clock.ts';
import { type CompanyOptions, company } from './engine-company.ts';
import { runAndKill } from './engine-kill.ts';
import { inWorld, type Row, tells, type World } from './engine-world.ts';

const EMPTY = { title: '', phone: '', status: '', projects: '', manager: '', by: '' };
const COLUMNS = ['id', 'name', ...Object.keys(EMPTY)];
const person = (id: string, more: Row = {}): Row => ({ id, name: `Person ${id}`, ...EMPTY, ...more });
const PEOPLE_ROWS = Array.from({ length: 10 }, (_, index) => person(String(index)));
const HEADER = `${COLUMNS.join(',')}\n`;
/** Without accounts. */
const INWARD: CompanyOptions = { groups: false, provisioning: 'when: "false"\ndn: "\'uid=\' + object.id"' };

async function given(world: World, rows: Row[] = PEOPLE_ROWS): Promise<void> {
  world.csv('hr.csv', rows, COLUMNS);
  world.csv('crm.csv', [], ['key', 'id', 'name', 'title', 'phone']);
  await world.cycle();
  world.mark();
}

const record = (world: World) =>
  world
    .news()
    .filter(({ stage }) => stage === 'run')
    .map(({ operation, outcome, step, stepKind }) => [operation, outcome, step ?? 0, stepKind ?? ''].join(' '));

test('a run is recorded with its steps, its input, its balance and its counters', async () => {
  await inWorld(company(INWARD), async (world) => {
    await given(world);
    world.csv('hr.csv', [...PEOPLE_ROWS.slice(1), person('x', { projects: 'Red' })], COLUMNS);
    const result = await world.run('hr', 'full', { initiator: 'erin' });
    assert.deepEqual(record(world), [
      'start in-progress 0 ',
      'start in-progress 1 full-import',
      'finish success 1 full-import',
      'start in-progress 2 delta-synchronization',
      'finish success 2 delta-synchronization',
      'finish success 0 ',
    ]);
    const [start, , imported] = world.news().filter(({ stage }) => stage === 'run');
    assert.equal(start?.sequence, result.run);
    const values = Object.fromEntries((imported?.values ?? []).map(({ attribute, new: value }) => [attribute, value]));
    const { 'input/sha256': sha256, 'input/bytes': bytes, ...rest } = values;
    assert.match(sha256 ?? '', /^[0-9a-f]{64}$/);
    assert.equal(Number(bytes), result.steps[0]?.input?.bytes);
    assert.deepEqual(rest, {
      'input/name': 'hr.csv',
      'balance/employee/read': '10',
      'balance/employee/unchanged': '9',
      'balance/employee/changed': '1',
      'balance/employee/refused': '0',
      'balance/employee/gone': '1',
      'balance/project/read': '1',
      'balance/project/unchanged': '0',
      'balance/project/changed': '1',
      'balance/project/refused': '0',
      'balance/project/gone': '0',
      'counter/import/hr/employee/stage-no-change': '9',
      'counter/import/hr/employee/stage-add': '1',
      'counter/import/hr/project/stage-add': '1',
      'counter/import/hr/employee/stage-delete': '1',
    });
    assert.ok(world.news().every(({ run }) => run === result.run));
    await assert.rejects(async () => world.run('hr', 'nonsense'), {
      name: 'UnknownNameError',
      message: 'hr has no run profile nonsense; it has full, import, synchronize, everything.',
    });
    await assert.rejects(async () => world.run('nobody', 'full'), UnknownNameError);
  });
});

test('a file cut in half stops before anything is staged, and the right file goes on', async () => {
  await inWorld(company({ ...INWARD, deleteShare: 0.2 }), async (world) => {
    await given(world);
    world.csv('hr.csv', PEOPLE_ROWS.slice(0, 5), COLUMNS);
    const result = await world.run('hr', 'full');
    assert.equal(result.result, 'stopped-deletion-limit');
    assert.deepEqual(record(world), [
      'start in-progress 0 ',
      'start in-progress 1 full-import',
      'stop stopped-deletion-limit 1 full-import',
      'finish stopped-deletion-limit 0 ',
    ]);
    const [stopped] = world.news().filter(({ operation }) => operation === 'stop');
    assert.equal(
      stopped?.values.find(({ attribute }) => attribute === 'error-message')?.new,
      'hr.csv would delete 5 of 10 employee objects of hr; at most a share of 0.2 may go at once. Nothing was staged. If the file is wrong, put the right one in its place; if it is right, raise delete_share of hr for one run.',
    );
    tells(world);
    world.csv('hr.csv', PEOPLE_ROWS.slice(0, 8), COLUMNS);
    assert.equal((await world.run('hr', 'full')).result, 'success');
    assert.equal(world.objects().length, 8);
  });
});

test('a column that was emptied stops too: not every derived object goes at once', async () => {
  await inWorld(company({ ...INWARD, deleteShare: 0.2 }), async (world) => {
    await given(world, [person('1', { projects: 'Red;Blue' }), person('2', { projects: 'Blue' })]);
    world.csv('hr.csv', [person('1', { projects: 'Blue' }), person('2')], COLUMNS);
    assert.equal((await world.run('hr', 'full')).result, 'success');
    world.csv('hr.csv', [person('1', { projects: 'Blue;Green' }), person('2')], COLUMNS);
    assert.equal((await world.run('hr', 'full')).result, 'success');
    world.csv('hr.csv', [person('1'), person('2')], COLUMNS);
    assert.equal((await world.run('hr', 'full')).result, 'stopped-deletion-limit');
  });
});

test('a row that is refused never deletes its object, whatever of it can be read', async () => {
  await inWorld(company(INWARD), async (world) => {
    await given(world, [person('1', { projects: 'Red' }), person('2'), person('3')]);
    const rows = [
      ['1,too,short\n', 'parse-error', '1'],
      [',Person 1,,,,Red,,\n', 'missing-anchor-component', undefined],
      ['1,Person 1,,,,Red,,\n1,Again,,,,Red,,\n', 'duplicate-object', '1'],
    ] as const;
    for (const [text, error, anchor] of rows) {
      world.mark();
      world.text('hr.csv', `${HEADER}${text}2,Person 2,,,,,,\n`);
      const result = await world.run('hr', 'full');
      assert.equal(result.result, 'completed-discovery-errors');
      const refused = world
        .news()
        .filter(({ outcome, objectType }) => outcome === 'stage-failure' && objectType === 'employee');
      assert.deepEqual(
        refused.map((event) => [event.error, event.anchor]),
        [[error, anchor]],
      );
      assert.equal(refused[0]?.entry !== undefined, anchor !== undefined, 'the event is about the entry');
      assert.match(refused[0]?.values[0]?.new ?? '', /^hr\.csv, line \d+/);
      const { read = 0, unchanged = 0, changed = 0, refused: count } = result.steps[0]?.balances.employee ?? {};
      assert.equal(count, 1);
      assert.equal(read, unchanged + changed + 1);
      // Where it is not known who it is, nobody is gone; else only the third is.
      const gone = world
        .news()
        .filter(({ outcome }) => outcome === 'stage-delete')
        .map((event) => event.anchor);
      assert.deepEqual(gone, anchor === undefined ? [] : error === 'parse-error' ? ['3'] : []);
      assert.ok(world.entries().some((entry) => entry.anchor === '1' && entry.type === 'employee'));
      assert.ok(
        world.entries().some((entry) => entry.anchor === 'Red'),
        'nor does its group go',
      );
    }
  });
});

test('a computed attribute that fails refuses its entry and nothing else', async () => {
  const text = company({ ...INWARD, computed: 'number: { computed: "string(int(entry.phone))" }' });
  await inWorld(text, async (world) => {
    await given(world, [person('1', { phone: '1' }), person('2', { phone: '2' })]);
    world.csv('hr.csv', [person('1', { phone: 'one' }), person('2', { phone: '22' })], COLUMNS);
    const result = await world.run('hr', 'full');
    assert.equal(result.result, 'completed-discovery-errors');
    assert.deepEqual(result.steps[0]?.balances.employee, { read: 2, unchanged: 0, changed: 1, refused: 1, gone: 0 });
    tells(
      world,
      'import stage-failure | hr employee 1 | "hr.csv, line 2: The rule hr/employee/number cannot be computed: int() type error: cannot convert to int."',
      'import stage-update | hr employee 2 | phone: 2 > 22 (was import/stage-add), number: 2 > 22 (was import/stage-add)',
      'import-flow connector-flow | hr person 2 | phone: 2 > 22 (was import-flow/connector-flow) | <- import/stage-update',
    );
  });
});

test('a rule that fails takes back its object alone, is recorded once for each cause, and is tried again', async () => {
  const text = company({ groups: false, imports: `room: { expression: "entry.phone + '!'" }` });
  await inWorld(text, async (world) => {
    await given(world, [person('1', { phone: '1' })]);
    world.csv('hr.csv', [person('1', { title: 'Chief' }), person('2', { phone: '2' })], COLUMNS);
    assert.equal((await world.run('hr', 'full')).result, 'completed-sync-errors');
    tells(
      world,
      'import stage-update | hr employee 1 | phone: -1 (was import/stage-add), title: +Chief',
      'import stage-add | hr employee 2 | id: +2, name: +Person 2, phone: +2',
      'import-flow flow-failure | hr employee 1 | "The rule hr/employee/room cannot be computed: No such key: phone." | <- import/stage-update',
      'projection disconnector-projected | hr employee 2 | <- import/stage-add',
      'import-flow connector-flow | hr person 2 | id: +2, name: +Person 2, phone: +2, room: +2! | <- projection/disconnector-projected <<- import/stage-add',
      'provisioning provisioned-add-flow | directory account uid=2,ou=people,dc=corp,dc=test | <- import-flow/connector-flow <<- import/stage-add',
      'export-flow connector-flow | directory account 2 | uid: +2, cn: +Person 2, sn: +2, employeeNumber: +2, telephoneNumber: +2 | <- provisioning/provisioned-add-flow <<- import/stage-add',
    );
    assert.equal(world.objects().length, 2);
    const again = await world.run('hr', 'full');
    assert.equal(again.result, 'completed-sync-errors');
    assert.deepEqual(
      again.steps[1]?.counters.map(({ name, count }) => [name, count]),
      [['flow-failure-again', 1]],
    );
    tells(world);
    world.csv('hr.csv', [person('1', { title: 'Chief', phone: '3' }), person('2', { phone: '2' })], COLUMNS);
    assert.equal((await world.run('hr', 'full')).result, 'success');
    assert.ok(world.story().some((line) => line.includes('title: +Chief')));
    world.mark();
    world.csv('hr.csv', [person('1', { title: 'Chief' }), person('2', { phone: '2' })], COLUMNS);
    assert.equal((await world.run('hr', 'full')).result, 'completed-sync-errors');
    assert.equal(world.news().filter(({ outcome }) => outcome === 'flow-failure').length, 1, 'recorded anew');
  });
});

test('a rule that fails on somebody who is only referred to does not stop the run', async () => {
  const before = company({ groups: false });
  await inWorld(before, async (world) => {
    await given(world, [person('1'), person('2', { manager: 'Person 1', phone: '2' })]);
    // Under the new rules the account of 2 cannot be named; 1 is renamed, and 2 refers to 1.
    await world.reopen(
      company({
        groups: false,
        provisioning: `dn: "'uid=' + rdn(object.id) + ('title' in object ? ',ou=leavers' : object.phone == '2' ? string(1 / 0) : ',ou=people') + ',dc=corp,dc=test'"`,
      }),
    );
    world.csv('hr.csv', [person('1', { title: 'Chief' }), person('2', { manager: 'Person 1', phone: '2' })], COLUMNS);
    world.mark();
    assert.equal((await world.run('hr', 'full')).result, 'completed-sync-errors');
    tells(
      world,
      'import stage-update | hr employee 1 | title: +Chief',
      'import-flow connector-flow | hr person 1 | title: +Chief | <- import/stage-update',
      'export-flow connector-flow | directory account 1 | dn: uid=1,ou=people,dc=corp,dc=test > uid=1,ou=leavers,dc=corp,dc=test, title: +Chief | <- import-flow/connector-flow <<- import/stage-update',
      'import-flow flow-failure | hr employee 2 | "The rule directory/account/provisioning cannot be computed: division by zero." | <- export-flow/connector-flow <<- import/stage-update',
    );
    await world.cycle();
    assert.ok(world.directory()['uid=1,ou=leavers,dc=corp,dc=test']);
  });
});

test('several values for an attribute of one are an error of the rule, not a choice', async () => {
  const text = company({ ...INWARD, imports: 'room: { expression: "entry.projects" }' });
  await inWorld(text, async (world) => {
    await given(world, [person('1', { projects: 'Red' })]);
    world.csv('hr.csv', [person('1', { projects: 'Red;Blue' })], COLUMNS);
    await world.run('hr', 'full');
    const [failure] = world.news().filter(({ outcome }) => outcome === 'flow-failure');
    assert.equal(failure?.error, 'flow-multi-values-to-single-value');
    assert.equal(failure?.values[0]?.new, 'The rule hr/employee/room gives 2 values for an attribute that holds one.');
  });
});

test('a dated image makes its run happen then: a month its last instant, a future date now', async () => {
  await inWorld(company({ ...INWARD, folder: true }), async (world) => {
    mkdirSync(world.path('hr'));
    const cases = [
      ['2010-01', '2010-01-31T23:59:59.999999Z'],
      ['2010-02-03', '2010-02-03T23:59:59.999999Z'],
      ['2010-02-05T2200', '2010-02-05T22:00:00.000000Z'],
    ] as const;
    for (const [index, [name, instant]] of cases.entries()) {
      world.csv(`hr/people-${name}.csv`, PEOPLE_ROWS.slice(0, 5 + index), COLUMNS);
      world.mark();
      const { at } = await world.run('hr', 'full');
      const micros = Date.parse(instant) * 1000 + (instant.includes('.999999') ? 999 : 0);
      assert.equal(at, micros, name);
      assert.ok(
        world
          .news()
          .every(({ occurredAt, occurredAtKnown }) => occurredAt === micros && occurredAtKnown === 'reported'),
      );
      assert.ok(world.news().every(({ recordedAt }) => recordedAt > micros));
    }
    world.csv('hr/people-2090-01.csv', PEOPLE_ROWS, COLUMNS);
    const before = systemClock();
    const { at } = await world.run('hr', 'full');
    assert.ok(at >= before && at <= systemClock());
    world.mark();
    assert.equal((await world.run('hr', 'full')).steps[0]?.result, 'completed-no-objects');
    assert.ok(world.news().every(({ occurredAtKnown }) => occurredAtKnown === 'observed'));
    const replayed = await world.run('hr', 'full', { at: 1_500_000_000_000_000 });
    assert.equal(replayed.at, 1_500_000_000_000_000);
  });
});

test('runs exclude each other, whoever starts them', async () => {
  await inWorld(company(INWARD), async (world) => {
    await given(world);
    const results = await Promise.all([
      world.run('hr', 'full'),
      world.run('crm', 'full'),
      world.run('hr', 'everything'),
    ]);
    const [first, second, third] = results.map(({ run }) => run);
    assert.ok(first !== undefined && second !== undefined && third !== undefined && first < second && second < third);
    const order = world.news().map(({ run }) => run ?? 0);
    assert.deepEqual(
      order,
      order.toSorted((a, b) => a - b),
    );
  });
});

test('a run that a killed process left open is closed at the next start, its step too', async () => {
  await inWorld(company({ groups: false }), async (world) => {
    await given(world);
    world.csv('hr.csv', [...PEOPLE_ROWS, person('new')], COLUMNS);
    await world.run('hr', 'full');
    world.mark();
    await runAndKill(world, 'directory', 'export');
    assert.deepEqual(record(world), [
      'start in-progress 0 ',
      'start in-progress 1 export',
      'stop stopped-service-shutdown 1 export',
      'stop stopped-service-shutdown 0 ',
    ]);
    const stopped = world.news().filter(({ operation }) => operation === 'stop');
    assert.ok(
      stopped.every(
        ({ run, configuration, agent }) =>
          run === stopped[0]?.causes[0] && configuration === 0 && agent === 'directory',
      ),
    );
    world.mark();
    await world.reopen();
    assert.deepEqual(record(world), [], 'once');
  });
});

test('another configuration is an event, and what it looks for is found at once', async () => {
  const byId = company({ ...INWARD, join: '[{ id: id }]' });
  await inWorld(byId, async (world) => {
    await given(world);
    world.csv('crm.csv', [{ key: 'c', id: '', name: 'Person 3', title: 'Guest', phone: '' }]);
    await world.run('crm', 'full');
    world.mark();
    await world.reopen(byId);
    assert.equal(world.news().length, 0, 'the same is no event');
    await world.reopen(company({ ...INWARD, join: '[{ name: name }]' }));
    const [changed] = world.news();
    assert.deepEqual(
      [changed?.stage, changed?.operation, changed?.outcome, changed?.causes, changed?.root],
      ['configuration', 'update', 'configuration-changed', [], changed?.sequence],
    );
    const [name, hash, text] = changed?.values ?? [];
    assert.deepEqual([name?.attribute, name?.new], ['name', 'Company']);
    assert.deepEqual([hash?.attribute, hash?.operation, hash?.setBy], ['sha256', 'replace', 0]);
    assert.equal(text?.new, world.engine.configuration.text);
    await world.run('crm', 'full');
    const joined = world.news().find(({ stage }) => stage === 'join');
    assert.equal(joined?.configuration, changed?.sequence);
  });
});

test('a full synchronisation takes back what a rule that is no more contributed', async () => {
  await inWorld(company({ ...INWARD, imports: `room: { expression: "'here'" }` }), async (world) => {
    await given(world, [person('1', { title: 'Clerk' })]);
    await world.reopen(company(INWARD));
    world.mark();
    await world.run('hr', 'everything');
    tells(
      world,
      'import-flow connector-flow | hr person 1 | room: -here (was import-flow/connector-flow) | <- configuration/configuration-changed',
    );
  });
});

test('input that cannot be read is one sentence, loses nothing, and the next run is right', async () => {
  const cases: [string, string | Uint8Array, string, RegExp][] = [
    ['a column is missing', 'id,title\n1,x\n', 'no-start-header-row-mismatch', /^hr\.csv.*"name"/],
    [
      'a quote is never closed',
      `${HEADER}1,"Person 1,,,,,,\n2,x,,,,,,\n`,
      'stopped-parsing-errors',
      /^hr\.csv, line 2/,
    ],
    ['zero bytes', '', 'stopped-import-read', /hr\.csv is empty/],
    ['a header and nothing else of a company', HEADER, 'stopped-deletion-limit', /would delete 10 of 10/],
    [
      'not in the encoding',
      Buffer.from(`${HEADER}1,Zo\xeb,,,,,,\n`, 'latin1'),
      'stopped-code-page-conversion',
      /hr\.csv.*line 2/,
    ],
  ];
  for (const [what, content, code, message] of cases) {
    await inWorld(company({ ...INWARD, deleteShare: 0.2 }), async (world) => {
      await given(world);
      world.text('hr.csv', content);
      const result = await world.run('hr', 'full');
      assert.equal(result.result, code, what);
      const text = result.steps[0]?.message ?? '';
      assert.match(text, message, what);
      assert.match(text, /\.$/);
      assert.equal(text.includes('\n'), false);
      tells(world);
      world.csv('hr.csv', [...PEOPLE_ROWS, person('x')], COLUMNS);
      assert.equal((await world.run('hr', 'full')).result, 'success', what);
      assert.equal(world.objects().length, 11);
    });
  }
});

test('a file that is not there, or goes away, stops the import; nobody is taken for a leaver', async () => {
  await inWorld(company(INWARD), async (world) => {
    await given(world);
    rmSync(world.path('hr.csv'));
    const result = await world.run('hr', 'full');
    assert.equal(result.result, 'no-start-file-not-found');
    assert.match(result.steps[0]?.message ?? '', /hr\.csv is not there: put it back/);
    tells(world);
  });
  await inWorld(company({ ...INWARD, folder: true }), async (world) => {
    mkdirSync(world.path('hr'));
    world.csv('hr/2010-01.csv', PEOPLE_ROWS, COLUMNS);
    await world.run('hr', 'full');
    renameSync(world.path('hr'), world.path('away'));
    world.mark();
    assert.equal((await world.run('hr', 'full')).result, 'no-start-file-not-found');
    tells(world);
    renameSync(world.path('away'), world.path('hr'));
    rmSync(world.path('hr/2010-01.csv'));
    world.csv('hr/2010-02.csv', PEOPLE_ROWS.slice(1), COLUMNS);
    assert.equal((await world.run('hr', 'full')).result, 'success');
    assert.equal(world.objects().length, 9);
  });
});

test('an error of the program ends the run with a record of it, and the next run starts', async () => {
  await inWorld(company(INWARD), async (world) => {
    await given(world);
    const { journal } = world;
    const find = journal.state.find.bind(journal.state);
    journal.state.find = () => {
      throw new TypeError('an error of the program');
    };
    await assert.rejects(world.run('hr', 'full'), TypeError);
    journal.state.find = find;
    assert.deepEqual(record(world).slice(-2), ['stop stopped-server 1 full-import', 'stop stopped-server 0 ']);
    assert.equal((await world.run('hr', 'full')).result, 'success');
  });
});
