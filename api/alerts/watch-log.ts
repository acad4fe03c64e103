// Looks at the log itself: how far ClickHouse is behind, and whether anything contradicts what was accepted or signed.
import { z } from 'zod';
import type { LogErrorCode } from '../../ingest/errors.ts';
import type { ChangeLog } from '../../ingest/log.ts';
import type { Report } from '../../ingest/verify/report.ts';
import type { Changes, Found } from './occurrences.ts';
import type { Alert } from './settings.ts';
import type { Watch } from './watch.ts';

const CHECK = 'alert-check';
/** What the log finds of itself while it runs. */
const CONTRADICTIONS: ReadonlySet<LogErrorCode> = new Set([
  'clickhouse-ahead',
  'clickhouse-different',
  'checkpoint-different',
  'journal-damaged',
]);

const checkShape = z.object({ size: z.number(), at: z.number(), faults: z.number() });

/** What there is now of what a watch of the log looks for; undefined: nothing. */
export function findInLog(alert: Alert<'log-lag' | 'verification-failed'>, watch: Watch): Found | undefined {
  return alert.kind === 'log-lag' ? findLag(alert, watch) : findContradiction(watch);
}

function findLag({ events, seconds }: Alert<'log-lag'>, { log, clock }: Watch): Found | undefined {
  const { lag } = log.pressure;
  const isOver =
    lag.events >= (events ?? Number.POSITIVE_INFINITY) || lag.seconds >= (seconds ?? Number.POSITIVE_INFINITY);
  if (!isOver || lag.events === 0) return undefined;
  const { shipped } = log.shipper;
  const since = clock() - Math.floor(lag.seconds * 1_000_000);
  return { cause: `behind ${shipped}`, first: shipped, count: lag.events, since };
}

function findContradiction({ log, clock }: Watch): Found | undefined {
  const problems = [log.shipper, log.scrubber, log.trimmer, log.checkpoints].flatMap(({ problem }) => problem ?? []);
  const problem = problems.find(({ code }) => CONTRADICTIONS.has(code));
  if (problem) return { cause: problem.code, count: 1, since: clock() };
  const check = checkShape.safeParse(log.journal.state.get(CHECK, 'last')).data;
  if (!check || check.faults === 0) return undefined;
  return { cause: `check ${check.size}`, count: check.faults, since: check.at };
}

/** Raises what is found where none is open, and ends what is open where none is. Throws LogError. */
export async function noteInLog(alert: Alert, found: Found | undefined, watch: Watch): Promise<void> {
  const { log, clock, occurrences, tellingsOf } = watch;
  const open = occurrences.open(alert.name);
  if (found ? open.length > 0 : open.length === 0) return;
  await log.journal.acceptFirst((base) => {
    const changes: Changes = { events: [], state: [] };
    if (found) occurrences.raise(changes, base, alert, found, tellingsOf(alert));
    else for (const { event } of open) changes.state.push(...occurrences.change(event, { endedAt: clock() }));
    return changes;
  });
}

/** Remembers what a check came to. One that could not check everything says neither. Throws LogError. */
export async function noteCheck(log: ChangeLog, { result, size, faults }: Report, at: number): Promise<void> {
  if (result === 'incomplete') return;
  const value = { size, at, faults: result === 'faults' ? Math.max(1, faults.length) : 0 };
  await log.journal.acceptFirst(() => ({ events: [], state: [{ kind: CHECK, key: 'last', value }] }));
}
