// What administrators do in the directory and the wiki by hand, past the engine: the files are edited as an administrator
// of a server would edit its entries. Each edit may be done again: a process that was killed repeats it.
import { createHash } from 'node:crypto';
import path from 'node:path';
import { type Micros, parseInstant } from '../../ingest/clock.ts';
import { readInputFile } from '../connectors/input-file.ts';
import { type LdifRecord, type LdifValue, parseLdif, writeLdif } from '../connectors/ldif-format.ts';
import { replaceFile } from '../connectors/replace-file.ts';

export interface EditByHand {
  at: Micros;
  /** For the progress shown: what is done. */
  what: string;
  file: 'directory.ldif' | 'wiki.ldif';
  edit: (records: LdifRecord[]) => void;
}

const PEOPLE = 'ou=people,dc=nordlicht,dc=example';
const LEAVERS = 'ou=leavers,dc=nordlicht,dc=example';
const GROUPS = 'ou=groups,dc=nordlicht,dc=example';
const WIKI_USERS = 'ou=users,o=wiki';

const PERSON_CLASSES = ['inetOrgPerson', 'shadowAccount'];

export const EDITS_BY_HAND: readonly EditByHand[] = [
  {
    at: on('2025-09-12T13:20:00Z'),
    what: 'a token is put below a user of the wiki',
    file: 'wiki.ldif',
    edit: (records) =>
      addRecord(records, `cn=build-token,uid=marek.zawadzki,${WIKI_USERS}`, [
        ['objectClass', 'applicationProcess'],
        ['cn', 'build-token'],
      ]),
  },
  {
    at: on('2026-02-01T00:50:00Z'),
    what: 'an account is made in the directory before its own comes',
    file: 'directory.ldif',
    edit: (records) =>
      addPerson(records, `uid=marton.szabo,${PEOPLE}`, 'Márton', 'Szabó', 'marton.szabo@nordlicht.example'),
  },
  {
    at: on('2026-02-12T10:05:00Z'),
    what: 'that account gets its employee number',
    file: 'directory.ldif',
    edit: (records) => setValues(records, `uid=marton.szabo,${PEOPLE}`, 'employeeNumber', ['10122']),
  },
  {
    at: on('2026-04-12T19:42:00Z'),
    what: 'a member is added to a group of the directory',
    file: 'directory.ldif',
    edit: (records) => addMember(records, `cn=Role Payment Approvers,${GROUPS}`, `uid=kevin.doyle,${PEOPLE}`),
  },
  {
    at: on('2026-06-12T08:31:00Z'),
    what: "a leaver's account is enabled in the directory",
    file: 'directory.ldif',
    edit: (records) => setValues(records, `uid=juergen.gross,${LEAVERS}`, 'shadowExpire', []),
  },
  {
    at: on('2026-10-09T11:15:00Z'),
    what: 'a user is made in the wiki before their own comes',
    file: 'wiki.ldif',
    edit: (records) =>
      addPerson(records, `uid=ines.carvalho,${WIKI_USERS}`, 'Inês', 'Carvalho', 'ines.carvalho@nordlicht.example'),
  },
];

/** Carries an edit out in the demonstration's folder. Throws ConnectorError when the file cannot be read or written. */
export async function editByHand(folder: string, { file, edit }: EditByHand): Promise<void> {
  const target = path.join(folder, file);
  const content = await readInputFile(target);
  const before = content.bytes.toString('utf8');
  const records = parseLdif(before);
  edit(records);
  const after = writeLdif(records);
  if (after !== before) await replaceFile(target, after, content);
}

function on(instant: string): Micros {
  return parseInstant(instant) ?? 0;
}

function addRecord(records: LdifRecord[], dn: string, values: readonly [string, string][]): void {
  if (records.some((record) => record.dn === dn)) return;
  records.push({ dn, values: values.map(([type, value]) => ({ type, value })), line: 0 });
}

/** As an administrator makes an account in a hurry: with a name, without a number. */
function addPerson(records: LdifRecord[], dn: string, givenName: string, surname: string, mail: string): void {
  addRecord(records, dn, [
    ...PERSON_CLASSES.map((name): [string, string] => ['objectClass', name]),
    ['entryUUID', uuidFor(dn)],
    ['uid', mail.slice(0, mail.indexOf('@'))],
    ['cn', `${givenName} ${surname}`],
    ['sn', surname],
    ['mail', mail],
  ]);
}

/** What a server would give the entry: here always the same. */
function uuidFor(dn: string): string {
  const hex = createHash('sha256').update(dn).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function setValues(records: LdifRecord[], dn: string, type: string, values: readonly string[]): void {
  const record = find(records, dn);
  record.values = [
    ...record.values.filter((value) => value.type !== type),
    ...values.map((value) => ({ type, value })),
  ];
}

function addMember(records: LdifRecord[], group: string, member: string): void {
  const { values } = find(records, group);
  const value: LdifValue = { type: 'member', value: find(records, member).dn };
  if (!values.some((each) => each.type === value.type && each.value === value.value)) values.push(value);
}

function find(records: readonly LdifRecord[], dn: string): LdifRecord {
  const found = records.find((record) => record.dn.toLowerCase() === dn.toLowerCase());
  if (!found) throw new Error(`The demonstration's directory has no ${dn}.`);
  return found;
}
