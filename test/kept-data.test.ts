// Data folders that earlier versions of the program have written, kept as they were: each opens, loses nothing and goes on.
// test/README.md says how one is made.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { z } from 'zod';
import { DATA_VERSION } from '../ingest/journal/schema.ts';
import { openChangeLog } from '../ingest/log.ts';
import { TileStore } from '../ingest/merkle/tiles.ts';
import { HASH_BYTES } from '../ingest/merkle/tree.ts';
import { afterwards, makeBatch, makeFolder } from './ingest-world.ts';

/** What was in each of them, noted when it was made. */
const KEPT = [
  {
    version: 1,
    log: 'metatrail/a577323cff5fc55f',
    size: 553,
    root: 'ea8eb336c5951000ee6536508b422be62191a64633add8bcc8ff60fa74ff7922',
  },
  {
    version: 2,
    log: 'metatrail/a577323cff5fc55f',
    size: 560,
    root: '33f00728a3827913295589502c5ace8f8dc4e4c06efec927f43f8a6288a989ef',
  },
];

function openKept(t: Parameters<typeof makeFolder>[0], version: number): string {
  const folder = makeFolder(t);
  execFileSync('tar', ['xzf', path.join(import.meta.dirname, `kept-data/${version}.tar.gz`), '-C', folder]);
  return path.join(folder, 'data');
}

test('a data folder of every earlier version is kept', () => {
  assert.deepEqual(
    KEPT.map(({ version }) => version),
    Array.from({ length: DATA_VERSION - 1 }, (_, i) => i + 1),
  );
});

for (const kept of KEPT) {
  test(`a data folder of version ${kept.version} opens with its log whole, and the log goes on`, async (t) => {
    const folder = openKept(t, kept.version);
    const log = await openChangeLog({ folder });
    afterwards(t, () => log.close());
    assert.equal(log.journal.log, kept.log);
    assert.deepEqual(await log.journal.head(), { size: kept.size, root: kept.root });
    await log.journal.accept((base) => makeBatch(base, 300));
    await log.shipper.delivered(kept.size + 300);
    const [held] = await log.clickhouse.select(
      'SELECT count() AS events, max(sequence) AS last FROM events',
      {},
      z.object({ events: z.number(), last: z.number() }),
    );
    assert.deepEqual(held, { events: kept.size + 300, last: kept.size + 299 });
  });
}

test('the tiles that version 1 kept as files are in the journal, byte for byte, and the files are gone', async (t) => {
  const folder = openKept(t, 1);
  const before = [0, 1].map((index) => readFileSync(path.join(folder, `tile/0/00${index}`)));
  const log = await openChangeLog({ folder });
  await log.close();
  const database = new DatabaseSync(path.join(folder, 'metatrail.sqlite'), { readOnly: true });
  afterwards(t, () => database.close());
  const store = new TileStore(database);
  for (const [index, bytes] of before.entries()) {
    assert.equal(bytes.length, 256 * HASH_BYTES);
    assert.deepEqual(Buffer.concat(store.read(0, index)), bytes);
  }
  assert.ok(!existsSync(path.join(folder, 'tile')));
});
