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
}

export function soughtOf({ texts, names, shared, common }: ErasurePlan, keys: readonly Uint8Array[]): Sought {
  const theirs = [...texts].filter((text) => !shared.has(text));
  const called = [...names].filter((text) => !shared.has(text));
  const values = theirs.filter((text) => text.length >= SHORTEST_VALUE);
  return {
    values,
    names: longEnough(called),
    words: wordsAmong(called).filter((word) => !common.has(word)),
    keys,
    not: {
      shared: shared.size,
      short: theirs.length - values.length,
      unmarked: values.filter((text) => !names.has(text)).length,
      common: common.size,
    },
  };
}

/** What somebody says that a person was called, beside what is known. */
export function withNames(sought: Sought | undefined, given: readonly string[]): Sought | undefined {
  const told = given.map((name) => name.trim()).filter((name) => name !== '');
  if (told.length === 0) return sought;
  const { values, names, words, keys, not } = sought ?? NOTHING;
  const union = (before: readonly string[], more: readonly string[]) => [...new Set([...before, ...more])];
  return {
    values: union(
      values,
      told.filter((name) => name.length >= SHORTEST_VALUE),
    ),
    names: union(names, longEnough(told)),
    words: union(words, wordsAmong(told)),
    keys,
    not: { ...not, short: not.short + told.filter((name) => name.length < SHORTEST_VALUE).length },
  };
}

const NOTHING: Sought = {
  values: [],
  names: [],
  words: [],
  keys: [],
  not: { shared: 0, short: 0, unmarked: 0, common: 0 },
};
