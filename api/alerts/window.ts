// When changes are enough for an occurrence: so many of them within a window of time, by when they were accepted.
import type { Micros } from '../../ingest/clock.ts';

export interface WindowRule {
  atLeast: number;
  within: Micros;
}

/** A change that counts, by its sequence and when it was accepted. */
export type Counted = readonly [sequence: number, at: Micros];

/** What is known at some point of the log. While an occurrence is open, the last `atLeast` changes are kept. */
export interface Counting {
  counted: readonly Counted[];
  open: boolean;
}

export const NOTHING_COUNTED: Counting = { counted: [], open: false };

/** Time has come so far: an occurrence of which too few changes are left in the window is over, and they count no more. */
export function passTime({ atLeast, within }: WindowRule, { counted, open }: Counting, now: Micros): Counting {
  const left = counted.filter(([, at]) => now - at < within);
  return open && left.length < atLeast ? NOTHING_COUNTED : { counted: left, open };
}

/** One more change. An occurrence begins with it when the result is open and `counting`, up to when it came, was not. */
export function countChange(rule: WindowRule, counting: Counting, change: Counted): Counting {
  const counted = [...counting.counted, change].slice(-rule.atLeast);
  return { counted, open: counting.open || counted.length >= rule.atLeast };
}
