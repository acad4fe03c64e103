// The chain of causes: what led to an event, and what it led to.
import { z } from 'zod';
import type { ChangeEvent } from '../../ingest/event.ts';
import { AnswerTooLargeError, BrokenLogError, type QueryContext, readAll, readSequences } from './context.ts';

/** Longer than any chain the engine makes; a guard against a log that was tampered with. */
const LONGEST_CHAIN = 1000;

/**
 * The events that led to this one by their principal causes: the root first, the event itself last. `load` reads an
 * event by its sequence (many chains at once share their questions so). Throws BrokenLogError when a cause is not there.
 */
export async function findCauses(
  event: ChangeEvent,
  load: (sequence: number) => Promise<ChangeEvent | undefined>,
): Promise<ChangeEvent[]> {
  const chain = [event];
  for (let current = event; ; ) {
    const [principal] = current.causes;
    if (principal === undefined) return chain.reverse();
    const cause = principal < current.sequence ? await load(principal) : undefined;
    if (!cause)
      throw new BrokenLogError(
        `The change ${principal}, which led to the change ${current.sequence}, is not in the log.`,
      );
    if (chain.length >= LONGEST_CHAIN) throw new AnswerTooLargeError(LONGEST_CHAIN, 'causes');
    chain.push(cause);
    current = cause;
  }
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

/** The events that this one led to, directly and through others, in order; the first `limit` of them. */
export async function findEffects(context: QueryContext, event: ChangeEvent, limit: number): Promise<Effects> {
  const reached = new Set([event.sequence]);
  let roots = new Map([[event.root, event.sequence]]);
  let fresh = [event.sequence];
  while (fresh.length > 0) {
    fresh = [...fresh, ...follow(await readFamilies(context, roots), reached)];
    const elsewhere = await readJoint(context, fresh);
    fresh = follow(elsewhere, reached);
    roots = new Map(
      elsewhere.filter(({ sequence }) => fresh.includes(sequence)).map((link) => [link.root, link.sequence]),
    );
  }
  reached.delete(event.sequence);
  const effects = [...reached].sort((a, b) => a - b);
  const shown = effects.slice(0, limit);
  const events = await readSequences(context, shown);
  return { events: shown.flatMap((sequence) => events.get(sequence) ?? []), hasMore: effects.length > limit };
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
