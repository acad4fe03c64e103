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
import type { Chunk, LogSource } from './source.ts';
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
  const chosen = chooseSample(seed, source.first, source.size, SAMPLE_ROWS);
  let sampled = 0;
  for await (const chunk of source.chunks(findings, chosen)) {
    options.signal?.throwIfAborted();
    tree.add(chunk.leaves);
    ledger.add(chunk.counts, chunk.rows);
    erasures.add(chunk);
    tombstones.add(chunk.rows);
    keyChanges.add(chunk.rows);
    sampled += chunk.again.length;
    compareAgain(chunk, source, findings);
    options.onProgress?.(chunk.first + chunk.leaves.length / HASH_BYTES - source.first, source.size - source.first);
  }
  tree.finish();
  ledger.finish();
  tombstones.finish();
  keyChanges.finish(source, ring, checkpoints, findings);
  const covered = checkpoints.at(-1)?.size ?? source.size;
  const erased = erasures.finish(findings, source.isPart && source.size < covered);
  const { rollups } = await source.checkRest(findings);
  options.signal?.throwIfAborted();
  notePart(source, covered, findings);
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

/** Computes the leaves of a sample a second time. Of a row that stands there twice, one must be as it was computed before. */
function compareAgain({ first, leaves, again }: Chunk, source: LogSource, findings: Findings): void {
  const same = new Set<number>();
  for (const row of again) {
    const offset = (row.sequence - first) * HASH_BYTES;
    if (computeLeaf(row, source.keyOf).equals(leaves.subarray(offset, offset + HASH_BYTES))) same.add(row.sequence);
  }
  for (const { sequence } of again)
    if (!same.has(sequence))
      findings.events(
        'computed-differently',
        'has another leaf when it is computed here than ClickHouse computed',
        sequence,
      );
}
