// Exports as downloads: exports/<list>.<format>?parameter=value, and afterwards exports/<id>/manifest.json.
import { once } from 'node:events';
import { type NextFunction, type Request, type RequestHandler, type Response, Router } from 'express';
import { ForbiddenError } from '../access/questions.ts';
import { type Export, startExport } from '../exports/export.ts';
import { KeptExports, TooManyExportsError } from '../exports/kept-exports.ts';
import { FORMATS, LISTS } from '../exports/lists.ts';
import { ExportParameterError } from '../exports/parameters.ts';
import { explainError, type Report } from '../graphql/errors.ts';
import type { Installation } from '../installation.ts';
import { readReader } from './authentication.ts';

/** Tells where its manifest will be. */
export const EXPORT_HEADER = 'x-metatrail-export';

const RETRY_AFTER_S = '60';

export interface ServedExports {
  installation: Installation;
  known: RequestHandler;
  report: Report;
  /** How long nothing of an export may be taken before its connection is cut. */
  patienceMs: number;
}

export function serveExports({ known, ...served }: ServedExports): Router {
  const kept = new KeptExports();
  const router = Router();
  router.get('/exports/:id/manifest.json', known, (request: Request<{ id: string }>, response) => {
    const manifest = kept.manifestOf(readReader(request).viewer, request.params.id);
    if (manifest) response.json(manifest);
    else
      say(
        response,
        404,
        'You have no such export, it is still under way, it ended a day ago, or the service was restarted.',
      );
  });
  router.get('/exports/:list.:format', refuseForeign, known, serveExport(served, kept));
  return router;
}

/** A page of another site could make a browser ask in its owner's name: it would read nothing, but the log would say that they asked. */
function refuseForeign(request: Request, response: Response, next: NextFunction): void {
  const site = request.get('sec-fetch-site') ?? 'none';
  if (site === 'none' || site === 'same-origin') next();
  else say(response, 403, 'An export is not begun from a page of another site; ask for it from this one.');
}

function serveExport({ installation, report, patienceMs }: Omit<ServedExports, 'known'>, kept: KeptExports) {
  return async (request: Request<{ list: string; format: string }>, response: Response): Promise<void> => {
    const list = LISTS.get(request.params.list);
    const format = FORMATS.get(request.params.format);
    if (!list || !format) {
      const [lists, formats] = [[...LISTS.keys()], [...FORMATS.keys()]].map((names) => names.join(', '));
      say(response, 404, `There is no such export; the lists are ${lists}, the formats ${formats}.`);
      return;
    }
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    const reader = readReader(request);
    let release = () => {};
    try {
      release = kept.begin(reader.viewer);
      const context = installation.context({ ...reader, signal: gone.signal });
      const started = await startExport(context, { list, format, given: readGiven(request) });
      await send(started, { response, gone: gone.signal, patienceMs, report });
      if (started.manifest) kept.keep(reader.viewer, started.manifest);
    } catch (error) {
      if (!gone.signal.aborted) refuse(response, error, report);
    } finally {
      release();
    }
  };
}

interface Sending {
  response: Response;
  /** Whoever asked has gone. */
  gone: AbortSignal;
  patienceMs: number;
  report: Report;
}

/** Whatever happens from here on, the export ends in the log, and the connection of a broken one is cut. */
async function send(started: Export, { response, gone, patienceMs, report }: Sending): Promise<void> {
  response.attachment(started.fileName);
  // After `attachment`, which takes the type from the name.
  response.set({ 'Content-Type': started.mediaType, [EXPORT_HEADER]: started.id });
  response.flushHeaders();
  response.on('timeout', () => response.destroy());
  let why = 'Whoever asked was gone before the end.';
  try {
    for await (const chunk of started.bytes()) {
      if (response.write(chunk)) continue;
      // Only while something waits to be taken: a rare filter may leave us nothing to send for longer than that.
      response.setTimeout(patienceMs);
      await once(response, 'drain', { signal: gone });
      response.setTimeout(0);
    }
    response.end();
  } catch (error) {
    if (!gone.aborted) why = explainError(error, report).message;
    // Without the end that HTTP has for what is whole, but after what was written.
    response.socket?.destroySoon();
  } finally {
    if (!started.manifest) await started.end(why).catch(report);
  }
}

/** Each parameter once: of two it would have to be guessed which is meant. */
function readGiven(request: Request): Record<string, string> {
  const entries = Object.entries(request.query).map(([name, value]) => {
    if (typeof value !== 'string')
      throw new ExportParameterError(`The parameter ${JSON.stringify(name.slice(0, 60))} is given more than once.`);
    return [name, value];
  });
  return Object.fromEntries(entries);
}

function refuse(response: Response, error: unknown, report: Report): void {
  if (error instanceof TooManyExportsError) say(response.set('Retry-After', RETRY_AFTER_S), 429, error.message);
  else if (error instanceof ExportParameterError) say(response, 400, error.message);
  else if (error instanceof ForbiddenError) say(response, 403, error.message);
  else {
    const { message, extensions } = explainError(error, report);
    say(response, STATUS[String(extensions.code)] ?? 503, message);
  }
}

const STATUS: Readonly<Record<string, number>> = {
  FORBIDDEN: 403,
  ANSWER_TOO_LARGE: 422,
  TIME_LIMIT: 422,
  MEMORY_LIMIT: 422,
  INTERNAL_SERVER_ERROR: 500,
};

function say(response: Response, status: number, sentence: string): void {
  response.status(status).type('text').send(sentence);
}
