// How fast a log is checked: verify.ts (`npm run bench:verify`) in a process of its own, for it has its own log.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { z } from 'zod';
import { measured, type Report } from './measurement.ts';
import type { Sizes } from './sections.ts';

/** Opening the stores and understanding the statements takes half a second, however large the log is. */
const MOST_EVENTS = 1_000_000;
const TARGETS: Readonly<Record<string, number>> = { clickhouse: 300_000, offline: 50_000 };
const line = z.object({
  what: z.string(),
  perSecond: z.number(),
  from: z.number().optional(),
  to: z.number().optional(),
});

export async function measureVerified(report: Report, { events }: Sizes): Promise<void> {
  const size = Math.min(events, MOST_EVENTS);
  const printed = execFileSync(process.execPath, [join(import.meta.dirname, 'verify.ts'), String(size)], {
    encoding: 'utf8',
  });
  for (const text of printed.trim().split('\n')) {
    const { what, perSecond, from, to } = line.parse(JSON.parse(text));
    const value = TARGETS[what];
    if (value === undefined || from === undefined || to === undefined) continue;
    const note = `${size} events; the slowest, the median and the fastest of five`;
    report(
      measured({ section: 'verify', name: what, unit: 'events/s', target: { value, must: 'at-least' }, note }, [
        from,
        perSecond,
        to,
      ]),
    );
  }
}
