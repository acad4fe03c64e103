// The search before a certificate is issued, and files that have no end.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { searchFiles } from '../ingest/erasure/search.ts';

test('a file without an end, such as those of the kernel, is not read for ever', { timeout: 20_000 }, async () => {
  const outcome = await Promise.race([
    searchFiles(['/proc/kmsg'], { values: [], names: ['Annabel Nobody'], keys: [] }).then(
      () => 'searched',
      (e) => e.code,
    ),
    new Promise((resolve) => setTimeout(() => resolve('hangs'), 6000)),
  ]);
  assert.notEqual(outcome, 'hangs');
});
