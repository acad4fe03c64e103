// What is looked for before a certificate is issued, and how much of what was a person's is not.
import type { ErasurePlan } from './plan.ts';
import type { SoughtContent } from './search.ts';
import { longEnough, SHORTEST_VALUE, wordsAmong } from './words.ts';

/** How many texts are looked for less than others, or not at all. */
export interface NotSought {
  /** Events about others have them as well: nowhere looked for. */
  shared: number;
  /** Of fewer than three characters: nowhere looked for. */
  short: number;
  /** Not marked personal or sensitive, and nobody's name: not looked for in files, but for SQLite's. */
  unmarked: number;
  /** Short names that are words in texts about others: the same. */
  common: number;
}

/** In memory only, and gone with the process. */
export interface Sought extends SoughtContent {
  not: NotSought;
  /** Those of the values that are not marked, and are nobody's name. */
  unmarked: ReadonlySet<string>;
}

export function soughtOf({ texts, names, shared, common }: ErasurePlan, keys: readonly Uint8Array[]): Sought {
  const theirs = [...texts].filter((text) => !shared.has(text));
  const called = [...names].filter((text) => !shared.has(text));
  const values = theirs.filter((text) => text.length >= SHORTEST_VALUE);
  const unmarked = new Set(values.filter((text) => !names.has(text)));
  return {
    values,
    unmarked,
    names: longEnough(called),
    words: wordsAmong(called).filter((word) => !common.has(word)),
    keys,
    not: {
      shared: shared.size,
      short: theirs.length - values.length,
      unmarked: unmarked.size,
      common: common.size,
    },
  };
}

/** What somebody says that a person was called, beside what is known. */
export function withNames(sought: Sought | undefined, given: readonly string[]): Sought | undefined {
  const told = given.map((name) => name.trim()).filter((name) => name !== '');
  if (told.length === 0) return sought;
  const { values, names, words, keys, not, unmarked } = sought ?? NOTHING;
  const union = (before: readonly string[], more: readonly string[]) => [...new Set([...before, ...more])];
  return {
    values: union(
      values,
      told.filter((name) => name.length >= SHORTEST_VALUE),
    ),
    names: union(names, longEnough(told)),
    words: union(words, wordsAmong(told)),
    keys,
    unmarked: new Set([...unmarked].filter((text) => !told.includes(text))),
    not: { ...not, short: not.short + told.filter((name) => name.length < SHORTEST_VALUE).length },
  };
}

/**
 * Without what stands in events still, and is nobody's name: when everything of an erasure is settled it is somebody else's by
 * now, such as the title of a successor, or a word of the log's own.
 */
export function withoutOthers(sought: Sought, inEvents: ReadonlySet<string>): Sought {
  const isOthers = (text: string) => sought.unmarked.has(text) && inEvents.has(text);
  const values = sought.values.filter((text) => !isOthers(text));
  const others = sought.values.length - values.length;
  const { not, unmarked } = sought;
  return {
    ...sought,
    values,
    unmarked: new Set([...unmarked].filter((text) => !isOthers(text))),
    not: { ...not, shared: not.shared + others, unmarked: not.unmarked - others },
  };
}

const NOTHING: Sought = {
  values: [],
  unmarked: new Set(),
  names: [],
  words: [],
  keys: [],
  not: { shared: 0, short: 0, unmarked: 0, common: 0 },
};
