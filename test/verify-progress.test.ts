// How far a check is, as a person at a terminal sees it; elsewhere there is nothing of it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { requireTool } from './require-tool.ts';
import { type Company, makeCompany, metatrail, startService } from './service-world.ts';

const PROGRAM = fileURLToPath(new URL('../api/metatrail.ts', import.meta.url));
const VERIFIER = fileURLToPath(new URL('../ingest/verify/main.ts', import.meta.url));

const BAR = /█{40} (\d+) of \1 events, \d+s left/;
/** After what erases the bar's line. */
const VERIFIED = /\x1b\[(?:2K|K)Verified: \d+ events, complete and unaltered\./;

/** Runs a program of ours on a pseudo terminal and returns what was written there. */
async function onTerminal(tool: string, company: Company, ...command: string[]): Promise<string> {
  const line = [process.execPath, ...command].map((word) => `'${word}'`).join(' ');
  const child = spawn(tool, ['--quiet', '--return', '--command', line, '/dev/null'], {
    env: { ...company.environment, TERM: 'xterm', COLUMNS: '100' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said, [status]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  assert.equal(status, 0, said);
  return said;
}

test('a check shows a bar on a terminal, with and without a service, and the verifier alone how far it is', async (t) => {
  const script = requireTool(t, 'script');
  if (script === undefined) return;
  const company = makeCompany(t);
  assert.equal((await metatrail(company, 'run', 'hr', 'full')).status, 0);
  const folder = join(company.folder, 'bundle');
  assert.equal((await metatrail(company, 'bundle', folder)).status, 0);
  const offline = ['--offline', folder];
  for (const parameters of [[], offline]) {
    const said = await onTerminal(script, company, PROGRAM, 'verify', ...parameters);
    assert.match(said, BAR);
    assert.match(said, VERIFIED);
  }
  const alone = await onTerminal(script, company, VERIFIER, ...offline);
  assert.match(alone, /\r\x1b\[K {2}100% (\d+) of \1 events\r\x1b\[K/);
  assert.match(alone, VERIFIED);
  const elsewhere = await metatrail(company, 'verify', ...offline);
  assert.deepEqual([elsewhere.status, elsewhere.stderr], [0, '']);
  await startService(t, company);
  const through = await onTerminal(script, company, PROGRAM, 'verify');
  assert.match(through, BAR);
  assert.match(through, VERIFIED);
});
