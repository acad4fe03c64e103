// One small disk, full: the journal refuses whole batches, the shipper waits, and when there is space again all of what was
// accepted is delivered. A real file system of 100 MB, in a namespace of its own.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { z } from 'zod';
import { makeFolder } from './ingest-world.ts';

const CHILD = path.join(import.meta.dirname, 'faults/full-disk-child.ts');
const MOUNT = 'mount -t tmpfs -o size=100m tmpfs "$1" && exec "$2" "$3" "$1"';

test('on a full disk nothing is accepted or shipped in half, and when there is space again nothing is missing', {
  timeout: 240_000,
}, async (t) => {
  const disk = makeFolder(t);
  // Who is not root may mount in a user namespace.
  const namespaces = process.getuid?.() === 0 ? ['-m'] : ['-m', '-U', '-r'];
  const child = spawn('unshare', [...namespaces, 'sh', '-c', MOUNT, 'sh', disk, process.execPath, CHILD], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [said, complaints, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  assert.equal(status, 0, complaints);
  const met = z
    .object({ refusals: z.array(z.string()), problems: z.array(z.string()), accepted: z.number() })
    .parse(JSON.parse(said));
  t.diagnostic(said);
  assert.deepEqual(met.refusals, ['journal-full']);
  assert.ok(met.problems.length > 0);
  for (const problem of met.problems) assert.match(problem, /^(clickhouse-refused|journal-full), retryable$/);
});
