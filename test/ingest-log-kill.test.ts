// The whole log under SIGKILL: whatever a process was doing when it died, the next delivers the rest exactly once. When each
// process dies is drawn from a seed, which is printed: KILL_SEED repeats the kills, as far as a machine repeats itself.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openChangeLog } from '../ingest/log.ts';
import { chanceOf } from './faults/chance.ts';
import { assertWhole } from './ingest-whole.ts';
import { afterwards, makeFolder } from './ingest-world.ts';

const CHILD = path.join(import.meta.dirname, 'ingest-log-child.ts');
const KILLS = 8;
/** Every other process is killed wherever it is, perhaps before it has opened anything. */
const OPENING_MS = 1500;
const SHIPPING_MS = 600;

async function runAndKill(folder: string, milliseconds: number, opened: boolean): Promise<number> {
  const child = spawn(process.execPath, [CHILD, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  const reader = createInterface(child.stdout).on('line', (line) => lines.push(line));
  const closed = once(reader, 'close');
  if (opened) await Promise.race([once(reader, 'line'), closed]);
  await sleep(milliseconds);
  child.kill('SIGKILL');
  await closed;
  assert.ok(!opened || lines.length > 0, 'the process did not come to deliver anything');
  return Number(lines.at(-1) ?? 0);
}

test('killed again and again while it opens and ships, every event is in ClickHouse once, and so is what views make of it', {
  timeout: 180_000,
}, async (t) => {
  const seed = Number(process.env.KILL_SEED ?? Math.floor(Math.random() * 2 ** 31));
  t.diagnostic(`KILL_SEED=${seed}`);
  const chance = chanceOf(seed);
  const folder = makeFolder(t);
  let delivered = 0;
  for (let round = 0; round < KILLS; round++) {
    const opened = round % 2 === 0;
    const now = await runAndKill(folder, chance() * (opened ? SHIPPING_MS : OPENING_MS), opened);
    if (opened) assert.ok(now >= delivered, `seed ${seed}`);
    delivered = Math.max(delivered, now);
  }
  const log = await openChangeLog({ folder });
  afterwards(t, () => log.close());
  assert.ok(log.shipper.shipped >= delivered, `seed ${seed}`);
  await log.shipper.delivered(log.journal.size);
  await assertWhole(log);
});
