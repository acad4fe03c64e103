// Backups that somebody made up or changed, and places that are not what they seem: nothing outside of the new data folder
// is read, written, run or waited for.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { backUp } from '../ingest/backup/back-up.ts';
import { listBackups } from '../ingest/backup/list.ts';
import { restore } from '../ingest/backup/restore.ts';
import { LogError } from '../ingest/errors.ts';
import { type ChangeLog, openChangeLog } from '../ingest/log.ts';
import { tamper } from './checkpoint-world.ts';
import { afterwards, makeBatch, makeFolder } from './ingest-world.ts';

const KEY = 'checkpoint-key';

async function openLog(t: TestContext): Promise<ChangeLog> {
  const log = await openChangeLog({ folder: makeFolder(t) });
  await log.journal.accept((base) => makeBatch(base, 20));
  await log.shipper.delivered(20);
  return log;
}

async function makeBackup(t: TestContext): Promise<string> {
  const place = path.join(makeFolder(t), 'backup');
  const log = await openLog(t);
  await backUp(log, place, 'test');
  // A process has one embedded ClickHouse at a time.
  await log.close();
  return place;
}

/** Changes the text of a manifest, its own hash included. */
function rewrite(place: string, change: (manifest: string) => string): void {
  const file = path.join(place, 'backup.json');
  const text = `${change(readFileSync(file, 'utf8').split('\n')[0] ?? '')}\n`;
  writeFileSync(file, `${text}${createHash('sha256').update(text).digest('hex')}\n`);
}

test('a backup is restored beside no file, and where a link leads', async (t) => {
  const place = await makeBackup(t);
  const file = path.join(makeFolder(t), 'precious');
  writeFileSync(file, 'precious');
  await assert.rejects(restore(place, file), { code: 'restore-refused' });
  assert.equal(readFileSync(file, 'utf8'), 'precious');

  const [target, link] = [makeFolder(t), path.join(makeFolder(t), 'link')];
  symlinkSync(target, link);
  await restore(place, link);
  assert.ok(lstatSync(link).isSymbolicLink());
  assert.ok(existsSync(path.join(target, 'metatrail.sqlite')));
});

test('a folder that somebody begins to use meanwhile is left to them', async (t) => {
  const place = await makeBackup(t);
  const target = path.join(makeFolder(t), 'data');
  mkdirSync(target);
  const restoring = restore(place, target);
  while (!existsSync(`${target}.restoring`)) await sleep(1);
  writeFileSync(path.join(target, 'metatrail.sqlite'), 'somebody else’s');
  await assert.rejects(restoring, { code: 'restore-refused' });
  assert.equal(readFileSync(path.join(target, 'metatrail.sqlite'), 'utf8'), 'somebody else’s');
});

test('statements in a backup are not run, and tables that no log has are refused', async (t) => {
  const place = await makeBackup(t);
  const out = path.join(makeFolder(t), 'written.csv');
  const table = { name: 'more', create: `INSERT INTO FUNCTION file('${out}', 'CSV', 'a String') VALUES ('x')` };
  const add = (parts: string) => (manifest: string) =>
    manifest.replace('"tables":[', `"tables":[${JSON.stringify(table).slice(0, -1)},"parts":[${parts}]},`);
  rewrite(place, add(''));
  await restore(place, path.join(makeFolder(t), 'data'));
  rewrite(place, add('"all_1_1_0"'));
  await assert.rejects(restore(place, path.join(makeFolder(t), 'data')), { code: 'backup-damaged' });
  assert.ok(!existsSync(out));
});

test('a pipe in a backup is not waited for, a link not followed, and what is too large not copied', async (t) => {
  const place = await makeBackup(t);
  const target = path.join(makeFolder(t), 'data');
  const file = path.join(place, KEY);
  const key = readFileSync(file);
  const refused = async (how: RegExp) => {
    await assert.rejects(restore(place, target), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'backup-damaged');
      assert.match(error.message, how);
      return true;
    });
    assert.ok(!existsSync(target) && !existsSync(`${target}.restoring`));
  };
  rmSync(file);
  assert.equal(spawnSync('mkfifo', [file]).status, 0);
  await refused(/is no file/);
  rmSync(file);
  const elsewhere = path.join(makeFolder(t), KEY);
  writeFileSync(elsewhere, key);
  symlinkSync(elsewhere, file);
  await refused(/is no file/);
  rmSync(file);
  writeFileSync(file, key);
  truncateSync(file, 3_000_000_000);
  await refused(/has 3000000000 bytes instead/);
});

test('a backup that is there is on the list, whatever fails when it is put there', async (t) => {
  const log = await openLog(t);
  afterwards(t, () => log.close());
  const place = path.join(makeFolder(t), 'backup');
  const { folder } = log.journal;
  const trigger = "BEFORE INSERT ON facts WHEN new.name = 'backups' BEGIN SELECT RAISE(ABORT, 'full'); END";
  tamper(folder, `CREATE TRIGGER full ${trigger}`);
  await assert.rejects(backUp(log, place, 'test'));
  tamper(folder, 'DROP TRIGGER full');
  assert.deepEqual(listBackups(log.journal), []);
  assert.ok(!existsSync(place) && !existsSync(`${place}.incomplete`));

  await backUp(log, place, 'test');
  assert.deepEqual(
    listBackups(log.journal).map(({ folder: of, isThere }) => [of, isThere]),
    [[place, true]],
  );
  assert.equal(statSync(place).mode & 0o777, 0o700);
});

test('what made a backup fail is said first, also when what it froze cannot be let go then', async (t) => {
  const log = await openLog(t);
  const place = path.join(makeFolder(t), 'backup');
  const frozen = path.join(log.journal.folder, 'clickhouse/shadow');
  const made = backUp(log, place, 'test').catch((error: unknown) => error);
  // The journal is copied when everything is frozen.
  while (!existsSync(path.join(`${place}.incomplete`, 'metatrail.sqlite'))) await nextTurn();
  rmSync(path.join(frozen, 'metatrail_backup'), { recursive: true });
  rmSync(path.join(frozen, 'increment.txt'), { force: true });
  mkdirSync(path.join(frozen, 'increment.txt'));
  const error = await made;
  await log.close();
  assert.ok(error instanceof LogError);
  assert.equal(error.code, 'backup-failed');
  assert.match(
    error.message,
    /^The backup .* could not be made: ENOENT.*\. Nor could what was begun be taken back: .*EISDIR/,
  );
  assert.equal(existsSync(`${place}.incomplete`), false);
});
