// Proofs through GraphQL and the command line, with and without a service, and checked by hand as the documents say.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatConsistencyProof } from '../ingest/checkpoints/proof-text.ts';
import { CheckpointWorld } from './checkpoint-world.ts';
import { type Company, makeCompany, metatrail, startService } from './service-world.ts';

/** The scripts with which PROOFS.md checks proofs, of an event and of growth; they are run as they stand there. */
const DOCUMENT = readFileSync(new URL('../ingest/PROOFS.md', import.meta.url), 'utf8');
const [OF_EVENT = '', OF_GROWTH = ''] = [...DOCUMENT.matchAll(/```js\n([\s\S]*?)```/g)].map(([, script]) => script);

async function run(company: Company, ...command: string[]): Promise<{ stdout: string; stderr: string }> {
  const { status, stdout, stderr } = await metatrail(company, ...command);
  assert.equal(status, 0, stderr);
  return { stdout, stderr };
}

/** What node prints that runs a script of the document with these arguments and this text on its input. */
function runScript(folder: string, program: string, text: string, ...given: string[]): string {
  const script = join(folder, 'check.mjs');
  writeFileSync(script, program);
  return execFileSync(process.execPath, [script, ...given], { input: text, encoding: 'utf8', stdio: 'pipe' }).trim();
}

const checkByHand = (company: Company, text: string, ...given: string[]) =>
  runScript(company.folder, OF_EVENT, text, ...given);

function checkGrowth(folder: string, proof: string, before: string, vkey: string): string {
  const kept = join(folder, 'before');
  writeFileSync(kept, before);
  return runScript(folder, OF_GROWTH, proof, kept, vkey);
}

/** The public key of the log, as a note of C2SP names it. */
async function readVkey(company: Company): Promise<string> {
  const { stdout } = await run(company, 'query', '{ checkpointKeys { vkey from } }');
  const { data } = JSON.parse(stdout) as { data: { checkpointKeys: { vkey: string }[] } };
  return data.checkpointKeys[0]?.vkey ?? '';
}

test('an event is proved on the command line, and the proof is checked by hand as PROOFS.md says', async (t) => {
  const company = makeCompany(t);
  await run(company, 'run', 'hr', 'full');
  const { stdout: proof, stderr } = await run(company, 'prove', '3');
  assert.match(proof, /^c2sp\.org\/tlog-proof@v1\nindex 3\n([A-Za-z0-9+/]{43}=\n)+\nmetatrail\/[0-9a-f]{16}\n\d+\n/);
  assert.match(
    stderr,
    /^Event 3 is in the log, at its place among \d+ events\.\nleaf [0-9a-f]{64}\nroot [0-9a-f]{64}\n$/,
  );
  const leaf = /leaf ([0-9a-f]{64})/.exec(stderr)?.[1] ?? '';
  const vkey = await readVkey(company);
  assert.equal(checkByHand(company, proof, leaf, vkey), 'The event is in the log, and the log has signed for it.');
  assert.throws(() =>
    checkByHand(
      company,
      proof,
      leaf.replace(/^./, (digit) => (digit === '0' ? '1' : '0')),
      vkey,
    ),
  );
  assert.throws(() => checkByHand(company, proof.replace('index 3', 'index 2'), leaf, vkey));
  assert.throws(() => checkByHand(company, proof.replace(/\n(\d+)\n/, '\n9\n'), leaf, vkey));
});

test('that the log only grew is proved on the command line, and checked by hand from the checkpoint that was kept', async (t) => {
  const company = makeCompany(t);
  await run(company, 'run', 'hr', 'full');
  const { stdout: note } = await run(company, 'checkpoint');
  const vkey = await readVkey(company);
  await run(company, 'run', 'hr', 'full');
  const { stdout: newest } = await run(company, 'checkpoint');
  const [from, to] = [note, newest].map((text) => text.split('\n')[1] ?? '');
  const { stdout: proof } = await run(company, 'prove', '--consistency', from ?? '', to ?? '');
  assert.equal(
    checkGrowth(company.folder, proof, note, vkey),
    `The log of ${to} events begins with the log of ${from} events, and it has signed for both.`,
  );
});

test('the check by hand of growth holds for logs of any size, and finds what is wrong', async (t) => {
  const world = await CheckpointWorld.open(t);
  const notes: string[] = [];
  for (let size = 1; size <= 9; size++) {
    await world.grow(1);
    notes.push((await world.checkpoints.current()).note);
  }
  await world.grow(4);
  const newest = await world.checkpoints.current();
  const [{ vkey } = { vkey: '' }] = world.checkpoints.keys();
  for (const [index, note] of notes.entries()) {
    const proof = formatConsistencyProof(await world.checkpoints.proveConsistency(index + 1, newest.size)) ?? '';
    const check = (text: string, before = note) => checkGrowth(world.folder, text, before, vkey);
    assert.match(check(proof), /^The log of 13 events begins/);
    if (index !== 3 && index !== 5) continue;
    const [head = '', first = '', ...rest] = proof.split('\n');
    const other = Buffer.from(first, 'base64').reverse().toString('base64');
    const wrong: [text: string, before: string, why: RegExp][] = [
      [[head, other, ...rest].join('\n'), note, /did not only grow/],
      [[head, first, first, ...rest].join('\n'), note, /did not only grow|too long/],
      [[head, ...rest].join('\n'), note, /did not only grow/],
      [proof.replace(/^old \d+/, `old ${index}`), note, /of other checkpoints/],
      [proof, newest.note, /of other checkpoints/],
      [proof, note.replace(/\n.{44}\n/, `\n${other}\n`), /has not signed for/],
    ];
    for (const [text, before, why] of wrong) assert.throws(() => check(text, before), why);
  }
});

test('with a service or without, the same is proved; what is not there is a sentence', async (t) => {
  const company = makeCompany(t);
  await run(company, 'run', 'hr', 'full');
  const alone = await run(company, 'prove', '2', '--json');
  await startService(t, company);
  const served = await run(company, 'prove', '2', '--json');
  const sizeOf = ({ stdout }: { stdout: string }) =>
    (JSON.parse(stdout) as { inclusionProof: { size: number; leaf: string; checkpoint: { note: string } } })
      .inclusionProof;
  assert.equal(sizeOf(alone).leaf, sizeOf(served).leaf);
  assert.equal(sizeOf(alone).checkpoint.note, sizeOf(served).checkpoint.note);
  const { stdout: note } = await run(company, 'checkpoint');
  const size = Number(note.split('\n')[1]);
  const { stdout: consistency, stderr } = await run(company, 'prove', '--consistency', '3', String(size));
  assert.match(consistency, /^old 3\n([A-Za-z0-9+/]{43}=\n)+\nmetatrail\//);
  assert.ok(consistency.endsWith(note));
  assert.match(stderr, new RegExp(`^The log of ${size} events begins with the log of 3 events\\.`));
  const without = await run(company, 'prove', '1', '--size', '4');
  assert.equal(without.stdout, '');
  assert.match(without.stderr, /There is no checkpoint of 4 events; --json prints the hashes of the proof\./);
  for (const [command, said] of [
    [['prove', '99999'], /The leaf 99999 is not in the tree/],
    [['prove', '2', '--size', '99999'], /The log has \d+ events, not 99999\./],
    [['prove', 'two'], /"two" is no sequence number/],
    [['prove', '1', '2'], /Write metatrail prove <sequence>/],
    [['prove', '--consistency', '5'], /Write metatrail prove <sequence>/],
    [['prove', '--consistency', '5', '2'], /The size 5 is not in the tree, whose last is 2\./],
  ] as const) {
    const result = await metatrail(company, ...command);
    assert.equal(result.status, 1, command.join(' '));
    assert.match(result.stderr, said);
    assert.doesNotMatch(result.stderr, /node:internal|file:\/\//);
    assert.equal(result.stdout, '');
  }
});

test('the key is rotated on the command line, with a service and without; a lost one is replaced without', async (t) => {
  const company = makeCompany(t);
  await run(company, 'run', 'hr', 'full');
  const keys: string[] = [(await run(company, 'rotate-key')).stdout.trim()];
  const service = await startService(t, company);
  const served = await run(company, 'rotate-key');
  keys.push(served.stdout.trim());
  const note = served.stderr.slice(served.stderr.indexOf('\n\n') + 2).trimEnd();
  assert.equal(CheckpointWorld.signers(`${note}\n`, keys).length, 2, 'signed with both');
  const refused = await metatrail(company, 'rotate-key', '--lost');
  assert.match(refused.stderr, /is in use by another process/);
  await service.stop();
  const notLost = await metatrail(company, 'rotate-key', '--lost');
  assert.match(notLost.stderr, /checkpoint-key is not lost; metatrail rotate-key takes a new one\./);
  rmSync(join(company.data, 'checkpoint-key'));
  const gone = await metatrail(company, 'status');
  assert.equal(gone.status, 1);
  assert.match(gone.stderr, /^The checkpoint key .*checkpoint-key is gone; .* Put the file back from a backup\./);
  keys.push((await run(company, 'rotate-key', '--lost')).stdout.trim());
  assert.equal(statSync(join(company.data, 'checkpoint-key')).mode & 0o777, 0o600);
  const { stdout } = await run(company, 'query', '{ checkpointKeys { vkey } }');
  const { data } = JSON.parse(stdout) as { data: { checkpointKeys: { vkey: string }[] } };
  assert.deepEqual(
    data.checkpointKeys.slice(1).map(({ vkey }) => vkey),
    keys,
  );
  const nowhere = {
    ...company,
    environment: { ...company.environment, METATRAIL_DATA: join(company.folder, 'nowhere') },
  };
  const none = await metatrail(nowhere, 'rotate-key', '--lost');
  assert.match(none.stderr, /^There is no data folder /);
  assert.equal(statSync(join(company.folder, 'nowhere'), { throwIfNoEntry: false }), undefined);
});

test('a key that others may read stops the service with a sentence and a remedy', async (t) => {
  const company = makeCompany(t);
  await run(company, 'run', 'hr', 'full');
  execFileSync('chmod', ['644', join(company.data, 'checkpoint-key')]);
  const start = await metatrail(company, 'start');
  assert.equal(start.status, 1);
  assert.match(
    start.stderr,
    /^Others than its owner may read or change the checkpoint key .* \(mode 644\)\. Take the right away \(chmod 600\)\./,
  );
  const elsewhere = {
    ...company,
    environment: { ...company.environment, METATRAIL_CHECKPOINT_KEY: join(company.folder, 'other') },
  };
  assert.match((await metatrail(elsewhere, 'status')).stderr, /The checkpoint key .*other is gone/);
});
