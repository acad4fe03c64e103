import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  DnSyntaxError,
  dnKey,
  escapeRdnValue,
  isKeyBelow,
  parentDn,
  parseDn,
  rdnOf,
  withTail,
} from '../engine/connectors/dn.ts';
import { type LdifRecord, LdifSyntaxError, parseLdif, writeLdif } from '../engine/connectors/ldif-format.ts';

/** Objects without a prototype would never equal those that are read. */
const PLAIN = { noNullPrototype: true } as const;

const text = (): fc.Arbitrary<string> =>
  fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({
      unit: fc.constantFrom(' ', ',', '+', '"', '\\', ';', '<', '>', '#', '=', ':', '\r', '\n', '\0', 'a', 'É', 'ß'),
    }),
  );
const attributeType = (): fc.Arbitrary<string> => fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,8}$/);

describe('LDIF', () => {
  test('folded lines, base64, comments, options, CR LF and empty lines are read', () => {
    const source = [
      '# a comment',
      '  that goes on',
      'version: 1',
      '',
      '',
      'dn:: Y249w4Qs',
      ' ZGM9eA==',
      '# within a record',
      'cn:   Long',
      '  value',
      'cn;lang-de:Ä',
      'description:',
      'jpegPhoto:: /9j/',
      '',
      'dn: dc=x',
      'dc: x ',
    ];
    const expected = [
      {
        dn: 'cn=Ä,dc=x',
        line: 6,
        values: [
          { type: 'cn', value: 'Long value' },
          { type: 'cn;lang-de', value: 'Ä' },
          { type: 'description', value: '' },
          { type: 'jpegPhoto', value: '/9j/', base64: true },
        ],
      },
      { dn: 'dc=x', line: 15, values: [{ type: 'dc', value: 'x ' }] },
    ];
    for (const end of ['\n', '\r\n']) assert.deepEqual(parseLdif(source.join(end)), expected);
  });

  test('a type declared as binary stays base64, also where its bytes are text', () => {
    const values = parseLdif('dn: cn=x\nphoto:: aGk=\nphoto: hi\ncn:: aGk=\n', (type) => type === 'photo')[0]?.values;
    const photo = { type: 'photo', value: 'aGk=', base64: true };
    assert.deepEqual(values, [photo, photo, { type: 'cn', value: 'hi' }]);
  });

  const refused: [string, string, RegExp][] = [
    ['a change record', 'dn: cn=x\nchangetype: modify\n', /^line 2: makes this a change record/],
    ['a control', 'dn: cn=x\ncontrol: 1.2.3\n', /^line 2: makes this a change record/],
    ['the dash of a change record', 'dn: cn=x\ncn: x\n-\n', /^line 3: is "-"/],
    ['a value from a URL', 'dn: cn=x\ncn: x\nphoto:< file:///etc/shadow\n', /^line 3: takes its value from a URL/],
    ['another version', 'version: 2\ndn: cn=x\n', /^line 1: only version 1/],
    ['a record without a name', 'cn: x\n', /^line 1: begins a record, but not with "dn:"/],
    ['a record within a record', 'dn: cn=x\ncn: x\ndn: cn=y\n', /^line 3: begins a record within a record/],
    ['a continuation of nothing', 'dn: cn=x\n\n cn: x\n', /^line 3: begins with a space/],
    ['a line without a colon', 'dn: cn=x\nhidden\n', /^line 2: is no "attribute: value" line/],
    ['a wrong attribute type', 'dn: cn=x\nc n: hidden\n', /^line 2: is no "attribute: value" line/],
    ['wrong base64', 'dn: cn=x\ncn:: hidden!\n', /^line 2: holds a value after "::" that is not base64/],
    ['a name that is not UTF-8', 'dn:: /////w==\n', /^line 1: holds a name that is not UTF-8/],
  ];
  for (const [name, source, message] of refused) {
    test(`${name} is refused with its line and without quoting it`, () => {
      assert.throws(
        () => parseLdif(source),
        (error: unknown) => {
          assert.ok(error instanceof LdifSyntaxError);
          assert.match(error.message, message);
          assert.doesNotMatch(error.message, /hidden|shadow/);
          return true;
        },
      );
    });
  }

  test('values are written as RFC 2849 demands', () => {
    const values = [
      'plain',
      '',
      ' space',
      ':colon',
      '<less',
      'a:b <c',
      'end ',
      'é',
      'a\nb',
      'a\rb',
      'a\0b',
      '#x',
      'tab\t',
    ];
    const records = [{ dn: 'cn=é', line: 0, values: values.map((value) => ({ type: 'a', value })) }];
    const lines = writeLdif(records).split('\n');
    assert.deepEqual(lines.slice(0, 5), ['dn:: Y249w6k=', 'a: plain', 'a:', 'a:: IHNwYWNl', 'a:: OmNvbG9u']);
    const isBase64 = lines.slice(1, -1).map((line) => line.startsWith('a::'));
    assert.deepEqual(isBase64, [false, false, true, true, true, false, true, true, true, true, true, false, false]);
  });

  test('no line is wider than 76 columns', () => {
    const values = [
      { type: 'a', value: 'x'.repeat(500) },
      { type: 'b', value: 'é'.repeat(500) },
    ];
    const lines = writeLdif([{ dn: `cn=${'y'.repeat(200)}`, line: 0, values }]).split('\n');
    assert.equal(Math.max(...lines.map((line) => line.length)), 76);
  });

  test('what is written is read back unchanged, whatever the values are', () => {
    const value = fc.oneof(
      fc.record({ type: attributeType(), value: text() }, PLAIN),
      // Bytes that are not UTF-8, because bytes that are would be read as text.
      fc.record(
        {
          type: attributeType(),
          value: fc.uint8Array().map((bytes) => Buffer.from([...bytes, 0xff]).toString('base64')),
          base64: fc.constant(true as const),
        },
        PLAIN,
      ),
    );
    const isContent = ({ type }: { type: string }): boolean =>
      !['dn', 'changetype', 'control'].includes(type.toLowerCase());
    const record = fc.record({ dn: text(), values: fc.array(value.filter(isContent)), line: fc.constant(0) }, PLAIN);
    fc.assert(
      fc.property(fc.array(record), fc.boolean(), (records, isWindows) => {
        const written = writeLdif(records);
        const read = parseLdif(isWindows ? written.replaceAll('\n', '\r\n') : written);
        const withoutLines = (all: readonly LdifRecord[]): unknown => all.map(({ dn, values }) => ({ dn, values }));
        assert.deepEqual(withoutLines(read), withoutLines(records));
        assert.equal(writeLdif(read), written);
      }),
      { numRuns: 500 },
    );
  });
});

describe('distinguished names', () => {
  const same: [string, string][] = [
    ['CN=Ann,DC=Example', 'cn=ann,dc=example'],
    ['cn=Ann  Ems , dc = x', 'cn=ann ems,dc=x'],
    ['cn=Doe\\, Ann,dc=x', 'cn=Doe\\2C Ann,dc=x'],
    ['cn=Zo\\C3\\AB,dc=x', 'cn=ZOË,dc=x'],
    ['cn=a+sn=b,dc=x', 'SN=b + CN=a,dc=x'],
    ['cn=\\ a\\ ,dc=x', 'cn=a,dc=x'],
    ['cn=Straße', 'cn=STRAßE'],
    ['cn=ΟΔΟΣ', 'cn=οδος'],
    ['1.2.3=#0403AB', '1.2.3=#0403ab'],
    ['cn=a=b', 'cn=a\\=b'],
  ];
  for (const [left, right] of same) {
    test(`${left} and ${right} are the same name`, () => assert.equal(dnKey(left), dnKey(right)));
  }

  const different: [string, string][] = [
    ['cn=a,dc=x', 'cn=a,dc=y'],
    ['cn=a,dc=x', 'uid=a,dc=x'],
    ['cn=a\\,dc=x', 'cn=a,dc=x'],
    ['cn=a+sn=b', 'cn=a,sn=b'],
    ['cn=#04', 'cn=\\#04'],
    ['cn=ab', 'cn=a b'],
  ];
  for (const [left, right] of different) {
    test(`${left} and ${right} are different names`, () => assert.notEqual(dnKey(left), dnKey(right)));
  }

  for (const dn of [
    'ann',
    'cn',
    '=a',
    'cn=a,',
    'cn=a,,dc=x',
    ',cn=a',
    'cn=a+',
    'c n=a',
    'cn=a;dc=x',
    'cn="a"',
    'cn=a\\',
    'cn=\\zz',
    'cn=\\FF',
    'cn=#0',
    'cn=#',
    'cn=a<b',
    '1.=a',
  ]) {
    test(`${dn} is no distinguished name, which is said in a sentence`, () => {
      assert.throws(
        () => dnKey(dn),
        (error: unknown) => {
          assert.ok(error instanceof DnSyntaxError);
          assert.match(error.message, /^".*" is not a distinguished name: at character \d+ .*; write it like .*\.$/s);
          return true;
        },
      );
    });
  }

  test('parent, own part and tail are taken as they are written', () => {
    assert.equal(parentDn('cn=Doe\\, Ann, OU=People,dc=x\\ '), 'OU=People,dc=x\\ ');
    assert.equal(parentDn('dc=x'), undefined);
    assert.equal(parentDn(''), undefined);
    assert.deepEqual(rdnOf('cn=Doe\\, Ann+SN=\\23x,dc=x'), [
      { attribute: 'cn', value: 'Doe, Ann' },
      { attribute: 'SN', value: '#x' },
    ]);
    assert.deepEqual(rdnOf(''), []);
    assert.equal(withTail('cn=a\\ , cn=b ,dc=x', 2, 'dc=y'), 'cn=a\\ , cn=b ,dc=y');
  });

  test('an escaped comma is no border of the tree', () => {
    assert.equal(isKeyBelow(dnKey('cn=a,ou=b,dc=x'), dnKey('DC=x')), true);
    assert.equal(isKeyBelow(dnKey('cn=a\\,dc=x'), dnKey('dc=x')), false);
    assert.equal(isKeyBelow(dnKey('dc=x'), dnKey('dc=x')), false);
  });

  test('any value can stand in a name, and is read back from it', () => {
    const part = fc.record({ attribute: attributeType(), value: text() }, PLAIN);
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (parts) => {
        const rdns = parts.map(({ attribute, value }) => `${attribute}=${escapeRdnValue(value)}`);
        assert.deepEqual(
          parseDn(rdns.join(',')).map(([first]) => first),
          parts,
        );
        assert.deepEqual(parseDn(rdns.join(' + ')), [parts]);
        assert.equal(parentDn(rdns.join(',')), parts.length === 1 ? undefined : rdns.slice(1).join(','));
      }),
      { numRuns: 1000 },
    );
  });

  test('a key is a name whose key is itself, and the parent of a key is the key of the parent', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ attribute: attributeType(), value: text() }, PLAIN), { minLength: 1 }),
        (parts) => {
          const dn = parts.map(({ attribute, value }) => `${attribute}=${escapeRdnValue(value)}`).join(',');
          const key = dnKey(dn);
          assert.equal(dnKey(key), key);
          assert.equal(dnKey(dn.replaceAll(',', ' , ').replaceAll('\\ , ', '\\,')), key);
          const parent = parentDn(dn);
          if (parent !== undefined) {
            assert.equal(key.slice(key.indexOf(',') + 1), dnKey(parent));
            assert.ok(isKeyBelow(key, dnKey(parent)));
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});
