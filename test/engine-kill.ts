// Runs a profile in a process of its own that dies, by SIGKILL, as soon as the connected system is written: between the
// write and the acceptance of its result.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { makeProcessWait, type World } from './engine-world.ts';

const CHILD = fileURLToPath(new URL('./engine-child.ts', import.meta.url));

/** The world's journal is closed meanwhile and opened again. */
export async function runAndKill(world: World, agent: string, profile: string): Promise<void> {
  const { text } = world.engine.configuration;
  writeFileSync(world.path('configuration.yaml'), text);
  await world.journal.close();
  const signal = await start(world.folder, [agent, profile, 'kill-after-write']);
  assert.equal(signal, 'SIGKILL');
  await world.reopen(text);
}

/** Starts a child on the world's folder; returns the signal that ended it. `kill` decides when to kill it. */
export function start(folder: string, args: readonly string[], killAfterMs?: number): Promise<NodeJS.Signals | null> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', CHILD, folder, ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (killAfterMs !== undefined) void makeProcessWait(killAfterMs).then(() => child.kill('SIGKILL'));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => (code ? reject(new Error(`the child ended with ${code}`)) : resolve(signal)));
  });
}
