// Signed notes (C2SP signed-note) and the checkpoints in them (C2SP tlog-checkpoint), read and checked. Ed25519 signatures of
// the log, and timestamped cosignatures of witnesses (C2SP tlog-cosignature).
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { CannotCheckError } from './cannot-check.ts';
import { HASH_BYTES } from './merkle.ts';

const LONGEST_NOTE = 1_000_000;
const MOST_SIGNATURES = 100;
const ED25519 = 1;
const COSIGNATURE = 4;
/** What stands before the 32 bytes of an Ed25519 key in DER (RFC 8410). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

export interface VerifierKey {
  /** As it is written: `<name>+<id>+<key>`. */
  text: string;
  name: string;
  /** 8 hexadecimal digits. */
  id: string;
  isWitness: boolean;
  key: KeyObject;
  /** Signs checkpoints of so many events and more, until the next key does; undefined: it is not said. */
  from: number | undefined;
}

export interface SignedNote {
  /** What was signed, with its last newline. */
  body: string;
  signatures: { name: string; id: string; signature: Buffer }[];
}

export interface Checkpoint extends SignedNote {
  origin: string;
  size: number;
  root: Buffer;
}

/** A note that is none; the sentence says why. */
export class MalformedNoteError extends Error {
  override name = 'MalformedNoteError';
}

/** Reads verifier keys, one a line, each with the size from which on it signs where that is known. Throws CannotCheckError for a line that is none; `where` says whose lines they are. */
export function parseVerifierKeys(text: string, where: string): VerifierKey[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.map((line, index) => {
    const key = parseVerifierKey(line.trim());
    if (key) return key;
    throw new CannotCheckError(
      `Line ${index + 1} of ${where} is no verifier key; <name>+<8 hexadecimal digits>+<base64> is expected, and a size after it where that is known.`,
    );
  });
}

function parseVerifierKey(line: string): VerifierKey | undefined {
  const [, text = '', name = '', id = '', encoded = '', from] =
    /^(([^\s+]{1,255})\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44}=?=?))(?: (0|[1-9]\d{0,14}))?$/.exec(line) ?? [];
  const bytes = Buffer.from(encoded, 'base64');
  const type = bytes[0];
  if (bytes.length !== 1 + HASH_BYTES || (type !== ED25519 && type !== COSIGNATURE)) return undefined;
  const expected = createHash('sha256').update(name).update('\n').update(bytes).digest('hex').slice(0, 8);
  if (expected !== id) return undefined;
  const der = Buffer.concat([SPKI_PREFIX, bytes.subarray(1)]);
  const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
  return { text, name, id, isWitness: type === COSIGNATURE, key, from: from === undefined ? undefined : Number(from) };
}

/** Reads a note. Throws MalformedNoteError. Nothing about its signatures is checked yet. */
export function parseNote(note: string): SignedNote {
  if (note.length > LONGEST_NOTE) throw new MalformedNoteError('it is longer than 1 MB');
  const split = note.lastIndexOf('\n\n');
  if (split < 0) throw new MalformedNoteError('no empty line stands before its signatures');
  const body = note.slice(0, split + 1);
  const lines = note.slice(split + 2).split('\n');
  if (lines.pop() !== '' || lines.length === 0 || lines.length > MOST_SIGNATURES)
    throw new MalformedNoteError('it does not end in signature lines');
  return { body, signatures: lines.map(parseSignature) };
}

/** Reads a checkpoint. Throws MalformedNoteError. Nothing about its signatures is checked yet. */
export function parseCheckpoint(note: string): Checkpoint {
  const { body, signatures } = parseNote(note);
  const [origin = '', size = '', root = '', ...rest] = body.split('\n');
  if (origin === '' || rest.length === 0) throw new MalformedNoteError('origin, size or root are not there');
  if (!/^(0|[1-9]\d{0,15})$/.test(size) || !Number.isSafeInteger(Number(size)))
    throw new MalformedNoteError('its size is no number');
  const hash = Buffer.from(root, 'base64');
  if (hash.length !== HASH_BYTES || hash.toString('base64') !== root)
    throw new MalformedNoteError('its root is not 32 bytes in base64');
  return { origin, size: Number(size), root: hash, body, signatures };
}

function parseSignature(line: string): SignedNote['signatures'][number] {
  const [, name = '', encoded = ''] = /^— (\S+) ([A-Za-z0-9+/]+={0,2})$/.exec(line) ?? [];
  const bytes = Buffer.from(encoded, 'base64');
  if (name === '' || bytes.length < 5) throw new MalformedNoteError('a signature line cannot be read');
  return { name, id: bytes.subarray(0, 4).toString('hex'), signature: bytes.subarray(4) };
}

export interface SignatureCheck {
  /** The log's own keys that signed it. */
  signers: VerifierKey[];
  /** Keys that are known, whose signature does not fit. */
  broken: VerifierKey[];
  witnesses: { key: VerifierKey /** Seconds since 1970. */; time: number }[];
}

/** Checks every signature by a key that is known; others say nothing, as C2SP wants it. */
export function checkSignatures(note: SignedNote & { origin: string }, keys: readonly VerifierKey[]): SignatureCheck {
  const found: SignatureCheck = { signers: [], broken: [], witnesses: [] };
  for (const { name, id, signature } of note.signatures) {
    const key = keys.find((known) => known.name === name && known.id === id);
    if (!key) continue;
    if (key.isWitness) {
      const time = checkCosignature(note.body, key, signature);
      if (time === undefined) found.broken.push(key);
      else found.witnesses.push({ key, time });
    } else if (name === note.origin && verify(null, Buffer.from(note.body), key.key, signature)) {
      found.signers.push(key);
    } else found.broken.push(key);
  }
  return found;
}

/** A witness's time, when its signature fits. */
function checkCosignature(body: string, key: VerifierKey, signature: Buffer): number | undefined {
  if (signature.length !== 8 + 64) return undefined;
  const time = Number(signature.readBigUInt64BE());
  const signed = Buffer.from(`cosignature/v1\ntime ${time}\n${body}`);
  return verify(null, signed, key.key, signature.subarray(8)) ? time : undefined;
}
