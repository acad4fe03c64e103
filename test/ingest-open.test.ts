// A log that cannot be opened as a whole: what was open already is closed again, so that the folder is free, in the same
// process too, and nothing of it goes on beside that.
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Journal } from '../ingest/journal/journal.ts';
import { type LogTarget, openChangeLog } from '../ingest/log.ts';
import { limitFiles } from './file-size-limit.ts';
import { makeBatch, makeFolder } from './ingest-world.ts';

/** What keeps this process from ending: threads, timers, files. */
const running = (): string[] => process.getActiveResourcesInfo().sort();

/** What is said when the log is opened like this; then it is opened as it should be. */
async function failToOpen(target: LogTarget, expected: assert.AssertPredicate, repair: () => void): Promise<void> {
  const before = running();
  await assert.rejects(openChangeLog(target), expected);
  repair();
  // A loop that was not stopped comes round again within the shipper's first pause.
  await sleep(500);
  assert.deepEqual(running(), before);
  const log = await openChangeLog({ folder: target.folder });
  const { next } = await log.journal.accept((base) => makeBatch(base, 3));
  await log.shipper.delivered(next);
  await log.close();
}

/** So long gets the write-ahead log of a folder that is made, before anything else is written. */
async function measureNewFolder(t: TestContext): Promise<number> {
  const folder = makeFolder(t);
  const journal = await Journal.open(folder);
  const { size } = statSync(path.join(folder, 'metatrail.sqlite-wal'));
  await journal.close();
  return size;
}

test('a first start on a disk that is full after the journal was made leaves the folder free', async (t) => {
  const limit = limitFiles(t);
  limit(await measureNewFolder(t));
  const target = { folder: makeFolder(t), partitionEvents: 256 };
  await failToOpen(target, { code: 'journal-full' }, () => limit('unlimited'));
});

test('a partition size that is none leaves the folder free', async (t) => {
  await failToOpen({ folder: makeFolder(t), partitionEvents: 300 }, { name: 'RangeError' }, () => undefined);
});

test('a witness whose key is none leaves nothing running: no shipper, no trimmer, no scrubber', async (t) => {
  const witness = { url: new URL('http://127.0.0.1:9/'), vkey: 'witness.example+0+none' };
  const publication = { witnesses: [witness], webhook: undefined, file: undefined, mail: undefined };
  await failToOpen({ folder: makeFolder(t), publication }, { name: 'NoteError' }, () => undefined);
});

test('a journal whose newest row is damaged is said to be damaged, and the folder is free', async (t) => {
  const folder = makeFolder(t);
  const journal = await Journal.open(folder);
  await journal.accept((base) => makeBatch(base, 3));
  const [newest] = journal.rows(2, 1);
  await journal.close();
  const write = (row: string) => {
    const database = new DatabaseSync(path.join(folder, 'metatrail.sqlite'));
    database.prepare('UPDATE journal SET row = ? WHERE sequence = 2').run(row);
    database.close();
  };
  write('{"cut off');
  await failToOpen({ folder }, { code: 'journal-damaged', message: /a row of the journal cannot be read/ }, () =>
    write(newest?.row ?? assert.fail()),
  );
});
