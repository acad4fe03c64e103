// Finds names in texts as whole words: Ann is not in Annabel, and 1001 not in 21001.
import { formsOf, SHORTEST_BYTES } from './needles.ts';

/** Shorter texts are not looked for: nobody is known by them. */
export const SHORTEST_VALUE = 3;

/** Of these names, those that can be looked for within any bytes. */
export function longEnough(names: Iterable<string>): string[] {
  return [...names].filter((name) => Buffer.byteLength(name) >= SHORTEST_BYTES);
}

/** Of these names, those that are looked for in texts alone, as whole words. */
export function wordsAmong(names: Iterable<string>): string[] {
  return [...names].filter((name) => name.length >= SHORTEST_VALUE && Buffer.byteLength(name) < SHORTEST_BYTES);
}

export function wordMatcher(names: readonly string[]): (text: string) => boolean {
  const patterns = names.map((name) => new RegExp(`(?<![\\p{L}\\p{N}])${escapePattern(name)}(?![\\p{L}\\p{N}])`, 'u'));
  return (text) => patterns.some((pattern) => pattern.test(text));
}

/** Short names in texts that may be anything. A number is none where it is a part of a date, of a UUID or of another number. */
export class ShortWords {
  readonly #pattern: RegExp | undefined;
  readonly #wholes: ReadonlySet<string>;

  /** `wholes` are found only as the whole of a value. */
  constructor(words: readonly string[], wholes: Iterable<string> = []) {
    const parts = words.flatMap((word) => formsOf(word).map((form) => patternOf(form)));
    this.#pattern = parts.length > 0 ? new RegExp(parts.join('|'), 'u') : undefined;
    this.#wholes = new Set(wholes);
  }

  isWithin(text: string): boolean {
    return this.#pattern?.test(text) ?? false;
  }

  /** In lines of text, of which each may be JSON: there only strings count, no numbers. */
  isInLines(text: string): boolean {
    return this.isWithin(text) && text.split('\n').some((line) => this.isWithin(line) && this.#isInJson(line, false));
  }

  /** In a value, which may be JSON. */
  isInValue(text: string): boolean {
    return this.#wholes.has(text) || this.#isInJson(text, true);
  }

  /** What is no JSON is a text. */
  #isInJson(text: string, withWholes: boolean): boolean {
    const isTheirs = (part: string): boolean =>
      (withWholes && this.#wholes.has(part)) ||
      (/^\s*[[{]/.test(part) ? this.#isInJson(part, withWholes) : this.isWithin(part));
    const parsed = /^\s*[[{]/.test(text) ? parseJson(text) : undefined;
    return parsed === undefined ? this.isWithin(text) : stringsOf(parsed).some(isTheirs);
  }
}

function patternOf(word: string): string {
  const pattern = escapePattern(word);
  if (/^\d+$/.test(word))
    return `(?<![\\p{L}\\p{N}_]|[\\p{L}\\p{N}]-|\\p{N}[.:/])${pattern}(?![\\p{L}\\p{N}_]|-[\\p{L}\\p{N}]|[.:/]\\p{N})`;
  return `(?<![\\p{L}\\p{N}])${pattern}(?![\\p{L}\\p{N}])`;
}

function escapePattern(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The strings in a value of JSON; names of fields are none. */
function stringsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsOf) : [];
}
