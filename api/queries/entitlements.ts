// Who held which entitlement at an instant: a fold over the entitlement changes, then how each was granted.
import { z } from 'zod';
import { formatMicros, parseInstant } from '../../ingest/clock.ts';
import { MOST_ROWS, NO_ID, type QueryContext, readOptions, readSequences } from './context.ts';
import { nameObjects, unnamed } from './names.ts';
import type { AccessAsOf, Holding } from './results.ts';

export interface EntitlementFilter {
  /** The group. */
  entitlement?: string | undefined;
  /** The person. */
  holder?: string | undefined;
  /** '' is the metaverse; undefined: every connected system, without the metaverse. */
  agent?: string | undefined;
}

const changeRow = z.object({
  agent: z.string(),
  holder: z.string(),
  entitlement: z.string(),
  attribute: z.string(),
  value: z.string(),
  since: z.string(),
  granted_by: z.number(),
});

/** The question as ClickHouse is asked it; a report prints it. */
export function holdingsSql(filter: EntitlementFilter): string {
  const conditions = ["occurred_at <= {at:DateTime64(6, 'UTC')}", 'sequence < {watermark:UInt64}'];
  conditions.push(filter.agent === undefined ? "agent != ''" : 'agent = {agent:String}');
  if (filter.entitlement !== undefined) conditions.push('entitlement = {entitlement:UUID}');
  if (filter.holder !== undefined) conditions.push('holder = {holder:UUID}');
  return `SELECT agent, holder, entitlement, attribute, value, tupleElement(latest, 2) AS since, tupleElement(latest, 3) AS granted_by FROM
     (
       SELECT agent, holder, entitlement, entry, attribute, value,
              argMax((granted, occurred_at, sequence), (occurred_at, sequence, ordinal)) AS latest
       FROM entitlement_changes WHERE ${conditions.join(' AND ')}
       GROUP BY agent, holder, entitlement, entry, attribute, value
     )
     WHERE tupleElement(latest, 1) = 1 ORDER BY agent, entitlement, holder, attribute, value LIMIT ${MOST_ROWS}`;
}

/** What was held at an instant, by what was known at the watermark. */
export async function findHoldings(context: QueryContext, at: number, filter: EntitlementFilter): Promise<AccessAsOf> {
  const rows = await context.clickhouse.select(
    holdingsSql(filter),
    {
      at: formatMicros(at),
      watermark: context.watermark,
      ...Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined)),
    },
    changeRow,
    readOptions(context, 30),
  );
  return { log: context.log, watermark: context.watermark, at, holdings: await describe(context, rows) };
}

async function describe(context: QueryContext, rows: z.infer<typeof changeRow>[]): Promise<Holding[]> {
  const names = await nameObjects(
    context,
    rows.flatMap((row) => [row.holder, row.entitlement]),
  );
  const events = await readSequences(
    context,
    rows.map((row) => row.granted_by),
  );
  return rows.map((row) => {
    const event = events.get(row.granted_by);
    const rule = event?.values.find(({ attribute }) => attribute === row.attribute)?.rule ?? event?.rule;
    return {
      holder:
        names.get(row.holder) ??
        (row.holder === NO_ID ? { ...unnamed(undefined), name: row.value || undefined } : unnamed(row.holder)),
      entitlement: row.entitlement === NO_ID ? undefined : (names.get(row.entitlement) ?? unnamed(row.entitlement)),
      agent: row.agent,
      entryName: event?.dn ?? event?.anchor,
      attribute: row.attribute,
      value: row.value,
      since: parseInstant(row.since) ?? 0,
      grantedBy: row.granted_by,
      stage: event?.stage ?? '',
      outcome: event?.outcome ?? '',
      rule,
      initiator: event?.initiator,
      initiatorKnown: event?.initiatorKnown ?? 'unknown',
      outOfBand: event?.outOfBand ?? false,
    };
  });
}
