// Counts the steps of one batch in a process of its own, and fails each of them once in each manner in which it can fail: the
// process is killed before it or after it, the disk is full, the connection breaks before or after the work.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { z } from 'zod';
import type { ClickHouseTarget } from '../../ingest/clickhouse/connect.ts';
import type { Fault, Manner, Step } from './fault.ts';

const CHILD = path.join(import.meta.dirname, 'child.ts');
const PRELOAD = path.join(import.meta.dirname, 'preload.ts');

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
  sign: ['killed-before', 'fails', 'killed-after'],
  trim: ['killed-before', 'fails', 'killed-after'],
};

export interface FailedWay {
  /** The steps, each name once, in the order in which they come first. */
  way: readonly Step[];
  /** Those that are failed, each time that they come; all of them unless given. */
  failed?: readonly Step[];
  /** What is there before the batch, anew. */
  copy(): Promise<ClickHouseTarget>;
  /** Lets the rest of the way be done, and looks whether the log is whole. */
  assertGoesOn(target: ClickHouseTarget): Promise<void>;
}

const lineSchema = z.object({ step: z.string() });

/** Starts a process that takes the batch its way; `ended` says which steps it came to. */
export function startWay({ folder, url, database }: ClickHouseTarget, fault?: Fault) {
  const place = url === undefined ? [] : [url, database ?? ''];
  const child = spawn(process.execPath, ['--import', PRELOAD, CHILD, folder, ...place], {
    env: { ...process.env, ...(fault && { FAULT: JSON.stringify(fault) }) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return { child, ended: stepsOf(child) };
}

async function stepsOf(child: ChildProcess): Promise<{ steps: string[]; killed: boolean }> {
  assert.ok(child.stdout);
  const [said, [status, signal]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  const killed = signal === 'SIGKILL';
  assert.ok(killed || status === 0, `the process ended with ${status ?? signal}`);
  const lines = said.split('\n').filter((line) => line !== '');
  return { steps: lines.map((line) => lineSchema.parse(JSON.parse(line)).step), killed };
}

/** Counts the steps, which must be those of the way, and fails them one after the other, each in its manners. */
export async function failEach(t: TestContext, { way, failed = way, copy, assertGoesOn }: FailedWay): Promise<void> {
  const counted = await startWay(await copy()).ended;
  assert.deepEqual([...new Set(counted.steps)], way, 'the steps of one batch, in their order');
  for (const step of failed) {
    const count = counted.steps.filter((each) => each === step).length;
    for (let occurrence = 1; occurrence <= count; occurrence++)
      for (const manner of MANNERS[step])
        await t.test(`${step} ${occurrence} of ${count}: ${manner}`, async () => {
          const target = await copy();
          const { killed, steps } = await startWay(target, { step, occurrence, manner }).ended;
          assert.equal(killed, manner.startsWith('killed'));
          assert.ok(steps.filter((each) => each === step).length >= occurrence, 'the step was reached');
          await assertGoesOn(target);
        });
  }
}
