// The figures of leavers' delays, with open accounts counted as open.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { computeDelays, type Delay } from '../reports/delay.ts';
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
