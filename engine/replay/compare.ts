// Compares a rebuilt state with the live one, field by field. What is found names kind, id and field, never a value.
import { isDeepStrictEqual } from 'node:util';
import type { StateRow } from '../../ingest/journal/state-store.ts';
import type { Configuration } from '../configuration/model.ts';
import { type Entry, KINDS, type MetaverseObject } from '../space.ts';
import { formerKey } from '../synchronize.ts';
import { withErased, withoutErasedUnresolved } from './erased-values.ts';
import { NOT_REBUILT } from './exceptions.ts';
import { asLogged } from './logged-values.ts';
import type { Replay } from './replay.ts';

export interface StateDifference {
  kind: string;
  /** The id of an entry or object, the name of an agent; of a former object the id of that object. */
  id: string;
  /** Where in it, such as image/title; empty: all of it. */
  field: string;
  how: 'only-live' | 'only-rebuilt' | 'different';
}

export interface Comparison {
  /** Values of the state that were compared. */
  compared: number;
  differences: StateDifference[];
  /** There were more differences than are listed. */
  more: boolean;
}

/** Differences that are listed; a state that is wrong as a whole has no end of them. */
const MOST_DIFFERENCES = 1000;

/** Both in the order of kind and key. `replay`: that which rebuilt the state. */
export function compareStates(
  live: Iterable<StateRow>,
  rebuilt: Iterable<StateRow>,
  { configuration, cutOff }: Pick<Replay, 'configuration' | 'cutOff'>,
): Comparison {
  const differences: StateDifference[] = [];
  const due = new Due(cutOff);
  let compared = 0;
  let count = 0;
  for (const [ours, theirs] of pairs(live, rebuilt)) {
    const row = ours ?? theirs;
    if (!row || isExcepted(row)) continue;
    compared += 1;
    due.meet(ours);
    due.meet(theirs);
    const values = [ours?.value, theirs?.value].map((value) => due.without(row, value));
    for (const difference of differencesOf(row, values[0], values[1], configuration)) {
      count += 1;
      if (differences.length < MOST_DIFFERENCES) differences.push(difference);
    }
  }
  return { compared, differences, more: count > differences.length };
}

function isExcepted({ kind, key }: StateRow): boolean {
  return NOT_REBUILT.some((each) => each.kind === kind && (each.key === undefined || each.key === key));
}

/** What follows from what a synchronisation that was cut off may have looked at in vain: exceptions.ts lists it. */
class Due {
  readonly #entries: ReadonlySet<string>;
  readonly #objects = new Set<string>();
  readonly #formers = new Set<string>();

  constructor(entries: ReadonlySet<string>) {
    this.#entries = entries;
  }

  /** Takes an entry; entries come before the objects that they are joined to, and before whose they were. */
  meet(row: StateRow | undefined): void {
    if (row?.kind !== KINDS.entry || !this.#entries.has(row.key)) return;
    const entry = row.value as Entry;
    const former = isGoingUnjoined(entry) ? formerKey(entry) : undefined;
    if (entry.object !== undefined) this.#objects.add(entry.object);
    if (former !== undefined) this.#formers.add(former);
  }

  without({ kind, key }: StateRow, value: unknown): unknown {
    if (value === undefined) return value;
    if (kind === KINDS.former && this.#formers.has(key)) return undefined;
    if (kind === KINDS.object && this.#objects.has(key)) return { ...(value as MetaverseObject), losers: {} };
    if (kind !== KINDS.entry || !this.#entries.has(key)) return value;
    const { pending: _, retry: __, cause: ___, lastOutcome: ____, unresolved: _____, ...rest } = value as Entry;
    return isGoingUnjoined(value as Entry) ? undefined : rest;
  }
}

/** Its system has it no longer, and nothing of ours hangs on it: that it goes is no event. */
function isGoingUnjoined({ pending, object }: Entry): boolean {
  return pending?.kind === 'delete' && object === undefined;
}

function orderOf({ kind, key }: StateRow): string {
  return `${kind}\n${key}`;
}

/** Merges two ordered lists by kind and key. */
function* pairs(
  live: Iterable<StateRow>,
  rebuilt: Iterable<StateRow>,
): Iterable<[StateRow | undefined, StateRow | undefined]> {
  const [first, second] = [live[Symbol.iterator](), rebuilt[Symbol.iterator]()];
  let [ours, theirs] = [first.next(), second.next()];
  while (!ours.done || !theirs.done) {
    const order = ours.done ? 1 : theirs.done ? -1 : compareKeys(ours.value, theirs.value);
    yield [order <= 0 ? ours.value : undefined, order >= 0 ? theirs.value : undefined];
    if (order <= 0) ours = first.next();
    if (order >= 0) theirs = second.next();
  }
}

/** As SQLite orders them: by the bytes of UTF-8. */
function compareKeys(ours: StateRow, theirs: StateRow): number {
  return Buffer.compare(Buffer.from(orderOf(ours)), Buffer.from(orderOf(theirs)));
}

function* differencesOf(
  row: StateRow,
  live: unknown,
  rebuilt: unknown,
  configuration: Configuration,
): Iterable<StateDifference> {
  const { kind } = row;
  const id = kind === KINDS.former ? String(row.value) : row.key;
  const theirs = forgetErased(kind, asLogged(kind, rebuilt, configuration), rebuilt);
  const ours = withErased(forgetErased(kind, asLogged(kind, live, configuration), rebuilt), theirs);
  if (isDeepStrictEqual(ours, theirs)) return;
  if (ours === undefined || theirs === undefined) {
    yield { kind, id, field: '', how: theirs === undefined ? 'only-live' : 'only-rebuilt' };
    return;
  }
  for (const [field, how] of fieldsThatDiffer(ours, theirs, '', DEEPEST_FIELD)) yield { kind, id, field, how };
}

function forgetErased(kind: string, value: unknown, rebuilt: unknown): unknown {
  if (kind !== KINDS.entry || value === undefined || rebuilt === undefined) return value;
  return withoutErasedUnresolved(value as Entry, rebuilt as Entry);
}

/** image/title, attributes/manager/values: deeper there are values, which can be names. */
const DEEPEST_FIELD = 2;

function* fieldsThatDiffer(
  ours: unknown,
  theirs: unknown,
  field: string,
  depth: number,
): Iterable<[string, StateDifference['how']]> {
  if (isDeepStrictEqual(ours, theirs)) return;
  if (depth === 0 || !isRecord(ours) || !isRecord(theirs)) {
    yield [field, ours === undefined ? 'only-rebuilt' : theirs === undefined ? 'only-live' : 'different'];
    return;
  }
  for (const name of new Set([...Object.keys(ours), ...Object.keys(theirs)])) {
    const path = field === '' ? name : `${field}/${name}`;
    // The keys of what did not resolve hold the values themselves.
    yield* fieldsThatDiffer(ours[name], theirs[name], path, name === 'unresolved' ? 0 : depth - 1);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
