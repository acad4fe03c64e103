// Times are microseconds in UTC; their text is that of ClickHouse and of ISO 8601. A clock that goes back is told.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { fromRow, rowSchema } from '../ingest/clickhouse/rows.ts';
import { formatIso, formatMicros, parseInstant, systemClock } from '../ingest/clock.ts';
import { makeBatch, makeFolder, openJournal } from './ingest-world.ts';

test('a time survives being written and read, to the microsecond', () => {
  fc.assert(
    fc.property(fc.integer({ min: -8_000_000_000_000_000, max: Number.MAX_SAFE_INTEGER }), (micros) => {
      assert.equal(parseInstant(formatMicros(micros)), micros);
      assert.equal(parseInstant(formatIso(micros)), micros);
    }),
  );
});

const WRITTEN: [micros: number, text: string][] = [
  [0, '1970-01-01 00:00:00.000000'],
  [-1, '1969-12-31 23:59:59.999999'],
  [1_264_982_399_999_999, '2010-01-31 23:59:59.999999'],
  [Number.MAX_SAFE_INTEGER, '2255-06-05 23:47:34.740991'],
];
for (const [micros, text] of WRITTEN) {
  test(`${micros} microseconds are ${text}`, () => {
    assert.equal(formatMicros(micros), text);
    assert.equal(formatIso(micros), `${text.replace(' ', 'T')}Z`);
  });
}

const READ: [text: string, iso: string | undefined][] = [
  ['2010-02-28', '2010-02-28T00:00:00.000000Z'],
  ['2012-02-29', '2012-02-29T00:00:00.000000Z'],
  ['2010-02-28T12:30:00', '2010-02-28T12:30:00.000000Z'],
  ['2010-02-28 12:30:00.5', '2010-02-28T12:30:00.500000Z'],
  ['2010-02-28T12:30:00.1234567Z', '2010-02-28T12:30:00.123456Z'],
  ['2010-02-28T00:30:00+01:00', '2010-02-27T23:30:00.000000Z'],
  ['2010-02-29', undefined],
  ['2010-13-01', undefined],
  ['2010-02-30T12:00:00Z', undefined],
  ['2010-02-28T24:00:00Z', undefined],
  ['2010-02-28T12:60:00Z', undefined],
  ['2010-02-28T12:00:60Z', undefined],
  ['2010-02-28T12:00:00+25:00', undefined],
  ['9999-12-31', undefined],
  ['2010-2-1', undefined],
  ['2010-02-28T12:30', undefined],
  [' 2010-02-28', undefined],
  ['', undefined],
];
for (const [text, iso] of READ) {
  test(`"${text}" is ${iso ?? 'no instant'}`, () => {
    const micros = parseInstant(text);
    assert.equal(micros === undefined ? undefined : formatIso(micros), iso);
  });
}

test('the clock of the machine counts microseconds', () => {
  const before = Date.now() * 1000;
  const now = systemClock();
  assert.ok(now >= before && now <= Date.now() * 1000 && Number.isSafeInteger(now));
});

const SECOND = 1_000;

/** The clock goes through these milliseconds, at each an event is accepted; what was accepted, in order. */
async function acceptAt(t: TestContext, times: readonly number[], restarts: boolean): Promise<string[]> {
  const folder = makeFolder(t);
  let journal = await openJournal(t, folder);
  const start = Date.now();
  t.mock.timers.enable({ apis: ['Date'], now: start });
  for (const time of times) {
    t.mock.timers.setTime(start + time);
    await journal.accept((base) => makeBatch(base, 1));
    if (!restarts) continue;
    await journal.close();
    journal = await openJournal(t, folder);
  }
  return journal.rows(0, 100).map(({ row }) => {
    const { outcome, values } = fromRow(rowSchema.parse(JSON.parse(row)));
    const [clock] = outcome === 'clock-set-back' ? values : [];
    if (!clock) return outcome;
    const [from, to] = [clock.old, clock.new].map((text) => (parseInstant(text ?? '') ?? 0) / 1000 - start);
    return `${from} to ${to}`;
  });
}

for (const restarts of [false, true]) {
  const where = restarts ? ', the journal opened anew before each' : '';
  test(`a clock that goes back in steps of less than a second is told when they come to more${where}`, async (t) => {
    const times = [0, -0.9, -1.8, -2.7, -3.6].map((step) => step * SECOND);
    assert.deepEqual(await acceptAt(t, times, restarts), [
      'stage-add',
      'stage-add',
      '0 to -1800',
      'stage-add',
      'stage-add',
      '-1800 to -3600',
      'stage-add',
    ]);
  });

  test(`a clock that a time service sets right again and again is not told${where}`, async (t) => {
    const times = [0, -0.9, 0.2, -0.7, 5, 4.1, 4.9, 4.2].map((step) => step * SECOND);
    assert.deepEqual(await acceptAt(t, times, restarts), Array(times.length).fill('stage-add'));
  });
}
