// The change event: what one stage did to one object in one step with one outcome, or one fact about a run,
// a configuration or a read. One event is one sequence number, one Merkle leaf and one row in ClickHouse.
// README.md of this folder says what each column means; ENCODING.md says how an event becomes a leaf.
import { z } from 'zod';
import type { RowCommitments } from './erasure/erased-row.ts';

/** The version of the columns and of the leaf encoding that this program writes. Older ones stay readable. */
export const EVENT_VERSION = 1;

/** What did it: the steps of one object's synchronisation, then the facts about the installation itself. */
export const STAGES = [
  'import',
  'filter',
  'join',
  'projection',
  'import-flow',
  'recall',
  'provisioning',
  'deprovisioning',
  'export-flow',
  'export',
  'confirmation',
  'deletion',
  'password',
  'run',
  'configuration',
  'baseline',
  'read',
  'retention',
  'erasure',
  'alert',
  'report',
] as const;
export type Stage = (typeof STAGES)[number];

export const OPERATIONS = ['none', 'add', 'update', 'delete', 'rename', 'start', 'finish', 'stop'] as const;
export type Operation = (typeof OPERATIONS)[number];

export const VALUE_TYPES = ['string', 'integer', 'boolean', 'time', 'binary', 'reference'] as const;
export type ValueType = (typeof VALUE_TYPES)[number];

export const VALUE_OPERATIONS = ['add', 'remove', 'replace'] as const;

/** What a schema says of an attribute; several may hold. The bits are those of the column `value.marks`. */
export const MARKS = { entitlement: 1, personal: 2, sensitive: 4, secret: 8 } as const;
export type Mark = keyof typeof MARKS;

/** How the time of happening is known: the source said it, or we saw it at that time. */
export const TIME_KNOWN = ['reported', 'observed'] as const;
/** How the initiator is known: the source named them, another log named them, we saw the system, or not at all. */
export const INITIATOR_KNOWN = ['reported', 'matched', 'observed', 'unknown'] as const;

/** What the columns `object`, `entry` and `value.reference` hold where there is none. */
export const NO_UUID = '00000000-0000-0000-0000-000000000000';

/** A word in kebab-case, such as an outcome. */
export const WORD = /^[a-z0-9][a-z0-9-]*$/;
/** As ClickHouse writes it: lower case. */
export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

const sequence = z.int().nonnegative();
/** Microseconds since 1970-01-01T00:00:00Z. A double holds them exactly until the year 2255. */
const micros = z.int().nonnegative();
const word = z.string().regex(WORD, 'must be a word in kebab-case');
/** A lone surrogate has no UTF-8: it would be another text in the leaf and in ClickHouse than here. */
const wellFormed = z.string().refine((string) => string.isWellFormed(), 'must be well-formed Unicode');
const text = wellFormed.refine((string) => string !== '', 'must not be empty');
/** Zero stands in ClickHouse for an absent one, so it is none. */
const uuid = z
  .string()
  .regex(UUID, 'must be a UUID in lower case')
  .refine((string) => string !== NO_UUID, 'must not be the UUID of zeros');

export const eventValueSchema = z
  .strictObject({
    attribute: text,
    type: z.enum(VALUE_TYPES),
    operation: z.enum(VALUE_OPERATIONS),
    /** The value before; present exactly when the operation is remove or replace. */
    old: wellFormed.optional(),
    /** The value after; present exactly when the operation is add or replace. */
    new: wellFormed.optional(),
    /** The metaverse object that a reference names. A changed reference is one remove and one add. */
    reference: uuid.optional(),
    /** The MARKS of the attribute at that time, added up. */
    marks: z.int().min(0).max(15),
    /** The flow rule that produced this value, where one value has its own. */
    rule: text.optional(),
    /** The sequence of the event that had set the old value. */
    setBy: sequence.optional(),
  })
  .refine((v) => (v.old !== undefined) === (v.operation !== 'add'), 'old goes with remove and replace')
  .refine((v) => (v.new !== undefined) === (v.operation !== 'remove'), 'new goes with add and replace')
  .refine((v) => v.type !== 'reference' || v.operation !== 'replace', 'a changed reference is a remove and an add')
  .refine((v) => v.type === 'reference' || v.reference === undefined, 'only a reference names an object')
  .refine((v) => (v.marks & MARKS.secret) === 0, 'a secret is never written');
export type EventValue = z.infer<typeof eventValueSchema>;

/** An event as a producer hands it over. The journal adds `log`, `sequence`, `recordedAt`, `root` and the keys. */
export const proposedEventSchema = z.strictObject({
  occurredAt: micros,
  occurredAtKnown: z.enum(TIME_KNOWN),
  stage: z.enum(STAGES),
  operation: z.enum(OPERATIONS),
  /** MIM's own counter names in kebab-case where one fits, else ours; README.md lists them. */
  outcome: word,
  /** A MIM error name, or one sentence; never contains an attribute's value. */
  error: text.optional(),
  /** The metaverse object. */
  object: uuid.optional(),
  /** The connector-space object; there also before any join. */
  entry: uuid.optional(),
  objectType: text.optional(),
  /** What it was called then. */
  objectName: text.optional(),
  agent: text.optional(),
  anchor: text.optional(),
  dn: text.optional(),
  values: z.array(eventValueSchema),
  initiator: text.optional(),
  initiatorKnown: z.enum(INITIATOR_KNOWN),
  performer: text.optional(),
  address: text.optional(),
  /** The sequences that led to this event, the principal first. Empty: this event is a root. */
  causes: z.array(sequence),
  /** The root of the principal cause; absent on a root. */
  root: sequence.optional(),
  rule: text.optional(),
  /** The sequence of the configuration event under which it happened. */
  configuration: sequence.optional(),
  /** The sequence of the event that started the run. */
  run: sequence.optional(),
  step: z.int().min(1).max(65535).optional(),
  stepKind: word.optional(),
  /** A change in a target that no export of ours explains. */
  outOfBand: z.boolean(),
});
export type ProposedEvent = z.infer<typeof proposedEventSchema>;

/** An event as the journal accepted it. */
export interface ChangeEvent extends ProposedEvent {
  eventVersion: number;
  /** The origin of the log: one installation, one log. */
  log: string;
  /** Dense: 0, 1, 2, … without gaps. */
  sequence: number;
  recordedAt: number;
  root: number;
  /** Number of the key that the object group and the event's own values are committed under; 0: the group is empty. */
  subjectKey: number;
  /** Number of the key of the actor group; 0: the group is empty. */
  actorKey: number;
  /** For each value, the number of the key of the person that its reference names; 0: it is no reference. */
  valueKeys: number[];
  /** What stands for the columns that were emptied because a person in them was erased; absent: none were. */
  erased?: RowCommitments;
}

/** Values longer than this (bytes of UTF-8) are kept as size, type and SHA-256 only. */
export const LARGE_VALUE_BYTES = 65536;

/** Counters of a step that leave no event: nothing was decided that the log does not hold already. */
export const COUNTED_WITHOUT_EVENT: readonly string[] = [
  'stage-no-change',
  'connector-no-flow',
  'disconnector-remains',
  'disconnector-deleted',
  'flow-failure-again',
];
