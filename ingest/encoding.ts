// How an event becomes a leaf of the Merkle tree. ENCODING.md documents this byte for byte, with test vectors;
// a change here is a new event version, and the old one stays.
import type { ChangeEvent, EventValue } from './event.ts';
import { FieldWriter } from './field-writer.ts';

const PREFIX_LEAF = Buffer.from([0x00]);
const PREFIX_SALT = Buffer.from([0x02]);
const PREFIX_COMMITMENT = Buffer.from([0x03]);

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

/** One for all: encoding is synchronous, and one event is encoded after the other. */
const writer = new FieldWriter();

function commit(
  key: Uint8Array,
  event: ChangeEvent,
  group: 'object' | 'actor' | 'values' | 'reference',
  ordinal: number,
  fields: readonly (string | undefined)[],
): Buffer {
  writer.begin(PREFIX_SALT, key).field(event.log).field(event.sequence).field(group).field(ordinal);
  const salt = writer.sha256();
  writer.begin(PREFIX_COMMITMENT, salt);
  for (const field of fields) writer.field(field);
  return writer.sha256();
}

/** Computes the commitments of an event from its columns and the keys of the persons that it is about. */
export function computeCommitments(event: ChangeEvent, keyOf: KeyLookup): Commitments {
  const ofGroup = (group: 'object' | 'actor', key: number, fields: readonly (string | undefined)[]) =>
    fields.some((field) => field !== undefined) ? commit(keyOf(key), event, group, 0, fields) : undefined;
  const plain: (string | undefined)[] = [];
  for (const value of event.values) if (value.type !== 'reference') plain.push(value.old, value.new);
  return {
    object: ofGroup('object', event.subjectKey, [event.objectName, event.anchor, event.dn]),
    actor: ofGroup('actor', event.actorKey, [event.initiator, event.performer, event.address]),
    values: plain.length > 0 ? commit(keyOf(event.subjectKey), event, 'values', 0, plain) : undefined,
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

function writeValue(value: EventValue, commitment: Uint8Array | undefined): void {
  writer
    .field(value.attribute)
    .field(value.type)
    .field(value.operation)
    .field(value.marks)
    .field(value.rule)
    .field(value.setBy)
    .field(commitment);
}

function writeEvent(event: ChangeEvent, commitments: Commitments): void {
  writer
    .field(event.eventVersion)
    .field(event.log)
    .field(event.sequence)
    .field(event.recordedAt)
    .field(event.occurredAt)
    .field(event.occurredAtKnown)
    .field(event.stage)
    .field(event.operation)
    .field(event.outcome)
    .field(event.error)
    .field(event.object)
    .field(event.entry)
    .field(event.objectType)
    .field(event.agent)
    .field(commitments.object)
    .field(event.initiatorKnown)
    .field(commitments.actor)
    .field(event.causes.length);
  for (const cause of event.causes) writer.field(cause);
  writer
    .field(event.root)
    .field(event.rule)
    .field(event.configuration)
    .field(event.run)
    .field(event.step)
    .field(event.stepKind)
    .field(event.outOfBand ? 1 : 0)
    .field(commitments.values)
    .field(event.values.length);
  for (const [index, value] of event.values.entries()) writeValue(value, commitments.references[index]);
}

/** The encoding of an event, version 1. It is injective: two different events never have the same bytes. */
export function encodeEvent(event: ChangeEvent, commitments: Commitments): Buffer {
  writer.begin();
  writeEvent(event, commitments);
  return writer.copy();
}

/** SHA-256(00 ‖ encoding), RFC 9162 section 2.1.1: 32 bytes. */
export function leafOf(event: ChangeEvent, keyOf: KeyLookup): Buffer {
  const commitments = computeCommitments(event, keyOf);
  writer.begin(PREFIX_LEAF);
  writeEvent(event, commitments);
  return writer.sha256();
}
