// Backups made at any moment of a running engine, and data folders made of them.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { carryOut } from '../api/maintenance.ts';
import { backUp } from '../ingest/backup/back-up.ts';
import { forgetBackup, listBackups } from '../ingest/backup/list.ts';
import { MANIFEST_FILE, type Manifest, readManifest, writeManifest } from '../ingest/backup/manifest.ts';
import { restore } from '../ingest/backup/restore.ts';
import { fromRow, rowSchema } from '../ingest/clickhouse/rows.ts';
import { LogError } from '../ingest/errors.ts';
import { JournalSnapshot } from '../ingest/journal/snapshot.ts';
import { openChangeLog } from '../ingest/log.ts';
import { assertWhole, openCompany, runCycle, writePeople } from './backup-world.ts';
import { limitFiles } from './file-size-limit.ts';
import { afterwards, makeBatch, makeFolder } from './ingest-world.ts';
import { makeCompany, metatrail, signIn, startService } from './service-world.ts';

const PROGRAM = 'test';

test('backups made while imports, flows and exports go on: each is restored whole, and goes on', async (t) => {
  const folder = makeFolder(t);
  const data = path.join(folder, 'data');
  const running = await openCompany(folder, data);
  const made: string[] = [];
  let isEnough = false;
  const living = (async () => {
    for (let round = 0; !isEnough; round++) {
      writePeople(folder, 200, round);
      await runCycle(running);
    }
  })();
  for (const pause of [0, 50, 300, 100]) {
    await sleep(pause);
    const place = path.join(folder, `backup-${made.length}`);
    await backUp(running.log, place, PROGRAM);
    made.push(place);
  }
  isEnough = true;
  await living;
  await running.close();
  const sizes = new Set<number>();
  for (const place of made) {
    const restored = path.join(folder, 'restored');
    const { size, root, log, delivered } = await restore(place, restored);
    sizes.add(size);
    assert.ok(delivered <= size);
    const elsewhere = path.join(folder, 'elsewhere');
    writePeople(elsewhere, 200, 0);
    const opened = await openChangeLog({ folder: restored });
    assert.deepEqual({ ...(await opened.journal.head()), log: opened.journal.log }, { size, root, log });
    await opened.close();
    // What was in the air when the backup was made is found by the next import, and the log has no gap.
    const again = await openCompany(elsewhere, restored);
    await runCycle(again);
    assert.ok(again.log.journal.size > size);
    await assertWhole(again.log);
    await again.close();
    for (const used of [restored, elsewhere]) rmSync(used, { recursive: true });
  }
  t.diagnostic(`${made.length} backups of ${sizes.size} different moments`);
  assert.ok(sizes.size >= 3, 'they are of different moments');
});

/** A data folder of a few hundred events, and a backup of it. */
async function makeBackup(t: TestContext): Promise<{ folder: string; place: string }> {
  const folder = makeFolder(t);
  const log = await openChangeLog({ folder: path.join(folder, 'data') });
  await log.journal.accept((base) => makeBatch(base, 600));
  await log.shipper.delivered(600);
  writeFileSync(path.join(folder, 'data', 'checkpoint-key'), 'a key', { mode: 0o600 });
  const place = path.join(folder, 'backup');
  try {
    await backUp(log, place, PROGRAM);
  } finally {
    await log.close();
  }
  return { folder, place };
}

async function refused(place: string, to: string, code: string): Promise<string> {
  let said = '';
  await assert.rejects(restore(place, to), (error) => {
    assert.ok(error instanceof LogError, String(error));
    assert.equal(error.code, code, error.message);
    said = error.message;
    return true;
  });
  assert.ok(!existsSync(to) || readdirSync(to).length === 0, 'nothing is left of it');
  assert.ok(!existsSync(`${to}.restoring`));
  return said;
}

test('every file of a backup is for its owner alone; keys beside the journal are among them', async (t) => {
  const { folder, place } = await makeBackup(t);
  for (const entry of readdirSync(place, { withFileTypes: true, recursive: true })) {
    const { mode } = statSync(path.join(entry.parentPath, entry.name));
    assert.equal(mode & 0o777, entry.isDirectory() ? 0o700 : 0o600, entry.name);
  }
  assert.equal(statSync(place).mode & 0o777, 0o700);
  await restore(place, path.join(folder, 'restored'));
  assert.equal(readFileSync(path.join(folder, 'restored', 'checkpoint-key'), 'utf8'), 'a key');
  const restored = new JournalSnapshot(path.join(folder, 'restored'));
  afterwards(t, () => restored.close());
  assert.deepEqual(
    listBackups(restored).map((each) => [each.folder, each.size]),
    [[place, 600]],
    'what it was made of is on the list of the new folder',
  );
});

test('that a backup was made, and by whom, is accepted before it has its name', async (t) => {
  const folder = makeFolder(t);
  const log = await openChangeLog({ folder: path.join(folder, 'data') });
  afterwards(t, () => log.close());
  await log.journal.accept((base) => makeBatch(base, 20));
  await log.shipper.delivered(20);
  const place = path.join(folder, 'backup');
  const wasThere: boolean[] = [];
  log.journal.onAccepted(() => wasThere.push(existsSync(place)));
  await carryOut(log, { task: 'back-up', folder: place }, () => undefined, { viewer: 'command line' });
  assert.deepEqual([wasThere, existsSync(place)], [[false], true]);
  const [last] = log.journal.rows(20, 1);
  const read = fromRow(rowSchema.parse(JSON.parse(last?.row ?? '')));
  const told = Object.fromEntries(read.values.map((value) => [value.attribute, value.new]));
  assert.deepEqual([read.stage, read.outcome, read.initiator], ['read', 'answered', 'command line']);
  assert.deepEqual([told.question, told.rows, told['parameter/folder']], ['backup', '20', place]);
  // Nothing is made when it cannot be recorded.
  log.journal.acceptFirst = () => Promise.reject(new LogError('journal-full', 'No room.'));
  const again = carryOut(log, { task: 'back-up', folder: `${place}-2` }, () => undefined, { viewer: 'command line' });
  await assert.rejects(again, { code: 'journal-full' });
  assert.deepEqual(readdirSync(folder).sort(), ['backup', 'data']);
});

test('of a trimmed journal the rest is in the ClickHouse of the backup', async (t) => {
  const folder = makeFolder(t);
  const log = await openChangeLog({ folder: path.join(folder, 'data') });
  await log.journal.accept((base) => makeBatch(base, 1000));
  await log.shipper.delivered(1000);
  const first = await log.journal.trim(900);
  assert.ok(first > 0);
  const place = path.join(folder, 'backup');
  const { root } = await backUp(log, place, PROGRAM);
  await log.close();
  await restore(place, path.join(folder, 'restored'));
  const restored = await openChangeLog({ folder: path.join(folder, 'restored') });
  afterwards(t, () => restored.close());
  assert.deepEqual(await restored.journal.head(), { size: 1000, root });
  assert.equal(restored.journal.firstRow, first);
  await restored.journal.accept((base) => makeBatch(base, 10));
  await restored.shipper.delivered(1010);
  const held = z.object({ events: z.number(), sum: z.number() });
  const counted = await restored.clickhouse.select(
    'SELECT count() AS events, sum(sequence) AS sum FROM events',
    {},
    held,
  );
  assert.deepEqual(counted, [{ events: 1010, sum: (1010 * 1009) / 2 }]);
});

test('a backup that is damaged or incomplete is refused, and the file at fault is named', async (t) => {
  const { folder, place } = await makeBackup(t);
  const to = path.join(folder, 'restored');
  const { files } = readManifest(place);
  const kinds = ['metatrail.sqlite', 'checkpoint-key', 'clickhouse/events/', 'clickhouse/entitlement_changes/'];
  const chosen = kinds.map((kind) => files.find((file) => file.path.startsWith(kind) && file.bytes > 0)?.path);
  for (const file of chosen) {
    if (file === undefined) continue;
    const whole = path.join(place, file);
    const bytes = readFileSync(whole);
    const changed = Buffer.from(bytes);
    const at = Math.floor(bytes.length / 2);
    changed[at] = (changed[at] ?? 0) ^ 1;
    writeFileSync(whole, changed);
    assert.equal(
      await refused(place, to, 'backup-damaged'),
      `${whole} has another content than when the backup was made.`,
    );
    writeFileSync(whole, bytes.subarray(1));
    assert.match(await refused(place, to, 'backup-damaged'), /bytes instead of/);
    rmSync(whole);
    assert.equal(await refused(place, to, 'backup-damaged'), `${whole} is missing from the backup.`);
    writeFileSync(whole, bytes);
  }
  assert.ok(chosen.filter((file) => file !== undefined).length >= 3);
  const manifest = path.join(place, MANIFEST_FILE);
  const text = readFileSync(manifest, 'utf8');
  writeFileSync(manifest, text.replace('"size":600', '"size":599'));
  assert.match(await refused(place, to, 'backup-damaged'), /not as a backup of this version writes it/);
  rmSync(manifest);
  assert.match(await refused(place, to, 'backup-damaged'), /holds no whole backup: backup\.json/);
  writeFileSync(manifest, text);
  await restore(place, to);
});

test('a manifest made up by somebody: a way out of the folder, another root, a newer program', async (t) => {
  const { folder, place } = await makeBackup(t);
  const to = path.join(folder, 'restored');
  const honest = readManifest(place);
  const forge = (change: Partial<Manifest>) =>
    writeFileSync(path.join(place, MANIFEST_FILE), writeManifest({ ...honest, ...change }));
  const secret = path.join(folder, 'secret');
  writeFileSync(secret, 'x');
  const sha256 = createHash('sha256').update('x').digest('hex');
  for (const way of ['../secret', secret, 'a/../../secret']) {
    forge({ files: [...honest.files, { path: way, bytes: 1, sha256 }] });
    assert.match(await refused(place, to, 'backup-damaged'), /not as a backup of this version writes it/);
  }
  forge({ root: '0'.repeat(64) });
  assert.match(await refused(place, to, 'backup-damaged'), /is not the log that its manifest names/);
  forge({ size: 599 });
  assert.match(await refused(place, to, 'backup-damaged'), /is not the log that its manifest names/);
  forge({ files: honest.files.filter((file) => !file.path.startsWith('clickhouse/')) });
  await refused(place, to, 'clickhouse-refused');
  forge({ dataVersion: 1000 });
  await refused(place, to, 'data-folder-newer');
  forge({});
  mkdirSync(to);
  writeFileSync(path.join(to, 'something'), '');
  await assert.rejects(restore(place, to), { code: 'restore-refused', message: /is not empty/ });
  rmSync(path.join(to, 'something'));
  await restore(place, to);
});

test('on a full disk nothing is left that looks like a backup, and the log goes on', async (t) => {
  const folder = makeFolder(t);
  const log = await openChangeLog({ folder: path.join(folder, 'data') });
  afterwards(t, () => log.close());
  await log.journal.accept((base) => makeBatch(base, 3000));
  await log.shipper.delivered(3000);
  const limit = limitFiles(t);
  const place = path.join(folder, 'backup');
  for (const bytes of [1000, 300_000]) {
    limit(bytes);
    await assert.rejects(backUp(log, place, PROGRAM), {
      code: 'backup-failed',
      message: `The disk of ${place} is full.`,
    });
    limit('unlimited');
    assert.deepEqual(readdirSync(folder), ['data']);
    assert.deepEqual(listBackups(log.journal), []);
    assert.ok(!existsSync(path.join(folder, 'data/clickhouse/shadow/metatrail_backup')));
  }
  await backUp(log, place, PROGRAM);
  await log.journal.accept((base) => makeBatch(base, 10));
  await assert.rejects(backUp(log, place, PROGRAM), { code: 'backup-failed', message: /is there already/ });
});

test('backups are on a list until they are taken off it', async (t) => {
  const folder = makeFolder(t);
  const log = await openChangeLog({ folder: path.join(folder, 'data') });
  afterwards(t, () => log.close());
  const [first, second] = [path.join(folder, 'first'), path.join(folder, 'second')];
  for (const place of [first, second]) {
    await log.journal.accept((base) => makeBatch(base, 10));
    await backUp(log, place, PROGRAM);
  }
  const told = () => listBackups(log.journal).map(({ folder: place, size, isThere }) => [place, size, isThere]);
  assert.deepEqual(told(), [
    [first, 10, true],
    [second, 20, true],
  ]);
  rmSync(first, { recursive: true });
  assert.deepEqual(told()[0], [first, 10, false]);
  assert.equal(await forgetBackup(log.journal, first), true);
  assert.equal(await forgetBackup(log.journal, first), false);
  assert.deepEqual(told(), [[second, 20, true]]);
});

test('a backup killed in the middle leaves nothing that is taken for one, and the next is made', async (t) => {
  const folder = makeFolder(t);
  const data = path.join(folder, 'data');
  const log = await openChangeLog({ folder: data });
  await log.journal.accept((base) => makeBatch(base, 5000));
  await log.shipper.delivered(5000);
  await log.close();
  const program = path.join(import.meta.dirname, '../api/metatrail.ts');
  let cut = 0;
  for (const delay of [0, 5, 15, 30, 60, 120]) {
    const place = path.join(folder, `killed-${delay}`);
    const child = spawn(process.execPath, [program, 'backup', place, '--data', data], {
      stdio: 'ignore',
      env: { ...process.env, UV_THREADPOOL_SIZE: '16' },
    });
    const ended = once(child, 'exit');
    while (!existsSync(`${place}.incomplete`) && !existsSync(place) && child.exitCode === null) await sleep(2);
    await sleep(delay);
    child.kill('SIGKILL');
    await ended;
    if (existsSync(place)) {
      await restore(place, path.join(folder, `restored-${delay}`));
      continue;
    }
    cut += 1;
    await refused(`${place}.incomplete`, path.join(folder, 'restored'), 'backup-damaged');
    await refused(place, path.join(folder, 'restored'), 'backup-damaged');
  }
  t.diagnostic(`${cut} of 6 were cut off`);
  assert.ok(cut >= 2);
  const again = await openChangeLog({ folder: data });
  afterwards(t, () => again.close());
  await backUp(again, path.join(folder, 'whole'), PROGRAM);
  await assertWhole(again);
});

test('what a backup that was killed has left of its links is no obstacle to the next', async (t) => {
  const log = await openChangeLog({ folder: makeFolder(t) });
  afterwards(t, () => log.close());
  await log.journal.accept((base) => makeBatch(base, 20));
  await log.shipper.delivered(20);
  const shadow = path.join(log.journal.folder, 'clickhouse', 'shadow');
  mkdirSync(path.join(shadow, 'metatrail_backup', 'store'), { recursive: true });
  // Where ClickHouse counts what it froze: cut off before the number was written.
  writeFileSync(path.join(shadow, 'increment.txt'), '');
  await backUp(log, path.join(makeFolder(t), 'backup'), PROGRAM);
  assert.ok(!existsSync(path.join(shadow, 'metatrail_backup')));
});

test('the command line asks the running service, and restores beside it', async (t) => {
  const company = makeCompany(t);
  const service = await startService(t, company);
  assert.equal((await metatrail(company, 'run', 'hr', 'full')).status, 0);
  const compared = await metatrail(company, 'replay', '--compare');
  assert.match(compared.stdout, /^\d+ events replayed: the state is what they make, in all \d+ of its values\.\n$/);
  assert.equal(compared.status, 0);
  const place = path.join(company.folder, 'backups', 'monday');
  const backup = await metatrail(company, 'backup', place);
  assert.equal(backup.status, 0, backup.stderr);
  const [, size, root] = /: (\d+) events, root ([0-9a-f]{64}), /.exec(backup.stdout) ?? [];
  assert.match((await metatrail(company, 'backups')).stdout, new RegExp(` ${place}: ${size} events`));
  const cookie = await signIn(service);
  const byCookie = await fetch(new URL('maintenance', service.url), {
    method: 'POST',
    headers: { cookie, 'x-metatrail': '1', 'content-type': 'application/json' },
    body: JSON.stringify({ task: 'back-up', folder: path.join(company.folder, 'mine') }),
  });
  assert.equal(byCookie.status, 403, 'who signs in over HTTP writes no files here');
  const restored = path.join(company.folder, 'restored');
  // More is accepted, signed and given out; then the backup is restored.
  assert.equal((await metatrail(company, 'run', 'hr', 'full')).status, 0);
  const checkpoint = path.join(company.folder, 'checkpoint');
  const note = await fetch(new URL('log/checkpoint', service.url), { headers: { cookie } });
  writeFileSync(checkpoint, await note.text());
  const made = await metatrail(company, 'restore', place, '--data', restored, '--checkpoint', checkpoint);
  assert.equal(made.status, 0, made.stderr);
  assert.match(
    made.stdout,
    new RegExp(`${size} events, root ${root}\\.\nWhatever was accepted after that, from event ${size} on`),
  );
  const signed = Number(readFileSync(checkpoint, 'utf8').split('\n')[1]);
  assert.ok(signed > Number(size), `${signed} ${size}`);
  assert.match(made.stdout, new RegExp(`signed over ${signed} events: events ${size} to ${signed - 1} are lost here`));
  const elsewhere = { ...company, data: restored, environment: { ...company.environment, METATRAIL_DATA: restored } };
  assert.equal((await metatrail(elsewhere, 'run', 'hr', 'full')).status, 0);
  assert.equal((await metatrail(elsewhere, 'replay', '--compare')).status, 0);
  const again = await metatrail(company, 'restore', place, '--data', restored);
  assert.deepEqual([again.status, again.stdout], [1, '']);
  assert.match(again.stderr, /is not empty; name one that is empty or not there\./);
  const forgotten = await metatrail(company, 'backups', '--forget', path.join(company.folder, 'other'));
  assert.match(forgotten.stderr, /^There is no backup .*other on the list/);
});
