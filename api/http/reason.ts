// Why whoever asks wants to see sensitive values: a header, percent-encoded, since headers have no letters beyond ASCII.
import type { IncomingHttpHeaders } from 'node:http';

export const REASON_HEADER = 'x-metatrail-reason';
/** Of the text itself. A longer one is no reason that somebody wrote. */
const LONGEST = 500;

/** Undefined: none is given, or none that can be read; without one nothing sensitive is told. */
export function readReason(headers: IncomingHttpHeaders): string | undefined {
  const given = headers[REASON_HEADER];
  if (typeof given !== 'string' || given.length > 9 * LONGEST) return undefined;
  try {
    const reason = decodeURIComponent(given).trim();
    return reason === '' || reason.length > LONGEST ? undefined : reason;
  } catch {
    return undefined;
  }
}
