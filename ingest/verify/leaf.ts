// The leaf of a row, computed from ingest/ENCODING.md alone: this program's second opinion on what ClickHouse computes, and
// the only one where there is no ClickHouse.
import { hash } from 'node:crypto';
import { NOBODY, type Row } from './row.ts';

/** The 32 bytes of a key by its number, where it is there. */
export type KeyLookup = (number: number) => Uint8Array | undefined;

const HEAD_BYTES = 9;
/** Shorter texts are mostly ASCII, and copied faster letter by letter than by a call. */
const SHORT = 24;
const ASCII = 0x80;

/**
 * Collects bytes to hash; grows as needed and is used again. Hashes go from here to there as strings of bytes ("binary"),
 * which Node makes four times as fast as Buffers: hashing is most of the work here.
 */
class Bytes {
  #buffer = Buffer.alloc(65_536);
  #length = 0;

  begin(prefix: number): this {
    this.#length = 0;
    return this.byte(prefix);
  }

  byte(value: number): this {
    this.#reserve(1);
    this.#buffer[this.#length++] = value;
    return this;
  }

  raw(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  /** A string of bytes as it is. */
  binary(bytes: string): this {
    this.#reserve(bytes.length);
    this.#length += this.#buffer.write(bytes, this.#length, 'binary');
    return this;
  }

  /** A field that is there, also when it is empty. */
  field(content: string): this {
    this.#reserve(HEAD_BYTES + content.length * 3);
    const start = this.#length + HEAD_BYTES;
    const written = this.#writeShort(content, start) ? content.length : this.#buffer.write(content, start, 'utf8');
    this.#head(written);
    this.#length = start + written;
    return this;
  }

  /** A field that is absent when it is empty. */
  text(content: string): this {
    return content === '' ? this.byte(0) : this.field(content);
  }

  /** A field that is a hash; absent when it is empty. */
  hash(bytes: string): this {
    if (bytes === '') return this.byte(0);
    this.#reserve(HEAD_BYTES);
    this.#head(bytes.length);
    this.#length += HEAD_BYTES;
    return this.binary(bytes);
  }

  sha256(): string {
    return hash('sha256', this.#buffer.subarray(0, this.#length), 'binary');
  }

  #head(length: number): void {
    const buffer = this.#buffer;
    let at = this.#length;
    buffer[at++] = 1;
    for (let i = 0; i < 4; i++) buffer[at++] = 0;
    buffer[at++] = length >>> 24;
    buffer[at++] = length >>> 16;
    buffer[at++] = length >>> 8;
    buffer[at] = length;
  }

  #writeShort(content: string, start: number): boolean {
    if (content.length > SHORT) return false;
    for (let i = 0; i < content.length; i++) {
      const unit = content.charCodeAt(i);
      if (unit >= ASCII) return false;
      this.#buffer[start + i] = unit;
    }
    return true;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#buffer.length) return;
    const grown = Buffer.alloc(Math.max(this.#buffer.length * 2, this.#length + more));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }
}

const NO_KEY = new Uint8Array();
const committed = new Bytes();
const encoded = new Bytes();

/** Begins a commitment; the contents follow as fields. A key that is missing gives a commitment that fits nothing. */
function beginCommitment(row: Row, key: Uint8Array | undefined, group: string, ordinal: number): Bytes {
  const salt = committed
    .begin(2)
    .raw(key ?? NO_KEY)
    .field(row.log)
    .field(String(row.sequence))
    .field(group)
    .field(String(ordinal))
    .sha256();
  return committed.begin(3).binary(salt);
}

function fromHex(commitment: string): string {
  return Buffer.from(commitment, 'hex').toString('binary');
}

function objectGroup(row: Row, keyOf: KeyLookup): string {
  if (row.objectCommitment !== '') return fromHex(row.objectCommitment);
  if (row.objectName === '' && row.anchor === '' && row.dn === '') return '';
  const key = keyOf(row.subjectKey);
  return beginCommitment(row, key, 'object', 0).text(row.objectName).text(row.anchor).text(row.dn).sha256();
}

function actorGroup(row: Row, keyOf: KeyLookup): string {
  if (row.actorCommitment !== '') return fromHex(row.actorCommitment);
  if (row.initiator === '' && row.performer === '' && row.address === '') return '';
  const key = keyOf(row.actorKey);
  return beginCommitment(row, key, 'actor', 0).text(row.initiator).text(row.performer).text(row.address).sha256();
}

function writeOldAndNew(bytes: Bytes, { operation, old, new: fresh }: Row['values'][number]): void {
  if (operation === 'add') bytes.byte(0);
  else bytes.field(old);
  if (operation === 'remove') bytes.byte(0);
  else bytes.field(fresh);
}

function valuesGroup(row: Row, keyOf: KeyLookup): string {
  if (row.values.every(({ type }) => type === 'reference')) return '';
  if (row.valuesCommitment !== '') return fromHex(row.valuesCommitment);
  const bytes = beginCommitment(row, keyOf(row.subjectKey), 'values', 0);
  for (const value of row.values) if (value.type !== 'reference') writeOldAndNew(bytes, value);
  return bytes.sha256();
}

function referenceGroup(row: Row, ordinal: number, keyOf: KeyLookup): string {
  const value = row.values[ordinal];
  if (value?.type !== 'reference') return '';
  if (value.commitment !== '') return fromHex(value.commitment);
  const bytes = beginCommitment(row, keyOf(value.key), 'reference', ordinal);
  writeOldAndNew(bytes, value);
  return bytes.text(value.reference === NOBODY ? '' : value.reference).sha256();
}

const idText = (id: string): string => (id === NOBODY ? '' : id);

/** SHA-256(00 ‖ encoding) of a row: 32 bytes. */
export function computeLeaf(row: Row, keyOf: KeyLookup): Buffer {
  const ofObject = objectGroup(row, keyOf);
  const ofActor = actorGroup(row, keyOf);
  const ofValues = valuesGroup(row, keyOf);
  const bytes = encoded
    .begin(0)
    .field(String(row.eventVersion))
    .field(row.log)
    .field(String(row.sequence))
    .field(row.recordedAt)
    .field(row.occurredAt)
    .field(row.occurredAtKnown)
    .field(row.stage)
    .field(row.operation)
    .field(row.outcome)
    .text(row.error)
    .text(idText(row.object))
    .text(idText(row.entry))
    .text(row.objectType)
    .text(row.agent)
    .hash(ofObject)
    .field(row.initiatorKnown)
    .hash(ofActor)
    .field(String(row.causes.length));
  for (const cause of row.causes) bytes.field(String(cause));
  bytes
    .field(String(row.root))
    .text(row.rule)
    .text(row.configurationKnown === 0 ? '' : String(row.configuration))
    .text(row.runKnown === 0 ? '' : String(row.run))
    .text(row.step === 0 ? '' : String(row.step))
    .text(row.stepKind)
    .field(String(row.outOfBand))
    .hash(ofValues)
    .field(String(row.values.length));
  for (const [ordinal, value] of row.values.entries()) {
    bytes
      .field(value.attribute)
      .field(value.type)
      .field(value.operation)
      .field(String(value.marks))
      .text(value.rule)
      .text(value.setByKnown === 0 ? '' : String(value.setBy))
      .hash(referenceGroup(row, ordinal, keyOf));
  }
  return Buffer.from(bytes.sha256(), 'binary');
}
