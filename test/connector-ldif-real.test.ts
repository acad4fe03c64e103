// The LDIF connector against what it did not write itself: a directory from the test data, and a real slapd.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
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
import { requireTestData, requireTool } from './require-tool.ts';

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
  const slapd = requireTool(t, 'slapd');
  const slapadd = requireTool(t, 'slapadd');
  const slapcat = requireTool(t, 'slapcat');
  const ldapsearch = requireTool(t, 'ldapsearch');
  if (!slapd || !slapadd || !slapcat || !ldapsearch) return;
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

  const home = makeServer(t);
  run(slapadd, '-f', join(home, 'slapd.conf'), '-b', BASE, '-l', world.file);
  const loaded = parseLdif(run(slapcat, '-f', join(home, 'slapd.conf'), '-b', BASE), isPhoto);
  assert.deepEqual(spell(loaded), spell(parseLdif(readFileSync(world.file, 'utf8'), isPhoto)));

  const url = `ldapi://${encodeURIComponent(join(home, 'ldapi'))}`;
  const server = spawn(slapd, ['-f', join(home, 'slapd.conf'), '-h', url, '-d', '0'], { stdio: 'ignore' });
  t.after(async () => {
    server.kill();
    if (server.exitCode === null) await once(server, 'exit');
  });
  const search = (...filter: string[]): string[] => [
    '-x',
    '-LLL',
    '-o',
    'ldif-wrap=no',
    '-H',
    url,
    '-b',
    BASE,
    ...filter,
  ];
  await waitFor(() => spawnSync(ldapsearch, search('-s', 'base', 'dn')).status === 0);
  const members = parseLdif(run(ldapsearch, ...search('(objectClass=groupOfNames)', 'member')));
  assert.deepEqual(
    members.map(({ dn, values }) => [dn, values.map(({ value }) => value)]),
    [[STAFF, [ANN, moved]]],
  );
  const [ann] = parseLdif(run(ldapsearch, ...search('(uid=ann)', 'entryUUID')));
  assert.equal(ann?.values[0]?.value, results[0]?.anchor);
});

function isPhoto(type: string): boolean {
  return type === 'jpegPhoto';
}

/** A folder with a configured, empty server; gone after the test. */
function makeServer(t: TestContext): string {
  const home = mkdtempSync(join(tmpdir(), 'metatrail-slapd-'));
  t.after(() => rmSync(home, { recursive: true }));
  mkdirSync(join(home, 'db'));
  const schema = ['core', 'cosine', 'inetorgperson'].map((name) => `include /etc/ldap/schema/${name}.schema`);
  const lines = [
    ...schema,
    'modulepath /usr/lib/ldap',
    'moduleload back_mdb',
    `pidfile ${join(home, 'slapd.pid')}`,
    'database mdb',
    `suffix ${BASE}`,
    `directory ${join(home, 'db')}`,
    'maxsize 16777216',
  ];
  writeFileSync(join(home, 'slapd.conf'), `${lines.join('\n')}\n`);
  return home;
}

function run(tool: string, ...options: string[]): string {
  const { status, stdout, stderr } = spawnSync(tool, options, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout;
}

async function waitFor(isReady: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    if (isReady()) return;
    await sleep(50);
  }
  assert.fail('slapd did not answer within ten seconds');
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
