// One identity change as the engine itself writes it: a person's title, department and telephone number change in a
// personnel file and flow to accounts in two directories, out and confirmed.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfiguration } from '../../engine/configuration/load.ts';
import { Engine } from '../../engine/engine.ts';
import { fromRow, rowSchema } from '../../ingest/clickhouse/rows.ts';
import type { ChangeEvent } from '../../ingest/event.ts';
import { Journal } from '../../ingest/journal/journal.ts';
import { assertReplays } from '../replayed-state.ts';

const DIRECTORIES = ['corporate', 'branch'] as const;

const directory = (name: string): string => `  ${name}:
    connector:
      kind: ldif
      file: "{data}/${name}.ldif"
      initial: |
        dn: dc=${name},dc=test
        objectClass: dcObject
        objectClass: organization
        dc: ${name}
        o: Company
    objects:
      account:
        class: inetOrgPerson
        anchor: uid
        attributes: { uid: uid, cn: cn, sn: sn, title: title, departmentNumber: departmentNumber, telephoneNumber: telephoneNumber }
    join: { account: { object: person, criteria: [{ id: uid }] } }
    provisioning:
      account: { object: person, dn: "'uid=' + rdn(object.id) + ',dc=${name},dc=test'", otherwise: delete }
    export_flow:
      account: { uid: id, cn: name, sn: name, title: title, departmentNumber: department, telephoneNumber: phone }
    run_profiles: { export: [export], confirm: [full-import, delta-synchronization] }
`;

export const CONFIGURATION = `metatrail: 1
name: Company
metaverse:
  person:
    about: person
    name: name
    deletion: { any_of: [hr] }
    attributes:
      id: string
      name: { marks: [personal] }
      title: string
      department: string
      phone: { marks: [personal] }
agents:
  hr:
    connector: { kind: csv, file: "{data}/hr.csv", initiator: by }
    delete_share: 1
    objects: { employee: { anchor: id, attributes: { id: id, name: name, title: title, department: department, phone: phone } } }
    join: { employee: { object: person, criteria: [{ id: id }] } }
    projection: { employee: person }
    import_flow: { employee: { id: id, name: name, title: title, department: department, phone: phone } }
    run_profiles: { full: [full-import, delta-synchronization] }
${DIRECTORIES.map(directory).join('')}`;

/** Two people, so that what belongs to the run is not taken for what belongs to the change. */
const PEOPLE = ['P00000001', 'P00000002'];
/** The anchor of the first of them, in all systems. */
export const ANCHOR = 'P00000001';

function personnel(round: number): string {
  const line = (id: string) => [
    id,
    `Name of ${id}`,
    `Title ${round} of ${id}`,
    `Department ${round} of ${id}`,
    `Phone ${round} of ${id}`,
    `clerk of ${id}`,
  ];
  return [['id', 'name', 'title', 'department', 'phone', 'by'], ...PEOPLE.map(line)]
    .map((fields) => `${fields.join(',')}\n`)
    .join('');
}

/** Makes the company in a folder, changes its people once, and returns the events of that change in their order. */
export async function recordChange(folder: string): Promise<ChangeEvent[]> {
  mkdirSync(folder, { recursive: true });
  const journal = await Journal.open(join(folder, 'data'));
  try {
    const loaded = loadConfiguration(CONFIGURATION, {
      file: join(folder, 'company.yaml'),
      variables: { data: folder },
    });
    const engine = await Engine.open(journal, loaded);
    const cycle = async (round: number): Promise<void> => {
      writeFileSync(join(folder, 'hr.csv'), personnel(round));
      await engine.run('hr', 'full');
      for (const name of DIRECTORIES) {
        await engine.run(name, 'export');
        await engine.run(name, 'confirm');
      }
    };
    await cycle(1);
    const before = journal.size;
    await cycle(2);
    await assertReplays(journal.folder);
    return journal.rows(before, journal.size).map(({ row }) => fromRow(rowSchema.parse(JSON.parse(row))));
  } finally {
    await journal.close();
  }
}
