// A place outside that checkpoints are sent to: whoever keeps one there can show that the log was rewritten.
import type { KeptCheckpoint } from '../tables.ts';

export interface Destination {
  /** What and where, for people, without any secret: `webhook https://example.com`. Its deliveries are kept under it. */
  readonly name: string;
  /** Every checkpoint in the order of size, or the newest only. */
  readonly takes: 'each' | 'newest';
  /** The shortest time from one delivery to the next. */
  readonly leastIntervalMs: number;
  /** Resolves when it is there. Raises DeliveryError when it is not, or nobody knows; it is tried again then. */
  send(checkpoint: KeptCheckpoint, signal: AbortSignal): Promise<void>;
}

/** A checkpoint could not be delivered: a sentence that says where and why, without any secret. */
export class DeliveryError extends Error {
  override name = 'DeliveryError';
}

/** The system's name of a failure, such as ECONNREFUSED, wherever in a chain of causes it stands. */
export function readCode(error: unknown): string {
  if (typeof error !== 'object' || error === null) return 'unknown';
  if ('code' in error && typeof error.code === 'string') return error.code;
  if ('errors' in error && Array.isArray(error.errors)) return readCode(error.errors[0]);
  if ('cause' in error) return readCode(error.cause);
  return 'name' in error && typeof error.name === 'string' ? error.name : 'unknown';
}
