// requireTool and requireTestData, each tried in a child process of its own, because what they do hangs on the environment.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';

const folder = mkdtempSync(join(tmpdir(), 'metatrail-require-tool-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const MODULE = pathToFileURL(join(import.meta.dirname, 'require-tool.ts')).href;

/** Runs one test whose body is `call` in a child with exactly this environment; returns what the TAP reporter said. */
function runChild(call: string, environment: Record<string, string>): { exitCode: number | null; output: string } {
  const file = join(folder, 'child.test.mjs');
  writeFileSync(
    file,
    `import { test } from 'node:test';
import { findTool, requireTool, requireTestData, TOOL_PACKAGES } from '${MODULE}';
test('child', (t) => { console.log('RESULT=' + JSON.stringify(${call}) + ';'); });
`,
  );
  // NODE_TEST_CONTEXT is left out on purpose: with it the child would report to the runner instead of to us.
  const child = spawnSync(process.execPath, ['--test-reporter=tap', file], { env: environment, encoding: 'utf8' });
  return { exitCode: child.status, output: child.stdout + child.stderr };
}

test('a tool on the PATH is returned with its path', () => {
  writeFileSync(join(folder, 'qpdf'), '#!/bin/sh\n', { mode: 0o755 });
  const { exitCode, output } = runChild(`requireTool(t, 'qpdf')`, { PATH: folder });
  assert.equal(exitCode, 0, output);
  assert.match(output, new RegExp(`RESULT="${join(folder, 'qpdf')}"`));
  assert.match(output, /# skipped 0/);
});

test('a file of that name that may not be executed is not the tool', () => {
  writeFileSync(join(folder, 'pdftoppm'), '', { mode: 0o644 });
  const { output } = runChild(`findTool('pdftoppm') ?? 'none'`, { PATH: folder });
  assert.doesNotMatch(output, new RegExp(`RESULT="${join(folder, 'pdftoppm')}"`));
});

test('a missing tool skips the test by name, and with CI=true fails it, with the Debian package', () => {
  // A tool that no machine has, entered in the table by the child.
  const call = `(TOOL_PACKAGES['no-such-tool'] = 'a-package', requireTool(t, 'no-such-tool') ?? 'undefined')`;
  const local = runChild(call, { PATH: '' });
  assert.equal(local.exitCode, 0, local.output);
  assert.match(local.output, /# SKIP needs no-such-tool \(Debian package a-package\)/);
  assert.match(local.output, /RESULT="undefined"/);
  const ci = runChild(call, { PATH: '', CI: 'true' });
  assert.equal(ci.exitCode, 1, ci.output);
  assert.match(ci.output, /needs no-such-tool \(Debian package a-package\); with CI=true nothing is skipped/);
});

test('without METATRAIL_TEST_DATA the test is skipped by name, with CI=true it fails', () => {
  const local = runChild(`requireTestData(t, 'feed/a.csv') ?? 'undefined'`, { PATH: '' });
  assert.equal(local.exitCode, 0, local.output);
  assert.match(local.output, /# SKIP needs feed\/a\.csv of the test data/);
  assert.match(local.output, /RESULT="undefined"/);
  const ci = runChild(`requireTestData(t, 'feed/a.csv')`, { PATH: '', CI: 'true' });
  assert.equal(ci.exitCode, 1, ci.output);
  assert.match(ci.output, /needs feed\/a\.csv of the test data \(METATRAIL_TEST_DATA names its folder\)/);
});

test('with METATRAIL_TEST_DATA a file that is there is returned, one that is not is an error, also without CI', () => {
  writeFileSync(join(folder, 'there.csv'), 'a\n');
  const there = runChild(`requireTestData(t, 'there.csv')`, { PATH: '', METATRAIL_TEST_DATA: folder });
  assert.equal(there.exitCode, 0, there.output);
  assert.match(there.output, new RegExp(`RESULT="${join(folder, 'there.csv')}"`));
  const missing = runChild(`requireTestData(t, 'missing.csv')`, { PATH: '', METATRAIL_TEST_DATA: folder });
  assert.equal(missing.exitCode, 1, missing.output);
  assert.match(missing.output, new RegExp(`${join(folder, 'missing.csv')} does not exist`));
});
