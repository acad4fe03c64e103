import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ConnectorError } from '../engine/connector.ts';
import { createLdifConnector, ldifSettingsSchema } from '../engine/connectors/ldif.ts';
import {
  ACCOUNT,
  ANN,
  add,
  addGroup,
  BASE,
  BOB,
  folder,
  INITIAL,
  makeWorld,
  PEOPLE,
  person,
} from './connector-ldif-world.ts';
import { asNobody, assertStops } from './connector-refusals.ts';

describe('import', () => {
  test('records of declared types become entries, with declared names and their DNs as written', async () => {
    const world = makeWorld(`${INITIAL}
dn: UID=ann, OU=People, ${BASE}
OBJECTCLASS: INETORGPERSON
EntryUuid: u-1
UID: ann
cn: Ann
cn: Ann Ems
roomnumber: 007
jpegPhoto: AB
manager: cn=Someone Else,dc=elsewhere
userPassword: {SSHA}hidden

dn: uid=out,${BASE}
objectClass: inetOrgPerson
entryUUID: u-2
`);
    const { entries, refused, date, input } = await world.read();
    assert.deepEqual(refused, []);
    assert.equal(date, undefined);
    assert.equal(input.name, 'directory.ldif');
    assert.deepEqual(entries, [
      {
        type: 'account',
        anchor: 'u-1',
        dn: `UID=ann, OU=People, ${BASE}`,
        place: 'line 18',
        attributes: {
          id: ['u-1'],
          login: ['ann'],
          cn: ['Ann', 'Ann Ems'],
          room: ['7'],
          photo: [Buffer.from('AB').toString('base64')],
          manager: ['cn=Someone Else,dc=elsewhere'],
        },
      },
    ]);
  });

  const account = (dn: string, ...lines: string[]): string =>
    `${INITIAL}\ndn: ${dn}\nobjectClass: inetOrgPerson\n${lines.join('\n')}\n\ndn: ${BOB}\nobjectClass: inetOrgPerson\nentryUUID: u-bob\n`;
  const cases = [
    { name: 'no anchor', lines: ['uid: ann'], error: 'missing-anchor-component', anchor: undefined },
    {
      name: 'two anchors',
      lines: ['entryUUID: a', 'entryUUID: b'],
      error: 'multi-valued-anchor-component',
      anchor: undefined,
    },
    {
      name: 'a malformed name',
      dn: `ann,${PEOPLE}`,
      lines: ['entryUUID: a'],
      error: 'dn-not-ldap-conformant',
      anchor: 'a',
    },
    {
      name: 'two values of a single-valued attribute',
      lines: ['entryUUID: a', 'sn: hidden', 'sn: hidden2'],
      error: 'multi-single-mismatch',
      anchor: 'a',
    },
    {
      name: 'a wrong integer',
      lines: ['entryUUID: a', 'roomNumber: hidden'],
      error: 'invalid-numeric-value',
      anchor: 'a',
    },
    {
      name: 'bytes where text is declared',
      lines: ['entryUUID: a', 'sn:: /////w=='],
      error: 'invalid-attribute-value',
      anchor: 'a',
    },
  ];
  for (const { name, dn = ANN, lines, error, anchor } of cases) {
    test(`a record with ${name} is refused with its line, and the others are read`, async () => {
      const image = await makeWorld(account(dn, ...lines)).read();
      assert.deepEqual(
        image.entries.map((entry) => entry.anchor),
        ['u-bob'],
      );
      assert.deepEqual(
        image.refused.map((refused) => [refused.error, refused.anchor, refused.place]),
        [[error, anchor, 'line 18']],
      );
      assert.match(image.refused[0]?.message ?? '', /^The record of directory\.ldif, line 18, has .*: .*\.$/);
      assert.doesNotMatch(image.refused[0]?.message ?? '', /hidden/);
    });
  }

  test('of two records with one name, or one anchor, the first is read and the other refused', async () => {
    const record = (dn: string, anchor: string): string =>
      `\ndn: ${dn}\nobjectClass: inetOrgPerson\nentryUUID: ${anchor}\n`;
    const world = makeWorld(INITIAL + record(ANN, 'a') + record(ANN.toUpperCase(), 'b') + record(BOB, 'a'));
    const image = await world.read();
    assert.deepEqual(
      image.entries.map((entry) => entry.dn),
      [ANN],
    );
    assert.deepEqual(
      image.refused.map(({ error, anchor }) => [error, anchor]),
      [
        ['duplicate-object', 'b'],
        ['duplicate-object', 'a'],
      ],
    );
    assert.match(image.refused[0]?.message ?? '', /same distinguished name as line 18/);
    assert.match(image.refused[1]?.message ?? '', /line 26, has the same entryUUID "a" as line 18/);
  });

  test('a record without any object class may be one of ours, so it is refused, not gone', async () => {
    const image = await makeWorld(`${INITIAL}\ndn: ${ANN}\nentryUUID: a\n\ndn: cn=x,${BASE}\ncn: x\n`).read();
    assert.deepEqual(
      image.refused.map(({ error, anchor }) => [error, anchor]),
      [['missing-object-class', 'a']],
    );
  });

  const broken: [string, string | Uint8Array, string, RegExp][] = [
    ['zero bytes', '', 'stopped-import-read', /is empty: zero bytes/],
    [
      'a change record',
      `dn: ${ANN}\nchangetype: delete\n`,
      'stopped-parsing-errors',
      /directory\.ldif, line 2: makes this a change record/,
    ],
    [
      'a URL',
      `dn: ${ANN}\njpegPhoto:< file:///etc/shadow\n`,
      'stopped-parsing-errors',
      /line 2: takes its value from a URL/,
    ],
    ['a NUL byte', `dn: ${ANN}\ncn: \0\n`, 'stopped-file-embedded-nulls', /line 2/],
    [
      'bytes that are not UTF-8',
      Buffer.from(`dn: ${ANN}\ncn: Jos\xe9\n`, 'latin1'),
      'stopped-code-page-conversion',
      /line 2/,
    ],
  ];
  for (const [name, text, code, message] of broken) {
    test(`a file with ${name} stops the import with ${code}`, async () => {
      const world = makeWorld();
      writeFileSync(world.file, text);
      await assertStops(world.read(), code, message);
      await assertStops(world.run(addGroup()), code, message);
      assert.deepEqual(readFileSync(world.file), Buffer.from(text));
    });
  }

  test('a file that is gone is no empty directory, neither for import nor for export', async () => {
    const world = makeWorld();
    rmSync(world.file);
    await assertStops(world.read(), 'no-start-file-not-found', /directory\.ldif is not there/);
    await assertStops(world.run(addGroup()), 'no-start-file-not-found', /directory\.ldif is not there/);
    assert.equal(existsSync(world.file), false);
  });
});

describe('the file', () => {
  test('is made of the initial text when it is missing, and of nothing else', async () => {
    const file = join(folder, 'new.ldif');
    const types = new Map([[ACCOUNT.name, ACCOUNT]]);
    await createLdifConnector({ file }, types).initialise?.();
    assert.equal(existsSync(file), false);
    await createLdifConnector({ file, initial: INITIAL }, types).initialise?.();
    assert.equal(readFileSync(file, 'utf8'), INITIAL);
    writeFileSync(file, 'dn: dc=other\ndc: other\n');
    await createLdifConnector({ file, initial: INITIAL }, types).initialise?.();
    assert.match(readFileSync(file, 'utf8'), /dc=other/);
    const broken = createLdifConnector({ file: join(folder, 'broken.ldif'), initial: 'cn: x\n' }, types);
    await assertStops(
      broken.initialise?.() ?? Promise.resolve(),
      'stopped-parsing-errors',
      /the setting "initial", line 1/,
    );
    assert.equal(existsSync(join(folder, 'broken.ldif')), false);
  });

  test('keeps its mode and owner, and a link to it stays a link', async () => {
    const world = makeWorld();
    chmodSync(world.file, 0o640);
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) chownSync(world.file, 65534, 65534);
    const link = join(folder, 'link.ldif');
    symlinkSync(world.file, link);
    const connector = createLdifConnector({ file: link }, new Map([[ACCOUNT.name, ACCOUNT]]));
    await connector.export?.([add(ANN, person('ann'))]);
    const stats = statSync(world.file);
    assert.equal(stats.mode & 0o777, 0o640);
    if (isRoot) assert.deepEqual([stats.uid, stats.gid], [65534, 65534]);
    assert.match(readFileSync(world.file, 'utf8'), /uid=ann/);
    assert.equal(readFileSync(link, 'utf8'), readFileSync(world.file, 'utf8'));
    assert.deepEqual(readdirSync(join(world.file, '..')), ['directory.ldif'], 'no temporary file is left');
  });

  test('is left alone when someone else changed it between its read and its rename', async () => {
    const world = makeWorld();
    // The UUID is asked for after the file was read and before it is written: the moment in between.
    const foreign = `${INITIAL}\ndn: cn=foreign,${BASE}\ncn: foreign\n`;
    const connector = createLdifConnector({ file: world.file }, new Map([[ACCOUNT.name, ACCOUNT]]), () => {
      writeFileSync(world.file, foreign);
      return 'u';
    });
    await assert.rejects(
      async () => connector.export?.([add(ANN, person('ann'))]),
      (error) =>
        error instanceof ConnectorError &&
        error.code === 'stopped-export-write' &&
        error.retryable &&
        /changed by someone else/.test(error.message),
    );
    assert.equal(readFileSync(world.file, 'utf8'), foreign);
    assert.deepEqual(readdirSync(join(world.file, '..')), ['directory.ldif']);
  });

  test('survives what a killed process left behind', async () => {
    const world = makeWorld();
    writeFileSync(join(world.file, '..', '.directory.ldif.new'), 'half');
    const [result] = await world.run(add(ANN, person('ann')));
    assert.equal(result?.error, undefined);
  });

  test('in a folder that cannot be written stops the export, naming the folder and the remedy', async () => {
    const world = makeWorld();
    const before = readFileSync(world.file, 'utf8');
    chmodSync(folder, 0o755);
    chmodSync(join(world.file, '..'), 0o555);
    const message = /writing in the folder .*world-\d+ failed \(EACCES\): give this process's account the right/;
    await asNobody(() => assertStops(world.run(add(ANN, person('ann'))), 'stopped-export-write', message));
    chmodSync(join(world.file, '..'), 0o755);
    assert.equal(readFileSync(world.file, 'utf8'), before);
  });

  test('settings that cannot be meant are refused', () => {
    for (const settings of [{}, { file: '' }, { file: 'a', folder: 'b' }]) {
      assert.equal(ldifSettingsSchema.safeParse(settings).success, false);
    }
    const { objectClass: _, ...classless } = ACCOUNT;
    assert.throws(() => createLdifConnector({ file: 'a' }, new Map([['account', classless]])), /objectClass/);
  });
});
