// Power fails: what was not fsynced is gone, in part or in the middle. SQLite's pages are those that the kernel was really
// handed, ClickHouse's are the files of the parts that an insert left behind.
import assert from 'node:assert/strict';
import { cpSync, readdirSync, realpathSync, rmSync, statSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { z } from 'zod';
import { openClickHouse } from '../ingest/clickhouse/connect.ts';
import { Journal } from '../ingest/journal/journal.ts';
import { Writer } from '../ingest/journal/writer.ts';
import { chanceOf } from './faults/chance.ts';
import { FATES, traceDisk, traceSyncs, writeAfterPowerLoss } from './faults/disk-trace.ts';
import { BEFORE, goOn, goOnOpen, makeBefore } from './faults/one-batch.ts';
import { assertWhole, naiveRoot } from './ingest-whole.ts';
import { makeBatch, makeFolder } from './ingest-world.ts';
import { requireTool } from './require-tool.ts';

const CHILD = path.join(import.meta.dirname, 'faults/journal-child.ts');
const INSERT_CHILD = path.join(import.meta.dirname, 'faults/insert-child.ts');
const lineSchema = z.object({ accepted: z.number() });

test('power fails at each call that writes the journal: what was accepted is there, and nothing of half a batch', {
  timeout: 300_000,
}, async (t) => {
  const strace = requireTool(t, 'strace');
  if (strace === undefined) return;
  const folder = makeFolder(t);
  const files = ['metatrail.sqlite', 'metatrail.sqlite-wal'].map((name) => path.join(folder, name));
  const calls = await traceDisk(strace, [process.execPath, CHILD, folder], files);
  const syncs = calls.filter(({ kind }) => kind === 'sync').length;
  assert.ok(syncs > 6 && calls.length > 100, `${calls.length} calls, ${syncs} of them fsync`);
  for (let count = 0; count <= calls.length; count++) {
    const last = calls.slice(0, count).findLast(({ kind }) => kind === 'said');
    const accepted = last?.kind === 'said' ? lineSchema.parse(JSON.parse(last.line)).accepted : 0;
    // Right after an answer all of them are tried, elsewhere one after the other.
    const fates = calls[count - 1]?.kind === 'said' ? FATES : [FATES[count % FATES.length] ?? 'none'];
    for (const fate of fates) {
      const there = makeFolder(t);
      writeAfterPowerLoss(calls, count, fate, chanceOf(count), there);
      assertJournal(there, accepted, `power fails after ${count} of ${calls.length} calls, then ${fate}`);
      if (count % 40 === 0) await assertAccepts(there);
      rmSync(there, { recursive: true });
    }
  }
});

/** Opens what is left, and finds at least what was accepted, whole batches with their state, and the right root. */
function assertJournal(folder: string, accepted: number, when: string): void {
  const writer = new Writer(folder);
  const { size, root } = writer.head;
  assert.ok(size >= accepted, `${when}: ${accepted} events were accepted, ${size} are there`);
  const database = new DatabaseSync(path.join(folder, 'metatrail.sqlite'), { readOnly: true });
  const state = database.prepare("SELECT value FROM state WHERE kind = 'batch'").get()?.value;
  const rows = database.prepare('SELECT sequence, leaf FROM journal ORDER BY sequence').all();
  const tiles = database.prepare('SELECT hashes FROM tiles WHERE level = 0 ORDER BY tile').all();
  const integrity = database.prepare('PRAGMA integrity_check').get()?.integrity_check;
  database.close();
  assert.equal(integrity, 'ok', when);
  assert.equal(size === 0 ? 0 : z.object({ next: z.number() }).parse(JSON.parse(String(state))).next, size, when);
  const first = Number(rows[0]?.sequence ?? 0);
  const trimmed = tiles
    .slice(0, first / 256)
    .flatMap(({ hashes }) => splitHashes(z.instanceof(Uint8Array).parse(hashes)));
  const leaves = rows.map(({ leaf }) => Buffer.from(z.instanceof(Uint8Array).parse(leaf)));
  assert.equal(naiveRoot([...trimmed, ...leaves]).toString('hex'), root, when);
  assert.equal(trimmed.length + leaves.length, size, when);
  writer.close();
}

async function assertAccepts(folder: string): Promise<void> {
  const journal = await Journal.open(folder);
  await journal.accept((base) => makeBatch(base, 2));
  await journal.close();
}

function splitHashes(tile: Uint8Array): Buffer[] {
  return Array.from({ length: 256 }, (_, i) => Buffer.from(tile.subarray(i * 32, i * 32 + 32)));
}

test('an insert is answered when every file of its parts, and the names of them, are fsynced', {
  timeout: 120_000,
}, async (t) => {
  const strace = requireTool(t, 'strace');
  if (strace === undefined) return;
  const folder = makeFolder(t);
  const all = await traceSyncs(strace, [process.execPath, INSERT_CHILD, folder], path.join(folder, 'trace'));
  const synced = all.slice(all.indexOf(path.join(folder, 'asked')) + 1, all.indexOf(path.join(folder, 'answered')));
  for (const table of TABLES) {
    const ofTable = synced.filter((file) => file.startsWith(realpathSync(tableFolder(folder, table))));
    const part = ofTable.find((file) => path.basename(file).startsWith('tmp_insert_')) ?? assert.fail(table);
    const final = part.replace('tmp_insert_', '');
    assert.equal(ofTable.at(-1), final, 'the last is the folder under its name');
    // A merge may have taken the part away; its form is that of the newest.
    const [like = ''] = newestParts(folder, table);
    const files = readdirSync(like).filter((name) => statSync(path.join(like, name)).isFile());
    assert.ok(files.includes('data.bin') && files.includes('checksums.txt'), files.join(' '));
    for (const name of files) assert.ok(ofTable.includes(path.join(part, name)), `${name} of ${table} is fsynced`);
  }
});

/** The tables with rows that nothing would bring back; migrations are run again, an erasure fills its table anew. */
const FSYNCED = ['entitlement_changes', 'events', 'events_set_aside'];

test('the tables whose rows nothing would bring back say that an insert is fsynced before it is answered', async (t) => {
  const folder = makeFolder(t);
  await makeBefore({ folder });
  const clickhouse = openClickHouse({ folder });
  const tables = await clickhouse.select(
    `SELECT name, create_table_query AS made FROM system.tables
     WHERE database = currentDatabase() AND engine = 'MergeTree' ORDER BY name`,
    {},
    z.object({ name: z.string(), made: z.string() }),
  );
  await clickhouse.close();
  for (const setting of ['fsync_after_insert = 1', 'fsync_part_directory = 1'])
    assert.deepEqual(
      tables.filter(({ made }) => made.includes(setting)).map(({ name }) => name),
      FSYNCED,
      setting,
    );
  const others = tables.map(({ name }) => name).filter((name) => !FSYNCED.includes(name));
  assert.deepEqual(others, ['erased_events', 'migrations']);
});

const TABLES = ['events', 'entitlement_changes'] as const;

const tableFolder = (folder: string, table: string): string => path.join(folder, 'clickhouse/data/default', table);

/** The folders of the parts of a table that came last, by their names `partition_first_last_level`. */
function newestParts(folder: string, table: string): string[] {
  const store = tableFolder(folder, table);
  const parts = readdirSync(store).filter((name) => /^\w+_\d+_\d+_\d+$/.test(name));
  const number = (name: string): number => Number(name.split('_').at(-2));
  const last = Math.max(...parts.map(number));
  return parts.filter((name) => number(name) === last).map((name) => path.join(store, name));
}

const LOSSES: Record<string, (part: string) => void> = {
  gone: (part) => rmSync(part, { recursive: true }),
  'cut in the middle': (part) => {
    const largest = readdirSync(part)
      .map((name) => path.join(part, name))
      .filter((file) => statSync(file).isFile())
      .sort((a, b) => statSync(b).size - statSync(a).size)[0];
    assert.ok(largest);
    truncateSync(largest, Math.floor(statSync(largest).size / 2));
  },
  'there without its contents': (part) => {
    for (const name of readdirSync(part))
      if (statSync(path.join(part, name)).isFile()) truncateSync(path.join(part, name), 0);
  },
};

/** The batch was inserted, and power failed before ClickHouse had fsynced it and before it was remembered. */
async function losePart(t: TestContext, tables: readonly string[], lose: (part: string) => void): Promise<string> {
  const before = makeFolder(t);
  await makeBefore({ folder: before });
  await goOn({ folder: before });
  const folder = makeFolder(t);
  cpSync(before, folder, { recursive: true });
  const database = new DatabaseSync(path.join(folder, 'metatrail.sqlite'));
  database.exec(`UPDATE facts SET value = '${BEFORE}' WHERE name = 'shipped'`);
  database.close();
  for (const table of tables) for (const part of newestParts(folder, table)) lose(part);
  return folder;
}

for (const [loss, lose] of Object.entries(LOSSES))
  for (const tables of [['events'], ['entitlement_changes'], TABLES])
    test(`the part of an insert nobody heard of is ${loss} (${tables.join(', ')}): it is made up for, once`, async (t) => {
      await goOnOpen({ folder: await losePart(t, tables, lose) }, assertWhole);
    });

/** ClickHouse does not fsync the files of projections, of which the part itself is the original. */
for (const [loss, lose] of Object.entries(LOSSES))
  test(`the projections of a delivered part are ${loss}: questions are answered all the same`, async (t) => {
    const folder = makeFolder(t);
    await makeBefore({ folder });
    await goOn({ folder });
    let lost = 0;
    for (const part of newestParts(folder, 'events'))
      for (const name of readdirSync(part).filter((each) => each.endsWith('.proj'))) {
        lose(path.join(part, name));
        lost += 1;
      }
    assert.ok(lost >= 3);
    await goOnOpen({ folder }, async (log) => {
      await assertWhole(log);
      const asked = (where: string) =>
        log.clickhouse.select(
          `SELECT sequence FROM events WHERE ${where} ORDER BY sequence LIMIT 1000`,
          {},
          z.object({ sequence: z.number() }),
        );
      for (const key of ['object', 'initiator', 'entry']) {
        const some = `(SELECT ${key} FROM events WHERE sequence = ${BEFORE})`;
        const through = await asked(`${key} = ${some}`);
        assert.deepEqual(through, await asked(`toString(${key}) = toString(${some})`), key);
        assert.ok(through.some(({ sequence }) => sequence === BEFORE));
      }
    });
  });
