// A company small enough to compute every answer by hand: monthly personnel files, contractors of an agency, contacts
// that move from one person to another, a directory and a badge system, run through the engine at instants of our own.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localAccess } from '../../api/access/access.ts';
import { readEnvironment } from '../../api/environment.ts';
import { Installation } from '../../api/installation.ts';
import { loadConfiguration } from '../../engine/configuration/load.ts';
import { type LdifRecord, parseLdif, writeLdif } from '../../engine/connectors/ldif-format.ts';
import { fromRow, rowSchema } from '../../ingest/clickhouse/rows.ts';
import { parseInstant } from '../../ingest/clock.ts';
import type { ChangeEvent, ProposedEvent } from '../../ingest/event.ts';
import { assertReplays } from '../replayed-state.ts';

const ldif = (file: string, base: string, more = '') => `
    connector:
      kind: ldif
      file: "{data}/${file}"
      initial: |
        dn: ${base}
        objectClass: dcObject
        objectClass: organization
        dc: ${base.slice(3)}
        o: Company

        dn: cn=nobody,${base}
        objectClass: organizationalRole
        cn: nobody
${more}    drift: report
    delete_share: 1`;

const AGENCY_UNIT = `
        dn: ou=agency,dc=corp
        objectClass: organizationalUnit
        ou: agency
`;

const accounts = (base: string) => `
      account:
        class: shadowAccount
        object_classes: [inetOrgPerson, shadowAccount]
        under: ${base}
        anchor: uid
        attributes:
          uid: uid
          cn: cn
          sn: sn
          departmentNumber: departmentNumber
          shadowExpire: { type: integer }
          enabled: { type: boolean, computed: "!('shadowExpire' in entry)", marks: [entitlement] }`;

const ACCOUNT_FLOWS = `
        uid: id
        cn: displayName
        sn: displayName
        departmentNumber: department
        shadowExpire: { expression: "'employed' in object ? '' : '1'" }`;

const CONFIGURATION = `metatrail: 1
name: Company
metaverse:
  person:
    about: person
    name: displayName
    leaving_date: lastDay
    deletion: never
    attributes:
      id: { marks: [personal] }
      displayName: { marks: [personal] }
      department: { marks: [personal, sensitive] }
      lastDay: string
      phone: string
      project: { multivalued: true }
      manager: reference
      employed: boolean
  contractor:
    about: person
    name: displayName
    deletion: { any_of: [agency] }
    attributes:
      id: { marks: [personal] }
      displayName: { marks: [personal] }
  group:
    name: name
    deletion: { any_of: [hr] }
    attributes:
      name: string
      member: { type: reference, multivalued: true, marks: [entitlement] }
agents:
  hr:
    connector: { kind: csv, folder: "{data}/hr", initiator: by }
    delete_share: 1
    objects:
      employee:
        anchor: id
        attributes:
          id: id
          name: name
          department: department
          lastDay: lastDay
          projects: { separator: ";" }
          manager: { reference: { objects: employee, by: anchor } }
      project:
        anchor: name
        attributes:
          name: name
          member: { multivalued: true, reference: { objects: employee, by: anchor } }
        derived_from: { object: employee, attribute: projects, members: member }
    join:
      employee: { object: person, criteria: [{ id: id }] }
      project: { object: group, criteria: [{ name: name }] }
    projection: { employee: person, project: group }
    import_flow:
      employee:
        id: { from: id, recall: false }
        displayName: { from: name, recall: false }
        department: department
        lastDay: lastDay
        project: projects
        manager: manager
        employed: { expression: "true" }
      project: { name: name, member: member }
    run_profiles: { full: [full-import, delta-synchronization], import: [full-import] }
  agency:
    connector: { kind: csv, file: "{data}/agency.csv" }
    delete_share: 1
    objects:
      worker: { anchor: key, attributes: { key: key, name: name } }
    projection: { worker: contractor }
    import_flow:
      worker: { id: key, displayName: name }
    run_profiles: { full: [full-import, delta-synchronization] }
  crm:
    connector: { kind: csv, file: "{data}/crm.csv" }
    delete_share: 1
    objects:
      contact: { anchor: key, attributes: { key: key, id: id, phone: phone, hidden: hidden } }
    filter: { contact: "'hidden' in entry" }
    join:
      contact: { object: person, criteria: [{ id: id }] }
    import_flow:
      contact: { phone: phone }
    run_profiles: { full: [full-import, delta-synchronization] }
  directory:${ldif('directory.ldif', 'dc=corp', AGENCY_UNIT)}
    objects:${accounts('dc=corp')}
      contractor:
        class: inetOrgPerson
        under: ou=agency,dc=corp
        anchor: uid
        attributes:
          uid: uid
          cn: cn
          sn: sn
          active: { type: boolean, computed: "'uid' in entry", marks: [entitlement] }
      group:
        class: groupOfNames
        under: dc=corp
        anchor: cn
        attributes:
          cn: cn
          member: { multivalued: true, reference: { objects: account, by: dn }, marks: [entitlement] }
    join:
      account: { object: person, criteria: [{ id: uid }] }
      contractor: { object: contractor, criteria: [{ id: uid }] }
      group: { object: group, criteria: [{ name: cn }] }
    provisioning:
      account: { object: person, dn: "'cn=' + rdn(object.displayName) + ',dc=corp'" }
      contractor: { object: contractor, dn: "'uid=' + rdn(object.id) + ',ou=agency,dc=corp'", otherwise: delete }
      group: { object: group, dn: "'cn=' + rdn(object.name) + ',dc=corp'", otherwise: delete }
    export_flow:
      account:${ACCOUNT_FLOWS}
      contractor: { uid: id, cn: displayName, sn: displayName }
      group: { cn: name, member: { from: member, when_empty: "cn=nobody,dc=corp" } }
    run_profiles: { export: [export], confirm: [full-import, delta-synchronization] }
  badge:${ldif('badge.ldif', 'dc=badge')}
    objects:${accounts('dc=badge')}
    join:
      account: { object: person, criteria: [{ id: uid }] }
    provisioning:
      account: { object: person, dn: "'uid=' + rdn(object.id) + ',dc=badge'" }
    export_flow:
      account:${ACCOUNT_FLOWS}
    run_profiles: { export: [export], confirm: [full-import, delta-synchronization] }
access: { manager: manager, identity: id }
cycle: [hr/full, agency/full, crm/full, directory/export, directory/confirm, badge/export, badge/confirm]
`;

type Row = Record<string, string>;
const HR_COLUMNS = ['id', 'name', 'department', 'lastDay', 'projects', 'manager', 'by'];
const CRM_COLUMNS = ['key', 'id', 'phone', 'hidden'];

export class ApiWorld {
  readonly folder: string;
  readonly installation: Installation;
  /** What went wrong and was no mistake of the test. */
  readonly reported: unknown[] = [];
  /** All events about objects are the engine's. */
  #isEngines = true;

  private constructor(folder: string, installation: Installation) {
    this.folder = folder;
    this.installation = installation;
  }

  static async open(): Promise<ApiWorld> {
    const folder = mkdtempSync(join(tmpdir(), 'metatrail-api-'));
    mkdirSync(join(folder, 'hr'));
    const configuration = loadConfiguration(CONFIGURATION, {
      file: join(folder, 'company.yaml'),
      variables: { data: folder },
    });
    const environment = readEnvironment({ METATRAIL_DATA: join(folder, 'data') });
    return new ApiWorld(folder, await Installation.open(environment, configuration));
  }

  async close(): Promise<void> {
    await this.installation.close();
    if (this.#isEngines) await assertReplays(join(this.folder, 'data'));
    rmSync(this.folder, { recursive: true, force: true });
  }

  csv(name: string, columns: readonly string[], rows: readonly Row[]): void {
    const lines = [columns, ...rows.map((row) => columns.map((column) => row[column] ?? ''))];
    writeFileSync(join(this.folder, name), lines.map((fields) => `${fields.join(',')}\n`).join(''));
  }

  hr(month: string, rows: readonly Row[]): void {
    this.csv(`hr/${month}.csv`, HR_COLUMNS, rows);
  }

  crm(rows: readonly Row[]): void {
    this.csv('crm.csv', CRM_COLUMNS, rows);
  }

  async run(agent: string, profile: string, at?: string) {
    const result = await this.installation.engine.run(agent, profile, {
      at: at === undefined ? undefined : instant(at),
    });
    for (const { message } of result.steps) assert.equal(message, undefined);
    return result;
  }

  /** Exports to a system at an instant and confirms it at another. */
  async exportTo(agent: string, at: string, confirmedAt: string): Promise<void> {
    await this.run(agent, 'export', at);
    await this.run(agent, 'confirm', confirmedAt);
  }

  edit(file: string, dn: string, change: (record: LdifRecord) => void): void {
    const path = join(this.folder, file);
    const records = parseLdif(readFileSync(path, 'utf8'), () => false);
    const found = records.find((record) => record.dn === dn);
    assert.ok(found, `there is no ${dn}`);
    change(found);
    writeFileSync(path, writeLdif(records));
  }

  events(): ChangeEvent[] {
    return this.installation.log.journal.rows(0, 1_000_000).map(({ row }) => fromRow(rowSchema.parse(JSON.parse(row))));
  }

  async delivered(): Promise<void> {
    await this.installation.log.shipper.delivered(this.installation.log.journal.size);
  }

  /** The id of the object that was ever called so. */
  id(name: string): string {
    const found = new Set(
      this.events()
        .filter(({ objectName }) => objectName === name)
        .map(({ object }) => object),
    );
    const [only] = found;
    assert.ok(only !== undefined && found.size === 1, `${found.size} objects are called ${name}`);
    return only;
  }

  /** The sequences of the events that the test means, by stage, outcome and whatever else it says. */
  sequences(is: (event: ChangeEvent) => boolean): number[] {
    return this.events()
      .filter(is)
      .map(({ sequence }) => sequence);
  }

  /** Holds the state against a replay now: what the test does to the log after it leaves nothing to compare. */
  async compareNow(): Promise<void> {
    if (this.#isEngines) await assertReplays(join(this.folder, 'data'));
    this.#isEngines = false;
  }

  /** An event of our own, as a producer hands it over. */
  async accept(event: Partial<ProposedEvent> & Pick<ProposedEvent, 'stage' | 'outcome'>): Promise<number> {
    await this.compareNow();
    const { first } = await this.installation.log.journal.accept(() => ({
      events: [
        {
          occurredAt: instant('2024-06-01T00:00:00Z'),
          occurredAtKnown: 'observed',
          operation: 'none',
          values: [],
          initiatorKnown: 'unknown',
          causes: [],
          outOfBand: false,
          ...event,
        },
      ],
      state: [],
    }));
    await this.delivered();
    return first;
  }

  get queries() {
    return this.installation.context({ ...localAccess('test'), reason: 'a test of ours' }).queries;
  }

  async ask(query: string, variables: Record<string, unknown> = {}): Promise<Answer> {
    return JSON.parse(
      JSON.stringify(
        await this.installation.ask(query, variables, localAccess('test'), (error) => this.reported.push(error)),
      ),
    ) as Answer;
  }

  /** The answer's data; an error fails the test. */
  async data<T>(query: string, variables: Record<string, unknown> = {}): Promise<T> {
    const { data, errors } = await this.ask(query, variables);
    assert.equal(errors, undefined, `${JSON.stringify(errors)} ${this.reported.at(-1)}`);
    return data as T;
  }
}

export interface Answer {
  data?: unknown;
  errors?: { message: string; extensions?: { code?: string }; path?: unknown[] }[];
}

export function instant(text: string): number {
  const micros = parseInstant(text);
  assert.ok(micros !== undefined, text);
  return micros;
}

/** Half a year: see the comments for what each month changes. */
export async function liveHalfAYear(world: ApiWorld): Promise<void> {
  const anne = { id: '1', name: 'Änne Müller', department: 'Sales', projects: 'Red;Blue', by: 'carol' };
  const bob = { id: '2', name: 'Bob Beech', department: 'Sales', projects: 'Red', manager: '1', by: 'carol' };
  const cid = { id: '3', name: 'Cid Cedar', department: 'IT', projects: 'Red', by: 'carol' };
  const dora = { id: '4', name: 'Dora Dill', department: 'IT', by: 'carol' };
  const eve = { id: '5', name: 'Eve Elm', department: 'IT', projects: 'Blue', by: 'carol' };
  world.crm([{ key: 'c1', id: '1', phone: '100' }]);
  world.csv('agency.csv', ['key', 'name'], [{ key: 'z9', name: 'Zed Zebra' }]);
  // January: all come; the directory follows on the second of February, the badges on the third.
  world.hr('2024-01', [anne, bob, cid, dora, eve]);
  await world.run('hr', 'full');
  await world.run('agency', 'full', '2024-02-01T08:00:00Z');
  await world.run('crm', 'full', '2024-02-01T09:00:00Z');
  await world.exportTo('directory', '2024-02-02T10:00:00.000001Z', '2024-02-02T11:00:00Z');
  await world.exportTo('badge', '2024-02-03T10:00:00Z', '2024-02-03T11:00:00Z');
  // February: Bob has a last day. Änne marries. Dora's account is disabled by hand. The contact is hidden.
  const married = { ...anne, name: 'Änne Schmidt', department: 'IT', by: 'dave' };
  world.hr('2024-02', [married, { ...bob, lastDay: '2024-03-15' }, cid, dora, eve]);
  await world.run('hr', 'full');
  world.crm([{ key: 'c1', id: '1', phone: '100', hidden: 'yes' }]);
  await world.run('crm', 'full', '2024-03-01T09:00:00Z');
  await world.exportTo('directory', '2024-03-02T10:00:00Z', '2024-03-02T11:00:00Z');
  world.edit('directory.ldif', 'cn=Dora Dill,dc=corp', (record) =>
    record.values.push({ type: 'shadowExpire', value: '1' }),
  );
  await world.run('directory', 'confirm', '2024-03-20T12:00:00Z');
  // March: Bob, Cid, Dora and Eve are gone. The contact is Cid's now.
  world.hr('2024-03', [married]);
  await world.run('hr', 'full');
  world.crm([{ key: 'c1', id: '3', phone: '100' }]);
  await world.run('crm', 'full', '2024-04-01T09:00:00Z');
  await world.exportTo('directory', '2024-04-02T10:00:00Z', '2024-04-02T11:00:00Z');
  // April: Eve is back, the agency's Zed is gone; badges are exported again only now.
  world.hr('2024-04', [married, eve]);
  await world.run('hr', 'full');
  world.csv('agency.csv', ['key', 'name'], []);
  await world.run('agency', 'full', '2024-05-01T08:00:00Z');
  await world.exportTo('directory', '2024-05-02T10:00:00Z', '2024-05-02T11:00:00Z');
  await world.delivered();
}
