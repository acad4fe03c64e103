// What a recovery set aside is out of the log, and still about somebody: an erasure empties it as well.
import assert from 'node:assert/strict';
import { cpSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { openClickHouse } from '../ingest/clickhouse/connect.ts';
import { repair } from '../ingest/clickhouse/recover.ts';
import { diagnose } from '../ingest/clickhouse/recover-diagnosis.ts';
import { Journal } from '../ingest/journal/journal.ts';
import { ANN, BOB, CID, ErasureWorld, grepFiles } from './erasure-world.ts';
import { makeFolder } from './ingest-world.ts';

const OPTIONS = { who: 'privacy officer', by: 'administrator', folders: [], backups: [] };
/** What only the part of the log that was lost has of her. */
const LOST = { ...ANN, department: 'Secretariat of the crown' };

/** The journal is put back to where it was before; what it does not know is set aside. */
async function recover(data: string, backup: string): Promise<void> {
  for (const name of readdirSync(data).filter((each) => each !== 'clickhouse')) rmSync(path.join(data, name));
  for (const name of readdirSync(backup).filter((each) => each !== 'clickhouse'))
    cpSync(path.join(backup, name), path.join(data, name));
  const journal = await Journal.open(data);
  const clickhouse = openClickHouse({ folder: data });
  const order = { by: 'administrator', why: 'the disk was replaced', fromJournal: false };
  const { setAside } = await repair(journal, clickhouse, await diagnose(journal, clickhouse), order);
  assert.ok(setAside > 0);
  await clickhouse.close();
  await journal.close();
}

/** A company of which the last part of the log was set aside, and from which Ann has gone since. */
async function makeWorld(t: Parameters<typeof ErasureWorld.open>[0]): Promise<{ world: ErasureWorld; ann: string }> {
  const world = await ErasureWorld.open(t);
  await world.employ(ANN, BOB, CID);
  const ann = await world.objectOf(ANN.name);
  await world.close();
  const backup = path.join(makeFolder(t), 'backup');
  cpSync(world.data, backup, { recursive: true });
  await world.reopen();
  await world.employ(LOST, { ...BOB, department: 'Fishery', by: 'CORP\\E-1001' }, CID);
  await world.close();
  await recover(world.data, backup);
  await world.reopen();
  await world.employ({ ...BOB, manager: '', by: 'hr-clerk' }, CID);
  return { world, ann };
}

function readSetAside(world: ErasureWorld): Promise<{ about: string; texts: string }[]> {
  return world.rows(
    `SELECT toString(object) AS about, concat(object_name, anchor, dn, initiator, arrayStringConcat(value.old), arrayStringConcat(value.new)) AS texts
     FROM events_set_aside ORDER BY sequence`,
    z.object({ about: z.string(), texts: z.string() }),
  );
}

test('rows that a recovery set aside are emptied of the person, and the certificate is issued', {
  timeout: 240_000,
}, async (t) => {
  const { world, ann } = await makeWorld(t);
  const bob = await world.objectOf(BOB.name);
  const before = await readSetAside(world);
  assert.ok(before.some(({ about, texts }) => about === ann && texts.includes(LOST.department)));
  const { event } = await world.erase(ann, ['CORP\\E-1001']);
  await world.installation.log.eraser.certify(event, OPTIONS);
  for (const text of [ANN.name, ANN.id, LOST.department])
    assert.deepEqual(grepFiles(world.data, text), [], `${text} is nowhere`);
  const after = await readSetAside(world);
  assert.equal(after.length, before.length);
  assert.ok(
    after.some(({ about, texts }) => about === bob && texts.includes('Fishery')),
    'of others all of it stays',
  );
  const [said] = (await world.events()).filter(({ outcome }) => outcome === 'person-erased');
  assert.ok(Number(said?.values.find(({ attribute }) => attribute === 'set-aside')?.new) > 0);
});

test('an erasure that was cut off empties them when the service is there again', { timeout: 240_000 }, async (t) => {
  const { world, ann } = await makeWorld(t);
  await world.erase(ann, ['CORP\\E-1001']);
  await world.reopen();
  assert.ok(
    (await readSetAside(world)).some(({ texts }) => texts.includes(LOST.department)),
    'not yet',
  );
  await world.installation.log.eraser.settle();
  for (const { texts } of await readSetAside(world))
    for (const text of [ANN.name, ANN.id, LOST.department]) assert.ok(!texts.includes(text), 'it is emptied');
});
