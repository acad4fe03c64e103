// The leaf of an event: the program, ENCODING.md's vectors, an implementation written from ENCODING.md, and ClickHouse's
// SQL come to the same bytes, and no two events have the same.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import { PARTITION_EVENTS } from '../ingest/clickhouse/cluster.ts';
import { migrateClickHouse } from '../ingest/clickhouse/migrate.ts';
import { fromRow, INSERTED_COLUMNS, rowSchema, toRow } from '../ingest/clickhouse/rows.ts';
import { computeCommitments, encodeEvent, leafOf } from '../ingest/encoding.ts';
import type { ChangeEvent, EventValue } from '../ingest/event.ts';
import { anyChangeEvent } from './ingest-any-event.ts';
import { computeLeaf } from './ingest-encoding-independent.ts';
import { makeEvent, makeId, openEmbedded } from './ingest-world.ts';

const DOCUMENT = readFileSync(new URL('../ingest/ENCODING.md', import.meta.url), 'utf8');

function blockOf(language: string): string {
  const found = new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(DOCUMENT)?.[1];
  return found ?? assert.fail(`ENCODING.md has no block of ${language}`);
}

const hex = z.string().regex(/^([0-9a-f]{2})*$/);
const vectors = z
  .array(
    z.strictObject({
      name: z.string(),
      keys: z.record(z.string(), hex),
      row: z.record(z.string(), z.unknown()),
      commitments: z.strictObject({
        object: hex.nullable(),
        actor: hex.nullable(),
        values: hex.nullable(),
        references: z.array(hex.nullable()),
      }),
      encoding_bytes: z.number(),
      encoding: hex.optional(),
      encoding_sha256: hex,
      leaf: hex,
    }),
  )
  .parse(JSON.parse(blockOf('json')));

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const keyOf = (number: number): Buffer => createHash('sha256').update(`key ${number}`).digest();
const keyBytes = (event: ChangeEvent): Map<number, Buffer> =>
  new Map([event.subjectKey, event.actorKey, ...event.valueKeys].map((number) => [number, keyOf(number)]));
const encode = (event: ChangeEvent): string => encodeEvent(event, computeCommitments(event, keyOf)).toString('hex');

test('the document has the vectors that a verifier needs', () => {
  const names = vectors.map(({ name }) => name);
  assert.deepEqual(names, ['no values', 'personal groups', 'references with two persons', 'every field']);
});

for (const { name, keys, row, commitments, ...expected } of vectors) {
  test(`the program computes the vector "${name}"`, () => {
    const event = fromRow(rowSchema.parse(row));
    const lookup = (number: number) => Buffer.from(keys[number] ?? assert.fail(`no key ${number}`), 'hex');
    const found = computeCommitments(event, lookup);
    const show = (bytes: Uint8Array | undefined) => (bytes ? Buffer.from(bytes).toString('hex') : null);
    assert.deepEqual(
      {
        object: show(found.object),
        actor: show(found.actor),
        values: show(found.values),
        references: found.references.map(show),
      },
      commitments,
    );
    const encoding = encodeEvent(event, found);
    assert.equal(encoding.length, expected.encoding_bytes);
    assert.equal(sha256(encoding), expected.encoding_sha256);
    if (expected.encoding !== undefined) assert.equal(encoding.toString('hex'), expected.encoding);
    assert.equal(leafOf(event, lookup).toString('hex'), expected.leaf);
  });

  test(`an implementation written from the document computes the vector "${name}"`, () => {
    const found = computeLeaf(
      row,
      new Map(Object.entries(keys).map(([n, key]) => [Number(n), Buffer.from(key, 'hex')])),
    );
    assert.deepEqual(found.commitments, commitments);
    assert.equal(sha256(found.encoding), expected.encoding_sha256);
    assert.equal(found.leaf, expected.leaf);
  });
}

test('the program and the implementation written from the document agree on any event', () => {
  fc.assert(
    fc.property(anyChangeEvent, (event) => {
      const row: unknown = JSON.parse(JSON.stringify(toRow(event)));
      const independent = computeLeaf(z.record(z.string(), z.unknown()).parse(row), keyBytes(event));
      assert.equal(encode(event), independent.encoding.toString('hex'));
      assert.equal(leafOf(event, keyOf).toString('hex'), independent.leaf);
    }),
    { numRuns: 300 },
  );
});

test('two different events never have the same bytes', () => {
  fc.assert(
    fc.property(anyChangeEvent, anyChangeEvent, (a, b) => {
      const isSame = JSON.stringify(toRow(a)) === JSON.stringify(toRow(b));
      assert.equal(encode(a) === encode(b), isSame);
    }),
    { numRuns: 300 },
  );
});

const full: ChangeEvent = {
  ...makeEvent({
    error: 'e',
    object: makeId(1),
    entry: makeId(2),
    objectType: 't',
    objectName: 'n',
    agent: 'a',
    anchor: 'b',
    dn: 'c',
    initiator: 'i',
    performer: 'p',
    address: 'd',
    rule: 'r',
    configuration: 0,
    run: 0,
    step: 1,
    stepKind: 's',
    causes: [1, 2],
    values: [
      { attribute: 'x', type: 'string', operation: 'replace', old: '', new: 'y', marks: 0, rule: 'q', setBy: 0 },
      { attribute: 'm', type: 'reference', operation: 'add', new: 'z', marks: 1, reference: makeId(3) },
    ],
  }),
  eventVersion: 1,
  log: 'metatrail/1',
  sequence: 5,
  recordedAt: 7,
  root: 1,
  subjectKey: 1,
  actorKey: 2,
  valueKeys: [0, 3],
};

function changedField(value: unknown): unknown[] {
  if (typeof value === 'number') return [value + 1, undefined];
  if (typeof value === 'boolean') return [!value];
  return typeof value === 'string' ? [`${value}x`, undefined] : [];
}

test('changing or leaving out any single field changes the leaf, but for the numbers of keys', () => {
  const leaf = leafOf(full, () => keyOf(0)).toString('hex');
  const other = (event: object) => leafOf(event as ChangeEvent, () => keyOf(0)).toString('hex');
  for (const [field, value] of Object.entries(full)) {
    const isKey = field === 'subjectKey' || field === 'actorKey';
    for (const changed of changedField(value)) {
      if (changed === undefined && ['sequence', 'eventVersion', 'log', 'recordedAt', 'root'].includes(field)) continue;
      assert.equal(other({ ...full, [field]: changed }) === leaf, isKey, `${field}: ${changed}`);
    }
  }
  for (const [index, value] of full.values.entries()) {
    for (const [field, content] of Object.entries(value)) {
      for (const changed of changedField(content)) {
        const values = full.values.map((each, i) => (i === index ? { ...each, [field]: changed } : each));
        assert.notEqual(other({ ...full, values }), leaf, `values.${index}.${field}: ${changed}`);
      }
    }
  }
  for (const causes of [[], [1], [2, 1], [1, 2, 2]]) assert.notEqual(other({ ...full, causes }), leaf);
  for (const values of [[], full.values.toReversed(), [...full.values, ...full.values]])
    assert.notEqual(other({ ...full, values }), leaf);
});

test('the same content under another key, sequence, log or place is another commitment', () => {
  const commitments = (fields: Partial<ChangeEvent>, key = 0) =>
    computeCommitments({ ...full, ...fields }, (number) => keyOf(number + key));
  const value: EventValue = { attribute: 'm', type: 'reference', operation: 'add', new: 'z', marks: 1 };
  const same = { values: [value, value], valueKeys: [3, 3] };
  const all = [
    commitments({}),
    commitments({}, 10),
    commitments({ sequence: 6 }),
    commitments({ log: 'metatrail/2' }),
    commitments(same),
  ].flatMap(({ object, actor, references }) => [object, actor, ...references]);
  const shown = all.filter((each) => each !== undefined).map((each) => Buffer.from(each).toString('hex'));
  // The object and actor of the last are those of the first.
  assert.equal(new Set(shown).size, shown.length - 2);
});

test("ClickHouse's SQL of the document computes the leaf of every row", { timeout: 120_000 }, async (t) => {
  const clickhouse = openEmbedded(t);
  await migrateClickHouse(clickhouse, PARTITION_EVENTS);
  await clickhouse.command('CREATE TABLE keys (number UInt64, key String) ENGINE = Memory');
  const sampled = fc.sample(anyChangeEvent, { numRuns: 300, seed: 1 });
  const events = sampled.map((event, i) => ({ ...event, sequence: 1000 + i }));
  const rows: object[] = [...vectors.map(({ row }) => row), ...events.map(toRow)];
  const keys = new Map(Array.from({ length: 20 }, (_, i) => [i, keyOf(i).toString('hex')]));
  const numbers = [...keys].map(([number, key]) => `(${number}, unhex('${key}'))`).join(', ');
  await clickhouse.command(`INSERT INTO keys VALUES ${numbers}`);
  await clickhouse.insert(
    `INSERT INTO events (${INSERTED_COLUMNS.map((column) => `\`${column}\``).join(', ')}) FORMAT JSONEachRow`,
    rows.map((row) => JSON.stringify(row)).join('\n'),
  );
  const found = await clickhouse.select(blockOf('sql'), {}, z.object({ sequence: z.number(), leaf: z.string() }));
  const expected = new Map<number, string>([
    ...vectors.map(({ row, leaf }): [number, string] => [Number(row.sequence), leaf]),
    ...events.map((event): [number, string] => [event.sequence, leafOf(event, keyOf).toString('hex')]),
  ]);
  assert.equal(found.length, rows.length);
  for (const { sequence, leaf } of found) assert.equal(leaf, expected.get(sequence), `sequence ${sequence}`);
});
