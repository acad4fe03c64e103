// One fault for one process: at which step, the how many-eth of its name, and what happens there. A process reads it from
// its environment, so that the threads of the process know it too, and says each step that it comes to on its standard
// output: what is counted once can then be failed one after the other.
import { writeSync } from 'node:fs';
import { z } from 'zod';

/** What can happen at a step. `before`: the step is not done; `after`: it is done, and nobody hears of it. */
export const MANNERS = ['killed-before', 'killed-after', 'fails', 'answer-lost', 'slow'] as const;
export type Manner = (typeof MANNERS)[number];

export const faultSchema = z.object({ step: z.string(), occurrence: z.int().min(1), manner: z.enum(MANNERS) });
export type Fault = z.infer<typeof faultSchema>;

/** The steps of one batch on its whole way, by what they are called here. */
export const STEPS = [
  'begin',
  'write journal row',
  'write key',
  'write tile',
  'write state',
  'write state index',
  'commit',
  'answer',
  'compare',
  'complete views',
  'announce',
  'insert',
  'remember',
  'sign',
  'trim',
] as const;
export type Step = (typeof STEPS)[number];

const SLOW_MS = 400;
const { FAULT } = process.env;
const planned: Fault | undefined = FAULT === undefined ? undefined : faultSchema.parse(JSON.parse(FAULT));
const counts = new Map<Step, number>();

/** Says that a step is due and returns what is to happen to it, once. */
export function reach(step: Step): Manner | undefined {
  const count = (counts.get(step) ?? 0) + 1;
  counts.set(step, count);
  writeSync(1, `${JSON.stringify({ step })}\n`);
  return planned?.step === step && planned.occurrence === count ? planned.manner : undefined;
}

/** Ends this process as a power switch would end it, at this instruction. */
export function die(): never {
  process.kill(process.pid, 'SIGKILL');
  throw new Error('SIGKILL came too late.');
}

/** Does a step that nobody waits for, with the fault that is planned for it. */
export function atStep<T>(step: Step, fail: () => never, work: () => T): T {
  const manner = reach(step);
  if (manner === 'killed-before') die();
  if (manner === 'fails') fail();
  if (manner === 'slow') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, SLOW_MS);
  const done = work();
  if (manner === 'killed-after') die();
  if (manner === 'answer-lost') fail();
  return done;
}

/** The same for a step whose answer takes a while. */
export async function atSlowStep<T>(step: Step, fail: () => never, work: () => Promise<T>): Promise<T> {
  const manner = reach(step);
  if (manner === 'killed-before') die();
  if (manner === 'fails') fail();
  if (manner === 'slow') await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
  const done = await work();
  if (manner === 'killed-after') die();
  if (manner === 'answer-lost') fail();
  return done;
}
