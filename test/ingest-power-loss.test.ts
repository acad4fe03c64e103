// Power fails: what was not fsynced is gone, in part or in the middle. SQLite's pages are those that the kernel was really
// handed, ClickHouse's are the files of the parts that an insert left behind.
import assert from 'node:assert/strict';
import { cpSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { z } from 'zod';
import { Journal } from '../ingest/journal/journal.ts';
import { Writer } from '../ingest/journal/writer.ts';
import { chanceOf } from './faults/chance.ts';
import { FATES, traceDisk, writeAfterPowerLoss } from './faults/disk-trace.ts';
import { BEFORE, goOn, goOnOpen, makeBefore } from './faults/one-batch.ts';
import { assertWhole, naiveRoot } from './ingest-whole.ts';
import { makeBatch, makeFolder } from './ingest-world.ts';
import { requireTool } from './require-tool.ts';

const CHILD = path.join(import.meta.dirname, 'faults/journal-child.ts');
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

const TABLES = ['events', 'entitlement_changes'] as const;

/** The folders of the parts of a table that came last, by their names `partition_first_last_level`. */
function newestParts(folder: string, table: string): string[] {
  const store = path.join(folder, 'clickhouse/data/default', table);
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
