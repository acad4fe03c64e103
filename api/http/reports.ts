// Reports as downloads: reports/<name>.pdf?parameter=value. `reason` is the parameter of them all: why sensitive values are wanted.
import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import { ReportParameterError } from '../../reports/definitions.ts';
import { ForbiddenError } from '../access/questions.ts';
import { explainUnrecorded } from '../graphql/errors.ts';
import type { Installation } from '../installation.ts';
import { AnswerTooLargeError } from '../queries/context.ts';
import { UnrecordedReadError } from '../reads/recorder.ts';
import { readReader } from './authentication.ts';
import { readReasonOfLink } from './reason.ts';

export function serveReport(installation: Installation) {
  return async (request: Request<{ name: string }>, response: Response): Promise<void> => {
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    try {
      const reader = readReader(request);
      const { reason: given, ...parameters } = readParameters(request);
      const reason = reader.reason ?? readReasonOfLink(given, request.headers);
      const asking = { ...reader, reason, signal: gone.signal };
      const report = await installation.produceReport(request.params.name, parameters, asking);
      response.type(report.mediaType).attachment(report.fileName);
      await pipeline(report.pdf, response);
    } catch (error) {
      if (gone.signal.aborted) return;
      const status = statusOf(error);
      if (status === undefined || !(error instanceof Error)) throw error;
      const said = error instanceof UnrecordedReadError ? explainUnrecorded(error) : error.message;
      response.status(status).type('text').send(said);
    }
  };
}

function statusOf(error: unknown): number | undefined {
  if (error instanceof ReportParameterError) return 400;
  if (error instanceof ForbiddenError) return 403;
  if (error instanceof UnrecordedReadError) return 503;
  return error instanceof AnswerTooLargeError ? 422 : undefined;
}

/** Each parameter once: of two it would have to be guessed which is meant. */
function readParameters(request: Request): Record<string, string> {
  const entries = Object.entries(request.query).map(([key, value]) => {
    if (typeof value !== 'string')
      throw new ReportParameterError(key, `The parameter ${JSON.stringify(key.slice(0, 60))} is given more than once.`);
    return [key, value];
  });
  return Object.fromEntries(entries);
}
