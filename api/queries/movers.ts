// Who moved: people whose place in the organisation changed in the metaverse while they were there.
import { formatMicros } from '../../ingest/clock.ts';
import type { ChangeEvent } from '../../ingest/event.ts';
import { type QueryContext, readEvents } from './context.ts';
import type { PeopleRules } from './employment.ts';

/** Attributes whose change is a move, where the question does not name its own; those that a metaverse lacks never change. */
export const MOVE_ATTRIBUTES: readonly string[] = [
  'department',
  'departmentNumber',
  'division',
  'company',
  'costCenter',
  'manager',
  'title',
  'jobTitle',
  'location',
  'employeeType',
];

export interface Move {
  /** The change that made it. */
  event: ChangeEvent;
  attribute: string;
  /** What it was; undefined: withheld from whoever asks. */
  from: string | undefined;
  /** What it is; undefined: nothing since then, or withheld. */
  to: string | undefined;
  /** The objects that they name. */
  fromObject: string | undefined;
  toObject: string | undefined;
}

/** One move for each attribute of a change. A first value is no move, nor is what is taken back from whoever leaves. */
export async function findMoves(
  context: QueryContext,
  { from, to }: { from: number; to: number },
  { types }: PeopleRules,
  attributes: readonly string[] = MOVE_ATTRIBUTES,
): Promise<Move[]> {
  const events = await readEvents(
    context,
    `SELECT sequence FROM events
     WHERE stage = 'import-flow' AND outcome = 'connector-flow' AND object_type IN {types:Array(String)}
       AND occurred_at >= {from:DateTime64(6, 'UTC')} AND occurred_at <= {to:DateTime64(6, 'UTC')} AND sequence < {watermark:UInt64}
       AND arrayExists((a, o) -> a IN {attributes:Array(String)} AND o != 'add', value.attribute, value.operation)`,
    { types, attributes, from: formatMicros(from), to: formatMicros(to) },
    'ASC',
  );
  return events
    .sort((a, b) => a.occurredAt - b.occurredAt || a.sequence - b.sequence)
    .flatMap((event) => movesOf(event, new Set(attributes)));
}

function movesOf(event: ChangeEvent, attributes: ReadonlySet<string>): Move[] {
  const byAttribute = Map.groupBy(event.values, ({ attribute }) => attribute);
  return [...byAttribute].flatMap(([attribute, values]) => {
    const taken = values.find(({ operation }) => operation !== 'add');
    if (!attributes.has(attribute) || !taken) return [];
    const given = values.find(({ operation }) => operation !== 'remove');
    const isReference = taken.type === 'reference';
    return [
      {
        event,
        attribute,
        from: taken.old,
        to: given?.new,
        // The id of an object of the metaverse is the value of a reference there.
        fromObject: isReference ? taken.old : undefined,
        toObject: isReference ? given?.reference : undefined,
      },
    ];
  });
}
