// What ClickHouse holds under given keys, found by the numbers of the keys alone: nothing about a person stands in a
// statement, for servers keep the statements that they are sent.
import { z } from 'zod';
import type { ClickHouse } from '../clickhouse/connect.ts';
import { type EventRow, fromRow, rowSchema, SELECTED_COLUMNS } from '../clickhouse/rows.ts';
import { formatMicros, type Micros } from '../clock.ts';
import type { ChangeEvent } from '../event.ts';

/** Seconds for one pass over all events; an erasure is rare. */
const SCAN_SECONDS = 1800;
/** Events read back at once. */
const PAGE_EVENTS = 2000;

export interface Keyed {
  keys: readonly number[];
  /** Only events below this sequence. */
  size: number;
  /** Keys that went while ClickHouse still has what was under them: it is nobody's any more. */
  gone: readonly number[];
}

const IS_KEYED =
  'sequence < {size:UInt64} AND (subject_key IN {keys:Array(UInt64)} OR actor_key IN {keys:Array(UInt64)} OR hasAny(value.key, {keys:Array(UInt64)}))';

/** The texts of a row in the groups whose key is, or is not, among the keys. */
const textsOf = (isTheirs: (key: string) => string) => `arrayConcat(
    if(${isTheirs('subject_key')}, [object_name, anchor, dn], []),
    if(${isTheirs('actor_key')}, [initiator::String, performer::String, address::String], []),
    arrayFlatten(arrayMap((t, k, o, n) -> if(${isTheirs("if(t = 'reference', k, subject_key)")}, [o, n], []),
      value.type, value.key, value.old, value.new)))`;
/**
 * What they are called: not what they have in common with others, such as a department, nor the engine's state as JSON, whose
 * texts are in other events as well, nor what somebody typed into a question about them. Marks: personal 2, sensitive 4.
 */
const THEIR_NAMES = `arrayConcat(
    if(has({keys:Array(UInt64)}, subject_key), [object_name, anchor, dn], []),
    if(has({keys:Array(UInt64)}, actor_key), [initiator::String, performer::String, address::String], []),
    arrayFlatten(arrayMap((t, k, o, n, m) -> if(has({keys:Array(UInt64)}, if(t = 'reference', k, subject_key)) AND (t = 'reference' OR (bitAnd(m, 6) > 0 AND step_kind != 'state' AND stage != 'read')), [o, n], []),
      value.type, value.key, value.old, value.new, value.marks)))`;
const THEIR_TEXTS = textsOf((key) => `has({keys:Array(UInt64)}, ${key})`);
const OTHER_TEXTS = textsOf(
  (key) => `NOT has(arrayConcat({keys:Array(UInt64)}, {gone:Array(UInt64)}), ${key}) AND ${key} != {log_key:UInt64}`,
);
/** Those that others are called or have as values; who names somebody by name does not share the name. */
const OTHER_SUBJECTS_TEXTS = `if(has(arrayConcat({keys:Array(UInt64)}, {gone:Array(UInt64)}), subject_key) OR subject_key = {log_key:UInt64} OR stage = 'read', [],
    arrayConcat([object_name, anchor, dn],
      arrayFlatten(arrayMap((t, o, n) -> if(t = 'reference', [], [o, n]), value.type, value.old, value.new))))`;

const options = { timeLimit: SCAN_SECONDS };
/** Keys are counted from 1. */
const NO_KEY = 0;

/** How many events name one of the keys, by connected system; '' is the metaverse. */
export function countBySystem(clickhouse: ClickHouse, keyed: Keyed): Promise<{ agent: string; events: number }[]> {
  return clickhouse.select(
    `SELECT agent, count() AS events FROM events WHERE ${IS_KEYED} GROUP BY agent ORDER BY agent LIMIT 100000`,
    { ...keyed },
    z.object({ agent: z.string(), events: z.number() }),
    options,
  );
}

/** Every text that stands in the columns of these keys, once; or of them those that a person is called by. */
export async function readTheirTexts(
  clickhouse: ClickHouse,
  keyed: Keyed,
  which: 'all' | 'names' = 'all',
): Promise<Set<string>> {
  const rows = await clickhouse.select(
    `SELECT DISTINCT arrayJoin(${which === 'names' ? THEIR_NAMES : THEIR_TEXTS}) AS text FROM events WHERE ${IS_KEYED}`,
    { ...keyed },
    z.object({ text: z.string() }),
    options,
  );
  return new Set(rows.map(({ text }) => text).filter((text) => text !== ''));
}

/**
 * Of those texts, the ones that stand under somebody else's key as well: the name of a department, a date; of `subjects`
 * only what is said of others, not how they are named by third parties. `logKey` is the key of events about no person;
 * what it covers is nobody's.
 */
export async function readSharedTexts(
  clickhouse: ClickHouse,
  keyed: Keyed,
  logKey: number,
  among: 'subjects' | 'all',
): Promise<Set<string>> {
  const rows = await clickhouse.select(
    `SELECT DISTINCT text FROM
     (
       SELECT arrayJoin(${among === 'all' ? OTHER_TEXTS : OTHER_SUBJECTS_TEXTS}) AS text FROM events WHERE sequence < {size:UInt64}
     )
     WHERE text IN (SELECT arrayJoin(${THEIR_TEXTS}) FROM events WHERE ${IS_KEYED})`,
    { ...keyed, log_key: logKey },
    z.object({ text: z.string() }),
    options,
  );
  return new Set(rows.map(({ text }) => text).filter((text) => text !== ''));
}

/** ClickHouse looks for at most 255 texts in one pass. */
export const MOST_SHORT_NAMES = 250;
/** Texts looked at at once. */
const PAGE_TEXTS = 20_000;

/**
 * The texts under any other key, of the log's own and of no key, that have a short name of theirs within, of three letters
 * and fewer than six bytes; also within a longer word. For at most MOST_SHORT_NAMES of them.
 */
export async function* readTextsWithShortNames(clickhouse: ClickHouse, keyed: Keyed): AsyncIterable<string[]> {
  for (let offset = 0; ; offset += PAGE_TEXTS) {
    const rows = await clickhouse.select(
      `SELECT DISTINCT text FROM
       (
         SELECT arrayJoin(arrayConcat([agent, outcome, error, rule::String], value.attribute, ${OTHER_TEXTS})) AS text
         FROM events WHERE sequence < {size:UInt64}
       )
       WHERE multiSearchAny(text,
       (
         SELECT groupArray(name) FROM
         (
           SELECT DISTINCT arrayJoin(${THEIR_NAMES}) AS name FROM events WHERE ${IS_KEYED}
         )
         WHERE length(name) < 6 AND lengthUTF8(name) >= 3
       ))
       ORDER BY text LIMIT ${PAGE_TEXTS} OFFSET {offset:UInt64}`,
      // No key is the log's: what the log says of itself counts as others'.
      { ...keyed, log_key: NO_KEY, offset },
      z.object({ text: z.string() }),
      options,
    );
    yield rows.map(({ text }) => text);
    if (rows.length < PAGE_TEXTS) return;
  }
}

/** The events under the keys, in order, a page at a time; `empty` makes of a row what an earlier erasure leaves of it. */
export async function* readKeyedEvents(
  clickhouse: ClickHouse,
  keyed: Keyed,
  empty: (row: EventRow) => EventRow,
): AsyncIterable<ChangeEvent[]> {
  const sequences = await clickhouse.select(
    `SELECT sequence FROM events WHERE ${IS_KEYED} ORDER BY sequence`,
    { ...keyed },
    z.object({ sequence: z.number() }),
    options,
  );
  for (let from = 0; from < sequences.length; from += PAGE_EVENTS) {
    const page = sequences.slice(from, from + PAGE_EVENTS).map(({ sequence }) => sequence);
    const rows = await clickhouse.select(
      `SELECT ${SELECTED_COLUMNS} FROM events WHERE sequence IN {page:Array(UInt64)} ORDER BY sequence LIMIT ${PAGE_EVENTS}`,
      { page },
      rowSchema,
      options,
    );
    yield rows.map((row) => fromRow(empty(row)));
  }
}

/** Who the object was before, and who it became later: hired again, a person gets another object. */
export async function readSamePerson(clickhouse: ClickHouse, object: string, size: number): Promise<string[]> {
  const links = await clickhouse.select(
    `SELECT object AS later, value.reference[indexOf(value.attribute, 'predecessor')] AS earlier
     FROM events WHERE stage = 'projection' AND has(value.attribute, 'predecessor') AND sequence < {size:UInt64}`,
    { size },
    z.object({ later: z.string(), earlier: z.string() }),
    options,
  );
  const same = new Set([object]);
  for (let before = 0; before !== same.size; ) {
    before = same.size;
    for (const { later, earlier } of links) {
      if (same.has(later)) same.add(earlier);
      if (same.has(earlier)) same.add(later);
    }
  }
  return [...same];
}

/** Every entry that was ever an object's, and the other objects that it was joined to. */
export async function readEntries(
  clickhouse: ClickHouse,
  objects: readonly string[],
  size: number,
): Promise<{ entry: string; agent: string; others: string[] }[]> {
  return clickhouse.select(
    `SELECT entry, any(events.agent) AS agent,
            groupUniqArrayIf(object, object NOT IN {objects:Array(UUID)}) AS others
     FROM events
     WHERE object != toUUID('00000000-0000-0000-0000-000000000000') AND sequence < {size:UInt64}
       AND entry IN (SELECT entry FROM events WHERE object IN {objects:Array(UUID)} AND sequence < {size:UInt64})
       AND entry != toUUID('00000000-0000-0000-0000-000000000000')
     GROUP BY entry ORDER BY entry`,
    { objects, size },
    z.object({ entry: z.string(), agent: z.string(), others: z.array(z.string()) }),
    options,
  );
}

/** Questions read at once. */
const PAGE_QUESTIONS = 20_000;

/** What was typed into questions, such as the text of a search; `about` is 1 where the question is about one of the objects. */
export async function* readQuestions(
  clickhouse: ClickHouse,
  objects: readonly string[],
  size: number,
): AsyncIterable<{ sequence: number; about: number; texts: string[] }> {
  for (let from = 0; ; ) {
    const page = await clickhouse.select(
      `SELECT sequence, (object IN {objects:Array(UUID)} OR hasAny(value.reference, {objects:Array(UUID)})) AS about,
              arrayFilter((n, m) -> bitAnd(m, 2) > 0 AND n != '', value.new, value.marks) AS texts FROM events
       WHERE stage = 'read' AND sequence >= {from:UInt64} AND sequence < {size:UInt64} ORDER BY sequence LIMIT ${PAGE_QUESTIONS}`,
      { from, objects, size },
      z.object({ sequence: z.number(), about: z.number(), texts: z.array(z.string()) }),
      options,
    );
    yield* page;
    const last = page.at(-1);
    if (!last || page.length < PAGE_QUESTIONS) return;
    from = last.sequence + 1;
  }
}

/** The questions that were asked before an instant. */
export async function readQuestionsBefore(clickhouse: ClickHouse, before: Micros, size: number): Promise<number[]> {
  const rows = await clickhouse.select(
    `SELECT sequence FROM events WHERE stage = 'read' AND recorded_at < {before:DateTime64(6, 'UTC')}
     AND sequence < {size:UInt64} ORDER BY sequence`,
    { before: formatMicros(before), size },
    z.object({ sequence: z.number() }),
    options,
  );
  return rows.map(({ sequence }) => sequence);
}
