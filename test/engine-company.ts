// The configuration that the engine's stories are told with: two personnel files, a directory with accounts and a group
// for each project. Stories replace parts of it by name.
import { INITIAL, NOBODY } from './engine-world.ts';

export interface CompanyOptions {
  /** Replaces the sections of the same name. */
  deletion?: string;
  provisioning?: string;
  drift?: 'correct' | 'report';
  anchor?: 'uid' | 'entryUUID';
  groups?: boolean;
  deleteShare?: number;
  folder?: boolean;
  join?: string;
  accountFlows?: string;
  imports?: string;
  directoryImports?: string;
  filter?: string;
  managerBy?: string;
  computed?: string;
}

const block = (text: string, depth: number): string =>
  text
    .split('\n')
    .map((line) => (line === '' ? '' : ' '.repeat(depth) + line))
    .join('\n');

const ACCOUNT_FLOWS = `uid: id
cn: name
sn: { expression: "object.name.substring(object.name.lastIndexOf(' ') + 1)" }
employeeNumber: id
title: title
telephoneNumber: phone
manager: manager`;

const BY_ID = `dn: "'uid=' + rdn(object.id) + ',ou=people,dc=corp,dc=test'"\notherwise: delete`;

/** People by `id`; hr outranks crm; accounts named uid=…,ou=people; who leaves loses the account, unless told otherwise. */
export function company(options: CompanyOptions = {}): string {
  return `metatrail: 1
name: Company
${metaverse(options)}agents:
${hr(options)}${crm(options)}${directory(options)}cycle: [hr/full, crm/full, directory/export, directory/confirm]
`;
}

function metaverse({ deletion = '{ any_of: [hr] }' }: CompanyOptions): string {
  return `metaverse:
  person:
    about: person
    name: name
    deletion: ${deletion}
    attributes:
      id: { marks: [personal] }
      name: { marks: [personal] }
      title: { precedence: [hr, crm] }
      phone: string
      room: string
      manager: reference
  group:
    name: name
    deletion: { any_of: [hr] }
    attributes:
      name: string
      member: { type: reference, multivalued: true, marks: [entitlement] }
`;
}

function hr(options: CompanyOptions): string {
  const { deleteShare = 1, folder = false, imports = '', filter = '', managerBy = 'name', computed = '' } = options;
  return `  hr:
    connector: ${folder ? '{ kind: csv, folder: "{data}/hr", initiator: by }' : '{ kind: csv, file: "{data}/hr.csv", initiator: by }'}
    delete_share: ${deleteShare}
    objects:
      employee:
        anchor: id
        attributes:
          id: { marks: [personal] }
          name: { marks: [personal] }
          title: title
          phone: phone
          status: status
          projects: { separator: ";" }
          manager: { reference: { objects: employee, by: ${managerBy} } }
${block(computed, 10)}
      project:
        anchor: name
        attributes:
          name: name
          member: { multivalued: true, reference: { objects: employee, by: anchor } }
        derived_from: { object: employee, attribute: projects, members: member }
    ${filter === '' ? '' : `filter: { employee: "${filter}" }`}
    join:
      employee: { object: person, criteria: [{ id: id }] }
      project: { object: group, criteria: [{ name: name }] }
    projection: { employee: person, project: group }
    import_flow:
      employee:
        id: id
        name: name
        title: title
        phone: phone
        manager: manager
${block(imports, 8)}
      project: { name: name, member: member }
    run_profiles:
      full: [full-import, delta-synchronization]
      import: [full-import]
      synchronize: [delta-synchronization]
      everything: [full-import, full-synchronization]
`;
}

function crm({ join = '[{ id: id }]' }: CompanyOptions): string {
  return `  crm:
    connector: { kind: csv, file: "{data}/crm.csv" }
    delete_share: 1
    objects:
      contact:
        anchor: key
        attributes: { key: key, id: id, name: name, title: title, phone: phone }
    join:
      contact: { object: person, criteria: ${join} }
    import_flow:
      contact: { title: title, phone: { from: phone, recall: false } }
    run_profiles:
      full: [full-import, delta-synchronization]
      import: [full-import]
      synchronize: [delta-synchronization]
`;
}

function directory(options: CompanyOptions): string {
  const {
    drift = 'correct',
    anchor = 'uid',
    groups = true,
    accountFlows = ACCOUNT_FLOWS,
    directoryImports = '',
  } = options;
  const { provisioning = BY_ID } = options;
  return `  directory:
    connector:
      kind: ldif
      file: "{data}/directory.ldif"
      initial: |
${block(INITIAL, 8)}
    delete_share: 1
    drift: ${drift}
    objects:
      account:
        class: inetOrgPerson
        under: dc=corp,dc=test
        anchor: ${anchor}
        attributes:
          ${anchor === 'uid' ? '' : 'entryUUID: entryUUID'}
          uid: uid
          cn: cn
          sn: sn
          employeeNumber: employeeNumber
          title: title
          roomNumber: roomNumber
          telephoneNumber: telephoneNumber
          manager: { reference: { objects: account, by: dn } }
          status: { computed: "'title' in entry ? 'titled' : 'untitled'" }
      group:
        class: groupOfNames
        under: ou=groups,dc=corp,dc=test
        anchor: cn
        attributes:
          cn: cn
          member: { multivalued: true, reference: { objects: account, by: dn }, marks: [entitlement] }
    join:
      account: { object: person, criteria: [{ id: employeeNumber }] }
      group: { object: group, criteria: [{ name: cn }] }
    ${directoryImports === '' ? '' : `import_flow:\n${block(directoryImports, 6)}`}
    provisioning:
      account:
        object: person
${block(provisioning, 8)}
${groups ? `      group: { object: group, dn: "'cn=' + rdn(object.name) + ',ou=groups,dc=corp,dc=test'", otherwise: delete }` : ''}
    export_flow:
      account:
${block(accountFlows, 8)}
      group:
        cn: name
        member: { from: member, when_empty: "${NOBODY}" }
    run_profiles:
      export: [export]
      confirm: [full-import, delta-synchronization]
      import: [full-import]
      synchronize: [delta-synchronization]
      everything: [full-import, full-synchronization]
`;
}
