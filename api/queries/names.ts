// What objects are called: looked up for many at once, as of the watermark.
import { z } from 'zod';
import { erasedHolder } from '../../ingest/erasure/erased-row.ts';
import { batchesOf, isOf, NO_ID, type QueryContext, readAll, STAGE, spansOf } from './context.ts';
import type { Reference } from './results.ts';

/** Events whose object type is the metaverse's; that of others is their entry's. */
export const HAS_OBJECT_TYPE = `(${STAGE} IN ('recall', 'deletion') OR (${STAGE} = 'import-flow' AND outcome IN ('connector-flow', 'contributor-changed', 'skipped-not-precedent')))`;

const nameRow = z.object({ object: z.string(), name: z.string(), type: z.string() });

/** So many of the newest events are looked at first. What most objects are called now stands there. */
const FIRST_SPAN = 500_000;
/** The events of more objects than this are nearly everywhere in a log. */
const FEW_IDS = 100;

/**
 * The newest name and type of each, all of them in the answer. Many are looked for from the newest events on, in spans: who has been told of in one is not looked
 * for in the next. `span`: the first one; only tests set it.
 */
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
  const isMissing = (id: string) => found.get(id)?.name === undefined || found.get(id)?.type === undefined;
  let missing = wanted;
  let before = context.watermark;
  for (const from of spansOf(context, span)) {
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
    if (isFew || missing.length === 0) break;
    before = from;
  }
  await nameErased(context, wanted, found);
  return found;
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
