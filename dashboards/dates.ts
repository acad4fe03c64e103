// Every date and duration on screen. All times are UTC; the form is ISO 8601, which nobody reads as another day.

const DAY_FORMAT = new Intl.DateTimeFormat('en-GB', {
  weekday: 'long',
  day: 'numeric',
  month: 'long',
  year: 'numeric',
  timeZone: 'UTC',
});
const MONTH_FORMAT = new Intl.DateTimeFormat('en-GB', { month: 'short', year: 'numeric', timeZone: 'UTC' });

const UNITS: readonly (readonly [name: string, ms: number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
];

/** 2024-03-31 14:05:09 */
export function formatInstant(instant: string): string {
  return `${formatDate(instant)} ${formatTime(instant)}`;
}

/** 2024-03-31 */
export function formatDate(instant: string): string {
  return toIso(instant).slice(0, 10);
}

/** 14:05:09 */
export function formatTime(instant: string): string {
  return toIso(instant).slice(11, 19);
}

/** The instant with all its digits: 2024-03-31 14:05:09.123456 UTC */
export function formatExactly(instant: string): string {
  return `${toIso(instant).replace('T', ' ').replace(/Z$/, '')} UTC`;
}

/** Sunday, 31 March 2024, of an instant or a date. */
export function formatDay(instant: string): string {
  return DAY_FORMAT.format(new Date(`${formatDate(instant)}T00:00:00Z`));
}

/** Mar 2024, of 2024-03 */
export function formatMonth(period: string): string {
  const date = new Date(`${period}-01T00:00:00Z`);
  return Number.isNaN(date.getTime()) ? period : MONTH_FORMAT.format(date);
}

/** All months from the first to the last period: 2024-03, 2024-04, … */
export function listMonths(periods: readonly string[]): string[] {
  const sorted = [...periods].sort();
  const [first, last] = [sorted[0], sorted.at(-1)];
  const months: string[] = [];
  if (first === undefined || last === undefined) return months;
  const month = new Date(`${first}-01T00:00:00Z`);
  while (!Number.isNaN(month.getTime()) && month.toISOString().slice(0, 7) <= last) {
    months.push(month.toISOString().slice(0, 7));
    month.setUTCMonth(month.getUTCMonth() + 1);
  }
  return months;
}

/** The two largest units: 4 min 12 s, 2 d 3 h, 350 ms. A negative duration has a minus. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 0) return `−${formatDuration(-milliseconds)}`;
  if (milliseconds < 1) return '0 s';
  if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`;
  const seconds = Math.round(milliseconds / 1000) * 1000;
  const index = Math.max(
    0,
    UNITS.findIndex(([, size]) => seconds >= size),
  );
  let rest = seconds;
  return UNITS.slice(index, index + 2)
    .map(([name, size]) => {
      const count = Math.floor(rest / size);
      rest -= count * size;
      return count === 0 ? '' : `${count} ${name}`;
    })
    .filter((part) => part !== '')
    .join(' ');
}

export function formatHours(hours: number): string {
  return formatDuration(hours * 3_600_000);
}

/** Milliseconds from one instant to another. */
export function measureDelay(from: string, to: string): number {
  return Date.parse(to) - Date.parse(from);
}

/** What <input type="datetime-local"> holds, as an instant: its digits are UTC. Undefined when it is not a time. */
export function readInstant(local: string): string | undefined {
  const text = /^\d{4}-\d{2}-\d{2}$/.test(local) ? `${local}T00:00:00` : local.replace(/Z$/, '');
  const date = new Date(`${text}Z`);
  return Number.isNaN(date.getTime()) ? undefined : `${date.toISOString().slice(0, 19)}Z`;
}

/** An instant as <input type="datetime-local"> wants it. */
export function writeLocal(instant: string | undefined): string {
  return instant === undefined ? '' : toIso(instant).slice(0, 19);
}

/** In UTC with all digits, whatever zone it was written with. */
function toIso(instant: string): string {
  if (instant.endsWith('Z')) return instant;
  const date = new Date(instant);
  return Number.isNaN(date.getTime()) ? instant : date.toISOString();
}
