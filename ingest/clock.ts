// The one place that asks the machine for the time. Everything else is given a clock.

/** Microseconds since 1970-01-01T00:00:00Z. */
export type Micros = number;

export type Clock = () => Micros;

export const systemClock: Clock = () => Date.now() * 1000;

const MICROS_A_DAY = 86_400_000_000;
/** The text of days lately asked for: events of a batch share a few. */
const days = new Map<number, string>();
const KEPT_DAYS = 1000;
const TWO_DIGITS = Array.from({ length: 60 }, (_, number) => String(number).padStart(2, '0'));

/** "2010-01-31 23:59:59.999999", UTC: how ClickHouse writes a DateTime64(6, 'UTC'). */
export function formatMicros(micros: Micros): string {
  const day = Math.floor(micros / MICROS_A_DAY);
  const within = micros - day * MICROS_A_DAY;
  const second = Math.floor(within / 1_000_000);
  const minute = Math.floor(second / 60);
  const hour = Math.floor(minute / 60);
  const fraction = String(within - second * 1_000_000).padStart(6, '0');
  return `${formatDay(day)} ${TWO_DIGITS[hour]}:${TWO_DIGITS[minute - hour * 60]}:${TWO_DIGITS[second - minute * 60]}.${fraction}`;
}

function formatDay(day: number): string {
  const known = days.get(day);
  if (known !== undefined) return known;
  if (days.size >= KEPT_DAYS) days.clear();
  const text = new Date((day * MICROS_A_DAY) / 1000).toISOString().slice(0, 10);
  days.set(day, text);
  return text;
}

/** "2010-01-31T23:59:59.999999Z". */
export function formatIso(micros: Micros): string {
  return `${formatMicros(micros).replace(' ', 'T')}Z`;
}

const INSTANT = /^(\d{4}-\d{2}-\d{2})(?:[T ]((?:[01]\d|2[0-3]):\d{2}:\d{2})(?:\.(\d{1,6})\d*)?)?(Z|[+-]\d{2}:\d{2})?$/;

/**
 * Reads an instant: a date (its first microsecond, UTC) or a date and time with zone (none: UTC), to the microsecond.
 * Returns undefined for anything else, also for a day that is not in the calendar, and for one after 2255, which a double
 * (and, some years later, ClickHouse) does not hold to the microsecond.
 */
export function parseInstant(text: string): Micros | undefined {
  const match = INSTANT.exec(text);
  if (!match) return undefined;
  const [, day, time = '00:00:00', fraction = '', zone = 'Z'] = match;
  const millis = Date.parse(`${day}T${time}${zone}`);
  if (Number.isNaN(millis) || !isCalendarDay(day ?? '')) return undefined;
  const micros = millis * 1000 + Number(fraction.padEnd(6, '0'));
  return Number.isSafeInteger(micros) ? micros : undefined;
}

function isCalendarDay(day: string): boolean {
  const parsed = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(day);
}
