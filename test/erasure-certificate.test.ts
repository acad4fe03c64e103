// The certificate of an erasure: issued only when nothing is found any more, by our own search and by another one.
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { LogError } from '../ingest/errors.ts';
import { ANN, BOB, CID, ErasureWorld, grepBytes, grepFiles, keysOf } from './erasure-world.ts';

const OPTIONS = { who: 'privacy officer', by: 'administrator', folders: [], backups: [] };
const refused = (message: RegExp) => (error: unknown) =>
  error instanceof LogError && error.code === 'certificate-refused' && message.test(error.message);

test('a certificate is issued when no file and no table has anything of the person any more', async (t) => {
  const world = await ErasureWorld.open(t);
  await world.employ(ANN, BOB, CID);
  await world.employ({ ...BOB, manager: '' }, CID);
  const names = ['Annabel Lindqvist', 'E-1001'];
  const keys = keysOf(world);
  for (const name of names) assert.notDeepEqual(grepFiles(world.data, name), [], 'the search finds what is there');
  const { event, plan } = await world.erase(await world.objectOf(ANN.name));
  const { eraser, journal } = world.installation.log;
  const certificate = await eraser.certify(event, {
    ...OPTIONS,
    backups: [{ name: 'tape 7', until: '2027-03-31' }],
  });
  for (const name of names) assert.deepEqual(grepFiles(world.data, name), []);
  for (const number of plan.keyNumbers) {
    const key = keys.get(number) ?? assert.fail('the key was there');
    assert.deepEqual(grepBytes(world.data, key), [], `the key ${number}`);
  }
  assert.deepEqual(grepBytes(world.data, keys.get(1) ?? assert.fail()), [join(world.data, 'metatrail.sqlite')]);
  assert.equal(journal.size, certificate.event + 1);
  await world.installation.catchUp();
  const [last] = (await world.events()).slice(-1);
  assert.equal(last?.outcome, 'erasure-certified');
  assert.deepEqual(last?.causes, [event]);
  assert.ok(
    last?.values.some(({ attribute, new: text }) => attribute === 'backup' && text === 'tape 7, until 2027-03-31'),
  );
});

test('no certificate is issued while something is left, and it says where', async (t) => {
  const world = await ErasureWorld.open(t);
  await world.employ(ANN, BOB, CID);
  await world.employ(BOB, CID);
  const ann = await world.objectOf(ANN.name);
  const { event, plan } = await world.erase(ann);
  assert.match(plan.remains.join(), /hr still names them in 1 of its entries/);
  const { eraser } = world.installation.log;
  await assert.rejects(eraser.certify(event - 1, OPTIONS), refused(/is no erasure/));
  // Bob's row in hr still names her as his manager and as who changed it.
  await assert.rejects(eraser.certify(event, OPTIONS), refused(/metatrail\.sqlite/));
  await world.employ({ ...BOB, manager: '', by: 'hr-clerk' }, CID);
  await assert.rejects(eraser.certify(event, OPTIONS), refused(/events\.value\.old/));
  await world.erase(ann, ['E-1001', 'CORP\\E-1001']);
  const file = join(world.data, 'report.csv');
  writeFileSync(file, 'id,name\nE-1001,Annabel Lindqvist\n');
  await assert.rejects(eraser.certify(event, OPTIONS), refused(/still in \S+report\.csv\.$/));
  rmSync(file);
  await eraser.certify(event, OPTIONS);
});

test('after a restart what was erased is known no more: the certificate says that it was not searched for', async (t) => {
  const world = await ErasureWorld.open(t);
  await world.employ(ANN, CID);
  await world.employ(CID);
  const { event } = await world.erase(await world.objectOf(ANN.name));
  await world.reopen();
  const certificate = await world.installation.log.eraser.certify(event, OPTIONS);
  assert.equal(certificate.searched, undefined);
  for (const name of [ANN.name, ANN.id]) assert.deepEqual(grepFiles(world.data, name), []);
});
