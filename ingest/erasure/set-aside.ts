// What a recovery set aside is no part of the log any more: nothing proves it, and the numbers of its keys are those of a log
// that is gone. But it is about people. An erasure finds them there by their ids and by what they are called, here and not
// in a statement, and hands over which columns of which rows are to be emptied: no text, no key.
import { z } from 'zod';
import type { ClickHouse } from '../clickhouse/connect.ts';
import { atEachOwner } from '../clickhouse/owners.ts';
import { type EventRow, rowSchema, SELECTED_COLUMNS } from '../clickhouse/rows.ts';
import { NO_UUID } from '../event.ts';
import { beginWritingThrough } from './old-parts.ts';
import { emptyText, handed, handOver, waitForMutations } from './settle.ts';
import { longEnough, SHORTEST_VALUE, wordMatcher } from './words.ts';

/** Columns of a row that are emptied. */
export const setAsideSchema = z.object({
  /** When it was set aside: there may be several rows of a sequence. */
  at: z.string(),
  sequence: z.number(),
  object: z.boolean(),
  actor: z.boolean(),
  /** For each value of the row. */
  values: z.array(z.boolean()),
});
export type SetAsideRow = z.infer<typeof setAsideSchema>;

/** Who is to be erased. */
export interface Person {
  objects: readonly string[];
  /** Entries that were theirs alone. */
  entries: readonly string[];
  actors: readonly string[];
  /** Texts that are theirs alone, and those of them that they are called by. */
  texts: Iterable<string>;
  names: Iterable<string>;
}

/** Rows looked at at once. */
const PAGE_ROWS = 2000;
const SCAN_SECONDS = 1800;
const setAsideRow = rowSchema.extend({ at: z.string() });

/** The rows that were set aside and are, in some of their columns, about the person. */
export async function findSetAside(clickhouse: ClickHouse, person: Person): Promise<SetAsideRow[]> {
  const match = matcherOf(person);
  const found: SetAsideRow[] = [];
  for (let from = 0; ; ) {
    const rows = await clickhouse.select(
      `SELECT ${SELECTED_COLUMNS}, toString(set_aside_at) AS at FROM events_set_aside
       WHERE sequence >= {from:UInt64} ORDER BY sequence LIMIT {limit:UInt64} WITH TIES`,
      { from, limit: PAGE_ROWS },
      setAsideRow,
      { timeLimit: SCAN_SECONDS },
    );
    for (const row of rows) {
      const theirs = match(row);
      if (theirs.object || theirs.actor || theirs.values.includes(true))
        found.push({ at: row.at, sequence: row.sequence, ...theirs });
    }
    const last = rows.at(-1);
    if (!last) return found;
    from = last.sequence + 1;
  }
}

type Theirs = Pick<SetAsideRow, 'object' | 'actor' | 'values'>;

function matcherOf({ objects, entries, actors, texts, names }: Person): (row: EventRow) => Theirs {
  const whole = new Set([...texts].filter((text) => text.length >= SHORTEST_VALUE));
  const isNamed = wordMatcher(longEnough(names));
  const isTheirs = (text: string | undefined) =>
    text !== undefined && text !== '' && (whole.has(text) || isNamed(text));
  return (row) => {
    const isOfEntry = row.object === NO_UUID && entries.includes(row.entry);
    const object = objects.includes(row.object) || isOfEntry || [row.object_name, row.anchor, row.dn].some(isTheirs);
    const performed = [row.initiator, row.performer, row.address];
    return {
      object,
      actor: actors.some((actor) => performed.includes(actor)) || performed.some(isTheirs),
      values: row['value.type'].map((type, i) => {
        const names = type === 'reference' ? objects.includes(row['value.reference'][i] ?? '') : object;
        return names || isTheirs(row['value.old'][i]) || isTheirs(row['value.new'][i]);
      }),
    };
  };
}

/** A flag for each value of a row that is handed over. */
const FLAGS = `if(${handed('refs')} = '', arrayMap(t -> '', value.type), splitByChar(',', ${handed('refs')}))`;
const emptyFlagged = (column: string, empty: string) =>
  `\`${column}\` = arrayMap((v, f) -> if(f != '', ${empty}, v), ${column}, ${FLAGS})`;
const UPDATE = `ALTER TABLE events_set_aside UPDATE
  ${[
    ...['object_name', 'anchor', 'dn'].map((column) => emptyText(column, 'object')),
    ...['initiator', 'performer', 'address'].map((column) => emptyText(column, 'actor')),
    emptyFlagged('value.old', "''"),
    emptyFlagged('value.new', "''"),
    emptyFlagged('value.reference', "toUUID('00000000-0000-0000-0000-000000000000')"),
  ].join(',\n  ')}
  WHERE set_aside_at = {at:DateTime64(6)} AND sequence IN (SELECT sequence FROM erased_events)
  SETTINGS allow_nondeterministic_mutations = 1`;

/** Empties these columns wherever rows are; may be done again. Throws LogError when ClickHouse is away or refuses. */
export async function emptySetAside(clickhouse: ClickHouse, rows: readonly SetAsideRow[]): Promise<void> {
  const flag = (isTheirs: boolean) => (isTheirs ? 'x' : '');
  await atEachOwner(clickhouse, async (owner) => {
    await beginWritingThrough(owner);
    for (const at of new Set(rows.map((row) => row.at))) {
      const ofThen = rows.filter((row) => row.at === at);
      await waitForMutations(owner, 'events_set_aside');
      await handOver(
        owner,
        ofThen.map(({ sequence, object, actor, values }) => ({
          sequence,
          object: flag(object),
          actor: flag(actor),
          values: '',
          references: values.map(flag),
        })),
      );
      await owner.command(UPDATE, { at });
      await waitForMutations(owner, 'events_set_aside');
      await owner.command('TRUNCATE TABLE erased_events');
    }
  });
}
