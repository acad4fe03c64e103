// Facts of the OCSF schema 1.8 (events/iam, base_event, and the objects that are used), and a check of an event against
// them: what must be there, what may, of which type, which numbers. An attribute that the schema does not have is a fault.
import assert from 'node:assert/strict';

/** string, integer, long-integer times, boolean, object of that name; [] after it: a list. `!`: required. */
type Shape = Readonly<Record<string, string>>;

interface ObjectFacts {
  attributes: Shape;
  atLeastOne?: readonly string[];
}

const FINGERPRINT = { 'algorithm_id!': 'integer:0-99', algorithm: 'string', 'value!': 'string' };

const OBJECTS: Readonly<Record<string, ObjectFacts>> = {
  metadata: {
    attributes: {
      'version!': 'string',
      'product!': 'product',
      uid: 'string',
      original_event_uid: 'string',
      correlation_uid: 'string',
      event_code: 'string',
      sequence: 'integer',
      log_name: 'string',
      original_time: 'string',
      logged_time: 'time',
      profiles: 'string[]',
    },
  },
  product: { attributes: { name: 'string', 'vendor_name!': 'string', version: 'string', uid: 'string' } },
  actor: { attributes: { user: 'user', app_name: 'string' }, atLeastOne: ['user', 'app_name'] },
  user: {
    attributes: {
      name: 'string',
      uid: 'string',
      uid_alt: 'string',
      full_name: 'string',
      domain: 'string',
      type_id: 'integer:0,1,2,3,4,99',
      type: 'string',
      ldap_person: 'ldap_person',
    },
    atLeastOne: ['account', 'name', 'uid'],
  },
  ldap_person: { attributes: { ldap_dn: 'string' } },
  group: {
    attributes: { name: 'string', uid: 'string', domain: 'string', type: 'string', desc: 'string' },
    atLeastOne: ['name', 'uid'],
  },
  managed_entity: {
    attributes: {
      name: 'string',
      uid: 'string',
      type: 'string',
      type_id: 'integer:0,1,2,3,4,5,6,7,99',
      user: 'user',
      group: 'group',
      data: 'json',
      version: 'string',
    },
    atLeastOne: ['name', 'uid', 'device', 'group', 'org', 'policy', 'user'],
  },
  network_endpoint: { attributes: { ip: 'string' }, atLeastOne: ['ip'] },
  fingerprint: { attributes: FINGERPRINT },
  digital_signature: {
    attributes: { 'algorithm_id!': 'integer:0,1,2,3,4,99', algorithm: 'string', digest: 'fingerprint' },
  },
  attestation: {
    attributes: {
      uid: 'string',
      authority_uid: 'string',
      chain_uid: 'string',
      fingerprint: 'fingerprint',
      signatures: 'digital_signature[]',
    },
    atLeastOne: ['fingerprint', 'signatures'],
  },
};

const BASE: Shape = {
  'activity_id!': 'integer',
  activity_name: 'string',
  'category_uid!': 'integer:3',
  category_name: 'string',
  'class_uid!': 'integer',
  class_name: 'string',
  'type_uid!': 'integer',
  type_name: 'string',
  'severity_id!': 'integer:0,1,2,3,4,5,6,99',
  severity: 'string',
  status_id: 'integer:0,1,2,99',
  status: 'string',
  status_code: 'string',
  status_detail: 'string',
  'time!': 'time',
  message: 'string',
  'metadata!': 'metadata',
  actor: 'actor',
  src_endpoint: 'network_endpoint',
  unmapped: 'json',
};

interface ClassFacts {
  name: string;
  activities: readonly string[];
  attributes: Shape;
}

/** The captions of the activities 1, 2, … in this order; 0 is Unknown and 99 Other in every class. */
const CLASSES: Readonly<Record<number, ClassFacts>> = {
  3001: {
    name: 'Account Change',
    activities: [
      ...[
        'Create',
        'Enable',
        'Password Change',
        'Password Reset',
        'Disable',
        'Delete',
        'Attach Policy',
        'Detach Policy',
      ],
      ...['Lock', 'MFA Factor Enable', 'MFA Factor Disable', 'Unlock'],
    ],
    attributes: { 'user!': 'user', user_result: 'user' },
  },
  3004: {
    name: 'Entity Management',
    activities: [
      ...['Create', 'Read', 'Update', 'Delete', 'Move', 'Enroll', 'Unenroll', 'Enable', 'Disable', 'Activate'],
      ...['Deactivate', 'Suspend', 'Resume'],
    ],
    attributes: { 'entity!': 'managed_entity', entity_result: 'managed_entity', comment: 'string' },
  },
  3005: {
    name: 'User Access Management',
    activities: ['Assign Privileges', 'Revoke Privileges'],
    attributes: { 'user!': 'user', 'privileges!': 'string[]' },
  },
  3006: {
    name: 'Group Management',
    activities: [
      ...['Assign Privileges', 'Revoke Privileges', 'Add User', 'Remove User', 'Delete', 'Create', 'Add Subgroup'],
      'Remove Subgroup',
    ],
    attributes: { 'group!': 'group', user: 'user', subgroup: 'group', privileges: 'string[]' },
  },
};

const STATUS_CAPTIONS: Readonly<Record<number, string>> = { 1: 'Success', 2: 'Failure' };
const SEVERITY_CAPTIONS = ['Unknown', 'Informational', 'Low', 'Medium', 'High', 'Critical', 'Fatal'];

export type OcsfBody = Record<string, unknown> & {
  class_uid: number;
  activity_id: number;
  activity_name: string;
  type_uid: number;
  severity_id: number;
  status_id: number;
  time: number;
  metadata: Record<string, unknown>;
  unmapped: Record<string, unknown>;
};

/** What is wrong with an event by the schema; none: nothing. `profiles` adds the attributes of record_integrity. */
export function faultsOf(body: Record<string, unknown>): string[] {
  const faults: string[] = [];
  const facts = CLASSES[Number(body.class_uid)];
  if (!facts) return [`class_uid ${String(body.class_uid)} is none`];
  const metadata = body.metadata;
  const isAttested = typeof metadata === 'object' && metadata !== null && 'profiles' in metadata;
  const attributes = { ...BASE, ...facts.attributes, ...(isAttested && { attestation_list: 'attestation[]' }) };
  checkShape(body, { attributes }, '', faults);
  const activity = Number(body.activity_id);
  const caption = facts.activities[activity - 1];
  if (caption === undefined ? activity !== 0 && activity !== 99 : body.activity_name !== caption)
    faults.push(`activity ${activity} ${String(body.activity_name)}`);
  if (body.class_name !== facts.name) faults.push(`class_name ${String(body.class_name)}`);
  if (body.type_uid !== Number(body.class_uid) * 100 + activity) faults.push('type_uid');
  if (body.type_name !== `${facts.name}: ${caption ?? 'Other'}`) faults.push(`type_name ${String(body.type_name)}`);
  if (body.severity !== SEVERITY_CAPTIONS[Number(body.severity_id)]) faults.push('severity');
  const status = STATUS_CAPTIONS[Number(body.status_id)];
  if (status !== undefined && body.status !== status) faults.push('status');
  return faults;
}

function checkShape(value: object, { attributes, atLeastOne }: ObjectFacts, where: string, faults: string[]): void {
  for (const name of Object.keys(attributes))
    if (name.endsWith('!') && !(name.slice(0, -1) in value)) faults.push(`${where}${name} is missing`);
  for (const [name, each] of Object.entries(value)) {
    const type = attributes[name] ?? attributes[`${name}!`];
    if (type === undefined) faults.push(`${where}${name} is no attribute`);
    else checkType(each, type, `${where}${name}`, faults);
  }
  if (atLeastOne && !atLeastOne.some((name) => name in value)) faults.push(`${where} has none of ${atLeastOne}`);
}

function checkType(value: unknown, type: string, where: string, faults: string[]): void {
  if (type.endsWith('[]')) {
    if (!Array.isArray(value)) faults.push(`${where} is no list`);
    else for (const each of value) checkType(each, type.slice(0, -2), `${where}[]`, faults);
    return;
  }
  const [name = '', numbers] = type.split(':');
  const facts = OBJECTS[name];
  if (facts) {
    if (typeof value !== 'object' || value === null) faults.push(`${where} is no object`);
    else checkShape(value, facts, `${where}.`, faults);
  } else if (name === 'string' ? typeof value !== 'string' || value === '' : false) faults.push(`${where} is no text`);
  else if (name === 'integer' && !isOneOf(value, numbers)) faults.push(`${where} is ${String(value)}`);
  else if (name === 'time' && !(Number.isSafeInteger(value) && Number(value) < 1e14))
    faults.push(`${where} is no time`);
  else if (name === 'json' && (typeof value !== 'object' || value === null)) faults.push(`${where} is no object`);
}

function isOneOf(value: unknown, numbers: string | undefined): boolean {
  if (!Number.isSafeInteger(value)) return false;
  if (numbers === undefined) return true;
  const [from = '', to] = numbers.split('-');
  return to === undefined
    ? numbers.split(',').includes(String(value))
    : Number(value) >= Number(from) && Number(value) <= Number(to);
}

export function assertOcsf(body: Record<string, unknown>): asserts body is OcsfBody {
  assert.deepEqual(faultsOf(body), [], JSON.stringify(body));
}
