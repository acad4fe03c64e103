// Why whoever asks wants to see sensitive values: a header, percent-encoded, since headers have no letters beyond ASCII; in the
// link to a report, which has no headers, a parameter.
import type { IncomingHttpHeaders } from 'node:http';

export const REASON_HEADER = 'x-metatrail-reason';
/** Of the text itself. A longer one is no reason that somebody wrote. */
export const LONGEST_REASON = 500;

/** Undefined: none is given, or none that can be read; without one nothing sensitive is told. */
export function readReason(headers: IncomingHttpHeaders): string | undefined {
  const given = headers[REASON_HEADER];
  if (typeof given !== 'string' || given.length > 9 * LONGEST_REASON) return undefined;
  try {
    return checkReason(decodeURIComponent(given));
  } catch {
    return undefined;
  }
}

/** The same in an address, for a link. No page of somebody else may give a reason in the name of whoever follows its link. */
export function readReasonOfLink(given: unknown, headers: IncomingHttpHeaders): string | undefined {
  const site = headers['sec-fetch-site'] ?? 'none';
  return typeof given === 'string' && ['none', 'same-origin'].includes(site) ? checkReason(given) : undefined;
}

/** The reason without space around it; undefined: it is none. */
export function checkReason(given: string): string | undefined {
  const reason = given.trim();
  return reason === '' || reason.length > LONGEST_REASON ? undefined : reason;
}
