// Signed notes and checkpoints: byte for byte what the reference implementation of Go writes, and nothing that C2SP refuses.
import assert from 'node:assert/strict';
import { createHash, createPrivateKey, sign } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatCheckpoint, parseCheckpoint } from '../ingest/checkpoints/checkpoint.ts';
import {
  createSigner,
  formatNote,
  NoteError,
  parseNote,
  parseSignatureLine,
  parseSignerKey,
  parseVerifierKey,
  readCosignatureTime,
  signNote,
  verifyNote,
} from '../ingest/checkpoints/note.ts';

/** The example of the package golang.org/x/mod/sumdb/note. */
const VKEY = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const SKEY = 'PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz';
const TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const LINE =
  '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=';
const NOTE = `${TEXT}\n${LINE}\n`;

test("a note, its keys and its signature are those of Go's reference implementation", () => {
  const signer = parseSignerKey(SKEY);
  assert.equal(signer.verifier.vkey, VKEY);
  assert.equal(signer.secretText(), SKEY);
  assert.equal(signNote(TEXT, [signer]), NOTE);
  const verifier = parseVerifierKey(VKEY);
  assert.deepEqual([verifier.name, verifier.keyId, verifier.type], ['PeterNeumann', 'c74f20a3', 'ed25519']);
  assert.deepEqual(
    verifyNote(parseNote(NOTE), [verifier]).map(({ signature }) => signature.line),
    [LINE],
  );
});

test('signatures of unknown keys are ignored, of the same name or the same id as well', () => {
  const known = parseVerifierKey(VKEY);
  const others = [createSigner('PeterNeumann'), createSigner('somebody/else')];
  const note = signNote(TEXT, [...others, parseSignerKey(SKEY)]);
  assert.equal(parseNote(note).signatures.length, 3);
  assert.deepEqual(
    verifyNote(parseNote(note), [known]).map(({ verifier }) => verifier.keyId),
    ['c74f20a3'],
  );
  assert.equal(
    verifyNote(parseNote(formatNote(TEXT, [LINE.replace('PeterNeumann', 'other'), LINE])), [known]).length,
    1,
  );
  assert.throws(() => verifyNote(parseNote(signNote(TEXT, others)), [known]), NoteError);
});

test('a note of which one known signature is wrong is refused, whatever the others say', () => {
  const [one, two] = [createSigner('log'), createSigner('other')];
  const other = signNote('something else\n', [two]).split('\n').at(-2) ?? '';
  const note = formatNote(TEXT, [one.signatureOf(TEXT), other]);
  assert.throws(() => verifyNote(parseNote(note), [one.verifier, two.verifier]), /signature of other .* is wrong/);
  assert.equal(verifyNote(parseNote(note), [one.verifier]).length, 1);
});

test('a note is not verified when one byte of its text or signature is another', () => {
  const verifier = parseVerifierKey(VKEY);
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: Buffer.byteLength(NOTE) - 1 }),
      fc.integer({ min: 1, max: 255 }),
      (at, by) => {
        const bytes = Buffer.from(NOTE);
        bytes[at] = (bytes[at] ?? 0) ^ by;
        assert.throws(() => verifyNote(parseNote(bytes), [verifier]), NoteError);
      },
    ),
    { numRuns: 500, seed: 4 },
  );
});

test('a note may hold empty lines, and more than sixteen signatures', () => {
  const signers = Array.from({ length: 20 }, (_, i) => createSigner(`log/${i}`));
  const note = parseNote(signNote('a\n\nb\n', signers));
  assert.equal(note.text, 'a\n\nb\n');
  assert.equal(
    verifyNote(
      note,
      signers.map(({ verifier }) => verifier),
    ).length,
    20,
  );
});

test('what is no note is refused', () => {
  const refused: Record<string, string | Uint8Array> = {
    'no signatures': TEXT,
    'no final newline': NOTE.slice(0, -1),
    'no empty line': `${TEXT}${LINE}\n`,
    'another line after the text': `${TEXT}\n${LINE}\nmore\n`,
    'a hyphen for the dash': NOTE.replace('—', '-'),
    'a control character': NOTE.replace('answer', 'an\tswer'),
    'a carriage return': NOTE.replaceAll('\n', '\r\n'),
    'no UTF-8': Buffer.concat([Buffer.of(0xff), Buffer.from(NOTE)]),
    'a lone surrogate': `\ud800${NOTE}`,
    'base64 without its padding': NOTE.replace('nAM=', 'nAM'),
    'base64 of another alphabet': NOTE.replace('x08go/', 'x08go_'),
    'a signature of nothing': `${TEXT}\n— PeterNeumann x08gow==\n`,
    'a name with a plus': NOTE.replace('PeterNeumann', 'Peter+Neumann'),
    'more than a hundred signatures': `${TEXT}\n${`${LINE}\n`.repeat(101)}`,
    'a megabyte': `${'a'.repeat(1_000_000)}${NOTE}`,
  };
  for (const [why, note] of Object.entries(refused)) assert.throws(() => parseNote(note), NoteError, why);
  assert.equal(parseNote(`${TEXT}\n${`${LINE}\n`.repeat(100)}`).signatures.length, 100);
  const signer = createSigner('log');
  assert.throws(() => signer.signatureOf('no newline'), NoteError);
  assert.throws(() => signer.signatureOf('a\u0000\n'), NoteError);
});

test('what is no key is refused, and no error quotes a private one', () => {
  for (let end = 0; end < VKEY.length; end++) assert.throws(() => parseVerifierKey(VKEY.slice(0, end)), NoteError);
  const wrong = [
    VKEY.replace('c74f20a3', 'c74f20a4'),
    VKEY.replace('Peter', 'Petra'),
    VKEY.replace('ARpc', 'AhpC'),
    `${VKEY}\n`,
  ];
  for (const vkey of wrong) assert.throws(() => parseVerifierKey(vkey), NoteError, vkey);
  const parts = [
    SKEY.slice(0, -1),
    SKEY.replace('c74f20a3', 'c74f20a4'),
    SKEY.replace('PRIVATE', 'PUBLIC'),
    SKEY.replace('+AY', '+BY'),
  ];
  for (const skey of parts)
    assert.throws(
      () => parseSignerKey(skey),
      (error) => error instanceof NoteError && !error.message.includes('EKFALV'),
      skey,
    );
  const signer = createSigner('log');
  const seed = signer.secretText().split('+').slice(4).join('+');
  assert.ok(!JSON.stringify(signer).includes(seed.slice(4, 20)));
});

test('a new key has never been before', () => {
  const keys = Array.from({ length: 50 }, () => createSigner('log').secretText());
  assert.equal(new Set(keys).size, 50);
  for (const key of keys) assert.equal(parseSignerKey(key).secretText(), key);
});

/** A cosignature, made here from the words of c2sp.org/tlog-cosignature. */
function cosign(seed: Buffer, text: string, seconds: number): Buffer {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(seconds));
  return Buffer.concat([time, sign(null, Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`), key)]);
}

test("a witness's cosignature holds for its text and its time", () => {
  const seed = Buffer.from(SKEY.slice(-44), 'base64').subarray(1);
  const key = Buffer.from(VKEY.slice(-44), 'base64').subarray(1);
  const typed = Buffer.concat([Buffer.of(4), key]).toString('base64');
  // The id depends on the type: it is another than that of the same key's plain signatures.
  assert.throws(() => parseVerifierKey(`w.example+c74f20a3+${typed}`), NoteError);
  const text = formatCheckpoint({ origin: 'example.com/log', size: 7, root: Buffer.alloc(32, 7) });
  const bytes = cosign(seed, text, 1_679_315_147);
  const verifier = verifierOf('w.example', typed);
  assert.equal(verifier.type, 'cosignature');
  assert.ok(verifier.verifies(text, bytes));
  assert.equal(readCosignatureTime(bytes), 1_679_315_147);
  assert.ok(!verifier.verifies(text.replace('7', '8'), bytes));
  const later = Buffer.from(bytes);
  later.writeBigUInt64BE(1_679_315_148n);
  assert.ok(!verifier.verifies(text, later));
  assert.ok(!verifier.verifies(text, bytes.subarray(8)), 'a plain signature is no cosignature');
  assert.ok(!parseVerifierKey(VKEY).verifies(text, bytes), 'a cosignature is no plain signature');
});

/** SHA-256(name ‖ 0A ‖ 04 ‖ key)[:4], as the standard says. */
function verifierOf(name: string, typed: string) {
  const id = createHash('sha256').update(`${name}\n`).update(Buffer.from(typed, 'base64')).digest('hex').slice(0, 8);
  return parseVerifierKey(`${name}+${id}+${typed}`);
}

test('a checkpoint is its three lines, and reads back', () => {
  const root = Buffer.from('CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=', 'base64');
  const text = 'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n';
  assert.equal(formatCheckpoint({ origin: 'example.com/behind-the-sofa', size: 20852163, root }), text);
  const { origin, size, root: read } = parseCheckpoint(text);
  assert.deepEqual([origin, size, Buffer.from(read)], ['example.com/behind-the-sofa', 20852163, root]);
  assert.equal(parseCheckpoint(`${text}an extension\n`).size, 20852163);
});

test('what is no checkpoint is refused', () => {
  const text = 'o\n12\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n';
  parseCheckpoint(text);
  const wrong = [
    '',
    'o\n12\n',
    text.slice(0, -1),
    `\n${text}`,
    text.replace('12', '012'),
    text.replace('12', '-1'),
    text.replace('12', '1e3'),
    text.replace('12', '9007199254740993'),
    text.replace('CsUY', ''),
    text.replace('12\n', '12\n\n'),
    `${text}\n`,
  ];
  for (const each of wrong) assert.throws(() => parseCheckpoint(each), NoteError, JSON.stringify(each));
});

test('the signature line of the example of C2SP reads as name, id and time', () => {
  const { name, keyId, bytes } = parseSignatureLine(
    '— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==',
  );
  assert.deepEqual([name, keyId, readCosignatureTime(bytes)], ['witness.example.com/w1', '8d66cf3f', 1679315147]);
});
