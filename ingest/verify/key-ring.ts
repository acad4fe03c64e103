// Which keys count, and at which sizes of the log: each signs from a size on, until the next one does.

import { parseVerifierKeys, type VerifierKey } from './signed-note.ts';
import type { LogSource } from './source.ts';

export class KeyRing {
  /** Those that are trusted. */
  readonly keys: readonly VerifierKey[];
  /** The log's own keys as it keeps them itself, trusted or not, oldest first. */
  readonly onRecord: readonly VerifierKey[];
  /** The log's keys of which it is known from where on they sign, from the largest size down. */
  readonly #periods: readonly { text: string; from: number }[];

  /** `trusted`: keys from outside, then no others count. Throws CannotCheckError: a line is no key. */
  constructor(source: LogSource, trusted: { place: string; keys: string } | undefined) {
    const own = parseVerifierKeys(source.publicKeys, `the public keys of ${source.where}`);
    const given = trusted && parseVerifierKeys(trusted.keys, trusted.place);
    const periods = new Map<string, number>();
    // What is known from outside counts for more than what the log says of itself.
    for (const { text, isWitness, from } of [...own, ...(given ?? [])])
      if (!isWitness && from !== undefined) periods.set(text, from);
    this.keys = given ?? own;
    this.onRecord = own.filter(({ isWitness }) => !isWitness);
    this.#periods = [...periods].map(([text, from]) => ({ text, from })).sort((a, b) => b.from - a.from);
  }

  /** Whether it is the key that signs for a log of this size. A key of which nothing is known may sign at every size. */
  isInForce({ text }: VerifierKey, size: number): boolean {
    if (!this.#periods.some((period) => period.text === text)) return true;
    return this.#periods.find(({ from }) => from <= size)?.text === text;
  }

  /** The size from which on another key signs; undefined: none yet. */
  endOf({ text }: VerifierKey): number | undefined {
    const index = this.#periods.findIndex((period) => period.text === text);
    return index > 0 ? this.#periods[index - 1]?.from : undefined;
  }
}
