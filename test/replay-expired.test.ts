// Replay, erasure and expiry together: what is left of the log is the state, whichever of them came first.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { applyRetention } from '../api/retaining.ts';
import { rebuildInto } from '../engine/replay/rebuild.ts';
import { compareFolder } from '../engine/replay/replay-folder.ts';
import { systemClock } from '../ingest/clock.ts';
import { JournalSnapshot } from '../ingest/journal/snapshot.ts';
import { finishExpiry } from '../ingest/retention/expire.ts';
import { addHold } from '../ingest/retention/holds.ts';
import { ANN, BOB, CID, CONFIGURATION, ErasureWorld, grepFiles } from './erasure-world.ts';

const RETAINED = `${CONFIGURATION}retention: { events: 1 year, partition_events: 256 }\n`;
const WHO = { who: 'records office', by: 'administrator' };
const LATER = systemClock() + 2 * 365 * 86_400_000_000;

/** More than a partition, with everybody still there; then the partition goes. */
async function expireWithAll(t: TestContext): Promise<ErasureWorld> {
  const world = await ErasureWorld.open(t, RETAINED);
  await world.employ(ANN, BOB, CID);
  const { journal } = world.installation.log;
  for (let month = 1; journal.size < 280; month++)
    await world.employ({ ...ANN, department: `Department ${month}` }, BOB, { ...CID, by: `CORP\\${ANN.id}` });
  await applyRetention(world.installation, WHO, LATER);
  await world.installation.catchUp();
  return world;
}

async function assertReplaysNow(world: ErasureWorld): Promise<void> {
  const { log } = world.installation;
  await log.shipper.delivered(log.journal.size);
  assert.deepEqual((await compareFolder(world.data, { clickhouse: log.clickhouse })).differences, []);
}

test('an erasure takes what was carried forward of the person, and what names them in what was carried of others', {
  timeout: 200_000,
}, async (t) => {
  const world = await expireWithAll(t);
  await assertReplaysNow(world);
  const ann = await world.objectOf(ANN.name);
  const carried = (await world.events()).filter(({ stepKind }) => stepKind === 'state');
  const naming = carried.filter(
    ({ object, values }) => object !== ann && /E-1001|Annabel/.test(JSON.stringify(values)),
  );
  assert.ok(naming.length > 1);
  for (const { values } of naming)
    for (const { type, new: text } of values)
      assert.ok(
        type === 'reference' || !/E-1001|Annabel/.test(text ?? ''),
        'a text that names somebody is a reference',
      );
  await world.employ({ ...BOB, manager: '' }, CID);
  await assertReplaysNow(world);
  const { event } = await world.erase(ann);
  await assertReplaysNow(world);
  await world.installation.log.eraser.settle();
  await assertReplaysNow(world);
  const { eraser } = world.installation.log;
  await eraser.certify(event, { who: 'privacy officer', by: 'administrator', folders: [], backups: [] });
  for (const name of [ANN.name, ANN.id]) assert.deepEqual(grepFiles(world.data, name), []);
  await assertReplaysNow(world);
});

test('what a system still has of an erased person comes back with its next import, also into a rebuilt state', {
  timeout: 200_000,
}, async (t) => {
  const world = await ErasureWorld.open(t);
  await world.employ(ANN, BOB, CID);
  // Bob's personnel file goes on naming her.
  await world.employ(BOB, CID);
  await world.erase(await world.objectOf(ANN.name));
  await assertReplaysNow(world);
  await world.employ({ ...BOB, manager: CID.id }, CID);
  await assertReplaysNow(world);
  assert.equal(JSON.stringify(await world.events()).includes('\u{fdd0}'), false);
});

test('a folder rebuilt from a log whose beginning has expired is the same, and keeps its tombstones and holds', {
  timeout: 200_000,
}, async (t) => {
  const world = await expireWithAll(t);
  await addHold(world.installation.log.journal, { ...WHO, why: 'inspection' });
  await world.employ(BOB, CID);
  await world.close();
  const into = join(world.folder, 'rebuilt');
  await rebuildInto({ folder: world.data }, into, 'test', () => undefined);
  const [before, after] = [world.data, into].map((folder) => {
    const snapshot = new JournalSnapshot(folder);
    const kept = [...snapshot.state()].filter(({ kind }) => kind === 'hold' || kind === 'tombstone');
    const below = snapshot.expiredBelow();
    snapshot.close();
    return { kept, below };
  });
  assert.deepEqual(after, before);
  assert.equal(after?.below, 256);
  assert.equal(after?.kept.length, 2);
});

test('the end of an expiry that two come to at once is reached by both', { timeout: 200_000 }, async (t) => {
  const world = await ErasureWorld.open(t, RETAINED);
  await world.employ(ANN, BOB, CID);
  await world.employ(BOB, CID);
  const { log } = world.installation;
  for (let month = 1; log.journal.size < 280; month++)
    await world.employ({ ...BOB, manager: '', department: `Department ${month}` }, CID);
  let other: Promise<void> | undefined;
  await applyRetention(world.installation, WHO, LATER, (step) => {
    if (step === 'accepted') other = finishExpiry(log);
  });
  assert.ok(other);
  await other;
  assert.equal(log.journal.firstRow, 256);
});
