// A data folder whose state is rebuilt from its log, and how the engine goes on there.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { rebuildInto } from '../engine/replay/rebuild.ts';
import { compareFolder } from '../engine/replay/replay-folder.ts';
import { LogError } from '../ingest/errors.ts';
import { assertWhole, openCompany, runCycle } from './backup-world.ts';
import { afterwards, makeFolder } from './ingest-world.ts';

/** Longer than the log keeps: there it is size and hash. */
const LONG_TITLE = 'Keeper of very long titles '.repeat(3000).trim();

function writeFiles(folder: string, title: string): void {
  const columns = 'id,name,title,phone,status,projects,manager,by';
  writeFileSync(
    path.join(folder, 'hr.csv'),
    `${columns}\n1,Ann Ash,${title},,,Red,,\n2,Bob Beech,Clerk,,,Red,Ann Ash,\n`,
  );
  writeFileSync(path.join(folder, 'crm.csv'), 'key,id,name,title,phone\n');
}

test('a state that was damaged is rebuilt, and what the log knows only the hash of is not sent but read again', async (t) => {
  const folder = makeFolder(t);
  const [data, into] = [path.join(folder, 'data'), path.join(folder, 'rebuilt')];
  writeFiles(folder, 'Chief');
  const first = await openCompany(folder, data);
  await runCycle(first);
  writeFiles(folder, LONG_TITLE);
  await first.engine.run('hr', 'full');
  await first.log.close();
  assert.deepEqual((await compareFolder(data)).differences, []);
  const database = new DatabaseSync(path.join(data, 'metatrail.sqlite'));
  database.exec("UPDATE state SET value = replace(value, 'Clerk', 'Clown'); DELETE FROM state WHERE kind = 'object'");
  database.close();
  assert.ok((await compareFolder(data)).differences.length > 0);
  const progress: number[] = [];
  const size = await rebuildInto({ folder: data }, into, 'test', (done) => progress.push(done));
  assert.equal(progress.at(-1), size);
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('rebuilt')),
    ['rebuilt'],
  );
  const again = await openCompany(folder, into);
  afterwards(t, () => again.log.close());
  assert.deepEqual((await compareFolder(into)).differences, []);
  const directory = () => readFileSync(path.join(folder, 'directory.ldif'), 'utf8').replaceAll('\n ', '');
  await again.engine.run('directory', 'export');
  assert.match(directory(), /title: Chief/, 'it stays pending');
  await again.engine.run('hr', 'full');
  await runCycle(again);
  assert.ok(directory().includes(LONG_TITLE));
  assert.ok(!directory().includes('sha256:'));
  await runCycle(again);
  await assertWhole(again.log);
});

test('where something is already, nothing is rebuilt', async (t) => {
  const folder = makeFolder(t);
  const [data, into] = [path.join(folder, 'data'), path.join(folder, 'rebuilt')];
  writeFiles(folder, 'Chief');
  const company = await openCompany(folder, data);
  await company.log.close();
  mkdirSync(into);
  writeFileSync(path.join(into, 'something'), '');
  await assert.rejects(
    rebuildInto({ folder: data }, into, 'test', () => undefined),
    (error) => error instanceof LogError && error.code === 'restore-refused',
  );
  assert.deepEqual(readdirSync(into), ['something']);
  assert.ok(!existsSync(`${into}.copy`) && !existsSync(`${into}.rebuilding`));
});
