// What the writer thread and its owner say to each other.
import type { CheckpointChange } from '../checkpoints/tables.ts';
import type { ProposedEvent } from '../event.ts';

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
}

export type ToWriter = { id: number } & (
  | {
      kind: 'accept';
      base: number;
      batch: Batch;
      /** It was built on batches not accepted yet, so it is refused when one of them is. */
      follows: boolean;
    }
  | { kind: 'fact'; name: string; value: string }
  | { kind: 'trim'; below: number }
  | { kind: 'checkpoints'; changes: readonly CheckpointChange[] }
  | { kind: 'head' }
  | { kind: 'frontier' }
  | { kind: 'close' }
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
  | {
      id: number;
      ok: true;
      size: number;
      recordedAt?: number;
      root?: string;
      first?: number;
      frontier?: Frontier;
    }
  | { id: number; ok: false; size: number; code: string; message: string };

export type WriterOpened =
  | { opened: true; log: string; size: number }
  | { opened: false; code: string; message: string };
