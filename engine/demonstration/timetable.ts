// When what runs: each agent by its own clock, so that the delays between systems are real and differ. HR's image is
// dated the last instant of its month and procurement's an hour later, the directory follows within hours, the wiki is
// exported to once a quarter. Every other month the directory is imported once more, to see what was done there by hand.
import type { Micros } from '../../ingest/clock.ts';
import { EDITS_BY_HAND, type EditByHand } from './by-hand.ts';
import { dayOf, endOf, instantOf, labelOf, MONTHS, monthOf } from './calendar.ts';

/** One thing that is done, at its time. */
export type Act = { at: Micros; month: number } & (
  | { kind: 'run'; agent: string; profile: string }
  /** Puts the image of the month there, then runs. */
  | { kind: 'feed'; agent: 'hr' | 'contractors'; image: string }
  | { kind: 'by-hand'; edit: EditByHand }
);

/** Over the turn of this month nobody started the directory's export; it was made up for on the fifth. */
const LATE_EXPORT = { month: '2025-12', day: 5, hour: 8 };

/** Everything that is done, first to last. */
export function timetable(): Act[] {
  const months = Array.from({ length: MONTHS }, (_, index) => index + 1);
  const byHand = EDITS_BY_HAND.map(
    (edit): Act => ({ kind: 'by-hand', at: edit.at, month: monthBefore(edit.at), edit }),
  );
  return [...months.flatMap(actsOf), ...byHand].sort((a, b) => a.at - b.at);
}

/** What follows from the feed of a month: nearly all of it is done in the next. */
function actsOf(month: number): Act[] {
  const next = month + 1;
  const isLate = labelOf(month) === LATE_EXPORT.month;
  // Not on the minute every month: queues are longer and shorter.
  const hour = 2 + ((month * 7) % 5);
  const minute = (month * 23) % 60;
  const run = (agent: string, profile: string, at: Micros): Act => ({ kind: 'run', month, agent, profile, at });
  const exported = isLate
    ? instantOf(next, LATE_EXPORT.day, LATE_EXPORT.hour, minute)
    : instantOf(next, 1, hour, minute);
  const nextMonth = Number(labelOf(next).slice(5));
  return [
    { kind: 'feed', month, agent: 'hr', image: `${labelOf(month)}.csv`, at: endOf(month) },
    { kind: 'feed', month, agent: 'contractors', image: `${dayOf(next, 1)}T0100.csv`, at: instantOf(next, 1, 1) },
    run('directory', 'export', exported),
    run('directory', 'import', exported + instantOf(1, 1, 2 + (month % 3), minute) - instantOf(1, 1)),
    ...(nextMonth % 2 === 0 ? [run('directory', 'import', instantOf(next, 14, 5, 45))] : []),
    ...(month === 1 || nextMonth % 3 === 1
      ? [run('wiki', 'export', instantOf(next, 15, 21, 30)), run('wiki', 'import', instantOf(next, 16, 7))]
      : []),
  ];
}

/** The month of the feed that came last before an instant. */
function monthBefore(at: Micros): number {
  let month = monthOf('2024-11');
  while (month < MONTHS && endOf(month + 1) < at) month++;
  return month;
}
