// What an erasure would take away, found before anything is done: whose keys, in how many events, of which systems, and
// what of the person remains.
import type { ClickHouse } from '../clickhouse/connect.ts';
import { type EventRow, rowSchema } from '../clickhouse/rows.ts';
import { LogError } from '../errors.ts';
import type { ErasedEvent } from '../journal/erase-keys.ts';
import { eraseUnder } from './commitments.ts';
import { eraseRow } from './erased-row.ts';
import type { ErasureReader, OwnedKey } from './journal-reader.ts';
import {
  countBySystem,
  type Keyed,
  MOST_SHORT_NAMES,
  readEntries,
  readKeyedEvents,
  readQuestions,
  readSamePerson,
  readSharedTexts,
  readTextsWithShortNames,
  readTheirTexts,
} from './keyed-rows.ts';
import { SHORTEST_VALUE, ShortWords, wordMatcher, wordsAmong } from './words.ts';

export interface ErasureRequest {
  /** The id of a metaverse object. */
  object: string;
  /** Names that nothing in the log shows to be theirs: as causes of changes, and in references to nobody known. */
  names?: readonly string[];
}

export interface ErasurePlan {
  /** The object and what it was before and later, when the person was hired again. */
  objects: string[];
  /** The entries that were ever theirs. */
  entries: string[];
  /** Those of them that were never anybody else's. */
  ownEntries: string[];
  /** The keys that go: of objects, of entries before they were joined, of actors, of references by name, of questions. */
  keys: { object: number; entry: number; actor: number; reference: number; read: number };
  keyNumbers: number[];
  /** Names under which they caused changes. */
  actors: string[];
  /** Events with columns to be emptied, and in which connected systems; '' is the metaverse and the engine. */
  events: number;
  systems: { agent: string; events: number }[];
  /** Sentences on what stays. */
  remains: string[];
  /** Everything that stands in the columns to be emptied. Personal: it never leaves the memory of this process. */
  texts: ReadonlySet<string>;
  /** Those of them that they are called by. */
  names: ReadonlySet<string>;
  /** Those of them that stand under others' keys as well. */
  shared: ReadonlySet<string>;
  /** Short names that are words of other texts, such as a first name of several people. */
  common: ReadonlySet<string>;
  /** Only events below this sequence were looked at. */
  size: number;
}

export interface PlanSources {
  clickhouse: ClickHouse;
  reader: ErasureReader;
  /** Accepted and delivered events. */
  size: number;
}

/** Throws LogError erasure-refused when nothing is known of the object, or what is known was erased before. */
export async function planErasure(sources: PlanSources, request: ErasureRequest): Promise<ErasurePlan> {
  const { clickhouse, reader, size } = sources;
  const objects = await readSamePerson(clickhouse, request.object, size);
  const entries = await readEntries(clickhouse, objects, size);
  const taken = entries.filter(({ others }) => others.length === 0);
  const own = [...objects.map((id) => `object:${id}`), ...taken.map(({ entry }) => `entry:${entry}`)].flatMap(
    (owner) => reader.keyOf(owner) ?? [],
  );
  const named = await findKeysByName(sources, own, request.names ?? []);
  const keys = [...own, ...named.keys, ...(await findQuestions(sources, objects, named.names))];
  if (keys.length === 0)
    throw new LogError(
      'erasure-refused',
      `Nothing personal is kept under the object ${request.object}: there is no such object, or it was erased.`,
    );
  const ids = [...objects, ...entries.map(({ entry }) => entry)];
  const content = await readContent(sources, keys, ids);
  const kept = entries.length - taken.length;
  const remains = [
    ...(kept > 0
      ? [`${kept} of their entries also belonged to somebody else; what these held while nobody's stays.`]
      : []),
    ...(content.shared.size > 0
      ? [`${content.shared.size} of ${content.texts.size} texts stand in events about others as well, and stay there.`]
      : []),
  ];
  return {
    objects,
    entries: entries.map(({ entry }) => entry),
    ownEntries: taken.map(({ entry }) => entry),
    ...describeKeys(keys),
    ...content,
    remains,
    size,
  };
}

function describeKeys(keys: readonly OwnedKey[]): Pick<ErasurePlan, 'keys' | 'keyNumbers' | 'actors'> {
  const count = (kind: string) => keys.filter(({ owner }) => owner.startsWith(`${kind}:`)).length;
  return {
    keys: {
      object: count('object'),
      entry: count('entry'),
      actor: count('actor'),
      reference: count('reference'),
      read: count('read'),
    },
    keyNumbers: keys.map(({ number }) => number),
    actors: keys.flatMap(({ owner }) => (owner.startsWith(ACTOR) ? [owner.slice(ACTOR.length)] : [])),
  };
}

async function readContent(
  { clickhouse, reader, size }: PlanSources,
  keys: readonly OwnedKey[],
  ids: readonly string[],
): Promise<Pick<ErasurePlan, 'texts' | 'names' | 'shared' | 'common' | 'events' | 'systems'>> {
  const keyed = { keys: keys.map(({ number }) => number), size, gone: reader.goneKeys() };
  const texts = await readTheirTexts(clickhouse, keyed);
  const names = await readTheirTexts(clickhouse, keyed, 'names');
  const shared = await readSharedTexts(clickhouse, keyed, logKeyOf(reader), 'all');
  const systems = await countBySystem(clickhouse, keyed);
  // Ids stay: they are the log's own, and name nobody.
  for (const id of ids) for (const set of [texts, names, shared]) set.delete(id);
  const common = await findCommon(clickhouse, keyed, wordsAmong(names));
  return { texts, names, shared, common, systems, events: systems.reduce((sum, { events }) => sum + events, 0) };
}

/** Of these short names, those that stand as words in what the log says of others, and of itself. */
async function findCommon(clickhouse: ClickHouse, keyed: Keyed, names: readonly string[]): Promise<Set<string>> {
  const left = new Map(names.map((name) => [name, new ShortWords([name])]));
  if (names.length === 0) return new Set();
  if (names.length > MOST_SHORT_NAMES) return new Set(names);
  for await (const texts of readTextsWithShortNames(clickhouse, keyed))
    for (const text of texts) for (const [name, words] of left) if (words.isInValue(text)) left.delete(name);
  return new Set(names.filter((name) => !left.has(name)));
}

function logKeyOf(reader: ErasureReader): number {
  return reader.keyOf('log')?.number ?? 0;
}

const ACTOR = 'actor:';
const REFERENCE = 'reference:';

/** Keys of actors and of references to nobody known that are called by a name which is theirs alone; and those names. */
async function findKeysByName(
  { clickhouse, reader, size }: PlanSources,
  own: readonly OwnedKey[],
  given: readonly string[],
): Promise<{ keys: OwnedKey[]; names: string[] }> {
  const identity = { keys: own.map(({ number }) => number), size, gone: reader.goneKeys() };
  const shared = await readSharedTexts(clickhouse, identity, logKeyOf(reader), 'subjects');
  const texts = without(await readTheirTexts(clickhouse, identity), shared);
  const isTheirs = (text: string) => texts.has(text) || given.includes(text);
  const found: OwnedKey[] = [];
  for (const key of reader.keysBeginning(ACTOR))
    if (accountNames(key.owner.slice(ACTOR.length)).some(isTheirs)) found.push(key);
  for (const key of reader.keysBeginning(REFERENCE)) {
    const [, text] = JSON.parse(key.owner.slice(REFERENCE.length)) as [string, string];
    if (accountNames(text).some(isTheirs)) found.push(key);
  }
  const names = without(await readTheirTexts(clickhouse, identity, 'names'), shared);
  return { keys: found, names: [...names, ...given] };
}

/** Keys of questions that are about the objects, or have one of the names in what was typed into them. */
async function findQuestions(
  { clickhouse, reader, size }: PlanSources,
  objects: readonly string[],
  names: readonly string[],
): Promise<OwnedKey[]> {
  const isNamed = wordMatcher(names.filter((name) => name.length >= SHORTEST_VALUE));
  const found: OwnedKey[] = [];
  for await (const { sequence, about, texts } of readQuestions(clickhouse, objects, size)) {
    const key = about > 0 || texts.some(isNamed) ? reader.keyOf(`read:${sequence}`) : undefined;
    if (key) found.push(key);
  }
  return found;
}

function without(texts: ReadonlySet<string>, others: ReadonlySet<string>): Set<string> {
  return new Set([...texts].filter((text) => !others.has(text)));
}

/** EXAMPLE\ann and ann@example.org are the account ann. */
function accountNames(actor: string): string[] {
  const bare = /^[^\\]+\\(.+)$/.exec(actor)?.[1] ?? /^([^@]+)@/.exec(actor)?.[1];
  return bare === undefined ? [actor] : [actor, bare];
}

/** What stands for the columns to be emptied. Throws LogError clickhouse-different: an event is not the accepted one. */
export async function computeErased(
  { clickhouse, reader, size }: PlanSources,
  keyNumbers: readonly number[],
): Promise<ErasedEvent[]> {
  const keys = new Set(keyNumbers);
  const bytes = new Map<number, Uint8Array | undefined>();
  const keyOf = (number: number) => {
    if (!bytes.has(number)) bytes.set(number, reader.bytesOf(number));
    return bytes.get(number);
  };
  const erased: ErasedEvent[] = [];
  const keyed = { keys: keyNumbers, size, gone: [] };
  for await (const events of readKeyedEvents(clickhouse, keyed, emptyUnsettled(reader)))
    for (const event of events) erased.push(eraseUnder(event, keys, keyOf, reader.leafOf(event.sequence, size)));
  return erased;
}

function emptyUnsettled(reader: ErasureReader): (row: EventRow) => EventRow {
  const unsettled = new Map(reader.unsettled().events.map((event) => [event.sequence, event]));
  return (row) => {
    const erased = unsettled.get(row.sequence);
    return erased ? rowSchema.parse(eraseRow(row, erased)) : row;
  };
}
