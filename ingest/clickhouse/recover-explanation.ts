// What a diagnosis means, in sentences for whoever has to decide: what is wrong, what may have happened, what repairs it.
import { countOf, type Diagnosis, formatRange, isOfAnotherLog, type Range } from './recover-diagnosis.ts';

/** Ranges named in one sentence. */
const NAMED = 10;

export function explain(diagnosis: Diagnosis): string[] {
  return [
    ...explainForeign(diagnosis),
    ...explainMissing(diagnosis),
    ...explainAhead(diagnosis),
    ...explainDifferent(diagnosis),
    ...explainTwice(diagnosis),
    ...explainViews(diagnosis),
  ];
}

function explainForeign({ foreign, held, log, firstRow }: Diagnosis): string[] {
  const what = isOfAnotherLog(foreign, held)
    ? 'the two do not belong together'
    : `they are among those of this log, and the journal, which begins with event ${firstRow}, cannot put all of its own in their place`;
  return foreign.map(
    (other) =>
      `ClickHouse holds ${events(other.events)} of the log ${other.log}, and this data folder is the log ${log}: ${what}.`,
  );
}

function explainMissing({ missing, lost, shipped, firstRow }: Diagnosis): string[] {
  const lines: string[] = [];
  if (missing.length > 0)
    lines.push(
      `Of ${events(shipped)} delivered, ClickHouse has lost ${events(countOf(missing))}: ${name(missing)}. It was restored from an older backup, or lost its last parts. The journal still has them; --apply sends them again.`,
    );
  if (lost.length > 0)
    lines.push(
      `Of ${events(shipped)} delivered, ClickHouse has lost ${events(countOf(lost))}: ${name(lost)}; the journal was trimmed and begins with event ${firstRow}. Only a backup of ClickHouse that holds them, or a bundle, brings them back.`,
    );
  return lines;
}

function explainAhead({ ahead, size }: Diagnosis): string[] {
  if (!ahead) return [];
  const kinds = ahead.kinds.map(({ stage, agent, events: number }) => `${number} ${stage}${agent && ` of ${agent}`}`);
  return [
    `The journal ends after ${events(size)}; ClickHouse holds ${events(ahead.events)} beyond: ${formatRange(ahead)}, accepted from ${ahead.firstAt} to ${ahead.lastAt} (${kinds.join(', ')}).`,
    'The journal was restored from an older backup. What only ClickHouse has can be proven no more: its leaves and keys are gone with the journal that accepted it. --apply moves it to the table events_set_aside, where it stays readable, and an event says so.',
    'Checkpoints signed over the longer log are contradicted by what follows: whoever keeps one outside will find that the log was set back, and the event of the recovery says when, by whom and why.',
    'The engine’s state is that of the backup, and may lag what the connected systems have: a full import and an export of every agent settle it.',
  ];
}

function explainDifferent({ different }: Diagnosis): string[] {
  if (!different) return [];
  const first = different.first.map(({ sequence, columns }) => `event ${sequence} in ${columns.join(', ')}`);
  return [
    `ClickHouse holds ${different.events === 1 ? 'an event' : events(different.events)} that the journal has otherwise, within ${formatRange(different.range)}: ${first.join('; ')}${different.events > first.length ? '; …' : ''}.`,
    'Somebody altered one of the stores, or the journal was restored from an older backup and went on accepting since. --apply --from-journal says that the journal is right: what ClickHouse holds of this range is moved to the table events_set_aside, the journal’s rows take its place, and an event says so.',
  ];
}

function explainTwice({ twice }: Diagnosis): string[] {
  if (twice.length === 0) return [];
  return [`ClickHouse holds ${events(countOf(twice))} more than once: ${name(twice)}; the journal was trimmed there.`];
}

function explainViews({ views }: Diagnosis): string[] {
  return views.map(
    ({ table, range }) =>
      `The table ${table} does not hold what its view makes of the events ${formatRange(range)}: it was altered, or lost something. --apply makes it again from the log.`,
  );
}

const events = (number: number): string => (number === 1 ? 'one event' : `${number} events`);

function name(ranges: readonly Range[]): string {
  const more = ranges.length > NAMED ? `, and ${ranges.length - NAMED} ranges more` : '';
  return `${ranges.slice(0, NAMED).map(formatRange).join(', ')}${more}`;
}
