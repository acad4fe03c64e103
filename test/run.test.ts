// What `npm test` answers: the closing summary, its exit code, and that with CI=true nothing may be skipped.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const folder = mkdtempSync(join(tmpdir(), 'metatrail-run-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Runs `npm test -- FILE` with a file of this content, without the environment of the test runner that runs us. */
function runFile(
  content: string,
  environment: Record<string, string> = {},
): { exitCode: number | null; output: string } {
  const file = join(folder, 'made.test.mjs');
  writeFileSync(file, `import { test } from 'node:test';\n${content}`);
  const { NODE_TEST_CONTEXT: _runner, CI: _ci, UV_THREADPOOL_SIZE: _threads, ...rest } = process.env;
  const child = spawnSync(process.execPath, [join(import.meta.dirname, 'run.ts'), file], {
    env: { ...rest, ...environment },
    encoding: 'utf8',
  });
  return { exitCode: child.status, output: child.stdout + child.stderr };
}

test('passing tests end with the summary and exit code 0', () => {
  const { exitCode, output } = runFile(`test('fine', () => {});`);
  assert.equal(exitCode, 0, output);
  assert.match(output, /✔ fine/);
  for (const line of ['tests 1', 'pass 1', 'fail 0', 'skipped 0', 'todo 0'])
    assert.match(output, new RegExp(`ℹ ${line}\n`));
});

test('a failing test, and a file that breaks off, end with exit code 1', () => {
  const failing = runFile(`test('wrong', () => { throw new Error('so it is'); });`);
  assert.equal(failing.exitCode, 1, failing.output);
  assert.match(failing.output, /so it is/);
  assert.match(failing.output, /ℹ fail 1\n/);
  assert.equal(runFile('process.exit(3);').exitCode, 1);
  assert.equal(runFile(`process.kill(process.pid, 'SIGKILL');`).exitCode, 1);
});

test('with CI=true a test that is skipped or still to do is a failure, and is named', () => {
  const content = `test('later', { todo: true }, () => {}); test('elsewhere', (t) => t.skip('needs a moon')); test('fine', () => {});`;
  const local = runFile(content);
  assert.equal(local.exitCode, 0, local.output);
  assert.match(local.output, /ℹ skipped 1\n/);
  const ci = runFile(content, { CI: 'true' });
  assert.equal(ci.exitCode, 1, ci.output);
  assert.match(ci.output, /with CI=true nothing is skipped: elsewhere \(.*made\.test\.mjs\)/);
  assert.match(ci.output, /with CI=true nothing is to do: later/);
  assert.doesNotMatch(ci.output, /nothing is .*: fine/);
});

test('the tests run with a thread pool that is large enough for the embedded ClickHouse', () => {
  const { output } = runFile(`console.log('threads', process.env.UV_THREADPOOL_SIZE);`);
  assert.match(output, /threads 16/);
});

test('a file that is not there is named', () => {
  const child = spawnSync(process.execPath, [join(import.meta.dirname, 'run.ts'), 'test/nowhere.test.ts'], {
    encoding: 'utf8',
  });
  assert.equal(child.status, 1);
  assert.match(child.stderr, /there is no file test\/nowhere\.test\.ts/);
});
