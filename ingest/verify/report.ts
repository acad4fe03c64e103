// What a check comes to: for machines, and in sentences.
import type { Erased } from './erasures.ts';
import type { Finding, Findings } from './findings.ts';
import type { LogSource } from './source.ts';
import type { CheckedCheckpoint, TreeComparison } from './tree-comparison.ts';

export interface Report {
  /** `incomplete`: nothing wrong was found, but something could not be checked. */
  result: 'verified' | 'faults' | 'incomplete';
  where: string;
  log: string;
  /** The first sequence checked, and one past the last. */
  first: number;
  size: number;
  /** Over all events below `size`, in hexadecimal digits; null when rows are missing or altered. */
  root: string | null;
  /** The oldest and the newest checkpoints that were compared, and all that do not hold. */
  checkpoints: {
    place: string;
    outside: boolean;
    size: number;
    root: string;
    holds: boolean;
    keys: string[];
    witnessed: { name: string; time: string }[];
  }[];
  checkpointsHeld: number;
  faults: Finding[];
  unchecked: Finding[];
  gaps: Finding[];
  erased: Erased[];
  steps: { checked: number; interrupted: number };
  rollups: { name: string; rows: number }[];
  sample: { seed: string; rows: number };
}

interface Outcome {
  source: LogSource;
  findings: Findings;
  tree: TreeComparison;
  erased: Erased[];
  rollups: Report['rollups'];
  sample: Report['sample'];
  steps: { steps: number; interrupted: number };
}

/** Checkpoints that hold are told up to this number from either end. */
const MOST_CHECKPOINTS = 3;

export function createReport({ source, findings, tree, erased, rollups, sample, steps }: Outcome): Report {
  const [faults, unchecked, gaps] = [findings.list('fault'), findings.list('unchecked'), findings.list('gap')];
  const held = tree.checked.filter(({ holds }) => holds);
  const told = tree.checked.filter(
    (each) =>
      !each.holds || each.isOutside || held.indexOf(each) < 1 || held.indexOf(each) >= held.length - MOST_CHECKPOINTS,
  );
  return {
    result: faults.length > 0 ? 'faults' : unchecked.length > 0 ? 'incomplete' : 'verified',
    where: source.where,
    log: source.log,
    first: source.first,
    size: source.size,
    root: tree.root?.toString('hex') ?? null,
    checkpoints: told.map(describeCheckpoint),
    checkpointsHeld: held.length,
    faults,
    unchecked,
    gaps,
    erased,
    steps: { checked: steps.steps, interrupted: steps.interrupted },
    rollups,
    sample,
  };
}

function describeCheckpoint({
  place,
  isOutside,
  size,
  root,
  holds,
  keys,
  witnessed,
}: CheckedCheckpoint): Report['checkpoints'][number] {
  return {
    place,
    outside: isOutside,
    size,
    root: root.toString('hex'),
    holds,
    keys,
    witnessed: witnessed.map(({ name, time }) => ({ name, time: describeTime(time) })),
  };
}

/** Seconds since 1970 as a witness says them, who may say anything. */
function describeTime(seconds: number): string {
  const time = new Date(seconds * 1000);
  return Number.isNaN(time.getTime()) ? `second ${seconds}, which no calendar has` : time.toISOString();
}

/** 0: verified, 1: something is wrong, 2: something could not be checked. */
export function exitCodeOf({ result }: Report): 0 | 1 | 2 {
  return result === 'verified' ? 0 : result === 'faults' ? 1 : 2;
}

/** The report as lines of text. */
export function describeReport(report: Report): string {
  const { first, size, log, where } = report;
  const lines = [describeResult(report), `Log ${log}, ${where}: events ${first} to ${size - 1}.`];
  if (report.root !== null) lines.push(`Root over ${size} events: ${report.root}`);
  for (const { what } of report.faults) lines.push(`✗ ${what}`);
  for (const { what } of report.unchecked) lines.push(`? ${what}`);
  for (const { what } of report.gaps) lines.push(`○ ${what}`);
  for (const checkpoint of report.checkpoints) lines.push(describeLine(checkpoint));
  lines.push(`${report.checkpointsHeld} checkpoints hold.`);
  for (const { by, commitments } of report.erased)
    lines.push(`Erased by event ${by}: ${commitments} commitments stand in place of content.`);
  lines.push(
    `${report.steps.checked} run steps counted against the log, ${report.steps.interrupted} of them interrupted.`,
  );
  for (const { name, rows } of report.rollups) lines.push(`${name}: ${rows} rows compared with the events.`);
  if (report.sample.rows > 0)
    lines.push(`${report.sample.rows} rows computed a second time (seed ${report.sample.seed}).`);
  return lines.join('\n');
}

function describeResult({ result, first, size, faults, unchecked }: Report): string {
  const count = `${size - first} events`;
  if (result === 'verified') return `Verified: ${count}, complete and unaltered.`;
  if (result === 'incomplete')
    return `Not fully checked: of ${count} nothing is wrong, but ${unchecked.length} ${unchecked.length === 1 ? 'thing' : 'things'} could not be checked.`;
  return `NOT VERIFIED: ${faults.length} ${faults.length === 1 ? 'fault' : 'faults'} found in ${count}.`;
}

function describeLine({ place, size, holds, keys, witnessed }: Report['checkpoints'][number]): string {
  const seen = witnessed.map(({ name, time }) => `, seen by ${name} at ${time}`).join('');
  return `${holds ? '✓' : '✗'} ${place} of ${size} events, signed by ${keys.join(' and ')}${seen}`;
}
