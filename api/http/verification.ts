// The door for checks of the log while the service runs: the embedded ClickHouse is open in one process only. /log/verify
// checks and streams how far it is, a JSON object a line; /log/rows hands out rows for a bundle.
import { json, type Request, type RequestHandler, type Response } from 'express';
import { z } from 'zod';
import { LogError } from '../../ingest/errors.ts';
import { CannotCheckError } from '../../ingest/verify/cannot-check.ts';
import { LiveLog } from '../../ingest/verify/live-log.ts';
import type { Report } from '../../ingest/verify/report.ts';
import { verifyLog } from '../../ingest/verify/verify-log.ts';
import { readBundleRows } from '../bundle-rows.ts';
import { explainUnrecorded } from '../graphql/errors.ts';
import type { Installation } from '../installation.ts';
import { UnrecordedReadError } from '../reads/recorder.ts';
import { allowing } from './allowing.ts';
import { readReader } from './authentication.ts';

/** Checkpoints and keys from outside are small. */
const LARGEST_ORDER = '2mb';
/** Rows handed out at once. */
const MOST_ROWS = 8192;
const PROGRESS_INTERVAL_MS = 200;

const noteSchema = z.strictObject({ place: z.string().max(1000), note: z.string() });
export const orderSchema = z.strictObject({
  outside: z.array(noteSchema).max(100).default([]),
  trusted: z.strictObject({ place: z.string().max(1000), keys: z.string() }).optional(),
  seed: z.string().max(100).optional(),
});
export type VerificationOrder = z.input<typeof orderSchema>;

/** A line of the answer. */
export type VerificationLine = { checked: number; size: number } | { report: Report } | { problem: string };

export function serveVerification(installation: Installation): RequestHandler[] {
  let isRunning = false;
  return [
    allowing('verify'),
    json({ limit: LARGEST_ORDER }),
    async (request: Request, response: Response) => {
      const order = orderSchema.safeParse(request.body ?? {});
      if (!order.success) {
        response.status(400).type('text').send('The order of a check has outside, trusted and seed.');
        return;
      }
      if (isRunning) {
        response.status(409).type('text').send('A check of this log is under way; wait until it is over.');
        return;
      }
      isRunning = true;
      let last: VerificationLine | undefined;
      try {
        last = await verifyInto(response, installation, order.data);
      } finally {
        isRunning = false;
      }
      // Whether anybody reads it holds up no other check.
      response.end(last && lineOf(last));
    },
  ];
}

function lineOf(line: VerificationLine): string {
  return `${JSON.stringify(line)}\n`;
}

/** Checks, telling on the way how far it is. Returns what is told at the end; undefined: the client went. */
async function verifyInto(
  response: Response,
  installation: Installation,
  { outside, trusted, seed }: z.output<typeof orderSchema>,
): Promise<VerificationLine | undefined> {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  response.type('application/x-ndjson');
  // Who does not read is told less, and nothing is kept for them.
  const tell = (checked: number, size: number) => {
    if (!gone.signal.aborted && !response.writableNeedDrain) response.write(lineOf({ checked, size }));
  };
  let source: LiveLog | undefined;
  try {
    // What waits to be erased in ClickHouse is neither what was accepted nor erased there.
    await installation.log.eraser.settle();
    source = await LiveLog.open(installation.clickHouse);
    const report = await verifyLog(source, {
      outside,
      ...(trusted && { trusted }),
      seed,
      signal: gone.signal,
      onProgress: throttled(tell),
    });
    // Whoever asked need not wait for alerts.
    void installation.alerts.noteCheck(report);
    return { report };
  } catch (error) {
    if (gone.signal.aborted) return undefined;
    if (!(error instanceof CannotCheckError)) throw error;
    return { problem: error.message };
  } finally {
    await source?.close();
  }
}

/** Passes on what comes at most so often. */
function throttled(work: (checked: number, size: number) => void): (checked: number, size: number) => void {
  let last = Number.NEGATIVE_INFINITY;
  return (checked, size) => {
    const now = performance.now();
    if (now - last < PROGRESS_INTERVAL_MS) return;
    last = now;
    work(checked, size);
  };
}

const wholeNumber = z
  .string()
  .regex(/^\d{1,15}$/)
  .transform(Number);
const rangeSchema = z
  .object({ first: wholeNumber, end: wholeNumber })
  .refine(({ first, end }) => end > first && end - first <= MOST_ROWS);

export function serveRows(installation: Installation): RequestHandler {
  return async (request: Request, response: Response) => {
    const range = rangeSchema.safeParse(request.query);
    if (!range.success) {
      response.status(400).type('text').send(`Rows are asked for as ?first=N&end=N, at most ${MOST_ROWS} of them.`);
      return;
    }
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    const asking = { ...readReader(request), signal: gone.signal };
    try {
      response.json(await readBundleRows(installation, asking, range.data.first, range.data.end));
    } catch (error) {
      if (gone.signal.aborted) return;
      if (error instanceof UnrecordedReadError) response.status(503).type('text').send(explainUnrecorded(error));
      else if (error instanceof LogError) response.status(503).type('text').send(error.message);
      else throw error;
    }
  };
}
