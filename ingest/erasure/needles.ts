// Finds many short byte strings in bytes, in one pass: a bitmap of the first three bytes of each needle rules out nearly
// every place.

/** Shorter texts are found by chance in compressed data, and in numbers. */
export const SHORTEST_BYTES = 6;
const PREFIX_BYTES = 3;

export class Needles {
  /** The length of the longest one: what is read in pieces has to overlap by so much. */
  readonly longest: number;
  readonly #bitmap = new Uint8Array(2 ** 21);
  readonly #byPrefix = new Map<number, { bytes: Buffer; isText: boolean }[]>();

  /** `texts` are found as whole words, also where JSON escapes them; `bytes` anywhere. All have at least six bytes. */
  constructor(texts: Iterable<string>, bytes: Iterable<Uint8Array>) {
    const needles = [
      ...[...texts].flatMap(escapedForms).map((text) => ({ bytes: Buffer.from(text), isText: true })),
      ...[...bytes].map((key) => ({ bytes: Buffer.from(key), isText: false })),
    ];
    let longest = 0;
    for (const needle of needles) {
      longest = Math.max(longest, needle.bytes.length);
      const prefix = needle.bytes.readUIntBE(0, PREFIX_BYTES);
      this.#bitmap[prefix >> 3] = (this.#bitmap[prefix >> 3] ?? 0) | (1 << (prefix & 7));
      this.#byPrefix.set(prefix, [...(this.#byPrefix.get(prefix) ?? []), needle]);
    }
    this.longest = longest;
  }

  isIn(hay: Uint8Array): boolean {
    const bitmap = this.#bitmap;
    let prefix = ((hay[0] ?? 0) << 8) | (hay[1] ?? 0);
    for (let end = 2; end < hay.length; end++) {
      prefix = ((prefix << 8) | (hay[end] ?? 0)) & 0xffffff;
      if (((bitmap[prefix >> 3] ?? 0) & (1 << (prefix & 7))) !== 0 && this.#isAt(hay, end - 2, prefix)) return true;
    }
    return false;
  }

  #isAt(hay: Uint8Array, at: number, prefix: number): boolean {
    return (this.#byPrefix.get(prefix) ?? []).some(({ bytes, isText }) => {
      const end = at + bytes.length;
      if (end > hay.length || bytes.compare(hay, at, end) !== 0) return false;
      return !isText || (!isOfWord(hay[at - 1]) && !isOfWord(hay[end]));
    });
  }
}

/** A text as it is, within JSON, and within JSON within JSON. */
function escapedForms(text: string): string[] {
  const once = JSON.stringify(text).slice(1, -1);
  const twice = JSON.stringify(once).slice(1, -1);
  return [...new Set([text, once, twice])];
}

/** An ASCII letter or digit: 1001 is not in 21001. */
function isOfWord(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
}
