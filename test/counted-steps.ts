// After a story: each step's counters and balance are what the log holds, said by the verifier and by the overview's question,
// which share no code. The worlds of the tests call it with the replay, so that no story forgets it.
import assert from 'node:assert/strict';
import { findStepFaults, groupRuns } from '../api/queries/runs.ts';
import type { ClickHouse } from '../ingest/clickhouse/connect.ts';
import { readEvents } from '../ingest/clickhouse/read-events.ts';
import { toRow } from '../ingest/clickhouse/rows.ts';
import type { ChangeEvent } from '../ingest/event.ts';
import { JournalSnapshot } from '../ingest/journal/snapshot.ts';
import { Findings } from '../ingest/verify/findings.ts';
import { parseRow, type Row } from '../ingest/verify/row.ts';
import type { StepCount } from '../ingest/verify/source.ts';
import { StepLedger } from '../ingest/verify/step-ledger.ts';

export async function assertStepsCount(folder: string, clickhouse?: ClickHouse): Promise<void> {
  const snapshot = new JournalSnapshot(folder);
  try {
    const first = snapshot.expiredBelow();
    const findings = new Findings();
    const ledger = new StepLedger(findings, first);
    const ofRuns: ChangeEvent[] = [];
    const counted = new Map<string, Map<string, number>>();
    for await (const page of readEvents(snapshot, clickhouse)) {
      const rows: Row[] = [];
      const counts: StepCount[] = [];
      for (const event of page) {
        if (event.stage === 'run') ofRuns.push(event);
        if (event.stage === 'run') rows.push(parseRow(JSON.parse(JSON.stringify(toRow(event)))));
        else if (event.run !== undefined && event.step !== undefined) {
          const { run, step, sequence } = event;
          const name = [event.stage, event.agent ?? '', event.objectType ?? '', event.outcome].join('/');
          counts.push({ run, step, name, count: 1, sequence });
          const ofStep = counted.get(`${run}/${step}`) ?? new Map<string, number>();
          counted.set(`${run}/${step}`, ofStep.set(name, (ofStep.get(name) ?? 0) + 1));
        }
      }
      ledger.add(counts, rows);
    }
    ledger.finish();
    assert.deepEqual(findings.list('fault'), [], 'the verifier finds a step that is not what the log holds');
    for (const run of groupRuns(ofRuns, Number.MAX_SAFE_INTEGER).filter(({ id }) => id >= first))
      for (const step of run.steps) {
        const faults = findStepFaults(run, step, counted.get(`${run.id}/${step.number}`));
        const where = `step ${step.number} of run ${run.id}`;
        assert.deepEqual(
          faults.filter((fault) => !fault.includes('was interrupted')),
          [],
          where,
        );
      }
  } finally {
    snapshot.close();
  }
}
