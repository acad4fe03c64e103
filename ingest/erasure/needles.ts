// Finds many short byte strings in bytes, in one pass: a bitmap of the first three bytes of each needle rules out nearly
// every place. A text is looked for in every form of `formsOf`, a key as bytes, hexadecimal digits and base64.

/** Shorter texts are found by chance in compressed data, and in numbers. */
export const SHORTEST_BYTES = 6;
const PREFIX_BYTES = 3;
/** What stands so near to a needle decides whether it is a whole word; a quartet of base64 before it and one after it. */
const MARGIN_BYTES = 16;

interface Needle {
  bytes: Buffer;
  /** Whether these bytes of a hay are the whole of what they may be the middle of. */
  isWhole: (hay: Uint8Array, at: number, end: number) => boolean;
}

/** Of a stream that is looked at in pieces: whether something stands before the piece, and after it. */
export interface PieceOf {
  isFirst: boolean;
  isLast: boolean;
}

export class Needles {
  /** Of each piece so many bytes have to stand at the beginning of the next one as well. */
  readonly overlap: number;
  readonly #bitmap = new Uint8Array(2 ** 21);
  readonly #byPrefix = new Map<number, Needle[]>();

  /** `texts` are found as whole words, `keys` anywhere. All have at least six bytes. */
  constructor(texts: Iterable<string>, keys: Iterable<Uint8Array>) {
    const needles = [...[...texts].flatMap(needlesOfText), ...[...keys].flatMap(needlesOfKey)];
    let longest = 0;
    for (const needle of needles) {
      longest = Math.max(longest, needle.bytes.length);
      const prefix = needle.bytes.readUIntBE(0, PREFIX_BYTES);
      this.#bitmap[prefix >> 3] = (this.#bitmap[prefix >> 3] ?? 0) | (1 << (prefix & 7));
      this.#byPrefix.set(prefix, [...(this.#byPrefix.get(prefix) ?? []), needle]);
    }
    this.overlap = longest + 2 * MARGIN_BYTES;
  }

  /** Near the edges of a piece nothing is found: it is further inside the piece before or the next one. */
  isIn(hay: Uint8Array, { isFirst, isLast }: PieceOf = { isFirst: true, isLast: true }): boolean {
    const bitmap = this.#bitmap;
    const first = isFirst ? 0 : MARGIN_BYTES;
    const last = isLast ? hay.length : hay.length - MARGIN_BYTES;
    let prefix = ((hay[first] ?? 0) << 8) | (hay[first + 1] ?? 0);
    for (let end = first + 2; end < last; end++) {
      prefix = ((prefix << 8) | (hay[end] ?? 0)) & 0xffffff;
      if (((bitmap[prefix >> 3] ?? 0) & (1 << (prefix & 7))) !== 0 && this.#isAt(hay, end - 2, last, prefix))
        return true;
    }
    return false;
  }

  #isAt(hay: Uint8Array, at: number, last: number, prefix: number): boolean {
    return (this.#byPrefix.get(prefix) ?? []).some(({ bytes, isWhole }) => {
      const end = at + bytes.length;
      return end <= last && bytes.compare(hay, at, end) === 0 && isWhole(hay, at, end);
    });
  }
}

/** A text as programs write it: in both ways to compose an accented letter, and each of them within JSON, and JSON within JSON. */
export function formsOf(text: string): string[] {
  const composed = [text, text.normalize('NFC'), text.normalize('NFD')];
  return unique(
    composed.flatMap((form) => {
      const once = JSON.stringify(form).slice(1, -1);
      const ascii = [escapeAscii(once, (digits) => digits), escapeAscii(once, (digits) => digits.toUpperCase())];
      return [form, ...[once, ...ascii].flatMap((escaped) => [escaped, JSON.stringify(escaped).slice(1, -1)])];
    }),
  );
}

function escapeAscii(text: string, write: (digits: string) => string): string {
  return [...Array(text.length).keys()]
    .map((i) => {
      const code = text.charCodeAt(i);
      return code < 0x80 ? text.charAt(i) : `\\u${write(code.toString(16).padStart(4, '0'))}`;
    })
    .join('');
}

function needlesOfText(text: string): Needle[] {
  const composed = unique([text, text.normalize('NFC'), text.normalize('NFD')]);
  return [
    ...formsOf(text).map((form) => ({ bytes: Buffer.from(form), isWhole: isWholeText })),
    ...composed.filter(isLatin1).map((form) => ({ bytes: Buffer.from(form, 'latin1'), isWhole: isWholeText })),
    ...composed.flatMap((form) => {
      const little = Buffer.from(form, 'utf16le');
      return [
        { bytes: little, isWhole: isWholeIn(0, 1) },
        { bytes: Buffer.from(little).swap16(), isWhole: isWholeIn(1, 0) },
        ...needlesOfBase64(Buffer.from(form), isWholeText),
      ];
    }),
  ];
}

function needlesOfKey(key: Uint8Array): Needle[] {
  const bytes = Buffer.from(key);
  const hex = bytes.toString('hex');
  return [
    ...[bytes, Buffer.from(hex), Buffer.from(hex.toUpperCase())].map((form) => ({ bytes: form, isWhole: () => true })),
    ...needlesOfBase64(bytes, () => true),
  ];
}

/** Three, as the text may begin at any byte of a quartet's three: what of it does not depend on its neighbours. */
function needlesOfBase64(content: Buffer, isWhole: Needle['isWhole']): Needle[] {
  return [0, 1, 2].flatMap((shift) => {
    const encoded = Buffer.concat([Buffer.alloc(shift), content]).toString('base64');
    const skipped = shift === 0 ? 0 : shift + 1;
    const whole = encoded.slice(skipped, Math.floor(((shift + content.length) * 8) / 6));
    const isThere: Needle['isWhole'] = (hay, at) => isWithinBase64(hay, at - skipped, shift, content, isWhole);
    const forms = unique([whole, whole.replaceAll('+', '-').replaceAll('/', '_')]);
    return forms.map((form) => ({ bytes: Buffer.from(form), isWhole: isThere }));
  });
}

/** Decodes what stands around: `at` is the beginning of the quartet in which the content begins with the byte `shift`. */
function isWithinBase64(
  hay: Uint8Array,
  at: number,
  shift: number,
  content: Buffer,
  isWhole: Needle['isWhole'],
): boolean {
  const before = at >= 4 && hay.subarray(at - 4, at).every(isOfBase64) ? 4 : 0;
  let end = Math.max(at, 0);
  const furthest = at + Math.ceil((shift + content.length + 3) / 3) * 4;
  while (end < furthest && isOfBase64(hay[end])) end++;
  if (at < 0) return false;
  const decoded = Buffer.from(Buffer.from(hay.subarray(at - before, end)).toString('latin1'), 'base64');
  const found = (before / 4) * 3 + shift;
  return (
    decoded.subarray(found, found + content.length).equals(content) && isWhole(decoded, found, found + content.length)
  );
}

function isWholeText(hay: Uint8Array, at: number, end: number): boolean {
  return !isOfWord(hay[at - 1]) && !isOfWord(hay[end]);
}

/** Of two bytes a letter, where the one that says which is at `low` and the other one, zero for ASCII, at `high`. */
function isWholeIn(low: number, high: number): Needle['isWhole'] {
  const isLetter = (hay: Uint8Array, at: number) => hay[at + high] === 0 && isOfWord(hay[at + low]);
  return (hay, at, end) => !isLetter(hay, at - 2) && !isLetter(hay, end);
}

/** An ASCII letter or digit: 1001 is not in 21001. */
function isOfWord(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
}

const BASE64_SIGNS = new Set(Buffer.from('+/-_'));

function isOfBase64(byte: number | undefined): boolean {
  return isOfWord(byte) || (byte !== undefined && BASE64_SIGNS.has(byte));
}

function isLatin1(text: string): boolean {
  return [...text].every((letter) => (letter.codePointAt(0) ?? 0) <= 0xff);
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}
