// How entitlements were granted: of each granting event only what is told of it, for thousands at once.
import { z } from 'zod';
import { batchesOf, type QueryContext, readAll } from './context.ts';

export interface Grant {
  stage: string;
  outcome: string;
  dn: string | undefined;
  anchor: string | undefined;
  rule: string | undefined;
  initiator: string | undefined;
  initiatorKnown: string;
  outOfBand: boolean;
  /** By attribute. */
  values: ReadonlyMap<string, { type: string; rule: string | undefined; marks: number }>;
}

const grantRow = z.object({
  sequence: z.number(),
  stage: z.string(),
  outcome: z.string(),
  dn: z.string(),
  anchor: z.string(),
  rule: z.string(),
  initiator: z.string(),
  initiator_known: z.string(),
  out_of_band: z.number(),
  attributes: z.array(z.tuple([z.string(), z.string(), z.string(), z.number()])),
});

export async function readGrants(context: QueryContext, sequences: readonly number[]): Promise<Map<number, Grant>> {
  const wanted = [...new Set(sequences)].sort((a, b) => a - b);
  const grants = new Map<number, Grant>();
  for (const sequences of batchesOf(context, wanted)) {
    const rows = await readAll(
      context,
      `SELECT sequence, stage, outcome, dn, anchor, rule, initiator, initiator_known, out_of_band,
              arrayDistinct(arrayZip(value.attribute, value.type, value.rule, value.marks)) AS attributes
       FROM events WHERE sequence IN {sequences:Array(UInt64)} AND sequence < {watermark:UInt64}`,
      { sequences },
      grantRow,
    );
    for (const row of rows) {
      const values = row.attributes.map(
        ([name, type, rule, marks]) => [name, { type, rule: rule || undefined, marks }] as const,
      );
      grants.set(row.sequence, {
        stage: row.stage,
        outcome: row.outcome,
        dn: row.dn || undefined,
        anchor: row.anchor || undefined,
        rule: row.rule || undefined,
        initiator: row.initiator || undefined,
        initiatorKnown: row.initiator_known,
        outOfBand: row.out_of_band === 1,
        values: new Map(values),
      });
    }
  }
  return grants;
}
