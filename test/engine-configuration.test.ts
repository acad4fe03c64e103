// The configuration is checked whole: every fault at once, with line, column and what was expected. The messages are what
// a person reads, so they stand here word for word.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ConfigurationError } from '../engine/configuration/document.ts';
import { loadConfiguration } from '../engine/configuration/load.ts';
import { company } from './engine-company.ts';

const FILE = '/etc/metatrail/company.yaml';
const COMPANY = company();

function faultsOf(text: string): string[] {
  try {
    loadConfiguration(text, { file: FILE, variables: { data: '/data' } });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    assert.equal(error.file, FILE);
    return error.message.split('\n').map((line) => {
      assert.ok(line.startsWith(`${FILE}:`), line);
      return line.slice(FILE.length + 1);
    });
  }
}

/** What is wrong, the whole text, the faults. */
const TEXTS: [what: string, text: string, ...faults: string[]][] = [
  ['an empty file', '', '1:1: expected a map'],
  ['a list', '- a\n- b\n', '1:1: expected a map'],
  ['a word', 'hello\n', '1:1: expected a map'],
  ['a tab', 'metatrail: 1\n\tname: x\n', '2:1: Tabs are not allowed as indentation'],
  ['a key twice', 'metatrail: 1\nname: a\nname: b\n', '3:1: Map keys must be unique'],
  ['two documents', 'metatrail: 1\n---\nmetatrail: 1\n', '2:1: the file holds more than one document'],
  ['a tag', 'metatrail: 1\nname: !!js/function x\n', '2:7: Unresolved tag: tag:yaml.org,2002:js/function'],
  ['a tag of one’s own', 'metatrail: 1\nname: !secret x\n', '2:7: Unresolved tag: !secret'],
  [
    'a merge key',
    'metatrail: 1\nname: x\nmetaverse: {}\nagents: {}\n<<: { cycle: [] }\n',
    '5:1: the key << is not known here',
  ],
  [
    'an alias bomb',
    'a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c]\n',
    '1:1: the file follows aliases more than 50 times; write the values out',
  ],
  ['an alias of nothing', 'metatrail: *a\n', '1:12: there is no anchor a before this'],
  ['a quote that is not closed', 'metatrail: 1\nname: "x\n', '3:1: Missing closing "quote'],
  ['no agents', 'metatrail: 1\nname: x\nmetaverse: {}\n', '1:1: expected a map, and it is missing (agents)'],
];

/** What is wrong, what is changed in the company's configuration, the faults. */
const CHANGES: [what: string, changes: [from: string, to: string][], ...faults: string[]][] = [
  ['an unknown key of the file', [['cycle: [', 'extra: 1\ncycle: [']], '156:1: the key extra is not known here'],
  [
    'an unknown key of a metaverse type',
    [['    about: person\n', '    about: person\n    colour: red\n']],
    '6:5: the key colour is not known here (metaverse.person)',
  ],
  [
    'an unknown key of a metaverse attribute',
    [['title: { precedence', 'title: { precedense']],
    '11:16: the key precedense is not known here (metaverse.person.attributes.title)',
  ],
  [
    'an unknown key of an agent',
    [['    drift: correct', '    dryft: correct']],
    '104:5: the key dryft is not known here (agents.directory)',
  ],
  [
    'an unknown key of a connector',
    [['initiator: by }', 'initator: by }']],
    '23:52: the key initator is not known here (agents.hr.connector)',
  ],
  [
    'an unknown key of an object type',
    [['anchor: key\n', 'anchor: key\n        colour: red\n']],
    '68:9: the key colour is not known here (agents.crm.objects.contact)',
  ],
  [
    'an unknown key of an attribute',
    [['projects: { separator', 'projects: { seperator']],
    '34:23: the key seperator is not known here (agents.hr.objects.employee.attributes.projects)',
  ],
  [
    'an unknown key of a reference',
    [['objects: employee, by: name', 'objects: employee, bye: name']],
    '35:22: expected text, and it is missing (agents.hr.objects.employee.attributes.manager.reference.by)',
    '35:54: the key bye is not known here (agents.hr.objects.employee.attributes.manager.reference)',
  ],
  [
    'an unknown key of an import flow',
    [['phone: { from: phone, recall: false }', 'phone: { from: phone, recal: false }']],
    '72:54: the key recal is not known here (agents.crm.import_flow.contact.phone)',
  ],
  [
    'an unknown key of an export flow',
    [['member: { from: member, when_empty', 'member: { from: member, when_emty']],
    '149:33: the key when_emty is not known here (agents.directory.export_flow.group.member)',
  ],
  [
    'an unknown key of provisioning',
    [['otherwise: delete\n', 'otherwice: delete\n']],
    '136:9: the key otherwice is not known here (agents.directory.provisioning.account)',
  ],
  [
    'a number that is text',
    [['delete_share: 1', 'delete_share: lots']],
    '24:5: expected a number (agents.hr.delete_share)',
  ],
  [
    'a number out of range',
    [['delete_share: 1', 'delete_share: 7']],
    '24:5: expected at most 1 (agents.hr.delete_share)',
  ],
  ['text that is a number', [['name: Company', 'name: 3']], '2:1: expected text (name)'],
  [
    'a connector that there is not',
    [['kind: ldif', 'kind: ldap']],
    '79:7: expected "csv" or "ldif" (agents.directory.connector.kind)',
  ],
  [
    'a word that there is not',
    [['drift: correct', 'drift: wrong']],
    '104:5: expected "correct" or "report" (agents.directory.drift)',
  ],
  [
    'a deletion rule that there is not',
    [['deletion: { any_of: [hr] }', 'deletion: sometimes']],
    '7:5: expected "last-connector" or "never" or a map (metaverse.person.deletion)',
  ],
  [
    'a deletion rule without agents',
    [['deletion: { any_of: [hr] }', 'deletion: { any_of: [] }']],
    '7:17: expected a list of at least 1 (metaverse.person.deletion.any_of)',
  ],
  [
    'a step that there is not',
    [['export: [export]', 'export: [exprt]']],
    '151:16: expected "full-import" or "delta-synchronization" or "full-synchronization" or "export" (agents.directory.run_profiles.export.0)',
  ],
  [
    'a name that is none',
    [['      phone: string', '      1phone: string']],
    '12:7: expected a name: a letter, then letters, digits, - or _ (metaverse.person.attributes.1phone)',
  ],
  ['a version that is not ours', [['metatrail: 1', 'metatrail: 2']], '1:1: expected 1 (metatrail)'],
  ['a key that is missing', [['name: Company\n', '']], '1:1: expected text, and it is missing (name)'],
  [
    'a cycle step that is no agent/profile',
    [['hr/full, crm/full', 'hrfull, crm/full']],
    '156:9: expected agent/profile (cycle.0)',
  ],
  [
    'an agent in a precedence',
    [['precedence: [hr, crm]', 'precedence: [hr, crn]']],
    '11:33: there is no agent crn; there is hr, crm, directory (metaverse.person.attributes.title.precedence.1)',
  ],
  [
    'an agent in a deletion rule',
    [['any_of: [hr]', 'any_of: [hrr]']],
    '7:26: there is no agent hrr; there is hr, crm, directory (metaverse.person.deletion.any_of.0)',
  ],
  [
    'the name attribute',
    [['name: name\n    deletion', 'name: nam\n    deletion']],
    '6:5: there is no attribute nam; there is id, name, title, phone, room, manager (metaverse.person.name)',
  ],
  [
    'the leaving date',
    [['    about: person\n', '    about: person\n    leaving_date: left\n']],
    '6:5: there is no attribute left; there is id, name, title, phone, room, manager (metaverse.person.leaving_date)',
  ],
  [
    'the anchor',
    [['anchor: id', 'anchor: idd']],
    '27:9: there is no attribute idd; there is id, name, title, phone, status, projects, manager (agents.hr.objects.employee.anchor)',
  ],
  [
    'a metaverse type in a projection',
    [
      ['join:\n      employee: { object: person, criteria: [{ id: id }] }\n', 'join:\n'],
      ['projection: { employee: person', 'projection: { employee: persn'],
    ],
    '46:19: there is no metaverse type persn; there is person, group (agents.hr.projection.employee)',
    '48:7: there is neither a join nor a projection that says which metaverse type it flows to (agents.hr.import_flow.employee)',
  ],
  [
    'an object type in a projection',
    [['projection: { employee: person', 'projection: { emp: person']],
    '47:19: there is no object type emp; there is employee, project (agents.hr.projection.emp)',
  ],
  [
    'an object type in a filter',
    [
      [
        '    delete_share: 1\n    objects:\n      employee',
        '    filter: { emp: "true" }\n    objects:\n      employee',
      ],
    ],
    '24:15: there is no object type emp; there is employee, project (agents.hr.filter.emp)',
  ],
  [
    'a connector attribute in a join',
    [['criteria: [{ id: id }] }', 'criteria: [{ id: idd }] }']],
    '45:48: there is no attribute idd of employee; there is id, name, title, phone, status, projects, manager (agents.hr.join.employee.criteria.0.id)',
  ],
  [
    'a metaverse attribute in a join',
    [['criteria: [{ id: id }] }', 'criteria: [{ idd: id }] }']],
    '45:48: there is no attribute idd of person; there is id, name, title, phone, room, manager (agents.hr.join.employee.criteria.0.idd)',
  ],
  [
    'a criterion that compares nothing',
    [['criteria: [{ id: id }] }', 'criteria: [{}] }']],
    '45:46: a criterion compares at least one attribute (agents.hr.join.employee.criteria.0)',
  ],
  [
    'a join that goes elsewhere than the projection',
    [
      [
        'project: { object: group, criteria: [{ name: name }] }',
        'project: { object: person, criteria: [{ name: name }] }',
      ],
    ],
    '46:18: joins go to person but projection to group (agents.hr.join.project.object)',
  ],
  [
    'an import flow from nothing',
    [['contact: { title: title,', 'contact: { title: titel,']],
    '72:18: there is no attribute titel of contact; there is key, id, name, title, phone (agents.crm.import_flow.contact.title)',
  ],
  [
    'an import flow to nothing',
    [['contact: { title: title,', 'contact: { titel: title,']],
    '72:18: there is no attribute titel of person; there is id, name, title, phone, room, manager (agents.crm.import_flow.contact.titel)',
  ],
  [
    'an import flow with both from and expression',
    [['phone: { from: phone, recall: false }', 'phone: { from: phone, expression: "\'x\'" }']],
    '72:32: phone needs either from or expression (agents.crm.import_flow.contact.phone)',
  ],
  [
    'several values into one',
    [
      ['contact: { title: title,', 'contact: { title: titles,'],
      ['title: title, phone: phone }', 'titles: { separator: ";" }, phone: phone }'],
    ],
    '72:18: titles may hold several values, title holds one (agents.crm.import_flow.contact.title)',
  ],
  [
    'a reference into text',
    [['        phone: phone\n        manager: manager\n', '        phone: manager\n        manager: manager\n']],
    '53:9: a reference flows only into a reference: manager is reference, phone is string (agents.hr.import_flow.employee.phone)',
  ],
  [
    'an export flow from nothing',
    [['telephoneNumber: phone', 'telephoneNumber: fone']],
    '145:9: there is no attribute fone of person; there is id, name, title, phone, room, manager (agents.directory.export_flow.account.telephoneNumber)',
  ],
  [
    'an export flow to nothing',
    [['telephoneNumber: phone', 'telefone: phone']],
    '145:9: there is no attribute telefone of account; there is uid, cn, sn, employeeNumber, title, roomNumber, telephoneNumber, manager, status (agents.directory.export_flow.account.telefone)',
  ],
  [
    'an export flow to what is computed',
    [['telephoneNumber: phone', 'status: phone']],
    '145:9: status is computed and cannot be exported (agents.directory.export_flow.account.status)',
  ],
  [
    'an export to a system that takes none',
    [
      [
        '    import_flow:\n      contact:',
        '    export_flow: { contact: { title: title } }\n    import_flow:\n      contact:',
      ],
    ],
    '71:20: a csv connector cannot export (agents.crm.export_flow.contact)',
  ],
  [
    'a run profile that exports to it',
    [['import: [full-import]', 'import: [export]']],
    '59:7: a csv connector cannot export (agents.hr.run_profiles.import)',
  ],
  [
    'a metaverse type in provisioning',
    [['        object: person\n', '        object: persn\n']],
    '134:9: there is no metaverse type persn; there is person, group (agents.directory.provisioning.account.object)',
    '139:7: nothing is provisioned, joined or projected to export from (agents.directory.export_flow.account)',
  ],
  [
    'an object type in a reference',
    [['objects: employee, by: name', 'objects: emp, by: name']],
    '35:35: there is no object type emp; there is employee, project (agents.hr.objects.employee.attributes.manager.reference.objects)',
  ],
  [
    'an attribute in a reference',
    [['objects: employee, by: name', 'objects: employee, by: nam']],
    '35:54: employee has no attribute nam; by is anchor, dn or an attribute (agents.hr.objects.employee.attributes.manager.reference.by)',
  ],
  [
    'an object type in derived_from',
    [['derived_from: { object: employee', 'derived_from: { object: emp']],
    '42:25: there is no object type emp; there is employee, project (agents.hr.objects.project.derived_from.object)',
  ],
  [
    'an attribute in derived_from',
    [['attribute: projects, members', 'attribute: project, members']],
    '42:43: employee has no attribute project (agents.hr.objects.project.derived_from.attribute)',
  ],
  [
    'the members in derived_from',
    [['members: member }', 'members: mebmer }']],
    '42:64: there is no attribute mebmer; there is name, member (agents.hr.objects.project.derived_from.members)',
  ],
  [
    'an LDIF type without a class',
    [['        class: inetOrgPerson\n', '']],
    '106:7: an object type of an ldif connector needs a class (agents.directory.objects.account)',
  ],
  [
    'an agent and a profile of the cycle',
    [['hr/full, crm/full', 'hr/fulll, crn/full']],
    '156:9: there is no run profile fulll of hr; there is full, import, synchronize, everything (cycle.0)',
    '156:19: there is no agent crn; there is hr, crm, directory (cycle.1)',
  ],
  [
    'a function that there is not',
    [["dn: \"'uid=' + rdn(", "dn: \"'uid=' + rdm("]],
    "135:9: the expression is wrong: found no matching overload for 'rdm(dyn)' at character 10 (agents.directory.provisioning.account.dn)",
  ],
  [
    'an expression cut short',
    [["rdn(object.id) + ',ou=people,dc=corp,dc=test'\"", "rdn(object.id + ',ou=people,dc=corp,dc=test'\""]],
    '135:9: the expression is wrong: Expected RPAREN, got EOF at character 54 (agents.directory.provisioning.account.dn)',
  ],
  [
    'a variable that there is not',
    [['rdn(object.id)', 'rdn(person.id)']],
    '135:9: the expression is wrong: Unknown variable: person at character 14 (agents.directory.provisioning.account.dn)',
  ],
  [
    'types that do not go together',
    [['rdn(object.id)', "rdn('x' + 1)"]],
    '135:9: the expression is wrong: no such overload: string + int at character 14 (agents.directory.provisioning.account.dn)',
  ],
  [
    'a condition that is none',
    [['otherwise: delete', 'when: "\'x\'"\n        otherwise: delete']],
    '136:9: the expression is wrong: it gives string, not true or false (agents.directory.provisioning.account.when)',
  ],
  [
    'a password in the directory',
    [['roomNumber: roomNumber', 'userPassword: userPassword']],
    '117:11: userPassword is a secret; secrets are neither read nor written, leave it out (agents.directory.objects.account.attributes.userPassword)',
  ],
  [
    'a password under another name',
    [['roomNumber: roomNumber', 'roomNumber: unicodePwd']],
    '117:11: roomNumber is a secret; secrets are neither read nor written, leave it out (agents.directory.objects.account.attributes.roomNumber)',
  ],
  [
    'an attribute marked as secret',
    [['projects: { separator: ";" }', 'projects: { separator: ";", marks: [secret] }']],
    '34:11: projects is a secret; secrets are neither read nor written, leave it out (agents.hr.objects.employee.attributes.projects)',
  ],
  [
    'a secret in the metaverse',
    [['      room: string', '      userPassword: string']],
    '13:7: userPassword is a secret, and secrets are never stored: leave it out (metaverse.person.attributes.userPassword)',
  ],
  [
    'a password in the initial directory',
    [['        ou: people', '        ou: people\n        userPassword: {SSHA}abc']],
    '81:7: a password or another secret does not belong here: leave it out (agents.directory.connector.initial)',
  ],
  [
    'a name with a meaning of its own',
    [['      room: string', '      predecessor: string']],
    '13:7: the name predecessor has a meaning of its own in events and references: give the attribute another one (metaverse.person.attributes.predecessor)',
  ],
  [
    'the key that vanishes',
    [['      room: string', '      __proto__: string']],
    '13:7: the key __proto__ is not known here',
  ],
  [
    'both a file and a folder',
    [['file: "{data}/crm.csv"', 'file: "{data}/crm.csv", folder: x']],
    '63:5: connector needs either folder or file (agents.crm.connector)',
  ],
  [
    'a path variable that there is not, and more',
    [
      ['{data}/hr.csv', '{feed}/hr.csv'],
      ['precedence: [hr, crm]', 'precedence: [hr, crn]'],
      ['drift: correct', 'drift: wrong'],
    ],
    '23:29: {feed} is not known here; there is {data}',
    '104:5: expected "correct" or "report" (agents.directory.drift)',
  ],
  [
    'people known by an attribute that there is not, and a manager who is no reference',
    [['cycle:', 'access: { identity: mail, manager: phone }\ncycle:']],
    '156:11: there is no attribute mail of an object type about persons; there is id, name, title, phone, room, manager (access.identity)',
    '156:27: phone is no reference: it must name the person whom others report to (access.manager)',
  ],
  [
    'three places at once',
    [
      ['precedence: [hr, crm]', 'precedence: [hr, crn]'],
      ['telephoneNumber: phone', 'telephoneNumber: fone'],
      ['hr/full, crm/full', 'hr/full, crm/fulll'],
    ],
    '11:33: there is no agent crn; there is hr, crm, directory (metaverse.person.attributes.title.precedence.1)',
    '145:9: there is no attribute fone of person; there is id, name, title, phone, room, manager (agents.directory.export_flow.account.telephoneNumber)',
    '156:18: there is no run profile fulll of crm; there is full, import, synchronize (cycle.1)',
  ],
];

for (const [what, text, ...faults] of TEXTS) {
  test(`a configuration is refused: ${what}`, () => assert.deepEqual(faultsOf(text), faults));
}

for (const [what, changes, ...faults] of CHANGES) {
  test(`a configuration is refused: ${what}`, () => {
    let text = COMPANY;
    for (const [from, to] of changes) {
      assert.ok(text.includes(from), `the configuration holds no ${from}`);
      text = text.replace(from, () => to);
    }
    assert.deepEqual(faultsOf(text), faults);
  });
}

test('a file that is too large is refused before it is read', () => {
  assert.deepEqual(faultsOf(`#${'x'.repeat(4 * 1024 * 1024)}\n`), ['1:1: the file is larger than 4194304 bytes']);
});

test('an alias that holds itself ends', () => {
  assert.equal(faultsOf('metatrail: &a [*a]\n')[0], '1:1: expected 1 (metatrail)');
});

test('every example loads, and so does one with shared attributes', () => {
  for (const name of ['examples/cert-r5.2.yaml', 'demonstration/company.yaml']) {
    const file = fileURLToPath(new URL(`../engine/${name}`, import.meta.url));
    const { cycle } = loadConfiguration(readFileSync(file, 'utf8'), { file, variables: { data: '/d', feed: '/f' } });
    assert.ok(cycle.length > 0, name);
  }
  const shared = COMPANY.replace('id: { marks: [personal] }', 'id: &personal { marks: [personal] }').replace(
    'name: { marks: [personal] }',
    'name: *personal',
  );
  assert.deepEqual(faultsOf(shared), []);
});

test('a configuration is what its text says: names, ranks, rules, paths, hash', () => {
  const { name, agents, metaverse, sha256, text, cycle } = loadConfiguration(COMPANY, {
    file: FILE,
    variables: { data: '/data' },
  });
  assert.equal(name, 'Company');
  assert.equal(text, COMPANY);
  assert.match(sha256, /^[0-9a-f]{64}$/);
  assert.deepEqual(metaverse.get('person')?.attributes.get('title')?.precedence, ['hr', 'crm', 'directory']);
  assert.deepEqual(metaverse.get('person')?.attributes.get('room')?.precedence, ['hr', 'crm', 'directory']);
  assert.deepEqual(metaverse.get('group')?.deletion, { when: 'any-of', agents: ['hr'] });
  const employee = agents.get('hr')?.types.get('employee');
  assert.deepEqual(
    employee?.importFlows.map(({ rule }) => rule),
    ['hr/employee/id', 'hr/employee/name', 'hr/employee/title', 'hr/employee/phone', 'hr/employee/manager'],
  );
  assert.equal(
    agents
      .get('crm')
      ?.types.get('contact')
      ?.importFlows.find(({ to }) => to === 'phone')?.recall,
    false,
  );
  const settings = agents.get('hr')?.connector.settings;
  assert.ok(typeof settings === 'object' && settings !== null && 'file' in settings);
  assert.equal(settings.file, '/data/hr.csv');
  assert.deepEqual(cycle[0], { agent: 'hr', profile: 'full' });
});

test('a path without a variable is taken from the folder of the configuration', () => {
  const { agents } = loadConfiguration(COMPANY.replace('{data}/hr.csv', '../feeds/hr.csv'), {
    file: FILE,
    variables: { data: '/data' },
  });
  const settings = agents.get('hr')?.connector.settings;
  assert.ok(typeof settings === 'object' && settings !== null && 'file' in settings);
  assert.equal(settings.file, '/etc/feeds/hr.csv');
});
