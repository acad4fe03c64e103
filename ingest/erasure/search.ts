// Looks for what was erased: in every text column of every table, projection and text index of ClickHouse, and in the
// bytes of files. Says where something was found, never what.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { realpathSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { ClickHouse } from '../clickhouse/connect.ts';
import { LogError } from '../errors.ts';
import type { FileSearchResult } from './file-searcher.ts';
import { ShortWords, wordMatcher } from './words.ts';

const SEARCH_SECONDS = 1800;
const PROCESS = fileURLToPath(new URL('./search-process.ts', import.meta.url));

export interface SoughtContent {
  /** Looked for as whole values, in tables and in the journal's file. */
  values: readonly string[];
  /** Looked for within values and in files as well: what a person is called. */
  names: readonly string[];
  /** Names too short for that: looked for as words, in values and in what is text. */
  words: readonly string[];
  keys: readonly Uint8Array[];
}

/** Where to look for files, and by what a copy of the log is known to have the person. */
export interface FilePlaces {
  /** The data folder. */
  data: string;
  /** Others. */
  folders: readonly string[];
  log: string;
  /** The numbers of the keys. */
  keys: readonly number[];
  /** ClickHouse is in the data folder, and its tables are searched. */
  embedded: boolean;
}

const resultSchema: z.ZodType<FileSearchResult> = z.object({
  files: z.number(),
  bytes: z.number(),
  found: z.array(z.string()),
  notSearched: z.array(z.string()),
  backups: z.array(z.object({ folder: z.string(), madeAt: z.number() })),
  parts: z.array(z.string()),
  unread: z.array(z.string()),
});

/** How many files that could not be read are named. */
const MOST_NAMED = 5;

/**
 * Every regular file below these folders, or that they are. Throws LogError certificate-refused, with their names, when some
 * could not be read to their end.
 */
export async function searchFiles(places: FilePlaces, sought: SoughtContent): Promise<FileSearchResult> {
  const { data, folders, log, keys: numbers, embedded } = places;
  const child = spawn(process.execPath, [PROCESS], { stdio: ['pipe', 'pipe', 'ignore'] });
  const answer = text(child.stdout);
  const ended = new Promise<number | null>((resolve, reject) => child.once('close', resolve).once('error', reject));
  const question = {
    ...sought,
    keys: sought.keys.map((key) => Buffer.from(key).toString('hex')),
    places: [data, ...folders],
    store: embedded ? path.join(realpathSync(data), 'clickhouse') : '',
    erased: { log, numbers },
  };
  child.stdin.end(JSON.stringify(question));
  if ((await ended) !== 0)
    throw new LogError('certificate-refused', `Not every file below ${question.places.join(', ')} could be searched.`);
  const result = resultSchema.parse(JSON.parse(await answer));
  const { unread } = result;
  if (unread.length === 0) return result;
  const named = unread.slice(0, MOST_NAMED).join(', ');
  const others = unread.length > MOST_NAMED ? ` and ${unread.length - MOST_NAMED} more` : '';
  throw new LogError('certificate-refused', `What could not be searched to its end: ${named}${others}.`);
}

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

// What is looked for goes into a table in memory: neither statements nor addresses, which are logged, have it in them. Each
// search has one of its own: what another looks for would be found, and its own would not.
const SOUGHT = 'erasure_search';
/** ClickHouse looks for at most 255 texts in one pass. */
const NAMES_AT_ONCE = 250;
/** Texts that have a name in them somewhere, not always as a whole word: so many are looked at at once. */
const PAGE_TEXTS = 100_000;

/** The places where something was found, such as `events.value.new`. Throws LogError. */
export async function searchClickHouse(clickhouse: ClickHouse, sought: Omit<SoughtContent, 'keys'>): Promise<string[]> {
  const { values, words } = sought;
  const names = [...sought.names, ...words];
  const lines = [
    ...values.map((value) => ({ text: value, pass: 0 })),
    ...names.map((name, index) => ({ text: name, pass: 1 + Math.floor(index / NAMES_AT_ONCE) })),
  ];
  if (lines.length === 0) return [];
  const passes = Math.ceil(names.length / NAMES_AT_ONCE);
  return withSought(clickhouse, lines, async (table) => {
    const isNamed = wordMatcher(sought.names);
    const short = new ShortWords(words);
    const isTheirs = (text: string) => isNamed(text) || short.isInValue(text);
    const found: string[] = [];
    for (const place of await listPlaces(clickhouse))
      for (const column of place.columns)
        if (await isInColumn(clickhouse, place, column, { table, passes, isTheirs }))
          found.push(`${place.name}.${column.name}`);
    return found;
  });
}

/** Which of these texts stand in a column of the events, as whole values. Throws LogError. */
export async function findInEvents(clickhouse: ClickHouse, texts: readonly string[]): Promise<Set<string>> {
  const found = new Set<string>();
  if (texts.length === 0) return found;
  const lines = texts.map((text) => ({ text, pass: 0 }));
  return withSought(clickhouse, lines, async (table) => {
    const events = (await listPlaces(clickhouse)).filter(({ name }) => name === 'events');
    for (const { from, columns } of events)
      for (const column of columns) {
        const rows = await clickhouse.select(
          `SELECT text FROM ${textsIn(from, column)} WHERE text IN (SELECT text FROM ${table})`,
          {},
          z.object({ text: z.string() }),
          { timeLimit: SEARCH_SECONDS },
        );
        for (const { text } of rows) found.add(text);
      }
    return found;
  });
}

/** Does the work while the table of what is looked for is there, whose name it is told. */
async function withSought<T>(
  clickhouse: ClickHouse,
  lines: readonly { text: string; pass: number }[],
  work: (table: string) => Promise<T>,
): Promise<T> {
  await dropLeftBehind(clickhouse);
  const table = `${SOUGHT}_${randomUUID().replaceAll('-', '')}`;
  await clickhouse.command(`CREATE TABLE ${table} (text String, pass UInt32) ENGINE = Memory`);
  try {
    await clickhouse.insert(
      `INSERT INTO ${table} (text, pass) FORMAT JSONEachRow`,
      lines.map((line) => JSON.stringify(line)).join('\n'),
    );
    return await work(table);
  } finally {
    await clickhouse.command(`DROP TABLE IF EXISTS ${table} SYNC`);
  }
}

/** A program that was killed while it searched left what it looked for. Nobody else searches here, or is refused then. */
async function dropLeftBehind(clickhouse: ClickHouse): Promise<void> {
  const tables = await clickhouse.select(
    'SELECT name FROM system.tables WHERE database = currentDatabase() AND startsWith(name, {sought:String})',
    { sought: SOUGHT },
    z.object({ name: z.string() }),
  );
  for (const { name } of tables) await clickhouse.command(`DROP TABLE IF EXISTS ${name} SYNC`);
}

/** The texts of a column, each once. */
const textsIn = (from: string, { name, isArray }: Column): string =>
  `(SELECT DISTINCT ${isArray ? `arrayJoin(\`${name}\`)` : `\`${name}\``}::String AS text FROM ${from})`;

interface Search {
  /** Of what is looked for. */
  table: string;
  passes: number;
  isTheirs: (text: string) => boolean;
}

async function isInColumn(
  clickhouse: ClickHouse,
  { from }: Place,
  column: Column,
  { table, passes, isTheirs }: Search,
): Promise<boolean> {
  const texts = textsIn(from, column);
  const options = { timeLimit: SEARCH_SECONDS };
  const [whole] = await clickhouse.select(
    `SELECT count() AS count FROM ${texts} WHERE text IN (SELECT text FROM ${table} WHERE pass = 0)`,
    {},
    z.object({ count: z.number() }),
    options,
  );
  if (whole && whole.count > 0) return true;
  for (let pass = 1; pass <= passes; pass++)
    for (let offset = 0; ; offset += PAGE_TEXTS) {
      const candidates = await clickhouse.select(
        `SELECT text FROM ${texts} WHERE multiSearchAny(text, (SELECT groupArray(text) FROM ${table} WHERE pass = {pass:UInt32}))
         ORDER BY text LIMIT ${PAGE_TEXTS} OFFSET {offset:UInt64}`,
        { pass, offset },
        z.object({ text: z.string() }),
        options,
      );
      if (candidates.some(({ text }) => isTheirs(text))) return true;
      if (candidates.length < PAGE_TEXTS) break;
    }
  return false;
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
      // What a projection groups by may be made of columns, and then has the text of its expression for a name.
      const made = sorting_key
        .filter((key) => key.includes('('))
        .map((key) => ({ name: key, isArray: key.startsWith('array') }));
      const all = [...texts.map(asColumn), ...made];
      return all.length === 0 ? [] : [{ name: `${table} (${name})`, from, columns: all }];
    }),
    ...indexes.map(({ table, name }) => ({
      name: `${table} (${name})`,
      from: `mergeTreeTextIndex(currentDatabase(), ${table}, ${name})`,
      columns: [{ name: 'token', isArray: false }],
    })),
  ];
}
