// Who somebody is in the log, by what the identity provider calls them.
import { z } from 'zod';
import type { Questioned } from '../../ingest/erasure/emptied-first.ts';
import { isOf, STAGE } from './context.ts';

const personRow = z.object({ object: z.string(), is: z.number() });

/** Of this number of candidates nobody is told from another. */
const MOST_CANDIDATES = 1000;

/** The objects whose attribute in the metaverse is this text by all events below the watermark. */
export async function findByAttribute(
  clickhouse: Questioned,
  { attribute, text, watermark }: { attribute: string; text: string; watermark: number },
): Promise<string[]> {
  const isFlow = `${STAGE} IN ('import-flow', 'recall', 'deletion') AND outcome != 'skipped-not-precedent'`;
  const candidates = `(SELECT object FROM events WHERE has(arrayConcat(value.new, value.old), {text:String}) AND ${isFlow}
    AND arrayExists((a, n) -> a = {attribute:String} AND n = {text:String}, value.attribute, value.new)
    AND sequence < {watermark:UInt64})`;
  const rows = await clickhouse.select(
    `SELECT object, argMax(value.new[indexOf(value.attribute, {attribute:String})] = {text:String} AND operation != 'delete', (occurred_at, sequence)) AS is
     FROM events WHERE ${isOf('object', candidates)} AND ${isFlow}
       AND (has(value.attribute, {attribute:String}) OR operation = 'delete') AND sequence < {watermark:UInt64}
     GROUP BY object HAVING is LIMIT ${MOST_CANDIDATES}`,
    { attribute, text, watermark },
    personRow,
  );
  return rows.map(({ object }) => object);
}
