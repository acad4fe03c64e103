// The chain of causes: what led to an event, and what it led to.
import { z } from 'zod';
import type { ChangeEvent } from '../../ingest/event.ts';
import { AnswerTooLargeError, BrokenLogError, type QueryContext, readAll, readSequences } from './context.ts';

/** Longer than any chain the engine makes; a guard against a log that was tampered with. */
const LONGEST_CHAIN = 1000;

/**
 * The events that led to this one by their principal causes: the root first, the event itself last. `load` reads an
 * event by its sequence (many chains at once share their questions so). A chain begins where the events before it have
 * expired. Throws BrokenLogError when a cause is not there.
 */
export async function findCauses(
  event: ChangeEvent,
  load: (sequence: number) => Promise<ChangeEvent | undefined>,
  { expired, sight }: Pick<QueryContext, 'expired' | 'sight'>,
): Promise<ChangeEvent[]> {
  const chain = [event];
  for (let current = event; ; ) {
    const [principal] = current.causes;
    if (principal === undefined || principal < (expired?.below ?? 0)) return chain.reverse();
    const cause = principal < current.sequence ? await load(principal) : undefined;
    // Whoever sees a part of the log is told the part of the chain that is in it.
    if (!cause && sight.team) return chain.reverse();
    if (!cause)
      throw new BrokenLogError(
        `The change ${principal}, which led to the change ${current.sequence}, is not in the log.`,
      );
    if (chain.length >= LONGEST_CHAIN) throw new AnswerTooLargeError(LONGEST_CHAIN, 'causes');
    chain.push(cause);
    current = cause;
  }
}

/** Which events that led to this one have expired, in a sentence; undefined: none. */
export function describeGoneCauses(
  { expired }: QueryContext,
  { root, causes }: Pick<ChangeEvent, 'root' | 'causes'>,
): string | undefined {
  const gone = [...new Set([root, ...causes])].filter((sequence) => sequence < (expired?.below ?? 0));
  if (gone.length === 0) return undefined;
  const [what, them] =
    gone.length === 1
      ? ['the change', 'has expired: the chain of causes begins after it']
      : ['the changes', 'have expired: the chain of causes begins after them'];
  return `Of what led to it, ${what} ${gone.sort((a, b) => a - b).join(', ')} ${them}.`;
}

export interface Effects {
  events: ChangeEvent[];
  /** There are more than `events`. */
  hasMore: boolean;
}

/** A change of the configuration, the widest root there is, leads to no more than this. */
const LARGEST_FAMILY = 1_000_000;
/** Sequences bound in one query. */
const BATCH_SEQUENCES = 5000;

const linkRow = z.object({ sequence: z.number(), causes: z.array(z.number()), root: z.number() });
type Link = z.infer<typeof linkRow>;

interface Search {
  reached: Set<number>;
  /** Reached in this round. */
  fresh: number[];
}

/**
 * What each of these events led to, directly and through others, in order; the first `limit` of each. However many they
 * are, and however long their chains, the log is asked a few times.
 */
export async function findEffects(
  context: QueryContext,
  events: readonly ChangeEvent[],
  limit: number,
): Promise<Effects[]> {
  const searches = events.map(({ sequence }): Search => ({ reached: new Set([sequence]), fresh: [sequence] }));
  let roots = new Map(events.map(({ root, sequence }) => [root, sequence]));
  for (const { root, sequence } of events) roots.set(root, Math.min(sequence, roots.get(root) ?? sequence));
  while (searches.some(({ fresh }) => fresh.length > 0)) {
    const family = await readFamilies(context, roots);
    for (const search of searches) search.fresh.push(...follow(family, search.reached));
    const joint = await readJoint(context, [...new Set(searches.flatMap(({ fresh }) => fresh))]);
    for (const search of searches) search.fresh = follow(joint, search.reached);
    const found = new Set(searches.flatMap(({ fresh }) => fresh));
    roots = new Map();
    for (const { root, sequence } of joint) if (found.has(sequence) && !roots.has(root)) roots.set(root, sequence);
  }
  const effects = searches.map(({ reached }) => [...reached].sort((a, b) => a - b).slice(1));
  const shown = effects.map((sequences) => sequences.slice(0, limit));
  const read = await readSequences(context, shown.flat());
  return effects.map((all, index) => ({
    events: (shown[index] ?? []).flatMap((sequence) => read.get(sequence) ?? []),
    hasMore: all.length > limit,
  }));
}

/** Adds to `reached` those of the links, in order, that something reached led to, and returns them. */
function follow(links: readonly Link[], reached: Set<number>): number[] {
  const found: number[] = [];
  for (const { sequence, causes } of links) {
    if (reached.has(sequence) || !causes.some((cause) => reached.has(cause))) continue;
    reached.add(sequence);
    found.push(sequence);
  }
  return found;
}

/** The events of these roots: what follows from a principal cause has its root. */
async function readFamilies(context: QueryContext, roots: ReadonlyMap<number, number>): Promise<Link[]> {
  if (roots.size === 0) return [];
  return readAll(
    context,
    `SELECT sequence, causes, root FROM events WHERE root IN {roots:Array(UInt64)} AND sequence > {after:UInt64} AND sequence < {watermark:UInt64} ORDER BY sequence`,
    { roots: [...roots.keys()], after: Math.min(...roots.values()) },
    linkRow,
    { most: LARGEST_FAMILY, timeLimit: 30 },
  );
}

/** The events that have one of these among several causes: they may be of another root. */
async function readJoint(context: QueryContext, causes: readonly number[]): Promise<Link[]> {
  const found: Link[] = [];
  for (let from = 0; from < causes.length; from += BATCH_SEQUENCES) {
    const part = causes.slice(from, from + BATCH_SEQUENCES);
    found.push(
      ...(await readAll(
        context,
        `SELECT sequence, causes, root FROM events WHERE length(causes) > 1 AND hasAny(causes, {part:Array(UInt64)})
           AND sequence > {after:UInt64} AND sequence < {watermark:UInt64} ORDER BY sequence`,
        { part, after: Math.min(...part) },
        linkRow,
        { timeLimit: 30 },
      )),
    );
  }
  return found.sort((a, b) => a.sequence - b.sequence);
}
