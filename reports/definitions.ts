// The catalogue: which reports there are, and what each needs to know. Parameters arrive as strings, from a form, a
// schedule or the command line, and are checked here once.
import { z } from 'zod';
import { type Micros, parseInstant } from '../ingest/clock.ts';

export interface ReportParameter {
  name: string;
  label: string;
  type: 'date' | 'text';
  required: boolean;
  /** What a bare date stands for: the first or the last microsecond of that day, UTC. Dates only. */
  edge?: 'first' | 'last';
}

export interface ReportDefinition {
  name: ReportName;
  title: string;
  description: string;
  parameters: readonly ReportParameter[];
}

export type ReportName = 'access' | 'leavers';

export interface AccessRequest {
  report: 'access';
  at: Micros;
  agent: string | undefined;
  entitlement: string | undefined;
}

export interface LeaversRequest {
  report: 'leavers';
  from: Micros;
  to: Micros;
}

export type ReportRequest = AccessRequest | LeaversRequest;

export const REPORTS: Readonly<Record<ReportName, ReportDefinition>> = {
  access: {
    name: 'access',
    title: 'Access as of a date',
    description: 'Who held which entitlement in which system at one instant: since when, and how it was granted.',
    parameters: [
      { name: 'at', label: 'As of', type: 'date', required: true, edge: 'last' },
      { name: 'agent', label: 'System', type: 'text', required: false },
      { name: 'entitlement', label: 'Entitlement', type: 'text', required: false },
    ],
  },
  leavers: {
    name: 'leavers',
    title: 'Leavers of a period',
    description: 'Who left, when each of their accounts was disabled, and which accounts are still open.',
    parameters: [
      { name: 'from', label: 'From', type: 'date', required: true, edge: 'first' },
      { name: 'to', label: 'To', type: 'date', required: true, edge: 'last' },
    ],
  },
};

/** A parameter is wrong; the message is one sentence for the person who gave it. */
export class ReportParameterError extends Error {
  override name = 'ReportParameterError';
  readonly code = 'report-parameter-invalid';
  readonly retryable = false;
  readonly parameter: string;

  constructor(parameter: string, message: string) {
    super(message);
    this.parameter = parameter;
  }
}

/** Returns the definition; raises ReportParameterError when there is no such report. */
export function findReport(name: string): ReportDefinition {
  const found = Object.values(REPORTS).find((definition) => definition.name === name);
  if (found !== undefined) return found;
  const known = Object.keys(REPORTS).join(', ');
  throw new ReportParameterError('name', `There is no report ${quote(name)}; expected one of: ${known}.`);
}

/** Parameters as strings become a request; an absent one and an empty one are the same. Raises ReportParameterError. */
export function parseReportParameters(
  name: string,
  given: Readonly<Record<string, string | undefined>>,
): ReportRequest {
  const definition = findReport(name);
  refuseUnknown(definition, given);
  if (definition.name === 'access') {
    return {
      report: 'access',
      at: readInstant(definition, 'at', given),
      agent: readText(definition, 'agent', given),
      entitlement: readText(definition, 'entitlement', given),
    };
  }
  const from = readInstant(definition, 'from', given);
  const to = readInstant(definition, 'to', given);
  if (from > to) {
    const expected = `${quote(given.from ?? '')} in "from" or a later time`;
    throw new ReportParameterError('to', `The parameter "to" is ${quote(given.to ?? '')}; expected ${expected}.`);
  }
  return { report: 'leavers', from, to };
}

/** Microseconds are whole numbers in a double until the year 2255; the change log begins with 1970. */
const LAST_INSTANT = Date.UTC(2255, 0, 1) * 1000;
const BARE_DATE = /^\d{4}-\d{2}-\d{2}$/;
const DAY = 86_400_000_000;
const MAX_TEXT_LENGTH = 1000;
const EXPECTED_DATE = 'a date like 2010-01-31, or an instant like 2010-01-31T18:30:00Z, between 1970 and 2254';

const instantSchemas = { first: createInstantSchema(0), last: createInstantSchema(DAY - 1) };
const textSchema = z.string().max(MAX_TEXT_LENGTH);

function createInstantSchema(offsetInDay: Micros) {
  return z.string().transform((text, check): Micros => {
    const bare = BARE_DATE.test(text);
    const parsed = bare || /\d:\d/.test(text) ? parseInstant(text) : undefined;
    const instant = parsed === undefined ? undefined : parsed + (bare ? offsetInDay : 0);
    if (instant !== undefined && instant >= 0 && instant < LAST_INSTANT) return instant;
    check.addIssue(`expected ${EXPECTED_DATE}`);
    return z.NEVER;
  });
}

function readInstant(definition: ReportDefinition, name: string, given: Readonly<Record<string, string | undefined>>) {
  const text = given[name] ?? '';
  if (text === '')
    throw new ReportParameterError(name, `The parameter "${name}" is missing; expected ${EXPECTED_DATE}.`);
  const edge = definition.parameters.find((parameter) => parameter.name === name)?.edge ?? 'first';
  const parsed = instantSchemas[edge].safeParse(text);
  if (parsed.success) return parsed.data;
  throw new ReportParameterError(name, `The parameter "${name}" is ${quote(text)}; expected ${EXPECTED_DATE}.`);
}

function readText(definition: ReportDefinition, name: string, given: Readonly<Record<string, string | undefined>>) {
  const text = given[name] ?? '';
  if (text === '') return undefined;
  const parsed = textSchema.safeParse(text);
  if (parsed.success) return parsed.data;
  const label = definition.parameters.find((parameter) => parameter.name === name)?.label ?? name;
  const expected = `at most ${MAX_TEXT_LENGTH} characters that name one ${label.toLowerCase()}`;
  throw new ReportParameterError(name, `The parameter "${name}" is ${quote(text)}; expected ${expected}.`);
}

function refuseUnknown(definition: ReportDefinition, given: Readonly<Record<string, string | undefined>>): void {
  const names = definition.parameters.map((parameter) => parameter.name);
  const unknown = Object.keys(given).find((name) => given[name] !== undefined && !names.includes(name));
  if (unknown === undefined) return;
  const message = `The report "${definition.name}" has no parameter ${quote(unknown)}; expected: ${names.join(', ')}.`;
  throw new ReportParameterError(unknown, message);
}

/** What was given, safe to print: escaped, and cut when it is long. */
function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
