// What the pages write: durations, sizes, the scale of a chart, and the plain words of changes and counters.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatDuration, formatExactly, formatInstant, listMonths, readInstant } from '../dashboards/dates.ts';
import { formatBytes, formatCount } from '../dashboards/numbers.ts';
import { chooseScale } from '../dashboards/overview/chart-scale.ts';
import { linkCounted } from '../dashboards/runs/counter-name.ts';
import { describeChange, describeOutcome } from '../dashboards/words/outcome-words.ts';

test('a duration has its two largest units', () => {
  const said = [0, 350, 999.6, 59_999, 252_000, 3_600_000, 104_400_000, -90_000].map(formatDuration);
  assert.deepEqual(said, ['0 s', '350 ms', '1 s', '1 min', '4 min 12 s', '1 h', '1 d 5 h', '−1 min 30 s']);
});

test('an instant is written in UTC, whatever zone it came with', () => {
  assert.equal(formatInstant('2024-03-31T14:05:09.123456Z'), '2024-03-31 14:05:09');
  assert.equal(formatInstant('2024-03-31T14:05:09+02:00'), '2024-03-31 12:05:09');
  assert.equal(formatExactly('2024-03-31T14:05:09.123456Z'), '2024-03-31 14:05:09.123456 UTC');
});

test('what is filled in as a time is UTC; what is no time is nothing', () => {
  assert.equal(readInstant('2024-03-31'), '2024-03-31T00:00:00Z');
  assert.equal(readInstant('2024-03-31T14:05'), '2024-03-31T14:05:00Z');
  assert.equal(readInstant('2024-03-31T14:05:09Z'), '2024-03-31T14:05:09Z');
  assert.equal(readInstant('yesterday'), undefined);
  assert.equal(readInstant(''), undefined);
});

test('months without a change are months, too', () => {
  assert.deepEqual(listMonths(['2024-02', '2023-11']), ['2023-11', '2023-12', '2024-01', '2024-02']);
});

test('numbers and sizes are grouped and short', () => {
  assert.deepEqual(
    [formatCount(1_234_567), formatCount('12345678901234567890')],
    ['1,234,567', '12,345,678,901,234,567,890'],
  );
  assert.deepEqual([0, 1023, 1536, 183_204, 5 * 1024 ** 3].map(formatBytes), [
    '0 bytes',
    '1,023 bytes',
    '1.5 KiB',
    '179 KiB',
    '5.0 GiB',
  ]);
});

test('only a bar that hides all others goes beyond the scale', () => {
  assert.deepEqual(chooseScale([6660, 1010, 900]), { most: 1400, beyond: 0 });
  assert.deepEqual(chooseScale([20, 23, 160]), { most: 28, beyond: 2 });
  assert.deepEqual(chooseScale([30, 10]), { most: undefined, beyond: undefined });
  assert.deepEqual(chooseScale([7]), { most: undefined, beyond: undefined });
});

test('an outcome is told in plain words by its stage, an unknown one by its name', () => {
  assert.equal(describeOutcome('import-flow', 'connector-flow'), 'Values flowed into the metaverse');
  assert.equal(describeOutcome('export-flow', 'connector-flow'), 'Change staged for export');
  assert.equal(describeOutcome('import', 'something-new'), 'Something new');
  assert.equal(describeOutcome('erasure', 'key-deleted'), 'Erasure: key deleted');
  assert.equal(describeOutcome('erasure', 'person-erased'), 'A person was erased');
  assert.equal(describeOutcome('baseline', 'connector-flow'), 'Baseline: connector flow');
  const run = { stage: 'run', operation: 'finish', outcome: 'completed-export-errors', step: null };
  assert.equal(describeChange(run), 'Run finished: completed export errors');
  assert.equal(describeChange({ ...run, operation: 'start', outcome: 'in-progress', step: 2 }), 'Step 2 started');
});

test('a counter leads to the changes that it counted', () => {
  const counter = { stage: 'import', agent: 'hr', objectType: 'person', name: 'stage-add' };
  assert.equal(String(linkCounted('12', counter)), 'run=12&outcomes=stage-add&stages=import&agent=hr');
  assert.equal(String(linkCounted(12, { ...counter, stage: '', agent: '' })), 'run=12&outcomes=stage-add');
});
