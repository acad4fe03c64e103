// What a report needs to know, and how a wrong parameter is refused.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatIso } from '../ingest/clock.ts';
import { findReport, parseReportParameters, REPORTS, ReportParameterError } from '../reports/definitions.ts';

function parseAt(at: string): string {
  const request = parseReportParameters('access', { at });
  assert.equal(request.report, 'access');
  return request.report === 'access' ? formatIso(request.at) : '';
}

test('a bare date as of which access is asked means the end of that day', () => {
  assert.equal(parseAt('2010-01-31'), '2010-01-31T23:59:59.999999Z');
});

test('an instant is taken to the microsecond, with its zone, and without one as UTC', () => {
  assert.equal(parseAt('2010-01-31T18:30:00.000001Z'), '2010-01-31T18:30:00.000001Z');
  assert.equal(parseAt('2010-01-31T18:30:00+02:00'), '2010-01-31T16:30:00.000000Z');
  assert.equal(parseAt('2010-01-31T18:30:00'), '2010-01-31T18:30:00.000000Z');
});

test('a period of bare dates runs from the first to the last microsecond', () => {
  const request = parseReportParameters('leavers', { from: '2010-01-01', to: '2010-01-31' });
  assert.deepEqual(request.report === 'leavers' ? [request.from, request.to].map(formatIso) : [], [
    '2010-01-01T00:00:00.000000Z',
    '2010-01-31T23:59:59.999999Z',
  ]);
});

test('one day is a period', () => {
  assert.doesNotThrow(() => parseReportParameters('leavers', { from: '2010-01-31', to: '2010-01-31' }));
});

test('an optional parameter that is empty is as one that is absent', () => {
  assert.deepEqual(
    parseReportParameters('access', { at: '2010-01-31', agent: '', entitlement: undefined }),
    parseReportParameters('access', { at: '2010-01-31' }),
  );
});

const DATE = 'a date like 2010-01-31, or an instant like 2010-01-31T18:30:00Z, between 1970 and 2254';
const LONG = 'x'.repeat(1001);
const PERIOD = { from: '2010-01-01', to: '2010-01-31' };

const REFUSED: [string, Record<string, string>, string, string][] = [
  ['turnover', {}, 'name', 'There is no report "turnover"; expected one of: access, leavers.'],
  ['constructor', {}, 'name', 'There is no report "constructor"; expected one of: access, leavers.'],
  ['access', {}, 'at', `The parameter "at" is missing; expected ${DATE}.`],
  ['access', { at: '' }, 'at', `The parameter "at" is missing; expected ${DATE}.`],
  ['access', { at: 'yesterday' }, 'at', `The parameter "at" is "yesterday"; expected ${DATE}.`],
  ['access', { at: '31.01.2010' }, 'at', `The parameter "at" is "31.01.2010"; expected ${DATE}.`],
  ['access', { at: '2010-02-30' }, 'at', `The parameter "at" is "2010-02-30"; expected ${DATE}.`],
  ['access', { at: '2010-01-31 ' }, 'at', `The parameter "at" is "2010-01-31 "; expected ${DATE}.`],
  ['access', { at: '2010-01-31Z' }, 'at', `The parameter "at" is "2010-01-31Z"; expected ${DATE}.`],
  ['access', { at: '2010-01-31T25:00:00Z' }, 'at', `The parameter "at" is "2010-01-31T25:00:00Z"; expected ${DATE}.`],
  ['access', { at: '1969-12-31' }, 'at', `The parameter "at" is "1969-12-31"; expected ${DATE}.`],
  ['access', { at: '9999-12-31' }, 'at', `The parameter "at" is "9999-12-31"; expected ${DATE}.`],
  ['access', { at: '2010\u202e-01' }, 'at', `The parameter "at" is "2010\u202e-01"; expected ${DATE}.`],
  ['access', { at: LONG }, 'at', `The parameter "at" is "${'x'.repeat(60)}…"; expected ${DATE}.`],
  [
    'access',
    { at: '2010-01-31', agent: LONG },
    'agent',
    `The parameter "agent" is "${'x'.repeat(60)}…"; expected at most 1000 characters that name one system.`,
  ],
  [
    'access',
    { at: '2010-01-31', date: '2010-01-31' },
    'date',
    'The report "access" has no parameter "date"; expected: at, agent, entitlement.',
  ],
  ['leavers', { to: '2010-01-31' }, 'from', `The parameter "from" is missing; expected ${DATE}.`],
  ['leavers', { ...PERIOD, to: 'now' }, 'to', `The parameter "to" is "now"; expected ${DATE}.`],
  [
    'leavers',
    { from: '2010-02-01', to: '2010-01-31' },
    'to',
    'The parameter "to" is "2010-01-31"; expected "2010-02-01" in "from" or a later time.',
  ],
];

for (const [report, parameters, parameter, message] of REFUSED) {
  test(`refused: ${message.slice(0, 90)}`, () => {
    assert.throws(
      () => parseReportParameters(report, parameters),
      (error) => {
        assert.ok(error instanceof ReportParameterError);
        assert.deepEqual([error.message, error.parameter, error.retryable], [message, parameter, false]);
        return true;
      },
    );
  });
}

test('every report of the catalogue is found by its name and describes its parameters', () => {
  for (const [name, definition] of Object.entries(REPORTS)) {
    assert.equal(findReport(name), definition);
    assert.equal(definition.name, name);
    for (const parameter of definition.parameters) assert.notEqual(parameter.label, '');
  }
});
