// What the writer thread and its owner say to each other.
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
  | { kind: 'head' }
  | { kind: 'close' }
);

/** How far the log is: the number of accepted events and the Merkle root over them (hex). */
export interface LogHead {
  size: number;
  root: string;
}

export type FromWriter =
  | { id: number; ok: true; size: number; recordedAt?: number; root?: string; first?: number }
  | { id: number; ok: false; size: number; code: string; message: string };

export type WriterOpened =
  | { opened: true; log: string; size: number }
  | { opened: false; code: string; message: string };
