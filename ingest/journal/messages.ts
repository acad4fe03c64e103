// What the threads of the journal say to each other. A message goes from the owner to the preparer, from there to the
// writer, and the writer answers the owner; so messages stay in order.
import type { CheckpointChange } from '../checkpoints/tables.ts';
import type { ProposedEvent } from '../event.ts';
import type { ErasureWork, KeyErasure } from './erase-keys.ts';

/** One change of the engine's state: value null removes it. `indexed` makes it findable by `name` = value. */
export interface StateChange {
  kind: string;
  key: string;
  value: unknown;
  indexed?: Record<string, string[]>;
}

export interface Batch {
  events: ProposedEvent[];
  state: StateChange[];
  /** What changes with it in the tables of the checkpoints. */
  checkpoints?: CheckpointChange[];
  /** Keys that go with it; its only event says so. */
  erase?: KeyErasure;
}

/** A change of the state as it is stored: value and index as JSON; value null removes it. */
export interface StoredChange {
  kind: string;
  key: string;
  value: string | null;
  indexed: string;
}

/** An event that satisfies its schema and its place in the log. */
export type CheckedEvent = ProposedEvent & { root: number };

/** What the writer is asked for as it is; the preparer passes it on. */
type Request =
  | { kind: 'fact'; name: string; value: string }
  | { kind: 'trim'; below: number }
  | { kind: 'erasure'; work: ErasureWork }
  | { kind: 'checkpoints'; changes: readonly CheckpointChange[] }
  | { kind: 'head' }
  | { kind: 'frontier' }
  | { kind: 'close' };

interface BatchHead {
  /** The sequence of its first event. */
  base: number;
  /** It was built on batches not accepted yet, so it is refused when one of them is. */
  follows: boolean;
  /** Microseconds, UTC. */
  recordedAt: number;
  state: StoredChange[];
  checkpoints: readonly CheckpointChange[];
  erase: KeyErasure | undefined;
}

export interface CheckedBatch extends BatchHead {
  kind: 'accept';
  /** Each a CheckedEvent as JSON: texts go to another thread faster than the objects that they are of. */
  events: string[];
  /** The number of events known to be accepted when it was sent. */
  accepted: number;
  /** Batches before it were refused: what was made for them is not there. */
  afterRefusal: boolean;
}

export interface NewKey {
  number: number;
  owner: string;
  key: Uint8Array;
}

/** A batch as it is written. */
export interface PreparedBatch extends BatchHead {
  kind: 'accept';
  /** For each event its row as JSON. */
  rows: string[];
  /** The leaves of all events one after the other, 32 bytes each. */
  leaves: Uint8Array;
  keys: NewKey[];
}

export type ToPreparer = { id: number } & (CheckedBatch | Request);
export type ToWriter = { id: number } & (
  | PreparedBatch
  | { kind: 'refuse'; follows: boolean; code: string; message: string }
  | Request
);

/** How far the log is: the number of accepted events and the Merkle root over them (hex). */
export interface LogHead {
  size: number;
  root: string;
}

/** A tree at one moment: with the full tiles, all of it. */
export interface Frontier {
  size: number;
  /** 32 bytes. */
  root: Uint8Array;
  /** The hashes of the tile of each level that is not full, one after the other; level 0 first. */
  incomplete: Uint8Array[];
}

export type FromWriter =
  | { id: number; ok: true; size: number; root?: string; first?: number; frontier?: Frontier }
  | { id: number; ok: false; size: number; code: string; message: string };

export type WriterOpened =
  | { opened: true; log: string; size: number }
  | { opened: false; code: string; message: string };
