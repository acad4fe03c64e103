// A process of its own that accepts so many events of 5 kB while none can be delivered, and says how much memory it has then, all
// of it, in bytes, and how much at most on the way.
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { openChangeLog } from '../../ingest/log.ts';
import { makeEvent } from '../ingest-world.ts';

const BATCH = 200;
const [folder = '', url = '', database, count] = process.argv.slice(2);
const limits = { slowFromEvents: 1e9, holdFromEvents: 1e9, longestHold_ms: 600_000, reserveBytes: 0 };
const log = await openChangeLog({ folder, url, database }, limits);
const value = { attribute: 'a', type: 'string', operation: 'add', new: 'x'.repeat(5000), marks: 0 } as const;
while (log.journal.size < Number(count)) {
  await log.pressure.admit();
  await log.journal.accept(() => ({
    events: Array.from({ length: BATCH }, () => makeEvent({ values: [value] })),
    state: [],
  }));
}
// Some attempts to deliver it.
await sleep(1500);
const { lag } = log.pressure;
const most = process.resourceUsage().maxRSS * 1024;
writeSync(1, JSON.stringify({ waiting: lag.events, state: log.shipper.state, rss: process.memoryUsage().rss, most }));
await log.close();
