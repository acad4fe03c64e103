// The verifier accepts any honest log, and finds any change of a single column; what it computes in ClickHouse and by itself is
// the same, and what ingest/ENCODING.md says.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { EVENT_COLUMNS, toRow } from '../ingest/clickhouse/rows.ts';
import { leafOf } from '../ingest/encoding.ts';
import type { ProposedEvent } from '../ingest/event.ts';
import { computeLeaf } from '../ingest/verify/leaf.ts';
import { LiveLog } from '../ingest/verify/live-log.ts';
import { parseRow } from '../ingest/verify/row.ts';
import { FLAGS, findRowFaults } from '../ingest/verify/row-faults.ts';
import { anyChangeEvent, anyProposedEvent, LOG } from './ingest-any-event.ts';
import { makeEvent } from './ingest-world.ts';
import { check, makeLog, readRows, tamper } from './verify-world.ts';

const keyOf = (number: number): Buffer | undefined =>
  number === 0 ? undefined : createHash('sha256').update(`key ${number}`).digest();
const someKey = (number: number): Buffer => keyOf(number) ?? Buffer.alloc(32);

interface Vector {
  name: string;
  keys: Record<string, string>;
  row: unknown;
  leaf: string;
}
const DOCUMENT = readFileSync(new URL('../ingest/ENCODING.md', import.meta.url), 'utf8');
const VECTORS = JSON.parse(/```json\n([\s\S]*?)```/.exec(DOCUMENT)?.[1] ?? '[]') as Vector[];

test('the document has vectors', () => assert.equal(VECTORS.length, 4));
for (const { name, keys, row, leaf } of VECTORS) {
  test(`the verifier computes the vector "${name}"`, () => {
    const computed = computeLeaf(parseRow(row), (number) => Buffer.from(keys[number] ?? '', 'hex'));
    assert.equal(computed.toString('hex'), leaf);
  });
}

test('any event has the leaf that the writer gave it, and no fault', () => {
  fc.assert(
    fc.property(anyChangeEvent, (event) => {
      const row = parseRow(JSON.parse(JSON.stringify(toRow(withKeysInUse(event)))));
      assert.equal(computeLeaf(row, keyOf).toString('hex'), leafOf(event, someKey).toString('hex'));
      assert.equal(findRowFaults(row, LOG, keyOf), 0);
    }),
    { numRuns: 500 },
  );
});

type Event = Parameters<typeof toRow>[0];

/** As the journal does it: a group without content has key 0. */
function withKeysInUse(event: Event): Event {
  const hasObject = [event.objectName, event.anchor, event.dn].some((each) => each !== undefined);
  const hasActor = [event.initiator, event.performer, event.address].some((each) => each !== undefined);
  const isPlain = event.values.some(({ type }) => type !== 'reference');
  return { ...event, subjectKey: hasObject || isPlain ? 1 : 0, actorKey: hasActor ? 2 : 0 };
}

/** Another value of a column of the same type; of a list, one element is another. */
function anotherOf(column: string, value: unknown): fc.Arbitrary<unknown> {
  if (Array.isArray(value)) {
    if (value.length === 0) return fc.constant(column === 'causes' ? [0] : undefined);
    return fc
      .nat({ max: value.length - 1 })
      .chain((i) => anotherOf(column, value[i]).map((other) => value.map((each, at) => (at === i ? other : each))));
  }
  if (typeof value === 'number') return fc.nat({ max: 1000 }).filter((other) => other !== value);
  if (column.endsWith('_at')) return fc.constant('2001-02-03 04:05:06.000007').filter((other) => other !== value);
  if (column.endsWith('commitment')) return fc.constantFrom('00'.repeat(32), 'ff');
  if (/^(object|entry|value\.reference)$/.test(column))
    return fc
      .constantFrom('0192a000-0000-7000-8000-0000000000ff', '00000000-0000-0000-0000-000000000000')
      .filter((id) => id !== value);
  return fc.string({ minLength: 0, maxLength: 4 }).filter((other) => other !== value);
}

test('any change of a single column gives another leaf, or is a fault', () => {
  const altered = anyChangeEvent.chain((event) => {
    const row = parseColumns(withKeysInUse(event));
    return fc
      .constantFrom(...EVENT_COLUMNS)
      .chain((column) => anotherOf(column, row[column]).map((value) => ({ event, row, column, value })));
  });
  fc.assert(
    fc.property(altered, ({ event, row, column, value }) => {
      if (value === undefined) return;
      const changed = parseRow({ ...row, [column]: value });
      // Of one key two numbers would be the same key; here every number has its own.
      const isFound =
        !computeLeaf(changed, keyOf).equals(leafOf(event, someKey)) || findRowFaults(changed, LOG, keyOf) !== 0;
      assert.ok(isFound, `${column} was altered unseen`);
    }),
    { numRuns: 3000 },
  );
});

/** All columns, also those that hold their default. */
function parseColumns(event: Event): Record<string, unknown> {
  const row: Record<string, unknown> = JSON.parse(JSON.stringify(toRow(event)));
  const length = event.values.length;
  const defaults: Record<string, unknown> = {
    object: '00000000-0000-0000-0000-000000000000',
    entry: '00000000-0000-0000-0000-000000000000',
    causes: [],
    'value.commitment': Array(length).fill(''),
  };
  for (const column of EVENT_COLUMNS)
    row[column] ??= defaults[column] ?? (column.startsWith('value.') ? [] : NUMBERS.has(column) ? 0 : '');
  return row;
}
const NUMBERS = new Set([
  'configuration',
  'configuration_known',
  'run',
  'run_known',
  'step',
  'out_of_band',
  'subject_key',
  'actor_key',
]);

const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
function makeFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'metatrail-verify-'));
  folders.push(folder);
  return folder;
}

const ROOTS = 20;

/** Events made by chance, caused by the roots before them; runs and erasures are another test's. */
function anyBatch(count: number): ProposedEvent[] {
  return fc
    .sample(anyProposedEvent(ROOTS), { numRuns: count, seed: 20 })
    .map(({ run: _, step: __, stage, ...event }) => ({
      ...event,
      stage: stage === 'run' || stage === 'erasure' ? 'import' : stage,
    }));
}

/** One change of each column, all of one log, each of another event. */
const CHANGES: Record<string, string> = {
  event_version: 'event_version + 1',
  recorded_at: 'recorded_at + 1',
  occurred_at: 'occurred_at + 1',
  occurred_at_known: "concat(occurred_at_known, 'x')",
  stage: "concat(stage, 'x')",
  operation: "concat(operation, 'x')",
  outcome: "concat(outcome, 'x')",
  error: "concat(error, 'x')",
  object: "toUUID('0192a000-0000-7000-8000-0000000000ff')",
  entry: "toUUID('0192a000-0000-7000-8000-0000000000ff')",
  object_type: "concat(object_type, 'x')",
  object_name: "concat(object_name, 'x')",
  agent: "concat(agent, 'x')",
  anchor: "concat(anchor, 'x')",
  dn: "concat(dn, 'x')",
  initiator: "concat(initiator, 'x')",
  initiator_known: "concat(initiator_known, 'x')",
  performer: "concat(performer, 'x')",
  address: "concat(address, 'x')",
  causes: 'arrayPushBack(causes, 0)',
  root: 'root + 1',
  rule: "concat(rule, 'x')",
  configuration: 'configuration + 1',
  configuration_known: '1 - configuration_known',
  run: 'run + 1',
  run_known: '1 - run_known',
  step: 'step + 1',
  step_kind: "concat(step_kind, 'x')",
  out_of_band: '1 - out_of_band',
  subject_key: 'subject_key + 1',
  actor_key: 'actor_key + 1',
  object_commitment: "repeat('x', 32)",
  actor_commitment: "repeat('x', 32)",
  values_commitment: "repeat('x', 32)",
  log: "concat(log, 'x')",
  '`value.attribute`': "arrayMap(x -> concat(x, 'x'), `value.attribute`)",
  '`value.type`': "arrayMap(x -> if(x = 'reference', 'string', 'reference'), `value.type`)",
  '`value.operation`': "arrayMap(x -> if(x = 'add', 'remove', 'add'), `value.operation`)",
  '`value.old`': "arrayMap(x -> concat(x, 'x'), `value.old`)",
  '`value.new`': "arrayMap(x -> concat(x, 'x'), `value.new`)",
  '`value.reference`': "arrayMap(x -> toUUID('0192a000-0000-7000-8000-0000000000ff'), `value.reference`)",
  '`value.marks`': 'arrayMap(x -> x + 1, `value.marks`)',
  '`value.rule`': "arrayMap(x -> concat(x, 'x'), `value.rule`)",
  '`value.set_by`': 'arrayMap(x -> x + 1, `value.set_by`)',
  '`value.set_by_known`': 'arrayMap(x -> x + 2, `value.set_by_known`)',
  '`value.key`': 'arrayMap(x -> x + 1, `value.key`)',
  '`value.commitment`': "arrayMap(x -> repeat('x', 32), `value.commitment`)",
};

test('a log of any events is verified, and each single column that is altered in ClickHouse is found', async () => {
  const folder = makeFolder();
  const log = await makeLog(folder, {
    batches: [() => Array.from({ length: ROOTS }, () => makeEvent()), () => anyBatch(600)],
    checkpoints: [],
  });
  const honest = await check(folder);
  assert.deepEqual([honest.faults, honest.unchecked], [[], []]);
  assert.equal(honest.sample.rows, log.size);
  const columns = Object.entries(CHANGES);
  assert.deepEqual(
    columns.map(([column]) => column.replaceAll('`', '')).sort(),
    EVENT_COLUMNS.filter((column) => column !== 'sequence').toSorted(),
  );
  // Every tenth event is altered, each in one column, which must have something to alter there.
  await tamper(
    folder,
    ...columns.map(([column, value], i) => {
      const needed = column.startsWith('`value.') ? ' AND notEmpty(`value.type`)' : '';
      return `ALTER TABLE events UPDATE ${column} = ${value} WHERE sequence >= ${ROOTS + i * 10} AND sequence < ${ROOTS + i * 10 + 10}${needed}`;
    }),
  );
  const report = await check(folder);
  assert.ok(!report.faults.some(({ kind }) => kind === 'computed-differently'), 'both computations agree');
  const source = await LiveLog.open({ folder });
  try {
    const sequences = Array.from({ length: log.size }, (_, i) => i);
    const rows = await readRows(source, sequences);
    const found = rows.map((row) => {
      const kept = source.tile(0, Math.floor(row.sequence / 256))?.subarray((row.sequence % 256) * 32);
      const isAltered = !kept?.subarray(0, 32).equals(computeLeaf(row, source.keyOf));
      return { isAltered, flags: findRowFaults(row, log.log, source.keyOf) };
    });
    for (const [i, [column]] of columns.entries()) {
      const ofColumn = found.slice(ROOTS + i * 10, ROOTS + i * 10 + 10);
      assert.ok(
        ofColumn.some(({ isAltered, flags }) => isAltered || flags !== 0),
        `${column} was altered unseen`,
      );
    }
    const expected = new Map<string, number>([['altered', found.filter(({ isAltered }) => isAltered).length]]);
    for (const [kind, flag] of Object.entries(FLAGS))
      expected.set(kind, found.filter(({ flags }) => (flags & flag) !== 0).length);
    for (const [kind, count] of expected)
      assert.equal(report.faults.find((fault) => fault.kind === kind)?.count ?? 0, count, kind);
  } finally {
    await source.close();
  }
});
