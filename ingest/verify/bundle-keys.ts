// The keys of a bundle, one JSON object a line, in order of number. Forty bytes of memory for each.
import { CannotCheckError } from './cannot-check.ts';
import { HASH_BYTES } from './merkle.ts';

const KEY = /^[0-9a-f]{64}$/;

export class BundleKeys {
  readonly #numbers: Float64Array;
  readonly #keys: Buffer;

  /** Throws CannotCheckError for a line that is no key. */
  constructor(text: string) {
    const lines = text.split('\n');
    if (lines.pop() !== '')
      throw new CannotCheckError('keys.jsonl of the bundle is cut off: its last line has no end.');
    this.#numbers = new Float64Array(lines.length);
    this.#keys = Buffer.alloc(lines.length * HASH_BYTES);
    let before = 0;
    for (const [index, line] of lines.entries()) {
      const { number, key } = parseLine(line, index);
      if (number <= before) throw wrong(index, 'its number is not larger than the one before');
      before = number;
      this.#numbers[index] = number;
      this.#keys.write(key, index * HASH_BYTES, 'hex');
    }
  }

  get(number: number): Uint8Array | undefined {
    let low = 0;
    let high = this.#numbers.length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const found = this.#numbers[middle] ?? 0;
      if (found === number) return this.#keys.subarray(middle * HASH_BYTES, (middle + 1) * HASH_BYTES);
      if (found < number) low = middle + 1;
      else high = middle - 1;
    }
    return undefined;
  }
}

function parseLine(line: string, index: number): { number: number; key: string } {
  let fields: Record<string, unknown> = {};
  try {
    const parsed: unknown = JSON.parse(line);
    if (typeof parsed === 'object' && parsed !== null) fields = { ...parsed };
  } catch {
    throw wrong(index, 'it is no JSON');
  }
  const { number, key } = fields;
  if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 1)
    throw wrong(index, 'its number is none');
  if (typeof key !== 'string' || !KEY.test(key)) throw wrong(index, 'its key is not 32 bytes in hexadecimal digits');
  return { number, key };
}

function wrong(index: number, what: string): CannotCheckError {
  return new CannotCheckError(`Line ${index + 1} of keys.jsonl of the bundle is no key: ${what}.`);
}
