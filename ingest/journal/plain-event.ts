// Sees in a fraction of the time that the schema takes that an event satisfies it, for nearly all do. Whatever it is not
// sure of, also what it does not know, is the schema's to judge: it never says yes where the schema says no.
import {
  type EventValue,
  INITIATOR_KNOWN,
  MARKS,
  NO_UUID,
  OPERATIONS,
  type ProposedEvent,
  STAGES,
  TIME_KNOWN,
  UUID,
  VALUE_OPERATIONS,
  VALUE_TYPES,
  WORD,
} from '../event.ts';

type Check = (value: unknown) => boolean;

interface Field {
  check: Check;
  required: boolean;
}

const required = (check: Check): Field => ({ check, required: true });
const optional = (check: Check): Field => ({ check, required: false });

const isWellFormed: Check = (value) => typeof value === 'string' && value.isWellFormed();
const isText: Check = (value) => typeof value === 'string' && value !== '' && value.isWellFormed();
const isWord: Check = (value) => typeof value === 'string' && WORD.test(value);
const isUuid: Check = (value) => typeof value === 'string' && UUID.test(value) && value !== NO_UUID;
const isBoolean: Check = (value) => typeof value === 'boolean';

function isWithin(least: number, most: number): Check {
  return (value) => typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most;
}
const isWhole = isWithin(0, Number.MAX_SAFE_INTEGER);

function isOneOf(names: readonly string[]): Check {
  const known = new Set<unknown>(names);
  return (value) => known.has(value);
}

function isArrayOf(check: Check): Check {
  return (value) => {
    if (!Array.isArray(value) || Object.getPrototypeOf(value) !== Array.prototype) return false;
    // Not `every`, which passes over the holes of an array.
    for (let i = 0; i < value.length; i++) if (!check(value[i])) return false;
    return true;
  };
}

/** Of no class of its own: what it inherits is nothing that JSON would see. */
function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** An object of these fields and no others. */
function isObjectOf(fields: Record<string, Field>): (value: unknown) => boolean {
  const known = new Map(Object.entries(fields));
  const enough = [...known.values()].filter((field) => field.required).length;
  return (value) => {
    if (!isPlainObject(value)) return false;
    let found = 0;
    for (const name in value) {
      const field = known.get(name);
      if (!field?.check(value[name])) return false;
      if (field.required) found += 1;
    }
    return found === enough;
  };
}

const SECRET = MARKS.secret;
const fieldsOfValue: Record<keyof EventValue, Field> = {
  attribute: required(isText),
  type: required(isOneOf(VALUE_TYPES)),
  operation: required(isOneOf(VALUE_OPERATIONS)),
  old: optional(isWellFormed),
  new: optional(isWellFormed),
  reference: optional(isUuid),
  // The marks below it, added up.
  marks: required(isWithin(0, SECRET - 1)),
  rule: optional(isText),
  setBy: optional(isWhole),
};
const hasFieldsOfValue = isObjectOf(fieldsOfValue);

function isPlainValue(value: EventValue): boolean {
  if (!hasFieldsOfValue(value)) return false;
  const { type, operation } = value;
  if ((value.old !== undefined) !== (operation !== 'add')) return false;
  if ((value.new !== undefined) !== (operation !== 'remove')) return false;
  return type === 'reference' ? operation !== 'replace' : value.reference === undefined;
}
const areValues = isArrayOf((value) => isPlainValue(value as EventValue));

const fieldsOfEvent: Record<keyof ProposedEvent, Field> = {
  occurredAt: required(isWhole),
  occurredAtKnown: required(isOneOf(TIME_KNOWN)),
  stage: required(isOneOf(STAGES)),
  operation: required(isOneOf(OPERATIONS)),
  outcome: required(isWord),
  error: optional(isText),
  object: optional(isUuid),
  entry: optional(isUuid),
  objectType: optional(isText),
  objectName: optional(isText),
  agent: optional(isText),
  anchor: optional(isText),
  dn: optional(isText),
  values: required(areValues),
  initiator: optional(isText),
  initiatorKnown: required(isOneOf(INITIATOR_KNOWN)),
  performer: optional(isText),
  address: optional(isText),
  causes: required(isArrayOf(isWhole)),
  root: optional(isWhole),
  rule: optional(isText),
  configuration: optional(isWhole),
  run: optional(isWhole),
  step: optional(isWithin(1, 65_535)),
  stepKind: optional(isWord),
  outOfBand: required(isBoolean),
};

/** Whether the event surely satisfies `proposedEventSchema`. */
export const isPlainEvent = isObjectOf(fieldsOfEvent);
