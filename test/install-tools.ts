// What the tests need from Debian. Installed where that can be done without asking anybody, named where it cannot.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findTool, TOOL_PACKAGES, type Tool } from './require-tool.ts';

/** The font that Chromium draws text with; without one it draws boxes. */
const FONT = { file: '/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf', package: 'fonts-dejavu-core' };
/** Debian asks this program before it starts the service of a package just installed; 101 says no. */
const POLICY = '/usr/sbin/policy-rc.d';

/** The Debian packages that are missing, each once. */
export function listMissingPackages(): string[] {
  const tools = Object.keys(TOOL_PACKAGES).filter((name): name is Tool => name in TOOL_PACKAGES);
  const missing = tools.filter((name) => findTool(name) === undefined).map((name): string => TOOL_PACKAGES[name]);
  if (!existsSync(FONT.file)) missing.push(FONT.package);
  return [...new Set(missing)];
}

/**
 * Installs what is missing, as root or through a sudo that asks no password. Streams what apt says to `tell`'s terminal.
 * Returns a sentence with the command to type where it may not or could not install, undefined when nothing is missing.
 */
export async function installMissingTools(tell: (line: string) => void): Promise<string | undefined> {
  const packages = listMissingPackages();
  if (packages.length === 0) return undefined;
  const install = ['apt-get', 'install', '-y', '--no-install-recommends', ...packages];
  const remedy = `${packages.join(', ')} missing; install with: sudo ${install.join(' ')}`;
  const prefix = findPrefix();
  if (prefix === undefined) return remedy;
  tell(`installing ${packages.join(', ')}`);
  // Ctrl-C ends apt-get, which shares the terminal; this process lives on to take its policy file away.
  const ignore = (): void => undefined;
  process.on('SIGINT', ignore);
  const policyWritten = writePolicy(prefix);
  try {
    const debian = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive'];
    const done = (await runCommand([...debian, 'apt-get', 'update'])) && (await runCommand([...debian, ...install]));
    return done && listMissingPackages().length === 0 ? undefined : remedy;
  } finally {
    if (policyWritten) spawnSync('env', [...prefix, 'rm', '-f', POLICY]);
    process.off('SIGINT', ignore);
  }
}

/** What to put before a command that needs root: nothing, sudo, or undefined where we may not. */
function findPrefix(): string[] | undefined {
  if (spawnSync('apt-get', ['--version']).status !== 0) return undefined;
  if (process.getuid?.() === 0) return [];
  return spawnSync('sudo', ['-n', 'true']).status === 0 ? ['sudo', '-n'] : undefined;
}

/** No package may start a server on somebody's machine because our tests want its programs. */
function writePolicy(prefix: readonly string[]): boolean {
  if (existsSync(POLICY)) return false;
  const draft = join(tmpdir(), `metatrail-policy-${process.pid}`);
  writeFileSync(draft, '#!/bin/sh\nexit 101\n');
  const { status } = spawnSync('env', [...prefix, 'install', '-m', '755', draft, POLICY]);
  rmSync(draft);
  return status === 0;
}

/** Runs a command on our own terminal; true when it ended well. */
export function runCommand(command: readonly string[]): Promise<boolean> {
  const [program = '', ...rest] = command;
  return new Promise((resolve) => {
    const child = spawn(program, rest, { stdio: 'inherit' });
    child.on('error', () => resolve(false));
    child.on('exit', (code) => resolve(code === 0));
  });
}
