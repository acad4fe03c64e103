import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Attributes, ConnectorObjectType, ExportChange } from '../engine/connector.ts';
import { dnKey, escapeRdnValue, parentDn } from '../engine/connectors/dn.ts';
import {
  ACCOUNT,
  ANN,
  add,
  addGroup,
  assertRefused,
  BASE,
  BOB,
  change,
  describeAttributes,
  GROUPS,
  INITIAL,
  makeStaffedWorld,
  makeWorld,
  meaning,
  PEOPLE,
  person,
  STAFF,
} from './connector-ldif-world.ts';

describe('export', () => {
  test('added entries carry object classes, the name and a generated UUID, which is told', async () => {
    const world = makeWorld();
    const results = await world.run(add(ANN, { cn: ['Ann'], sn: ['Ems'], mail: ['a@b', 'ä@b'] }));
    assert.deepEqual(results, [{ id: `add ${ANN}`, anchor: '00000000-0000-4000-8000-000000000001' }]);
    const added = world.records().at(-1);
    assert.equal(added?.dn, ANN);
    assert.deepEqual(
      added?.values.map(({ type, value }) => `${type}: ${value}`),
      [
        ...['top', 'person', 'organizationalPerson', 'inetOrgPerson'].map((name) => `objectClass: ${name}`),
        ...['cn: Ann', 'sn: Ems', 'mail: a@b', 'mail: ä@b', 'uid: ann'],
        'entryUUID: 00000000-0000-4000-8000-000000000001',
      ],
    );
    const { entries, refused } = await world.read();
    assert.deepEqual(refused, []);
    assert.deepEqual(entries[0]?.attributes.mail, ['a@b', 'ä@b']);
  });

  test('an update sets all values of its attributes in their place, and [] empties one', async () => {
    const world = await makeStaffedWorld();
    await world.run(change('update', ANN, { attributes: { mail: ['a@x', 'b@x'], room: ['12'] } }));
    const [result] = await world.run(change('update', ANN, { attributes: { mail: ['c@x'], room: [], cn: ['Ann'] } }));
    assert.equal(result?.error, undefined);
    const ann = (await world.read()).entries.find(({ dn }) => dn === ANN);
    assert.deepEqual(ann?.attributes, {
      id: [ann?.anchor ?? ''],
      login: ['ann'],
      cn: ['Ann'],
      sn: ['ann'],
      mail: ['c@x'],
    });
  });

  test('a rename moves the children along and rewrites every reference to what was moved', async () => {
    const world = await makeStaffedWorld();
    const device = `cn=Phone\\2C red,${ANN}`;
    const moved = `uid=anna,${GROUPS}`;
    writeFileSync(
      world.file,
      `${readFileSync(world.file, 'utf8')}
dn: ${device}
objectClass: device
cn: Phone, red
seeAlso: ${ANN}

dn: cn=watch,${BASE}
objectClass: x-unknown
MEMBER: CN=Phone\\, Red , ${ANN.toUpperCase()}
`,
    );
    const [result] = await world.run(change('rename', ANN, { newDn: moved, attributes: { cn: ['Anna'] } }));
    assert.equal(result?.error, undefined, result?.message);
    const byDn = new Map(world.records().map((record) => [record.dn, record.values]));
    const texts = (dn: string, type: string): string[] =>
      (byDn.get(dn) ?? []).filter((value) => value.type.toLowerCase() === type).map(({ value }) => value);
    assert.equal(byDn.has(ANN), false);
    assert.deepEqual(texts(moved, 'uid'), ['anna']);
    assert.deepEqual(texts(moved, 'cn'), ['Anna']);
    assert.deepEqual(texts(STAFF, 'member'), [moved, BOB]);
    assert.deepEqual(texts(BOB, 'manager'), [moved]);
    assert.deepEqual(texts(`cn=Phone\\2C red,${moved}`, 'seealso'), [ANN], 'seeAlso is not declared as a reference');
    assert.deepEqual(texts(`cn=watch,${BASE}`, 'member'), [`cn=Phone\\2C red,${moved}`]);
    const order = world.records().map(({ dn }) => dn);
    assert.ok(order.indexOf(moved) > order.indexOf(GROUPS), 'a parent stands before its children');
    assert.equal(order.indexOf(`cn=Phone\\2C red,${moved}`), order.indexOf(moved) + 1);
  });

  test('what only changes in case is renamed in place', async () => {
    const world = await makeStaffedWorld();
    const [result] = await world.run(change('rename', ANN, { newDn: `uid=Ann,${PEOPLE}` }));
    assert.equal(result?.error, undefined);
    assert.deepEqual(
      (await world.read()).entries.map(({ dn }) => dn),
      [`uid=Ann,${PEOPLE}`, BOB, STAFF],
    );
  });

  test('a delete removes the record alone', async () => {
    const world = await makeStaffedWorld();
    const before = world.records();
    await world.run(change('delete', BOB));
    assert.deepEqual(meaning(world.records()), meaning(before.filter(({ dn }) => dn !== BOB)));
  });

  test('every change may be done again', async () => {
    const world = await makeStaffedWorld();
    const id = (await world.read()).entries.find(({ dn }) => dn === ANN)?.anchor ?? '';
    const newDn = `uid=anna,${PEOPLE}`;
    const steps: ExportChange[] = [
      add(ANN, person('ann')),
      addGroup(),
      change('update', ANN, { anchor: id, attributes: { mail: ['a@x'] } }),
      change('rename', ANN, { anchor: id, newDn, attributes: { sn: ['Ems'] } }),
      change('rename', BOB, { newDn: `uid=rob,${PEOPLE}` }),
      change('delete', newDn, { anchor: id }),
      change('delete', `uid=rob,${PEOPLE}`),
    ];
    for (const step of steps) {
      const [first] = await world.run(step);
      assert.equal(first?.error, undefined, first?.message);
      const text = readFileSync(world.file, 'utf8');
      const { ino } = statSync(world.file);
      assert.deepEqual(await world.run(step), [first], `${step.id} again`);
      assert.equal(readFileSync(world.file, 'utf8'), text);
      assert.equal(statSync(world.file).ino, ino, 'a file that stays the same is not written');
    }
  });

  test('a deleted entry whose name was given to another is still deleted, and the other is left alone', async () => {
    const world = await makeStaffedWorld();
    const [gone] = await world.run(change('delete', BOB, { anchor: 'no-longer-there' }));
    assert.deepEqual(gone, { id: `delete ${BOB}` });
    assert.ok((await world.read()).entries.some(({ dn }) => dn === BOB));
  });

  test('changes are carried out in order, each with its result, and one that is refused stops none', async () => {
    const world = makeWorld();
    const results = await world.run(
      add(ANN, person('ann')),
      add(`uid=x,ou=none,${BASE}`, person('x')),
      change('update', ANN, { attributes: { mail: ['a@x'] } }),
      change('rename', ANN, { newDn: BOB }),
      change('delete', ANN),
    );
    assert.deepEqual(
      results.map(({ id, error }) => [id, error]),
      [
        [`add ${ANN}`, undefined],
        [`add uid=x,ou=none,${BASE}`, 'non-existent-parent'],
        [`update ${ANN}`, undefined],
        [`rename ${ANN}`, undefined],
        [`delete ${ANN}`, undefined],
      ],
    );
    assert.deepEqual(
      (await world.read()).entries.map(({ dn, attributes }) => [dn, attributes.login]),
      [[BOB, ['bob']]],
    );
  });

  test('an entry that another has replaced, or that was moved, is missing', async () => {
    const world = await makeStaffedWorld();
    const ids = new Map((await world.read()).entries.map(({ dn, anchor }) => [dn, anchor]));
    const anchor = ids.get(ANN) ?? '';
    await assertRefused(
      world,
      change('update', BOB, { anchor }),
      'cd-missing-object',
      /is another entry now; the one meant is at uid=ann/,
    );
    await assertRefused(world, change('delete', BOB, { anchor }), 'cd-missing-object', /another entry/);
    await assertRefused(
      world,
      change('delete', `uid=gone,${PEOPLE}`, { anchor }),
      'cd-missing-object',
      /is at uid=ann/,
    );
    await assertRefused(world, change('delete', STAFF), 'cd-missing-object', /another entry/);
  });

  const cases: { name: string; change: ExportChange; error: string; message: RegExp }[] = [
    {
      name: 'adding what is there with other attributes',
      change: add(ANN, { ...person('ann'), mail: ['hidden'] }),
      error: 'cd-existing-object',
      message: /is there already/,
    },
    {
      name: 'adding below nothing',
      change: add(`uid=x,ou=none,${BASE}`, person('x')),
      error: 'non-existent-parent',
      message: /its parent ou=none,dc=example,dc=test does not exist/,
    },
    {
      name: 'adding a group without members',
      change: add(`cn=empty,${GROUPS}`, {}, 'group'),
      error: 'schema-violation',
      message: /cannot be without member/,
    },
    {
      name: 'emptying a group',
      change: change('update', STAFF, { type: 'group', attributes: { member: [] } }),
      error: 'schema-violation',
      message: /cannot be without member/,
    },
    {
      name: 'an attribute not declared',
      change: change('update', ANN, { attributes: { title: ['hidden'] } }),
      error: 'schema-violation',
      message: /title, which account does not declare/,
    },
    {
      name: 'an attribute that is computed',
      change: change('update', ANN, { attributes: { label: ['hidden'] } }),
      error: 'schema-violation',
      message: /label/,
    },
    {
      name: 'several values of one single-valued',
      change: change('update', ANN, { attributes: { sn: ['hidden', 'b'] } }),
      error: 'schema-violation',
      message: /single-valued/,
    },
    {
      name: 'a wrong integer',
      change: change('update', ANN, { attributes: { room: ['hidden'] } }),
      error: 'invalid-attribute-value',
      message: /room that is empty or no integer/,
    },
    {
      name: 'an empty value',
      change: change('update', ANN, { attributes: { mail: [''] } }),
      error: 'invalid-attribute-value',
      message: /empty/,
    },
    {
      name: 'half a character',
      change: change('update', ANN, { attributes: { mail: ['\ud800'] } }),
      error: 'invalid-attribute-value',
      message: /mail/,
    },
    {
      name: 'bytes that are not base64',
      change: change('update', ANN, { attributes: { photo: ['hidden!'] } }),
      error: 'invalid-attribute-value',
      message: /photo/,
    },
    {
      name: 'a reference to no name',
      change: change('update', ANN, { attributes: { manager: ['hidden'] } }),
      error: 'invalid-attribute-value',
      message: /manager/,
    },
    {
      name: 'updating what is not there',
      change: change('update', `uid=x,${PEOPLE}`),
      error: 'cd-missing-object',
      message: /is not there/,
    },
    {
      name: 'renaming what is not there',
      change: change('rename', `uid=x,${PEOPLE}`, { newDn: `uid=y,${PEOPLE}` }),
      error: 'cd-missing-object',
      message: /is not there/,
    },
    {
      name: 'renaming to a name that is taken',
      change: change('rename', ANN, { newDn: BOB }),
      error: 'rename-to-existing-dn',
      message: /uid=bob.* is there already/,
    },
    {
      name: 'renaming below nothing',
      change: change('rename', ANN, { newDn: `uid=ann,ou=none,${BASE}` }),
      error: 'non-existent-parent',
      message: /ou=none/,
    },
    {
      name: 'renaming below itself',
      change: change('rename', ANN, { newDn: `uid=x,${ANN}` }),
      error: 'invalid-dn',
      message: /below itself/,
    },
    {
      name: 'renaming to no name',
      change: change('rename', ANN, { newDn: 'ann' }),
      error: 'invalid-dn',
      message: /no distinguished name/,
    },
    {
      name: 'a malformed name',
      change: add('ann', person('ann')),
      error: 'invalid-dn',
      message: /^ann is no distinguished name/,
    },
    {
      name: 'losing the value it is named by',
      change: change('update', ANN, { attributes: { login: ['hidden'] } }),
      error: 'modify-naming-attribute',
      message: /uid that it is named by/,
    },
    {
      name: 'changing the anchor',
      change: change('update', ANN, { attributes: { id: ['hidden'] } }),
      error: 'readonly-attribute',
      message: /entryUUID, the anchor/,
    },
    {
      name: 'a type that is not declared',
      change: add(ANN, {}, 'printer'),
      error: 'no-export-to-this-object-type',
      message: /printer/,
    },
  ];
  for (const { name, change: refused, error, message } of cases) {
    test(`${name} is refused with ${error}`, async () => {
      const world = await makeStaffedWorld();
      await assertRefused(world, refused, error, message);
      const [result] = await world.run(refused);
      assert.doesNotMatch(result?.message ?? '', /hidden/);
    });
  }

  test('deleting what has entries below it is refused', async () => {
    const world = makeWorld(
      `${INITIAL}\ndn: ${ANN}\nobjectClass: inetOrgPerson\nentryUUID: a\nuid: ann\n\ndn: cn=phone,${ANN}\nobjectClass: device\n`,
    );
    await assertRefused(world, change('delete', ANN), 'unsupported-container-delete', /entries stand below it/);
  });

  test('an anchor that is no UUID must be given and must be free', async () => {
    const byLogin = { ...ACCOUNT, anchor: 'login' };
    const world = makeWorld(INITIAL, byLogin);
    assert.deepEqual(await world.run(add(ANN, person('ann'))), [{ id: `add ${ANN}`, anchor: 'ann' }]);
    await assertRefused(world, add(`cn=Ann,${PEOPLE}`, person('ann')), 'duplicate-anchor', /uid/);
    await assertRefused(world, add(`cn=Ann,${PEOPLE}`, { sn: ['a'] }), 'missing-anchor-component', /uid/);
    await assertRefused(world, change('rename', ANN, { newDn: BOB }), 'readonly-attribute', /uid, the anchor/);
  });

  test('an add without the object classes of its type is refused', async () => {
    const { objectClasses: _, ...bare } = ACCOUNT;
    await assertRefused(
      makeWorld(INITIAL, bare),
      add(ANN, person('ann')),
      'schema-violation',
      /without object classes/,
    );
    const other = { ...ACCOUNT, objectClasses: ['top', 'account'] };
    await assertRefused(makeWorld(INITIAL, other), add(ANN, person('ann')), 'schema-violation', /inetOrgPerson/);
  });

  test('booleans are written as LDAP has them and read as the engine has them', async () => {
    const type: ConnectorObjectType = {
      ...ACCOUNT,
      attributes: new Map([...ACCOUNT.attributes, ...describeAttributes({ name: 'locked', type: 'boolean' })]),
    };
    const world = makeWorld(INITIAL, type);
    await world.run(add(ANN, { ...person('ann'), locked: ['true'] }));
    assert.match(readFileSync(world.file, 'utf8'), /^locked: TRUE$/m);
    assert.deepEqual((await world.read()).entries[0]?.attributes.locked, ['true']);
  });

  test('undeclared attributes and records stay as they are, and secrets among them are never told', async () => {
    const world = makeWorld(`${INITIAL}
dn: ${ANN}
objectClass: inetOrgPerson
entryUUID: a
uid: ann
userPassword:: aGlkZGVu
unicodePwd: hidden

dn: cn=secret,${BASE}
objectClass: simpleSecurityObject
userPassword: hidden
 folded
`);
    const before = world.records();
    const [result] = await world.run(
      change('update', ANN, { attributes: { mail: ['a@x'] } }),
      change('delete', `cn=secret,${BASE}`, { type: 'group' }),
    );
    assert.equal(result?.error, undefined);
    const after = world.records();
    assert.deepEqual(meaning(after.filter(({ dn }) => dn !== ANN)), meaning(before.filter(({ dn }) => dn !== ANN)));
    const ann = after.find(({ dn }) => dn === ANN)?.values ?? [];
    assert.deepEqual(
      ann.filter(({ type }) => type !== 'mail'),
      before.find(({ dn }) => dn === ANN)?.values,
    );
    assert.doesNotMatch(JSON.stringify(await world.read()), /hidden|userPassword|unicodePwd/i);
  });

  test('any sequence of changes leaves a directory that reads back, and every entry with its parent', async () => {
    const names = fc.constantFrom('a', 'b', 'c', 'Ä, ö', '#d ');
    const step = fc.record({
      kind: fc.constantFrom('add', 'update', 'rename', 'delete'),
      from: names,
      to: names,
      below: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const world = makeWorld();
        const dn = (name: string): string => `uid=${escapeRdnValue(name)},${PEOPLE}`;
        const changes = steps.map(({ kind, from, to, below }, index): ExportChange => {
          const newDn = below ? `uid=${escapeRdnValue(to)},${dn(from === to ? 'z' : to)}` : dn(to);
          const attributes: Attributes = kind === 'add' ? person(from) : {};
          return {
            id: String(index),
            kind,
            type: 'account',
            dn: dn(from),
            attributes,
            ...(kind === 'rename' && { newDn }),
          };
        });
        const results = await world.run(...changes);
        assert.deepEqual(
          results.map(({ id }) => id),
          changes.map(({ id }) => id),
        );
        const image = await world.read();
        assert.deepEqual(image.refused, []);
        const known = new Set(world.records().map((record) => record.dn));
        const keys = new Set([...known].map(dnKey));
        for (const entry of image.entries) assert.ok(keys.has(dnKey(parentDn(entry.dn ?? '') ?? '')), entry.dn);
      }),
      { numRuns: 60 },
    );
  });
});
