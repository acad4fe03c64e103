// The bytes of a file as they are looked through: as they lie there, and unpacked.
import { closeSync, constants, createReadStream, fstatSync, openSync, readSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { packedFormat } from './packed.ts';
import { type SoughtInFiles, StreamSearch } from './stream-search.ts';

const CHUNK_BYTES = 4 * 1024 * 1024;
const HEAD_BYTES = 1024;
/** What gzip makes of a file is looked at up to so much and so many times its size: rows come to some ten times. */
const UNPACKED_BYTES = 64 * 1024 * 1024;
const UNPACKED_TIMES = 100;

/** What was made of a file; `not`: it could not be looked into, and why. */
export type Outcome = 'found' | 'clean' | { not: string };

/** The kernel's files say that they are empty. Some end, after less than this; others never do. */
const MOST_UNSAID_BYTES = 64 * 1024 * 1024;

/** A file from its beginning to its end. Throws Error when it has none, or cannot be read. */
function* readPieces(file: string): Generator<Buffer> {
  // Without waiting: some of the kernel's files give nothing until something happens.
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    for (let done = 0; ; ) {
      const piece = Buffer.allocUnsafe(CHUNK_BYTES);
      const read = readSync(descriptor, piece, 0, CHUNK_BYTES, null);
      if (read === 0) return;
      done += read;
      // Its length is asked for anew: a log may grow meanwhile.
      if (done > Math.max(fstatSync(descriptor).size, MOST_UNSAID_BYTES)) throw new Error('The file has no end.');
      yield piece.subarray(0, read);
    }
  } finally {
    closeSync(descriptor);
  }
}

export interface SearchedBytes {
  outcome: Outcome;
  /** How the file begins. */
  head: Buffer;
  bytes: number;
}

/** The bytes as they are. `withWords`: what is text is looked at as text. Throws Error: the file has no end, or cannot be read. */
export function searchBytes(sought: SoughtInFiles, file: string, withWords: boolean): SearchedBytes {
  const search = new StreamSearch(sought, withWords);
  let head: Buffer = Buffer.alloc(0);
  let bytes = 0;
  for (const piece of readPieces(file)) {
    if (bytes === 0) head = Buffer.from(piece.subarray(0, HEAD_BYTES));
    bytes += piece.length;
    if (search.isIn(piece, false)) return { outcome: 'found', head, bytes };
  }
  if (search.isIn(Buffer.alloc(0), true)) return { outcome: 'found', head, bytes };
  return { outcome: search.packed === undefined ? 'clean' : { not: `${search.packed} in tar` }, head, bytes };
}

/** What gzip makes of it. Damaged, without an end or packed once more, it is not searched, whatever was read of it. */
export async function searchUnpacked(sought: SoughtInFiles, file: string, size: number): Promise<Outcome> {
  const search = new StreamSearch(sought, true);
  const most = UNPACKED_BYTES + UNPACKED_TIMES * size;
  let outcome: Outcome | undefined;
  let done = 0;
  try {
    const unpack = createGunzip({ chunkSize: CHUNK_BYTES });
    await pipeline(createReadStream(file, { end: size - 1 }), unpack, async (pieces: AsyncIterable<Buffer>) => {
      for await (const piece of pieces) {
        const format = done === 0 ? packedFormat(piece) : undefined;
        if (format !== undefined) outcome = { not: `${format} in gzip` };
        done += piece.length;
        if (done > most) outcome = { not: `gzip of more than ${UNPACKED_TIMES} times its size` };
        if (search.isIn(piece, false)) outcome = 'found';
        if (outcome !== undefined) return;
      }
      if (search.isIn(Buffer.alloc(0), true)) outcome = 'found';
    });
  } catch {
    outcome ??= { not: 'gzip that is damaged' };
  }
  return outcome ?? (search.packed === undefined ? 'clean' : { not: `${search.packed} in tar in gzip` });
}
