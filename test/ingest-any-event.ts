// Events made by chance, for properties that hold for all of them.
import fc from 'fast-check';
import {
  type ChangeEvent,
  EVENT_VERSION,
  type EventValue,
  INITIATOR_KNOWN,
  OPERATIONS,
  type ProposedEvent,
  STAGES,
  TIME_KNOWN,
  VALUE_TYPES,
} from '../ingest/event.ts';
import { makeId } from './ingest-world.ts';

/** Texts with what breaks quoting, escaping and byte counting; never a lone surrogate. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom(
    "O'Brien",
    '\\N',
    '\\',
    '"',
    '\u0000',
    'a\u0000b',
    '\n',
    '\t',
    '€½',
    '😀',
    '\ufeff',
    '\ufffd',
    'null',
    '{}',
  ),
);
const text = anyText.filter((string) => string !== '');
const word = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,12}$/);
const id = fc.integer({ min: 1, max: 50 }).map(makeId);
const micros = fc.oneof(
  fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  fc.constantFrom(0, 1, 999_999, 1_000_000, Number.MAX_SAFE_INTEGER),
);

function optional<T extends Record<string, fc.Arbitrary<unknown>>>(fields: T) {
  return fc.record(fields, { requiredKeys: [] });
}

function anyValue(before: fc.Arbitrary<number>): fc.Arbitrary<EventValue> {
  const shape = fc.record({
    attribute: text,
    type: fc.constantFrom(...VALUE_TYPES),
    operation: fc.constantFrom('add' as const, 'remove' as const, 'replace' as const),
    old: anyText,
    new: anyText,
    reference: fc.option(id, { nil: undefined }),
    marks: fc.integer({ min: 0, max: 7 }),
    more: optional({ rule: text, setBy: before }),
  });
  return shape.map(({ more, old, new: fresh, reference, ...rest }) => {
    const operation = rest.type === 'reference' && rest.operation === 'replace' ? 'add' : rest.operation;
    return {
      ...rest,
      operation,
      ...more,
      ...(operation !== 'add' && { old }),
      ...(operation !== 'remove' && { new: fresh }),
      ...(rest.type === 'reference' && reference !== undefined && { reference }),
    };
  });
}

/** Any event that a producer may hand over when `sequence` (at least 1) is due. */
export function anyProposedEvent(sequence: number): fc.Arbitrary<ProposedEvent> {
  const before = fc.integer({ min: 0, max: sequence - 1 });
  const required = fc.record({
    occurredAt: micros,
    occurredAtKnown: fc.constantFrom(...TIME_KNOWN),
    stage: fc.constantFrom(...STAGES),
    operation: fc.constantFrom(...OPERATIONS),
    outcome: word,
    values: fc.array(anyValue(before), { maxLength: 5 }),
    initiatorKnown: fc.constantFrom(...INITIATOR_KNOWN),
    causes: fc.array(before, { maxLength: 3 }),
    outOfBand: fc.boolean(),
  });
  const rest = optional({
    error: text,
    object: id,
    entry: id,
    objectType: text,
    objectName: text,
    agent: text,
    anchor: text,
    dn: text,
    initiator: text,
    performer: text,
    address: text,
    rule: text,
    configuration: before,
    run: before,
    step: fc.integer({ min: 1, max: 65_535 }),
    stepKind: word,
  });
  return fc.tuple(required, rest).map(([a, b]) => {
    const root = a.causes[0] === undefined ? {} : { root: a.causes[0] };
    return { ...a, ...b, ...root };
  });
}

export const LOG = 'metatrail/0123456789abcdef';

/** Any event as the journal would have accepted it under some sequence, with keys numbered from 1. */
export const anyChangeEvent: fc.Arbitrary<ChangeEvent> = fc
  .tuple(fc.oneof(fc.integer({ min: 1, max: 1000 }), fc.constant(Number.MAX_SAFE_INTEGER - 1)), micros)
  .chain(([sequence, recordedAt]) =>
    anyProposedEvent(sequence).map((event) => ({
      ...event,
      eventVersion: EVENT_VERSION,
      log: LOG,
      sequence,
      recordedAt,
      root: event.root ?? sequence,
      subjectKey: 1,
      actorKey: 2,
      valueKeys: event.values.map((value, i) => (value.type === 'reference' ? 3 + i : 0)),
    })),
  );
