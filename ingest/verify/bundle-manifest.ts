// The table of contents of a bundle. Whoever made it may mean harm: nothing is opened but files with the names of a bundle's
// files, below its folder, that are no links, and no larger than they may be.
import { createHash } from 'node:crypto';
import { lstatSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { CannotCheckError } from './cannot-check.ts';
import { TILE_WIDTH } from './merkle.ts';

const FORMAT = 'metatrail-bundle/1';
const CONTENTS = 'bundle.json';
/** Some 150 bytes for each file, and a file for each 256 events: enough for a hundred million events. */
const LARGEST_CONTENTS = 64 * 1024 * 1024;
const FILE_NAME =
  /^(rows\/\d{12,16}\.jsonl\.gz|tile\/\d{1,2}\/(x\d{3}\/){0,5}\d{3}(\.p\/\d{1,3})?|checkpoint|checkpoints\/\d{1,16}|keys\.jsonl|tombstones\.jsonl|public-keys)$/;
/** Events of a partition, where it is not said. */
const PARTITION_EVENTS = 16_777_216;
const SHA256 = /^[0-9a-f]{64}$/;

export interface BundleManifest {
  /** Real path of its folder. */
  folder: string;
  log: string;
  first: number;
  size: number;
  /** How many events a partition of the log holds. */
  partitionEvents: number;
  /** SHA-256 in hexadecimal digits by path. */
  files: ReadonlyMap<string, string>;
}

/** Reads bundle.json. Throws CannotCheckError: it is not there, or is none. */
export function readManifest(folder: string): BundleManifest {
  const place = resolveFolder(folder);
  const text = readSmallFile(place, CONTENTS, LARGEST_CONTENTS).toString('utf8');
  const contents = parseObject(text);
  const { format, log, first, size, files, partition_events: partitionEvents = PARTITION_EVENTS } = contents;
  if (format !== FORMAT)
    throw new CannotCheckError(`${CONTENTS} of ${folder} does not say format ${FORMAT}; this verifier reads no other.`);
  if (typeof log !== 'string' || log === '' || log.length > 255) throw wrong(folder, 'log is no name of a log');
  if (!isCount(first) || !isCount(size) || first > size || first % TILE_WIDTH !== 0)
    throw wrong(folder, `first and size are no range that begins with a multiple of ${TILE_WIDTH}`);
  if (!isCount(partitionEvents) || partitionEvents < TILE_WIDTH || !Number.isInteger(Math.log2(partitionEvents)))
    throw wrong(folder, 'partition_events is no power of two from 256 on');
  return { folder: place, log, first, size, partitionEvents, files: readFiles(folder, files) };
}

function readFiles(folder: string, files: unknown): Map<string, string> {
  if (!Array.isArray(files)) throw wrong(folder, 'files is no list');
  const found = new Map<string, string>();
  for (const file of files) {
    const fields: Record<string, unknown> = typeof file === 'object' && file !== null ? { ...file } : {};
    const { path: name, sha256 } = fields;
    if (typeof name !== 'string' || !FILE_NAME.test(name)) throw wrong(folder, 'a path is none of a bundle');
    if (typeof sha256 !== 'string' || !SHA256.test(sha256)) throw wrong(folder, `the SHA-256 of ${name} is none`);
    if (found.has(name)) throw wrong(folder, `${name} is listed twice`);
    found.set(name, sha256);
  }
  return found;
}

function wrong(folder: string, what: string): CannotCheckError {
  return new CannotCheckError(`${CONTENTS} of ${folder} cannot be used: ${what}. Ask for the bundle again.`);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null) return { ...parsed };
  } catch {
    // Falls through to the one sentence below.
  }
  throw new CannotCheckError(`${CONTENTS} is no JSON object. Ask for the bundle again.`);
}

function resolveFolder(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    throw new CannotCheckError(`There is no folder ${folder}; name the folder of a bundle.`);
  }
}

/** The path of a file to be opened. Throws CannotCheckError unless it is a plain file that stays within the folder. */
export function findFile(folder: string, name: string): string {
  const file = path.join(folder, name);
  try {
    if (lstatSync(file).isFile() && realpathSync(file) === file) return file;
  } catch {
    throw new CannotCheckError(`The bundle is incomplete: ${name} is not there. Ask for it again.`);
  }
  throw new CannotCheckError(`${name} of the bundle is no plain file. Ask for it again.`);
}

/** The bytes of a file that may be so large. */
export function readSmallFile(folder: string, name: string, largest: number): Buffer {
  const file = findFile(folder, name);
  if (lstatSync(file).size > largest)
    throw new CannotCheckError(`${name} of the bundle is larger than ${largest} bytes, which no such file is.`);
  return readFileSync(file);
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
