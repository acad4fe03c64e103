// The engine's state as events, one for each value of it: what a replay begins with where the events before have expired.
// A value is JSON in pieces under the key of whom it is about; texts that name somebody else stand beside it as
// references, each under the key of whom it names, so that an erasure takes them as it takes them from every other event.
import { systemClock } from '../../ingest/clock.ts';
import { type ChangeEvent, type EventValue, MARKS, type ProposedEvent } from '../../ingest/event.ts';
import type { Journal } from '../../ingest/journal/journal.ts';
import type { StateRow } from '../../ingest/journal/state-store.ts';
import type { Configuration } from '../configuration/model.ts';
import {
  type Entry,
  type Held,
  type HeldAttributes,
  KINDS,
  type MetaverseObject,
  type PendingExport,
} from '../space.ts';
import { asLogged, type TypeOf, typesOf } from './logged-values.ts';

/** The `step_kind` of these events. */
export const CARRIED_STATE = 'state';
export const CARRIED_BEGIN = 'state-begins';
const CARRIED = 'state-carried-forward';

/** The kinds that are carried forward; what the engine has of itself follows from other events. */
export const CARRIED_KINDS: readonly string[] = [KINDS.entry, KINDS.object, KINDS.agent, KINDS.former];

const EVENTS_AT_ONCE = 500;
/** UTF-16 units in a piece of JSON: no more than 64 KiB of UTF-8. */
const PIECE = 16_384;
const STATE = 'state';
/** Before the number of a value of the event, in place of its text, and of the object that it names: noncharacters, so that
 * no text looks like them. */
const TEXT = '\u{fdd1}';
const NAMED = '\u{fdd2}';

/** All that is carried forward, in pages; the first event says that it begins. Nothing may change meanwhile. */
export function* carryState(
  { state }: Pick<Journal, 'state'>,
  configuration: Configuration,
): Iterable<ProposedEvent[]> {
  let page: ProposedEvent[] = [{ ...EVENT, occurredAt: systemClock(), outcome: CARRIED_BEGIN, causes: [], values: [] }];
  for (const kind of CARRIED_KINDS) {
    for (const key of state.keys(kind)) {
      const value = asLogged(kind, state.get(kind, key), configuration);
      if (value === undefined) continue;
      page.push(carriedEvent({ kind, key, value }, configuration));
      if (page.length < EVENTS_AT_ONCE) continue;
      yield page;
      page = [];
    }
  }
  if (page.length > 0) yield page;
}

const EVENT = {
  occurredAtKnown: 'observed',
  stage: 'baseline',
  operation: 'none',
  stepKind: CARRIED_STATE,
  initiatorKnown: 'observed',
  performer: 'metatrail',
  outOfBand: false,
} as const;

function carriedEvent(row: StateRow, configuration: Configuration): ProposedEvent {
  const named: EventValue[] = [];
  const put = (attribute: string, text: string, reference?: string): string => {
    const value: EventValue = { attribute, type: 'reference', operation: 'add', new: text, marks: MARKS.personal };
    named.push(reference === undefined ? value : { ...value, reference });
    return `${TEXT}${named.length - 1}`;
  };
  const value = apart(row, typesOf(row.kind, row.value, configuration), put);
  const text = JSON.stringify({ ...row, value }, (name, each: unknown) =>
    name === 'initiator' && typeof each === 'string' ? put(name, each) : each,
  );
  const values = [...named, ...piecesOf(text).map(pieceValue)];
  return { ...EVENT, causes: [], occurredAt: systemClock(), outcome: CARRIED, ...aboutWhom(row), values };
}

function aboutWhom({ kind, key, value }: StateRow): Partial<ProposedEvent> {
  if (kind === KINDS.agent) return { agent: key };
  if (kind === KINDS.object) return { object: key, objectType: (value as MetaverseObject).type };
  if (kind === KINDS.former) return { object: String(value) };
  const { id, agent, type, object, lastObject } = value as Entry;
  const about = object ?? lastObject;
  return { entry: id, agent, objectType: type, ...(about !== undefined && { object: about }) };
}

function piecesOf(text: string): string[] {
  const pieces: string[] = [];
  for (let from = 0; from < text.length; ) {
    const end = from + PIECE;
    // Not between the two units of one character.
    const isHigh = end < text.length && (text.charCodeAt(end - 1) & 0xfc00) === 0xd800;
    pieces.push(text.slice(from, isHigh ? end - 1 : end));
    from = isHigh ? end - 1 : end;
  }
  return pieces;
}

function pieceValue(piece: string): EventValue {
  return { attribute: STATE, type: 'string', operation: 'add', new: piece, marks: MARKS.personal };
}

/** Puts a text that may name somebody among the event's values and returns what stands in its place. */
type Put = (attribute: string, text: string, reference?: string) => string;

/** The value without the texts that name others. */
function apart({ kind, value }: StateRow, typeOf: TypeOf, put: Put): unknown {
  const isReference = (name: string) => typeOf(name) === 'reference';
  const attributes = <T, U>(all: Record<string, T>, each: (name: string, item: T) => U) =>
    Object.fromEntries(Object.entries(all).map(([name, item]) => [name, isReference(name) ? each(name, item) : item]));
  const held = (all: HeldAttributes) =>
    attributes(all, (name, values) => values.map(([text, setBy, id]) => placed(put(name, text, id), setBy, id)));
  const change = (pending: PendingExport) => ({ ...pending, attributes: plain(pending.attributes) });
  const plain = (all: Record<string, readonly string[]>) =>
    attributes(all, (name, values) => values.map((text) => put(name, text)));
  if (kind === KINDS.object) {
    const { attributes: contributed, losers, ...rest } = value as MetaverseObject;
    const ids = (name: string, values: readonly Held[]) =>
      values.map(([id, setBy, named]) => placed(put(name, id, id), setBy, named));
    return {
      ...rest,
      attributes: attributes(contributed, (name, each) => ({ ...each, values: ids(name, each.values) })),
      losers: attributes(losers, (name, texts) =>
        Object.fromEntries(
          Object.entries(texts).map(([entry, all]) => [entry, idsIn(all).map((id) => put(name, id, id))]),
        ),
      ),
    };
  }
  if (kind !== KINDS.entry) return value;
  const { image, unconfirmed, pendingExport, escrowed, wanted, unresolved, ...rest } = value as Entry;
  return {
    ...rest,
    image: held(image),
    ...(unconfirmed && { unconfirmed: { ...unconfirmed, attributes: held(unconfirmed.attributes) } }),
    ...(pendingExport && { pendingExport: change(pendingExport) }),
    ...(escrowed && { escrowed: { ...escrowed, change: change(escrowed.change) } }),
    ...(wanted && { wanted: plain(wanted) }),
    ...(unresolved && {
      unresolved: Object.entries(unresolved).map(([key, outcome]) => {
        const [name, text] = JSON.parse(key) as [string, string];
        return [name, put(name, text), outcome];
      }),
    }),
  };
}

/** As they are logged, losing values are a list. */
function idsIn(values: unknown): string[] {
  return Array.isArray(values) ? values.map(String) : [];
}

/** A held value whose text stands elsewhere, and the object that it names with it. */
function placed(place: string, setBy: number, id: string | undefined): unknown[] {
  return id === undefined ? [place, setBy] : [place, setBy, place.replace(TEXT, NAMED)];
}

/** What such an event carries forward; undefined: it only begins, or whom it is about was erased. */
export function carriedBy(event: ChangeEvent): StateRow | undefined {
  const { erased, values } = event;
  const pieces = values.filter(({ type }) => type === 'string');
  if (pieces.length === 0 || (erased && erased.values !== '')) return undefined;
  const { kind, key, value } = JSON.parse(pieces.map(({ new: piece }) => piece ?? '').join(''), (_, each: unknown) =>
    typeof each === 'string' ? textOf(each, event) : each,
  ) as StateRow;
  return { kind, key, value: together(kind, value) };
}

/** `event`: with something in place of what was erased. */
function textOf(text: string, { values }: ChangeEvent): string {
  if (!text.startsWith(TEXT) && !text.startsWith(NAMED)) return text;
  const { new: value = '', reference } = values[Number(text.slice(1))] ?? {};
  return text.startsWith(TEXT) ? value : (reference ?? value);
}

/** As the state has it: losing values as text, and by the value what did not resolve. */
function together(kind: string, value: unknown): unknown {
  if (kind === KINDS.object) {
    const { losers, ...rest } = value as Omit<MetaverseObject, 'losers'> & {
      losers: Record<string, Record<string, unknown>>;
    };
    const texts = (all: Record<string, unknown>) =>
      Object.fromEntries(Object.entries(all).map(([entry, lost]) => [entry, JSON.stringify(lost)]));
    return { ...rest, losers: Object.fromEntries(Object.entries(losers).map(([name, all]) => [name, texts(all)])) };
  }
  if (kind !== KINDS.entry) return value;
  const { unresolved, ...rest } = value as Omit<Entry, 'unresolved'> & { unresolved?: [string, string, string][] };
  if (!unresolved) return rest;
  const byValue = unresolved.map(([name, text, outcome]) => [JSON.stringify([name, text]), outcome] as const);
  return { ...rest, unresolved: Object.fromEntries(byValue) };
}
