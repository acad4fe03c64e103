// What the questions say once partitions have expired: whatever could have had something of the time before says in a sentence
// that it is gone, and nothing that has expired is taken for missing.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { isObjectType } from 'graphql';
import { localAccess } from '../api/access/access.ts';
import { schema } from '../api/graphql/schema.ts';
import { formatIso } from '../ingest/clock.ts';
import { ANN, BOB, type ErasureWorld } from './erasure-world.ts';
import { BELOW, letExpire, openOldLog } from './expired-world.ts';
import { readPdf } from './reports/print.ts';

const DAY = 86_400_000_000;
const GONE = new RegExp(`^Events before ${BELOW} have expired, the last of which happened at .+Z: of times up to then`);

/** A path in an answer to what stands there. */
function at(answer: unknown, path: string): unknown {
  return path.split('/').reduce<unknown>((value, name) => Object(value)[name], answer);
}

/** A question, where in its answer it says what is gone, and whether it does. */
type Said = [question: string, path: string, says: boolean];

/** `early` is a time that has expired, `late` one after all that has; `run` is one that is there, `oldRun` one that is not. */
function questionsOf(id: { group: string; bob: string; early: string; late: string; run: number }): Said[] {
  const { group, bob, early, late, run } = id;
  return [
    ['{ changes(first: 1000) { gone } }', 'changes', true],
    ['{ changes(first: 1) { gone } }', 'changes', false],
    [`{ changes(first: 1000, filter: { from: "${early}" }) { gone } }`, 'changes', true],
    [`{ changes(first: 1000, filter: { from: "${late}" }) { gone } }`, 'changes', false],
    ['{ changes(filter: { run: 1 }) { gone } }', 'changes', true],
    [`{ changes(first: 1000, filter: { run: ${run} }) { gone } }`, 'changes', false],
    [`{ object(id: "${bob}") { gone } }`, 'object', true],
    [`{ object(id: "${bob}") { history(first: 1000) { gone } } }`, 'object/history', true],
    [`{ object(id: "${bob}") { history(first: 1) { gone } } }`, 'object/history', false],
    [`{ object(id: "${bob}") { state(at: "${early}") { gone } } }`, 'object/state', true],
    [`{ object(id: "${bob}") { state { gone } } }`, 'object/state', false],
    [`{ object(id: "${bob}") { access(at: "${early}") { gone } } }`, 'object/access', true],
    [`{ object(id: "${bob}") { access { gone } } }`, 'object/access', false],
    [`{ holders(entitlement: "${group}", at: "${early}") { gone } }`, 'holders', true],
    [`{ holders(entitlement: "${group}") { gone } }`, 'holders', false],
    ['{ runs(first: 1000) { gone } }', 'runs', true],
    ['{ runs(first: 1) { gone } }', 'runs', false],
    ['{ reads(first: 1000) { gone } }', 'reads', true],
    [`{ reads(first: 1000, filter: { from: "${late}" }) { gone } }`, 'reads', false],
    ['{ overview { gone } }', 'overview', true],
    ['{ log { gone } }', 'log', true],
  ];
}

interface ChangeTold {
  sequence: number;
  stage: string;
  gone: string | null;
  causes: number[];
  root: number;
  causedBy: { sequence: number }[];
}

async function ask(world: ErasureWorld, text: string) {
  const { data, errors, extensions } = await world.installation.ask(text, {}, localAccess('auditor'));
  assert.equal(errors, undefined, text);
  return { data, gone: extensions?.gone };
}

test('whatever says up to which event an answer goes says also what has expired', () => {
  const types = Object.values(schema.getTypeMap()).filter(isObjectType);
  const answers = types.filter((type) => type.getFields().watermark !== undefined);
  const silent = answers.filter((type) => type.getFields().gone === undefined);
  assert.ok(answers.length > 7);
  assert.deepEqual(silent.map(String), []);
});

test('once partitions have expired each question says what is gone', { timeout: 300_000 }, async (t) => {
  const world = await openOldLog(t);
  const ids = { group: await world.objectOf('apollo'), bob: await world.objectOf(BOB.name) };
  const ann = await world.objectOf(ANN.name);
  const early = formatIso(Date.now() * 1000 - DAY);
  const [newest] = at(await ask(world, '{ runs(first: 1) { nodes { sequence } } }'), 'data/runs/nodes') as {
    sequence: number;
  }[];
  const run = newest?.sequence ?? 0;

  await t.test('before, nothing is gone', async () => {
    for (const [question, path] of questionsOf({ ...ids, early, late: early, run })) {
      const { data, gone } = await ask(world, question);
      assert.deepEqual([at(data, `${path}/gone`), gone], [null, undefined], question);
    }
  });

  const still = `{ overview { until objectCounts { name count } } objects(search: "${BOB.name}") { name type deleted firstSeen lastChanged } }`;
  const before = at(await ask(world, still), 'data');

  const countJoiners = async () => {
    const turnover = at(await ask(world, '{ overview { turnover { joiners } } }'), 'data/overview/turnover');
    return (turnover as { joiners: number }[]).reduce((sum, { joiners }) => sum + joiners, 0);
  };
  assert.equal(await countJoiners(), 0, 'everybody was there when the system was first read, however long that took');

  const { below, until } = await letExpire(world);
  assert.equal(below, BELOW);
  assert.ok(run >= BELOW);
  const late = formatIso(until + 1);

  await t.test('who is there and how far the systems are known is told as before', async () => {
    assert.deepEqual(at(await ask(world, still), 'data'), before);
    assert.equal(await countJoiners(), 0, 'who was there before the log begins did not join then');
  });

  await t.test('each answer that has a place for it says it, where it could have had something of it', async () => {
    for (const [question, path, says] of questionsOf({ ...ids, early, late, run })) {
      const { data } = await ask(world, question);
      const told = at(data, `${path}/gone`);
      if (says) assert.match(String(told), GONE, question);
      else assert.equal(told, null, question);
    }
  });

  await t.test('a list, a number and nothing found say it beside their data', async () => {
    const nothing: [question: string, found: unknown][] = [
      [`{ found: objects(search: "${ANN.name}") { id } }`, []],
      [`{ found: objectCount(search: "${ANN.name}") }`, 0],
      [`{ found: object(id: "${ann}") { id } }`, null],
      ['{ found: change(sequence: 5) { stage } }', null],
      ['{ found: run(sequence: 1) { result } }', null],
      [`{ found: changesByDay(from: "${early}", to: "${early}") { count } }`, []],
    ];
    for (const [question, found] of nothing) {
      const answer = await ask(world, question);
      assert.deepEqual(at(answer.data, 'found'), found, question);
      assert.match(String(answer.gone), GONE, question);
    }
  });

  await t.test('a cause that has expired is told as expired, and the chain begins after it', () => checkCauses(world));
  await t.test('the reports say it at their beginning, where they are about the time before', (t) =>
    checkReports(t, world, early, late),
  );
});

async function checkCauses(world: ErasureWorld): Promise<void> {
  const { data } = await ask(
    world,
    '{ changes(first: 1000) { nodes { sequence stage gone causes root causedBy { sequence } } } }',
  );
  const changes = at(data, 'changes/nodes') as ChangeTold[];
  const cut = changes.filter(({ causes, root }) => [root, ...causes].some((sequence) => sequence < BELOW));
  assert.ok(cut.some(({ stage }) => stage === 'baseline'));
  assert.ok(cut.length < changes.length);
  for (const change of changes) {
    const { sequence, gone, causedBy } = change;
    assert.equal(gone !== null, cut.includes(change), `change ${sequence}`);
    assert.equal(causedBy.at(-1)?.sequence, sequence);
    for (const cause of causedBy) assert.ok(cause.sequence >= BELOW);
  }
  const [one] = cut.filter(({ causes, root }) => causes.length === 1 && causes[0] === root);
  assert.equal(
    one?.gone,
    `Of what led to it, the change ${one?.root} has expired: the chain of causes begins after it.`,
  );
  const [two] = cut.filter(({ causes, root }) => causes.length === 1 && (causes[0] ?? 0) < BELOW && causes[0] !== root);
  assert.equal(
    two?.gone,
    `Of what led to it, the changes ${two?.root}, ${two?.causes[0]} have expired: the chain of causes begins after them.`,
  );
}

async function checkReports(t: TestContext, world: ErasureWorld, early: string, late: string): Promise<void> {
  const asked: [report: string, parameters: Record<string, string>, says: boolean][] = [
    ['access', { at: early }, true],
    ['access', { at: late }, false],
    ['leavers', { from: early, to: late }, true],
    ['leavers', { from: late, to: late }, false],
  ];
  for (const [report, parameters, says] of asked) {
    const { pdf } = await world.installation.produceReport(report, parameters, localAccess('auditor'));
    const chunks: Buffer[] = [];
    for await (const chunk of pdf) chunks.push(Buffer.from(chunk));
    const printed = readPdf(t, Buffer.concat(chunks));
    if (printed === undefined) return;
    assert.equal(
      /Events before 512 have expired, the last of which/.test(printed.pages[0]?.replaceAll(/\s+/g, ' ') ?? ''),
      says,
    );
    assert.doesNotMatch(printed.text, /The log begins at/);
    assert.match(printed.text, /Events below 512 \(until .+\) have expired; what still held was carried forward/);
  }
}
