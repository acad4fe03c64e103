// Finding metaverse objects, also those that are gone, by any name they ever had.
import { z } from 'zod';
import { parseInstant } from '../../ingest/clock.ts';
import { NO_ID, type QueryContext, readOptions } from './context.ts';

export interface ObjectSummary {
  id: string;
  type: string;
  name: string | undefined;
  formerNames: string[];
  deleted: boolean;
  firstSeen: number;
  lastChanged: number;
}

export interface ObjectSearch {
  /** Part of a name, anchor or DN, now or ever; letters of either case. */
  search?: string | undefined;
  type?: string | undefined;
  id?: string | undefined;
  first: number;
}

/** A longer text is no name. */
const LONGEST_SEARCH = 200;
const MOST_OBJECTS = 500;

const summaryRow = z.object({
  id: z.string(),
  type: z.string(),
  name: z.string(),
  names: z.array(z.string()),
  deleted: z.number(),
  first_seen: z.string(),
  last_changed: z.string(),
});

export async function findObjects(context: QueryContext, search: ObjectSearch): Promise<ObjectSummary[]> {
  const conditions = ['sequence < {watermark:UInt64}', `object != toUUID('${NO_ID}')`];
  if (search.id !== undefined) conditions.push('object = {id:UUID}');
  if (search.search) {
    conditions.push(
      `object IN (SELECT object FROM events WHERE positionCaseInsensitiveUTF8(object_name, {text:String}) > 0
         OR positionCaseInsensitiveUTF8(anchor, {text:String}) > 0 OR positionCaseInsensitiveUTF8(dn, {text:String}) > 0)`,
    );
  }
  const rows = await context.clickhouse.select(
    `SELECT object AS id,
            argMaxIf(object_type, sequence, stage IN ('import-flow', 'recall', 'deletion')) AS type,
            argMaxIf(object_name, sequence, object_name != '') AS name,
            arrayFilter(n -> n != '', groupUniqArray(20)(object_name)) AS names,
            max(stage = 'deletion') AS deleted, min(occurred_at) AS first_seen, max(occurred_at) AS last_changed
     FROM events WHERE ${conditions.join(' AND ')}
     GROUP BY object ${search.type === undefined ? '' : 'HAVING type = {type:String}'}
     ORDER BY lower(name), id LIMIT {first:UInt32}`,
    {
      watermark: context.watermark,
      first: Math.max(1, Math.min(search.first, MOST_OBJECTS)),
      ...(search.id !== undefined && { id: search.id }),
      ...(search.type !== undefined && { type: search.type }),
      ...(search.search && { text: search.search.slice(0, LONGEST_SEARCH) }),
    },
    summaryRow,
    readOptions(context),
  );
  return rows.map((row) => ({
    id: row.id,
    type: row.type,
    name: row.name || undefined,
    formerNames: row.names.filter((name) => name !== row.name).sort(),
    deleted: row.deleted === 1,
    firstSeen: parseInstant(row.first_seen) ?? 0,
    lastChanged: parseInstant(row.last_changed) ?? 0,
  }));
}
