// How fast a log is checked: `npm run bench:verify`. Makes a million events of three values (or so many as are named) through
// the real journal and shipper, then checks them five times in ClickHouse and five times as a bundle. One JSON object a line;
// medians, with the range; and the memory that each takes in a process of its own.
// Targets: 300,000 events/s against ClickHouse, 50,000/s offline, on two cores with nothing beside.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import type { ProposedEvent } from '../../ingest/event.ts';
import { openChangeLog } from '../../ingest/log.ts';
import { Bundle } from '../../ingest/verify/bundle.ts';
import { LiveLog } from '../../ingest/verify/live-log.ts';
import type { LogSource } from '../../ingest/verify/source.ts';
import { verifyLog } from '../../ingest/verify/verify-log.ts';
import { makeBundle } from '../bundle-world.ts';
import { makeId } from '../ingest-world.ts';
import { eventOf } from '../verify-world.ts';

const ROUNDS = 5;
const BATCH = 2000;
const PERSONS = 50_000;
const CLERKS = 50;
const DEFAULT_EVENTS = 1_000_000;
const MEMORY_CHILD = path.join(import.meta.dirname, '../verify-memory-child.ts');

const events = Number(process.argv[2] ?? DEFAULT_EVENTS);
const folder = mkdtempSync(path.join(tmpdir(), 'metatrail-bench-'));
try {
  const data = path.join(folder, 'data');
  await makeLog(data, events);
  await measure('clickhouse', () => LiveLog.open({ folder: data }));
  const bundle = path.join(folder, 'bundle');
  const began = performance.now();
  await makeBundle(data, bundle);
  tell({ what: 'export of a bundle', events, perSecond: rate(performance.now() - began) });
  await measure('offline', async () => new Bundle(bundle));
  await measureMemory('live', data);
  await measureMemory('offline', bundle);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function makeLog(data: string, count: number): Promise<void> {
  const log = await openChangeLog({ folder: data });
  const began = performance.now();
  for (let made = 0; made < count; made += BATCH) {
    const size = Math.min(BATCH, count - made);
    await log.journal.accept((base) => ({
      events: Array.from({ length: size }, (_, i) => threeValues(base, i)),
      state: [],
    }));
  }
  await log.shipper.delivered(count);
  tell({ what: 'made through journal and shipper', events: count, perSecond: rate(performance.now() - began) });
  await log.close();
}

/** Three values of a person, one of them a reference; caused by an event shortly before. */
function threeValues(base: number, i: number): ProposedEvent {
  const sequence = base + i;
  const person = 1 + ((sequence * 7919) % PERSONS);
  const old = `Sales ${sequence}`;
  const marks = sequence % 10 === 0 ? 1 : 0;
  return eventOf(person, sequence % CLERKS, {
    causes: i > 5 ? [sequence - 1 - (sequence % 5)] : [],
    values: [
      { attribute: 'department', type: 'string', operation: 'replace', old, new: 'Research', marks: 2 },
      { attribute: 'room', type: 'string', operation: 'add', new: `B ${sequence}`, marks: 2 },
      { attribute: 'role', type: 'reference', operation: 'add', new: 'p', reference: makeId(person), marks },
    ],
  });
}

async function measure(what: string, open: () => Promise<LogSource>): Promise<void> {
  const rates: number[] = [];
  const processor: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const [began, used] = [performance.now(), process.cpuUsage()];
    const source = await open();
    const report = await verifyLog(source);
    await source.close();
    if (report.result !== 'verified') throw new Error(report.faults[0]?.what ?? report.unchecked[0]?.what);
    rates.push(rate(performance.now() - began));
    const { user, system } = process.cpuUsage(used);
    processor.push((user + system) / events);
  }
  rates.sort((a, b) => a - b);
  processor.sort((a, b) => a - b);
  const middle = Math.floor(ROUNDS / 2);
  tell({
    what,
    events,
    perSecond: rates[middle],
    from: rates[0],
    to: rates.at(-1),
    processorMicrosecondsAnEvent: processor[middle]?.toFixed(2),
  });
}

/** The most memory of a check in a process of its own, and what that had before the check: ClickHouse's library is large. */
async function measureMemory(kind: 'live' | 'offline', place: string): Promise<void> {
  const child = spawn(process.execPath, ['--no-warnings', MEMORY_CHILD, kind, place], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const { before, peak } = JSON.parse(await text(child.stdout));
  const megabytes = (bytes: number) => Math.round(bytes / 1e6);
  tell({ what: `memory, ${kind}`, events, megabytesBefore: megabytes(before), megabytesAtMost: megabytes(peak) });
}

function rate(milliseconds: number): number {
  return Math.round((events / milliseconds) * 1000);
}

function tell(line: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
