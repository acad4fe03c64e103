// What happens to a process and to its disk: killed at any moment, a second one beside it, no space, no right to write.
import assert from 'node:assert/strict';
import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, statSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import type { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { fromRow, rowSchema } from '../ingest/clickhouse/rows.ts';
import { leafOf } from '../ingest/encoding.ts';
import { LogError } from '../ingest/errors.ts';
import type { ProposedEvent } from '../ingest/event.ts';
import { Journal } from '../ingest/journal/journal.ts';
import { rootOfLeaves } from '../ingest/merkle/tree.ts';
import { limitFiles } from './file-size-limit.ts';
import { afterwards, makeBatch, makeEvent, makeFolder, makeId, openJournal } from './ingest-world.ts';

const CHILD = path.join(import.meta.dirname, 'ingest-journal-child.ts');
const KILLS = 12;

const lineSchema = z.object({
  opened: z.number().optional(),
  next: z.number().optional(),
  code: z.string().optional(),
  message: z.string().optional(),
});

class Child {
  readonly #process: ChildProcessByStdio<null, Readable, null>;
  readonly lines: z.infer<typeof lineSchema>[] = [];
  readonly #lineReader;

  constructor(t: TestContext, command: readonly string[]) {
    const [program = '', ...args] = command;
    this.#process = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    afterwards(t, () => this.#process.kill('SIGKILL'));
    this.#lineReader = createInterface(this.#process.stdout);
    this.#lineReader.on('line', (line) => this.lines.push(lineSchema.parse(JSON.parse(line))));
  }

  async waitForLines(count: number): Promise<void> {
    while (this.lines.length < count) await once(this.#lineReader, 'line');
  }

  async firstLine(): Promise<z.infer<typeof lineSchema>> {
    await this.waitForLines(1);
    return this.lines[0] ?? assert.fail('no line');
  }

  async kill(): Promise<void> {
    const closed = once(this.#lineReader, 'close');
    this.#process.kill('SIGKILL');
    await closed;
  }
}

const child = (t: TestContext, folder: string, mode: string, prefix: readonly string[] = []) =>
  new Child(t, [...prefix, process.execPath, CHILD, folder, mode]);

function assertWhole(folder: string, journal: Journal): void {
  const database = new DatabaseSync(path.join(folder, 'metatrail.sqlite'), { readOnly: true });
  const rows = database.prepare('SELECT sequence, leaf FROM journal ORDER BY sequence').all();
  const batches = database.prepare("SELECT key, value FROM state WHERE kind = 'batch' AND key <> 'last'").all();
  const indexed = database.prepare('SELECT count(*) AS n FROM state_index').get()?.n;
  database.close();
  assert.equal(rows.length, journal.size);
  for (const [i, { sequence }] of rows.entries()) assert.equal(sequence, i);
  // Each batch left one state value with the number of its events, so together they are the log.
  const total = batches.reduce((sum, { value }) => sum + Number(value), 0);
  assert.equal(total, journal.size, 'the batches of the state and the events of the journal are the same');
  assert.equal(indexed, batches.length);
  assert.deepEqual(
    batches.length === 0 ? 0 : z.object({ next: z.number() }).parse(journal.state.get('batch', 'last')).next,
    journal.size,
  );
}

test('killed at any moment, every acknowledged batch is there and nothing of half a one', {
  timeout: 120_000,
}, async (t) => {
  const folder = makeFolder(t);
  let acknowledged = 0;
  for (let round = 0; round < KILLS; round++) {
    const writer = child(t, folder, 'write');
    // One in three dies wherever it is, perhaps while it opens, one while its threads start, one while it writes.
    await writer.waitForLines(round % 3);
    await sleep(Math.random() * (round % 3 === 0 ? 800 : 300));
    await writer.kill();
    assert.equal(writer.lines[0]?.opened ?? acknowledged, acknowledged);
    const last = writer.lines.at(-1)?.next ?? acknowledged;
    const journal = await Journal.open(folder);
    try {
      assert.ok(journal.size >= last, `${journal.size} events, ${last} acknowledged`);
      assertWhole(folder, journal);
      acknowledged = journal.size;
    } finally {
      await journal.close();
    }
  }
  const journal = await openJournal(t, folder);
  const database = new DatabaseSync(path.join(folder, 'metatrail.sqlite'), { readOnly: true });
  const leaves = database.prepare('SELECT leaf FROM journal ORDER BY sequence').all();
  database.close();
  const hashes = leaves.map(({ leaf }) => (leaf instanceof Uint8Array ? leaf : assert.fail('a leaf is no blob')));
  assert.equal((await journal.head()).root, Buffer.from(rootOfLeaves(hashes)).toString('hex'));
  assert.ok(journal.size > 0);
});

test('a second process on the same data folder is refused, and gets it when the first is killed', async (t) => {
  const folder = makeFolder(t);
  const first = child(t, folder, 'hold');
  assert.equal((await first.firstLine()).opened, 0);
  await assert.rejects(Journal.open(folder), (error: unknown) => {
    assert.ok(error instanceof LogError);
    assert.equal(error.code, 'data-folder-in-use');
    assert.equal(error.message, `The data folder ${folder} is in use by another process.`);
    return true;
  });
  await first.kill();
  await openJournal(t, folder);
});

test('the same process cannot open a data folder twice either', async (t) => {
  const folder = makeFolder(t);
  await openJournal(t, folder);
  await assert.rejects(Journal.open(folder), { code: 'data-folder-in-use' });
});

test('a data folder without the right to write is refused in one sentence', async (t) => {
  const folder = makeFolder(t);
  chmodSync(folder, 0o500);
  afterwards(t, () => chmodSync(folder, 0o700));
  // Root may write everywhere, unless it lays down what makes it root.
  const powerless = process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-all', '--inh-caps=-all'] : [];
  const { code, message } = await child(t, folder, 'hold', powerless).firstLine();
  assert.equal(code, 'data-folder-not-writable');
  assert.match(message ?? '', new RegExp(`^The data folder ${folder} cannot be written: .*\\.$`));
  const below = path.join(folder, 'data');
  const second = await child(t, below, 'hold', powerless).firstLine();
  assert.equal(second.code, 'data-folder-not-writable');
  assert.match(second.message ?? '', new RegExp(below));
});

test('on a full disk nothing is accepted, and when there is space again the next batch is', async (t) => {
  const folder = makeFolder(t);
  const journal = await openJournal(t, folder);
  await journal.accept((base) => makeBatch(base, 100, [{ kind: 'k', key: 'a', value: 1 }]));
  const head = await journal.head();
  const limit = limitFiles(t);
  limit(statSync(path.join(folder, 'metatrail.sqlite-wal')).size + 20_000);
  for (let attempt = 0; attempt < 3; attempt++) {
    const refused = journal.accept(() => ({ events: aboutPeople(2000), state: [{ kind: 'k', key: 'a', value: 2 }] }));
    const follows = journal.accept((base) => makeBatch(base, 1));
    for (const each of [refused, follows])
      await assert.rejects(each, { code: 'journal-full', retryable: true, message: /disk of the data folder is full/ });
    assert.deepEqual(await journal.head(), head);
    assert.equal(journal.state.get('k', 'a'), 1);
  }
  limit('unlimited');
  // Their keys were made for batches that were refused, and are made anew.
  const accepted = await journal.accept(() => ({
    events: aboutPeople(2000),
    state: [{ kind: 'k', key: 'a', value: 3 }],
  }));
  assert.deepEqual([accepted.first, accepted.next], [100, 2100]);
  await journal.close();
  const again = await openJournal(t, folder);
  assert.equal(again.size, 2100);
  assert.equal(again.state.get('k', 'a'), 3);
  assertLeavesFollowFromKeys(folder);
});

function aboutPeople(count: number): ProposedEvent[] {
  return Array.from({ length: count }, (_, i) => makeEvent({ object: makeId(i), objectName: `person ${i}` }));
}

/** Each row's leaf is what the keys in the file make of it. */
function assertLeavesFollowFromKeys(folder: string): void {
  const database = new DatabaseSync(path.join(folder, 'metatrail.sqlite'), { readOnly: true });
  const keys = new Map(
    database
      .prepare('SELECT number, key FROM keys')
      .all()
      .map(({ number, key }) => [number, key]),
  );
  for (const { sequence, leaf, row } of database.prepare('SELECT sequence, leaf, row FROM journal').all()) {
    const event = fromRow(rowSchema.parse(JSON.parse(String(row))));
    const computed = leafOf(event, (number) => {
      const key = keys.get(number);
      return key instanceof Uint8Array ? key : assert.fail(`event ${sequence} names key ${number}, which is not there`);
    });
    assert.deepEqual(computed, Buffer.from(leaf as Uint8Array), `leaf ${sequence}`);
  }
  database.close();
}

for (const which of [0, 1])
  test(`a journal whose thread ${which} died lets go of the other one and of the data folder when it is closed`, (t) => {
    const child = path.join(import.meta.dirname, 'faults', 'dead-thread-child.ts');
    const args = ['--disable-warning=ExperimentalWarning', child, makeFolder(t), String(which)];
    const said: unknown = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8', timeout: 30_000 }));
    // Two for the journal, and two for it opened again.
    assert.deepEqual(said, { threads: 4, asked: 'LogError: A thread of the journal stopped.' });
  });
