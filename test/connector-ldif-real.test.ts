// The LDIF connector against what it did not write itself: a directory from the test data, and a real slapd.
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ConnectorObjectType } from '../engine/connector.ts';
import { dnKey } from '../engine/connectors/dn.ts';
import { createLdifConnector } from '../engine/connectors/ldif.ts';
import { type LdifRecord, parseLdif } from '../engine/connectors/ldif-format.ts';
import {
  ANN,
  add,
  addGroup,
  BASE,
  BOB,
  change,
  describeAttributes,
  makeWorld,
  meaning,
  PEOPLE,
  person,
  STAFF,
} from './connector-ldif-world.ts';
import { requireTestData } from './require-tool.ts';
import { startSlapd } from './slapd-server.ts';

const CREW = 'ou=people,dc=planetexpress,dc=com';
const CREW_MEMBER: ConnectorObjectType = {
  name: 'crew',
  anchor: 'login',
  objectClass: 'inetOrgPerson',
  objectClasses: ['inetOrgPerson'],
  under: CREW,
  attributes: describeAttributes(
    { name: 'login', column: 'uid' },
    { name: 'cn' },
    { name: 'mail', multivalued: true },
    { name: 'photo', column: 'jpegPhoto', type: 'binary' },
  ),
};
const CREW_GROUP: ConnectorObjectType = {
  name: 'team',
  anchor: 'cn',
  objectClass: 'group',
  attributes: describeAttributes({ name: 'cn' }, { name: 'member', type: 'reference', multivalued: true }),
};

test('a real directory is imported, and an export leaves what it did not change as it is', async (t) => {
  const source = requireTestData(t, 'ldif/planetexpress.ldif');
  if (source === undefined) return;
  const folder = mkdtempSync(join(tmpdir(), 'metatrail-planet-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'planetexpress.ldif');
  copyFileSync(source, file);
  const types = new Map([CREW_MEMBER, CREW_GROUP].map((type) => [type.name, type]));
  const connector = createLdifConnector({ file }, types);

  const image = await connector.readFullImage(undefined);
  assert.deepEqual(image?.refused, []);
  const entries = new Map(image?.entries.map((entry) => [entry.anchor, entry]));
  assert.deepEqual([...entries.keys()].sort(), [
    'admin_staff',
    'amy',
    'bender',
    'fry',
    'hermes',
    'leela',
    'professor',
    'ship_crew',
    'zoidberg',
  ]);
  assert.equal(entries.get('amy')?.dn, `cn=Amy Wong+sn=Kroker,${CREW}`);
  assert.equal(entries.get('ship_crew')?.attributes.member?.length, 3);
  const photo = Buffer.from(entries.get('bender')?.attributes.photo?.[0] ?? '', 'base64');
  assert.equal(photo.subarray(0, 3).toString('hex'), 'ffd8ff');
  assert.doesNotMatch(JSON.stringify(image), /userPassword|SSHA/i);

  const before = parseLdif(readFileSync(file, 'utf8'));
  const results = await connector.export?.([
    { id: '1', kind: 'add', type: 'crew', dn: `cn=Scruffy,${CREW}`, attributes: { login: ['scruffy'] } },
    {
      id: '2',
      kind: 'rename',
      type: 'crew',
      dn: `cn=Turanga Leela,${CREW}`,
      newDn: `cn=Leela,${CREW}`,
      attributes: {},
    },
  ]);
  assert.deepEqual(results, [{ id: '1', anchor: 'scruffy' }, { id: '2' }]);
  const after = parseLdif(readFileSync(file, 'utf8'));
  const touched = /cn=(Turanga Leela|Leela|ship_crew|Scruffy),/;
  const untouched = (records: readonly LdifRecord[]): unknown => meaning(records.filter(({ dn }) => !touched.test(dn)));
  assert.deepEqual(untouched(after), untouched(before));
  const leela = (records: readonly LdifRecord[]): unknown =>
    records.find(({ dn }) => /Leela/.test(dn))?.values.filter(({ type }) => type !== 'cn');
  assert.deepEqual(leela(after), leela(before));
  const crew = after.find(({ dn }) => dn.startsWith('cn=ship_crew'))?.values.filter(({ type }) => type === 'member');
  assert.equal(crew?.filter(({ value }) => value === `cn=Leela,${CREW}`).length, 1);
});

test('what is exported is a directory that slapd loads, serves and gives back', async (t) => {
  const world = makeWorld();
  const moved = `uid=bob,ou=leavers,${BASE}`;
  const photo = Buffer.from([0xff, 0xd8, 0xff, 0x00, 0x0a]).toString('base64');
  writeFileSync(
    world.file,
    `${readFileSync(world.file, 'utf8')}\ndn: ou=leavers,${BASE}\nobjectClass: organizationalUnit\nou: leavers\n`,
  );
  const results = await world.run(
    add(ANN, { ...person('ann'), cn: ['Änn  Ems', ' <Ann> '], photo: [photo], room: ['7'] }),
    add(BOB, { ...person('bob'), manager: [ANN] }),
    addGroup(),
    add(`cn=Doe\\, Jane \\+ Söhne,${PEOPLE}`, { sn: ['Doe'], mail: ['x'.repeat(200)] }),
    change('rename', BOB, { newDn: moved }),
  );
  assert.deepEqual(
    results.filter(({ error }) => error !== undefined),
    [],
  );

  const server = await startSlapd(t, BASE, world.file);
  if (server === undefined) return;
  assert.deepEqual(spell(server.dump(isPhoto)), spell(parseLdif(readFileSync(world.file, 'utf8'), isPhoto)));
  const members = server.search('(objectClass=groupOfNames)', 'member');
  assert.deepEqual(
    members.map(({ dn, values }) => [dn, values.map(({ value }) => value)]),
    [[STAFF, [ANN, moved]]],
  );
  const [ann] = server.search('(uid=ann)', 'entryUUID');
  assert.equal(ann?.values[0]?.value, results[0]?.anchor);
});

function isPhoto(type: string): boolean {
  return type === 'jpegPhoto';
}

/** Names and values, in no order, without what slapd adds of its own. */
function spell(records: readonly LdifRecord[]): unknown {
  const added = /^(structuralObjectClass|creatorsName|createTimestamp|entryCSN|modifiersName|modifyTimestamp)$/;
  const spelled = records.map(({ dn, values }) => ({
    dn: dnKey(dn),
    values: values
      .filter(({ type }) => !added.test(type))
      .map(({ type, value }) => `${type.toLowerCase()}: ${value}`)
      .sort(),
  }));
  // slapd makes a UUID for each record that brings none.
  for (const record of spelled) {
    const isOurs = record.values.some((value) => /^entryuuid: 00000000-/.test(value));
    if (!isOurs) record.values = record.values.filter((value) => !value.startsWith('entryuuid'));
  }
  return spelled.sort((a, b) => (a.dn < b.dn ? -1 : 1));
}
