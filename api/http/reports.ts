// Reports as downloads: reports/<name>.pdf?parameter=value.
import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import { ReportParameterError } from '../../reports/definitions.ts';
import type { Installation } from '../installation.ts';
import { readViewer } from './authentication.ts';

export function serveReport(installation: Installation) {
  return async (request: Request<{ name: string }>, response: Response): Promise<void> => {
    const entries = Object.entries(request.query).map(([key, value]) => [key, typeof value === 'string' ? value : '']);
    try {
      const report = await installation.produceReport(
        request.params.name,
        Object.fromEntries(entries),
        readViewer(request),
      );
      response.type(report.mediaType).attachment(report.fileName);
      await pipeline(report.pdf, response);
    } catch (error) {
      if (!(error instanceof ReportParameterError)) throw error;
      response.status(400).type('text').send(error.message);
    }
  };
}
