// The verifier as a program of its own: `node ingest/verify/main.ts --offline FOLDER`. It needs nothing but Node, so that an
// auditor runs it from this folder alone. README.md says what it checks.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Bundle } from './bundle.ts';
import { CannotCheckError } from './cannot-check.ts';
import { describeReport, exitCodeOf } from './report.ts';
import { verifyLog } from './verify-log.ts';

const USAGE =
  'node main.ts --offline FOLDER [--checkpoint FILE]… [--public-keys FILE] [--seed TEXT] [--json]\n' +
  'Checks an exported bundle. Exit code 0: verified; 1: something is wrong; 2: something could not be checked.';

async function run(): Promise<number> {
  const { values } = parseArgs({
    options: {
      offline: { type: 'string' },
      checkpoint: { type: 'string', multiple: true },
      'public-keys': { type: 'string' },
      seed: { type: 'string' },
      json: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.offline === undefined || values.help) throw new CannotCheckError(USAGE);
  const report = await verifyLog(new Bundle(values.offline), {
    outside: (values.checkpoint ?? []).map((file) => ({ place: `the checkpoint ${file}`, note: readText(file) })),
    ...(values['public-keys'] !== undefined && {
      trusted: { place: values['public-keys'], keys: readText(values['public-keys']) },
    }),
    seed: values.seed,
    onProgress: showProgress,
  }).finally(clearProgress);
  process.stdout.write(values.json ? `${JSON.stringify(report, null, 2)}\n` : `${describeReport(report)}\n`);
  return exitCodeOf(report);
}

const ERASE_LINE = '\r\x1b[K';

/** How far it is, on a terminal alone. */
function showProgress(checked: number, size: number): void {
  if (!process.stderr.isTTY) return;
  const percent = size > 0 ? Math.floor((checked / size) * 100) : 100;
  process.stderr.write(`${ERASE_LINE}  ${percent}% ${checked} of ${size} events`);
}

function clearProgress(): void {
  if (process.stderr.isTTY) process.stderr.write(ERASE_LINE);
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    throw new CannotCheckError(`The file ${file} cannot be read.`);
  }
}

try {
  process.exitCode = await run();
} catch (error) {
  process.exitCode = 2;
  const isExpected = error instanceof CannotCheckError || (error instanceof TypeError && 'code' in error);
  process.stderr.write(`${isExpected ? error.message : error instanceof Error ? error.stack : String(error)}\n`);
}
