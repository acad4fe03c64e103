// Who held which entitlement at an instant: a fold over the entitlement changes of each place (an entry of a connected
// system, or an object of the metaverse) that holds one, then whose that place was, and how each was granted.
import { z } from 'zod';
import { formatMicros, parseInstant } from '../../ingest/clock.ts';
import { asHeld, describeGone, isOf, NO_ID, type QueryContext, readAll } from './context.ts';
import { type Grant, readGrants } from './grants.ts';
import { entriesLinkedTo, IS_LINK, MAY_LINK } from './links.ts';
import { nameObjects, unnamed } from './names.ts';
import type { AccessAsOf, Holding, Reference } from './results.ts';
import { isWithheld } from './sight.ts';

export interface EntitlementFilter {
  /** The group, or any of several. */
  entitlement?: string | readonly string[] | undefined;
  /** The person, or any of several. */
  holder?: string | readonly string[] | undefined;
  /** '' is the metaverse; undefined: every connected system, without the metaverse. */
  agent?: string | undefined;
}

const holdingRow = z.object({
  agent: z.string(),
  attribute: z.string(),
  value: z.string(),
  /** The object that a reference names. */
  named: z.string(),
  by_reference: z.number(),
  /** The object that the attribute is on. */
  whose: z.string(),
  since: z.string(),
  granted_by: z.number(),
});
export type HoldingRow = z.infer<typeof holdingRow>;

const KNOWN = "occurred_at <= {at:DateTime64(6, 'UTC')} AND sequence < {watermark:UInt64}";
type Side = 'entitlement' | 'holder';
const oneOf = (filter: EntitlementFilter, side: Side) =>
  typeof filter[side] === 'string' ? `[{${side}:UUID}]` : `{${side}:Array(UUID)}`;
const isAny = (filter: EntitlementFilter, what: string, side: Side) =>
  typeof filter[side] === 'string' ? `${what} = {${side}:UUID}` : `${what} IN {${side}:Array(UUID)}`;
const concerns = (filter: EntitlementFilter, side: Side) =>
  `(${isAny(filter, side, side)} OR entry IN (${entriesLinkedTo(oneOf(filter, side))}))`;

/** The changes that can matter to a filter; whose they were at the instant is decided after the fold. */
function scopeOf(filter: EntitlementFilter): string {
  const conditions = [KNOWN, filter.agent === undefined ? "agent != ''" : 'agent = {agent:String}'];
  if (filter.entitlement !== undefined) conditions.push(concerns(filter, 'entitlement'));
  if (filter.holder !== undefined) conditions.push(concerns(filter, 'holder'));
  return conditions.join(' AND ');
}

/** Whose each entry was at the instant (links.ts): of its latest link, before any, of its first one. */
function ownersSql(filter: EntitlementFilter): string {
  const conditions = [IS_LINK, 'sequence < {watermark:UInt64}'];
  if (filter.entitlement !== undefined || filter.holder !== undefined)
    conditions.push(isOf('entry', `(SELECT entry FROM entitlement_changes WHERE ${scopeOf(filter)})`, MAY_LINK));
  return `SELECT entry,
        if(countIf(occurred_at <= {at:DateTime64(6, 'UTC')}) > 0,
           argMaxIf(object, (occurred_at, sequence), occurred_at <= {at:DateTime64(6, 'UTC')}),
           argMin(object, (occurred_at, sequence))) AS owner
      FROM events WHERE ${conditions.join(' AND ')} GROUP BY entry`;
}

/**
 * The question as ClickHouse is asked it; a report prints it. A reference of an entry not joined yet is told apart from
 * a value of its own only by its event, so what may be either is left for `findHoldings` to decide.
 */
export function holdingsSql(filter: EntitlementFilter): string {
  const conditions = [`NOT (agent = '' AND by_reference AND named = toUUID('${NO_ID}'))`];
  if (filter.holder !== undefined) conditions.push(isAny(filter, 'if(by_reference, named, whose)', 'holder'));
  if (filter.entitlement !== undefined)
    conditions.push(`${isAny(filter, 'whose', 'entitlement')} AND (by_reference OR value != 'true')`);
  return `SELECT agent, attribute, value, named, by_reference, if(agent = '', place, owners.owner) AS whose, granting.1 AS since, granting.2 AS granted_by FROM
    (
      SELECT agent, place, attribute, value, named, max(is_reference) AS by_reference,
             arraySort(groupArray((occurred_at, sequence, ordinal, granted))) AS changes,
             arrayFilter((c, next) -> c.2 != next.2, changes, arrayPushBack(arrayPopFront(changes), (changes[-1].1, toUInt64(0), toUInt32(0), toUInt8(0)))) AS settled,
             settled[arrayLastIndex(c -> c.4 = 0, settled) + 1] AS granting
      FROM
      (
        SELECT agent, attribute, value, granted, occurred_at, sequence, ordinal,
               value = '' OR entitlement != toUUID('${NO_ID}') AS is_reference,
               if(is_reference, holder, toUUID('${NO_ID}')) AS named,
               if(agent != '', entry, if(is_reference, entitlement, holder)) AS place
        FROM entitlement_changes WHERE ${scopeOf(filter)}
      )
      GROUP BY agent, place, attribute, value, named HAVING settled[-1].4 = 1
    ) AS held
    LEFT JOIN (${ownersSql(filter)}) AS owners ON held.place = owners.entry
    WHERE ${conditions.join(' AND ')}
    ORDER BY agent, whose, named, attribute, value, granted_by`;
}

/** What was held at an instant, by what was known at the watermark. */
export async function findHoldings(context: QueryContext, at: number, filter: EntitlementFilter): Promise<AccessAsOf> {
  const held = asHeld(context, at);
  const holdings = await describeHoldings(held, await readHoldings(held, at, filter), filter);
  return { log: context.log, watermark: context.watermark, at, gone: describeGone(context, { from: at }), holdings };
}

/** The same, before names and grants are looked up. */
export function readHoldings(context: QueryContext, at: number, filter: EntitlementFilter): Promise<HoldingRow[]> {
  const params = {
    at: formatMicros(at),
    ...Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined)),
  };
  return readAll(context, holdingsSql(filter), params, holdingRow, { timeLimit: 30 });
}

/** What rows say, in their order; those that turn out not to be what the filter asks for are left out. */
export async function describeHoldings(
  context: QueryContext,
  rows: readonly HoldingRow[],
  filter: EntitlementFilter,
): Promise<Holding[]> {
  const [names, grants] = await Promise.all([
    nameObjects(
      context,
      rows.flatMap((row) => [row.whose, row.named]),
    ),
    readGrants(
      context,
      rows.map((row) => row.granted_by),
    ),
  ]);
  const called = (id: string): Reference => names.get(id) ?? unnamed(id);
  return rows.flatMap((row) => {
    const grant = grants.get(row.granted_by);
    const value = grant?.values.get(row.attribute);
    const byReference = row.by_reference === 1 || value?.type === 'reference';
    if (byReference ? filter.holder !== undefined && row.by_reference === 0 : filter.entitlement !== undefined)
      return [];
    const withheld = isWithheld(context.sight, row.attribute, value?.marks ?? 0);
    const nobody = { ...unnamed(undefined), name: withheld ? undefined : row.value || undefined };
    return {
      holder: !byReference ? called(row.whose) : row.named === NO_ID ? nobody : called(row.named),
      entitlement: byReference ? called(row.whose) : undefined,
      agent: row.agent,
      entryName: grant?.dn ?? grant?.anchor,
      attribute: row.attribute,
      value: withheld ? '' : row.value,
      ...(withheld && { withheld }),
      since: parseInstant(row.since) ?? 0,
      grantedBy: row.granted_by,
      ...howGranted(grant),
      rule: value?.rule ?? grant?.rule,
    };
  });
}

function howGranted(grant: Grant | undefined) {
  return {
    stage: grant?.stage ?? '',
    outcome: grant?.outcome ?? '',
    initiator: grant?.initiator,
    initiatorKnown: grant?.initiatorKnown ?? 'unknown',
    outOfBand: grant?.outOfBand ?? false,
  };
}
