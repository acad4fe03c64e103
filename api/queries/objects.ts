// Finding metaverse objects, also those that are gone, by any name they ever had.
import { z } from 'zod';
import { parseInstant, systemClock } from '../../ingest/clock.ts';
import { isOf, NO_ID, type QueryContext, readAll, readOptions, STAGE } from './context.ts';
import { erasedName, findErased, HAS_OBJECT_TYPE, latest, readSaid, type Said } from './names.ts';

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
  /** A name that it has or had, exactly. */
  named?: string | undefined;
  type?: string | undefined;
  id?: string | undefined;
  /** Any of these; an empty list finds nothing. */
  ids?: readonly string[] | undefined;
}

/** A longer text is no name. */
export const LONGEST_SEARCH = 1000;
export const MOST_OBJECTS = 500;

const summaryRow = z.object({
  id: z.string(),
  type: z.string(),
  name: z.string(),
  names: z.array(z.string()),
  deleted: z.number(),
  first_seen: z.string(),
  last_changed: z.string(),
});

/** The first so many objects that are searched for, by name. */
export async function findObjects(
  context: QueryContext,
  search: ObjectSearch,
  first: number,
): Promise<ObjectSummary[]> {
  const known = await findKnown(context, search, first);
  if (known) return known;
  const { condition, having, params } = conditionOf(search);
  const rows = await asPresent(context).clickhouse.select(
    `SELECT object AS id, ${TYPE} AS type,
            argMaxIf(object_name, sequence, object_name != '') AS name,
            groupUniqArrayIf(object_name, object_name != '') AS names,
            max(stage = 'deletion') AS deleted, min(occurred_at) AS first_seen, max(occurred_at) AS last_changed
     FROM events WHERE ${condition} GROUP BY object ${having}
     ORDER BY lowerUTF8(name), id LIMIT {first:UInt32}`,
    { watermark: context.watermark, ...params, first: Math.max(1, Math.min(first, MOST_OBJECTS)) },
    summaryRow,
    readOptions(context),
  );
  return nameErased(
    context,
    rows.map((row) => ({
      id: row.id,
      type: row.type,
      name: row.name || undefined,
      formerNames: row.names.filter((name) => name !== row.name).sort(),
      deleted: row.deleted === 1,
      firstSeen: parseInstant(row.first_seen) ?? 0,
      lastChanged: parseInstant(row.last_changed) ?? 0,
    })),
  );
}

async function nameErased(context: QueryContext, objects: readonly ObjectSummary[]): Promise<ObjectSummary[]> {
  const nameless = objects.filter(({ name }) => name === undefined).map(({ id }) => id);
  const erased = await findErased(context, nameless);
  return objects.map((object) => {
    const event = object.name === undefined ? erased.get(object.id) : undefined;
    return event === undefined ? object : { ...object, name: erasedName(event) };
  });
}

/** Those that are asked for by their ids, of what is said of them; undefined: their events have to be looked at. */
async function findKnown(
  context: QueryContext,
  { id, ids, type, search, named }: ObjectSearch,
  first: number,
): Promise<ObjectSummary[] | undefined> {
  // Whoever sees people for a time is told of what happened then.
  if (context.sight.team || search !== undefined || named !== undefined) return undefined;
  const wanted = ids ?? (id === undefined ? undefined : [id]);
  if (!wanted) return undefined;
  const said = await readSaid(context, wanted);
  if ([...said.values()].includes(undefined)) return undefined;
  const objects = [...said].flatMap(([key, rows = []]) =>
    summarise(
      key,
      rows.filter((row) => row.is_change === 1),
    ),
  );
  const found = objects.filter((object) => type === undefined || object.type === type);
  const folded = ({ name = '' }: ObjectSummary) => name.toLowerCase();
  found.sort((a, b) => compare(folded(a), folded(b)) || compare(a.id, b.id));
  return nameErased(context, found.slice(0, Math.max(1, Math.min(first, MOST_OBJECTS))));
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

function summarise(id: string, said: readonly Said[]): ObjectSummary[] {
  if (said.length === 0) return [];
  const name = latest(said, 'name');
  const names = new Set(said.map((row) => row.name).filter((each) => each !== '' && each !== name));
  const instants = (what: 'begins' | 'ends') => said.map((row) => parseInstant(row[what]) ?? 0);
  return [
    {
      id,
      type: latest(said, 'type') ?? '',
      name,
      formerNames: [...names].sort(),
      deleted: said.some(({ gone }) => gone === 1),
      firstSeen: Math.min(...instants('begins')),
      lastChanged: Math.max(...instants('ends')),
    },
  ];
}

/** How many objects are searched for: a list of the first ones says so of how many. */
export async function countFound(context: QueryContext, search: ObjectSearch): Promise<number> {
  const { condition, having, params } = conditionOf(search);
  const [row] = await readAll(
    asPresent(context),
    `SELECT count() AS count FROM (SELECT object, ${TYPE} AS type FROM events WHERE ${condition} GROUP BY object ${having})`,
    params,
    z.object({ count: z.number() }),
  );
  return row?.count ?? 0;
}

/** Who reports to a manager now is there for them, whether anything happened since or not. */
function asPresent(context: QueryContext): QueryContext {
  const { team } = context.sight;
  return team ? { ...context, clickhouse: team.present(systemClock()) } : context;
}

const TYPE = `argMaxIf(object_type, sequence, ${HAS_OBJECT_TYPE})`;

function conditionOf(search: ObjectSearch): { condition: string; having: string; params: Record<string, unknown> } {
  const known = 'sequence < {watermark:UInt64}';
  // Who looked at an object has not changed it; and of one that never was, somebody may have asked. What the engine
  // remembers is carried forward as it was then, also of one that is gone.
  const conditions = [known, `object != toUUID('${NO_ID}')`, `${STAGE} NOT IN ('read', 'state')`];
  const params: Record<string, unknown> = {};
  if (search.id !== undefined) {
    conditions.push(isOf('object', '[{id:UUID}]'));
    params.id = search.id;
  }
  if (search.ids !== undefined) {
    conditions.push(isOf('object', '{ids:Array(UUID)}'));
    params.ids = search.ids;
  }
  if (search.search) {
    const has = (column: string) => `positionCaseInsensitiveUTF8(${column}, {text:String}) > 0`;
    conditions.push(
      `object IN (SELECT object FROM events WHERE (${['object_name', 'anchor', 'dn'].map(has).join(' OR ')}) AND ${known})`,
    );
    params.text = search.search;
  }
  if (search.named !== undefined) {
    conditions.push(isOf('object', `(SELECT object FROM events WHERE object_name = {named:String} AND ${known})`));
    params.named = search.named;
  }
  if (search.type !== undefined) params.type = search.type;
  return {
    condition: conditions.join(' AND '),
    having: search.type === undefined ? '' : 'HAVING type = {type:String}',
    params,
  };
}
