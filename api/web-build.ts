// Builds the web application when it is not built, or older than its sources. The build runs in a process of its own, so
// that its memory goes with it.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCES = fileURLToPath(new URL('../dashboards/', import.meta.url));
const VITE = fileURLToPath(new URL('../node_modules/vite/bin/vite.js', import.meta.url));

/** Where the built web application is. */
export const WEB_FOLDER = path.join(SOURCES, 'dist');

/** Resolves when the web application is there and current. Rejects with what the build printed. */
export async function buildWebApplication(): Promise<void> {
  if (isCurrent()) return;
  await new Promise<void>((resolve, reject) => {
    const build = spawn(process.execPath, [VITE, 'build', SOURCES, '--logLevel', 'error'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output: Buffer[] = [];
    build.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    build.stderr.on('data', (chunk: Buffer) => output.push(chunk));
    build.on('error', reject);
    build.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`The web application could not be built:\n${Buffer.concat(output).toString('utf8')}`));
    });
  });
}

function isCurrent(): boolean {
  const page = path.join(WEB_FOLDER, 'index.html');
  return existsSync(page) && statSync(page).mtimeMs >= newestSource(SOURCES);
}

function newestSource(folder: string): number {
  const times = readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => name !== 'dist' && name !== 'node_modules')
    .map((item) => {
      const file = path.join(folder, item.name);
      return item.isDirectory() ? newestSource(file) : statSync(file).mtimeMs;
    });
  return Math.max(0, ...times);
}
