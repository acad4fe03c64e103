// Looks for what was erased: in every text column of every table, projection and text index of ClickHouse, and in the
// bytes of files. Says where something was found, never what.
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { ClickHouse } from '../clickhouse/connect.ts';
import { LogError } from '../errors.ts';
import { SHORTEST_BYTES } from './needles.ts';

/** Whole values shorter than this are not looked for: nobody is known by them. */
export const SHORTEST_VALUE = 3;
const SEARCH_SECONDS = 1800;
const PROCESS = fileURLToPath(new URL('./search-process.ts', import.meta.url));

export interface SoughtContent {
  /** Looked for as whole values. */
  values: readonly string[];
  /** Looked for within values and files as well: what a person is called. */
  names: readonly string[];
  keys: readonly Uint8Array[];
}

/** Of these texts, those that can be looked for within others. */
export function longEnough(names: Iterable<string>): string[] {
  return [...names].filter((name) => Buffer.byteLength(name) >= SHORTEST_BYTES);
}

export interface FileSearch {
  /** Those that were read to their end. */
  files: number;
  bytes: number;
  found: string[];
}

/** How many files that could not be searched are named. */
const MOST_NAMED = 5;

/**
 * Every regular file below these folders, or that they are. Throws LogError certificate-refused, with their names, when some
 * could not be read to their end.
 */
export async function searchFiles(places: readonly string[], { names, keys }: SoughtContent): Promise<FileSearch> {
  const child = spawn(process.execPath, [PROCESS], { stdio: ['pipe', 'pipe', 'ignore'] });
  const answer = text(child.stdout);
  const ended = new Promise<number | null>((resolve, reject) => child.once('close', resolve).once('error', reject));
  const bytes = keys.map((key) => Buffer.from(key).toString('hex'));
  child.stdin.end(JSON.stringify({ places, texts: longEnough(names), bytes }));
  if ((await ended) !== 0)
    throw new LogError('certificate-refused', `Not every file below ${places.join(', ')} could be searched.`);
  const { unread, ...search } = answerSchema.parse(JSON.parse(await answer));
  if (unread.length === 0) return search;
  const named = unread.slice(0, MOST_NAMED).join(', ');
  const others = unread.length > MOST_NAMED ? ` and ${unread.length - MOST_NAMED} more` : '';
  throw new LogError('certificate-refused', `What could not be searched to its end: ${named}${others}.`);
}

const answerSchema = z.object({
  files: z.number(),
  bytes: z.number(),
  found: z.array(z.string()),
  unread: z.array(z.string()),
});

interface Place {
  /** For people: a table, projection or index. */
  name: string;
  from: string;
  columns: Column[];
}

/** A column of texts, or of arrays of texts. */
interface Column {
  name: string;
  isArray: boolean;
}

// What is looked for goes into a table in memory: neither statements nor addresses, which are logged, have it in them.
const SOUGHT = 'erasure_search';
/** ClickHouse looks for at most 255 texts in one pass. */
const NAMES_AT_ONCE = 250;
/** Texts that have a name in them somewhere, not always as a whole word: so many are looked at. */
const MOST_CANDIDATES = 100_000;

/** The places where something was found, such as `events.value.new`. Throws LogError. */
export async function searchClickHouse(clickhouse: ClickHouse, { values, names }: SoughtContent): Promise<string[]> {
  const long = longEnough(names);
  const lines = [
    ...values.map((value) => ({ text: value, pass: 0 })),
    ...long.map((name, index) => ({ text: name, pass: 1 + Math.floor(index / NAMES_AT_ONCE) })),
  ];
  if (lines.length === 0) return [];
  const passes = Math.ceil(long.length / NAMES_AT_ONCE);
  await clickhouse.command(`CREATE TABLE IF NOT EXISTS ${SOUGHT} (text String, pass UInt32) ENGINE = Memory`);
  try {
    await clickhouse.command(`TRUNCATE TABLE ${SOUGHT}`);
    await clickhouse.insert(
      `INSERT INTO ${SOUGHT} (text, pass) FORMAT JSONEachRow`,
      lines.map((line) => JSON.stringify(line)).join('\n'),
    );
    const isNamed = wordMatcher(long);
    const found: string[] = [];
    for (const place of await listPlaces(clickhouse))
      for (const column of place.columns)
        if (await isInColumn(clickhouse, place, column, passes, isNamed)) found.push(`${place.name}.${column.name}`);
    return found;
  } finally {
    await clickhouse.command(`DROP TABLE IF EXISTS ${SOUGHT} SYNC`);
  }
}

async function isInColumn(
  clickhouse: ClickHouse,
  { from }: Place,
  { name, isArray }: Column,
  passes: number,
  isNamed: (text: string) => boolean,
): Promise<boolean> {
  const texts = `(SELECT DISTINCT ${isArray ? `arrayJoin(\`${name}\`)` : `\`${name}\``}::String AS text FROM ${from})`;
  const options = { timeLimit: SEARCH_SECONDS };
  const [whole] = await clickhouse.select(
    `SELECT count() AS count FROM ${texts} WHERE text IN (SELECT text FROM ${SOUGHT} WHERE pass = 0)`,
    {},
    z.object({ count: z.number() }),
    options,
  );
  if (whole && whole.count > 0) return true;
  for (let pass = 1; pass <= passes; pass++) {
    const candidates = await clickhouse.select(
      `SELECT text FROM ${texts} WHERE multiSearchAny(text, (SELECT groupArray(text) FROM ${SOUGHT} WHERE pass = {pass:UInt32}))
       LIMIT ${MOST_CANDIDATES}`,
      { pass },
      z.object({ text: z.string() }),
      options,
    );
    if (candidates.length === MOST_CANDIDATES || candidates.some(({ text }) => isNamed(text))) return true;
  }
  return false;
}

/** Whether one of the names is in a text as a whole word: Ann is not in Annabel, and 1001 not in 21001. */
export function wordMatcher(names: readonly string[]): (text: string) => boolean {
  const patterns = names.map(
    (name) =>
      new RegExp(`(?<![\\p{L}\\p{N}])${name.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&')}(?![\\p{L}\\p{N}])`, 'u'),
  );
  return (text) => patterns.some((pattern) => pattern.test(text));
}

async function listPlaces(clickhouse: ClickHouse): Promise<Place[]> {
  const columns = await clickhouse.select(
    `SELECT table, name, startsWith(type, 'Array') AS is_array FROM system.columns
     WHERE database = currentDatabase() AND position(type, 'String') > 0
       AND table IN (SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree')
     ORDER BY table, position`,
    {},
    z.object({ table: z.string(), name: z.string(), is_array: z.number() }),
  );
  const asColumn = ({ name, is_array }: { name: string; is_array: number }) => ({ name, isArray: is_array === 1 });
  const tables = [...new Set(columns.map(({ table }) => table))].map((table) => ({
    name: table,
    from: table,
    columns: columns.filter((column) => column.table === table).map(asColumn),
  }));
  const projections = await clickhouse.select(
    'SELECT table, name, sorting_key FROM system.projections WHERE database = currentDatabase()',
    {},
    z.object({ table: z.string(), name: z.string(), sorting_key: z.array(z.string()) }),
  );
  const indexes = await clickhouse.select(
    "SELECT table, name FROM system.data_skipping_indices WHERE database = currentDatabase() AND type = 'text'",
    {},
    z.object({ table: z.string(), name: z.string() }),
  );
  return [
    ...tables,
    ...projections.flatMap(({ table, name, sorting_key }) => {
      const texts = columns.filter((column) => column.table === table && sorting_key.includes(column.name));
      const from = `mergeTreeProjection(currentDatabase(), ${table}, ${name})`;
      return texts.length === 0 ? [] : [{ name: `${table} (${name})`, from, columns: texts.map(asColumn) }];
    }),
    ...indexes.map(({ table, name }) => ({
      name: `${table} (${name})`,
      from: `mergeTreeTextIndex(currentDatabase(), ${table}, ${name})`,
      columns: [{ name: 'token', isArray: false }],
    })),
  ];
}
