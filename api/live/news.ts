// What whoever follows the log waits for.
import { LogError } from '../../ingest/errors.ts';
import type { ChangeLog } from '../../ingest/log.ts';

/** Undefined: nobody waits any more, or the log cannot answer now, but may soon. */
export async function findUnlessAway<T>(find: () => Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  try {
    return await find();
  } catch (error) {
    if (signal.aborted || (error instanceof LogError && error.retryable)) return undefined;
    throw error;
  }
}

/**
 * Resolves when more than `size` events are delivered, after so many milliseconds, and when nobody waits. It does not hurry the
 * shipper, as `delivered` does: whoever follows all day would make every insert a small one.
 */
export async function newsOf(
  shipper: ChangeLog['shipper'],
  size: number,
  milliseconds: number,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  const unsubscribe = shipper.onDelivered(() => {
    if (shipper.shipped > size) resolve();
  });
  const stop = () => resolve();
  signal.addEventListener('abort', stop);
  if (shipper.shipped > size && !shipper.problem) resolve();
  await promise;
  clearTimeout(timer);
  unsubscribe();
  signal.removeEventListener('abort', stop);
}
