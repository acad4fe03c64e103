// What the tests of the LDIF connector share: a small directory in a folder of its own, and the changes made to it.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
  Attributes,
  Connector,
  ConnectorAttribute,
  ConnectorObjectType,
  ExportChange,
  ExportResult,
  FullImage,
} from '../engine/connector.ts';
import { createLdifConnector } from '../engine/connectors/ldif.ts';
import { type LdifRecord, parseLdif } from '../engine/connectors/ldif-format.ts';

/** One folder for each test file; it goes with the process. */
export const folder = mkdtempSync(join(tmpdir(), 'metatrail-ldif-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

export const BASE = 'dc=example,dc=test';
export const PEOPLE = `ou=people,${BASE}`;
export const GROUPS = `ou=groups,${BASE}`;

export function describeAttributes(
  ...sketches: (Partial<ConnectorAttribute> & { name: string })[]
): Map<string, ConnectorAttribute> {
  return new Map(
    sketches.map((sketch) => [
      sketch.name,
      { type: 'string', multivalued: false, column: sketch.name, marks: 0, ...sketch },
    ]),
  );
}

export const ACCOUNT: ConnectorObjectType = {
  name: 'account',
  anchor: 'id',
  objectClass: 'inetOrgPerson',
  objectClasses: ['top', 'person', 'organizationalPerson', 'inetOrgPerson'],
  under: PEOPLE,
  attributes: describeAttributes(
    { name: 'id', column: 'entryUUID' },
    { name: 'login', column: 'uid' },
    { name: 'cn', multivalued: true },
    { name: 'sn' },
    { name: 'mail', multivalued: true },
    { name: 'room', column: 'roomNumber', type: 'integer' },
    { name: 'photo', column: 'jpegPhoto', type: 'binary' },
    { name: 'manager', type: 'reference', reference: { objects: ['account'], by: 'dn' } },
    { name: 'label', computed: 'entry.cn' },
  ),
};
export const GROUP: ConnectorObjectType = {
  name: 'group',
  anchor: 'id',
  objectClass: 'groupOfNames',
  objectClasses: ['top', 'groupOfNames'],
  under: GROUPS,
  attributes: describeAttributes(
    { name: 'id', column: 'entryUUID' },
    { name: 'cn' },
    { name: 'member', type: 'reference', multivalued: true, reference: { objects: ['account'], by: 'dn' } },
  ),
};

export const INITIAL = `# what stands in an empty directory
version: 1

dn: ${BASE}
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: ${PEOPLE}
objectClass: organizationalUnit
ou: people

dn: ${GROUPS}
objectClass: organizationalUnit
ou: groups
`;

export const ANN = `uid=ann,${PEOPLE}`;
export const BOB = `uid=bob,${PEOPLE}`;
export const STAFF = `cn=staff,${GROUPS}`;

export interface World {
  connector: Connector;
  file: string;
  read(): Promise<FullImage>;
  run(...changes: ExportChange[]): Promise<ExportResult[]>;
  records(): LdifRecord[];
}

let worlds = 0;
/** A directory in a folder of its own, with UUIDs that count. */
export function makeWorld(text = INITIAL, ...types: ConnectorObjectType[]): World {
  worlds += 1;
  const home = join(folder, `world-${worlds}`);
  mkdirSync(home);
  const file = join(home, 'directory.ldif');
  writeFileSync(file, text);
  const given = types.length === 0 ? [ACCOUNT, GROUP] : types;
  let uuids = 0;
  const newUuid = (): string => `00000000-0000-4000-8000-${String(++uuids).padStart(12, '0')}`;
  const connector = createLdifConnector({ file }, new Map(given.map((type) => [type.name, type])), newUuid);
  return {
    connector,
    file,
    async read() {
      const image = await connector.readFullImage(undefined);
      assert.ok(image);
      return image;
    },
    async run(...changes) {
      assert.ok(connector.export);
      return connector.export(changes);
    },
    records: () => parseLdif(readFileSync(file, 'utf8'), (type) => type.toLowerCase() === 'jpegphoto'),
  };
}

/** A directory with Ann, Bob and the group of both. */
export async function makeStaffedWorld(): Promise<World> {
  const world = makeWorld();
  const results = await world.run(add(ANN, person('ann')), add(BOB, { ...person('bob'), manager: [ANN] }), addGroup());
  assert.deepEqual(
    results.map(({ error }) => error),
    [undefined, undefined, undefined],
  );
  return world;
}

export function person(login: string): Attributes {
  return { login: [login], cn: [`The ${login}`], sn: [login] };
}

export function add(dn: string, attributes: Attributes, type = 'account'): ExportChange {
  return { id: `add ${dn}`, kind: 'add', type, dn, attributes };
}

export function addGroup(): ExportChange {
  return add(STAFF, { member: [ANN, BOB] }, 'group');
}

export function change(kind: ExportChange['kind'], dn: string, more: Partial<ExportChange> = {}): ExportChange {
  return { id: `${kind} ${dn}`, kind, type: 'account', dn, attributes: {}, ...more };
}

export async function assertRefused(
  world: World,
  refused: ExportChange,
  error: string,
  message: RegExp,
): Promise<void> {
  const before = readFileSync(world.file, 'utf8');
  const [result] = await world.run(refused);
  assert.deepEqual([result?.id, result?.error], [refused.id, error], result?.message);
  assert.match(result?.message ?? '', message);
  assert.equal(readFileSync(world.file, 'utf8'), before);
}

/** The records without what an order of values or a version line may change. */
export function meaning(records: readonly LdifRecord[]): unknown {
  return records.map(({ dn, values }) => ({ dn, values }));
}
