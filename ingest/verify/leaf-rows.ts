// What ClickHouse computed of a range of events, row by row and in any order: put in order here, with what is missing or stands
// there twice.
import type { Findings } from './findings.ts';
import { LEAF_ROW_BYTES } from './leaf-sql.ts';
import { HASH_BYTES } from './merkle.ts';
import { NO_ROOT, type RootIndex } from './root-index.ts';
import { COLUMNS, parseRow, type Row } from './row.ts';
import { checkRoot, reportFlags } from './row-chunks.ts';

/** Where the parts of a row begin, in bytes. */
const ROOT = 8;
const PRINCIPAL = 16;
const FLAGS = 24;
const LEAF = 26;
const HALF = 2 ** 32;

interface LeafRowsOptions {
  first: number;
  end: number;
  /** The answer to leavesSql(). */
  answer: Buffer;
  /** The leaf that a tile holds for an event. */
  keptLeaf: (sequence: number) => Uint8Array;
  /** Of the events before `first`; those of the range are added. */
  roots: RootIndex;
  findings: Findings;
}

/**
 * `leaves`: 32 bytes for each event from `first` to before `end`, zeros where there is none. `rows`: those that were asked for,
 * in order. What is wrong goes into the findings.
 */
export function orderLeaves(options: LeafRowsOptions): { leaves: Buffer; rows: Row[] } {
  const { first, end, answer, keptLeaf, findings } = options;
  const leaves = Buffer.alloc((end - first) * HASH_BYTES);
  /** Where the row of each event stands in the answer. */
  const places = new Int32Array(end - first).fill(-1);
  const rows: Row[] = [];
  for (let at = 0; at < answer.length; ) {
    const begin = at;
    const { from, length } = readLength(answer, begin + LEAF_ROW_BYTES);
    at = from + length;
    if (length > 0) rows.push(readRow(answer.toString('utf8', from, at)));
    const sequence = readNumber(answer, begin);
    const flags = answer.readUInt16LE(begin + FLAGS);
    if (flags !== 0) reportFlags(findings, flags, sequence, 1);
    const isFirst = places[sequence - first] === -1;
    if (!isFirst) findings.events('duplicate', 'stands in ClickHouse more than once', sequence);
    const leaf = answer.subarray(begin + LEAF, begin + LEAF_ROW_BYTES);
    if (!isFirst && !leaf.equals(keptLeaf(sequence))) continue;
    places[sequence - first] = begin;
    leaf.copy(leaves, (sequence - first) * HASH_BYTES);
  }
  checkInOrder(options, places);
  return { leaves, rows: rows.sort((a, b) => a.sequence - b.sequence) };
}

function checkInOrder({ first, answer, roots, findings }: LeafRowsOptions, places: Int32Array): void {
  for (const [i, place] of places.entries()) {
    if (place === -1) {
      findings.events('missing', 'is missing', first + i);
      roots.append(NO_ROOT);
      continue;
    }
    const root = readNumber(answer, place + ROOT);
    checkRoot(roots, first + i, root, readNumber(answer, place + PRINCIPAL), findings);
    roots.append(root);
  }
}

function readRow(json: string): Row {
  const values: unknown = JSON.parse(json);
  return parseRow(
    Object.fromEntries(COLUMNS.map((column, i) => [column, Array.isArray(values) ? values[i] : undefined])),
  );
}

/** The length of a text, seven bits a byte, and where the text begins. */
function readLength(bytes: Buffer, at: number): { from: number; length: number } {
  let length = 0;
  for (let from = at, unit = 1; ; unit *= 128) {
    const byte = bytes.readUInt8(from++);
    length += (byte % 128) * unit;
    if (byte < 128) return { from, length };
  }
}

/** 64 bits, least first; those above 2^53 lose their last digits. */
function readNumber(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * HALF;
}
