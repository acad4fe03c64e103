// Checks a data folder or a bundle in a process of its own, and says what came of it and how much memory it took:
// `node verify-memory-child.ts live|offline FOLDER`.
import type { LogSource } from '../ingest/verify/source.ts';
import { verifyLog } from '../ingest/verify/verify-log.ts';

const [kind, folder = ''] = process.argv.slice(2);
const source = await open();
// Not getrusage: what that says of a new process begins with the memory of the one that started it.
let peak = 0;
const look = () => {
  peak = Math.max(peak, process.memoryUsage.rss());
};
look();
const before = peak;
const { result, size } = await verifyLog(source, { onProgress: look });
look();
await source.close();
process.stdout.write(JSON.stringify({ result, size, before, peak }));

/** ClickHouse's library is loaded only where it is needed: that alone takes 200 MB. */
async function open(): Promise<LogSource> {
  if (kind === 'live') return (await import('../ingest/verify/live-log.ts')).LiveLog.open({ folder });
  return new (await import('../ingest/verify/bundle.ts')).Bundle(folder);
}
