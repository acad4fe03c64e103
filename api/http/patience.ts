// A client that does not read what it asked for: it may not keep an answer in memory, or whatever makes it, for ever.
import type { NextFunction, Request, Response } from 'express';

/** How long nothing of an answer may be taken before its connection is cut: longer than any network is lost in passing. */
export const PATIENCE_MS = 60_000;

/** Cuts the connection where an answer, complete or streamed from somewhere, is not taken at all for so long. */
export function dropUnread(patienceMs: number) {
  return (_: Request, response: Response, next: NextFunction): void => {
    const watch = () => response.setTimeout(patienceMs, () => response.destroy());
    // Before that it is we who are slow: a run may take hours until its answer begins.
    response.once('pipe', watch);
    response.once('prefinish', watch);
    next();
  };
}
