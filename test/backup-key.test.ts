// The private key of the checkpoints may lie outside of the data folder, behind a link or by a variable. Then no backup holds it,
// and whoever makes or restores one is told where it is and where it has to be.
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, renameSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { openChangeLog } from '../ingest/log.ts';
import { makeBatch, makeFolder } from './ingest-world.ts';
import { startProgram } from './run-program.ts';

const KEY = 'checkpoint-key';

interface Place {
  folder: string;
  data: string;
  backup: string;
  restored: string;
  secrets: string;
}

async function makePlace(t: TestContext, keyFile?: string): Promise<Place> {
  const folder = makeFolder(t);
  const at = (name: string) => path.join(folder, name);
  mkdirSync(at('secrets'));
  const checkpointKeyFile = keyFile === undefined ? undefined : at(keyFile);
  const log = await openChangeLog({ folder: at('data'), checkpointKeyFile });
  await log.journal.accept((base) => makeBatch(base, 20));
  await log.checkpoints.current();
  await log.close();
  return { folder, data: at('data'), backup: at('backup'), restored: at('restored'), secrets: at('secrets') };
}

async function succeed(environment: Record<string, string>, ...command: string[]): Promise<string> {
  const { status, said } = await startProgram(environment, ...command).ended;
  assert.equal(status, 0, `${command.join(' ')}: ${said}`);
  return said;
}

/** Makes a backup and restores it, and returns what was said. */
async function carry({ data, backup, restored }: Place, key: Record<string, string> = {}): Promise<string[]> {
  const made = await succeed({ METATRAIL_DATA: data, ...key }, 'backup', backup);
  return [made, await succeed({ METATRAIL_DATA: restored }, 'restore', backup)];
}

const opens = (folder: string, checkpointKeyFile?: string) =>
  openChangeLog({ folder, checkpointKeyFile }).then((log) => log.close());

async function assertElsewhere(place: Place, said: string[], real: string): Promise<void> {
  const [made = '', restored = ''] = said;
  assert.match(made, /It holds keys of persons: keep it as you keep them\./);
  assert.ok(
    made.includes(`The key that signs checkpoints is not in it, for it is kept in ${real}: keep a copy of that`),
  );
  assert.ok(
    restored.includes(
      `The key that signs checkpoints is not in the backup; it was in ${real}. Put it into ${place.restored} as checkpoint-key, or name it in METATRAIL_CHECKPOINT_KEY; where it is lost, metatrail rotate-key --lost.`,
    ),
    restored,
  );
  await assert.rejects(opens(place.restored), { code: 'checkpoint-key-missing' });
}

test('a key in the data folder goes along', async (t) => {
  const place = await makePlace(t);
  const said = await carry(place);
  assert.match(
    said[0] ?? '',
    /It holds keys of persons, and the one that signs checkpoints: keep it as you keep them\./,
  );
  for (const each of said) assert.doesNotMatch(each, /The key that signs/);
  await opens(place.restored);
});

test('a key behind a link is not in a backup: that is said when it is made and when it is restored', async (t) => {
  const place = await makePlace(t);
  const real = path.join(place.secrets, 'key');
  renameSync(path.join(place.data, KEY), real);
  symlinkSync(real, path.join(place.data, KEY));
  await assertElsewhere(place, await carry(place), real);
  assert.ok(!existsSync(path.join(place.backup, KEY)));
  copyFileSync(real, path.join(place.restored, KEY));
  await opens(place.restored);
});

test('a key that a variable names is not in a backup: the same is said', async (t) => {
  const place = await makePlace(t, 'secrets/key');
  const real = path.join(place.secrets, 'key');
  await assertElsewhere(place, await carry(place, { METATRAIL_CHECKPOINT_KEY: real }), real);
  await opens(place.restored, real);
});

test('a key of another name in the data folder goes along, and it is said under which', async (t) => {
  const place = await makePlace(t, 'data/our-key');
  const [made = '', restored = ''] = await carry(place, { METATRAIL_CHECKPOINT_KEY: path.join(place.data, 'our-key') });
  assert.match(made, /and the one that signs checkpoints: keep it/);
  const file = path.join(place.restored, 'our-key');
  assert.ok(restored.includes(`The key that signs checkpoints is in ${file}: name it in METATRAIL_CHECKPOINT_KEY.`));
  await opens(place.restored, file);
});
