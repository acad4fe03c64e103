// How an event becomes a leaf of the Merkle tree. ENCODING.md documents this byte for byte, with test vectors;
// a change here is a new event version, and the old one stays.
import { createHash } from 'node:crypto';
import type { ChangeEvent, EventValue } from './event.ts';

const NUMBER_BYTES = 8;
const PREFIX_SALT = Buffer.from([0x02]);
const PREFIX_COMMITMENT = Buffer.from([0x03]);
const PREFIX_LEAF = Buffer.from([0x00]);
const ABSENT = Buffer.from([0x00]);

/** Looks up the 32 secret bytes of a key by its number. */
export type KeyLookup = (keyNumber: number) => Uint8Array;

/** The personal columns of an event as they enter the leaf: each commitment has 32 bytes, or the group is empty. */
export interface Commitments {
  object: Uint8Array | undefined;
  actor: Uint8Array | undefined;
  /** Over the old and new values of all attributes that are no references. */
  values: Uint8Array | undefined;
  /** One for each value; undefined where it is no reference. */
  references: (Uint8Array | undefined)[];
}

/** One field: 00 when absent, else 01, the length in 8 bytes (big-endian), the bytes. Numbers are decimal digits. */
export function encodeField(value: string | number | Uint8Array | undefined): Buffer {
  if (value === undefined) return ABSENT;
  const bytes = value instanceof Uint8Array ? value : Buffer.from(String(value), 'utf8');
  const out = Buffer.allocUnsafe(1 + NUMBER_BYTES + bytes.length);
  out[0] = 0x01;
  out.writeBigUInt64BE(BigInt(bytes.length), 1);
  out.set(bytes, 1 + NUMBER_BYTES);
  return out;
}

function sha256(parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

interface SaltContext {
  log: string;
  sequence: number;
}

function commit(
  key: Uint8Array,
  context: SaltContext,
  group: 'object' | 'actor' | 'values' | 'reference',
  ordinal: number,
  fields: readonly (string | undefined)[],
): Buffer {
  const salt = sha256([
    PREFIX_SALT,
    key,
    encodeField(context.log),
    encodeField(context.sequence),
    encodeField(group),
    encodeField(ordinal),
  ]);
  return sha256([PREFIX_COMMITMENT, salt, ...fields.map(encodeField)]);
}

/** Computes the commitments of an event from its columns and the keys of the persons that it is about. */
export function computeCommitments(event: ChangeEvent, keyOf: KeyLookup): Commitments {
  const plain = event.values.filter((value) => value.type !== 'reference').flatMap((value) => [value.old, value.new]);
  const subject = () => keyOf(event.subjectKey);
  const objectFields = [event.objectName, event.anchor, event.dn];
  const actorFields = [event.initiator, event.performer, event.address];
  return {
    object: objectFields.some((field) => field !== undefined)
      ? commit(subject(), event, 'object', 0, objectFields)
      : undefined,
    actor: actorFields.some((field) => field !== undefined)
      ? commit(keyOf(event.actorKey), event, 'actor', 0, actorFields)
      : undefined,
    values: plain.length > 0 ? commit(subject(), event, 'values', 0, plain) : undefined,
    references: event.values.map((value, ordinal) =>
      value.type === 'reference'
        ? commit(keyOf(event.valueKeys[ordinal] ?? 0), event, 'reference', ordinal, [
            value.old,
            value.new,
            value.reference,
          ])
        : undefined,
    ),
  };
}

function encodeValue(value: EventValue, commitment: Uint8Array | undefined): Buffer[] {
  return [
    encodeField(value.attribute),
    encodeField(value.type),
    encodeField(value.operation),
    encodeField(value.marks),
    encodeField(value.rule),
    encodeField(value.setBy),
    encodeField(commitment),
  ];
}

/** The encoding of an event, version 1. It is injective: two different events never have the same bytes. */
export function encodeEvent(event: ChangeEvent, commitments: Commitments): Buffer {
  return Buffer.concat([
    encodeField(event.eventVersion),
    encodeField(event.log),
    encodeField(event.sequence),
    encodeField(event.recordedAt),
    encodeField(event.occurredAt),
    encodeField(event.occurredAtKnown),
    encodeField(event.stage),
    encodeField(event.operation),
    encodeField(event.outcome),
    encodeField(event.error),
    encodeField(event.object),
    encodeField(event.entry),
    encodeField(event.objectType),
    encodeField(event.agent),
    encodeField(commitments.object),
    encodeField(event.initiatorKnown),
    encodeField(commitments.actor),
    encodeField(event.causes.length),
    ...event.causes.map(encodeField),
    encodeField(event.root),
    encodeField(event.rule),
    encodeField(event.configuration),
    encodeField(event.run),
    encodeField(event.step),
    encodeField(event.stepKind),
    encodeField(event.outOfBand ? 1 : 0),
    encodeField(commitments.values),
    encodeField(event.values.length),
    ...event.values.flatMap((value, index) => encodeValue(value, commitments.references[index])),
  ]);
}

/** SHA-256(00 ‖ encoding), RFC 9162 section 2.1.1: 32 bytes. */
export function hashLeaf(encoding: Uint8Array): Buffer {
  return sha256([PREFIX_LEAF, encoding]);
}

/** The leaf of an event, with everything it needs computed on the way. */
export function leafOf(event: ChangeEvent, keyOf: KeyLookup): Buffer {
  return hashLeaf(encodeEvent(event, computeCommitments(event, keyOf)));
}
