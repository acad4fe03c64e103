// The balance of an import against the events of its step. The rule stands twice, in the verifier and in the overview's
// question, which share no code: each case is put to both.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { findStepFaults, type RunRecord, type RunStep, type StepBalance } from '../api/queries/runs.ts';
import { findBalanceFaults } from '../ingest/verify/step-balance.ts';

interface Case {
  /** The balance of type person that the step's end has; undefined: it has none. */
  balance?: Partial<StepBalance>;
  /** Of the step's end and of the log alike, but for stage-no-change, which leaves no event. */
  events: Record<string, number>;
  unchanged?: number;
  /** What is wrong, in the verifier's words. */
  faults: string[];
}

const CASES: Record<string, Case> = {
  'every part is what was counted': {
    balance: { read: 17, unchanged: 4, changed: 11, refused: 2, gone: 3 },
    events: { 'stage-add': 5, 'stage-update': 4, 'stage-rename': 2, 'stage-failure': 2, 'stage-delete': 3 },
    unchanged: 4,
    faults: [],
  },
  'a hundred changed, of which the log holds three': {
    balance: { read: 100, changed: 100 },
    events: { 'stage-add': 3 },
    faults: ['100 person objects are said to be changed, and the log holds 3 (stage-add, stage-update, stage-rename).'],
  },
  'fewer changed than the log holds': {
    balance: { read: 1, changed: 1 },
    events: { 'stage-update': 1, 'stage-rename': 1 },
    faults: ['1 person objects are said to be changed, and the log holds 2 (stage-add, stage-update, stage-rename).'],
  },
  'refused, and the log has no refusal': {
    balance: { read: 2, refused: 2 },
    events: {},
    faults: ['2 person objects are said to be refused, and the log holds 0 (stage-failure).'],
  },
  'gone, and the log says of one only that it is': {
    balance: { gone: 2 },
    events: { 'stage-delete': 1 },
    faults: ['2 person objects are said to be gone, and the log holds 1 (stage-delete).'],
  },
  'unchanged, and the counter says otherwise': {
    balance: { read: 9, unchanged: 9 },
    events: {},
    unchanged: 8,
    faults: ['9 person objects are said to be unchanged, and its counter stage-no-change says 8.'],
  },
  'parts that are right, and a number read that is not': {
    balance: { read: 6, unchanged: 2, changed: 3 },
    events: { 'stage-add': 3 },
    unchanged: 2,
    faults: ['of 6 person objects read, 2 unchanged, 3 changed and 0 refused do not add up.'],
  },
  'no balance, and there are events of an import': {
    events: { 'stage-add': 3 },
    faults: ['0 person objects are said to be changed, and the log holds 3 (stage-add, stage-update, stage-rename).'],
  },
  'no balance, and the counter says that some were unchanged': {
    events: {},
    unchanged: 5,
    faults: ['0 person objects are said to be unchanged, and its counter stage-no-change says 5.'],
  },
  'what no balance counts': { events: { 'reference-resolved': 7 }, faults: [] },
};

const NOTHING: StepBalance = { read: 0, unchanged: 0, changed: 0, refused: 0, gone: 0 };

function ofVerifier({ balance, events, unchanged }: Case): string[] {
  const counted = new Map(Object.entries(events).map(([outcome, count]) => [`import/hr/person/${outcome}`, count]));
  const recorded = new Map(counted);
  if (unchanged !== undefined) recorded.set('import/hr/person/stage-no-change', unchanged);
  const parts = balance ? Object.entries({ ...NOTHING, ...balance }) : [];
  return findBalanceFaults({
    balance: new Map(parts.map(([part, count]) => [`person/${part}`, count])),
    recorded,
    counted,
  });
}

function ofOverview({ balance, events, unchanged }: Case): string[] {
  const counters = Object.entries(events).map(([outcome, count]) => ({ name: `import/hr/person/${outcome}`, count }));
  const step: RunStep = {
    number: 1,
    kind: 'full-import',
    result: 'success',
    startedAt: 0,
    finishedAt: 1,
    message: undefined,
    input: undefined,
    counters: [
      ...counters,
      ...(unchanged === undefined ? [] : [{ name: 'import/hr/person/stage-no-change', count: unchanged }]),
    ],
    balances: balance ? { person: { ...NOTHING, ...balance } } : {},
  };
  const run: RunRecord = {
    id: 1,
    agent: 'hr',
    profile: 'full',
    startedAt: 0,
    finishedAt: 1,
    result: 'success',
    steps: [step],
    watermark: 10,
  };
  return findStepFaults(run, step, new Map(counters.map(({ name, count }) => [name, count])));
}

/** What is wrong with which part, without what it was held against: that each says in words of its own. */
const claimOf = (sentence: string): string | undefined =>
  sentence.split(/, (?:and )?(?:the|its) /)[0]?.replace(/\.$/, '');

for (const [what, given] of Object.entries(CASES)) {
  test(`balance: ${what}`, () => {
    assert.deepEqual(ofVerifier(given), given.faults);
    assert.deepEqual(ofOverview(given).map(claimOf), given.faults.map(claimOf));
  });
}

test('whatever a step says, both find as many faults, and none exactly when every part is right', () => {
  const few = fc.nat({ max: 3 });
  /** How far a part is off: mostly not at all. */
  const off = fc.constantFrom(0, 0, 0, 0, 0, 1);
  const anyStep = fc.record({
    events: fc.record({ 'stage-add': few, 'stage-update': few, 'stage-failure': few, 'stage-delete': few }),
    unchanged: few,
    wrong: fc.record({ read: off, unchanged: off, changed: off, refused: off, gone: off }),
  });
  fc.assert(
    fc.property(anyStep, ({ events, unchanged, wrong }) => {
      const changed = events['stage-add'] + events['stage-update'] + wrong.changed;
      const refused = events['stage-failure'] + wrong.refused;
      const gone = events['stage-delete'] + wrong.gone;
      const said = unchanged + wrong.unchanged;
      const balance = { read: said + changed + refused + wrong.read, unchanged: said, changed, refused, gone };
      const given = { events, unchanged, balance, faults: [] };
      const count = Object.values(wrong).filter((each) => each !== 0).length;
      assert.equal(ofVerifier(given).length, count);
      assert.equal(ofOverview(given).length, count);
    }),
  );
});
