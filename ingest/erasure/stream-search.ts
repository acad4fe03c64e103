// Looks through the content of a file, a piece after the other: its bytes, and where it is text its lines as well, with
// what LDIF and mail do to long lines undone.
import { isUtf8 } from 'node:buffer';
import type { Needles } from './needles.ts';
import { PackedWatch } from './packed.ts';
import type { ShortWords } from './words.ts';

/** Lines are looked at together until they are so long; what is longer is none, and cut where a word ends. */
const LONGEST_LINE = 16 * 1024 * 1024;
/** So much of what was looked at is looked at with the next lines again: a line that is folded may go on there. */
const OVERLAP_CHARACTERS = 1024;

export interface SoughtInFiles {
  needles: Needles;
  words: ShortWords;
}

export class StreamSearch {
  readonly #sought: SoughtInFiles;
  readonly #withWords: boolean;
  readonly #watch = new PackedWatch();
  #isFirst = true;
  #tail: Buffer = Buffer.alloc(0);
  #decoder: TextDecoder | undefined;
  #lines = '';

  /** `withWords`: what is text is looked at as text. */
  constructor(sought: SoughtInFiles, withWords: boolean) {
    this.#sought = sought;
    this.#withWords = withWords;
  }

  /** The format of something packed in it, which this cannot look into. */
  get packed(): string | undefined {
    return this.#watch.format;
  }

  /** Whether something is in it, up to the end of this piece; it may be found with the next one only. */
  isIn(piece: Buffer, isLast: boolean): boolean {
    this.#watch.push(piece);
    const hay = this.#tail.length === 0 ? piece : Buffer.concat([this.#tail, piece]);
    const { needles } = this.#sought;
    const found = needles.isIn(hay, { isFirst: this.#isFirst, isLast }) || this.#isInText(piece, isLast);
    this.#tail = Buffer.from(hay.subarray(Math.max(0, hay.length - needles.overlap)));
    this.#isFirst &&= hay.length <= needles.overlap;
    return found;
  }

  #isInText(piece: Buffer, isLast: boolean): boolean {
    if (!this.#withWords) return false;
    const encoding = this.#decoder?.encoding ?? encodingOf(piece);
    if (!encoding.startsWith('utf-16') && piece.includes(0)) {
      // No text, or none any more.
      this.#decoder = undefined;
      return this.#isInLines('', true);
    }
    this.#decoder ??= new TextDecoder(encoding);
    return this.#isInLines(this.#decoder.decode(piece, { stream: !isLast }), isLast);
  }

  #isInLines(text: string, isLast: boolean): boolean {
    const lines = this.#lines + text;
    const cut = isLast ? lines.length : endOfLines(lines);
    this.#lines = lines.slice(cut === lines.length && isLast ? cut : beginOfOverlap(lines, cut));
    return cut > 0 && this.#isInReadings(lines.slice(0, cut));
  }

  #isInReadings(lines: string): boolean {
    const { needles, words } = this.#sought;
    const unfolded = decodeLdif(lines.replaceAll(/\r?\n /g, ''));
    const joined = lines.replaceAll(/\r?\n[ \t]?/g, '');
    return (
      words.isInLines(lines) ||
      (unfolded !== lines && (words.isInLines(unfolded) || needles.isIn(Buffer.from(unfolded)))) ||
      (joined !== lines && needles.isIn(Buffer.from(joined))) ||
      // Of UTF-16 the bytes were looked at as they are, without what is escaped in it.
      needles.isIn(Buffer.from(lines))
    );
  }
}

/** One past the last whole line; of lines that do not end, past a word. */
function endOfLines(lines: string): number {
  const end = lines.lastIndexOf('\n') + 1;
  if (end > 0 || lines.length < LONGEST_LINE) return end;
  const word = /[^\p{L}\p{N}_][\p{L}\p{N}_]*$/u.exec(lines.slice(-OVERLAP_CHARACTERS));
  return lines.length - (word ? word[0].length : 0);
}

/** A line, or a word, begins there. */
function beginOfOverlap(lines: string, cut: number): number {
  const from = Math.max(0, cut - OVERLAP_CHARACTERS);
  if (from === 0 || cut === 0) return 0;
  const line = lines.lastIndexOf('\n', from) + 1;
  if (line > 0 && cut - line < 64 * OVERLAP_CHARACTERS) return line;
  const word = /[^\p{L}\p{N}_]/u.exec(lines.slice(from, cut));
  return word ? from + word.index : cut;
}

/** `cn:: QW5uYWJlbA==` as it is meant. */
function decodeLdif(lines: string): string {
  return lines.replaceAll(/^([^\s:]+):: *([A-Za-z0-9+/]+=*)\r?$/gm, (_, name: string, encoded: string) => {
    return `${name}: ${Buffer.from(encoded, 'base64').toString()}`;
  });
}

/** By its mark, or by where the zeros are that go with ASCII in UTF-16. Text that is not UTF-8 is taken to be Western European. */
function encodingOf(piece: Buffer): string {
  if (piece[0] === 0xff && piece[1] === 0xfe) return 'utf-16le';
  if (piece[0] === 0xfe && piece[1] === 0xff) return 'utf-16be';
  const head = piece.subarray(0, 1024);
  const zeros = (parity: number) => head.filter((byte, i) => byte === 0 && i % 2 === parity).length;
  if (zeros(1) > head.length / 4 && zeros(0) === 0) return 'utf-16le';
  if (zeros(0) > head.length / 4 && zeros(1) === 0) return 'utf-16be';
  return isUtf8(withoutCutLetter(piece)) ? 'utf-8' : 'windows-1252';
}

/** A letter of several bytes at the end may go on in the next piece. */
function withoutCutLetter(piece: Buffer): Buffer {
  for (let back = 1; back <= Math.min(3, piece.length); back++)
    if (((piece[piece.length - back] ?? 0) & 0xc0) === 0xc0) return piece.subarray(0, piece.length - back);
  return piece;
}
