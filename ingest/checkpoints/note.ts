// Signed notes, as c2sp.org/signed-note defines them: a text, an empty line, and a line for each signature. Ed25519 only:
// of the log itself (type 0x01), and of witnesses with the time at which they signed (type 0x04, c2sp.org/tlog-cosignature).
import { createPrivateKey, createPublicKey, hash, type KeyObject, randomBytes, sign, verify } from 'node:crypto';

/** The types of signatures that are understood here. */
export const SIGNATURE_TYPES = { ed25519: 0x01, cosignature: 0x04 } as const;
export type SignatureType = keyof typeof SIGNATURE_TYPES;

/** A note may have more than the 16 signatures that everybody must accept, but not so many that reading it costs much. */
const MOST_SIGNATURES = 100;
const LARGEST_NOTE_BYTES = 1_000_000;
const KEY_ID_BYTES = 4;
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
const TIMESTAMP_BYTES = 8;
/** Names have no Unicode space and no plus sign, and are not empty. */
const NAME = /^[^\p{White_Space}+\p{Cc}]+$/u;
/** What no note holds: the control characters of ASCII but the newline. */
const CONTROL = /[\u0000-\u0009\u000b-\u001f]/;
const SIGNATURE_LINE = /^— (\S+) ([A-Za-z0-9+/]+={0,2})$/u;
const PRIVATE_PREFIX = 'PRIVATE+KEY+';
/** What stands before the 32 bytes of an Ed25519 private key in PKCS #8 (RFC 8410). */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

/** A note, a key or a checkpoint that is not what it should be; the message says in which way, and holds no private key. */
export class NoteError extends Error {
  override name = 'NoteError';
}

export interface NoteSignature {
  name: string;
  /** The first four bytes of the key's hash, in hexadecimal. */
  keyId: string;
  /** Without the key's id. */
  bytes: Buffer;
  /** The whole line, without its newline. */
  line: string;
}

export interface Note {
  /** With its final newline. */
  text: string;
  signatures: NoteSignature[];
}

/** Reads a note without checking its signatures. Raises NoteError. */
export function parseNote(note: string | Uint8Array): Note {
  const whole = typeof note === 'string' ? note : decode(note);
  if (Buffer.byteLength(whole) > LARGEST_NOTE_BYTES || !whole.isWellFormed() || CONTROL.test(whole))
    throw new NoteError('The note is too large, no valid UTF-8, or holds control characters.');
  const split = whole.lastIndexOf('\n\n');
  if (split < 0 || !whole.endsWith('\n')) throw new NoteError('The note has no text, empty line and signatures.');
  const lines = whole.slice(split + 2, -1).split('\n');
  if (lines.length > MOST_SIGNATURES) throw new NoteError(`The note has more than ${MOST_SIGNATURES} signatures.`);
  return { text: whole.slice(0, split + 1), signatures: lines.map(parseSignatureLine) };
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new NoteError('The note is no valid UTF-8.');
  }
}

/** Reads `— name base64`, without its newline. Raises NoteError. */
export function parseSignatureLine(line: string): NoteSignature {
  const [, name = '', encoded = ''] = SIGNATURE_LINE.exec(line) ?? [];
  const bytes = decodeBase64(encoded);
  if (!NAME.test(name) || bytes === undefined || bytes.length <= KEY_ID_BYTES)
    throw new NoteError('A line after the text of the note is no signature.');
  return {
    name,
    keyId: bytes.subarray(0, KEY_ID_BYTES).toString('hex'),
    bytes: bytes.subarray(KEY_ID_BYTES),
    line,
  };
}

/** Standard base64 with its padding, or undefined. */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

/** A public key, by the name under which it signs. */
export interface Verifier {
  type: SignatureType;
  name: string;
  /** In hexadecimal, 8 digits. */
  keyId: string;
  /** The key as text: `<name>+<key id>+<base64 of type and key>`. */
  vkey: string;
  /** Whether these bytes are its signature of the text. */
  verifies(text: string, signature: Uint8Array): boolean;
}

/** Reads a vkey. Raises NoteError when it is malformed, of another kind, or its key id does not fit. */
export function parseVerifierKey(vkey: string): Verifier {
  const [, name = '', keyId = '', encoded = ''] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/su.exec(vkey) ?? [];
  const bytes = decodeBase64(encoded);
  const type = typeOf(bytes?.[0]);
  if (!NAME.test(name) || bytes?.length !== 1 + KEY_BYTES || type === undefined)
    throw new NoteError('A public key is written as name+key id+base64 of 01 or 04 and an Ed25519 key.');
  const verifier = createVerifier(name, type, bytes.subarray(1));
  if (verifier.keyId !== keyId) throw new NoteError(`The id ${keyId} is not that of the public key of ${name}.`);
  return verifier;
}

function typeOf(byte: number | undefined): SignatureType | undefined {
  if (byte === SIGNATURE_TYPES.ed25519) return 'ed25519';
  return byte === SIGNATURE_TYPES.cosignature ? 'cosignature' : undefined;
}

function createVerifier(name: string, type: SignatureType, key: Uint8Array): Verifier {
  const typed = Buffer.concat([Buffer.of(SIGNATURE_TYPES[type]), key]);
  const keyId = hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), typed]), 'hex').slice(0, 2 * KEY_ID_BYTES);
  const x = Buffer.from(key).toString('base64url');
  const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  return {
    type,
    name,
    keyId,
    vkey: `${name}+${keyId}+${typed.toString('base64')}`,
    verifies: (text, signature) =>
      type === 'ed25519'
        ? isSignature(publicKey, Buffer.from(text), signature)
        : isCosignature(publicKey, text, signature),
  };
}

function isSignature(key: KeyObject, message: Uint8Array, signature: Uint8Array): boolean {
  return signature.length === SIGNATURE_BYTES && verify(null, message, key, signature);
}

function isCosignature(key: KeyObject, text: string, signature: Uint8Array): boolean {
  const time = readCosignatureTime(signature);
  return time !== undefined && isSignature(key, cosignedMessage(text, time), signature.subarray(TIMESTAMP_BYTES));
}

/** When a cosignature was made, in seconds since 1970; undefined when it is none. */
export function readCosignatureTime(signature: Uint8Array): number | undefined {
  if (signature.length !== TIMESTAMP_BYTES + SIGNATURE_BYTES) return undefined;
  const seconds = Number(Buffer.from(signature).readBigUInt64BE());
  return Number.isSafeInteger(seconds) ? seconds : undefined;
}

function cosignedMessage(text: string, seconds: number): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`);
}

/** A private key. It is never part of an error, and prints as its public half. */
export interface Signer {
  verifier: Verifier;
  /** The signature line of a text, without its newline. Raises NoteError when the text is none of a note. */
  signatureOf(text: string): string;
  /** The key as text, for its file alone. */
  readonly secretText: () => string;
}

/** Makes a new Ed25519 key for a name. */
export function createSigner(name: string): Signer {
  return signerOf(name, randomBytes(KEY_BYTES));
}

/** Reads `PRIVATE+KEY+<name>+<key id>+<base64 of 01 and the seed>`. Raises NoteError, without a word of what was read. */
export function parseSignerKey(skey: string): Signer {
  const [, name = '', keyId = '', encoded = ''] = /^PRIVATE\+KEY\+([^+]+)\+([0-9a-f]{8})\+(.+)$/su.exec(skey) ?? [];
  const bytes = decodeBase64(encoded);
  if (!NAME.test(name) || bytes?.length !== 1 + KEY_BYTES || bytes[0] !== SIGNATURE_TYPES.ed25519)
    throw new NoteError(
      'A private key is written as PRIVATE+KEY+name+key id+base64 of 01 and the 32 bytes of its seed.',
    );
  const signer = signerOf(name, bytes.subarray(1));
  if (signer.verifier.keyId !== keyId) throw new NoteError('The id of the private key is not that of its public key.');
  return signer;
}

function signerOf(name: string, seed: Uint8Array): Signer {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' });
  const verifier = createVerifier(name, 'ed25519', Buffer.from(x, 'base64url'));
  const { keyId } = verifier;
  const encoded = Buffer.concat([Buffer.of(SIGNATURE_TYPES.ed25519), seed]).toString('base64');
  return {
    verifier,
    signatureOf(text) {
      checkText(text);
      const bytes = Buffer.concat([Buffer.from(keyId, 'hex'), sign(null, Buffer.from(text), key)]);
      return `— ${name} ${bytes.toString('base64')}`;
    },
    secretText: () => `${PRIVATE_PREFIX}${name}+${keyId}+${encoded}`,
  };
}

function checkText(text: string): void {
  if (!text.endsWith('\n') || !text.isWellFormed() || CONTROL.test(text))
    throw new NoteError('The text of a note ends with a newline and holds no control characters.');
}

/** A text signed by each of these keys. */
export function signNote(text: string, signers: readonly Signer[]): string {
  return formatNote(
    text,
    signers.map((signer) => signer.signatureOf(text)),
  );
}

export function formatNote(text: string, lines: readonly string[]): string {
  return `${text}\n${lines.map((line) => `${line}\n`).join('')}`;
}

/**
 * The signatures of known keys on a note, each checked; those of unknown keys are ignored. Raises NoteError when one of a
 * known key is wrong, or there is none.
 */
export function verifyNote(note: Note, known: readonly Verifier[]): { verifier: Verifier; signature: NoteSignature }[] {
  const found = note.signatures.flatMap((signature) => {
    const verifier = known.find(({ name, keyId }) => name === signature.name && keyId === signature.keyId);
    return verifier ? [{ verifier, signature }] : [];
  });
  const wrong = found.find(({ verifier, signature }) => !verifier.verifies(note.text, signature.bytes));
  if (wrong) throw new NoteError(`The signature of ${wrong.verifier.name} (key ${wrong.verifier.keyId}) is wrong.`);
  if (found.length === 0) throw new NoteError('No known key has signed the note.');
  return found;
}
