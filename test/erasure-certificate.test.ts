// The certificate of an erasure: issued only when nothing is found any more, by our own search and by another one.
import assert from 'node:assert/strict';
import { copyFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { backUp } from '../ingest/backup/back-up.ts';
import { forgetBackup } from '../ingest/backup/list.ts';
import { exportBundle } from '../ingest/bundle/export-bundle.ts';
import { readRowsFrom } from '../ingest/bundle/read-rows.ts';
import { LogError } from '../ingest/errors.ts';
import { ANN, BOB, CID, ErasureWorld, grepBytes, grepFiles, keysOf } from './erasure-world.ts';
import { makeFolder } from './ingest-world.ts';

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

/** Ann has left, and is erased. */
async function eraseAnn(world: ErasureWorld): Promise<number> {
  await world.employ(CID);
  return (await world.erase(await world.objectOf(ANN.name))).event;
}

test('two certificates that are asked for at once are each about the person they name', async (t) => {
  const world = await ErasureWorld.open(t);
  await world.employ({ ...ANN, by: 'hr-clerk' }, { ...BOB, manager: '', by: 'hr-clerk', projects: '' }, CID);
  await world.employ(CID);
  const [ann, bob] = [await world.objectOf(ANN.name), await world.objectOf(BOB.name)];
  const [ofAnn, ofBob] = [(await world.erase(ann)).event, (await world.erase(bob)).event];
  const { clickhouse, eraser } = world.installation.log;
  await clickhouse.command(
    `INSERT INTO events_set_aside (sequence, object_name, set_aside_at) VALUES (7, '${ANN.name}', now64(6))`,
  );
  const [first, second] = await Promise.allSettled([eraser.certify(ofAnn, OPTIONS), eraser.certify(ofBob, OPTIONS)]);
  assert.ok(first.status === 'rejected' && second.status === 'fulfilled', JSON.stringify([first, second]));
  assert.ok(refused(/is still in events_set_aside\.object_name/)(first.reason), String(first.reason));
  assert.equal(second.value.erasure, ofBob);
});

test('a backup that is still being made stands in the certificate', async (t) => {
  const world = await ErasureWorld.open(t);
  await world.employ(ANN, CID);
  await world.employ(CID);
  const { log } = world.installation;
  const folder = join(makeFolder(t), 'backup');
  let begin = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const command = async (sql: string, params?: Record<string, unknown>) => {
    begin();
    await sleep(500);
    await log.clickhouse.command(sql, params);
  };
  const slow = { ...log, clickhouse: { ...log.clickhouse, command } };
  const copying = backUp(slow, folder, 'test');
  await begun;
  const { event } = await world.erase(await world.objectOf(ANN.name));
  const { backups } = await log.eraser.certify(event, OPTIONS);
  await copying;
  assert.deepEqual(
    backups.map(({ name }) => name.split(',')[0]),
    [realpathSync(folder)],
  );
});

test('after a restart no certificate is issued unless somebody says what to look for', async (t) => {
  const world = await ErasureWorld.open(t);
  await world.employ(ANN, CID);
  const event = await eraseAnn(world);
  await world.reopen();
  const { eraser } = world.installation.log;
  for (const names of [[], [' '], ['Li']])
    await assert.rejects(
      eraser.certify(event, { ...OPTIONS, names }),
      refused(/is known no more.* Say what the person/),
    );
  const names = [ANN.name, 'Anna'];
  for (const text of names) {
    const file = join(world.data, 'report.csv');
    writeFileSync(file, `7,${text},Sales\n`);
    await assert.rejects(eraser.certify(event, { ...OPTIONS, names }), refused(/still in \S+report\.csv\.$/));
    rmSync(file);
  }
  const certificate = await eraser.certify(event, { ...OPTIONS, names });
  assert.deepEqual(certificate.searched, { names: 2, keys: 0 });
  for (const name of [ANN.name, ANN.id]) assert.deepEqual(grepFiles(world.data, name), []);
  assert.equal((await valuesOf(world)).get('searched/values'), undefined, 'the event claims no more');
  await assert.rejects(eraser.certify(event, OPTIONS), refused(/a certificate was issued before/));
});

/** What the newest event says, by attribute; of several the last. */
async function valuesOf(world: ErasureWorld): Promise<Map<string, string | undefined>> {
  await world.installation.catchUp();
  const [last] = (await world.events()).slice(-1);
  return new Map(last?.values.map(({ attribute, new: text }) => [attribute, text]));
}

test('a bundle that has the person stands in the way, one that was made afterwards does not', async (t) => {
  const world = await ErasureWorld.open(t);
  await world.employ(ANN, CID);
  const { log } = world.installation;
  const outside = makeFolder(t);
  const exportTo = async (target: string) => {
    await log.shipper.delivered(log.journal.size);
    await log.checkpoints.current();
    await exportBundle({ dataFolder: world.data, target, readRows: readRowsFrom(log.clickhouse) });
  };
  const places = [join(outside, 'bundle'), join(world.data, 'bundle')];
  for (const place of places) await exportTo(place);
  const event = await eraseAnn(world);
  const { eraser } = log;
  const certify = () => eraser.certify(event, { ...OPTIONS, folders: [outside] });
  for (const place of places) {
    const rows = join(place, 'rows/000000000000.jsonl.gz');
    assert.deepEqual(grepFiles(rows, ANN.name), [], 'it is packed');
    await assert.rejects(certify(), (error: LogError) => {
      for (const said of [`${place} (a bundle with their keys)`, `${place}/keys.jsonl`, rows])
        assert.ok(error.message.includes(said), `${error.message} lacks ${said}`);
      return refused(/./)(error);
    });
    rmSync(place, { recursive: true });
  }
  await eraser.settle();
  await exportTo(join(outside, 'later'));
  const certificate = await certify();
  assert.deepEqual(certificate.notSearched, []);
  assert.ok(certificate.files > 5, 'those of the bundle');
});

test('a copy of the journal and a bundle are known by the keys they have, also after a restart', async (t) => {
  const world = await ErasureWorld.open(t);
  await world.employ(ANN, CID);
  const { log } = world.installation;
  const outside = makeFolder(t);
  await log.shipper.delivered(log.journal.size);
  await log.checkpoints.current();
  const target = join(outside, 'bundle');
  await exportBundle({ dataFolder: world.data, target, readRows: readRowsFrom(log.clickhouse) });
  await log.journal.workOnErasure({ kind: 'checkpoint' });
  const copy = join(outside, 'metatrail.sqlite');
  copyFileSync(join(world.data, 'metatrail.sqlite'), copy);
  const event = await eraseAnn(world);
  await world.reopen();
  // Nobody was ever called so: what is found is found by the numbers of the keys.
  const certify = () =>
    world.installation.log.eraser.certify(event, { ...OPTIONS, folders: [outside], names: ['Somebody Else'] });
  await assert.rejects(certify(), refused(new RegExp(`${copy}`)));
  await assert.rejects(certify(), refused(new RegExp(`${target} \\(a bundle with their keys\\)`)));
  for (const place of [target, copy]) rmSync(place, { recursive: true });
  await certify();
});

test('names too short for a search of bytes are looked for in text, and what is not looked for is counted', async (t) => {
  const world = await ErasureWorld.open(t);
  const wu = { ...ANN, id: 'E-77', name: 'Li Wu', department: 'IT' };
  const chang = { ...CID, name: 'Li Wu Chang' };
  await world.employ(wu, BOB, CID);
  await world.employ(BOB, CID);
  const { event } = await world.erase(await world.objectOf(wu.name));
  const { eraser } = world.installation.log;
  const file = join(world.data, 'report.csv');
  for (const text of [wu.name, wu.id]) {
    writeFileSync(file, `id,name\n7,${text}\n`);
    await assert.rejects(eraser.certify(event, OPTIONS), refused(/still in \S+report\.csv\.$/));
  }
  writeFileSync(file, 'id,name\nE-771,Li Wung\n');
  const { not, searched } = await eraser.certify(event, OPTIONS);
  assert.deepEqual({ short: not.short, common: not.common }, { short: 1, common: 0 }, 'IT');
  assert.ok(searched.names > 2 && searched.keys > 2 && (searched.values ?? 0) > 2);
  const said = await valuesOf(world);
  assert.equal(said.get('not-searched/short'), '1');
  assert.equal(said.get('not-searched/shared'), String(not.shared));
  assert.equal(said.get('not-searched-in-files/unmarked'), String(not.unmarked));

  // Once more, where others have the short name as a word: it would be found for good.
  await world.employ(wu, BOB, chang);
  await world.employ(BOB, chang);
  writeFileSync(file, 'id,name\nE-1003,Li Wu Chang\n');
  const again = await world.erase(await world.objectOf(wu.name));
  const second = await eraser.certify(again.event, OPTIONS);
  assert.equal(second.not.common, 1, 'Li Wu');
  assert.equal((await valuesOf(world)).get('not-searched-in-files/common'), '1');
});

test("a value marked neither personal nor sensitive that is somebody else's by now, or a word of the log, is counted as shared", async (t) => {
  for (const department of ['Secretariat of the crown', 'connector-flow']) {
    const world = await ErasureWorld.open(t);
    await world.employ({ ...ANN, department }, CID);
    const event = await eraseAnn(world);
    await world.employ({ ...BOB, manager: '', by: 'hr-clerk', department: 'Secretariat of the crown' }, CID);
    const { not } = await world.installation.log.eraser.certify(event, OPTIONS);
    assert.ok(not.shared > 0, department);
    await world.close();
  }
});

test('what somebody is called is looked for also when another person is called so by now', async (t) => {
  const world = await ErasureWorld.open(t);
  await world.employ(ANN, CID);
  const event = await eraseAnn(world);
  await world.employ({ ...BOB, manager: '', by: 'hr-clerk', name: ANN.name }, CID);
  await assert.rejects(world.installation.log.eraser.certify(event, OPTIONS), refused(/is still in/));
});

test('a value that is marked neither personal nor sensitive is looked for in tables and counted', async (t) => {
  const world = await ErasureWorld.open(t);
  await world.employ({ ...ANN, department: 'Secretariat of the crown' }, CID);
  const event = await eraseAnn(world);
  writeFileSync(join(world.data, 'departments.csv'), 'Secretariat of the crown\n');
  const { not } = await world.installation.log.eraser.certify(event, OPTIONS);
  assert.ok(not.unmarked > 0);
});

test('a part that no table reads any more stands in the way', async (t) => {
  const world = await ErasureWorld.open(t);
  await world.employ(ANN, CID);
  const { clickhouse, eraser, journal, shipper } = world.installation.log;
  await shipper.delivered(journal.size);
  await clickhouse.command("ALTER TABLE events FREEZE WITH NAME 'forgotten'");
  const event = await eraseAnn(world);
  await assert.rejects(eraser.certify(event, OPTIONS), refused(/shadow\/forgotten\S+ \(a part that no table reads\)/));
  rmSync(join(world.data, 'clickhouse/shadow'), { recursive: true });
  await eraser.certify(event, OPTIONS);
});

test('what could not be searched is named in the certificate and in its event', async (t) => {
  const world = await ErasureWorld.open(t);
  await world.employ(ANN, CID);
  const event = await eraseAnn(world);
  const file = join(world.data, 'archive.zip');
  writeFileSync(file, Buffer.from('504b0304000000000000', 'hex'));
  const { notSearched } = await world.installation.log.eraser.certify(event, OPTIONS);
  assert.deepEqual(notSearched, [`${file} (zip)`]);
  const said = await valuesOf(world);
  assert.deepEqual([said.get('not-searched/files'), said.get('not-searched/file')], ['1', `${file} (zip)`]);
});

test('the backups that were made are named, those on the list and those that are found, and are not searched', async (t) => {
  const world = await ErasureWorld.open(t);
  await world.employ(ANN, CID);
  const { log } = world.installation;
  const outside = realpathSync(makeFolder(t));
  const places = [join(outside, 'listed'), join(outside, 'found')];
  const [listed = '', found = ''] = places;
  for (const place of places) await backUp(log, place, 'test');
  assert.ok(await forgetBackup(log.journal, found));
  const event = await eraseAnn(world);
  const backups = [{ name: 'tape 7', until: '2027-03-31' }];
  const certificate = await log.eraser.certify(event, { ...OPTIONS, folders: [found], backups });
  const names = certificate.backups.map(({ name }) => name.replace(/, made .*$/, ', made'));
  assert.deepEqual(names, [`${listed}, made`, `${found}, made`, 'tape 7']);
  assert.deepEqual(certificate.notSearched, []);
  await world.installation.catchUp();
  const [last] = (await world.events()).slice(-1);
  const said = last?.values.flatMap(({ attribute, new: text }) => (attribute === 'backup' ? [text] : []));
  assert.deepEqual(said, [certificate.backups[0]?.name, certificate.backups[1]?.name, 'tape 7, until 2027-03-31']);
});
