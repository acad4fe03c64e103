// The rows of a bundle: gzip, a JSON object a line. Read as a stream, however large it unpacks; a line that no row can be as
// long as ends the check.
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Transform } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { CannotCheckError } from './cannot-check.ts';
import { MalformedRowError, parseRow, type Row } from './row.ts';

const LONGEST_LINE = 64 * 1024 * 1024;
const UNPACKED_AT_ONCE = 256 * 1024;
const NEWLINE = 10;

/** Reads one file, some rows at a time; `sha256` is called with the hash of its bytes when all were read. Throws CannotCheckError. */
export async function* readRows(file: string, name: string, sha256: (hash: string) => void): AsyncIterable<Row[]> {
  const hash = createHash('sha256');
  const packed = createReadStream(file);
  const unpacked = packed.pipe(hashing(hash)).pipe(createGunzip({ chunkSize: UNPACKED_AT_ONCE }));
  packed.once('error', (error) => unpacked.destroy(error));
  let line = 0;
  try {
    for await (const lines of splitLines(unpacked, name)) {
      const begin = line;
      line += lines.length;
      yield lines.map((text, i) => parseLine(text, name, begin + i + 1));
    }
  } catch (error) {
    if (error instanceof CannotCheckError) throw error;
    throw new CannotCheckError(`${name} of the bundle is cut off or damaged after line ${line}. Ask for it again.`);
  } finally {
    packed.destroy();
    unpacked.destroy();
  }
  sha256(hash.digest('hex'));
}

function hashing(hash: Hash): Transform {
  return new Transform({
    transform(bytes: Buffer, _encoding, done) {
      hash.update(bytes);
      done(null, bytes);
    },
  });
}

async function* splitLines(stream: AsyncIterable<Buffer>, name: string): AsyncIterable<string[]> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const bytes of stream) {
    const lines: string[] = [];
    let from = 0;
    for (let to = bytes.indexOf(NEWLINE); to >= 0; to = bytes.indexOf(NEWLINE, from)) {
      const end = bytes.subarray(from, to);
      lines.push(rest.length === 0 ? end.toString('utf8') : Buffer.concat([...rest, end]).toString('utf8'));
      rest = [];
      restBytes = 0;
      from = to + 1;
    }
    if (lines.length > 0) yield lines;
    if (from === bytes.length) continue;
    rest.push(bytes.subarray(from));
    restBytes += bytes.length - from;
    if (restBytes > LONGEST_LINE)
      throw new CannotCheckError(
        `${name} of the bundle has a line longer than ${LONGEST_LINE} bytes, which no row is.`,
      );
  }
  if (restBytes > 0) throw new CannotCheckError(`${name} of the bundle is cut off: its last line has no end.`);
}

function parseLine(text: string, name: string, line: number): Row {
  try {
    return parseRow(JSON.parse(text));
  } catch (error) {
    const why = error instanceof MalformedRowError ? error.message : 'it is no JSON';
    throw new CannotCheckError(`Line ${line} of ${name} of the bundle is no row of the log: ${why}.`);
  }
}
