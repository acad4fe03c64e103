// What objects are called: looked up for many at once, as of the watermark.
import { z } from 'zod';
import { erasedHolder } from '../../ingest/erasure/erased-row.ts';
import { batchesOf, isOf, NO_ID, type QueryContext, readAll, STAGE, spansOf } from './context.ts';
import type { Reference } from './results.ts';

/** Events whose object type is the metaverse's; that of others is their entry's. */
export const HAS_OBJECT_TYPE = `(${STAGE} IN ('recall', 'deletion') OR (${STAGE} = 'import-flow' AND outcome IN ('connector-flow', 'contributor-changed', 'skipped-not-precedent')))`;

/** What events say that an object is called, of which type it is, and whether it is gone: as the projection `objects` has it (migration 0014). */
export const SAID = `object, object_name AS name, if(${HAS_OBJECT_TYPE}, object_type, '') AS type, stage = 'deletion' AS gone,
  ${STAGE} NOT IN ('read', 'state') AS is_change`;
export const SAID_BY = 'object, name, type, gone, is_change';

const saidRow = z.object({
  object: z.string(),
  name: z.string(),
  type: z.string(),
  gone: z.number(),
  /** It is about the object itself: not who looked at it, nor what the engine remembered. */
  is_change: z.number(),
  /** The first and the last event that says so, and when they happened. */
  first: z.number(),
  last: z.number(),
  begins: z.string(),
  ends: z.string(),
});
export type Said = z.infer<typeof saidRow>;

/**
 * All that is said of each of these objects below the watermark; undefined of one of which the same was said before and after it: only its
 * events tell what was said last then.
 */
export async function readSaid(
  context: QueryContext,
  ids: readonly string[],
): Promise<Map<string, Said[] | undefined>> {
  const said = new Map<string, Said[] | undefined>();
  for (const batch of batchesOf(context, ids)) {
    const rows = await readAll(
      context,
      `SELECT ${SAID}, min(sequence) AS first, max(sequence) AS last, min(occurred_at) AS begins, max(occurred_at) AS ends
       FROM events WHERE object IN {ids:Array(UUID)} GROUP BY ${SAID_BY}`,
      { ids: batch },
      saidRow,
      { most: MOST_SAID },
    );
    for (const row of rows.filter(({ first }) => first < context.watermark)) {
      const before = said.has(row.object) ? said.get(row.object) : [];
      said.set(row.object, row.last < context.watermark ? before && [...before, row] : undefined);
    }
  }
  return said;
}

/** Several for each object. */
const MOST_SAID = 2_000_000;

/** What was said last of those that say anything; undefined: nothing. */
export function latest<K extends 'name' | 'type'>(said: readonly Said[], what: K): string | undefined {
  const saying = said.filter((row) => row[what] !== '').sort((a, b) => b.last - a.last);
  return saying[0]?.[what];
}

const nameRow = z.object({ object: z.string(), name: z.string(), type: z.string() });

/** So many of the newest events are looked at first. What most objects are called now stands there. */
const FIRST_SPAN = 500_000;
/** The events of more objects than this are nearly everywhere in a log. */
const FEW_IDS = 100;

/** The newest name and type of each, all of them in the answer. `span`: the first one of the events; only tests set it. */
export async function nameObjects(
  context: QueryContext,
  ids: Iterable<string>,
  span = FIRST_SPAN,
): Promise<Map<string, Reference>> {
  const { team } = context.sight;
  if (!team) return nameAll(context, ids, span);
  const names = await nameAll({ ...context, clickhouse: team.whole }, ids, span);
  const told = await Promise.all([...names].map(async ([id, name]) => [id, await team.named(name)] as const));
  return new Map(told);
}

async function nameAll(context: QueryContext, ids: Iterable<string>, span: number): Promise<Map<string, Reference>> {
  const wanted = [...new Set(ids)].filter((id) => id !== NO_ID);
  const found = new Map(wanted.map((id) => [id, unnamed(id)] as const));
  const unclear: string[] = [];
  for (const [id, said] of await readSaid(context, wanted)) {
    if (said) found.set(id, { id, name: latest(said, 'name'), type: latest(said, 'type') });
    else unclear.push(id);
  }
  await nameByEvents(context, unclear, span, found);
  await nameErased(context, wanted, found);
  return found;
}

/**
 * Many are looked for from the newest events on, in spans: who has been told of in one is not looked for in the next.
 */
async function nameByEvents(
  context: QueryContext,
  ids: readonly string[],
  span: number,
  found: Map<string, Reference>,
): Promise<void> {
  const isMissing = (id: string) => found.get(id)?.name === undefined || found.get(id)?.type === undefined;
  let missing = ids;
  let before = context.watermark;
  for (const from of spansOf(context, span)) {
    if (missing.length === 0) return;
    // The events of few lie in few places, which a projection knows.
    const isFew = missing.length <= FEW_IDS;
    for (const row of await findNames(context, missing, isFew ? 0 : from, before)) {
      const { name, type } = found.get(row.object) ?? unnamed(row.object);
      found.set(row.object, {
        id: row.object,
        name: name ?? (row.name || undefined),
        type: type ?? (row.type || undefined),
      });
    }
    missing = missing.filter(isMissing);
    if (isFew) return;
    before = from;
  }
}

/** What the events from `from` on, before `before`, call these objects. */
async function findNames(context: QueryContext, ids: readonly string[], from: number, before: number) {
  const areThey = ids.length > FEW_IDS ? 'object IN {ids:Array(UUID)}' : isOf('object', '{ids:Array(UUID)}');
  const rows: z.infer<typeof nameRow>[] = [];
  for (const batch of batchesOf(context, ids)) {
    const some = await readAll(
      context,
      `SELECT object, argMaxIf(object_name, sequence, object_name != '') AS name,
              argMaxIf(object_type, sequence, ${HAS_OBJECT_TYPE} AND object_type != '') AS type
       FROM events WHERE ${areThey} AND sequence >= {from:UInt64} AND sequence < {before:UInt64} GROUP BY object`,
      { ids: batch, from, before },
      nameRow,
    );
    rows.push(...some);
  }
  return rows;
}

/** Who was erased has no name any more; what is told in its place says so and names the event. */
async function nameErased(context: QueryContext, ids: readonly string[], found: Map<string, Reference>): Promise<void> {
  const nameless = ids.filter((id) => found.get(id)?.name === undefined);
  for (const [id, event] of await findErased(context, nameless))
    found.set(id, { id, name: erasedName(event), type: found.get(id)?.type });
}

export function erasedName(event: number): string {
  return `an erased person (event ${event})`;
}

const erasureRow = z.object({
  sequence: z.number(),
  object: z.string(),
  others: z.array(z.string()),
  keys: z.array(z.string()),
});

/** Of these objects, and of the holders that stand for erased references, those that were erased, with the last event that did. */
export async function findErased(context: QueryContext, ids: readonly string[]): Promise<Map<string, number>> {
  const wanted = new Set(ids);
  const erased = new Map<string, number>();
  if (wanted.size === 0) return erased;
  const rows = await readAll(
    context,
    `SELECT sequence, object, arrayFilter((n, a) -> a = 'object', value.new, value.attribute) AS others,
            arrayFilter((o, a) -> a = 'key', value.old, value.attribute) AS keys
     FROM events WHERE stage = 'erasure' AND outcome = 'person-erased' AND sequence < {watermark:UInt64} ORDER BY sequence`,
    {},
    erasureRow,
  );
  for (const { sequence, object, others, keys } of rows)
    for (const id of [object, ...others, ...keys.map((key) => erasedHolder(Number(key)))])
      if (wanted.has(id)) erased.set(id, sequence);
  return erased;
}

/** A reference to an object of which nothing is known but its id. */
export function unnamed(id: string | undefined): Reference {
  return { id: id === NO_ID ? undefined : id, name: undefined, type: undefined };
}
