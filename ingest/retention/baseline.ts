// What of expiring events still holds is carried forward: one baseline event for each of them, with what is in force of
// its values, at the time at which it happened. `step_kind` says in which stage that was.
import { z } from 'zod';
import type { ClickHouse } from '../clickhouse/connect.ts';
import { fromRow, rowSchema, SELECTED_COLUMNS } from '../clickhouse/rows.ts';
import { type ChangeEvent, type EventValue, type ProposedEvent, proposedEventSchema } from '../event.ts';

/** Which of the values that an event set are in force. */
export type IsInForce = (value: EventValue) => boolean;
/** By sequence; an event without any value in force is carried forward for what it links or makes. */
export type InForce = ReadonlyMap<number, IsInForce>;

export interface CarriedForward {
  inForce: InForce;
  /** The state itself as events, a page at a time: what a replay begins with when the events before have expired. */
  state: Iterable<ProposedEvent[]>;
}

/** Events read back at once. */
const PAGE_EVENTS = 1000;

/**
 * The baseline events of what is in force below a sequence, a page at a time. What was carried forward before is carried on:
 * a baseline event names the first one that it stands for as its cause.
 */
export async function* makeBaselines(
  clickhouse: ClickHouse,
  inForce: InForce,
  below: number,
): AsyncIterable<ProposedEvent[]> {
  const sequences = [...inForce.keys()].filter((sequence) => sequence < below);
  const carried = await clickhouse.select(
    "SELECT sequence, causes[1] AS original FROM events WHERE stage = 'baseline' AND step_kind != 'state' AND sequence < {below:UInt64}",
    { below },
    z.object({ sequence: z.number(), original: z.number() }),
    { timeLimit: 1800 },
  );
  sequences.push(...carried.filter(({ original }) => inForce.has(original)).map(({ sequence }) => sequence));
  sequences.sort((a, b) => a - b);
  for (let from = 0; from < sequences.length; from += PAGE_EVENTS) {
    const rows = await clickhouse.select(
      `SELECT ${SELECTED_COLUMNS} FROM events WHERE sequence IN {page:Array(UInt64)} ORDER BY sequence LIMIT ${PAGE_EVENTS}`,
      { page: sequences.slice(from, from + PAGE_EVENTS) },
      rowSchema,
      { timeLimit: 60 },
    );
    const events = rows.map(fromRow);
    if (events.length > 0)
      yield events.map((event) => baselineOf(event, inForce.get(originalOf(event)) ?? (() => false)));
  }
}

function originalOf({ stage, causes, sequence }: ChangeEvent): number {
  return stage === 'baseline' ? (causes[0] ?? sequence) : sequence;
}

function baselineOf(event: ChangeEvent, isInForce: IsInForce): ProposedEvent {
  const values = event.values.filter((value) => value.operation !== 'remove' && isInForce(value)).map(asSet);
  return proposedEventSchema.parse({
    occurredAt: event.occurredAt,
    occurredAtKnown: event.occurredAtKnown,
    stage: 'baseline',
    operation: event.operation,
    outcome: event.outcome,
    object: event.object,
    entry: event.entry,
    objectType: event.objectType,
    objectName: event.objectName,
    agent: event.agent,
    anchor: event.anchor,
    dn: event.dn,
    values,
    initiator: event.initiator,
    initiatorKnown: event.initiatorKnown,
    performer: event.performer,
    address: event.address,
    causes: [originalOf(event)],
    root: event.root,
    rule: event.rule,
    stepKind: event.stage === 'baseline' ? event.stepKind : event.stage,
    outOfBand: event.outOfBand,
  });
}

/** What it replaced has expired. */
function asSet({ old: _, setBy: __, ...value }: EventValue): EventValue {
  return { ...value, operation: 'add' };
}
