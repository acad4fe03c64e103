// Makes ClickHouse agree with the journal about what is erased: one mutation for all that waits, then what the views made
// of those events before. Every step can be done again, and is, after a service that died in the middle of them.
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { questionOf, VIEWS } from '../clickhouse/comparison.ts';
import type { ClickHouse } from '../clickhouse/connect.ts';
import { atEachOwner } from '../clickhouse/owners.ts';
import { LogError } from '../errors.ts';
import type { ErasedEvent } from '../journal/erase-keys.ts';
import { beginWritingThrough } from './old-parts.ts';

/** Rows handed over in one insert: some 300 bytes each. */
const BATCH_ROWS = 20_000;
/** How often ClickHouse is asked whether a mutation is through: one over 10 million events takes some 16 s. */
const POLL_MS = 250;
const ERASED = 'sequence IN (SELECT sequence FROM erased_events)';

/** A step of settling is over: for tests that end the process there. */
export type OnStep = (step: SettleStep) => void;
export type SettleStep = 'handed-over' | 'emptied' | 'removed' | 'derived' | 'compared';

export interface SettleOptions {
  /** Events before it have expired: ClickHouse need not have them. */
  below?: number;
  onStep?: OnStep | undefined;
}

/** Throws LogError when ClickHouse is away or refuses; what was done stays done, and all of it may be done again. */
export async function settleInClickHouse(
  clickhouse: ClickHouse,
  events: readonly ErasedEvent[],
  { below = 0, onStep = () => undefined }: SettleOptions = {},
): Promise<void> {
  const expected = events.filter(({ sequence }) => sequence >= below).length;
  let compared = 0;
  await atEachOwner(clickhouse, async (owner) => {
    await beginWritingThrough(owner);
    await waitForMutations(owner, 'events');
    await handOver(owner, events);
    onStep('handed-over');
    await owner.command(UPDATE);
    await waitForMutations(owner, 'events');
    onStep('emptied');
    for (const { view, target } of VIEWS) {
      await owner.command(`ALTER TABLE ${target} DELETE WHERE ${ERASED}`);
      await waitForMutations(owner, target);
      onStep('removed');
      const made = await questionOf(owner, view, ERASED);
      await owner.command(`INSERT INTO ${target} SELECT * FROM (${made}) SETTINGS insert_deduplicate = 0`);
      onStep('derived');
    }
    compared += await compare(owner, below);
    onStep('compared');
    await owner.command('TRUNCATE TABLE erased_events');
  });
  // Replicas hold an event more than once.
  if (compared < expected)
    throw new LogError('clickhouse-different', `ClickHouse holds ${compared} of ${expected} erased events.`);
}

/** Tells ClickHouse what the next mutation is to empty. */
export async function handOver(clickhouse: ClickHouse, events: readonly ErasedEvent[]): Promise<void> {
  await clickhouse.command('TRUNCATE TABLE erased_events');
  for (let from = 0; from < events.length; from += BATCH_ROWS) {
    const lines = events.slice(from, from + BATCH_ROWS).map(({ sequence, object, actor, values, references }) => {
      const refs = references.some((reference) => reference !== '') ? references.join(',') : '';
      return JSON.stringify({ sequence, object, actor, plain: values, refs });
    });
    await clickhouse.insert(
      'INSERT INTO erased_events (sequence, object, actor, plain, refs) SETTINGS insert_deduplicate = 0, async_insert = 0 FORMAT JSONEachRow',
      lines.join('\n'),
    );
  }
}

/**
 * What is handed over for an event, in this column; an empty text where nothing is. Sequence and text come as pairs: of a column
 * that is mostly empty, and kept sparse for that, groupArray tells what is not empty first, whatever the order of the rows.
 */
export const handed = (column: string) => {
  const pairs = `(SELECT groupArray((sequence, ${column})) FROM erased_events)`;
  return `transform(sequence, tupleElement(${pairs}, 1), tupleElement(${pairs}, 2), '')`;
};
export const emptyText = (column: string, by: string) => `${column} = if(${handed(by)} != '', '', ${column})`;
const commitmentColumn = (column: string, by: string) =>
  `${column} = if(${handed(by)} != '', unhex(${handed(by)}), ${column})`;
/** A commitment in hexadecimal, or nothing, for each value. */
const REFS = `if(${handed('refs')} = '', arrayMap(t -> '', value.type), splitByChar(',', ${handed('refs')}))`;
const emptyValues = (column: string, empty: string) =>
  `\`${column}\` = arrayMap((t, v, r) -> if(if(t = 'reference', r, ${handed('plain')}) != '', ${empty}, v), value.type, ${column}, ${REFS})`;

// Only commitments are handed over, never a key: a server keeps the text of its mutations.
const UPDATE = `ALTER TABLE events UPDATE
  ${[
    ...['object_name', 'anchor', 'dn'].map((column) => emptyText(column, 'object')),
    ...['initiator', 'performer', 'address'].map((column) => emptyText(column, 'actor')),
    emptyValues('value.old', "''"),
    emptyValues('value.new', "''"),
    emptyValues('value.reference', "toUUID('00000000-0000-0000-0000-000000000000')"),
    `\`value.commitment\` = arrayMap((c, r) -> if(r != '', unhex(r), c), value.commitment, ${REFS})`,
    commitmentColumn('object_commitment', 'object'),
    commitmentColumn('actor_commitment', 'actor'),
    commitmentColumn('values_commitment', 'plain'),
  ].join(',\n  ')}
  WHERE ${ERASED}
  SETTINGS allow_nondeterministic_mutations = 1`;

const mutationRow = z.object({ failed: z.string() });

/** Mutations go on after the statement is answered, and after a restart. Throws LogError when one fails. */
export async function waitForMutations(clickhouse: ClickHouse, table: string): Promise<void> {
  for (;;) {
    const open = await clickhouse.select(
      `SELECT extract(latest_fail_reason, '\\\\(([A-Z_]+)\\\\)') AS failed FROM system.mutations
       WHERE database = currentDatabase() AND table = {table:String} AND NOT is_done AND NOT is_killed`,
      { table },
      mutationRow,
    );
    if (open.length === 0) return;
    const failed = open.find((mutation) => mutation.failed !== '');
    if (failed)
      throw new LogError('clickhouse-refused', `ClickHouse cannot change what ${table} holds (${failed.failed}).`, {
        retryable: true,
      });
    await sleep(POLL_MS);
  }
}

const comparedRow = z.object({ held: z.number(), different: z.number(), first: z.number() });

/** Each event that is there must have exactly what was handed over. Returns how many are that have not expired. */
async function compare(owner: ClickHouse, below: number): Promise<number> {
  const [row] = await owner.select(
    `SELECT countIf(sequence >= {below:UInt64}) AS held, countIf(is_different) AS different, minIf(sequence, is_different) AS first FROM
     (
       SELECT sequence,
         (object != '' AND (object_commitment != unhex(object) OR object_texts != ''))
         OR (actor != '' AND (actor_commitment != unhex(actor) OR actor_texts != ''))
         OR (plain != '' AND values_commitment != unhex(plain))
         OR (refs != '' AND arrayExists((r, c) -> r != '' AND unhex(r) != c, splitByChar(',', refs), references)) AS is_different
       FROM erased_events INNER JOIN
       (
         SELECT sequence AS held, object_commitment, actor_commitment, values_commitment, value.commitment AS references,
                object_name || anchor || dn AS object_texts, initiator || performer || address AS actor_texts
         FROM events WHERE ${ERASED}
       ) AS held ON erased_events.sequence = held.held
     )`,
    { below },
    comparedRow,
    { timeLimit: 600 },
  );
  if (row && row.different > 0)
    throw new LogError('clickhouse-different', `Event ${row.first} in ClickHouse was not emptied.`);
  return row?.held ?? 0;
}
