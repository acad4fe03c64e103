// The journal: a batch is accepted whole with its state, or refused whole; sequences are dense; what it says is so.
import assert from 'node:assert/strict';
import { statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import type { z } from 'zod';
import { rowSchema } from '../ingest/clickhouse/rows.ts';
import { LogError, type LogErrorCode } from '../ingest/errors.ts';
import type { ProposedEvent } from '../ingest/event.ts';
import { Journal } from '../ingest/journal/journal.ts';
import type { Batch } from '../ingest/journal/messages.ts';
import { DATA_VERSION } from '../ingest/journal/schema.ts';
import { rootOfLeaves } from '../ingest/merkle/tree.ts';
import { makeBatch, makeEvent, makeFolder, openJournal } from './ingest-world.ts';

const SQLITE_FILE = 'metatrail.sqlite';

function withCode(code: LogErrorCode, message = /./) {
  return (error: unknown) => {
    assert.ok(error instanceof LogError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  };
}

function readRows(journal: Journal, first = 0, limit = 1_000_000) {
  return journal.rows(first, limit).map(({ row }) => rowSchema.parse(JSON.parse(row)));
}

/** The root over the leaves as they stand in the file, computed without the journal. */
function rootInFile(folder: string): string {
  const database = new DatabaseSync(path.join(folder, SQLITE_FILE), { readOnly: true });
  const leaves = database.prepare('SELECT leaf FROM journal ORDER BY sequence').all();
  database.close();
  const hashes = leaves.map(({ leaf }) => (leaf instanceof Uint8Array ? leaf : assert.fail('a leaf is no blob')));
  return Buffer.from(rootOfLeaves(hashes)).toString('hex');
}

test('batches get dense sequences in the order in which they were built', async (t) => {
  const journal = await openJournal(t);
  const bases: number[] = [];
  const sizes = [3, 1, 0, 700, 2];
  const accepted = await Promise.all(
    sizes.map((size) =>
      journal.accept((base) => {
        bases.push(base);
        return makeBatch(base, size);
      }),
    ),
  );
  assert.deepEqual(bases, [0, 3, 4, 4, 704]);
  assert.deepEqual(
    accepted.map(({ first, next }) => [first, next]),
    [
      [0, 3],
      [3, 4],
      [4, 4],
      [4, 704],
      [704, 706],
    ],
  );
  const rows = readRows(journal);
  assert.equal(journal.size, 706);
  for (const [i, row] of rows.entries()) {
    assert.equal(row.sequence, i);
    assert.equal(row.object_name, `event ${i}`);
    assert.equal(row.log, journal.log);
  }
});

test('the head is the number of events and the root over the leaves in the file, also after opening again', async (t) => {
  const folder = makeFolder(t);
  const journal = await Journal.open(folder);
  for (const size of [1, 254, 2, 600]) await journal.accept((base) => makeBatch(base, size));
  const head = await journal.head();
  assert.deepEqual(head, { size: 857, root: rootInFile(folder) });
  const { log } = journal;
  await journal.close();
  const again = await openJournal(t, folder);
  assert.deepEqual(await again.head(), head);
  assert.equal(again.log, log);
  assert.equal(again.size, 857);
});

test('a batch with one bad event is refused whole, and its state with it', async (t) => {
  const journal = await openJournal(t);
  await journal.accept((base) => makeBatch(base, 2, [{ kind: 'k', key: 'a', value: 1 }]));
  const head = await journal.head();
  const bad = makeEvent({ causes: [7] });
  const refused = journal.accept((base) => ({
    events: [...makeBatch(base, 5).events, bad],
    state: [
      { kind: 'k', key: 'a', value: 2 },
      { kind: 'k', key: 'b', value: 3 },
    ],
  }));
  await assert.rejects(refused, withCode('event-invalid', /causes\.0: 7 is not before 7/));
  assert.deepEqual(await journal.head(), head);
  assert.equal(journal.state.get('k', 'a'), 1);
  assert.deepEqual(journal.state.keys('k'), ['a']);
  const accepted = await journal.accept((base) => makeBatch(base, 1));
  assert.equal(accepted.first, 2);
});

const bad = (): Batch => ({ events: [{ ...makeEvent(), stage: 'x' } as unknown as ProposedEvent], state: [] });

test('what was built on a refused batch is refused for the same reason, and the next is accepted', async (t) => {
  const journal = await openJournal(t);
  const outcomes = await Promise.allSettled([
    journal.accept((base) => makeBatch(base, 1)),
    journal.accept(bad),
    journal.accept((base) => makeBatch(base, 2)),
    journal.accept(() => ({ events: [], state: [{ kind: 'k', key: 'a', value: 1 }] })),
  ]);
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'rejected', 'rejected'],
  );
  for (const outcome of outcomes.slice(1)) {
    assert.ok(outcome.status === 'rejected');
    withCode('event-invalid', /stage: Invalid option/)(outcome.reason);
  }
  assert.equal(journal.state.get('k', 'a'), undefined);
  const accepted = await journal.accept((base) => makeBatch(base, 2));
  assert.deepEqual([accepted.first, accepted.next], [1, 3]);
});

test('a refused batch of state alone leaves nothing behind, and takes what was built on it along', async (t) => {
  const journal = await openJournal(t);
  const broken = { kind: 'k', key: 'a', value: undefined };
  const outcomes = await Promise.allSettled([
    journal.accept(() => ({ events: [], state: [broken] })),
    journal.accept((base) => makeBatch(base, 1, [{ kind: 'k', key: 'b', value: 1 }])),
  ]);
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  assert.deepEqual(journal.state.keys('k'), []);
  assert.equal((await journal.accept((base) => makeBatch(base, 1))).first, 0);
});

test('a batch that is no data is refused in words, and its state is gone', async (t) => {
  const journal = await openJournal(t);
  const state = [{ kind: 'k', key: 'a', value: () => 1 }];
  await assert.rejects(
    journal.accept(() => ({ events: [], state })),
    withCode('event-invalid', /no data/),
  );
  assert.deepEqual(journal.state.keys('k'), []);
});

test('a build that throws leaves the journal as it was', async (t) => {
  const journal = await openJournal(t);
  const broken = journal.accept(() => assert.fail('a rule'));
  await assert.rejects(broken, /a rule/);
  assert.equal((await journal.accept((base) => makeBatch(base, 1))).first, 0);
});

test('the root of an event is that of its principal cause', async (t) => {
  const journal = await openJournal(t);
  const root = () => readRows(journal).map((row) => row.root);
  await journal.accept((base) => ({
    events: [
      makeEvent(),
      makeEvent({ causes: [base] }),
      makeEvent({ causes: [base + 1, base] }),
      makeEvent(),
      makeEvent({ causes: [base + 3, base + 2] }),
    ],
    state: [],
  }));
  assert.deepEqual(root(), [0, 0, 0, 3, 3]);
  await journal.accept(() => ({ events: [makeEvent({ causes: [2], root: 0 })], state: [] }));
  assert.equal(root().at(-1), 0);
  const rootless = journal.accept(() => ({ events: [makeEvent({ causes: [2] })], state: [] }));
  await assert.rejects(rootless, withCode('event-invalid', /cause 2 of an earlier batch without its root/));
});

test('keys are one for each object, entry, actor and unresolved reference, and 0 where there is nothing to hide', async (t) => {
  const journal = await openJournal(t);
  const reference = { attribute: 'm', type: 'reference', operation: 'add', new: 'x', marks: 0 } as const;
  const keys = (row: z.infer<typeof rowSchema>) => [row.subject_key, row.actor_key, ...row['value.key']];
  const object = '0192a000-0000-7000-8000-000000000001';
  await journal.accept(() => ({
    events: [
      makeEvent({ object }),
      makeEvent({ object, objectName: 'n' }),
      makeEvent({ object, anchor: 'other', initiator: 'i', performer: 'p' }),
      makeEvent({ entry: object, dn: 'd', performer: 'p' }),
      makeEvent({ values: [reference, { ...reference, reference: object }, reference], agent: 'a' }),
      makeEvent({ values: [reference], agent: 'a:x' }),
    ],
    state: [],
  }));
  const [none, named, acted, entry, referring, other] = readRows(journal).map(keys);
  assert.deepEqual(none, [0, 0]);
  assert.deepEqual(named, [1, 0]);
  assert.deepEqual(acted, [1, 2]);
  assert.deepEqual(entry, [3, 4]);
  assert.deepEqual(referring, [0, 0, 5, 1, 5]);
  assert.deepEqual(other, [0, 0, 6]);
});

test('rows are read up to a number and up to so many bytes, but always one', async (t) => {
  const journal = await openJournal(t);
  await journal.accept((base) => makeBatch(base, 20));
  assert.deepEqual(
    journal.rows(5, 3).map(({ sequence }) => sequence),
    [5, 6, 7],
  );
  const bytes = journal.rows(0, 1)[0]?.row.length ?? 0;
  assert.equal(journal.rows(0, 20, bytes * 3 + 10).length, 3);
  assert.equal(journal.rows(0, 20, 1).length, 1);
  assert.deepEqual(journal.rows(20, 5), []);
});

test('facts are kept', async (t) => {
  const folder = makeFolder(t);
  const journal = await Journal.open(folder);
  assert.equal(journal.fact('shipped'), undefined);
  await journal.setFact('shipped', '5');
  await journal.setFact('shipped', '6');
  await journal.close();
  assert.equal((await openJournal(t, folder)).fact('shipped'), '6');
});

test('a listener hears of each accepted batch until it stops listening', async (t) => {
  const journal = await openJournal(t);
  const heard: number[] = [];
  const stop = journal.onAccepted((size) => heard.push(size));
  await journal.accept((base) => makeBatch(base, 2));
  await journal.accept((base) => makeBatch(base, 3));
  stop();
  await journal.accept((base) => makeBatch(base, 1));
  assert.deepEqual(heard, [2, 5]);
});

test('closing waits for what is under way; after that nothing is accepted and nothing hangs', async (t) => {
  const folder = makeFolder(t);
  const journal = await Journal.open(folder);
  const last = journal.accept((base) => makeBatch(base, 300));
  const closed = journal.close();
  await assert.rejects(
    journal.accept((base) => makeBatch(base, 1)),
    withCode('journal-closed'),
  );
  assert.equal((await last).next, 300);
  await closed;
  await journal.close();
  await assert.rejects(journal.head(), withCode('journal-closed'));
  await assert.rejects(journal.setFact('a', 'b'), withCode('journal-closed'));
  assert.equal((await openJournal(t, folder)).size, 300);
});

test('a data folder that a newer program has written is refused, and can be opened by that program at once', async (t) => {
  const folder = makeFolder(t);
  await (await Journal.open(folder)).close();
  const setVersion = (version: number) => {
    const database = new DatabaseSync(path.join(folder, SQLITE_FILE));
    database.exec(`PRAGMA user_version = ${version}`);
    database.close();
  };
  setVersion(99);
  await assert.rejects(
    Journal.open(folder),
    withCode('data-folder-newer', new RegExp(`data version 99; this program knows ${DATA_VERSION}`)),
  );
  setVersion(DATA_VERSION);
  await openJournal(t, folder);
});

test('a damaged journal is refused by name', async (t) => {
  const folder = makeFolder(t);
  writeFileSync(path.join(folder, SQLITE_FILE), 'this is no database, whatever its name says'.repeat(100));
  await assert.rejects(Journal.open(folder), withCode('journal-damaged', new RegExp(folder)));
});

test('a data folder that is a file is refused by name', async (t) => {
  const file = path.join(makeFolder(t), 'data');
  writeFileSync(file, '');
  await assert.rejects(Journal.open(file), withCode('data-folder-not-writable', new RegExp(file)));
});

test('nobody else can read the keys', async (t) => {
  const folder = makeFolder(t);
  const below = path.join(folder, 'data');
  const journal = await openJournal(t, below);
  await journal.accept((base) => makeBatch(base, 1));
  assert.equal(statSync(below).mode & 0o777, 0o700);
  for (const file of [SQLITE_FILE, `${SQLITE_FILE}-wal`, `${SQLITE_FILE}-shm`])
    assert.equal(statSync(path.join(below, file)).mode & 0o077, 0, file);
});

test('trimming removes rows, never those of the tile that is not full, and the log goes on as if they were there', async (t) => {
  const folder = makeFolder(t);
  const journal = await openJournal(t, folder);
  await journal.accept((base) => makeBatch(base, 600));
  const whole = rootInFile(folder);
  assert.equal(await journal.trim(300), 300);
  assert.equal(journal.firstRow, 300);
  assert.throws(() => journal.rows(299, 10), withCode('journal-trimmed', /begins with event 300; event 299/));
  assert.deepEqual(
    readRows(journal, 300, 2).map(({ sequence }) => sequence),
    [300, 301],
  );
  assert.equal(await journal.trim(600), 512);
  assert.equal(await journal.trim(100), 512);
  assert.deepEqual(await journal.head(), { size: 600, root: whole });
  await journal.close();
  const again = await openJournal(t, folder);
  assert.deepEqual(await again.head(), { size: 600, root: whole });
  assert.equal(again.firstRow, 512);
});

test('a journal whose last tile is full keeps the rows of that tile when it is trimmed', async (t) => {
  const folder = makeFolder(t);
  const journal = await openJournal(t, folder);
  await journal.accept((base) => makeBatch(base, 25_600));
  const { root } = await journal.head();
  assert.equal(await journal.trim(25_600), 25_344);
  await journal.close();
  const again = await openJournal(t, folder);
  assert.deepEqual(await again.head(), { size: 25_600, root });
});

test('a clock that is set back is an event, once, and sequence order holds', async (t) => {
  const folder = makeFolder(t);
  const now = Date.now();
  t.mock.timers.enable({ apis: ['Date'], now: now + 3_600_000 });
  const before = await openJournal(t, folder);
  await before.accept((base) => makeBatch(base, 2));
  await before.close();
  t.mock.timers.setTime(now);
  const journal = await openJournal(t, folder);
  // A batch that is refused does not use the event up.
  await assert.rejects(journal.accept(bad), withCode('event-invalid'));
  const accepted = await journal.accept((base) => makeBatch(base, 1));
  await journal.accept((base) => makeBatch(base, 1));
  assert.equal(accepted.first, 3);
  const rows = readRows(journal);
  assert.deepEqual(
    rows.map(({ sequence, outcome }) => [sequence, outcome]),
    [
      [0, 'stage-add'],
      [1, 'stage-add'],
      [2, 'clock-set-back'],
      [3, 'stage-add'],
      [4, 'stage-add'],
    ],
  );
  assert.equal(rows[3]?.object_name, 'event 3');
  const iso = (millis: number) => new Date(millis).toISOString().replace('Z', '000Z');
  assert.deepEqual([rows[2]?.['value.old'], rows[2]?.['value.new']], [[iso(now + 3_600_000)], [iso(now)]]);
  // What a time service corrects is no event.
  t.mock.timers.setTime(now - 500);
  assert.equal((await journal.accept((base) => makeBatch(base, 1))).first, 5);
});
