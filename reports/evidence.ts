// What makes a report evidence: what was asked, by whom, of which log, how far that log reached, whether it is complete,
// and the fingerprint that shows a later change.
import { createHash } from 'node:crypto';
import type { Completeness, Watermark } from '../api/queries/results.ts';
import type { Block, Table } from './content.ts';
import { countOf, formatCount, formatDelay, formatInstant, nameSystem } from './wording.ts';

const MICROS_AN_HOUR = 3_600_000_000;

/** Who asked, when and with what; given by the caller, so that the same data and context make the same bytes. */
export interface ReportContext {
  /** Who asked: a name that the reader knows, such as the address they sign in with. */
  askedBy: string;
  /** Microseconds, UTC. */
  producedAt: number;
  company: string;
  /** The version of the program, without its name. */
  version: string;
  /** The text of the query whose answer this is, as api/queries defines it. */
  queryText: string;
}

/** A parameter as it is printed: its label, and what it was taken for. */
export interface PrintedParameter {
  label: string;
  value: string;
}

export interface EvidenceOf {
  title: string;
  parameters: readonly PrintedParameter[];
  rows: number;
  answer: Watermark;
  completeness: Completeness;
}

/** A log is complete for an answer when nothing is missing below it and each step's counters equal the log. */
export function isComplete({ answer, completeness }: Pick<EvidenceOf, 'answer' | 'completeness'>): boolean {
  return completeness.missing === 0 && completeness.faults.length === 0 && completeness.watermark >= answer.watermark;
}

/** One sentence: that the log is complete, or what is wrong with it. */
export function stateCompleteness(of: Pick<EvidenceOf, 'answer' | 'completeness'>): string {
  const { completeness, answer } = of;
  const scope = `${countOf(completeness.runs, 'run')}, ${countOf(completeness.steps, 'step')}`;
  const { expiredBelow, expiredUntil } = completeness;
  const expired =
    expiredUntil === undefined
      ? ''
      : ` Events below ${formatCount(expiredBelow)} (until ${formatInstant(expiredUntil)}) have expired; what still held was carried forward.`;
  if (isComplete(of)) return `Complete: ${scope}, 0 gaps; counters equal the log.${expired}`;
  const gaps = [
    completeness.missing === 0 ? '' : `${countOf(completeness.missing, 'sequence number')} missing below the watermark`,
    completeness.faults.length === 0
      ? ''
      : `${countOf(completeness.faults.length, 'step')} whose counters differ from the log or do not add up`,
    completeness.watermark >= answer.watermark
      ? ''
      : `checked only below ${formatCount(completeness.watermark)}, although the rows reach to ${formatCount(answer.watermark)}`,
  ];
  return `NOT COMPLETE: ${scope}; ${gaps.filter((gap) => gap !== '').join('; ')}.${expired}`;
}

/** The last part of every report. */
export function describeEvidence(of: EvidenceOf, context: ReportContext): Block[] {
  return [
    { kind: 'heading', level: 2, text: 'Evidence' },
    tabulateFacts(of, context),
    ...describeGaps(of),
    { kind: 'heading', level: 3, text: 'What this evidence means' },
    tabulateTerms(explain(of)),
    { kind: 'heading', level: 3, text: 'The query, as it was asked' },
    { kind: 'listing', text: context.queryText },
  ];
}

export function hashQuery(queryText: string): string {
  return createHash('sha256').update(queryText, 'utf8').digest('hex');
}

function tabulateFacts(of: EvidenceOf, context: ReportContext): Table {
  const { answer, completeness } = of;
  const facts: [string, string, 'mono'?][] = [
    ['Report', of.title],
    ...of.parameters.map(({ label, value }): [string, string] => [label, value]),
    ['Asked by', context.askedBy],
    ['Produced at', formatInstant(context.producedAt)],
    ['Rows', formatCount(of.rows)],
    ['Log origin', answer.log],
    ['Watermark', describeWatermark(answer.watermark)],
    ['Log size', countOf(completeness.size, 'accepted event')],
    ['Merkle root', completeness.root, 'mono'],
    ['Checkpoint', describeCheckpoint(completeness)],
    ['Outside', describeOutside(completeness, context.producedAt)],
    ['Completeness', stateCompleteness(of)],
    ['SHA-256 of the query', hashQuery(context.queryText), 'mono'],
    ['Program', `Metatrail ${context.version}`],
  ];
  return {
    kind: 'table',
    headless: true,
    together: true,
    maxLines: 4,
    columns: [
      { title: 'Fact', width: 18, heads: true, face: 'bold' },
      { title: 'Value', width: 82 },
    ],
    rows: facts.map(([label, text, face]) => ({ kind: 'cells', cells: [label, face ? { text, face } : text] })),
  };
}

function describeCheckpoint({ keyIds }: Completeness): string {
  const [own = '', ...others] = keyIds;
  const cosigned = others.length === 0 ? '' : `, and also with ${others.join(', ')}`;
  return `Size and root were signed with the key ${own}${cosigned}`;
}

/** What is known elsewhere of the log before this report: what the operator could not rewrite without somebody noticing. */
function describeOutside({ outside }: Completeness, producedAt: number): string {
  if (!outside) return 'No checkpoint is known outside of this installation before this report';
  const hours = Math.max(0, producedAt - outside.at) / MICROS_AN_HOUR;
  return `The checkpoint of ${countOf(outside.size, 'event')}, at ${outside.destination}, sent ${formatDelay(hours)} before this report`;
}

function describeWatermark(watermark: number): string {
  if (watermark === 0) return '0: no event has been delivered yet';
  return `${formatCount(watermark)}: the answer stands on the events 0 to ${formatCount(watermark - 1)}, and on none after`;
}

function describeGaps(of: EvidenceOf): Block[] {
  if (isComplete(of)) return [];
  const { faults } = of.completeness;
  const notice: Block = { kind: 'notice', tone: 'bad', text: `${stateCompleteness(of)} The rows may lack something.` };
  if (faults.length === 0) return [notice];
  const table: Table = {
    kind: 'table',
    columns: [
      { title: 'Run', width: 10, heads: true, align: 'right', face: 'mono' },
      { title: 'Step', width: 8, align: 'right', face: 'mono' },
      { title: 'System', width: 20 },
      { title: 'What differs', width: 62 },
    ],
    rows: faults.map(({ run, step, agent, what }) => ({
      kind: 'cells',
      cells: [String(run), String(step), nameSystem(agent), what],
    })),
  };
  return [notice, { kind: 'heading', level: 3, text: 'Steps that do not add up' }, table];
}

function tabulateTerms(terms: readonly (readonly [string, string])[]): Table {
  return {
    kind: 'table',
    headless: true,
    maxLines: 6,
    columns: [
      { title: 'Term', width: 18, heads: true, face: 'bold' },
      { title: 'Meaning', width: 82 },
    ],
    rows: terms.map((cells) => ({ kind: 'cells', cells })),
  };
}

function explain(of: EvidenceOf): [string, string][] {
  const { size } = of.completeness;
  const later = size - of.answer.watermark;
  const after =
    later > 0 ? ` ${countOf(later, 'event was', 'events were')} accepted after it; this answer leaves them out.` : '';
  return [
    [
      'Sequence numbers',
      'Every accepted event of the log has the next number: 0, 1, 2, … A number missing below the watermark is an event ' +
        `that was lost or taken away. The answer stands on all events below the watermark.${after}`,
    ],
    [
      'Completeness',
      'While it runs, the engine counts what it reads, changes and refuses in each step. These counters were compared ' +
        'with the events that the log holds of the same step. Where they are equal, all that the engine did is in the log.',
    ],
    [
      'Merkle root',
      `One fingerprint over all ${formatCount(size)} accepted events. If any of them is altered, removed or put in another ` +
        'order later, the root computed from the log no longer equals the one printed here. So this page is a witness ' +
        'outside the system: keep it.',
    ],
    [
      'Checkpoint',
      'The log has signed its size and Merkle root, and keeps the signed note under this size: “metatrail checkpoint”, or ' +
        '/log/checkpoint of the service, gives the newest, and “metatrail prove --consistency” shows that the log only grew ' +
        'from this size to any later one. Who has the public key with this id can check the signature without the service.',
    ],
    [
      'Outside',
      'Checkpoints are sent to witnesses and other places. Where such a place is not in the hands of whoever operates this ' +
        'installation, nothing before the last one sent can be rewritten without its keeper being able to show it.',
    ],
    [
      'Query',
      'The text below is the definition of the question; its SHA-256 shows whether two reports asked the same. Asked again ' +
        'of the same log with the same parameters and the same watermark, it gives the same rows, except where a ' +
        'person’s data were erased or have expired since: both are events of the log themselves.',
    ],
    [
      'Limits',
      'What happened in a connected system is known from its imports: something done and undone there between two imports ' +
        'leaves no trace here. Times are UTC; in tables they are cut to the second.',
    ],
    [
      'Print',
      'A value too long for its cell is cut; “…” marks it, followed by its number of characters where there is room. A ' +
        'character that cannot be printed, or cannot be seen, stands as its Unicode number, like ⟨U+200F⟩.',
    ],
  ];
}
