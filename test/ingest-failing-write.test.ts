// The kernel refuses a write, or an fsync, of the journal's files: one call after the other fails once, as strace makes it, and
// the process dies at one call after the other. What was refused is not there, what was accepted is.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { z } from 'zod';
import { Journal } from '../ingest/journal/journal.ts';
import { assertJournalWhole } from './ingest-whole.ts';
import { makeBatch, makeFolder } from './ingest-world.ts';
import { requireTool } from './require-tool.ts';

const CHILD = path.join(import.meta.dirname, 'faults/failing-write-child.ts');
const BEFORE = 100;
const saidSchema = z.object({ accepted: z.number(), refusals: z.array(z.string()) });

/** What strace does at the so many-eth of these calls on the journal's files. */
const FAILURES = [
  { calls: 'pwrite64', what: 'error=ENOSPC', refusal: 'journal-full' },
  // SQLite says that a write failed and not why: all that follow, also one of ours, are refused as this one was.
  { calls: 'pwrite64', what: 'error=EDQUOT', refusal: 'journal-full' },
  { calls: 'pwrite64', what: 'error=EIO', refusal: 'journal-failed' },
  { calls: 'fsync,fdatasync', what: 'error=EIO', refusal: 'journal-failed' },
  { calls: 'pwrite64', what: 'signal=SIGKILL', refusal: undefined },
  { calls: 'fsync,fdatasync', what: 'signal=SIGKILL', refusal: undefined },
] as const;
/** From the first batch on: writing it, its fsync, those after it, and what closing writes. */
const WHEN = [1, 2, 5, 30];

async function makeBefore(t: TestContext): Promise<string> {
  const folder = makeFolder(t);
  const journal = await Journal.open(folder);
  await journal.accept((base) => makeBatch(base, BEFORE, [{ kind: 'batch', key: 'last', value: { next: BEFORE } }]));
  await journal.close();
  return folder;
}

test('whichever write or fsync of the journal fails, a batch is accepted whole or refused whole', {
  timeout: 400_000,
}, async (t) => {
  const strace = requireTool(t, 'strace');
  if (strace === undefined) return;
  const before = await makeBefore(t);
  let failed = 0;
  for (const { calls, what, refusal } of FAILURES)
    for (const when of WHEN)
      await t.test(`${calls} ${when}: ${what}`, async () => {
        const folder = makeFolder(t);
        cpSync(before, folder, { recursive: true });
        const names = ['metatrail.sqlite', 'metatrail.sqlite-wal', 'write-probe'];
        const files = names.flatMap((name) => ['-P', path.join(folder, name)]);
        const inject = `inject=${calls}:${what}:when=${when}${what === 'error=EDQUOT' ? '+' : ''}`;
        const options = ['-f', '-qq', '-o', '/dev/null', ...files, '-e', `trace=${calls}`, '-e', inject];
        const child = spawn(strace, [...options, process.execPath, CHILD, folder], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        const [said, [status, signal]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
        const killed = signal === 'SIGKILL' || status === 137;
        const met = killed ? undefined : saidSchema.parse(JSON.parse(said));
        if (killed || (met?.refusals.length ?? 0) > 0) failed += 1;
        if (refusal !== undefined) for (const code of met?.refusals ?? []) assert.equal(code, refusal);
        const journal = await Journal.open(folder);
        try {
          if (met) assert.equal(journal.size, met.accepted);
          assertJournalWhole(journal, await journal.head());
          await journal.accept((base) => makeBatch(base, 2));
        } finally {
          await journal.close();
        }
      });
  assert.ok(failed >= FAILURES.length * 2, `only ${failed} calls failed where a batch noticed`);
});
