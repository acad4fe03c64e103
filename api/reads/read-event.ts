// One read of the log as a change event: who asked what, what became of it, how much was told. Parameters can hold names
// and whatever else a person types, so they are marked personal and committed like any value.
import { createHash } from 'node:crypto';
import { systemClock } from '../../ingest/clock.ts';
import { type EventValue, LARGE_VALUE_BYTES, MARKS, NO_UUID, type ProposedEvent } from '../../ingest/event.ts';
import type { ReadOutcome } from '../queries/reads.ts';

/** Who asks, and from where; an absent address is this machine, through the data folder itself. */
export interface Reader {
  viewer: string;
  address?: string | undefined;
  /** Why they want to see sensitive values. */
  reason?: string | undefined;
  /** What asks for them, as it says itself, such as `mcp/history`. */
  through?: string | undefined;
}

export interface Parameter {
  /** Where it stands in the question, such as `filter/from`. */
  name: string;
  type: 'string' | 'integer' | 'boolean' | 'time' | 'id';
  text: string;
  /** It is, or may be, a secret: that it was given is written, what it was is not. */
  withheld?: boolean | undefined;
}

export interface Read extends Reader {
  /** The name of the question: a root field of the schema, `report`, `export`, `exportEnd`, `feed`, `changeFeed`, `bundle`, `backup` or `replay`. */
  question: string;
  /** What of the answer was asked for. */
  fields?: readonly string[] | undefined;
  parameters: readonly Parameter[];
  outcome: ReadOutcome;
  /** The code of what went wrong, also where only a part of the answer is missing. */
  error?: string | undefined;
  /** The one object that it is about. */
  object?: string | undefined;
  /** How many rows were told. */
  rows?: number | undefined;
  /** Up to which event it was answered. */
  watermark: number;
}

/** Attributes of parameters begin with it; api/queries/reads.ts reads what is written here. */
const PARAMETER = 'parameter/';
/** The rule of a value that was given and is not kept. */
const WITHHELD = 'secret-withheld';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The id of an object as the log writes it; undefined for what is none. */
export function asObjectId(text: string): string | undefined {
  const id = text.toLowerCase();
  return UUID.test(id) && id !== NO_UUID ? id : undefined;
}

export function readEvent(read: Read): ProposedEvent {
  const { viewer, address, outcome, error, object } = read;
  return {
    occurredAt: systemClock(),
    occurredAtKnown: 'observed',
    stage: 'read',
    operation: 'none',
    outcome,
    ...(error !== undefined && { error }),
    ...(object !== undefined && { object }),
    values: valuesOf(read),
    initiator: viewer.toWellFormed(),
    initiatorKnown: 'reported',
    performer: 'metatrail',
    ...(address !== undefined && { address }),
    causes: [],
    outOfBand: false,
  };
}

function valuesOf({ question, fields, rows, watermark, parameters, reason, through }: Read): EventValue[] {
  const fact = (attribute: string, type: 'string' | 'integer', text: string): EventValue => ({
    attribute,
    type,
    operation: 'add',
    new: text,
    marks: 0,
  });
  return [
    fact('question', 'string', question),
    ...(fields?.length ? [fact('fields', 'string', fields.join(', '))] : []),
    ...(rows === undefined ? [] : [fact('rows', 'integer', String(rows))]),
    fact('watermark', 'integer', String(watermark)),
    ...(through ? [fact('through', 'string', through)] : []),
    ...(reason ? [{ ...fact('reason', 'string', keptText(reason, LARGE_VALUE_BYTES)), marks: MARKS.personal }] : []),
    ...parameterValues(parameters),
  ];
}

/** Texts as long as a large value are kept once for all parameters: one request must not fill the journal. */
function parameterValues(parameters: readonly Parameter[]): EventValue[] {
  let room = LARGE_VALUE_BYTES;
  return parameters.map((parameter) => {
    const value = parameterValue(parameter, room);
    room -= Buffer.byteLength(value.new ?? '');
    return value;
  });
}

function parameterValue({ name, type, text, withheld }: Parameter, room: number): EventValue {
  const value = { attribute: `${PARAMETER}${name}`, operation: 'add' as const, marks: marksOf(name) };
  if (withheld) return { ...value, type: 'string', new: '', rule: WITHHELD };
  // An object that is asked about is a reference: it is committed under that object's own key, and found by its index.
  const reference = type === 'id' ? asObjectId(text) : undefined;
  if (reference !== undefined) return { ...value, type: 'reference', new: reference, reference };
  return { ...value, type: type === 'id' ? 'string' : type, new: keptText(text, room) };
}

/** What an attribute was asked to be may be a sensitive value; the rest is at most somebody's name. */
function marksOf(parameter: string): number {
  return parameter === 'value' || parameter.endsWith('/value') ? MARKS.personal | MARKS.sensitive : MARKS.personal;
}

/** Texts no longer than what would stand for them are always kept. */
const SHORT_BYTES = 100;

/** A text as an event may hold it: well-formed, and of one that is larger than so many bytes its size and SHA-256 only. */
function keptText(text: string, room: number): string {
  const kept = text.toWellFormed();
  const bytes = Buffer.byteLength(kept);
  return bytes <= Math.max(room, SHORT_BYTES)
    ? kept
    : `sha256:${createHash('sha256').update(kept).digest('hex')};bytes=${bytes}`;
}
