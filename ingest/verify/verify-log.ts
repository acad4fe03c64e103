// Checks a log from outside. Nothing here is shared with the program that wrote it.
import { collectCheckpoints, type OutsideCheckpoint } from './checkpoints.ts';
import { Erasures } from './erasures.ts';
import { Findings } from './findings.ts';
import { KeyChanges } from './key-changes.ts';
import { KeyRing } from './key-ring.ts';
import { computeLeaf } from './leaf.ts';
import { HASH_BYTES } from './merkle.ts';
import { createReport, type Report } from './report.ts';
import { chooseSample, chooseSeed } from './sample.ts';
import type { LogSource } from './source.ts';
import { StepLedger } from './step-ledger.ts';
import { expiredBelow } from './tombstone.ts';
import { Tombstones } from './tombstones.ts';
import { TreeComparison } from './tree-comparison.ts';

/** Rows whose leaf is computed a second time, by this program. */
const SAMPLE_ROWS = 1000;

export interface Options {
  /** Checkpoints that were kept outside. */
  outside?: readonly OutsideCheckpoint[];
  /** Verifier keys from outside, one a line, with the name of their place: then no others count. */
  trusted?: { place: string; keys: string };
  /** Of the sample; chosen by chance and told in the report when it is not given. */
  seed?: string | undefined;
  onProgress?: (checked: number, size: number) => void;
  signal?: AbortSignal;
}

/**
 * Checks everything that the source has, and says what was found; it does not stop at the first fault. Throws
 * CannotCheckError when something that is needed cannot be read, and what `signal` was aborted with.
 */
export async function verifyLog(source: LogSource, options: Options = {}): Promise<Report> {
  const findings = new Findings();
  const ring = new KeyRing(source, options.trusted);
  const checkpoints = collectCheckpoints(source, ring, options.outside ?? [], findings);
  const keyChanges = new KeyChanges();
  const tombstones = new Tombstones(source, ring, findings);
  const tree = new TreeComparison(source, checkpoints, findings);
  await tree.begin(options.signal);
  const ledger = new StepLedger(findings, source.first);
  const erasures = new Erasures();
  const seed = options.seed ?? chooseSeed();
  const sample = new Sample(chooseSample(seed, source.first, source.size, SAMPLE_ROWS));
  for await (const chunk of source.chunks(findings)) {
    options.signal?.throwIfAborted();
    tree.add(chunk.leaves);
    ledger.add(chunk.counts, chunk.rows);
    erasures.add(chunk);
    tombstones.add(chunk.rows);
    keyChanges.add(chunk.rows);
    sample.take(chunk.first, chunk.leaves);
    options.onProgress?.(chunk.first + chunk.leaves.length / HASH_BYTES - source.first, source.size - source.first);
  }
  tree.finish();
  ledger.finish();
  tombstones.finish();
  keyChanges.finish(source, ring, checkpoints, findings);
  const erased = erasures.finish(findings);
  const [sampled, { rollups }] = await Promise.all([sample.compare(source, findings), source.checkRest(findings)]);
  options.signal?.throwIfAborted();
  notePart(source, checkpoints.at(-1)?.size ?? source.size, findings);
  if (checkpoints.length === 0)
    findings.add({
      weight: 'unchecked',
      kind: 'no-checkpoint',
      count: 1,
      what: `There is no signed checkpoint of ${source.where} to compare with, so that nobody vouches for its root; give one with --checkpoint.`,
    });
  return createReport({ source, findings, tree, erased, rollups, sample: { seed, rows: sampled }, steps: ledger });
}

/** A bundle of a part is none of the whole: that must not be overlooked. */
function notePart(source: LogSource, covered: number, findings: Findings): void {
  const { where, first, size, isPart } = source;
  const expired = expiredBelow(source.tombstones, size, source.partitionEvents);
  if (!isPart || (first <= expired && size >= covered)) return;
  const what = `${where.charAt(0).toUpperCase()}${where.slice(1)} holds events ${first} to ${size - 1} only, of ${covered} that its checkpoint covers.`;
  findings.add({ weight: 'gap', kind: 'part', first, count: 1, what });
}

/** Leaves as they went by, to be compared with a second computation. */
class Sample {
  readonly #sequences: readonly number[];
  readonly #leaves = new Map<number, Buffer>();
  #next = 0;

  constructor(sequences: readonly number[]) {
    this.#sequences = sequences;
  }

  take(first: number, leaves: Buffer): void {
    const end = first + leaves.length / HASH_BYTES;
    for (let due = this.#sequences[this.#next]; due !== undefined && due < end; due = this.#sequences[this.#next]) {
      this.#next += 1;
      const offset = (due - first) * HASH_BYTES;
      this.#leaves.set(due, Buffer.from(leaves.subarray(offset, offset + HASH_BYTES)));
    }
  }

  /** Returns how many were compared. */
  async compare(source: LogSource, findings: Findings): Promise<number> {
    const rows = await source.readAgain(this.#sequences);
    const same = new Set<number>();
    for (const row of rows)
      if (this.#leaves.get(row.sequence)?.equals(computeLeaf(row, source.keyOf))) same.add(row.sequence);
    for (const { sequence } of rows)
      if (!same.has(sequence))
        findings.events(
          'computed-differently',
          'has another leaf when it is computed here than ClickHouse computed',
          sequence,
        );
    return rows.length;
  }
}
