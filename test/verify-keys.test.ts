// A checkpoint is signed by the key that is in force at its size; where a new key comes, by the old one as well.
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { after, before, type TestContext, test } from 'node:test';
import { openChangeLog } from '../ingest/log.ts';
import { checkBundle, editFile, makeBundle, seal } from './bundle-world.ts';
import { makeFolder } from './ingest-world.ts';
import { check, faultsOf, makeEvents, TestSigner, withSqlite } from './verify-world.ts';

const suite = mkdtempSync(path.join(tmpdir(), 'metatrail-verify-keys-'));
/** Checkpoints of 100 events by the first key, of 101 by both, of 201 by the second; event 100 announces it. */
const data = path.join(suite, 'data');
let first: TestSigner;
let second: TestSigner;

before(async () => {
  const log = await openChangeLog({ folder: data });
  const grow = async () => {
    await log.journal.accept((base) => ({ events: makeEvents(base, 100), state: [] }));
    await log.checkpoints.current();
  };
  await grow();
  first = TestSigner.of(data);
  await log.checkpoints.rotate('carol');
  second = TestSigner.of(data);
  await grow();
  await log.shipper.delivered(201);
  await log.close();
});
after(() => rmSync(suite, { recursive: true, force: true }));

function copyOf(t: TestContext): string {
  const folder = path.join(makeFolder(t), 'data');
  cpSync(data, folder, { recursive: true });
  return folder;
}

/** Signs a checkpoint anew. */
function signAnew(database: DatabaseSync, size: number, ...signers: TestSigner[]): void {
  const note = String(database.prepare('SELECT note FROM checkpoints WHERE size = ?').get(size)?.note);
  const body = note.slice(0, note.lastIndexOf('\n\n') + 1);
  const signed = `${body}\n${signers.map((signer) => signer.signatureOf(body)).join('')}`;
  database.prepare('UPDATE checkpoints SET note = ? WHERE size = ?').run(signed, size);
}

test('a log whose key was changed is verified, and so is a bundle of it', async (t) => {
  const report = await check(data);
  assert.deepEqual([report.faults, report.unchecked, report.checkpointsHeld], [[], [], 3]);
  const folder = path.join(makeFolder(t), 'bundle');
  await makeBundle(data, folder);
  const offline = await checkBundle(folder);
  assert.deepEqual([offline.faults, offline.unchecked, offline.checkpointsHeld], [[], [], 3]);
});

const ATTACKS: Record<string, { attack: (database: DatabaseSync) => void; found: [string, number | undefined][] }> = {
  'the old key signs after the new one': {
    attack: (database) => signAnew(database, 201, first),
    found: [['checkpoint-key', undefined]],
  },
  'the new key signs what the old one had to': {
    attack: (database) => signAnew(database, 100, second),
    found: [['checkpoint-key', undefined]],
  },
  'the old key has not signed over to the new one': {
    attack: (database) => signAnew(database, 101, second),
    found: [['checkpoint-key', 100]],
  },
  'the old key alone has signed where the new one comes': {
    attack: (database) => signAnew(database, 101, first),
    found: [
      ['checkpoint-key', 100],
      ['checkpoint-key', undefined],
    ],
  },
  'the new key is not on record': {
    attack: (database) => {
      database.exec('DELETE FROM checkpoint_keys WHERE from_size > 0');
      signAnew(database, 201, first);
    },
    found: [['key-record', 100]],
  },
  'the new key is on record from later on': {
    attack: (database) => {
      database.exec('UPDATE checkpoint_keys SET from_size = 201 WHERE from_size > 0');
    },
    found: [['key-record', 100]],
  },
  'a key is on record that no event announces': {
    attack: (database) => {
      const forger = new TestSigner(first.name);
      database.prepare('INSERT INTO checkpoint_keys (from_size, vkey) VALUES (150, ?)').run(forger.vkey);
      signAnew(database, 201, forger);
    },
    found: [['key-record', 149]],
  },
};

for (const [what, { attack, found }] of Object.entries(ATTACKS)) {
  test(`is found: ${what}`, async (t) => {
    const folder = copyOf(t);
    withSqlite(folder, attack);
    assert.deepEqual(faultsOf(await check(folder)), found);
  });
}

test('sizes beside keys from outside count for more than those on record', async (t) => {
  const folder = copyOf(t);
  withSqlite(folder, (database) => {
    database.exec('UPDATE checkpoint_keys SET from_size = 300 WHERE from_size > 0');
    signAnew(database, 201, first);
  });
  const faults = async (keys: string) =>
    faultsOf(await check(folder, { trusted: { place: 'keys.txt', keys } })).filter(([kind]) => kind !== 'key-record');
  assert.deepEqual(await faults(`${first.vkey}\n${second.vkey}\n`), []);
  assert.deepEqual(await faults(`${first.vkey} 0\n${second.vkey} 101\n`), [['checkpoint-key', undefined]]);
});

test('in a bundle, a checkpoint by a key that was not in force is found; without sizes every key of it counts', async (t) => {
  const folder = path.join(makeFolder(t), 'bundle');
  const forged = copyOf(t);
  withSqlite(forged, (database) => signAnew(database, 201, first));
  await makeBundle(forged, folder);
  assert.deepEqual(faultsOf(await checkBundle(folder)), [['checkpoint-key', undefined]]);
  editFile(folder, 'public-keys', (bytes) => bytes.toString().replace(/ \d+$/gm, ''));
  seal(folder);
  assert.deepEqual(faultsOf(await checkBundle(folder)), []);
});
