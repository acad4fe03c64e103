// The figures of leavers' delays, with open accounts counted as open.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { computeDelays, type Delay, findQuantile } from '../api/queries/survival.ts';
import { formatDelay } from '../reports/wording.ts';

const closed = (hours: number): Delay => ({ hours, open: false });
const open = (hours: number): Delay => ({ hours, open: true });
const exactly = (hours: number) => ({ hours, atLeast: false });
const atLeast = (hours: number) => ({ hours, atLeast: true });

const TABLE: [string, Delay[], ReturnType<typeof computeDelays>][] = [
  [
    'no account has no figures',
    [],
    { accounts: 0, closed: 0, open: 0, p50: undefined, p95: undefined, longest: undefined },
  ],
  [
    'all closed: the figures are those of the delays',
    [4, 1, 3, 2].map(closed),
    { accounts: 4, closed: 4, open: 0, p50: exactly(2), p95: exactly(4), longest: exactly(4) },
  ],
  [
    'one that is still open makes the longest a lower bound, even when a closed one lasted longer',
    [closed(1), closed(9), open(5)],
    { accounts: 3, closed: 2, open: 1, p50: exactly(9), p95: exactly(9), longest: atLeast(9) },
  ],
  [
    'half open from the start: the median is not reached',
    [closed(1), open(100), open(200)],
    { accounts: 3, closed: 1, open: 2, p50: atLeast(200), p95: atLeast(200), longest: atLeast(200) },
  ],
  [
    'an account opened lately does not pull the figures down',
    [closed(10), closed(20), open(1)],
    { accounts: 3, closed: 2, open: 1, p50: exactly(10), p95: exactly(20), longest: atLeast(20) },
  ],
  [
    'all open: nothing but lower bounds',
    [open(7), open(3)],
    { accounts: 2, closed: 0, open: 2, p50: atLeast(7), p95: atLeast(7), longest: atLeast(7) },
  ],
  [
    'disabled before leaving is a delay below zero',
    [closed(-5), closed(2)],
    { accounts: 2, closed: 2, open: 0, p50: exactly(-5), p95: exactly(2), longest: exactly(2) },
  ],
];

for (const [name, delays, expected] of TABLE) test(name, () => assert.deepEqual(computeDelays(delays), expected));

test('without open accounts, a quantile is the delay at that rank, whatever the delays', () => {
  const rank = (sorted: number[], share: number) => sorted[Math.ceil(sorted.length * share - 1e-9) - 1];
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -100, max: 5000 }), { minLength: 1, maxLength: 200 }), (hours) => {
      const figures = computeDelays(hours.map(closed));
      const sorted = hours.toSorted((a, b) => a - b);
      assert.deepEqual([figures.p50?.hours, figures.p95?.hours], [rank(sorted, 0.5), rank(sorted, 0.95)]);
    }),
  );
});

test('leaving an account open never makes a figure better', () => {
  const value = (figures: ReturnType<typeof computeDelays>) => figures.p95?.hours ?? 0;
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 500 }), { minLength: 1, maxLength: 50 }), (hours) => {
      const longest = Math.max(...hours);
      const leftOpen = [...hours.map(closed), open(longest + 1)];
      assert.ok(value(computeDelays(leftOpen)) >= value(computeDelays(hours.map(closed))));
    }),
  );
});

test('a delay is given in hours, and in days too when it is long', () => {
  assert.deepEqual([0, 5.25, 71.9, 72, 2035, -1.5, -0.01].map(formatDelay), [
    '0.0 h',
    '5.3 h',
    '71.9 h',
    '72 h (3.0 days)',
    '2,035 h (84.8 days)',
    '1.5 h before leaving',
    '0.0 h',
  ]);
});

// Weeks of remission of Freireich and others (Blood 21 (1963), 699), the data set gehan of R's package MASS; the figures are
// those of survfit(Surv(time, cens) ~ treat): the first t at which the survival is so small.
const SIX_MP = [
  ...[6, 6, 6, 7, 10, 13, 16, 22, 23].map(closed),
  ...[6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35].map(open),
];
const CONTROL = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23].map(closed);

test("the figures of a textbook's data set are the textbook's", () => {
  const survival = [
    [0.857, 6],
    [0.807, 7],
    [0.753, 10],
    [0.69, 13],
    [0.627, 16],
    [0.538, 22],
    [0.448, 23],
  ] as const;
  for (const [index, [share, weeks]] of survival.entries()) {
    const before = survival[index - 1]?.[0] ?? 1;
    // Just below the step before the next one is needed, down to this one it is enough.
    assert.deepEqual(findQuantile(SIX_MP, 1 - before + 0.001), exactly(weeks));
    assert.deepEqual(findQuantile(SIX_MP, 1 - share - 0.001), exactly(weeks));
  }
  assert.deepEqual(findQuantile(SIX_MP, 1 - 0.447), atLeast(35));
  assert.deepEqual(computeDelays(SIX_MP).p50, exactly(23));
  assert.deepEqual(
    [0.25, 0.5, 0.75].map((share) => findQuantile(CONTROL, share)?.hours),
    [4, 8, 12],
  );
});
