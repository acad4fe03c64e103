// A small company of which people are erased: personnel files, a directory with accounts and groups, and everything below
// the data folder to be looked through afterwards.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { TestContext } from 'node:test';
import { z } from 'zod';
import { readEnvironment } from '../api/environment.ts';
import { erasePerson } from '../api/erasing.ts';
import { Installation } from '../api/installation.ts';
import { loadConfiguration } from '../engine/configuration/load.ts';
import { fromRow, rowSchema, SELECTED_COLUMNS } from '../ingest/clickhouse/rows.ts';
import type { ChangeEvent } from '../ingest/event.ts';
import { assertReplays } from './replayed-state.ts';

export const CONFIGURATION = `metatrail: 1
name: Company
metaverse:
  person:
    about: person
    name: name
    deletion: { any_of: [hr] }
    attributes:
      id: { marks: [personal] }
      name: { marks: [personal] }
      department: string
      manager: reference
  group:
    name: name
    deletion: { any_of: [hr] }
    attributes:
      name: string
      member: { type: reference, multivalued: true, marks: [entitlement] }
agents:
  hr:
    connector: { kind: csv, file: "{data}/hr.csv", initiator: by }
    delete_share: 1
    objects:
      employee:
        anchor: id
        attributes:
          id: id
          name: name
          department: department
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
      employee: { id: id, name: name, department: department, manager: manager }
      project: { name: name, member: member }
    run_profiles: { full: [full-import, delta-synchronization] }
  directory:
    connector:
      kind: ldif
      file: "{data}/directory.ldif"
      initial: |
        dn: dc=corp
        objectClass: dcObject
        objectClass: organization
        dc: corp
        o: Corp

        dn: cn=nobody,dc=corp
        objectClass: organizationalRole
        cn: nobody
    delete_share: 1
    objects:
      account:
        class: inetOrgPerson
        under: dc=corp
        anchor: uid
        attributes:
          uid: uid
          cn: cn
          sn: sn
          enabled: { type: boolean, computed: "'uid' in entry", marks: [entitlement] }
      group:
        class: groupOfNames
        under: dc=corp
        anchor: cn
        attributes:
          cn: cn
          member: { multivalued: true, reference: { objects: account, by: dn }, marks: [entitlement] }
    join:
      account: { object: person, criteria: [{ id: uid }] }
      group: { object: group, criteria: [{ name: cn }] }
    provisioning:
      account: { object: person, dn: "'cn=' + rdn(object.name) + ',dc=corp'", otherwise: delete }
      group: { object: group, dn: "'cn=' + rdn(object.name) + ',dc=corp'", otherwise: delete }
    export_flow:
      account: { uid: id, cn: name, sn: name }
      group: { cn: name, member: { from: member, when_empty: "cn=nobody,dc=corp" } }
    run_profiles: { export: [export], confirm: [full-import, delta-synchronization] }
cycle: [hr/full, directory/export, directory/confirm]
`;

export interface Employee {
  id: string;
  name: string;
  department?: string;
  projects?: string;
  manager?: string;
  by?: string;
}

export const ANN: Employee = {
  id: 'E-1001',
  name: 'Annabel Lindqvist',
  department: 'Sales',
  projects: 'apollo',
  by: 'CORP\\E-1002',
};
export const BOB: Employee = {
  id: 'E-1002',
  name: 'Bartholomew Jones',
  department: 'Sales',
  projects: 'apollo',
  manager: 'E-1001',
  by: 'CORP\\E-1001',
};
export const CID: Employee = {
  id: 'E-1003',
  name: 'Cideon Marsh',
  department: 'Legal',
  projects: 'apollo',
  by: 'hr-clerk',
};

export const REASON = { who: 'privacy officer', by: 'administrator', why: 'request 4711 under article 17' };

export class ErasureWorld {
  readonly folder: string;
  installation: Installation;

  readonly #configuration: string;

  private constructor(folder: string, configuration: string, installation: Installation) {
    this.folder = folder;
    this.#configuration = configuration;
    this.installation = installation;
  }

  /** Without a folder in one that is empty. */
  static async open(
    t: TestContext,
    configuration = CONFIGURATION,
    folder = mkdtempSync(join(tmpdir(), 'metatrail-erasure-')),
  ): Promise<ErasureWorld> {
    const world = new ErasureWorld(folder, configuration, await ErasureWorld.install(folder, configuration));
    t.after(async () => {
      await world.close();
      rmSync(folder, { recursive: true, force: true });
    });
    return world;
  }

  static install(folder: string, text = CONFIGURATION): Promise<Installation> {
    const file = join(folder, 'company.yaml');
    writeFileSync(file, text);
    const configuration = loadConfiguration(text, { file, variables: { data: folder } });
    return Installation.open(readEnvironment({ METATRAIL_DATA: join(folder, 'data') }), configuration);
  }

  get data(): string {
    return join(this.folder, 'data');
  }

  #isOpen = true;

  async close(): Promise<void> {
    if (this.#isOpen) {
      this.#isOpen = false;
      const { log } = this.installation;
      try {
        await log.shipper.delivered(log.journal.size);
        await assertReplays(this.data, log.clickhouse);
      } finally {
        await this.installation.close();
      }
    }
  }

  async reopen(): Promise<void> {
    await this.close();
    this.#isOpen = true;
    this.installation = await ErasureWorld.install(this.folder, this.#configuration);
  }

  /** The personnel file has these people, and everything is run through to the directory. */
  async employ(...people: readonly Employee[]): Promise<void> {
    writeHr(this.folder, people);
    await runCycle(this.installation);
  }

  async objectOf(name: string): Promise<string> {
    const [found] = await this.rows(
      'SELECT toString(object) AS object FROM events WHERE object_name = {name:String} ORDER BY sequence DESC LIMIT 1',
      z.object({ object: z.string() }),
      { name },
    );
    assert.ok(found, `nobody was ever called ${name}`);
    return found.object;
  }

  /** Of everything that is accepted. */
  async rows<T extends z.ZodType>(sql: string, schema: T, params: Record<string, unknown> = {}): Promise<z.infer<T>[]> {
    const { shipper, journal, clickhouse } = this.installation.log;
    await shipper.delivered(journal.size);
    return clickhouse.select(sql, params, schema);
  }

  async events(): Promise<ChangeEvent[]> {
    const rows = await this.rows(`SELECT ${SELECTED_COLUMNS} FROM events ORDER BY sequence`, rowSchema);
    return rows.map(fromRow);
  }

  erase(object: string, names: readonly string[] = []) {
    return erasePerson(this.installation, { object, names }, REASON);
  }
}

export function writeHr(folder: string, people: readonly Employee[]): void {
  const columns = ['id', 'name', 'department', 'projects', 'manager', 'by'] as const;
  const lines = [columns, ...people.map((person) => columns.map((column) => person[column] ?? ''))];
  writeFileSync(join(folder, 'hr.csv'), lines.map((fields) => `${fields.join(',')}\n`).join(''));
}

export async function runCycle(installation: Installation): Promise<void> {
  for (const { agent, profile } of installation.engine.configuration.cycle) {
    const { steps } = await installation.engine.run(agent, profile);
    for (const { message } of steps) assert.equal(message, undefined);
  }
  await installation.catchUp();
}

/** The files below a folder in which the bytes of a text are, by a program that is not ours. */
export function grepFiles(folder: string, text: string): string[] {
  try {
    const found = execFileSync('grep', ['-rlaF', '--', text, folder], { encoding: 'utf8' });
    return found.split('\n').filter((line) => line !== '');
  } catch {
    return [];
  }
}

const FIND_BYTES = `
const { readdirSync, readFileSync } = require('node:fs');
const { join } = require('node:path');
const [folder, hex] = process.argv.slice(1);
for (const file of readdirSync(folder, { recursive: true, withFileTypes: true }))
  if (file.isFile() && readFileSync(join(file.parentPath, file.name)).includes(Buffer.from(hex, 'hex')))
    console.log(join(file.parentPath, file.name));
`;

/**
 * The same for bytes, in which there may be a line feed, that grep does not look beyond. Not read in this process: to close a
 * file of SQLite lets go of the locks on it.
 */
export function grepBytes(folder: string, bytes: Uint8Array): string[] {
  const hex = Buffer.from(bytes).toString('hex');
  const found = execFileSync(process.execPath, ['-e', FIND_BYTES, folder, hex], { encoding: 'utf8' });
  return found.split('\n').filter((line) => line !== '');
}

/** The keys that are in the file, by number. */
export function keysOf(world: ErasureWorld): Map<number, Buffer> {
  const database = new DatabaseSync(join(world.data, 'metatrail.sqlite'), { readOnly: true });
  const rows = database.prepare('SELECT number, key FROM keys').all();
  database.close();
  return new Map(rows.map(({ number, key }) => [Number(number), Buffer.from(key as Uint8Array)]));
}

/** The leaves that the journal accepted, in hexadecimal. */
export function leavesOf(world: ErasureWorld): string[] {
  const database = new DatabaseSync(join(world.data, 'metatrail.sqlite'), { readOnly: true });
  const rows = database.prepare('SELECT leaf FROM journal ORDER BY sequence').all();
  database.close();
  return rows.map(({ leaf }) => Buffer.from(leaf as Uint8Array).toString('hex'));
}
