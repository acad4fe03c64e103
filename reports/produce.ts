// From a name and parameters to a PDF: parse, ask, describe, set.
import assert from 'node:assert/strict';
import type { Readable } from 'node:stream';
import type { AccessAsOf, Completeness, LeaversOfPeriod } from '../api/queries/results.ts';
import { formatIso, type Micros } from '../ingest/clock.ts';
import { describeAccess } from './access.ts';
import type { Block, Content } from './content.ts';
import {
  type AccessRequest,
  type LeaversRequest,
  parseReportParameters,
  REPORTS,
  type ReportRequest,
} from './definitions.ts';
import {
  describeEvidence,
  type EvidenceOf,
  isComplete,
  type PrintedParameter,
  type ReportContext,
  stateCompleteness,
} from './evidence.ts';
import { countLeaverRows, describeLeavers } from './leavers.ts';
import { setPdf } from './page/document.ts';
import { countOf, formatCount, formatInstant } from './wording.ts';

/** Where the answers come from: api/queries, given by the caller. */
export interface ReportSources {
  accessAsOf(question: {
    at: Micros;
    agent?: string | undefined;
    entitlement?: string | undefined;
  }): Promise<AccessAsOf>;
  leaversOfPeriod(question: { from: Micros; to: Micros }): Promise<LeaversOfPeriod>;
  /** Completeness of the log below the watermark of the answer. */
  completeness(watermark: number): Promise<Completeness>;
}

export interface ProducedReport {
  /** Like access-20100131T235959Z.pdf. */
  fileName: string;
  mediaType: 'application/pdf';
  /** Rows of the answer, as printed in the evidence. */
  rows: number;
  pages: number;
  watermark: number;
  /** Whether the log is complete for this answer. */
  complete: boolean;
  /** Written page by page as it is read; an error while drawing destroys it. */
  pdf: Readable;
}

interface Answered extends EvidenceOf {
  blocks: Block[];
  scope: string;
}

/**
 * Produces a report. Raises ReportParameterError when the name or a parameter is wrong, before anything is asked;
 * whatever a source raises goes through.
 */
export async function produceReport(
  name: string,
  parameters: Readonly<Record<string, string | undefined>>,
  sources: ReportSources,
  context: ReportContext,
): Promise<ProducedReport> {
  const request = parseReportParameters(name, parameters);
  const answered =
    request.report === 'access'
      ? await askAccess(request, sources, context)
      : await askLeavers(request, sources, context);
  const set = await setPdf(composeContent(request, answered, context));
  return {
    fileName: nameFile(request),
    mediaType: 'application/pdf',
    rows: answered.rows,
    pages: set.pages,
    watermark: answered.answer.watermark,
    complete: isComplete(answered),
    pdf: set.pdf,
  };
}

async function askAccess(request: AccessRequest, sources: ReportSources, context: ReportContext): Promise<Answered> {
  const { at, agent, entitlement } = request;
  const answer = await sources.accessAsOf({ at, agent, entitlement });
  assert.equal(answer.at, at, 'the answer is about the instant that was asked for');
  const completeness = await sources.completeness(answer.watermark);
  const parameters = [
    { label: 'As of', value: formatInstant(at) },
    { label: 'System', value: agent ?? 'all' },
    { label: 'Entitlement', value: entitlement ?? 'all' },
  ];
  return {
    title: REPORTS.access.title,
    parameters,
    rows: answer.holdings.length,
    answer,
    completeness,
    blocks: describeAccess(answer, context.producedAt),
    scope: printParameters(parameters),
  };
}

async function askLeavers(request: LeaversRequest, sources: ReportSources, context: ReportContext): Promise<Answered> {
  const { from, to } = request;
  const answer = await sources.leaversOfPeriod({ from, to });
  assert.deepEqual([answer.from, answer.to], [from, to], 'the answer is about the period that was asked for');
  const completeness = await sources.completeness(answer.watermark);
  const parameters = [
    { label: 'From', value: formatInstant(from) },
    { label: 'To', value: formatInstant(to) },
  ];
  const measured = { label: 'Open cases measured up to', value: formatInstant(answer.asOf) };
  return {
    title: REPORTS.leavers.title,
    parameters: [...parameters, measured],
    rows: countLeaverRows(answer),
    answer,
    completeness,
    blocks: describeLeavers(answer, context.producedAt),
    scope: `${printParameters(parameters)}  ·  Filters: none`,
  };
}

function printParameters(parameters: readonly PrintedParameter[]): string {
  return parameters.map(({ label, value }) => `${label}: ${value}`).join('  ·  ');
}

function composeContent(request: ReportRequest, answered: Answered, context: ReportContext): Content {
  const { answer, completeness } = answered;
  const definition = REPORTS[request.report];
  const program = `Metatrail ${context.version}`;
  const complete = isComplete(answered);
  return {
    title: definition.title,
    company: context.company,
    scope: answered.scope,
    origin: `Produced ${formatInstant(context.producedAt)} for ${context.askedBy} by ${program}`,
    standing: [
      countOf(answered.rows, 'row'),
      `watermark ${formatCount(answer.watermark)}`,
      complete ? 'log complete' : 'LOG NOT COMPLETE',
      `log ${answer.log}`,
    ].join('  ·  '),
    root: completeness.root,
    description: definition.description,
    keywords: ['Metatrail', request.report, `watermark ${answer.watermark}`, `Merkle root ${completeness.root}`],
    producedAt: context.producedAt,
    program,
    blocks: [
      { kind: 'heading', level: 1, text: definition.title },
      { kind: 'paragraph', text: definition.description },
      { kind: 'notice', tone: complete ? 'good' : 'bad', text: `${stateCompleteness(answered)} ${WHERE}` },
      ...describeBeginning(request, answered),
      ...answered.blocks,
      ...describeEvidence(answered, context),
    ],
  };
}

/** An answer about a time of which the log knows nothing must not pass for an answer. */
function describeBeginning(request: ReportRequest, { answer, completeness }: Answered): Block[] {
  if (answer.gone !== undefined) return [{ kind: 'notice', tone: 'bad', text: answer.gone }];
  const { beginsAt, expiredBelow } = completeness;
  // What the log begins with now is not what it began with; of the time asked for nothing has expired.
  if (expiredBelow > 0) return [];
  const asked = request.report === 'access' ? request.at : request.from;
  if (beginsAt !== undefined && asked >= beginsAt) return [];
  const text =
    beginsAt === undefined
      ? 'The log knows of no change yet: this report says nothing about who had access.'
      : `The log begins at ${formatInstant(beginsAt)}: of what was before, it knows nothing, and this report says nothing.`;
  return [{ kind: 'notice', tone: 'bad', text }];
}

const WHERE = 'See “Evidence” at the end.';

function nameFile(request: ReportRequest): string {
  const instants = request.report === 'access' ? [request.at] : [request.from, request.to];
  const stamps = instants.map((instant) => `${formatIso(instant).slice(0, 19).replaceAll(/[-:]/g, '')}Z`);
  return `${request.report}-${stamps.join('-')}.pdf`;
}
