// A process of its own with a small disk for the files of a ClickHouse server, and its journal on another: fills the server's,
// accepts until nothing is shipped any more, goes on accepting, frees it again, and looks whether the log is whole. Says what it
// met, as JSON.
import { rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openChangeLog } from '../../ingest/log.ts';
import { ClickHouseServers, DATABASE } from '../clickhouse-server.ts';
import { assertWhole } from '../ingest-whole.ts';
import { grant } from './one-batch.ts';

const [, , disk = '', folder = ''] = process.argv;
const BALLAST = path.join(disk, 'ballast');
const LEFT_BYTES = 1_000_000;
const WAIT_MS = 60_000;

// Where the servers of the tests have their files.
process.env.TMPDIR = disk;
const servers = await ClickHouseServers.start();
const log = await openChangeLog({ folder, url: servers.first.url(), database: DATABASE });
const accept = (count: number) =>
  log.journal.accept(() => ({ events: Array.from({ length: count }, (_, i) => grant(i + 1)), state: [] }));
await log.shipper.delivered((await accept(300)).next);

let bytes = 0;
try {
  for (; ; bytes += 65_536) writeFileSync(BALLAST, Buffer.alloc(65_536), { flag: 'a' });
} catch {
  // The disk is full now.
}
truncateSync(BALLAST, Math.max(0, bytes - LEFT_BYTES));

const problems = new Set<string>();
for (let waited = 0; waited < WAIT_MS && problems.size === 0; waited += 20) {
  await accept(100);
  notice();
  await sleep(20);
}
const { next: held } = await accept(100);
// Some attempts more, while the journal goes on accepting.
for (let waited = 0; waited < 2000; waited += 20) {
  notice();
  await sleep(20);
}
const { shipped, state } = log.shipper;

rmSync(BALLAST);
for (let waited = 0; waited < WAIT_MS && log.shipper.shipped < held; waited += 20) await sleep(20);
await assertWhole(log);
await log.close();
await servers.stop();
writeSync(1, JSON.stringify({ problems: [...problems], state, waited: held - shipped }));

function notice(): void {
  const { problem } = log.shipper;
  if (problem) problems.add(`${problem.message}${problem.retryable ? ' (retryable)' : ''}`);
}
