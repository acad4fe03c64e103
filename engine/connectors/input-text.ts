// Bytes of a file to UTF-8 without byte order mark, refusing what is not in the declared encoding: a replacement
// character would silently change a name. Stays in bytes: the text of a large file would not fit into one string.
import { isUtf8 } from 'node:buffer';
import { ConnectorError } from '../connector.ts';

const CHUNK_BYTES = 64 * 1024;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const UTF8_BOM = Buffer.from([0xef, 0xbb, 0xbf]);

/** `encoding`: a label of the WHATWG Encoding standard. Throws ConnectorError naming the line of the first bad byte. */
export function readUtf8(bytes: Buffer, encoding: string, file: string): Buffer {
  const decoder = new TextDecoder(encoding, { fatal: true });
  const text = decoder.encoding === 'utf-8' && isUtf8(bytes) ? withoutBom(bytes) : transcode(bytes, encoding, file);
  const nul = text.indexOf(0);
  if (nul !== -1) {
    throw new ConnectorError(
      'stopped-file-embedded-nulls',
      `${file}, line ${lineAt(text, nul)}, holds a NUL byte, as a file in UTF-16 or a damaged one does: declare its true encoding, or export it again.`,
    );
  }
  return text;
}

/** The number of the line, from 1, in which the byte at `offset` stands. Lines end in LF, CR LF or CR. */
export function lineAt(text: Uint8Array, offset: number): number {
  let line = 1;
  for (let i = 0; i < offset; i += 1) {
    if (text[i] === LINE_FEED || (text[i] === CARRIAGE_RETURN && text[i + 1] !== LINE_FEED)) line += 1;
  }
  return line;
}

function withoutBom(bytes: Buffer): Buffer {
  return bytes.subarray(0, 3).equals(UTF8_BOM) ? bytes.subarray(3) : bytes;
}

function transcode(bytes: Buffer, encoding: string, file: string): Buffer {
  const decoder = new TextDecoder(encoding, { fatal: true });
  const decoded: Buffer[] = [];
  try {
    for (const chunk of cut(bytes, CHUNK_BYTES)) decoded.push(Buffer.from(decoder.decode(chunk, { stream: true })));
    decoded.push(Buffer.from(decoder.decode()));
  } catch (error) {
    const line = lineOfBadByte(bytes, decoded.length * CHUNK_BYTES, encoding);
    throw new ConnectorError(
      'stopped-code-page-conversion',
      `${file}, line ${line}, holds a byte that is not ${decoder.encoding}: declare the encoding that the file is in, or export it again.`,
      { cause: error },
    );
  }
  return Buffer.concat(decoded);
}

/** Decodes again, byte by byte where it went wrong: only a decoder knows which byte it was that it could not take. */
function lineOfBadByte(bytes: Buffer, failedChunk: number, encoding: string): number {
  const decoder = new TextDecoder(encoding, { fatal: true });
  const decoded: Buffer[] = [];
  const feed = (chunk: Buffer): number => decoded.push(Buffer.from(decoder.decode(chunk, { stream: true })));
  try {
    for (const chunk of cut(bytes.subarray(0, failedChunk), CHUNK_BYTES)) feed(chunk);
    for (const byte of cut(bytes.subarray(failedChunk, failedChunk + CHUNK_BYTES), 1)) feed(byte);
  } catch {
    // This is the byte; the line is counted below. When no byte fails, the file ends within a character.
  }
  const good = Buffer.concat(decoded);
  return lineAt(good, good.length);
}

function* cut(bytes: Buffer, size: number): Generator<Buffer> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}
