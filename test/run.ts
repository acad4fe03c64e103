// What `npm test` does: installs the tools that are missing, checks types and style, builds the web application, runs every
// test. A step that fails does not keep the next from telling what it knows; the exit code is that of all of them.
// `npm test -- test/story.test.ts` runs these files only. With CI=true a test that is skipped or still to do is a failure.
import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { installMissingTools, runCommand } from './install-tools.ts';

const ROOT = join(import.meta.dirname, '..');
/** The machines that test this have two cores. */
const FILES_AT_ONCE = 2;
/** The longest story takes a minute; a file that hangs must not hold a pipeline for ever. */
const FILE_TIMEOUT_MS = 15 * 60 * 1000;
const TEST_FILES = '{ingest,engine,api,dashboards,reports,test}/**/*.test.ts';

process.chdir(ROOT);
// The embedded ClickHouse runs its queries on libuv's thread pool; the tests inherit this. See README.md.
process.env.UV_THREADPOOL_SIZE ??= '16';

const chosen = process.argv.slice(2);
const unknown = chosen.find((path) => !existsSync(path));
if (unknown !== undefined) {
  console.error(`npm test: there is no file ${unknown}`);
  process.exit(1);
}

const failures = chosen.length === 0 ? await prepare() : [];
failures.push(...(await runTests(chosen.length === 0 ? listTestFiles() : chosen)));
for (const failure of failures) console.error(`npm test: ${failure}`);
process.exitCode = failures.length === 0 ? 0 : 1;

/** Everything before the tests; returns one sentence for each step that failed. */
async function prepare(): Promise<string[]> {
  const failed: string[] = [];
  const remedy = await installMissingTools((line) => console.log(`npm test: ${line}`));
  // Without CI the tests that need it are skipped by name, so this is a hint; with CI they fail, and this says why.
  if (remedy !== undefined) console.error(`npm test: ${remedy}`);
  if (!(await runCommand(['npm', 'run', '--silent', 'check']))) failed.push('types or style are wrong: npm run check');
  if (existsSync('dashboards/vite.config.ts') && !(await runCommand(['npm', 'run', '--silent', 'build'])))
    failed.push('the web application cannot be built: npm run build');
  return failed;
}

function listTestFiles(): string[] {
  return globSync(TEST_FILES, { exclude: (path) => path.includes('node_modules') }).sort();
}

/** Runs the files, two at a time, each in a process of its own; returns one sentence for each way in which that failed. */
async function runTests(files: readonly string[]): Promise<string[]> {
  if (files.length === 0) return ['there is no test file'];
  const failed: string[] = [];
  const left: string[] = [];
  const stopping = new AbortController();
  process.once('SIGTERM', () => stopping.abort());
  const events = run({ files, concurrency: FILES_AT_ONCE, timeout: FILE_TIMEOUT_MS, signal: stopping.signal });
  const noteLeft = (data: { name: string; file?: string; skip?: string | boolean; todo?: string | boolean }): void => {
    const what = data.skip !== undefined ? 'skipped' : 'to do';
    if (data.skip !== undefined || data.todo !== undefined)
      left.push(`${what}: ${data.name} (${data.file ?? 'no file'})`);
  };
  events.on('test:pass', noteLeft);
  events.on('test:fail', noteLeft);
  let ended: 'well' | 'badly' | undefined;
  events.on('test:summary', (data) => {
    if (data.file === undefined) ended = data.success ? 'well' : 'badly';
  });
  const output = events.compose(new spec());
  await new Promise<void>((resolve, reject) => {
    output.on('end', resolve).on('error', reject);
    output.pipe(process.stdout, { end: false });
  });
  if (ended !== 'well') failed.push(ended === 'badly' ? 'tests failed' : 'the tests broke off');
  if (process.env.CI === 'true') failed.push(...left.map((test) => `with CI=true nothing is ${test}`));
  return failed;
}
