// Which object an entry belongs to, over time: from join, projection or provisioning on to the object named there. What
// it was before its first link belongs to the first object too; once let go it is a disconnector, and what becomes of it
// is still told with the object that it was last linked to (an account deleted or disabled after its person left).
import { z } from 'zod';
import { parseInstant } from '../../ingest/clock.ts';
import { AnswerTooLargeError, isOf, NO_ID, type QueryContext, readAll, STAGE } from './context.ts';

export interface Link {
  object: string;
  /** false: the object let the entry go here. */
  linked: boolean;
  at: number;
  sequence: number;
}

/** For each entry its links in the order of (occurred, sequence). */
export type Links = ReadonlyMap<string, readonly Link[]>;

export const LINK_STAGES = "('join', 'projection', 'provisioning')";

/** An event that links an entry to an object. */
export const IS_LINK = `(${STAGE} IN ${LINK_STAGES} AND object != toUUID('${NO_ID}') AND entry != toUUID('${NO_ID}'))`;

/** What may be one, as a projection can tell. */
export const MAY_LINK = "stage IN ('join', 'projection', 'provisioning', 'baseline')";

/** The entries that were ever linked to objects; `objects` is what is IN. */
export const entriesLinkedTo = (objects: string) =>
  `SELECT entry FROM events WHERE ${isOf('object', objects, MAY_LINK)} AND ${IS_LINK}`;

const IS_UNLINK = `(stage = 'deprovisioning' OR outcome IN ('connector-filtered', 'connector-delete-leave-mv', 'connector-delete-remove-mv'))`;

const linkRow = z.object({
  entry: z.string(),
  object: z.string(),
  linked: z.number(),
  occurred_at: z.string(),
  sequence: z.number(),
});

/** Objects asked about in one query. */
const BATCH_OBJECTS = 2000;

/** All links of all entries that were ever linked to these objects, also those to other objects. */
export async function readLinks(context: QueryContext, objects: readonly string[]): Promise<Links> {
  const links = new Map<string, Link[]>();
  for (let from = 0; from < objects.length; from += BATCH_OBJECTS) {
    const rows = await readAll(
      context,
      `SELECT entry, object, ${STAGE} IN ${LINK_STAGES} AS linked, occurred_at, sequence FROM events
       WHERE ${isOf('entry', `(${entriesLinkedTo('{objects:Array(UUID)}')})`, `(${MAY_LINK} OR ${IS_UNLINK})`)}
         AND (${IS_LINK} OR ${IS_UNLINK}) AND object != toUUID('${NO_ID}')
       ORDER BY occurred_at, sequence`,
      { objects: objects.slice(from, from + BATCH_OBJECTS) },
      linkRow,
      { timeLimit: 30 },
    );
    const batch = new Map<string, Link[]>();
    for (const { entry, object, linked, occurred_at, sequence } of rows) {
      const link = { object, linked: linked === 1, at: parseInstant(occurred_at) ?? 0, sequence };
      batch.set(entry, [...(batch.get(entry) ?? []), link]);
    }
    // An entry that two batches find has the same links in both.
    for (const [entry, found] of batch) links.set(entry, found);
  }
  return links;
}

export interface Ownership {
  object: string;
  /** It was a connector of the object at that time. */
  joined: boolean;
}

/** Whose an entry was at an instant. */
export function ownerAt(links: readonly Link[], at: number): Ownership | undefined {
  const until = links.filter((link) => link.at <= at);
  const latest = until.findLast(({ linked }) => linked);
  if (latest) return { object: latest.object, joined: until.at(-1)?.linked === true };
  const first = links.find(({ linked }) => linked);
  return first && { object: first.object, joined: false };
}

export interface Range {
  entry: string;
  /** The first sequence. */
  from: number;
  /** One past the last. */
  until: number;
}

/** A server takes a bound value of 128 KiB. */
const MOST_RANGES = 2000;

/** In which ranges of the log each entry belonged to the object. */
export function rangesOf(links: Links, object: string): Range[] {
  const ranges: Range[] = [];
  for (const [entry, all] of links) {
    const ordered = all.filter(({ linked }) => linked).sort((a, b) => a.sequence - b.sequence);
    for (const [index, link] of ordered.entries()) {
      if (link.object !== object) continue;
      const from = index === 0 ? 0 : link.sequence;
      ranges.push({ entry, from, until: ordered[index + 1]?.sequence ?? Number.MAX_SAFE_INTEGER });
    }
  }
  if (ranges.length > MOST_RANGES) throw new AnswerTooLargeError(MOST_RANGES, 'entries of one object');
  return ranges;
}
