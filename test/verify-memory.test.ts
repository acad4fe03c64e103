// A check of a bundle takes no more memory for ten times the events: each in a process of its own, on real bundles of one log.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { makeBundle } from './bundle-world.ts';
import { makeFolder } from './ingest-world.ts';
import { makeEvents, makeLog } from './verify-world.ts';

const CHILD = path.join(import.meta.dirname, 'verify-memory-child.ts');
const BATCH = 4096;
const SMALL = 2 * BATCH;
const LARGE = 20 * BATCH;
/** Node's own heap takes some more before it is tidied up; ten times the rows would take far more. */
const MOST_GROWTH = 1.5;

/** Resolves with the most memory that a check took, in MB, beyond what the process had before it. */
async function measureCheck(folder: string, events: number): Promise<{ before: number; peak: number }> {
  // A small young generation: how much Node puts off is not what is measured here.
  const parameters = ['--no-warnings', '--max-semi-space-size=2', CHILD, 'offline', folder];
  const child = spawn(process.execPath, parameters, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [said, [status]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  assert.equal(status, 0);
  const { result, size, before, peak } = JSON.parse(said);
  assert.deepEqual([result, size], ['verified', events]);
  return { before: before / 1e6, peak: peak / 1e6 };
}

test('a check of ten times the events takes no more memory', async (t) => {
  const folder = makeFolder(t);
  const batches = Array.from({ length: LARGE / BATCH }, () => (base: number) => makeEvents(base, BATCH));
  await makeLog(folder, { batches, checkpoints: [SMALL] });
  const [small, large] = [makeFolder(t), makeFolder(t)];
  await makeBundle(folder, small, { to: SMALL });
  await makeBundle(folder, large);
  const [few, many] = [await measureCheck(small, SMALL), await measureCheck(large, LARGE)];
  const growth = many.peak / few.peak;
  t.diagnostic(`${SMALL} events: ${JSON.stringify(few)} MB; ${LARGE} events: ${JSON.stringify(many)} MB`);
  assert.ok(growth < MOST_GROWTH, `${few.peak} MB for ${SMALL} events, and ${many.peak} MB for ${LARGE}`);
});
