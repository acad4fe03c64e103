// A small disk, full. Of both stores: the journal refuses whole batches, the shipper waits. Of a ClickHouse server: the journal
// goes on, the shipper waits. When there is space again, all of what was accepted is delivered. A real file system of 100 MB, in a
// namespace of its own.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { z } from 'zod';
import { makeFolder } from './ingest-world.ts';

const BOTH = path.join(import.meta.dirname, 'faults/full-disk-child.ts');
const SERVER = path.join(import.meta.dirname, 'faults/full-server-child.ts');
const MOUNT = 'disk="$1"; shift; mount -t tmpfs -o size=100m tmpfs "$disk" && exec "$@"';

/** What a process says that has a small disk of its own, the first of its arguments. */
async function runOnSmallDisk(t: TestContext, program: string, ...more: string[]): Promise<string> {
  const disk = makeFolder(t);
  // Who is not root may mount in a user namespace.
  const namespaces = process.getuid?.() === 0 ? ['-m'] : ['-m', '-U', '-r'];
  const command = ['sh', '-c', MOUNT, 'sh', disk, process.execPath, program, disk, ...more];
  const child = spawn('unshare', [...namespaces, ...command], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [said, complaints, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  assert.equal(status, 0, complaints);
  t.diagnostic(said);
  return said;
}

test('on a full disk nothing is accepted or shipped in half, and when there is space again nothing is missing', {
  timeout: 240_000,
}, async (t) => {
  const met = z
    .object({ refusals: z.array(z.string()), problems: z.array(z.string()), accepted: z.number() })
    .parse(JSON.parse(await runOnSmallDisk(t, BOTH)));
  assert.deepEqual(met.refusals, ['journal-full']);
  assert.ok(met.problems.length > 0);
  for (const problem of met.problems) assert.match(problem, /^(clickhouse-refused|journal-full), retryable$/);
});

test('a server whose disk is full is waited for, the journal goes on, and when there is space again nothing is missing', {
  timeout: 240_000,
}, async (t) => {
  const met = z
    .object({ problems: z.array(z.string()), state: z.string(), waited: z.number() })
    .parse(JSON.parse(await runOnSmallDisk(t, SERVER, makeFolder(t))));
  assert.equal(met.state, 'waiting-for-clickhouse');
  assert.ok(met.waited >= 100, 'the journal went on accepting');
  assert.ok(met.problems.length > 0);
  const full =
    /^ClickHouse refused a statement \((NOT_ENOUGH_SPACE|CANNOT_WRITE_TO_FILE_DESCRIPTOR)\)\. \(retryable\)$/;
  for (const problem of met.problems) assert.match(problem, full);
});
