// The door of the command line to what concerns the data folder as a whole. Lines of JSON: progress while it goes on, then
// the result or what went wrong, in a sentence. Only the command line of this machine's user knows the token for it.
import express, { type Request, type RequestHandler, type Response, Router } from 'express';
import { ReplayError } from '../../engine/replay/replay.ts';
import { LogError, REMEDIES } from '../../ingest/errors.ts';
import type { ChangeLog } from '../../ingest/log.ts';
import { FAILED } from '../graphql/errors.ts';
import { carryOut, taskSchema } from '../maintenance.ts';
import { isFromCommandLine, readReader } from './authentication.ts';

export function maintenanceRoutes(log: ChangeLog, known: RequestHandler, report: (error: unknown) => void): Router {
  const router = Router();
  router.post('/maintenance', known, express.json(), async (request, response) => {
    if (isFromCommandLine(request)) await answer(log, request, response, report);
    else response.status(403).json({ error: 'Only the command line may do this.' });
  });
  return router;
}

async function answer(log: ChangeLog, request: Request, response: Response, report: (error: unknown) => void) {
  const task = taskSchema.safeParse(request.body);
  if (!task.success) {
    response.status(400).json({ error: 'The service does not know this task; is it of another version?' });
    return;
  }
  response.type('application/x-ndjson');
  const say = (line: unknown) => response.write(`${JSON.stringify(line)}\n`);
  try {
    const onProgress = (done: number, total: number) => say({ done, total });
    say({ result: await carryOut(log, task.data, onProgress, readReader(request)) });
  } catch (error) {
    if (error instanceof LogError) say({ error: `${error.message} ${REMEDIES[error.code]}` });
    else if (error instanceof ReplayError) say({ error: error.message });
    else {
      report(error);
      say({ error: FAILED });
    }
  }
  response.end();
}
