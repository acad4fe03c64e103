// What ClickHouse computed of a range of events, row by row and in any order: put in order here, with what is missing or stands
// there twice.
import type { Findings } from './findings.ts';
import { LEAF_ROW_BYTES } from './leaf-sql.ts';
import { HASH_BYTES } from './merkle.ts';
import { NO_ROOT, type RootIndex } from './root-index.ts';
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

/** 32 bytes for each event from `first` to before `end`; zeros where there is none. What is wrong goes into the findings. */
export function orderLeaves({ first, end, answer, keptLeaf, roots, findings }: LeafRowsOptions): Buffer {
  const leaves = Buffer.alloc((end - first) * HASH_BYTES);
  /** Where the row of each event stands in the answer. */
  const places = new Int32Array(end - first).fill(-1);
  for (let at = 0; at < answer.length; at += LEAF_ROW_BYTES) {
    const sequence = readNumber(answer, at);
    const flags = answer.readUInt16LE(at + FLAGS);
    if (flags !== 0) reportFlags(findings, flags, sequence, 1);
    const isFirst = places[sequence - first] === -1;
    if (!isFirst) findings.events('duplicate', 'stands in ClickHouse more than once', sequence);
    if (!isFirst && Buffer.compare(answer.subarray(at + LEAF, at + LEAF_ROW_BYTES), keptLeaf(sequence)) !== 0) continue;
    places[sequence - first] = at;
    answer.copy(leaves, (sequence - first) * HASH_BYTES, at + LEAF, at + LEAF_ROW_BYTES);
  }
  for (const [place, at] of places.entries()) {
    if (at === -1) {
      findings.events('missing', 'is missing', first + place);
      roots.append(NO_ROOT);
      continue;
    }
    const root = readNumber(answer, at + ROOT);
    checkRoot(roots, first + place, root, readNumber(answer, at + PRINCIPAL), findings);
    roots.append(root);
  }
  return leaves;
}

/** 64 bits, least first; those above 2^53 lose their last digits. */
function readNumber(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * HALF;
}
