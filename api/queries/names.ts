// What objects are called: looked up for many at once, as of the watermark.
import { z } from 'zod';
import { NO_ID, type QueryContext, readAll } from './context.ts';
import type { Reference } from './results.ts';

/** Events whose object type is the metaverse's; that of others is their entry's. */
export const HAS_OBJECT_TYPE = `(stage IN ('recall', 'deletion') OR (stage = 'import-flow' AND outcome IN ('connector-flow', 'contributor-changed', 'skipped-not-precedent')))`;

const nameRow = z.object({ object: z.string(), name: z.string(), type: z.string() });

/** Ids looked up in one query: a server takes a bound value of 128 KiB. */
const BATCH_IDS = 2000;

export async function nameObjects(context: QueryContext, ids: Iterable<string>): Promise<Map<string, Reference>> {
  const wanted = [...new Set(ids)].filter((id) => id !== NO_ID);
  const found = new Map<string, Reference>();
  for (let from = 0; from < wanted.length; from += BATCH_IDS) {
    const rows = await readAll(
      context,
      `SELECT object, argMaxIf(object_name, sequence, object_name != '') AS name,
              argMaxIf(object_type, sequence, ${HAS_OBJECT_TYPE}) AS type
       FROM events WHERE object IN {ids:Array(UUID)} AND sequence < {watermark:UInt64} GROUP BY object`,
      { ids: wanted.slice(from, from + BATCH_IDS) },
      nameRow,
    );
    for (const row of rows)
      found.set(row.object, { id: row.object, name: row.name || undefined, type: row.type || undefined });
  }
  return found;
}

/** A reference to an object of which nothing is known but its id. */
export function unnamed(id: string | undefined): Reference {
  return { id: id === NO_ID ? undefined : id, name: undefined, type: undefined };
}
