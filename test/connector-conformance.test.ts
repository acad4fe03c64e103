// One suite for every connector: the rules of engine/connectors/README.md, by their numbers. A connector that has no
// bench here fails it. What only one of them can get wrong stands in its own tests.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, test } from 'node:test';
import {
  type Connector,
  ConnectorError,
  type ConnectorObjectType,
  type ExportChange,
  type FullImage,
} from '../engine/connector.ts';
import { createCsvConnector, csvSettingsSchema } from '../engine/connectors/csv.ts';
import * as csv from './connector-csv-world.ts';
import * as ldif from './connector-ldif-world.ts';

interface Person {
  /** Without it the object cannot be told from others. */
  anchor?: string;
  name: string;
  /** Not a number where one is declared. */
  badge?: string;
}

/** A connected system of one connector, with one file behind it. */
interface Bench {
  connector: Connector;
  types: readonly ConnectorObjectType[];
  file: string;
  /** Makes the system hold exactly these persons. */
  fill(persons: readonly Person[]): void;
  /** What is no input of this connector at all. */
  spoil(): void;
}

const BENCHES: Record<string, () => Bench> = {
  createCsvConnector: makeCsvBench,
  createLdifConnector: makeLdifBench,
};
/** Stands in values that no message may hold. */
const SECRET = 'xyzzy';

function makeCsvBench(): Bench {
  const file = csv.writeInput(csv.HEADER);
  const types = [csv.PERSON, csv.DEPARTMENT];
  const settings = csvSettingsSchema.parse({ file });
  return {
    connector: createCsvConnector(settings, new Map(types.map((type) => [type.name, type]))),
    types,
    file,
    fill(persons) {
      const rows = persons.map(({ anchor = '', name, badge = '' }) => `${anchor},"${name}",${name},${badge},,a;b`);
      writeFileSync(file, csv.HEADER + rows.join('\n'));
    },
    spoil: () => writeFileSync(file, `${csv.HEADER}1,"${SECRET}\n`),
  };
}

function makeLdifBench(): Bench {
  const { connector, file } = ldif.makeWorld();
  return {
    connector,
    types: [ldif.ACCOUNT, ldif.GROUP],
    file,
    fill(persons) {
      const records = persons.map(({ anchor, name, badge }, index) =>
        [
          `dn: uid=${index},${ldif.PEOPLE}`,
          'objectClass: inetOrgPerson',
          `uid: ${index}`,
          `cn: ${name}`,
          ...(anchor === undefined ? [] : [`entryUUID: ${anchor}`]),
          ...(badge === undefined ? [] : [`roomNumber: ${badge}`]),
          `userPassword: ${SECRET}`,
          '',
        ].join('\n'),
      );
      writeFileSync(file, [ldif.INITIAL, ...records].join('\n'));
    },
    spoil: () => writeFileSync(file, `dn: cn=x\n${SECRET}\n`),
  };
}

const ANN: Person = { anchor: 'a-1', name: 'Ann', badge: '7' };
const BOB: Person = { anchor: 'b-2', name: 'Bob' };

async function readImage(bench: Bench): Promise<FullImage> {
  const image = await bench.connector.readFullImage(undefined);
  assert.ok(image);
  return image;
}

async function stopOf(bench: Bench): Promise<ConnectorError> {
  const outcome = await bench.connector.readFullImage(undefined).catch((error: unknown) => error);
  assert.ok(outcome instanceof ConnectorError, String(outcome));
  return outcome;
}

test('every connector has a bench in this suite', () => {
  const folder = join(import.meta.dirname, '../engine/connectors');
  const sources = readdirSync(folder).filter((name) => name.endsWith('.ts'));
  const makers = sources.flatMap(
    (name) => readFileSync(join(folder, name), 'utf8').match(/(?<=export function )create\w+Connector\b/g) ?? [],
  );
  assert.deepEqual(makers.sort(), Object.keys(BENCHES).sort());
});

for (const [name, makeBench] of Object.entries(BENCHES)) {
  describe(`${name}: import`, () => {
    test('C1 reads the same image from the same input, and changes nothing', async () => {
      const bench = makeBench();
      bench.fill([ANN, BOB]);
      const before = { text: readFileSync(bench.file), stats: statSync(bench.file) };
      assert.deepEqual(await readImage(bench), await readImage(bench));
      assert.deepEqual(readFileSync(bench.file), before.text);
      assert.equal(statSync(bench.file).mtimeMs, before.stats.mtimeMs);
    });

    test('C2 names its input with size and SHA-256, without the path', async () => {
      const bench = makeBench();
      bench.fill([ANN]);
      const bytes = readFileSync(bench.file);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      assert.deepEqual((await readImage(bench)).input, { name: basename(bench.file), bytes: bytes.length, sha256 });
    });

    test('C3 C4 every entry is of a declared type, has an anchor of its own, a place, and declared attributes with values', async () => {
      const bench = makeBench();
      bench.fill([ANN, BOB]);
      const { entries } = await readImage(bench);
      assert.ok(entries.length >= 2);
      assert.equal(new Set(entries.map(({ type, anchor }) => `${type} ${anchor}`)).size, entries.length);
      for (const entry of entries) {
        const type = bench.types.find((found) => found.name === entry.type);
        assert.ok(type, entry.type);
        assert.match(entry.place, /^line [1-9]\d*$/);
        assert.deepEqual(entry.attributes[type.anchor], [entry.anchor]);
        for (const [attribute, values] of Object.entries(entry.attributes)) {
          const declared = type.attributes.get(attribute);
          assert.ok(declared && declared.computed === undefined, attribute);
          assert.ok(values.length > 0 && !values.includes(''));
          assert.ok(declared.multivalued || values.length === 1);
        }
      }
    });

    test('C5 refuses an entry that cannot be staged with a sentence, a place and its anchor, and reads the others', async () => {
      const bench = makeBench();
      bench.fill([{ ...ANN, badge: SECRET }, { name: 'Nobody' }, BOB, { anchor: 'b-2', name: 'Twin' }]);
      const { entries, refused } = await readImage(bench);
      const main = bench.types[0]?.name;
      assert.deepEqual(
        entries.filter(({ type }) => type === main).map(({ anchor }) => anchor),
        ['b-2'],
      );
      assert.deepEqual(
        refused.filter(({ type }) => type === main).map(({ error, anchor }) => [error, anchor]),
        [
          ['invalid-numeric-value', 'a-1'],
          ['missing-anchor-component', undefined],
          ['duplicate-object', 'b-2'],
        ],
      );
      for (const { message, place } of refused) {
        assert.match(message, /line \d+.*\.$/);
        assert.match(place, /^line [1-9]\d*$/);
      }
    });

    test('C6 an input that is missing, empty or broken stops the import and is never an image without entries', async () => {
      const bench = makeBench();
      bench.spoil();
      assert.equal((await stopOf(bench)).code, 'stopped-parsing-errors');
      writeFileSync(bench.file, '');
      assert.equal((await stopOf(bench)).code, 'stopped-import-read');
      rmSync(bench.file);
      assert.equal((await stopOf(bench)).code, 'no-start-file-not-found');
    });

    test('C7 no message holds a value', async () => {
      const bench = makeBench();
      bench.fill([{ ...ANN, badge: SECRET }, { name: SECRET }, ANN, { ...ANN, name: SECRET }]);
      // A derived object is named by its anchor, which is another's value.
      const derived = bench.types.filter((type) => type.derived !== undefined).map((type) => type.name);
      const { refused } = await readImage(bench);
      for (const { message } of refused.filter(({ type = '' }) => !derived.includes(type))) {
        assert.doesNotMatch(message, new RegExp(SECRET));
      }
      bench.spoil();
      const { message } = await stopOf(bench);
      assert.doesNotMatch(message, new RegExp(SECRET));
      assert.match(message, new RegExp(`${basename(bench.file)}.*line \\d+.*\\.$`));
    });
  });

  describe(`${name}: export`, () => {
    test('C8 says truly whether it can export', () => {
      const { connector } = makeBench();
      assert.equal(connector.canExport, connector.export !== undefined);
    });

    if (!makeBench().connector.canExport) return;

    const dn = (login: string): string => `uid=${login},${ldif.PEOPLE}`;
    const addition = (login: string): ExportChange => ({
      id: `add ${login}`,
      kind: 'add',
      type: 'account',
      dn: dn(login),
      attributes: { login: [login], cn: [login], sn: [login] },
    });

    test('C9 C10 gives one result for each change in their order, and what succeeded is there at the next import', async () => {
      const bench = makeBench();
      const orphan = { ...addition('x'), dn: `uid=x,ou=none,${ldif.BASE}` };
      const results = await bench.connector.export?.([addition('ann'), orphan, addition('bob')]);
      assert.deepEqual(
        results?.map(({ id, error }) => [id, error]),
        [
          ['add ann', undefined],
          ['add x', 'non-existent-parent'],
          ['add bob', undefined],
        ],
      );
      const { entries } = await readImage(bench);
      assert.deepEqual(
        entries.map(({ anchor }) => anchor),
        [results?.[0]?.anchor, results?.[2]?.anchor],
      );
      for (const [index, login] of ['ann', 'bob'].entries()) {
        assert.deepEqual({ ...entries[index]?.attributes, id: [] }, { ...addition(login).attributes, id: [] });
      }
      assert.deepEqual(await bench.connector.export?.([]), []);
    });

    test('C11 does again what was done already, with the same result and no effect', async () => {
      const bench = makeBench();
      const steps: ExportChange[] = [
        addition('ann'),
        { id: 'u', kind: 'update', type: 'account', dn: dn('ann'), attributes: { mail: ['a@x'] } },
        { id: 'r', kind: 'rename', type: 'account', dn: dn('ann'), newDn: dn('anna'), attributes: {} },
        { id: 'd', kind: 'delete', type: 'account', dn: dn('anna'), attributes: {} },
      ];
      for (const step of steps) {
        const first = await bench.connector.export?.([step]);
        assert.equal(first?.[0]?.error, undefined);
        const image = await readImage(bench);
        assert.deepEqual(await bench.connector.export?.([step]), first);
        assert.deepEqual(await readImage(bench), image);
      }
    });

    test('C12 leaves the system as it was when the export stops', async () => {
      const bench = makeBench();
      bench.spoil();
      const before = readFileSync(bench.file);
      await assert.rejects(async () => bench.connector.export?.([addition('ann')]), ConnectorError);
      assert.deepEqual(readFileSync(bench.file), before);
    });
  });
}
