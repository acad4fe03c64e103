// The months of the demonstration and their instants. The story ends on a fixed date, so that it is the same whenever it is told.
import { formatMicros, type Micros } from '../../ingest/clock.ts';

const MICROSECONDS_PER_MILLISECOND = 1000;
const FIRST_YEAR = 2024;
const FIRST_MONTH = 11;

/** HR's feeds: 2024-11 to 2026-10. Month 1 is the first. */
export const MONTHS = 24;

/** The number of a month's feed; "2024-11" is 1. */
export function monthOf(label: string): number {
  const [year = 0, month = 0] = label.split('-').map(Number);
  return (year - FIRST_YEAR) * 12 + month - FIRST_MONTH + 1;
}

/** "2024-11" for 1. */
export function labelOf(month: number): string {
  return dayOf(month, 1).slice(0, 7);
}

/** An instant, UTC. Days count on over the month's end. */
export function instantOf(month: number, day: number, hour = 0, minute = 0): Micros {
  return Date.UTC(FIRST_YEAR, FIRST_MONTH + month - 2, day, hour, minute) * MICROSECONDS_PER_MILLISECOND;
}

/** "2024-11-30": days count on over the month's end. */
export function dayOf(month: number, day: number): string {
  return formatMicros(instantOf(month, day)).slice(0, 10);
}

export function daysIn(month: number): number {
  return Number(dayOf(month + 1, 0).slice(8));
}

/** The last instant of a month: what a feed named after it is dated. */
export function endOf(month: number): Micros {
  return instantOf(month + 1, 1) - 1;
}
