// Each step's own account against the log: what the engine counted is counted again, and a step that nobody finished is a gap.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Findings } from '../ingest/verify/findings.ts';
import type { Report } from '../ingest/verify/report.ts';
import { parseRow, type Row } from '../ingest/verify/row.ts';
import { StepLedger } from '../ingest/verify/step-ledger.ts';
import { checkBundle, makeBundle } from './bundle-world.ts';
import { makeEvent, makeFolder } from './ingest-world.ts';
import { check, makeLog } from './verify-world.ts';

const RUN = 10;

function runEvent(sequence: number, fields: Record<string, unknown>, values: Record<string, number> = {}): Row {
  const names = Object.keys(values);
  return parseRow({
    log: 'metatrail/x',
    sequence,
    event_version: 1,
    recorded_at: '2026-11-23 10:00:00.000000',
    occurred_at: '2026-11-23 10:00:00.000000',
    stage: 'run',
    run: RUN,
    run_known: 1,
    root: sequence,
    'value.attribute': names,
    'value.type': names.map(() => 'integer'),
    'value.operation': names.map(() => 'add'),
    'value.old': names.map(() => ''),
    'value.new': Object.values(values).map(String),
    ...fields,
  });
}

const START = runEvent(RUN, { operation: 'start' });
const STEP_START = runEvent(11, { operation: 'start', step: 1 });
const END = runEvent(30, { operation: 'finish', outcome: 'success' });
const stepEnd = (values: Record<string, number>, outcome = 'success') =>
  runEvent(20, { operation: 'finish', step: 1, outcome }, values);
const added = (count: number) => ({ run: RUN, step: 1, name: 'import/hr/employee/stage-add', count, sequence: 12 });
const BALANCE = {
  'balance/employee/read': 5,
  'balance/employee/unchanged': 2,
  'balance/employee/changed': 3,
  'balance/employee/refused': 0,
};
const COUNTED = { 'counter/import/hr/employee/stage-add': 3, 'counter/import/hr/employee/stage-no-change': 2 };

interface Case {
  counts?: ReturnType<typeof added>[];
  rows: Row[];
  /** What comes with the next chunk. */
  later?: { counts: ReturnType<typeof added>[]; rows: Row[] };
  first?: number;
  faults?: RegExp[];
  gaps?: RegExp[];
}

const CASES: Record<string, Case> = {
  'counters and balance that are right': {
    counts: [added(3)],
    rows: [START, STEP_START, stepEnd({ ...COUNTED, ...BALANCE }), END],
  },
  'an event that is not in the log': {
    counts: [added(2)],
    rows: [START, STEP_START, stepEnd({ ...COUNTED, ...BALANCE }), END],
    faults: [
      /In step 1 of run 10, which ended at event 20, 3 import\/hr\/employee\/stage-add were counted, and the log holds 2\./,
      /In step 1 of run 10, which ended at event 20, 3 employee objects are said to be changed, and the log holds 2 \(/,
    ],
  },
  'events that were not counted': {
    counts: [added(3), { ...added(1), name: 'join/hr/employee/disconnector-joined' }],
    rows: [START, STEP_START, stepEnd({ ...COUNTED, ...BALANCE }), END],
    faults: [/0 join\/hr\/employee\/disconnector-joined were counted, and the log holds 1/],
  },
  'a balance that does not add up': {
    counts: [added(3)],
    rows: [START, STEP_START, stepEnd({ ...COUNTED, ...BALANCE, 'balance/employee/read': 6 }), END],
    faults: [/of 6 employee objects read, 2 unchanged, 3 changed and 0 refused do not add up/],
  },
  'a step without an end in a run that is over': {
    counts: [added(3)],
    rows: [START, STEP_START, END],
    faults: [/Run 10 is over at event 30, but the log holds no end of its step 1/],
  },
  'events of a step that has no record': {
    counts: [added(3)],
    rows: [START, END],
    faults: [/The log holds 3 events of step 1 of run 10, which has no record or was over by then/],
  },
  'events of a step after its end': {
    counts: [added(3)],
    rows: [START, STEP_START, stepEnd({ ...COUNTED, ...BALANCE })],
    later: { counts: [added(2)], rows: [END] },
    faults: [/The log holds 2 events of step 1 of run 10, which has no record or was over by then/],
  },
  'a step that the next start closed': {
    counts: [added(3)],
    rows: [START, STEP_START, stepEnd({}, 'stopped-service-shutdown'), END],
    gaps: [
      /step 1 of run 10, which ended at event 20, was interrupted before its counters were recorded: its 3 events/,
    ],
  },
  'an interrupted step without events': { rows: [START, STEP_START, stepEnd({}, 'stopped-server'), END] },
  'a run that goes on': { counts: [added(3)], rows: [START, STEP_START], gaps: [/Run 10 is not over/] },
  'a run that began before the first row': {
    counts: [added(3)],
    rows: [stepEnd(COUNTED), END],
    first: 11,
    gaps: [/Run 10 began before event 11/],
  },
};

for (const [what, { counts = [], rows, later, first = 0, faults = [], gaps = [] }] of Object.entries(CASES)) {
  test(`steps are counted: ${what}`, () => {
    const findings = new Findings();
    const ledger = new StepLedger(findings, first);
    ledger.add(counts, rows);
    if (later) ledger.add(later.counts, later.rows);
    ledger.finish();
    const compare = (weight: 'fault' | 'gap', expected: RegExp[]) => {
      const said = findings.list(weight).map(({ what: sentence }) => sentence);
      assert.equal(said.length, expected.length, said.join('\n'));
      for (const [i, each] of expected.entries()) assert.match(said[i] ?? '', each);
    };
    compare('fault', faults);
    compare('gap', gaps);
  });
}

const value = (attribute: string, count: number) => ({
  attribute,
  type: 'integer' as const,
  operation: 'add' as const,
  new: String(count),
  marks: 0,
});

/** A log of one import that staged so many new employees, with this at its end, checked in ClickHouse and in a bundle. */
async function checkImport(t: TestContext, staged: number, end: Record<string, number>): Promise<Report[]> {
  const folder = makeFolder(t);
  const ofRun = { run: 0, step: 1, agent: 'hr' };
  await makeLog(folder, {
    checkpoints: [],
    batches: [
      () => [
        makeEvent({ stage: 'run', operation: 'start', outcome: 'in-progress', run: 0, agent: 'hr' }),
        makeEvent({ ...ofRun, stage: 'run', operation: 'start', outcome: 'in-progress' }),
        ...Array.from({ length: staged }, () => makeEvent({ ...ofRun, objectType: 'employee' })),
        makeEvent({
          ...ofRun,
          stage: 'run',
          operation: 'finish',
          outcome: 'success',
          values: Object.entries(end).map(([name, count]) => value(name, count)),
        }),
        makeEvent({ stage: 'run', operation: 'finish', outcome: 'success', run: 0, agent: 'hr' }),
      ],
    ],
  });
  const bundle = makeFolder(t);
  await makeBundle(folder, bundle);
  return [await check(folder), await checkBundle(bundle)];
}

const stepFaults = ({ faults }: Report) => faults.map(({ kind, first, what }) => [kind, first, what]);

test('an engine that counted what it did not do is found, in ClickHouse and in a bundle', async (t) => {
  const where = 'In step 1 of run 0, which ended at event 9,';
  for (const report of await checkImport(t, 7, {
    'counter/import/hr/employee/stage-add': 8,
    'balance/employee/read': 8,
    'balance/employee/changed': 8,
  })) {
    assert.deepEqual(report.steps, { checked: 1, interrupted: 0 });
    assert.deepEqual(stepFaults(report), [
      ['step', 9, `${where} 8 import/hr/employee/stage-add were counted, and the log holds 7.`],
      [
        'step',
        9,
        `${where} 8 employee objects are said to be changed, and the log holds 7 (stage-add, stage-update, stage-rename).`,
      ],
    ]);
  }
});

test('a balance that adds up, of a hundred changed objects where the log holds three, is found', async (t) => {
  const [live, offline] = await checkImport(t, 3, {
    'counter/import/hr/employee/stage-add': 3,
    'balance/employee/read': 100,
    'balance/employee/changed': 100,
  });
  for (const report of [live, offline])
    assert.deepEqual(report && stepFaults(report), [
      [
        'step',
        5,
        'In step 1 of run 0, which ended at event 5, 100 employee objects are said to be changed, and the log holds 3 (stage-add, stage-update, stage-rename).',
      ],
    ]);
});
