// Runs the engine in a process of its own that dies by SIGKILL.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { World } from './engine-world.ts';

const CHILD = fileURLToPath(new URL('./engine-child.ts', import.meta.url));

/** Dies between the writing of the connected system and the acceptance of its result. */
export async function runAndKill(world: World, agent: string, profile: string): Promise<void> {
  await away(world, async () => {
    const { signal } = await start(world, [agent, profile, 'kill-after-write']).ended;
    assert.equal(signal, 'SIGKILL');
  });
}

/** Runs a cycle and kills it so long after it began; returns whether it was killed before it was over. */
export async function cycleAndKill(world: World, milliseconds: number): Promise<boolean> {
  let killed = false;
  await away(world, async () => {
    const { child, ended } = start(world, []);
    await Promise.race([new Promise((resolve) => child.once('message', resolve)), ended]);
    await Promise.race([setTimeout(milliseconds), ended]);
    child.kill('SIGKILL');
    const { code, signal } = await ended;
    assert.ok(signal === 'SIGKILL' || code === 0, `the child ended with ${code}`);
    killed = signal !== null;
  });
  return killed;
}

/** The world's journal is closed meanwhile and opened again. */
async function away(world: World, action: () => Promise<void>): Promise<void> {
  const { text } = world.engine.configuration;
  writeFileSync(world.path('configuration.yaml'), text);
  await world.journal.close();
  await action();
  await world.reopen(text);
}

interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
}

function start(world: World, args: readonly string[]): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', CHILD, world.folder, ...args], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  return { child, ended };
}
