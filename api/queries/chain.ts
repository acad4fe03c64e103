// The chain of causes: what led to an event, and what it led to.
import type { ChangeEvent } from '../../ingest/event.ts';
import { type QueryContext, readEvents, readSequences } from './context.ts';

/** Longer than any chain the engine makes; a guard against a log that was tampered with. */
const LONGEST_CHAIN = 64;

/** The events that led to this one by their principal causes: the root first, the event itself last. */
export async function findCauses(context: QueryContext, event: ChangeEvent): Promise<ChangeEvent[]> {
  const chain = [event];
  for (let current = event; chain.length < LONGEST_CHAIN; ) {
    const [principal] = current.causes;
    if (principal === undefined) break;
    const cause = (await readSequences(context, [principal])).get(principal);
    if (!cause) break;
    chain.unshift(cause);
    current = cause;
  }
  return chain;
}

/** The events that this one led to, directly and through others, in order; at most `limit`. */
export async function findEffects(context: QueryContext, event: ChangeEvent, limit: number): Promise<ChangeEvent[]> {
  const inner = `SELECT sequence FROM events WHERE root = {root:UInt64} AND sequence > {sequence:UInt64} AND sequence < {watermark:UInt64} ORDER BY sequence LIMIT 20000`;
  const family = await readEvents(context, inner, { root: event.root, sequence: event.sequence }, 'ASC');
  const reached = new Set([event.sequence]);
  const effects: ChangeEvent[] = [];
  for (const candidate of family) {
    if (!candidate.causes.some((cause) => reached.has(cause))) continue;
    reached.add(candidate.sequence);
    effects.push(candidate);
    if (effects.length >= limit) break;
  }
  return effects;
}
