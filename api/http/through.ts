// What asks for whoever asks, as it says itself: a program of theirs, such as an assistant and the tool that it used. It stands
// in the read, and lets nobody in.
import type { IncomingHttpHeaders } from 'node:http';

export const THROUGH_HEADER = 'x-metatrail-through';
/** The name of a program and what it did, in such letters that nothing personal and no sentence can be in it. */
const NAME = /^[a-z][a-z-]{0,29}(\/[a-z][a-z_]{0,39})?$/;

/** Undefined: none is given, or one that is no such name. */
export function readThrough(headers: IncomingHttpHeaders): string | undefined {
  const given = headers[THROUGH_HEADER];
  return typeof given === 'string' && NAME.test(given) ? given : undefined;
}
