// Rows that come one by one, as from a bundle or the journal, summed up as chunks: everything is computed by this program.
import { isFact } from './facts.ts';
import type { Findings } from './findings.ts';
import { computeLeaf, type KeyLookup } from './leaf.ts';
import { HASH_BYTES } from './merkle.ts';
import { NO_ROOT, type RootIndex } from './root-index.ts';
import type { Row } from './row.ts';
import { FLAG_SENTENCES, FLAGS, type Flag, findRowFaults } from './row-faults.ts';
import type { Chunk, StepCount } from './source.ts';

/** Events in one chunk: a multiple of 256, small enough that nothing waits for long. */
const CHUNK_EVENTS = 4096;

export interface RowChunksOptions {
  log: string;
  /** The first sequence expected. */
  first: number;
  keyOf: KeyLookup;
  findings: Findings;
  /** Of the events before `first` that are known; grows with the rows. */
  roots: RootIndex;
}

export class RowChunks {
  readonly #options: RowChunksOptions;
  #chunk: MutableChunk;
  #next: number;

  constructor(options: RowChunksOptions) {
    this.#options = options;
    this.#next = options.first;
    this.#chunk = new MutableChunk(options.first);
  }

  /** The sequence that is due. */
  get next(): number {
    return this.#next;
  }

  /** Takes the next row, and yields chunks that are complete with it; many when rows are missing. */
  *add(row: Row): Iterable<Chunk> {
    const { findings } = this.#options;
    if (row.sequence < this.#next) {
      findings.events('out-of-order', 'stands in the rows again, or after events that come later', row.sequence);
      return;
    }
    yield* this.skipTo(row.sequence);
    if (this.#chunk.isFull) yield this.#takeChunk();
    this.#check(row);
    this.#chunk.addRow(row, computeLeaf(row, this.#options.keyOf), this.#options.keyOf);
    this.#next += 1;
  }

  /** Leaves out rows that are missing, and says so. */
  *skipTo(sequence: number): Iterable<Chunk> {
    if (sequence > this.#next)
      this.#options.findings.events('missing', 'is missing', this.#next, sequence - this.#next);
    while (this.#next < sequence) {
      if (this.#chunk.isFull) yield this.#takeChunk();
      this.#chunk.addHole();
      this.#options.roots.append(NO_ROOT);
      this.#next += 1;
    }
  }

  /** What is left when no more rows come. */
  *finish(): Iterable<Chunk> {
    if (this.#chunk.count > 0) yield this.#takeChunk();
  }

  #takeChunk(): Chunk {
    const chunk = this.#chunk.finish();
    this.#chunk = new MutableChunk(this.#next);
    return chunk;
  }

  #check(row: Row): void {
    const { log, keyOf, findings, roots } = this.#options;
    reportFlags(findings, findRowFaults(row, log, keyOf), row.sequence, 1);
    const [principal] = row.causes;
    if (principal !== undefined) checkRoot(roots, row.sequence, row.root, principal, findings);
    roots.append(row.root);
  }
}

export function reportFlags(findings: Findings, flags: number, first: number, count: number): void {
  if (flags === 0) return;
  for (const flag of Object.keys(FLAGS) as Flag[])
    if ((flags & FLAGS[flag]) !== 0) findings.events(flag, FLAG_SENTENCES[flag], first, count);
}

/** Compares the root of an event with that of its principal cause, where that one is known. */
export function checkRoot(
  roots: RootIndex,
  sequence: number,
  root: number,
  principal: number,
  findings: Findings,
): void {
  if (principal >= sequence) return;
  const its = roots.get(principal);
  if (its !== undefined && its !== NO_ROOT && its !== root)
    findings.events('other-root', 'has another root than its principal cause', sequence);
}

class MutableChunk {
  readonly first: number;
  count = 0;
  readonly #leaves = Buffer.alloc(CHUNK_EVENTS * HASH_BYTES);
  readonly #rows: Row[] = [];
  readonly #counts = new Map<string, StepCount>();
  readonly #erased = new Map<number, { key: number; first: number; count: number }>();

  constructor(first: number) {
    this.first = first;
  }

  get isFull(): boolean {
    return this.count === CHUNK_EVENTS;
  }

  addHole(): void {
    this.count += 1;
  }

  addRow(row: Row, leaf: Buffer, keyOf: KeyLookup): void {
    this.#leaves.set(leaf, this.count * HASH_BYTES);
    this.count += 1;
    if (isFact(row)) this.#rows.push(row);
    if (row.runKnown === 1 && row.step > 0 && row.stage !== 'run') this.#countStep(row);
    this.#noteErased(row, keyOf);
  }

  finish(): Chunk {
    return {
      first: this.first,
      leaves: this.#leaves.subarray(0, this.count * HASH_BYTES),
      rows: this.#rows,
      // Their leaves were computed here already.
      again: [],
      counts: [...this.#counts.values()],
      erased: [...this.#erased.values()],
    };
  }

  #countStep({ run, step, stage, agent, objectType, outcome, sequence }: Row): void {
    const name = `${stage}/${agent}/${objectType}/${outcome}`;
    const key = `${run}/${step}/${name}`;
    const known = this.#counts.get(key);
    if (known) known.count += 1;
    else this.#counts.set(key, { run, step, name, count: 1, sequence });
  }

  #noteErased(row: Row, keyOf: KeyLookup): void {
    const note = (key: number, commitment: string) => {
      if (commitment === '' || keyOf(key) !== undefined) return;
      const known = this.#erased.get(key);
      if (known) known.count += 1;
      else this.#erased.set(key, { key, first: row.sequence, count: 1 });
    };
    note(row.subjectKey, row.objectCommitment);
    note(row.actorKey, row.actorCommitment);
    note(row.subjectKey, row.valuesCommitment);
    for (const { key, commitment } of row.values) note(key, commitment);
  }
}
