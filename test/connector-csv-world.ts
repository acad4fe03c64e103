// What the tests of the CSV connector share: files in a folder of their own, and the types of a small personnel file.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Connector, ConnectorAttribute, ConnectorObjectType, FullImage } from '../engine/connector.ts';
import { createCsvConnector, csvSettingsSchema } from '../engine/connectors/csv.ts';

/** One folder for each test file; it goes with the process. */
export const folder = mkdtempSync(join(tmpdir(), 'metatrail-csv-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

type AttributeSketch = Partial<ConnectorAttribute> & { name: string };

export function describeType(
  name: string,
  anchor: string,
  attributes: AttributeSketch[],
  more: Partial<ConnectorObjectType> = {},
): ConnectorObjectType {
  const full = attributes.map((sketch): [string, ConnectorAttribute] => [
    sketch.name,
    { type: 'string', multivalued: false, column: sketch.name, marks: 0, ...sketch },
  ]);
  return { name, anchor, attributes: new Map(full), ...more };
}

export const PERSON = describeType('person', 'id', [
  { name: 'id' },
  { name: 'name' },
  { name: 'department' },
  { name: 'badge', type: 'integer' },
  { name: 'active', type: 'boolean' },
  { name: 'roles', multivalued: true, separator: ';' },
  { name: 'label', computed: 'entry.name' },
]);
export const DEPARTMENT = describeType(
  'department',
  'name',
  [{ name: 'name' }, { name: 'members', type: 'reference', multivalued: true }],
  {
    derived: { object: 'person', attribute: 'department', member: 'members' },
  },
);
export const HEADER = 'id,name,department,badge,active,roles\n';

export function connect(settings: Record<string, unknown>, ...types: ConnectorObjectType[]): Connector {
  const given = types.length === 0 ? [PERSON] : types;
  return createCsvConnector(csvSettingsSchema.parse(settings), new Map(given.map((type) => [type.name, type])));
}

let files = 0;
export function writeInput(content: string | Uint8Array): string {
  files += 1;
  const path = join(folder, `input-${files}.csv`);
  writeFileSync(path, content);
  return path;
}

export async function read(
  content: string | Uint8Array,
  settings: Record<string, unknown> = {},
  ...types: ConnectorObjectType[]
): Promise<FullImage> {
  const image = await connect({ file: writeInput(content), ...settings }, ...types).readFullImage(undefined);
  assert.ok(image);
  return image;
}

export function makeFolder(...names: string[]): string {
  const path = mkdtempSync(join(folder, 'drop-'));
  for (const name of names) writeFileSync(join(path, name), `${HEADER}1,Ann,Sales,,,\n`);
  return path;
}
