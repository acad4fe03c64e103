// Durations of the calendar: `90 days`, `6 months`, `10 years`.
import type { Micros } from '../clock.ts';

/** The instant so long before another one, UTC. Raises RangeError for a text that is no duration. */
export function subtractDuration(from: Micros, duration: string): Micros {
  const [, count, unit] = /^(\d+) (day|month|year)s?$/.exec(duration) ?? [];
  if (count === undefined) throw new RangeError(`${duration} is no duration.`);
  const date = new Date(from / 1000);
  const amount = Number(count);
  if (unit === 'day') date.setUTCDate(date.getUTCDate() - amount);
  else if (unit === 'month') date.setUTCMonth(date.getUTCMonth() - amount);
  else date.setUTCFullYear(date.getUTCFullYear() - amount);
  return date.getTime() * 1000;
}
