// What a log is checked from. There are two sources: the stores of an installation (live-log.ts) and a bundle (bundle.ts).
import type { Findings } from './findings.ts';
import type { KeyLookup } from './leaf.ts';
import type { Row } from './row.ts';

/** How many events of a step had this outcome; `name` is "stage/agent/object type/outcome". */
export interface StepCount {
  run: number;
  step: number;
  name: string;
  count: number;
  /** One of these events. */
  sequence: number;
}

/** Events that follow each other, summed up. */
export interface Chunk {
  /** A multiple of 256. */
  first: number;
  /** 32 bytes for each event; zeros where there is no row. */
  leaves: Buffer;
  /** The events that facts.ts names. */
  rows: Row[];
  /** Those of the sample, where leaves were computed elsewhere. */
  again: Row[];
  counts: StepCount[];
  /** For each key that is gone, the commitments that stand in place of what was committed under it. */
  erased: { key: number; first: number; count: number }[];
}

/** A tombstone as it is kept beside the log. What was signed is in the note. */
export interface KeptTombstone {
  first: number;
  size: number;
  note: string;
  /** Microseconds since 1970, where they are kept beside the note. */
  until?: number | undefined;
  lastOccurred?: number | undefined;
}

export interface LogSource {
  /** Where it is, for people. */
  readonly where: string;
  /** The origin of the log. */
  readonly log: string;
  /** The sequence of the first row; a multiple of 256, above 0 in a part, or where what was before has expired. */
  readonly first: number;
  /** One past the last row. */
  readonly size: number;
  /** Checkpoints may cover more than its rows: what follows them is known by its hashes in the tiles. */
  readonly isPart: boolean;
  /** Of partitions that have expired, in order. */
  readonly tombstones: readonly KeptTombstone[];
  /** How many events a partition holds. */
  readonly partitionEvents: number;
  /** Verifier keys of the log and its witnesses, one a line, those of the log with the size from which on they sign. */
  readonly publicKeys: string;
  /** Its checkpoints in order of size, each with the name of its place. */
  checkpoints(): Iterable<{ place: string; note: string }>;
  /** The hashes of a tile, up to 256 of them; undefined: it is not there. */
  tile(level: number, index: number): Buffer | undefined;
  keyOf: KeyLookup;
  /**
   * Its rows in order; what is wrong with them goes into the findings. `sample` are sequences, in order, of rows to hand on so
   * that their leaves can be computed a second time.
   */
  chunks(findings: Findings, sample: readonly number[]): AsyncIterable<Chunk>;
  /** What can be checked of this source alone when its rows have been read. Returns what was checked. */
  checkRest(findings: Findings): Promise<{ rollups: { name: string; rows: number }[] }>;
  close(): Promise<void>;
}
