// A new key: announced by an event, signed over by the old one, and safe wherever it is cut off.
import assert from 'node:assert/strict';
import { lstatSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { createSigner, parseSignerKey, type Signer } from '../ingest/checkpoints/note.ts';
import { replaceLostKey } from '../ingest/checkpoints/rotation.ts';
import { fromRow, rowSchema } from '../ingest/clickhouse/rows.ts';
import { LogError } from '../ingest/errors.ts';
import { Journal } from '../ingest/journal/journal.ts';
import { openChangeLog } from '../ingest/log.ts';
import { CheckpointWorld, tamper } from './checkpoint-world.ts';
import { makeFolder } from './ingest-world.ts';

function readKey(file: string): Signer {
  return parseSignerKey(readFileSync(file, 'utf8').trimEnd());
}

function eventAt(journal: Journal, sequence: number) {
  return fromRow(rowSchema.parse(JSON.parse(journal.rows(sequence, 1)[0]?.row ?? '')));
}

test('a rotation is an event, the next checkpoint has both signatures, the one after it the new one alone', async (t) => {
  const world = await CheckpointWorld.open(t);
  await world.grow(10);
  const before = await world.checkpoints.current();
  const old = readKey(world.keyFile);
  const rotation = await world.checkpoints.rotate('carol');
  const now = readKey(world.keyFile);
  assert.notEqual(now.verifier.keyId, old.verifier.keyId);
  assert.deepEqual([rotation.old, rotation.new, rotation.sequence], [old.verifier.vkey, now.verifier.vkey, 10]);
  const event = eventAt(world.journal, 10);
  assert.deepEqual([event.stage, event.outcome, event.initiator], ['configuration', 'checkpoint-key-rotated', 'carol']);
  assert.deepEqual(
    event.values.map((value) => [value.attribute, value.old, value.new]),
    [['checkpoint-key', old.verifier.vkey, now.verifier.vkey]],
  );
  assert.deepEqual(world.checkpoints.keys(), [
    { vkey: old.verifier.vkey, from: 0 },
    { vkey: now.verifier.vkey, from: 11 },
  ]);
  assert.deepEqual(rotation.checkpoint.keyIds, [now.verifier.keyId, old.verifier.keyId]);
  assert.equal(rotation.checkpoint.size, 11);
  for (const vkey of [old.verifier.vkey, now.verifier.vkey])
    assert.equal(CheckpointWorld.signers(rotation.checkpoint.note, [vkey]).length, 1);
  assert.deepEqual(CheckpointWorld.signers(before.note, [old.verifier.vkey]), [old.verifier.keyId]);
  await world.grow(1);
  assert.deepEqual((await world.checkpoints.current()).keyIds, [now.verifier.keyId]);
  assert.equal(statSync(world.keyFile).mode & 0o777, 0o600);
  await world.close();
  const again = await CheckpointWorld.open(t, world.folder);
  assert.equal(again.checkpoints.keyId, now.verifier.keyId);
});

/** Where a rotation can be cut off: what the files and tables look like then, made from one that was finished. */
const CUT_OFF: {
  where: string;
  leave(world: CheckpointWorld, old: Buffer, now: Buffer): void;
}[] = [
  {
    where: 'after the event, before the checkpoint',
    leave({ folder, keyFile }, old, now) {
      writeFileSync(keyFile, old);
      writeFileSync(`${keyFile}.next`, now, { mode: 0o600 });
      tamper(folder, 'DELETE FROM checkpoints WHERE size > 10');
    },
  },
  {
    where: 'after the checkpoint, before the new key took its place',
    leave({ keyFile }, old, now) {
      writeFileSync(keyFile, old);
      writeFileSync(`${keyFile}.next`, now, { mode: 0o600 });
    },
  },
];

for (const { where, leave } of CUT_OFF) {
  test(`a rotation cut off ${where} is finished at the next start`, async (t) => {
    const world = await CheckpointWorld.open(t);
    await world.grow(10);
    await world.checkpoints.current();
    const old = readFileSync(world.keyFile);
    await world.checkpoints.rotate('carol');
    await world.close();
    const now = readFileSync(world.keyFile);
    leave(world, old, now);
    const journal = await Journal.open(world.folder);
    assert.equal(await replaceLostKey(journal, world.keyFile, 'carol'), undefined, 'none is lost');
    await journal.close();
    const again = await CheckpointWorld.open(t, world.folder);
    const ids = [now, old].map((key) => parseSignerKey(key.toString().trimEnd()).verifier.keyId);
    assert.deepEqual(again.checkpoints.at(11)?.keyIds, ids);
    assert.equal(again.checkpoints.keyId, ids[0]);
    assert.deepEqual(readFileSync(world.keyFile), now);
    assert.equal(statSync(`${world.keyFile}.next`, { throwIfNoEntry: false }), undefined);
    await again.grow(1);
    assert.deepEqual((await again.checkpoints.current()).keyIds, ids.slice(0, 1));
  });
}

test('a rotation cut off before its event is undone, also when its file is half written', async (t) => {
  const world = await CheckpointWorld.open(t);
  await world.grow(10);
  await world.close();
  const before = readFileSync(world.keyFile);
  for (const next of [createSigner(world.journal.log).secretText(), 'PRIVATE+KEY+met', '']) {
    writeFileSync(`${world.keyFile}.next`, next, { mode: 0o600 });
    const again = await CheckpointWorld.open(t, world.folder);
    assert.equal(statSync(`${world.keyFile}.next`, { throwIfNoEntry: false }), undefined);
    assert.equal(again.checkpoints.keys().length, 1);
    await again.grow(1);
    assert.equal((await again.checkpoints.current()).keyIds.length, 1);
    await again.close();
    assert.deepEqual(readFileSync(world.keyFile), before);
  }
});

test('a rotation that the journal cannot accept leaves the old key as it was', async (t) => {
  const world = await CheckpointWorld.open(t);
  await world.grow(10);
  const before = readFileSync(world.keyFile);
  // A surrogate that stands alone is no text: the event is refused.
  await assert.rejects(world.checkpoints.rotate('\ud800'), LogError);
  assert.deepEqual(readFileSync(world.keyFile), before);
  assert.equal(statSync(`${world.keyFile}.next`, { throwIfNoEntry: false }), undefined);
  await world.grow(1);
  assert.equal((await world.checkpoints.current()).keyIds.length, 1);
});

test('a rotation begins when the one before it is at its end: no key on record is lost, whatever fails', async (t) => {
  const world = await CheckpointWorld.open(t);
  await world.grow(10);
  const first = world.checkpoints.keyId;
  // The event is accepted, the checkpoint that both keys sign is not.
  const refuse = (table: string) =>
    tamper(world.folder, `CREATE TRIGGER full BEFORE INSERT ON ${table} BEGIN SELECT RAISE(ABORT, 'full'); END`);
  const allow = () => tamper(world.folder, 'DROP TRIGGER full');
  refuse('checkpoints');
  await assert.rejects(world.checkpoints.rotate('carol'), LogError);
  const second = world.checkpoints.keyId;
  await assert.rejects(world.checkpoints.rotate('carol'), LogError);
  assert.equal(world.checkpoints.keys().length, 2, 'a third key would not be signed for by the first');
  allow();
  refuse('journal');
  await assert.rejects(world.checkpoints.rotate('carol'), LogError);
  allow();
  await world.close();
  const again = await CheckpointWorld.open(t, world.folder);
  assert.equal(again.checkpoints.keyId, second);
  assert.deepEqual(again.checkpoints.at(11)?.keyIds, [second, first]);
});

test('a key that is a link to a file elsewhere is rotated there, and the old one is gone', async (t) => {
  const folder = makeFolder(t);
  const [link, place] = [path.join(folder, 'link'), path.join(makeFolder(t), 'key')];
  await (await CheckpointWorld.open(t, folder, place)).close();
  symlinkSync(place, link);
  const world = await CheckpointWorld.open(t, folder, link);
  const old = readFileSync(place);
  await world.checkpoints.rotate('carol');
  assert.ok(lstatSync(link).isSymbolicLink());
  assert.notDeepEqual(readFileSync(place), old);
  assert.equal(readKey(place).verifier.keyId, world.checkpoints.keyId);
});

test('keys are rotated many times, and every checkpoint verifies with the key of its size', async (t) => {
  const world = await CheckpointWorld.open(t);
  const made: { size: number; note: string }[] = [];
  for (let round = 0; round < 4; round++) {
    await world.grow(3);
    made.push(await world.checkpoints.current());
    made.push((await world.checkpoints.rotate('carol')).checkpoint);
  }
  const keys = world.checkpoints.keys();
  assert.equal(keys.length, 5);
  for (const { size, note } of made) {
    const key = keys.findLast(({ from }) => from <= size);
    assert.equal(CheckpointWorld.signers(note, [key?.vkey ?? '']).length, 1, `size ${size}`);
  }
});

test('a lost key is replaced, by an event that says that the old one did not sign for the new one', async (t) => {
  const world = await CheckpointWorld.open(t);
  await world.grow(10);
  const old = world.checkpoints.keyId;
  await world.close();
  const journal = await Journal.open(world.folder);
  assert.equal(await replaceLostKey(journal, world.keyFile, 'carol'), undefined, 'it is not lost yet');
  rmSync(world.keyFile);
  await replaceLostKey(journal, world.keyFile, 'carol');
  assert.equal(eventAt(journal, 10).outcome, 'checkpoint-key-replaced');
  await journal.close();
  const again = await CheckpointWorld.open(t, world.folder);
  const { keyIds, size } = await again.checkpoints.current();
  assert.equal(size, 11);
  assert.deepEqual(keyIds, [again.checkpoints.keyId]);
  assert.notEqual(again.checkpoints.keyId, old);
});

/** All files below a folder. */
function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
}

test('no private key is in any file but its own: not in the journal, not in ClickHouse', async (t) => {
  const folder = makeFolder(t);
  const log = await openChangeLog({ folder });
  const keyFile = path.join(folder, 'checkpoint-key');
  const keys = [readFileSync(keyFile, 'utf8')];
  const { sequence } = await log.checkpoints.rotate('carol');
  keys.push(readFileSync(keyFile, 'utf8'));
  await log.shipper.delivered(sequence + 1);
  const seeds = keys.map((key) => Buffer.from(key.trimEnd().split('+').slice(4).join('+'), 'base64').subarray(1));
  const forms = seeds.flatMap((seed) => {
    const [base64 = '', hex = ''] = [Buffer.concat([Buffer.of(1), seed]).toString('base64'), seed.toString('hex')];
    return [
      seed,
      Buffer.from(base64.slice(2, 40)),
      Buffer.from(seed.toString('base64').slice(0, 40)),
      Buffer.from(hex),
    ];
  });
  const holding = () =>
    listFiles(folder).flatMap((file) => {
      const bytes = readFileSync(file);
      return forms.some((form) => bytes.includes(form)) ? [path.relative(folder, file)] : [];
    });
  assert.deepEqual(holding(), ['checkpoint-key']);
  await log.close();
  assert.deepEqual(holding(), ['checkpoint-key']);
  const kept = readFileSync(keyFile);
  assert.ok(!kept.includes(Buffer.from(keys[0]?.slice(60, 90) ?? '')), 'the old private key is gone');
});
