// The hops of a change on its way: how long each took, and which contributions lost on precedence where one of them won.
import type { ChangeEvent } from '../../ingest/event.ts';
import { batchesOf, isOf, type QueryContext, readEvents } from './context.ts';

export interface Hop {
  event: ChangeEvent;
  /**
   * Microseconds from when its principal cause happened to when it did; below 0 where a source says that it happened earlier.
   * undefined: it has no cause, or that has expired.
   */
  delay: number | undefined;
}

/** `load` reads an event by its sequence (many at once share their questions so); the cause of a hop may be another of `events`. */
export async function findHops(
  events: readonly ChangeEvent[],
  load: (sequence: number) => Promise<ChangeEvent | undefined>,
): Promise<Hop[]> {
  const known = new Map(events.map((event) => [event.sequence, event]));
  return Promise.all(
    events.map(async (event) => {
      const [principal] = event.causes;
      const cause = principal === undefined ? undefined : (known.get(principal) ?? (await load(principal)));
      return { event, delay: cause && event.occurredAt - cause.occurredAt };
    }),
  );
}

const LOST = "outcome = 'skipped-not-precedent'";
const CONTRIBUTED = ['connector-flow', 'contributor-changed', 'connector-delete-leave-mv'];

/**
 * For each of these events what lost against it: contributions to the same object and to an attribute that it set, which were
 * looked at with it (they have it as their cause, or its own), or later lost to the value that it had set. In the order of
 * the log. Of an event that contributed nothing: none.
 */
export async function findLosers(context: QueryContext, events: readonly ChangeEvent[]): Promise<ChangeEvent[][]> {
  const winners = events.filter(({ object, outcome }) => object !== undefined && CONTRIBUTED.includes(outcome));
  const objects = [...new Set(winners.flatMap(({ object }) => object ?? []))];
  const lost: ChangeEvent[] = [];
  for (const ids of batchesOf(context, objects)) {
    const inner = `SELECT sequence FROM events WHERE ${isOf('object', '{objects:Array(UUID)}', LOST)} AND ${LOST}`;
    lost.push(...(await readEvents(context, inner, { objects: ids }, 'ASC')));
  }
  const byObject = Map.groupBy(lost, ({ object }) => object);
  return events.map((event) =>
    winners.includes(event) ? (byObject.get(event.object) ?? []).filter((loser) => lostAgainst(event, loser)) : [],
  );
}

function lostAgainst(winner: ChangeEvent, loser: ChangeEvent): boolean {
  const set = new Set(winner.values.map(({ attribute }) => attribute));
  const about = loser.values.filter(({ attribute }) => set.has(attribute));
  const [cause] = loser.causes;
  if (about.some(({ setBy }) => setBy === winner.sequence)) return true;
  const isBeside = cause === winner.sequence || (cause !== undefined && cause === winner.causes[0]);
  return isBeside && about.length > 0;
}
