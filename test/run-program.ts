// The command line as a process of its own: what it said, all of it, and how it ended; to be killed on the way.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

const PROGRAM = path.join(import.meta.dirname, '../api/metatrail.ts');

export interface Ended {
  /** null: it was killed. */
  status: number | null;
  /** Both of its streams. */
  said: string;
}

/** With these variables and no others but the path. */
export function startProgram(
  environment: Record<string, string>,
  ...command: string[]
): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [PROGRAM, ...command], {
    env: { PATH: process.env.PATH, UV_THREADPOOL_SIZE: '16', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk));
  const ended = once(child, 'close').then(() => ({ status: child.exitCode, said }));
  return { child, ended };
}
