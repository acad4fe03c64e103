// How long accounts stay open after their people left, with those that are still open counted as what they are: a
// delay of which only the beginning is known. Dropping them would make the slowest cases vanish from the figures.
//
// S(t), the share that is still open after t, is estimated as the product, over each delay t_i ≤ t of a closed case, of
// 1 − d_i / n_i: d_i cases were closed at t_i, n_i had been open so long, those with t_i itself among them. (E. L. Kaplan and
// P. Meier, "Nonparametric Estimation from Incomplete Observations", Journal of the American Statistical Association 53 (1958),
// pages 457 to 481.) The p-th quantile is the smallest t with S(t) ≤ 1 − p.

export interface Delay {
  hours: number;
  /** Still open: the delay is at least this long. */
  open: boolean;
}

export interface Duration {
  hours: number;
  /** True: the figure is not reached yet, it is at least this long. */
  atLeast: boolean;
}

export interface DelayFigures {
  accounts: number;
  closed: number;
  open: number;
  /** Undefined without accounts. */
  p50: Duration | undefined;
  p95: Duration | undefined;
  longest: Duration | undefined;
}

/** Rounding of the products below must not move a quantile to the next case. */
const TOLERANCE = 1e-9;

export function computeDelays(delays: readonly Delay[]): DelayFigures {
  const open = delays.filter((delay) => delay.open).length;
  const longest = delays.reduce((longest, { hours }) => Math.max(longest, hours), Number.NEGATIVE_INFINITY);
  return {
    accounts: delays.length,
    closed: delays.length - open,
    open,
    p50: findQuantile(delays, 0.5),
    p95: findQuantile(delays, 0.95),
    longest: delays.length === 0 ? undefined : { hours: longest, atLeast: open > 0 },
  };
}

/**
 * Kaplan and Meier's estimate: the shortest delay within which that share of the accounts was disabled. An open account
 * counts as at risk until now, and as nothing after. Not reached: at least the longest delay that was seen.
 */
export function findQuantile(delays: readonly Delay[], share: number): Duration | undefined {
  const sorted = [...delays].sort((a, b) => a.hours - b.hours || Number(a.open) - Number(b.open));
  let stillOpen = 1;
  for (const [index, { hours, open }] of sorted.entries()) {
    if (open) continue;
    stillOpen *= 1 - 1 / (sorted.length - index);
    if (stillOpen <= 1 - share + TOLERANCE) return { hours, atLeast: false };
  }
  const last = sorted.at(-1);
  return last === undefined ? undefined : { hours: last.hours, atLeast: true };
}
