// The accounts of people: when each was enabled and disabled, and whose it was. An account is enabled while any of its
// flags marked as an entitlement is true.
import { z } from 'zod';
import { parseInstant } from '../../ingest/clock.ts';
import { NO_ID, type QueryContext, readAll } from './context.ts';
import { entriesLinkedTo, type Link, readLinks } from './links.ts';

export interface EnabledChange {
  enabled: boolean;
  at: number;
  sequence: number;
}

export interface Account {
  agent: string;
  entry: string;
  /** In order; each turns the account on or off. */
  changes: readonly EnabledChange[];
  links: readonly Link[];
}

/** When accounts were enabled and disabled; a report prints it. */
export const ENABLED_SQL = `SELECT entry, agent, attribute, granted, occurred_at, sequence FROM entitlement_changes
       WHERE entry IN (${entriesLinkedTo('{people:Array(UUID)}')})
         AND entitlement = toUUID('${NO_ID}') AND value = 'true' AND agent != '' AND sequence < {watermark:UInt64}
       ORDER BY occurred_at, sequence, ordinal`;

const changeRow = z.object({
  entry: z.string(),
  agent: z.string(),
  attribute: z.string(),
  granted: z.number(),
  occurred_at: z.string(),
  sequence: z.number(),
});
type ChangeRow = z.infer<typeof changeRow>;

/** People asked about in one query. */
const BATCH_PEOPLE = 2000;

/** All accounts that were ever linked to these people, by person. */
export async function findAccounts(context: QueryContext, people: readonly string[]): Promise<Map<string, Account[]>> {
  const [byEntry, links] = await Promise.all([readChanges(context, people), readLinks(context, people)]);
  const accounts = [...byEntry].map(([entry, changes]) => ({
    agent: changes[0]?.agent ?? '',
    entry,
    changes: foldFlags(changes),
    links: links.get(entry) ?? [],
  }));
  const found = new Map<string, Account[]>();
  for (const account of accounts) {
    for (const owner of new Set(account.links.map(({ object }) => object)))
      found.set(owner, [...(found.get(owner) ?? []), account]);
  }
  return found;
}

async function readChanges(context: QueryContext, people: readonly string[]): Promise<Map<string, ChangeRow[]>> {
  const byEntry = new Map<string, ChangeRow[]>();
  for (let from = 0; from < people.length; from += BATCH_PEOPLE) {
    const params = { people: people.slice(from, from + BATCH_PEOPLE) };
    const rows = await readAll(context, ENABLED_SQL, params, changeRow, { timeLimit: 30 });
    // An entry that two batches find has the same changes in both.
    for (const [entry, changes] of Map.groupBy(rows, (row) => row.entry)) byEntry.set(entry, changes);
  }
  return byEntry;
}

/** Several flags of one account as one: it is enabled while any of them is. */
function foldFlags(rows: readonly ChangeRow[]): EnabledChange[] {
  const flags = new Set<string>();
  const changes: EnabledChange[] = [];
  for (const { attribute, granted, occurred_at, sequence } of rows) {
    if (granted === 1) flags.add(attribute);
    else flags.delete(attribute);
    const enabled = flags.size > 0;
    const before = changes.at(-1);
    if (before?.sequence === sequence) changes.pop();
    if ((changes.at(-1)?.enabled ?? false) !== enabled)
      changes.push({ enabled, at: parseInstant(occurred_at) ?? 0, sequence });
  }
  return changes;
}
