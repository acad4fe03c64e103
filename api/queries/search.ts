// Search: objects by whatever they were ever called, with typing mistakes forgiven, the best first. It reads what there is to be
// called (the projection `names`), once, and not the log.
import { z } from 'zod';
import { MARKS } from '../../ingest/event.ts';
import { NO_ID, type QueryContext, readOptions } from './context.ts';
import { findObjects, MOST_OBJECTS, type ObjectSummary } from './objects.ts';
import type { Sight } from './sight.ts';

export const RANKS = ['exact', 'prefix', 'part', 'near'] as const;
export type Rank = (typeof RANKS)[number];

export interface Found {
  object: ObjectSummary;
  /** The whole text, its beginning, a part of it, or, where nothing has it so, each word without accents and with a letter or two wrong. */
  rank: Rank;
  /** The name, anchor, DN or value that was found. */
  text: string;
}

/** Attributes whose values tell who somebody is, as the projection has them: of each event the first value that is not sensitive. */
const ATTRIBUTES = ['mail', 'userPrincipalName', 'sAMAccountName', 'uid', 'objectSid', 'employeeID', 'employeeNumber'];
const firstOf = (attribute: string) => {
  const at = `[indexOf(value.attribute, '${attribute}')]`;
  return `if(bitAnd(value.marks${at}, 12) = 0, value.new${at}, '')`;
};
/** As migration 0012 has it. */
const VALUES = `[${ATTRIBUTES.map(firstOf).join(', ')}]`;

/** Lower case, without accents: as it is compared. */
const folded = (text: string) => `replaceRegexpAll(normalizeUTF8NFD(lowerUTF8(${text})), '\\\\p{Mn}', '')`;
const fold = (text: string) =>
  text
    .toLowerCase()
    .normalize('NFD')
    .replaceAll(/\p{Mn}/gu, '');

const namesSql = (match: string) =>
  `SELECT object, object_name, anchor, dn, ${VALUES} AS ids, min(sequence) AS first FROM events
   WHERE object != toUUID('${NO_ID}') AND ${match} GROUP BY object, object_name, anchor, dn, ids HAVING first < {watermark:UInt64}`;

const textsOf = (values: string) => `arrayFilter(t -> t != '', arrayConcat([object_name, anchor, dn], ${values}))`;

/** The best text of each object, and how good it is: 0 the best. Only case does not count here: to fold all texts takes ten times as long. */
function exactSql(values: string): string {
  const place = (text: string) => `positionCaseInsensitiveUTF8(${text}, {typed:String})`;
  return `SELECT object, min(tuple(rank, length(found), found)) AS best FROM
    (
      SELECT object, t AS found, multiIf(lowerUTF8(t) = lowerUTF8({typed:String}), 0, ${place('t')} = 1, 1, 2) AS rank
      FROM (${namesSql(`arrayExists(t -> ${place('t')} > 0, ${textsOf(values)})`)}) ARRAY JOIN ${textsOf(values === VALUES ? 'ids' : values)} AS t
      WHERE ${place('t')} > 0
    )
    GROUP BY object ORDER BY best, object LIMIT {most:UInt32}`;
}

/** Of a DN only what the object itself is called: all of a folder have the rest. */
const calledSql = (values: string) =>
  `arrayFilter(t -> t != '', arrayConcat([object_name, anchor, splitByChar(',', dn)[1]], ${values}))`;
const wordsIn = (text: string) => `splitByNonAlpha(${folded(text)})`;
/** Each word that is looked for, with how many mistakes it may have. */
const WORDS = 'arrayZip({words:Array(String)}, {mistakes:Array(UInt8)})';
/** Each of them is one of these words. The lengths are compared first: that is most of the work saved. */
const areNear = (words: string) =>
  `arrayAll(w -> arrayExists(x -> length(x) + w.2 >= length(w.1) AND length(w.1) + w.2 >= length(x) AND damerauLevenshteinDistance(x, w.1) <= w.2, ${words}), ${WORDS})`;

/** The best text of each object that has all words, and how many mistakes that makes. */
function nearSql(values: string): string {
  const ids = values === VALUES ? 'ids' : values;
  const all = `arrayFlatten(arrayMap(t -> ${wordsIn('t')}, ${calledSql(values)}))`;
  return `SELECT object, min(tuple(distance, length(found), found)) AS best FROM
    (
      SELECT object, t AS found, ${wordsIn('t')} AS words,
             toUInt32(arraySum(w -> arrayMin(x -> damerauLevenshteinDistance(x, w.1), words), ${WORDS})) AS distance
      FROM (${namesSql(areNear(all))}) ARRAY JOIN ${calledSql(ids)} AS t
      WHERE ${areNear(wordsIn('t'))}
    )
    GROUP BY object ORDER BY best, object LIMIT {most:UInt32}`;
}

const bestRow = z.object({ object: z.string(), best: z.tuple([z.number(), z.number(), z.string()]) });

/** So many letters may be wrong, missing, too many or exchanged in a word; with a digit in it, which is easily another's, one. */
function mistakesIn(word: string): number {
  if (word.length <= 2) return 0;
  return word.length <= 5 || /\d/.test(word) ? 1 : 2;
}

/** More words are no name. */
const MOST_WORDS = 20;

/** Who may not see personal values must not find out by searching whose they are. */
function seesValues({ hidden, hiddenAttributes }: Sight): boolean {
  return (hidden & MARKS.personal) === 0 && !ATTRIBUTES.some((name) => hiddenAttributes.has(name));
}

/**
 * The first so many, the best first; deleted objects among them. Mistakes are looked for only where nothing has the text as it was
 * typed: it takes longer, and who typed it right wants nobody else. An empty text finds nothing.
 */
export async function findByText(
  context: QueryContext,
  { search, type }: { search: string; type?: string | undefined },
  first: number,
): Promise<Found[]> {
  const typed = search.trim();
  if (typed === '') return [];
  const most = type === undefined ? Math.min(first, MOST_OBJECTS) : MOST_OBJECTS;
  const values = seesValues(context.sight) ? VALUES : "CAST([], 'Array(String)')";
  const ask = (sql: string, params: Record<string, unknown>) =>
    context.clickhouse.select(sql, { watermark: context.watermark, most, ...params }, bestRow, readOptions(context));
  let rows = await ask(exactSql(values), { typed });
  let rankOf = (rank: number): Rank => RANKS[rank] ?? 'part';
  const words = fold(typed).match(/[a-z0-9]+|[^\x00-\x7f]+/g) ?? [];
  if (rows.length === 0 && words.length > 0 && words.length <= MOST_WORDS) {
    rows = await ask(nearSql(values), { words, mistakes: words.map(mistakesIn) });
    rankOf = () => 'near';
  }
  const summaries = await findObjects(context, { ids: rows.map(({ object }) => object), type }, MOST_OBJECTS);
  const byId = new Map(summaries.map((summary) => [summary.id, summary]));
  return rows
    .flatMap(({ object: id, best: [rank, , text] }) => {
      const object = byId.get(id);
      return object ? [{ object, rank: rankOf(rank), text }] : [];
    })
    .slice(0, first);
}
