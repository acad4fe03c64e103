// What whoever asks may see. It is enforced here, where the log is read, so that no way to a question can forget it: which rows
// are read at all (team.ts), and which values of them are told.
import { type ChangeEvent, type EventValue, MARKS } from '../../ingest/event.ts';
import type { Team } from './team.ts';

export interface Sight {
  /** MARKS added up: values that bear one of them, or bore it when they were written, are withheld. */
  hidden: number;
  /** The attributes that bear one of them by the configuration in force. */
  hiddenAttributes: ReadonlySet<string>;
  /** The people who are seen; undefined: everybody, and whatever else the log is about. */
  team?: Team | undefined;
}

/** A value as it is told. */
export interface SeenValue extends EventValue {
  /** Its texts are there, and are not told. */
  withheld?: true;
}

/** What is kept from whoever asks, for every answer to say. */
export function describeSight({ hidden, team }: Sight): { withheld?: string[]; scope?: string } {
  const marks = Object.entries(MARKS).flatMap(([name, bit]) =>
    (hidden & bit) === 0 || name === 'secret' ? [] : [name],
  );
  return {
    ...(marks.length > 0 && { withheld: marks }),
    ...(team && {
      scope: 'Only people who report to you, directly or through others, are told of, for the time they did.',
    }),
  };
}

export function isWithheld({ hidden, hiddenAttributes }: Sight, attribute: string, marks: number): boolean {
  return (marks & hidden) !== 0 || hiddenAttributes.has(attribute);
}

/** The event without the texts that are withheld. */
export function seenOf(sight: Sight, event: ChangeEvent): ChangeEvent {
  if (!event.values.some(({ attribute, marks }) => isWithheld(sight, attribute, marks))) return event;
  return { ...event, values: event.values.map((value) => seenValue(sight, value)) };
}

function seenValue(sight: Sight, value: EventValue): SeenValue {
  if (!isWithheld(sight, value.attribute, value.marks)) return value;
  const { old: _, new: __, reference: ___, ...rest } = value;
  return { ...rest, withheld: true };
}

/**
 * A condition in SQL: the value with these marks, of this attribute, is told. Who may not see a value must not find out by
 * asking who has it.
 */
export function isTold({ hidden, hiddenAttributes }: Sight, marks: string, attribute: string) {
  if (hidden === 0) return { sql: '1', params: {} };
  return {
    sql: `(bitAnd(${marks}, ${hidden}) = 0 AND NOT has({hidden_attributes:Array(String)}, ${attribute}))`,
    params: { hidden_attributes: [...hiddenAttributes] },
  };
}
