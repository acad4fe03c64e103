// An event as a row of the table `events`, and back. A row is the JSON object that ClickHouse is sent (JSONEachRow) and
// returns; what is absent is left out, and ClickHouse fills in the column's default.
import { z } from 'zod';
import { formatMicros, parseInstant } from '../clock.ts';
import type { RowCommitments } from '../erasure/erased-row.ts';
import type { ChangeEvent, EventValue } from '../event.ts';
import {
  INITIATOR_KNOWN,
  NO_UUID,
  OPERATIONS,
  STAGES,
  TIME_KNOWN,
  VALUE_OPERATIONS,
  VALUE_TYPES,
  type ValueType,
} from '../event.ts';

/** The columns of `events` in the order of the table; the queries list what they read from here. */
export const EVENT_COLUMNS = [
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
] as const;

/** Those an insert names: a commitment is written into its column only when a person is erased. */
export const INSERTED_COLUMNS = EVENT_COLUMNS.filter((column) => !column.endsWith('commitment'));

/** What a SELECT of whole rows lists: the commitments in hexadecimal, for they are bytes and no text. */
export const SELECTED_COLUMNS = EVENT_COLUMNS.map((column) => {
  if (column === 'value.commitment') return `arrayMap(c -> lower(hex(c)), \`${column}\`) AS \`${column}\``;
  return column.endsWith('commitment') ? `lower(hex(${column})) AS ${column}` : `\`${column}\``;
}).join(', ');

const texts = z.array(z.string()).default([]);
const numbers = z.array(z.number()).default([]);

export const rowSchema = z.object({
  log: z.string(),
  sequence: z.number(),
  event_version: z.number(),
  recorded_at: z.string(),
  occurred_at: z.string(),
  occurred_at_known: z.enum(TIME_KNOWN),
  stage: z.enum(STAGES),
  operation: z.enum(OPERATIONS),
  outcome: z.string(),
  error: z.string().default(''),
  object: z.string().default(NO_UUID),
  entry: z.string().default(NO_UUID),
  object_type: z.string().default(''),
  object_name: z.string().default(''),
  agent: z.string().default(''),
  anchor: z.string().default(''),
  dn: z.string().default(''),
  'value.attribute': texts,
  'value.type': z.array(z.enum(VALUE_TYPES)).default([]),
  'value.operation': z.array(z.enum(VALUE_OPERATIONS)).default([]),
  'value.old': texts,
  'value.new': texts,
  'value.reference': texts,
  'value.marks': numbers,
  'value.rule': texts,
  'value.set_by': numbers,
  'value.set_by_known': numbers,
  'value.key': numbers,
  'value.commitment': texts,
  initiator: z.string().default(''),
  initiator_known: z.enum(INITIATOR_KNOWN),
  performer: z.string().default(''),
  address: z.string().default(''),
  causes: numbers,
  root: z.number(),
  rule: z.string().default(''),
  configuration: z.number().default(0),
  configuration_known: z.number().default(0),
  run: z.number().default(0),
  run_known: z.number().default(0),
  step: z.number().default(0),
  step_kind: z.string().default(''),
  out_of_band: z.number().default(0),
  subject_key: z.number().default(0),
  actor_key: z.number().default(0),
  object_commitment: z.string().default(''),
  actor_commitment: z.string().default(''),
  values_commitment: z.string().default(''),
});
export type EventRow = z.infer<typeof rowSchema>;

type RowInput = z.input<typeof rowSchema>;

/**
 * The row of an event; what is absent is undefined, so JSON leaves it out. Each event comes by here: one object that has
 * all of its columns from the beginning takes a third of the time of one that they are added to.
 */
export function toRow(event: ChangeEvent): RowInput {
  const { configuration, run } = event;
  const values = event.values.length > 0 ? valueColumns(event.values) : undefined;
  return {
    log: event.log,
    sequence: event.sequence,
    event_version: event.eventVersion,
    recorded_at: formatMicros(event.recordedAt),
    occurred_at: formatMicros(event.occurredAt),
    occurred_at_known: event.occurredAtKnown,
    stage: event.stage,
    operation: event.operation,
    outcome: event.outcome,
    error: event.error,
    object: event.object,
    entry: event.entry,
    object_type: event.objectType,
    object_name: event.objectName,
    agent: event.agent,
    anchor: event.anchor,
    dn: event.dn,
    'value.attribute': values?.attribute,
    'value.type': values?.type,
    'value.operation': values?.operation,
    'value.old': values?.old,
    'value.new': values?.new,
    'value.reference': values?.reference,
    'value.marks': values?.marks,
    'value.rule': values?.rule,
    'value.set_by': values?.setBy,
    'value.set_by_known': values?.setByKnown,
    'value.key': values && event.valueKeys,
    initiator: event.initiator,
    initiator_known: event.initiatorKnown,
    performer: event.performer,
    address: event.address,
    causes: event.causes.length > 0 ? event.causes : undefined,
    root: event.root,
    rule: event.rule,
    configuration,
    configuration_known: configuration === undefined ? undefined : 1,
    run,
    run_known: run === undefined ? undefined : 1,
    step: event.step,
    step_kind: event.stepKind,
    out_of_band: event.outOfBand ? 1 : undefined,
    subject_key: event.subjectKey === 0 ? undefined : event.subjectKey,
    actor_key: event.actorKey === 0 ? undefined : event.actorKey,
  };
}

/** What stands in a column for each value. */
function valueColumns(values: readonly EventValue[]) {
  const attribute: string[] = [];
  const type: ValueType[] = [];
  const operation: EventValue['operation'][] = [];
  const old: string[] = [];
  const fresh: string[] = [];
  const reference: string[] = [];
  const marks: number[] = [];
  const rule: string[] = [];
  const setBy: number[] = [];
  const setByKnown: number[] = [];
  for (const value of values) {
    attribute.push(value.attribute);
    type.push(value.type);
    operation.push(value.operation);
    old.push(value.old ?? '');
    fresh.push(value.new ?? '');
    reference.push(value.reference ?? NO_UUID);
    marks.push(value.marks);
    rule.push(value.rule ?? '');
    setBy.push(value.setBy ?? 0);
    setByKnown.push(value.setBy === undefined ? 0 : 1);
  }
  return { attribute, type, operation, old, new: fresh, reference, marks, rule, setBy, setByKnown };
}

function readMicros(text: string): number {
  const micros = parseInstant(text);
  if (micros === undefined) throw new Error(`The time ${text} in a row of the change log cannot be read.`);
  return micros;
}

const present = (text: string): string | undefined => (text === '' ? undefined : text);
const presentId = (id: string): string | undefined => (id === NO_UUID || id === '' ? undefined : id);

/** Sets only what is there, so that an absent field stays absent. */
function defined<T extends Record<string, unknown>>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}

/** An erased value has neither old nor new content, whatever its operation. */
function valuesOf(row: EventRow): EventValue[] {
  return row['value.attribute'].map((attribute, i) => {
    const operation = row['value.operation'][i] ?? 'add';
    const isErased =
      row['value.type'][i] === 'reference' ? (row['value.commitment'][i] ?? '') !== '' : row.values_commitment !== '';
    return {
      attribute,
      type: row['value.type'][i] ?? 'string',
      operation,
      marks: row['value.marks'][i] ?? 0,
      ...defined({
        old: isErased || operation === 'add' ? undefined : row['value.old'][i],
        new: isErased || operation === 'remove' ? undefined : row['value.new'][i],
        reference: presentId(row['value.reference'][i] ?? ''),
        rule: present(row['value.rule'][i] ?? ''),
        setBy: row['value.set_by_known'][i] ? row['value.set_by'][i] : undefined,
      }),
    };
  });
}

/** What stands for the columns of a row that were erased; undefined: none was. */
export function erasedOf(row: EventRow): RowCommitments | undefined {
  const { object_commitment: object, actor_commitment: actor, values_commitment: values } = row;
  const references = row['value.commitment'];
  if (object === '' && actor === '' && values === '' && references.every((commitment) => commitment === ''))
    return undefined;
  return { object, actor, values, references };
}

/** The event of a row as ClickHouse or the journal holds it. */
export function fromRow(row: EventRow): ChangeEvent {
  return {
    eventVersion: row.event_version,
    log: row.log,
    sequence: row.sequence,
    recordedAt: readMicros(row.recorded_at),
    occurredAt: readMicros(row.occurred_at),
    occurredAtKnown: row.occurred_at_known,
    stage: row.stage,
    operation: row.operation,
    outcome: row.outcome,
    values: valuesOf(row),
    initiatorKnown: row.initiator_known,
    causes: row.causes,
    root: row.root,
    outOfBand: row.out_of_band === 1,
    subjectKey: row.subject_key,
    actorKey: row.actor_key,
    valueKeys: row['value.key'],
    ...defined({
      error: present(row.error),
      object: presentId(row.object),
      entry: presentId(row.entry),
      objectType: present(row.object_type),
      objectName: present(row.object_name),
      agent: present(row.agent),
      anchor: present(row.anchor),
      dn: present(row.dn),
      initiator: present(row.initiator),
      performer: present(row.performer),
      address: present(row.address),
      rule: present(row.rule),
      configuration: row.configuration_known ? row.configuration : undefined,
      run: row.run_known ? row.run : undefined,
      step: row.step === 0 ? undefined : row.step,
      stepKind: present(row.step_kind),
      erased: erasedOf(row),
    }),
  };
}
