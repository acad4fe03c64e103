// The kernel refuses a write, or an fsync, of the journal's files, or the process dies at it: every call, one after the other, as
// strace makes it. What was refused is not there, what was accepted is.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readFileSync } from 'node:fs';
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
const saidSchema = z.object({ accepted: z.number(), refusals: z.array(z.string()), closing: z.array(z.string()) });

/** What strace does at the so many-eth of these calls on the journal's files. */
interface Failure {
  calls: 'pwrite64' | 'fsync,fdatasync';
  what: keyof typeof REFUSALS | typeof KILLED;
  when: number;
  file: string;
}
/** SQLite says that a write failed and not why. Without room all writes that follow fail as well, also one of ours. */
const REFUSALS = { 'error=ENOSPC': 'journal-full', 'error=EDQUOT': 'journal-full', 'error=EIO': 'journal-failed' };
const KILLED = 'signal=SIGKILL';
const AT_ONCE = 4;

async function makeBefore(t: TestContext): Promise<string> {
  const folder = makeFolder(t);
  const journal = await Journal.open(folder);
  await journal.accept((base) => makeBatch(base, BEFORE, [{ kind: 'batch', key: 'last', value: { next: BEFORE } }]));
  await journal.close();
  return folder;
}

/** Every fsync fails and kills; of the writes each one, and these four take turns: full, over quota, broken, killed. */
function planFailures(called: Awaited<ReturnType<typeof countCalls>>): Failure[] {
  const takingTurns = ['error=ENOSPC', 'error=EDQUOT', 'error=EIO', KILLED] as const;
  const writes = called.pwrite64.map((file, index): Failure => {
    return { calls: 'pwrite64', what: takingTurns[index % 4] ?? KILLED, when: index + 1, file };
  });
  const syncs = called.fsync.flatMap((file, index) =>
    (['error=EIO', KILLED] as const).map((what): Failure => {
      return { calls: 'fsync,fdatasync', what, when: index + 1, file };
    }),
  );
  return [...writes, ...syncs];
}

/** The files of the calls of a process to which nothing happens, in their order. */
async function countCalls(t: TestContext, strace: string, before: string) {
  const output = path.join(makeFolder(t), 'trace');
  const traced = ['-y', '-o', output, '-e', 'trace=pwrite64,fsync,fdatasync'];
  const { status } = await runTraced(strace, copyOf(t, before), traced);
  assert.equal(status, 0);
  const lines = readFileSync(output, 'latin1').split('\n');
  const files = (call: RegExp) => lines.flatMap((line) => call.exec(line)?.[1] ?? []);
  return {
    pwrite64: files(/^\d+ +pwrite64\(\d+<[^>]*\/([^>]*)>/),
    fsync: files(/^\d+ +(?:fsync|fdatasync)\(\d+<[^>]*\/([^>]*)>/),
  };
}

function copyOf(t: TestContext, before: string): string {
  const folder = makeFolder(t);
  cpSync(before, folder, { recursive: true });
  return folder;
}

async function runTraced(strace: string, folder: string, options: readonly string[]) {
  const names = ['metatrail.sqlite', 'metatrail.sqlite-wal', 'write-probe'];
  const files = names.flatMap((name) => ['-P', path.join(folder, name)]);
  const child = spawn(strace, ['-f', '-qq', ...files, ...options, process.execPath, CHILD, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said, [status, signal]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  return { said, status, killed: signal === 'SIGKILL' || status === 137 };
}

/** A batch is accepted whole or refused whole, and whoever makes it hears of a call that failed while it was accepted. */
async function assertSurvives(t: TestContext, strace: string, before: string, failure: Failure): Promise<void> {
  const { calls, what, when, file } = failure;
  const folder = copyOf(t, before);
  const inject = `inject=${calls}:${what}:when=${when}${what === 'error=EDQUOT' ? '+' : ''}`;
  const { said, killed } = await runTraced(strace, folder, ['-o', '/dev/null', '-e', `trace=${calls}`, '-e', inject]);
  assert.equal(killed, what === KILLED);
  const met = killed ? undefined : saidSchema.parse(JSON.parse(said));
  if (met && what !== KILLED) {
    const refused = [...new Set([...met.refusals, ...met.closing])];
    // What closing writes to the database itself was accepted before, and without room for it stays in the other file.
    const isHeard = what === 'error=EIO' || file.endsWith('-wal');
    assert.deepEqual(refused, isHeard ? [REFUSALS[what]] : []);
  }
  const journal = await Journal.open(folder);
  try {
    if (met) assert.equal(journal.size, met.accepted);
    assertJournalWhole(journal, await journal.head());
    await journal.accept((base) => makeBatch(base, 2));
  } finally {
    await journal.close();
  }
}

test('whichever write or fsync of the journal fails, a batch is accepted whole or refused whole', {
  timeout: 840_000,
  concurrency: AT_ONCE,
}, async (t) => {
  const strace = requireTool(t, 'strace');
  if (strace === undefined) return;
  const before = await makeBefore(t);
  const called = await countCalls(t, strace, before);
  const failures = planFailures(called);
  t.diagnostic(`${called.pwrite64.length} writes and ${called.fsync.length} fsyncs, failed in ${failures.length} ways`);
  assert.ok(called.pwrite64.length > 50 && called.fsync.length > 4);
  await Promise.all(
    failures.map((failure) =>
      t.test(`${failure.calls} ${failure.when} (${failure.file}): ${failure.what}`, (each) =>
        assertSurvives(each, strace, before, failure),
      ),
    ),
  );
});
