// Reads are accepted in groups: what that costs the one who reads and the engine beside it, and what goes wrong.
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readEvent } from '../api/reads/read-event.ts';
import { ReadRecorder, UnrecordedReadError } from '../api/reads/recorder.ts';
import { fromRow, rowSchema } from '../ingest/clickhouse/rows.ts';
import type { Journal } from '../ingest/journal/journal.ts';
import { limitFiles } from './file-size-limit.ts';
import { makeBatch, makeEvent, openJournal } from './ingest-world.ts';

const read = (viewer: string) =>
  readEvent({ viewer, question: 'changes', parameters: [], outcome: 'answered', rows: 1, watermark: 0 });

function initiators(journal: Journal): (string | undefined)[] {
  return journal.rows(0, 100_000).map(({ row }) => fromRow(rowSchema.parse(JSON.parse(row))).initiator);
}

/** The sizes of the batches that are accepted from now on. */
function watchBatches(journal: Journal): number[] {
  const batches: number[] = [];
  let before = journal.size;
  journal.onAccepted((size) => {
    batches.push(size - before);
    before = size;
  });
  return batches;
}

test('reads that come together are one batch, and each resolves only when it is accepted', async (t) => {
  const journal = await openJournal(t);
  const recorder = new ReadRecorder(journal);
  const batches = watchBatches(journal);
  const viewers = Array.from({ length: 50 }, (_, n) => `viewer ${n}`);
  await Promise.all(
    viewers.map(async (viewer) => {
      await recorder.record([read(viewer)]);
      assert.ok(initiators(journal).includes(viewer), 'it is in the journal when it resolves');
    }),
  );
  assert.deepEqual(batches, [50]);
  assert.deepEqual(initiators(journal), viewers);
  await recorder.record([]);
  assert.equal(journal.size, 50);
});

test('a read waits for others only while a commit of reads is under way, and then no longer than it may', async (t) => {
  const journal = await openJournal(t);
  const recorder = new ReadRecorder(journal);
  const { acceptFirst } = journal;
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const releases: (() => void)[] = [];
  // A writer that is busy with something else for long.
  journal.acceptFirst = async (build) => {
    await new Promise<void>((resolve) => releases.push(resolve));
    return acceptFirst.call(journal, build);
  };
  const first = recorder.record([read('a')]);
  await turn();
  assert.equal(releases.length, 1, 'with no commit under way there is no wait');
  const others = [recorder.record([read('b')]), recorder.record([read('c')])];
  await turn();
  assert.equal(releases.length, 1, 'while one is under way they wait for others');
  // A timer that is later due fires later, however busy the machine is: after 10 ms they are on their way.
  await sleep(15);
  await turn();
  assert.equal(releases.length, 2, 'but not for the first commit');
  for (const release of releases) release();
  await Promise.all([first, ...others]);
  assert.deepEqual(initiators(journal), ['a', 'b', 'c']);
});

test('a batch of the engine that is refused does not take the reads beside it along', async (t) => {
  const journal = await openJournal(t);
  const recorder = new ReadRecorder(journal);
  const wrong = journal.accept(() => ({ events: [makeEvent({ outcome: 'NOT A WORD' })], state: [] }));
  const recorded = recorder.record([read('a')]);
  await assert.rejects(wrong, { code: 'event-invalid' });
  await recorded;
  assert.deepEqual(initiators(journal), ['a']);
});

test('a read that is no event is refused before it can take a batch of the engine along', async (t) => {
  const journal = await openJournal(t);
  const recorder = new ReadRecorder(journal);
  const wrong = assert.rejects(recorder.record([{ ...read('a'), outcome: 'NOT A WORD' }]));
  // Where the commit of reads would be under way.
  await new Promise((resolve) => setImmediate(resolve));
  const engine = await journal.accept((base) => makeBatch(base, 3));
  assert.equal(engine.next, 3);
  await wrong;
  await recorder.record([read('b')]);
  assert.equal(journal.size, 4);
});

test('many more reads than one batch holds are all accepted', async (t) => {
  const journal = await openJournal(t);
  const recorder = new ReadRecorder(journal);
  const batches = watchBatches(journal);
  await Promise.all(Array.from({ length: 2500 }, (_, n) => recorder.record([read(`viewer ${n}`)])));
  assert.equal(journal.size, 2500);
  assert.ok(batches.every((size) => size <= 1000));
});

test('a journal that is closed or full records no read, and says so; with space again it does', async (t) => {
  const journal = await openJournal(t);
  const recorder = new ReadRecorder(journal);
  await recorder.record([read('a')]);
  const limit = limitFiles(t);
  limit(statSync(path.join(journal.folder, 'metatrail.sqlite-wal')).size);
  const refusal = (code: string) => (error: unknown) => {
    assert.ok(error instanceof UnrecordedReadError);
    assert.equal(error.reason.code, code);
    return true;
  };
  await assert.rejects(recorder.record([read('b')]), refusal('journal-full'));
  limit('unlimited');
  await recorder.record([read('c')]);
  assert.deepEqual(initiators(journal), ['a', 'c']);
  await journal.close();
  await assert.rejects(recorder.record([read('d')]), refusal('journal-closed'));
});
