// How soon what was not taken is sent again.

export interface Pace {
  /** After the first failure; twice as long after each further one. */
  firstPauseMs: number;
  longestPauseMs: number;
}

export const PACE: Pace = { firstPauseMs: 2000, longestPauseMs: 300_000 };

/** Milliseconds to wait after so many failures one after the other, at least one. */
export function pauseAfter({ firstPauseMs, longestPauseMs }: Pace, failures: number): number {
  return Math.min(longestPauseMs, firstPauseMs * 2 ** (failures - 1));
}
