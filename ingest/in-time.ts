import { setTimeout as sleep } from 'node:timers/promises';

/** Whether `work` is done within so many milliseconds; it goes on all the same. Rejects as it does, if before that. */
export async function isInTime(work: Promise<unknown>, milliseconds: number): Promise<boolean> {
  const over = new AbortController();
  const late = sleep(milliseconds, false, { signal: over.signal }).catch(() => true);
  return Promise.race([work.then(() => true), late]).finally(() => over.abort());
}
