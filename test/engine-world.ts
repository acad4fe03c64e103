// A small company for the tests of the engine: personnel files that the test writes, a directory that people may edit by
// hand, and the engine on a real journal between them. What the log says is read from the journal's own rows.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfiguration } from '../engine/configuration/load.ts';
import { type LdifRecord, parseLdif, writeLdif } from '../engine/connectors/ldif-format.ts';
import { Engine } from '../engine/engine.ts';
import type { RunOptions, RunResult } from '../engine/run.ts';
import type { Admit } from '../engine/run-step.ts';
import { type Entry, KINDS, type MetaverseObject } from '../engine/space.ts';
import { fromRow, rowSchema } from '../ingest/clickhouse/rows.ts';
import { LogError } from '../ingest/errors.ts';
import type { ChangeEvent } from '../ingest/event.ts';
import { Journal } from '../ingest/journal/journal.ts';
import { assertReplays } from './replayed-state.ts';

const root = mkdtempSync(join(tmpdir(), 'metatrail-engine-'));
// For the tests in which somebody without rights has to get as far as the file.
chmodSync(root, 0o755);
process.on('exit', () => rmSync(root, { recursive: true, force: true }));

export const BASE = 'dc=corp,dc=test';
export const PEOPLE = `ou=people,${BASE}`;
export const GROUPS = `ou=groups,${BASE}`;
export const NOBODY = `cn=nobody,${GROUPS}`;

export const INITIAL = [
  `dn: ${BASE}\nobjectClass: dcObject\nobjectClass: organization\ndc: corp\no: Corp`,
  `dn: ${PEOPLE}\nobjectClass: organizationalUnit\nou: people`,
  `dn: ou=leavers,${BASE}\nobjectClass: organizationalUnit\nou: leavers`,
  `dn: ${GROUPS}\nobjectClass: organizationalUnit\nou: groups`,
  `dn: ${NOBODY}\nobjectClass: organizationalRole\ncn: nobody`,
].join('\n\n');

export type Row = Record<string, string>;

let worlds = 0;

export interface WorldOptions {
  configuration: string;
  /** An existing folder, of a world that was there before. */
  folder?: string;
}

export class World {
  readonly folder: string;
  journal: Journal;
  engine: Engine;
  /** Asked before each batch of a run. */
  readonly #doorkeeper: { admit: Admit };
  #mark = 0;

  private constructor(folder: string, journal: Journal, engine: Engine, doorkeeper: { admit: Admit }) {
    this.folder = folder;
    this.journal = journal;
    this.engine = engine;
    this.#doorkeeper = doorkeeper;
    this.#mark = journal.size;
  }

  static async open(options: WorldOptions): Promise<World> {
    const folder = options.folder ?? makeFolder();
    const journal = await Journal.open(join(folder, 'data'));
    const doorkeeper = { admit: () => Promise.resolve() };
    const engine = await Engine.open(journal, loadIn(folder, options.configuration), () => doorkeeper.admit());
    return new World(folder, journal, engine, doorkeeper);
  }

  /** Closes the journal and opens it again, under another configuration if one is given. */
  async reopen(configuration = this.engine.configuration.text): Promise<void> {
    await this.journal.close();
    this.journal = await Journal.open(join(this.folder, 'data'));
    this.engine = await Engine.open(this.journal, loadIn(this.folder, configuration), () => this.#doorkeeper.admit());
  }

  /** Closes the journal, and holds the state against what a replay of its events makes. */
  async close(): Promise<void> {
    await this.journal.close();
    await this.assertReplays();
  }

  /** The state is what a replay of its events makes. */
  assertReplays(): Promise<void> {
    return assertReplays(join(this.folder, 'data'));
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** The next runs stop before their batch of this number, counted from 1 and on; undefined: they run to their end. */
  stopBefore(batch: number | undefined): void {
    let asked = 0;
    this.#doorkeeper.admit = () => {
      asked += 1;
      return batch === undefined || asked < batch
        ? Promise.resolve()
        : Promise.reject(new LogError('log-backlog', 'It is stopped by the test.'));
    };
  }

  /** Called before each batch of the next runs, and before an image is read. */
  beforeBatch(listener: () => void): void {
    this.#doorkeeper.admit = () => Promise.resolve(listener());
  }

  /** Writes a CSV file whose columns are those of its rows. */
  csv(name: string, rows: readonly Row[], columns = columnsOf(rows)): void {
    const lines = [columns, ...rows.map((row) => columns.map((column) => quote(row[column] ?? '')))];
    writeFileSync(this.path(name), lines.map((fields) => `${fields.join(',')}\n`).join(''));
  }

  text(name: string, text: string | Uint8Array): void {
    mkdirSync(join(this.path(name), '..'), { recursive: true });
    writeFileSync(this.path(name), text);
  }

  run(agent: string, profile: string, options: RunOptions = {}): Promise<RunResult> {
    return this.engine.run(agent, profile, options);
  }

  /** Runs everything that the configuration's cycle lists. */
  async cycle(options: RunOptions = {}): Promise<RunResult[]> {
    const results: RunResult[] = [];
    for (const { agent, profile } of this.engine.configuration.cycle)
      results.push(await this.run(agent, profile, options));
    return results;
  }

  /** The directory: DN to attributes, object classes left out. */
  directory(file = 'directory.ldif'): Record<string, Record<string, string[]>> {
    return Object.fromEntries(this.records(file).map((record) => [record.dn, attributesOf(record)]));
  }

  records(file = 'directory.ldif'): LdifRecord[] {
    const path = this.path(file);
    return existsSync(path) ? parseLdif(readFileSync(path, 'utf8'), () => false) : [];
  }

  /** Somebody edits the directory by hand. */
  edit(change: (records: LdifRecord[]) => LdifRecord[], file = 'directory.ldif'): void {
    writeFileSync(this.path(file), writeLdif(change(this.records(file))));
  }

  /** Somebody gives one attribute of an entry these values by hand. */
  setByHand(dn: string, attribute: string, ...values: string[]): void {
    this.edit((records) => {
      const found = records.find((record) => record.dn === dn);
      assert.ok(found, `there is no ${dn}`);
      found.values = [
        ...found.values.filter(({ type }) => type !== attribute),
        ...values.map((value) => ({ type: attribute, value })),
      ];
      return records;
    });
  }

  /** From here on `news` counts. */
  mark(): void {
    this.#mark = this.journal.size;
  }

  /** The events since the mark. */
  news(): ChangeEvent[] {
    return this.events(this.#mark);
  }

  events(from = 0): ChangeEvent[] {
    return this.journal.rows(from, 1_000_000).map(({ row }) => fromRow(rowSchema.parse(JSON.parse(row))));
  }

  entries(): Entry[] {
    return this.journal.state.keys(KINDS.entry).map((key) => this.journal.state.get(KINDS.entry, key) as Entry);
  }

  objects(): MetaverseObject[] {
    return this.journal.state
      .keys(KINDS.object)
      .map((key) => this.journal.state.get(KINDS.object, key) as MetaverseObject);
  }

  /** The events since the mark but those of the runs themselves, one line each. */
  story(): string[] {
    return tell(this.news(), this.events()).filter((line) => !line.startsWith('run '));
  }
}

export function makeFolder(): string {
  worlds += 1;
  const folder = join(root, `world-${worlds}`);
  mkdirSync(folder);
  return folder;
}

export function loadIn(folder: string, text: string) {
  return loadConfiguration(text, { file: join(folder, 'configuration.yaml'), variables: { data: folder } });
}

/** Opens a world, hands it to the story, and closes it whatever happens. */
export async function inWorld(configuration: string, story: (world: World) => Promise<void>): Promise<void> {
  const world = await World.open({ configuration });
  try {
    await story(world);
  } catch (error) {
    await world.journal.close();
    throw error;
  }
  await world.close();
}

/**
 * An event as a line: what, whom, the values with the stage that had set the old one, and what caused it, by stage and
 * outcome. `~` marks a change out of band, `by` an initiator other than the engine and the agents.
 */
export function tell(events: readonly ChangeEvent[], all: readonly ChangeEvent[]): string[] {
  const bySequence = new Map(all.map((event) => [event.sequence, event]));
  const names = new Map(
    all.flatMap(({ object, objectName }) => (object && objectName ? [[object, objectName] as const] : [])),
  );
  const called = (sequence: number | undefined) => {
    const event = sequence === undefined ? undefined : bySequence.get(sequence);
    return event ? `${event.stage}/${event.outcome}` : '?';
  };
  return events.map((event) => {
    const whom = event.anchor ?? event.dn ?? event.objectName ?? names.get(event.object ?? '') ?? '';
    const values = event.values.map(({ attribute, old, new: value, setBy, operation }) => {
      if (attribute === 'error-message') return `"${value}"`;
      const since = setBy === undefined ? '' : ` (was ${called(setBy)})`;
      const show = (text = '') => names.get(text) ?? text;
      if (operation === 'add') return `${attribute}: +${show(value)}${since}`;
      if (operation === 'remove') return `${attribute}: -${show(old)}${since}`;
      return `${attribute}: ${show(old)} > ${show(value)}${since}`;
    });
    const why = event.causes.map(called).join(', ');
    return [
      `${event.stage} ${event.outcome}${event.outOfBand ? ' ~' : ''}`,
      [event.agent, event.objectType, whom].filter((part) => part).join(' '),
      ...(values.length > 0 ? [values.join(', ')] : []),
      ...(why === '' ? [] : [`<- ${why}${event.root === event.causes[0] ? '' : ` <<- ${called(event.root)}`}`]),
    ].join(' | ');
  });
}

function columnsOf(rows: readonly Row[]): string[] {
  return [...new Set(rows.flatMap((row) => Object.keys(row)))];
}

function quote(field: string): string {
  return /[",\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}

function attributesOf(record: LdifRecord): Record<string, string[]> {
  const attributes: Record<string, string[]> = {};
  for (const { type, value } of record.values) {
    if (type.toLowerCase() === 'objectclass') continue;
    attributes[type] = [...(attributes[type] ?? []), value];
  }
  return attributes;
}

/** What happened since the mark is this and nothing else; then the mark is set anew. */
export function tells(world: World, ...expected: string[]): void {
  assert.deepEqual(world.story(), expected);
  world.mark();
}
