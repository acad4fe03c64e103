// The benchmark at a tiny size: that each section does its work and says its figures, not how large they are.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { describeFewRuns, measured, quantile, tableOf } from './bench/measurement.ts';
import { EVENTS_OF_THREE, MIXED_EVENTS } from './bench/mix.ts';
import { withClickHouse } from './bench/places.ts';
import { fillEvents, readProposed, requireEvents } from './bench/rows-of-select.ts';
import { requireTool } from './require-tool.ts';

const PROGRAM = path.join(import.meta.dirname, 'bench', 'log.ts');
const line = z.strictObject({
  section: z.string(),
  name: z.string(),
  unit: z.string(),
  runs: z.array(z.number()).min(1),
  median: z.number(),
  p95: z.number().optional(),
  target: z.strictObject({ value: z.number(), must: z.enum(['at-least', 'at-most']) }).optional(),
  met: z.boolean().optional(),
  note: z.string().optional(),
});

function runBenchmark(...args: string[]) {
  return spawnSync(process.execPath, [PROGRAM, ...args], {
    encoding: 'utf8',
    env: { ...process.env, UV_THREADPOOL_SIZE: '16' },
    timeout: 240_000,
  });
}

/** The measurements that it printed, each checked; the same lines are in the file. */
function measure(t: { after: (work: () => void) => void }, ...args: string[]) {
  const folder = mkdtempSync(path.join(tmpdir(), 'metatrail-bench-test-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'lines.json');
  const { status, stdout, stderr } = runBenchmark(...args, '--json', file);
  assert.equal(status, 0, stderr);
  const [lines = '', table = '', mark = ''] = stdout.split('\n\n');
  assert.match(mark, /^--runs 1: NOT A RESULT\. A rate is the median of at least 5 runs/);
  assert.equal(readFileSync(file, 'utf8'), `${lines}\n`);
  const measurements = lines.split('\n').map((text) => line.parse(JSON.parse(text)));
  for (const { name } of measurements) assert.ok(table.includes(name), `the table lacks ${name}`);
  return measurements.map(({ section, name }) => `${section}: ${name}`);
}

test('fewer runs than make a median are no result', () => {
  assert.match(describeFewRuns(4) ?? '', /^--runs 4: NOT A RESULT/);
  assert.equal(describeFewRuns(5), undefined);
});

test('the sections of the log alone print a line for each measurement, and a table', { timeout: 300_000 }, (t) => {
  const found = measure(
    t,
    '--only',
    'accepted,accepted-and-shipped,bytes-event,queries',
    '--events',
    '2000',
    '--runs',
    '1',
  );
  assert.deepEqual(found, [
    'accepted: events of three values',
    'accepted: batch of 20',
    'accepted-and-shipped: journal and shipper',
    'accepted-and-shipped: ClickHouse alone',
    'accepted-and-shipped: ratio',
    'bytes-event: ClickHouse and tiles',
    'bytes-event: journal before it is trimmed',
    "queries: an object's last 100 events",
    'queries: a page by initiator',
    'queries: who set an attribute to a value',
    "queries: the whole population's entitlements at an instant",
    'queries: changes a day and stage over a year',
    'queries: bytes of an event of the mix, tiles included',
  ]);
});

test('the sections against PostgreSQL fill both with the same changes', { timeout: 300_000 }, (t) => {
  if (requireTool(t, 'pgbench') === undefined) return;
  const found = measure(t, '--only', 'bytes-change,changes,queries-postgres', '--events', '1000', '--runs', '1');
  assert.equal(found.length, 5 + 5 + 12);
});

test('a section that is not there is refused with what there is', () => {
  const { status, stderr } = runBenchmark('--only', 'speed');
  assert.equal(status, 2);
  assert.match(stderr, /There is no section speed\.[\s\S]*accepted-and-shipped/);
});

test('no figure comes of no work', async () => {
  const about = { section: 'a', name: 'b', unit: 's' };
  assert.throws(() => measured(about, []), /no figure/);
  assert.throws(() => measured(about, [1, 0]), /cannot come of any work/);
  assert.throws(() => measured(about, [Number.POSITIVE_INFINITY]), /cannot come of any work/);
  await withClickHouse((clickhouse) => assert.rejects(requireEvents(clickhouse, 10), /holds 0 events/));
});

test('a target is met on its own side of it, and its own value meets it', () => {
  const about = { section: 'a', name: 'b', unit: 's' };
  const met = (must: 'at-least' | 'at-most', figure: number) =>
    measured({ ...about, target: { value: 5, must } }, [figure]).met;
  assert.deepEqual([met('at-least', 4), met('at-least', 5), met('at-least', 6)], [false, true, true]);
  assert.deepEqual([met('at-most', 4), met('at-most', 5), met('at-most', 6)], [true, true, false]);
  assert.equal(quantile([4, 1, 3, 2], 0.5), 2.5);
  assert.match(
    tableOf([measured({ ...about, target: { value: 5, must: 'at-most' } }, [1, 3])]),
    /a +b +2 +s +1 – 3 \(2\) +≤ 5 +yes/,
  );
});

test('what ClickHouse fills itself is what the journal is given, and the mix is as its file says', async () => {
  await withClickHouse(async (clickhouse) => {
    const events = await readProposed(clickhouse, MIXED_EVENTS, 4000);
    const counts = [30, 3, 0].map((values) => events.filter((event) => event.values.length === values).length);
    assert.deepEqual(counts, [1000, 2000, 1000]);
    const three = await readProposed(clickhouse, EVENTS_OF_THREE, 2000);
    assert.ok(three.every(({ values }) => values.length === 3));
    await fillEvents(clickhouse, MIXED_EVENTS, 4000);
    const [held] = await clickhouse.select(
      'SELECT sum(length(value.attribute)) AS n FROM events',
      {},
      z.object({ n: z.number() }),
    );
    assert.equal(held?.n, 36_000);
  });
});
