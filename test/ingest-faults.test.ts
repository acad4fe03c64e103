// Every step of one batch fails once, in each manner in which it can: the process is killed before it or after it, the disk
// is full, the connection breaks before or after the work. Each time the rest is then let run, and log, journal, views and
// Merkle tree are compared.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, rmSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { z } from 'zod';
import { openClickHouse } from '../ingest/clickhouse/connect.ts';
import type { Fault, Manner, Step } from './faults/fault.ts';
import { BATCH, BEFORE, goOn, goOnOpen, makeBefore } from './faults/one-batch.ts';
import { assertWhole } from './ingest-whole.ts';
import { makeFolder } from './ingest-world.ts';

const CHILD = path.join(import.meta.dirname, 'faults/child.ts');
const PRELOAD = path.join(import.meta.dirname, 'faults/preload.ts');

/** What can happen at each step. A COMMIT that failed and yet was done, and an answer lost on its way, are deaths. */
const MANNERS: Record<Step, readonly Manner[]> = {
  begin: ['killed-before', 'fails'],
  'write journal row': ['killed-before', 'fails'],
  'write key': ['killed-before', 'fails'],
  'write tile': ['killed-before', 'fails'],
  'write state': ['killed-before', 'fails'],
  'write state index': ['killed-before', 'fails'],
  commit: ['killed-before', 'fails', 'killed-after', 'slow'],
  answer: ['killed-before'],
  compare: ['killed-before', 'fails', 'answer-lost'],
  'complete views': ['killed-before', 'fails', 'answer-lost'],
  announce: ['killed-before', 'fails', 'killed-after'],
  insert: ['killed-before', 'fails', 'answer-lost', 'killed-after', 'slow'],
  remember: ['killed-before', 'fails', 'killed-after'],
  trim: ['killed-before', 'fails', 'killed-after'],
};
/** In the order of one batch; the shipper's comparison is a few questions. */
const WAY: readonly Step[] = [
  'begin',
  'write key',
  'write journal row',
  'write tile',
  'write state index',
  'write state',
  'commit',
  'answer',
  'compare',
  'insert',
  'complete views',
  'remember',
  'trim',
];

const lineSchema = z.object({ step: z.string() });

async function runOnce(folder: string, fault?: Fault): Promise<{ steps: string[]; killed: boolean }> {
  const child = spawn(process.execPath, ['--import', PRELOAD, CHILD, folder], {
    env: { ...process.env, ...(fault && { FAULT: JSON.stringify(fault) }) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said, [status, signal]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  const killed = signal === 'SIGKILL';
  assert.ok(killed || status === 0, `the process ended with ${status ?? signal}`);
  const lines = said.split('\n').filter((line) => line !== '');
  return { steps: lines.map((line) => lineSchema.parse(JSON.parse(line)).step), killed };
}

function copyOf(t: TestContext, before: string): string {
  const folder = makeFolder(t);
  cpSync(before, folder, { recursive: true });
  return folder;
}

/** The log goes on where it was left, and nothing of it is lost, twice there or different. */
async function assertGoesOn(folder: string): Promise<void> {
  await goOnOpen(folder, async (log) => {
    assert.equal(log.journal.size, BEFORE + BATCH);
    assert.equal(log.journal.firstRow, 256);
    await assertWhole(log);
  });
}

/** Of steps that repeat, the first and the last. */
function chooseOccurrences(count: number): number[] {
  return [...new Set([1, count])];
}

/** Counts the steps on the way from `before`, which must be `way`, and fails those of `failed` one after the other. */
async function failEach(t: TestContext, before: string, way: readonly Step[], failed = way): Promise<void> {
  const counted = await runOnce(copyOf(t, before));
  assert.deepEqual([...new Set(counted.steps)], way, 'the steps of one batch, in their order');
  for (const step of failed) {
    const count = counted.steps.filter((each) => each === step).length;
    for (const occurrence of chooseOccurrences(count))
      for (const manner of MANNERS[step])
        await t.test(`${step} ${occurrence} of ${count}: ${manner}`, async () => {
          const folder = copyOf(t, before);
          const { killed, steps } = await runOnce(folder, { step, occurrence, manner });
          assert.equal(killed, manner.startsWith('killed'));
          assert.ok(steps.filter((each) => each === step).length >= occurrence, 'the step was reached');
          await assertGoesOn(folder);
          rmSync(folder, { recursive: true });
        });
  }
}

test('each step of one batch fails once in each manner, and nothing is lost, twice there or different', {
  timeout: 840_000,
}, async (t) => {
  const before = makeFolder(t);
  await makeBefore(before);
  await failEach(t, before, WAY);
});

test('each step of making up for half an insert fails once in each manner', { timeout: 400_000 }, async (t) => {
  const before = makeFolder(t);
  await makeBefore(before);
  await goOn(before);
  const database = new DatabaseSync(path.join(before, 'metatrail.sqlite'));
  database.exec(`UPDATE facts SET value = '${BEFORE}' WHERE name = 'shipped'`);
  database.close();
  const clickhouse = openClickHouse({ folder: before });
  await clickhouse.command(
    `ALTER TABLE entitlement_changes DELETE WHERE sequence >= ${BEFORE + 2} SETTINGS mutations_sync = 2`,
  );
  await clickhouse.close();
  await failEach(t, before, ['compare', 'complete views', 'remember'], ['complete views']);
});
