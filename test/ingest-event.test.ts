// What enters the log: the schema of an event, and what its refusal says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LogError } from '../ingest/errors.ts';
import { type EventValue, eventValueSchema, MARKS, type ProposedEvent, proposedEventSchema } from '../ingest/event.ts';
import { checkEvent } from '../ingest/journal/checked-event.ts';
import { isPlainEvent } from '../ingest/journal/plain-event.ts';
import { anyProposedEvent } from './ingest-any-event.ts';
import { makeEvent, makeId } from './ingest-world.ts';

const SEQUENCE = 100;
const PRIVATE = 'Geheim';

function refusal(fields: object, sequence = SEQUENCE): LogError {
  try {
    checkEvent({ ...makeEvent(), ...fields } as ProposedEvent, sequence);
  } catch (error) {
    assert.ok(error instanceof LogError);
    assert.equal(error.code, 'event-invalid');
    return error;
  }
  return assert.fail(`accepted: ${JSON.stringify(fields)}`);
}

const value = (fields: Partial<EventValue>) => ({
  values: [{ attribute: 'title', type: 'string', operation: 'add', new: PRIVATE, marks: 0, ...fields }],
});

test('every event that fits the schema is accepted as it is', () => {
  fc.assert(
    fc.property(anyProposedEvent(SEQUENCE), (event) => {
      assert.deepEqual(checkEvent(event, SEQUENCE), event);
    }),
  );
});

const REFUSED: [what: string, fields: object, path: RegExp][] = [
  ['a value marked secret', value({ marks: MARKS.secret }), /values\.0: a secret is never written/],
  ['an added value with an old one', value({ old: PRIVATE }), /values\.0: old goes with/],
  ['a removed value with a new one', value({ operation: 'remove', old: PRIVATE }), /values\.0: new goes with/],
  ['a replaced value without the old one', value({ operation: 'replace' }), /values\.0: old goes with/],
  [
    'a replaced reference',
    value({ type: 'reference', operation: 'replace', old: PRIVATE }),
    /values\.0: a changed reference is a remove and an add/,
  ],
  ['an object named by what is no reference', value({ reference: makeId(1) }), /values\.0: only a reference/],
  ['a lone surrogate', value({ new: `${PRIVATE}\ud800` }), /values\.0\.new: must be well-formed/],
  ['an unknown field', { nickname: PRIVATE }, /Unrecognized key: "nickname"/],
  ['an unknown field of a value', value({ ['x' as 'rule']: PRIVATE }), /values\.0: Unrecognized key: "x"/],
  ['an empty text', { agent: '' }, /agent: must not be empty/],
  ['an id in capitals', { object: makeId(10).toUpperCase() }, /object: must be a UUID in lower case/],
  ['the id of zeros', { entry: '00000000-0000-0000-0000-000000000000' }, /entry: must not be the UUID of zeros/],
  ['a time with a fraction of a microsecond', { occurredAt: 1.5 }, /occurredAt/],
  ['a time before 1970', { occurredAt: -1 }, /occurredAt/],
  ['a step of none', { step: 0 }, /step/],
  ['an unknown stage', { stage: PRIVATE }, /stage: Invalid option/],
  ['an outcome that is no word', { outcome: `${PRIVATE} text` }, /outcome: must be a word/],
  ['a cause in the future', { causes: [SEQUENCE + 1] }, /causes\.0: 101 is not before 100/],
  ['itself as its cause', { causes: [3, SEQUENCE] }, /causes\.1: 100 is not before 100/],
  ['a root without a cause', { root: 3 }, /root: an event without a cause is its own root/],
  ['a root after its cause', { causes: [3], root: 4 }, /root: 4 is not before 4/],
  ['a value set by an event to come', value({ operation: 'remove', old: PRIVATE, setBy: SEQUENCE }), /new|setBy/],
  ['a run that is to come', { run: SEQUENCE + 1 }, /run: 101 is not before 101/],
  ['a configuration that is to come', { configuration: SEQUENCE + 1 }, /configuration/],
];

for (const [what, fields, path] of REFUSED) {
  test(`an event with ${what} is refused by field, without any of its values`, () => {
    const { message } = refusal(fields);
    assert.match(message, path);
    assert.match(message, /^An event (import|of an unknown stage)\/add\/(stage-add|unknown outcome) /);
    assert.ok(!message.includes(PRIVATE), message);
    assert.ok(!message.includes(PRIVATE.toLowerCase()), message);
  });
}

test('an event may be its own run and its own configuration', () => {
  const event = makeEvent({ run: SEQUENCE, configuration: SEQUENCE });
  assert.deepEqual(checkEvent(event, SEQUENCE), event);
});

/** What a field may hold that it should not, or that only some fields may. */
const ODD: unknown[] = [
  ...[
    undefined,
    null,
    true,
    0,
    -0,
    1,
    7,
    8,
    15,
    16,
    -1,
    1.5,
    65_535,
    65_536,
    2 ** 53,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    1n,
  ],
  ...['', 'a', 'A b', '-a', 'a\n', '\ud800', makeId(1), makeId(10).toUpperCase(), `${makeId(1)}\n`],
  ...[
    '00000000-0000-0000-0000-000000000000',
    'add',
    'remove',
    'replace',
    'reference',
    'string',
    'reported',
    'constructor',
  ],
  ...[[], [0], [-1], ['a'], [{}], new Array(1), {}, { length: 0 }, new Date(0), new Map(), () => 1],
];
const FIELDS = [...Object.keys(proposedEventSchema.shape), 'nickname', 'constructor'];
const FIELDS_OF_VALUE = [...Object.keys(eventValueSchema.shape), 'nickname', 'toString'];

/** An event that fits its schema, with one field of it, or of one of its values, taken away or given other content. */
const anyAlteredEvent = fc
  .record({
    event: anyProposedEvent(SEQUENCE),
    place: fc.nat(9),
    field: fc.constantFrom(...FIELDS),
    fieldOfValue: fc.constantFrom(...FIELDS_OF_VALUE),
    content: fc.option(fc.constantFrom(...ODD), { nil: 'taken away' }),
  })
  .map(({ event, place, field, fieldOfValue, content }) => {
    const inValue = event.values[place];
    const name = inValue ? fieldOfValue : field;
    const altered: Record<string, unknown> = { ...(inValue ?? event) };
    if (content === 'taken away') delete altered[name];
    else altered[name] = content;
    return {
      content,
      event: inValue ? { ...event, values: event.values.with(place, altered as EventValue) } : altered,
    };
  });

test('what is seen to be an event at once is what the schema says is one', () => {
  fc.assert(
    fc.property(anyAlteredEvent, ({ event, content }) => {
      const { success } = proposedEventSchema.safeParse(event);
      // A field that is there and holds nothing is the schema's to judge.
      if (content === undefined) assert.ok(success || !isPlainEvent(event));
      else assert.equal(isPlainEvent(event), success);
    }),
    { numRuns: 5000 },
  );
});

test('what JSON would see otherwise than the schema is not taken for an event at once', () => {
  const event = makeEvent();
  class Event {}
  const hidden = Object.defineProperty({ ...event }, 'outcome', { enumerable: false });
  class Causes extends Array<number> {}
  for (const odd of [Object.assign(new Event(), event), Object.create(event), hidden, [event], Object.values(event)])
    assert.equal(isPlainEvent(odd), false);
  assert.equal(isPlainEvent({ ...event, causes: Causes.of(1) }), false);
});
