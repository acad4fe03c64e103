// A service under test: the README's smallest company in a folder of its own, the real command line, a free port.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { assertReplays } from './replayed-state.ts';

const PROGRAM = fileURLToPath(new URL('../api/metatrail.ts', import.meta.url));
const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const READY_TIMEOUT_MS = 90_000;

/** A fenced block of the README by its language; the n-th one. */
export function readmeBlock(language: string, index = 0): string {
  const blocks = [...README.matchAll(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``, 'g'))].map(
    ([, text]) => text ?? '',
  );
  const block = blocks[index];
  assert.ok(block, `README.md has no ${language} block ${index}`);
  return block;
}

export interface Company {
  folder: string;
  data: string;
  configuration: string;
  environment: Record<string, string | undefined>;
}

/** The README's company: its configuration and its people. */
export function makeCompany(t: TestContext): Company {
  const folder = mkdtempSync(join(tmpdir(), 'metatrail-service-'));
  const data = join(folder, 'data');
  t.after(async () => {
    try {
      // A test may have put an empty file there.
      if (statSync(join(data, 'metatrail.sqlite'), { throwIfNoEntry: false })?.size) await assertReplays(data);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
  const configuration = join(folder, 'company.yaml');
  writeFileSync(configuration, readmeBlock('yaml'));
  writeFileSync(join(folder, 'people.csv'), readmeBlock('csv'));
  const { PATH, HOME } = process.env;
  return {
    folder,
    data,
    configuration,
    environment: {
      PATH,
      HOME,
      METATRAIL_DATA: data,
      METATRAIL_CONFIG: configuration,
      PORT: '0',
      UV_THREADPOOL_SIZE: '16',
    },
  };
}

export interface CommandResult {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a command of the command line to its end. */
export async function metatrail(company: Company, ...command: string[]): Promise<CommandResult> {
  const child = spawn(process.execPath, [PROGRAM, ...command], {
    env: company.environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = collect(child);
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, ...output };
}

function collect(child: ChildProcess): { stdout: string; stderr: string } {
  const output = { stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk: Buffer) => {
    output.stdout += chunk.toString();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    output.stderr += chunk.toString();
  });
  return output;
}

export interface RunningService {
  url: string;
  /** The one-time sign-in link. */
  link: string;
  child: ChildProcess;
  stop(): Promise<void>;
}

/** Starts the service and waits until it has printed its sign-in link, or what `ready` finds. It is stopped after the test. */
export async function startService(
  t: TestContext,
  company: Company,
  ready = /(https?:\/\/\S+sign-in\?token=\S+)/,
): Promise<RunningService> {
  const child = spawn(process.execPath, [PROGRAM, 'start'], {
    env: company.environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = collect(child);
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  };
  t.after(stop);
  const deadline = Date.now() + READY_TIMEOUT_MS;
  for (;;) {
    const link = ready.exec(output.stdout)?.[1];
    if (link !== undefined) return { url: new URL('/', link).href, link, child, stop };
    assert.equal(child.exitCode, null, `the service ended: ${output.stderr}`);
    assert.ok(Date.now() < deadline, `the service did not get ready: ${output.stdout}${output.stderr}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Follows the one-time link and returns the session's cookie. */
export async function signIn(service: RunningService): Promise<string> {
  const response = await fetch(service.link, { redirect: 'manual' });
  assert.equal(response.status, 303);
  return (response.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
}
