// The whole log under SIGKILL: whatever a process was doing when it died, the next delivers the rest exactly once.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { openChangeLog } from '../ingest/log.ts';
import { afterwards, makeFolder } from './ingest-world.ts';

const CHILD = path.join(import.meta.dirname, 'ingest-log-child.ts');
const KILLS = 5;

async function runAndKill(folder: string, milliseconds: number): Promise<number> {
  const child = spawn(process.execPath, [CHILD, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  const reader = createInterface(child.stdout).on('line', (line) => lines.push(line));
  const closed = once(reader, 'close');
  await Promise.race([once(reader, 'line'), closed]);
  await sleep(milliseconds);
  child.kill('SIGKILL');
  await closed;
  assert.ok(lines.length > 0, 'the process did not come to deliver anything');
  return Number(lines.at(-1));
}

test('killed again and again while it ships, every event is in ClickHouse once, and every grant', {
  timeout: 120_000,
}, async (t) => {
  const folder = makeFolder(t);
  let delivered = 0;
  for (let round = 0; round < KILLS; round++) {
    const now = await runAndKill(folder, Math.random() * 600);
    assert.ok(now >= delivered);
    delivered = now;
  }
  const log = await openChangeLog({ folder });
  afterwards(t, () => log.close());
  assert.ok(log.shipper.shipped >= delivered);
  const { size } = log.journal;
  await log.shipper.delivered(size);
  const [events] = await log.clickhouse.select(
    'SELECT count() AS n, uniqExact(sequence) AS sequences, max(sequence) + 1 AS next FROM events',
    {},
    z.object({ n: z.number(), sequences: z.number(), next: z.number() }),
  );
  assert.deepEqual(events, { n: size, sequences: size, next: size });
  const [grants] = await log.clickhouse.select(
    'SELECT count() AS n, uniqExact(sequence, ordinal) AS places FROM entitlement_changes',
    {},
    z.object({ n: z.number(), places: z.number() }),
  );
  assert.deepEqual(grants, { n: size * 2, places: size * 2 });
});
