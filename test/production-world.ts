// The files of api/production as those who run them read them: a unit of systemd, and the steps of a container file.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { readmeBlock } from './service-world.ts';

export const ROOT = join(import.meta.dirname, '..');
/** Where the files say that the program is installed. */
export const INSTALLED = '/opt/metatrail';
const UNIT = join(ROOT, 'api/production/metatrail.service');

/** Each setting of a unit with its values, in order. */
export function readUnit(): Map<string, string[]> {
  const settings = new Map<string, string[]>();
  for (const line of readFileSync(UNIT, 'utf8').split('\n')) {
    const [, name, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) settings.set(name, [...(settings.get(name) ?? []), value]);
  }
  return settings;
}

/** The unit's text, installed where the repository is. */
export function installedUnit(): string {
  return readFileSync(UNIT, 'utf8').replaceAll(INSTALLED, ROOT);
}

/** `systemd-analyze` of the calls of a filter: what it lets through. */
export function allowedCalls(listed: string, filters: readonly string[]): Set<string> {
  const groups = new Map<string, string[]>();
  let group: string[] = [];
  for (const line of listed.split('\n')) {
    if (line.startsWith('@')) {
      group = [];
      groups.set(line.trim(), group);
    } else if (/^ {4}[@\w]/.test(line)) group.push(line.trim());
  }
  const callsOf = (name: string): string[] =>
    name.startsWith('@') ? (groups.get(name) ?? []).flatMap(callsOf) : [name];
  const allowed = new Set(callsOf('@default'));
  for (const filter of filters) {
    const isDenied = filter.startsWith('~');
    for (const call of filter.replace('~', '').split(' ').flatMap(callsOf)) {
      if (isDenied) allowed.delete(call);
      else allowed.add(call);
    }
  }
  return allowed;
}

/** Nobody's user where the tests may become them; else the one that the tests run as. */
export const UNPRIVILEGED: { uid?: number; gid?: number } = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};

/** A folder that an unprivileged user may look into. */
export function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'metatrail-production-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o755);
  return folder;
}

/** A folder in it that is theirs alone. */
export function ownFolder(folder: string, name: string): string {
  const path = join(folder, name);
  mkdirSync(path, { mode: 0o700 });
  const { uid, gid } = UNPRIVILEGED;
  if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid);
  return path;
}

/** The README's company in it; the path of its configuration. */
export function makeCompanyIn(folder: string): string {
  const company = ownFolder(folder, 'company');
  writeFileSync(join(company, 'people.csv'), readmeBlock('csv'));
  const configuration = join(company, 'company.yaml');
  writeFileSync(configuration, readmeBlock('yaml'));
  return configuration;
}

export interface Asked {
  url: string;
  pid: number;
}

/** Starts a command as an unprivileged user and waits until the service of the data folder is ready. */
export async function startUnprivileged(
  command: readonly string[],
  options: { cwd: string; env: Record<string, string | undefined> },
) {
  const [program = '', ...rest] = command;
  const child = spawn(program, rest, { ...options, ...UNPRIVILEGED, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { text: '' };
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output.text += chunk.toString();
    });
  const closed = once(child, 'close') as Promise<[number | null, string | null]>;
  const ended = closed.then(([code, signal]) => {
    throw new Error(`It ended (${code ?? signal}): ${output.text}`);
  });
  // Awaited where it matters; a stop at the end of a test is no failure.
  ended.catch(() => undefined);
  const data = options.env.METATRAIL_DATA ?? '';
  const ready = async (): Promise<Asked> => {
    for (;;) {
      const service = readService(join(data, 'service.json'));
      if (service && (await isReady(service.url))) return service;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  return { child, output, closed, ready: () => Promise.race([ready(), ended]) };
}

function readService(file: string): Asked | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Asked;
  } catch {
    return undefined;
  }
}

async function isReady(url: string): Promise<boolean> {
  const response = await fetch(new URL('health/ready', url)).catch(() => undefined);
  return response?.status === 200;
}
