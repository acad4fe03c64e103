// The difference of two sets of attributes as the values of an event. Single values are replaced; several are added and
// removed; a changed reference is a remove and an add, for it names two persons.
import { createHash } from 'node:crypto';
import { type EventValue, LARGE_VALUE_BYTES, MARKS } from '../ingest/event.ts';
import type { Attributes, AttributeType } from './connector.ts';
import { safeDnKey } from './indexes.ts';
import type { Held, HeldAttributes } from './space.ts';

export interface AttributeSchema {
  type: AttributeType;
  marks: number;
  /** References that are DNs are compared as DNs. */
  comparesAsDn: boolean;
  /** A value that stands for none, where the system does not allow none: nobody's entitlement. */
  placeholder?: string | undefined;
}

export interface Difference {
  values: EventValue[];
  /** The attributes after: what stayed keeps its lineage, what is new was set by `sequence`. */
  after: HeldAttributes;
}

interface DifferenceOptions {
  schemaOf: (attribute: string) => AttributeSchema;
  /** The object that a reference value names, if it is known. */
  resolve?: (attribute: string, value: string) => string | undefined;
  /** The flow rule of an attribute. */
  ruleOf?: (attribute: string) => string | undefined;
  /** The sequence of the event that these values go into. */
  sequence: number;
}

/** Compares the attributes named in either; `after` lists every attribute that is to be there. */
export function difference(before: HeldAttributes, after: Attributes, options: DifferenceOptions): Difference {
  const values: EventValue[] = [];
  const held: Record<string, readonly Held[]> = {};
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const result = differenceOf(name, before[name] ?? [], after[name] ?? [], options);
    values.push(...result.values);
    if (result.held.length > 0) held[name] = result.held;
  }
  return { values, after: held };
}

function differenceOf(
  name: string,
  before: readonly Held[],
  after: readonly string[],
  options: DifferenceOptions,
): { values: EventValue[]; held: readonly Held[] } {
  if (sameList(before, after)) return { values: [], held: before };
  const schema = options.schemaOf(name);
  const keyOf = schema.comparesAsDn ? safeDnKey : (value: string) => value;
  const old = new Map(before.map((each) => [keyOf(each[0]), each]));
  const wanted = new Map(after.map((value) => [keyOf(value), value]));
  const removed = before.filter(([value]) => !wanted.has(keyOf(value)));
  const added = [...wanted].filter(([key]) => !old.has(key)).map(([, value]) => value);
  const fresh = new Map(added.map((value) => [value, hold(name, schema, value, options)]));
  // What stays keeps its place and what is new comes after it, so that the order follows from the events alone.
  const held: readonly Held[] = [...before.filter(([value]) => wanted.has(keyOf(value))), ...fresh.values()];
  const [from] = removed;
  const [to] = added;
  if (
    schema.type !== 'reference' &&
    from &&
    to !== undefined &&
    removed.length === 1 &&
    added.length === 1 &&
    before.length === 1
  ) {
    return { values: [describeChange(name, schema, 'replace', from, [to, options.sequence], options)], held };
  }
  // A person who is only called otherwise now (their DN changed) neither gains nor loses what the reference gives.
  const stays = new Set(
    [...fresh.values()].flatMap(([, , id]) => (removed.some((each) => each[2] === id) ? (id ?? []) : [])),
  );
  const marked = (id: string | undefined) =>
    id !== undefined && stays.has(id) ? { ...schema, marks: schema.marks & ~MARKS.entitlement } : schema;
  return {
    values: [
      ...removed.map((each) => describeChange(name, marked(each[2]), 'remove', each, undefined, options)),
      ...[...fresh.values()].map((each) => describeChange(name, marked(each[2]), 'add', undefined, each, options)),
    ],
    held,
  };
}

/** A new value; a reference is kept with the object that it names now, so that its removal will name the same. */
function hold(name: string, schema: AttributeSchema, value: string, options: DifferenceOptions): Held {
  const reference = schema.type === 'reference' ? options.resolve?.(name, value) : undefined;
  return reference === undefined ? [value, options.sequence] : [value, options.sequence, reference];
}

function isPlaceholder(schema: AttributeSchema, value: string | undefined): boolean {
  if (schema.placeholder === undefined || value === undefined) return false;
  return schema.comparesAsDn ? safeDnKey(value) === safeDnKey(schema.placeholder) : value === schema.placeholder;
}

function sameList(before: readonly Held[], after: readonly string[]): boolean {
  return before.length === after.length && before.every(([value], index) => value === after[index]);
}

function describeChange(
  name: string,
  schema: AttributeSchema,
  operation: EventValue['operation'],
  old: Held | undefined,
  next: Held | undefined,
  options: DifferenceOptions,
): EventValue {
  const reference = (next ?? old)?.[2];
  const rule = options.ruleOf?.(name);
  return {
    attribute: name,
    type: schema.type,
    operation,
    marks: isPlaceholder(schema, (next ?? old)?.[0]) ? schema.marks & ~MARKS.entitlement : schema.marks,
    ...(old && { old: shown(schema, old[0]), setBy: old[1] }),
    ...(next && { new: shown(schema, next[0]) }),
    ...(reference !== undefined && { reference }),
    ...(rule !== undefined && { rule }),
  };
}

/** Binary and large values are recorded as their size and hash. */
export function shown({ type }: Pick<AttributeSchema, 'type'>, value: string): string {
  if (type !== 'binary' && value.length * 3 < LARGE_VALUE_BYTES) return value;
  const bytes = type === 'binary' ? Buffer.from(value, 'base64') : Buffer.from(value, 'utf8');
  if (type !== 'binary' && bytes.length <= LARGE_VALUE_BYTES) return value;
  return `sha256:${createHash('sha256').update(bytes).digest('hex')};bytes=${bytes.length}`;
}
