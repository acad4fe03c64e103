// A row of the change log as it comes from outside: from ClickHouse, the journal or a bundle. What is not exactly a row is
// refused here, by hand and not by a library: this verifier must run where there is nothing but Node.
export const NOBODY = '00000000-0000-0000-0000-000000000000';

export interface Value {
  attribute: string;
  type: string;
  operation: string;
  old: string;
  new: string;
  reference: string;
  marks: number;
  rule: string;
  setBy: number;
  setByKnown: number;
  key: number;
  /** Hexadecimal, as all commitments here; empty until a person is erased. */
  commitment: string;
}

export interface Row {
  log: string;
  sequence: number;
  eventVersion: number;
  /** Microseconds since 1970 in decimal digits; the same for `occurredAt`. */
  recordedAt: string;
  occurredAt: string;
  occurredAtKnown: string;
  stage: string;
  operation: string;
  outcome: string;
  error: string;
  object: string;
  entry: string;
  objectType: string;
  objectName: string;
  agent: string;
  anchor: string;
  dn: string;
  values: Value[];
  initiator: string;
  initiatorKnown: string;
  performer: string;
  address: string;
  causes: number[];
  root: number;
  rule: string;
  configuration: number;
  configurationKnown: number;
  run: number;
  runKnown: number;
  step: number;
  stepKind: string;
  outOfBand: number;
  subjectKey: number;
  actorKey: number;
  objectCommitment: string;
  actorCommitment: string;
  valuesCommitment: string;
}

/** Columns in the order of the table. */
export const COLUMNS: readonly string[] = [
  'log',
  'sequence',
  'event_version',
  'recorded_at',
  'occurred_at',
  'occurred_at_known',
  'stage',
  'operation',
  'outcome',
  'error',
  'object',
  'entry',
  'object_type',
  'object_name',
  'agent',
  'anchor',
  'dn',
  'value.attribute',
  'value.type',
  'value.operation',
  'value.old',
  'value.new',
  'value.reference',
  'value.marks',
  'value.rule',
  'value.set_by',
  'value.set_by_known',
  'value.key',
  'value.commitment',
  'initiator',
  'initiator_known',
  'performer',
  'address',
  'causes',
  'root',
  'rule',
  'configuration',
  'configuration_known',
  'run',
  'run_known',
  'step',
  'step_kind',
  'out_of_band',
  'subject_key',
  'actor_key',
  'object_commitment',
  'actor_commitment',
  'values_commitment',
];
const KNOWN_COLUMNS = new Set(COLUMNS);

/** A row that is none; the message names the column, never what is in it. */
export class MalformedRowError extends Error {
  override name = 'MalformedRowError';
}

type Columns = Readonly<Record<string, unknown>>;

const wrong = (column: string, expected: string) => new MalformedRowError(`${column} is no ${expected}`);

function text(row: Columns, column: string): string {
  const value = row[column] ?? '';
  if (typeof value !== 'string') throw wrong(column, 'text');
  return value;
}

function number(row: Columns, column: string): number {
  const value = row[column] ?? 0;
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw wrong(column, 'whole number');
  return value;
}

function list(row: Columns, column: string, length?: number): readonly unknown[] {
  const value = row[column] ?? [];
  if (!Array.isArray(value)) throw wrong(column, 'list');
  if (length !== undefined && value.length !== length && value.length !== 0)
    throw new MalformedRowError(`${column} has ${value.length} elements instead of ${length}`);
  return value;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const COMMITMENT = /^([0-9a-f]{2})*$/;

function checkUuid(value: unknown, column: string): string {
  if (value === undefined || value === NOBODY) return NOBODY;
  if (typeof value !== 'string' || !UUID.test(value)) throw wrong(column, 'UUID in lower case');
  return value;
}

function commitment(value: unknown, column: string): string {
  if (value === undefined || value === '') return '';
  if (typeof value !== 'string' || !COMMITMENT.test(value)) throw wrong(column, 'commitment in hexadecimal digits');
  return value;
}

const TIME = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$/;

/** The second read last: events that follow each other are mostly of the same. */
let lastSecond = { text: '', seconds: 0 };

/** "2010-01-31 23:59:59.999999" as microseconds since 1970, in digits: beyond 2255 they are no exact number any more. */
function micros(row: Columns, column: string): string {
  const value = row[column];
  if (typeof value !== 'string' || !TIME.test(value)) throw wrong(column, 'time');
  const second = value.slice(0, 19);
  if (second !== lastSecond.text)
    lastSecond = { text: second, seconds: Date.parse(`${second.replace(' ', 'T')}Z`) / 1000 };
  const { seconds } = lastSecond;
  if (!Number.isFinite(seconds)) throw wrong(column, 'time');
  const fraction = value.slice(20);
  return seconds > 0 ? `${seconds}${fraction}` : String(BigInt(seconds) * 1_000_000n + BigInt(fraction));
}

function readValues(row: Columns): Value[] {
  const attributes = list(row, 'value.attribute');
  if (attributes.length === 0) {
    for (const column of VALUE_COLUMNS)
      if (list(row, column).length > 0) throw new MalformedRowError(`${column} stands alone`);
    return [];
  }
  const { length } = attributes;
  const [types, operations, olds, news, references, marks, rules, setBy, setByKnown, keys, commitments] =
    VALUE_COLUMNS.map((column) => list(row, column, length));
  const textAt = (column: string, values: readonly unknown[] | undefined, i: number): string => {
    const value = values?.[i] ?? '';
    if (typeof value !== 'string') throw wrong(column, 'list of texts');
    return value;
  };
  const numberAt = (column: string, values: readonly unknown[] | undefined, i: number): number => {
    const value = values?.[i] ?? 0;
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw wrong(column, 'list of numbers');
    return value;
  };
  return attributes.map((_, i) => ({
    attribute: textAt('value.attribute', attributes, i),
    type: textAt('value.type', types, i),
    operation: textAt('value.operation', operations, i),
    old: textAt('value.old', olds, i),
    new: textAt('value.new', news, i),
    reference: checkUuid(references?.[i], 'value.reference'),
    marks: numberAt('value.marks', marks, i),
    rule: textAt('value.rule', rules, i),
    setBy: numberAt('value.set_by', setBy, i),
    setByKnown: numberAt('value.set_by_known', setByKnown, i),
    key: numberAt('value.key', keys, i),
    commitment: commitment(commitments?.[i], 'value.commitment'),
  }));
}

const VALUE_COLUMNS = COLUMNS.filter((column) => column.startsWith('value.') && column !== 'value.attribute');

/** Reads a row; columns left out have their defaults. Throws MalformedRowError. */
export function parseRow(input: unknown): Row {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    throw new MalformedRowError('it is no object');
  const row: Columns = { ...input };
  for (const column in row)
    if (!KNOWN_COLUMNS.has(column)) throw new MalformedRowError('it has a column that is not known');
  const causes = list(row, 'causes').map((cause) => number({ causes: cause }, 'causes'));
  return {
    log: text(row, 'log'),
    sequence: number(row, 'sequence'),
    eventVersion: number(row, 'event_version'),
    recordedAt: micros(row, 'recorded_at'),
    occurredAt: micros(row, 'occurred_at'),
    occurredAtKnown: text(row, 'occurred_at_known'),
    stage: text(row, 'stage'),
    operation: text(row, 'operation'),
    outcome: text(row, 'outcome'),
    error: text(row, 'error'),
    object: checkUuid(row.object, 'object'),
    entry: checkUuid(row.entry, 'entry'),
    objectType: text(row, 'object_type'),
    objectName: text(row, 'object_name'),
    agent: text(row, 'agent'),
    anchor: text(row, 'anchor'),
    dn: text(row, 'dn'),
    values: readValues(row),
    initiator: text(row, 'initiator'),
    initiatorKnown: text(row, 'initiator_known'),
    performer: text(row, 'performer'),
    address: text(row, 'address'),
    causes,
    root: number(row, 'root'),
    rule: text(row, 'rule'),
    configuration: number(row, 'configuration'),
    configurationKnown: number(row, 'configuration_known'),
    run: number(row, 'run'),
    runKnown: number(row, 'run_known'),
    step: number(row, 'step'),
    stepKind: text(row, 'step_kind'),
    outOfBand: number(row, 'out_of_band'),
    subjectKey: number(row, 'subject_key'),
    actorKey: number(row, 'actor_key'),
    objectCommitment: commitment(row.object_commitment, 'object_commitment'),
    actorCommitment: commitment(row.actor_commitment, 'actor_commitment'),
    valuesCommitment: commitment(row.values_commitment, 'values_commitment'),
  };
}
