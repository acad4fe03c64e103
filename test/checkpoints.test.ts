// Checkpoints over a real journal: when they are made, with which key, and what is refused.
import assert from 'node:assert/strict';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { CHECKPOINT_INTERVAL_MS } from '../ingest/checkpoints/checkpoints.ts';
import { createSigner, parseSignatureLine, parseSignerKey } from '../ingest/checkpoints/note.ts';
import { LogError, type LogErrorCode, REMEDIES } from '../ingest/errors.ts';
import { verifyConsistency, verifyInclusion } from '../ingest/merkle/proof.ts';
import { CheckpointWorld, tamper } from './checkpoint-world.ts';
import { makeFolder } from './ingest-world.ts';

/** The data folder is refused with this code, a sentence that names what it names, and a remedy. */
async function refused(
  t: TestContext,
  code: LogErrorCode,
  folder: string,
  says: RegExp,
  keyFile?: string,
): Promise<void> {
  await assert.rejects(CheckpointWorld.open(t, folder, keyFile), (error) => {
    assert.ok(error instanceof LogError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, says);
    assert.match(error.message, /^[A-Z].*\.$/);
    assert.ok(REMEDIES[code].length > 20);
    return true;
  });
}

test('the first start makes a key for its owner alone, by the name of the log, and puts its public half on record', async (t) => {
  const before = process.umask(0);
  t.after(() => process.umask(before));
  const world = await CheckpointWorld.open(t);
  assert.equal(statSync(world.keyFile).mode & 0o777, 0o600);
  const signer = parseSignerKey(readFileSync(world.keyFile, 'utf8').trimEnd());
  assert.equal(signer.verifier.name, world.journal.log);
  assert.deepEqual(world.checkpoints.keys(), [{ vkey: signer.verifier.vkey, from: 0 }]);
  await world.close();
  const again = await CheckpointWorld.open(t, world.folder);
  assert.equal(again.checkpoints.keyId, signer.verifier.keyId);
  assert.equal(again.checkpoints.keys().length, 1);
});

test('a checkpoint is signed over what is accepted, and kept', async (t) => {
  const world = await CheckpointWorld.open(t);
  await world.grow(300);
  const made = await world.checkpoints.current();
  const head = await world.journal.head();
  assert.deepEqual([made.size, Buffer.from(made.root).toString('hex')], [300, head.root]);
  assert.ok(
    made.note.startsWith(`${world.journal.log}\n300\n${Buffer.from(head.root, 'hex').toString('base64')}\n\n— `),
  );
  const vkeys = world.checkpoints.keys().map(({ vkey }) => vkey);
  assert.deepEqual(CheckpointWorld.signers(made.note, vkeys), made.keyIds);
  assert.equal((await world.checkpoints.current()).note, made.note, 'none is made when nothing came');
  await world.grow(1);
  assert.equal((await world.checkpoints.current()).size, 301);
  await world.close();
  const again = await CheckpointWorld.open(t, world.folder);
  assert.equal(again.checkpoints.at(300)?.note, made.note);
  assert.equal(again.checkpoints.newest()?.size, 301);
  assert.equal(again.checkpoints.at(299), undefined);
});

test('an empty log has a checkpoint when somebody asks for one', async (t) => {
  const world = await CheckpointWorld.open(t);
  const { note } = await world.checkpoints.current();
  assert.ok(note.startsWith(`${world.journal.log}\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n`));
});

test('a log that grows is signed at intervals and at the end, one that does not is not', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const world = await CheckpointWorld.open(t);
  const signed: number[] = [];
  world.checkpoints.onSigned(({ size }) => signed.push(size));
  world.checkpoints.start();
  const passAMinute = async () => {
    t.mock.timers.tick(CHECKPOINT_INTERVAL_MS);
    await world.journal.frontier();
    await world.checkpoints.record([]);
    await new Promise((resolve) => setTimeout(resolve, 20));
  };
  await passAMinute();
  assert.deepEqual(signed, []);
  await world.grow(5);
  await passAMinute();
  assert.deepEqual(signed, [5]);
  await passAMinute();
  assert.deepEqual(signed, [5]);
  await world.grow(2);
  await world.close();
  assert.deepEqual(signed, [5, 7]);
});

test('those who ask for a checkpoint at the same time get the same one', async (t) => {
  const world = await CheckpointWorld.open(t);
  await world.grow(10);
  const notes = await Promise.all(Array.from({ length: 5 }, () => world.checkpoints.current()));
  assert.equal(new Set(notes.map(({ note }) => note)).size, 1);
});

test('the key is made where a path says, at the first start, and looked for there afterwards', async (t) => {
  const folder = makeFolder(t);
  const keyFile = path.join(makeFolder(t), 'key');
  const world = await CheckpointWorld.open(t, folder, keyFile);
  await world.grow(1);
  await world.close();
  assert.equal(statSync(keyFile).mode & 0o777, 0o600);
  assert.equal(statSync(world.keyFile, { throwIfNoEntry: false }), undefined);
  await refused(t, 'checkpoint-key-missing', folder, /checkpoint-key is gone/);
  const link = path.join(makeFolder(t), 'link');
  symlinkSync(keyFile, link);
  await (await CheckpointWorld.open(t, folder, link)).close();
  await refused(t, 'checkpoint-key-inaccessible', makeFolder(t), /no-such-folder/, '/proc/no-such-folder/key');
});

test('a key that is gone, others may read, is none, of another log or another than on record is refused', async (t) => {
  const world = await CheckpointWorld.open(t);
  await world.grow(1);
  await world.close();
  const { folder, keyFile } = world;
  const text = readFileSync(keyFile);
  for (const mode of [0o640, 0o604, 0o620, 0o677]) {
    chmodSync(keyFile, mode);
    await refused(t, 'checkpoint-key-exposed', folder, new RegExp(`checkpoint-key .*mode ${mode.toString(8)}`));
  }
  chmodSync(keyFile, 0o400);
  await (await CheckpointWorld.open(t, folder)).close();
  chmodSync(keyFile, 0o600);
  for (const wrong of ['', 'PRIVATE+KEY+', text.subarray(0, 60), `${text}x`]) {
    writeFileSync(keyFile, wrong);
    await refused(t, 'checkpoint-key-malformed', folder, /checkpoint-key holds no checkpoint key/);
  }
  writeFileSync(keyFile, createSigner('metatrail/ffffffffffffffff').secretText());
  await refused(t, 'checkpoint-key-wrong', folder, /is of the log metatrail\/ffffffffffffffff, not of metatrail\//);
  writeFileSync(keyFile, createSigner(world.journal.log).secretText());
  await refused(t, 'checkpoint-key-wrong', folder, /newest key on record is [0-9a-f]{8}/);
  rmSync(keyFile);
  await refused(t, 'checkpoint-key-missing', folder, /checkpoint-key is gone/);
  mkdirSync(keyFile, { mode: 0o700 });
  await refused(t, 'checkpoint-key-inaccessible', folder, /EISDIR/);
  rmSync(keyFile, { recursive: true });
  writeFileSync(keyFile, text, { mode: 0o600 });
  await (await CheckpointWorld.open(t, folder)).close();
});

/** Everything that is wrong with a journal when it is not what was signed. */
const ALTERED: [what: string, sql: string][] = [
  ['a leaf of a tile', 'UPDATE tiles SET hashes = zeroblob(8192) WHERE tile = 0'],
  ['a leaf not yet in a tile', 'UPDATE journal SET leaf = zeroblob(32) WHERE sequence = 299'],
  ['the end cut off', 'DELETE FROM journal WHERE sequence > 290'],
  [
    'the origin in the checkpoint',
    "UPDATE checkpoints SET note = 'metatrail/0' || substr(note, instr(note, char(10)))",
  ],
  ['the size of the checkpoint', 'UPDATE checkpoints SET size = 299'],
];

for (const [what, sql] of ALTERED) {
  test(`a journal that was altered after it was signed is refused: ${what}`, async (t) => {
    const world = await CheckpointWorld.open(t);
    await world.grow(300);
    await world.close();
    tamper(world.folder, sql);
    await refused(t, 'checkpoint-different', world.folder, /journal|checkpoint/);
  });
}

test('signatures of others are added to a checkpoint once, and its own stays', async (t) => {
  const world = await CheckpointWorld.open(t);
  await world.grow(3);
  const { note } = await world.checkpoints.current();
  const others = [createSigner('witness/1'), createSigner('witness/2')];
  const lines = others.map((signer) => signer.signatureOf(note.slice(0, note.indexOf('\n\n') + 1)));
  const signatures = lines.map(parseSignatureLine);
  await Promise.all(signatures.map((signature) => world.checkpoints.addSignature(3, signature)));
  for (const signature of signatures) {
    await world.checkpoints.addSignature(3, signature);
    await world.checkpoints.addSignature(99, signature);
  }
  const cosigned = world.checkpoints.newest();
  assert.equal(cosigned?.note, `${note}${lines.map((line) => `${line}\n`).join('')}`);
  assert.deepEqual(
    cosigned?.keyIds.slice(1),
    others.map(({ verifier }) => verifier.keyId),
  );
  assert.equal((await world.checkpoints.current()).note, cosigned?.note);
});

test('every event is proved in every checkpoint after it, and every checkpoint in every later one', async (t) => {
  const world = await CheckpointWorld.open(t);
  const sizes: number[] = [];
  for (const count of [1, 254, 1, 1, 255, 200]) {
    await world.grow(count);
    sizes.push((await world.checkpoints.current()).size);
  }
  assert.deepEqual(sizes, [1, 255, 256, 257, 512, 712]);
  for (const size of sizes) {
    const kept = world.checkpoints.at(size);
    for (const sequence of [0, 1, 254, 255, 256, 500, 711].filter((each) => each < size)) {
      const { leaf, root, proof, checkpoint } = await world.checkpoints.proveInclusion(sequence, size);
      assert.deepEqual(checkpoint?.note, kept?.note);
      assert.deepEqual(Buffer.from(root), Buffer.from(kept?.root ?? []));
      assert.ok(verifyInclusion({ leaf, index: sequence, size, root, proof }));
    }
    for (const from of [0, ...sizes.filter((each) => each <= size)]) {
      const { fromRoot, toRoot, proof } = await world.checkpoints.proveConsistency(from, size);
      assert.ok(verifyConsistency({ from, fromRoot, to: size, toRoot, proof }));
      if (from > 0) assert.deepEqual(Buffer.from(fromRoot), Buffer.from(world.checkpoints.at(from)?.root ?? []));
    }
  }
  await assert.rejects(world.checkpoints.proveInclusion(712), RangeError);
  await assert.rejects(world.checkpoints.proveInclusion(0, 713), RangeError);
  await assert.rejects(world.checkpoints.proveConsistency(10, 5), RangeError);
  await assert.rejects(world.checkpoints.proveConsistency(10, 713), RangeError);
});

test('an event accepted a moment ago is proved, after a start as well', async (t) => {
  const world = await CheckpointWorld.open(t);
  await world.grow(300);
  await world.grow(1);
  assert.equal((await world.checkpoints.proveInclusion(300)).size, 301);
  await world.close();
  const again = await CheckpointWorld.open(t, world.folder);
  const { leaf, root, proof, size } = await again.checkpoints.proveInclusion(300);
  assert.ok(verifyInclusion({ leaf, index: 300, size, root, proof }));
  await again.grow(5);
  assert.equal((await again.checkpoints.proveInclusion(10, 304)).checkpoint, undefined);
});

test('a copied key file of one log is not taken for that of another', async (t) => {
  const [one, other] = [await CheckpointWorld.open(t), await CheckpointWorld.open(t)];
  await one.close();
  await other.close();
  copyFileSync(one.keyFile, other.keyFile);
  await refused(t, 'checkpoint-key-wrong', other.folder, /is of the log/);
});
