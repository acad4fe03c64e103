// A process of its own with a small disk for both stores: fills it, accepts until nothing is accepted and shipped any more,
// frees it again, and looks whether the log is whole. Says what it met, as JSON.
import { rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LogError } from '../../ingest/errors.ts';
import { openChangeLog } from '../../ingest/log.ts';
import { assertWhole } from '../ingest-whole.ts';
import { grant } from './one-batch.ts';

const [, , disk = ''] = process.argv;
const BALLAST = path.join(disk, 'ballast');
const LEFT_BYTES = 3_000_000;
const WAIT_MS = 60_000;

const log = await openChangeLog({ folder: path.join(disk, 'data') });
const grants = (count: number) => Array.from({ length: count }, (_, i) => grant(i + 1));
await log.shipper.delivered((await log.journal.accept(() => ({ events: grants(300), state: [] }))).next);

let bytes = 0;
try {
  for (; ; bytes += 65_536) writeFileSync(BALLAST, Buffer.alloc(65_536), { flag: 'a' });
} catch {
  // The disk is full now.
}
truncateSync(BALLAST, Math.max(0, bytes - LEFT_BYTES));

const refusals = new Set<string>();
const problems = new Set<string>();
for (let waited = 0; waited < WAIT_MS && (refusals.size === 0 || problems.size === 0); waited += 20) {
  try {
    await log.journal.accept(() => ({ events: grants(100), state: [] }));
  } catch (error) {
    if (!(error instanceof LogError)) throw error;
    refusals.add(error.code);
  }
  const { problem } = log.shipper;
  if (problem) problems.add(`${problem.code}${problem.retryable ? ', retryable' : ''}`);
  await sleep(20);
}

rmSync(BALLAST);
const { next } = await log.journal.accept(() => ({ events: grants(100), state: [] }));
for (let waited = 0; waited < WAIT_MS && log.shipper.shipped < next; waited += 20) await sleep(20);
await assertWhole(log);
await log.close();
writeSync(1, JSON.stringify({ refusals: [...refusals], problems: [...problems], accepted: next }));
