// What cannot be looked into because it is packed or encrypted: known by how it begins, or by its name.
import path from 'node:path';

/** In hexadecimal digits, how files of a format begin. */
const BEGINNINGS: readonly [begins: string, format: string][] = [
  ['1f8b', 'gzip'],
  ['504b0304', 'zip'],
  ['504b0506', 'zip'],
  ['504b0708', 'zip'],
  ['fd377a585a00', 'xz'],
  ['28b52ffd', 'zstd'],
  ['425a68', 'bzip2'],
  ['377abcaf271c', '7z'],
  ['526172211a07', 'rar'],
  ['04224d18', 'lz4'],
  ['1f9d', 'compress'],
  ['1fa0', 'compress'],
  ['4c5a4950', 'lzip'],
  ['4d534346', 'cabinet'],
  ['89484446', 'hdf5'],
  ['50415231', 'parquet'],
  ['4f5243', 'orc'],
  ['25504446', 'pdf'],
  [Buffer.from('Salted__').toString('hex'), 'encrypted'],
  [Buffer.from('age-encryption.org/').toString('hex'), 'encrypted'],
  [Buffer.from('-----BEGIN AGE').toString('hex'), 'encrypted'],
  [Buffer.from('-----BEGIN PGP MESSAGE').toString('hex'), 'encrypted'],
];
const LONGEST_BEGINNING = Math.max(...BEGINNINGS.map(([begins]) => begins.length / 2));
/** Those that do not begin in a way of their own, or may be wrapped. */
const ENDINGS = /\.(br|lzma|lzo|sz|snappy|gpg|pgp|age|enc|p7m|dmg|vmdk|qcow2|sas7bdat)$/i;
const TAR_BLOCK = 512;
const TAR_MARK = Buffer.from('ustar');
const TAR_MARK_AT = 257;

/** The format of a file that begins so, when it is packed. */
export function packedFormat(head: Uint8Array): string | undefined {
  const digits = Buffer.from(head.subarray(0, LONGEST_BEGINNING)).toString('hex');
  return BEGINNINGS.find(([begins]) => digits.startsWith(begins))?.[1];
}

export function packedByName(file: string): string | undefined {
  return ENDINGS.exec(path.basename(file))?.[1]?.toLowerCase();
}

/** Watches a stream that begins as an archive of tar: each of its files begins with a block, and may be packed itself. */
export class PackedWatch {
  format: string | undefined;
  #isTar: boolean | undefined;
  #rest: Buffer = Buffer.alloc(0);

  push(piece: Buffer): void {
    if (this.#isTar === false || this.format !== undefined) return;
    const blocks = Buffer.concat([this.#rest, piece]);
    this.#isTar ??= blocks.subarray(TAR_MARK_AT, TAR_MARK_AT + TAR_MARK.length).equals(TAR_MARK);
    const whole = blocks.length - (blocks.length % TAR_BLOCK);
    for (let at = 0; at < whole && this.#isTar; at += TAR_BLOCK)
      this.format ??= packedFormat(blocks.subarray(at, at + TAR_BLOCK));
    this.#rest = Buffer.from(blocks.subarray(whole));
  }
}
