// A change log in memory, of the shape that the API answers with: what the story writes and the fixture's answers read.

export interface FixtureReference {
  id: string;
  name: string | null;
  type: string | null;
}

export interface FixtureValue {
  attribute: string;
  type: string;
  operation: 'add' | 'remove' | 'replace';
  old: string | null;
  new: string | null;
  reference: FixtureReference | null;
  marks: string[];
  rule: string | null;
  setBy: string | null;
  withheld: boolean;
}

export interface FixtureChange {
  sequence: string;
  recordedAt: string;
  occurredAt: string;
  occurredAtKnown: string;
  stage: string;
  operation: string;
  outcome: string;
  error: string | null;
  object: FixtureReference | null;
  entry: string | null;
  agent: string | null;
  anchor: string | null;
  dn: string | null;
  values: FixtureValue[];
  initiator: string | null;
  initiatorKnown: string;
  performer: string | null;
  address: string | null;
  causes: string[];
  root: string;
  rule: string | null;
  configuration: string | null;
  run: string | null;
  step: number | null;
  stepKind: string | null;
  outOfBand: boolean;
}

export interface FixtureStep {
  number: number;
  kind: string;
  result: string;
  startedAt: string;
  finishedAt: string;
  input: { name: string; bytes: number; sha256: string } | null;
  /** Entries read that had not changed; null: the step reads no entries. */
  unchanged: number | null;
}

export interface FixtureRun {
  id: string;
  agent: string;
  profile: string;
  startedAt: string;
  finishedAt: string | null;
  result: string;
  steps: FixtureStep[];
}

/** What every event of one run has alike. */
export interface RunContext {
  run: string;
  agent: string;
  day: string;
}

export class FixtureLog {
  readonly changes: FixtureChange[] = [];
  readonly runs: FixtureRun[] = [];

  get nextSequence(): string {
    return String(this.changes.length);
  }

  /** Appends a change; what is not given is as for an event that the engine made by itself. */
  emit(given: Partial<FixtureChange> & { occurredAt: string; stage: string; outcome: string }): FixtureChange {
    const sequence = this.nextSequence;
    const [cause] = given.causes ?? [];
    const root = cause === undefined ? sequence : (this.changes[Number(cause)]?.root ?? cause);
    const change: FixtureChange = {
      sequence,
      recordedAt: given.occurredAt,
      occurredAtKnown: 'observed',
      operation: 'update',
      error: null,
      object: null,
      entry: null,
      agent: null,
      anchor: null,
      dn: null,
      values: [],
      initiator: cause === undefined ? null : (this.changes[Number(cause)]?.initiator ?? null),
      initiatorKnown: cause === undefined ? 'unknown' : (this.changes[Number(cause)]?.initiatorKnown ?? 'unknown'),
      performer: 'metatrail',
      address: null,
      causes: [],
      root,
      rule: null,
      configuration: '0',
      run: null,
      step: null,
      stepKind: null,
      outOfBand: false,
      ...given,
    };
    this.changes.push(change);
    return change;
  }
}

export function addValue(attribute: string, value: string, more: Partial<FixtureValue> = {}): FixtureValue {
  return { ...EMPTY_VALUE, attribute, operation: 'add', new: value, ...more };
}

export function replaceValue(attribute: string, old: string, value: string, more: Partial<FixtureValue> = {}) {
  return { ...EMPTY_VALUE, attribute, operation: 'replace' as const, old, new: value, ...more };
}

export function removeValue(attribute: string, old: string, more: Partial<FixtureValue> = {}): FixtureValue {
  return { ...EMPTY_VALUE, attribute, operation: 'remove', old, ...more };
}

/** 2024-03-04 and 06:30:05 as an instant with microseconds. */
export function instantOf(day: string, time: string): string {
  return `${day}T${time}.120450Z`;
}

/** A made-up id that is the same in every run of the tests. */
export function idOf(kind: number, number: number): string {
  return `00000000-0000-4000-8${String(kind).padStart(3, '0')}-${String(number).padStart(12, '0')}`;
}

const EMPTY_VALUE: FixtureValue = {
  attribute: '',
  type: 'string',
  operation: 'add',
  old: null,
  new: null,
  reference: null,
  marks: [],
  rule: null,
  setBy: null,
  withheld: false,
};
