// Looks for accounts of leavers that are open for too long, each leave once. It is known by the event with which they went.
import { readSequences } from '../queries/context.ts';
import { findEmployments } from '../queries/employment.ts';
import { findCases, type LeaverCase } from '../queries/leavers.ts';
import type { Changes, Found } from './occurrences.ts';
import type { Alert } from './settings.ts';
import type { Watch } from './watch.ts';

const MICROS_A_DAY = 86_400_000_000;
/** What is not delivered yet may be that the account is closed. */
const MOST_BEHIND_SECONDS = 60;

export async function lookAtLeavers(alert: Alert<'open-leaver'>, watch: Watch): Promise<void> {
  const { log, clock, occurrences, tellingsOf } = watch;
  if (log.pressure.lag.seconds > MOST_BEHIND_SECONDS) return;
  const now = clock();
  const { queries, people } = watch.look(alert);
  const open = occurrences.open(alert.name);
  // Those that are open are looked at until they are over, however long ago that leave is.
  const from = Math.min(now - alert.left_within_days * MICROS_A_DAY, ...open.map(({ since }) => since));
  const employments = await findEmployments(queries, people);
  const cases = await findCases(queries, people, employments, { from, to: now, asOf: now });
  const late = new Map(cases.filter((each) => countLate(each, alert.hours) > 0).map((each) => [causeOf(each), each]));
  const isOpen = new Set(open.map(({ cause }) => cause));
  const fresh = [...late].filter(([cause]) => !isOpen.has(cause)).map(([, each]) => each);
  const over = open.filter(({ cause }) => !late.has(cause));
  if (fresh.length === 0 && over.length === 0) return;
  const grounds = await readSequences(
    queries,
    fresh.map(({ goneBy }) => goneBy),
  );
  await log.journal.acceptFirst((base) => {
    const changes: Changes = { events: [], state: [] };
    for (const each of fresh) {
      const { goneBy, leftAt } = each;
      const root = grounds.get(goneBy)?.root;
      const found: Found = {
        cause: causeOf(each),
        first: goneBy,
        count: countLate(each, alert.hours),
        since: leftAt,
        ground: root === undefined ? undefined : { sequence: goneBy, root },
      };
      occurrences.raise(changes, base + changes.events.length, alert, found, tellingsOf(alert));
    }
    for (const { event } of over) changes.state.push(...occurrences.change(event, { endedAt: now }));
    return changes;
  });
}

const causeOf = ({ goneBy }: LeaverCase): string => `leave ${goneBy}`;

/** Accounts that are open for so many hours or more. */
function countLate({ accounts }: LeaverCase, hours: number): number {
  const open = accounts.filter((each) => each.disabledAt === undefined && each.rehiredAt === undefined);
  return open.filter((each) => each.hours >= hours).length;
}
