// Numbers that look random and are the same for the same seed (mulberry32 by Tommy Ettinger, in the public domain).

const STEP = 0x6d2b79f5;
const TWO_TO_32 = 2 ** 32;

export class SeededRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 to below 1. */
  fraction(): number {
    this.#state = (this.#state + STEP) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / TWO_TO_32;
  }

  /** A whole number, both ends included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.fraction() * (most - least + 1));
  }

  happens(probability: number): boolean {
    return this.fraction() < probability;
  }

  /** One of a list that is not empty. Throws Error for an empty one. */
  pick<T>(list: readonly T[]): T {
    const found = list[Math.floor(this.fraction() * list.length)];
    if (found === undefined) throw new Error('There is nothing to pick from.');
    return found;
  }

  /** So many different ones, or all there are. */
  pickSome<T>(list: readonly T[], count: number): T[] {
    const left = [...list];
    const picked: T[] = [];
    while (picked.length < count && left.length > 0) {
      const index = Math.floor(this.fraction() * left.length);
      picked.push(...left.splice(index, 1));
    }
    return picked;
  }

  /** One of a list that is not empty, each as likely as its weight. */
  pickWeighted<T>(list: readonly T[], weightOf: (item: T) => number): T {
    const drawn = this.fraction() * list.reduce((sum, item) => sum + weightOf(item), 0);
    let reached = 0;
    for (const item of list) {
      reached += weightOf(item);
      if (drawn < reached) return item;
    }
    return this.pick(list);
  }
}
