// The journal's file after an erasure: it is written anew, and what was in it is gone. SQLite keeps the old pages for whoever
// reads them in a transaction; then that is not claimed.
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { REMEDIES } from '../ingest/errors.ts';
import { ANN, CID, ErasureWorld, grepBytes, keysOf } from './erasure-world.ts';
import { afterwards, makeBatch, makeFolder, openJournal } from './ingest-world.ts';

/** Somebody who looks into the journal's file, in one transaction, until it is ended. */
function startReading(t: TestContext, folder: string): () => void {
  const reader = new DatabaseSync(path.join(folder, 'metatrail.sqlite'), { readOnly: true });
  afterwards(t, () => reader.isOpen && reader.close());
  reader.exec('BEGIN');
  reader.prepare('SELECT count(*) FROM journal').get();
  return () => reader.close();
}

const REFUSED = { code: 'certificate-refused', message: /reads it in one long transaction.*let that end first\.$/ };

for (const kind of ['vacuum', 'checkpoint'] as const) {
  test(`a ${kind} waits for a reader that ends soon, and says so of one that does not`, async (t) => {
    const folder = makeFolder(t);
    const journal = await openJournal(t, folder);
    await journal.accept((base) => makeBatch(base, 300));
    const wal = () => statSync(path.join(folder, 'metatrail.sqlite-wal')).size;
    const end = startReading(t, folder);
    await journal.accept((base) => makeBatch(base, 10));
    const refused = assert.rejects(journal.workOnErasure({ kind }), REFUSED);
    // Meanwhile the journal goes on.
    await journal.accept((base) => makeBatch(base, 10));
    await refused;
    assert.ok(wal() > 0);
    setTimeout(end, 1_000);
    await journal.workOnErasure({ kind });
    assert.equal(wal(), 0);
    assert.equal((await journal.accept((base) => makeBatch(base, 1))).first, 320);
  });
}

test('no certificate is issued while somebody reads what was erased, and one is when they are through', async (t) => {
  const world = await ErasureWorld.open(t);
  await world.employ(ANN, CID);
  await world.employ(CID);
  await world.reopen();
  const keys = keysOf(world);
  const end = startReading(t, world.data);
  const { event, plan } = await world.erase(await world.objectOf(ANN.name));
  const options = { who: 'privacy officer', by: 'administrator', folders: [], backups: [], names: [ANN.name] };
  const { eraser } = world.installation.log;
  await assert.rejects(eraser.certify(event, options), REFUSED);
  assert.match(REMEDIES['certificate-refused'], /ask for the certificate again/);
  const left = () => plan.keyNumbers.flatMap((number) => grepBytes(world.data, keys.get(number) ?? assert.fail()));
  assert.notDeepEqual(left(), [], 'the file has the old pages');
  end();
  await eraser.certify(event, options);
  assert.deepEqual(left(), []);
});
