// Subscriptions over HTTP: a POST to /graphql like any question, answered with server-sent events as graphql-sse has them ("distinct
// connections mode"). Each message that can be continued from has an id, which a client may send back as Last-Event-ID.
import { once } from 'node:events';
import type { Request, RequestHandler, Response } from 'express';
import { z } from 'zod';
import type { Report } from '../graphql/errors.ts';
import { isSubscription } from '../graphql/operation.ts';
import type { Installation } from '../installation.ts';
import { TooManyFollowersError } from '../live/followers.ts';
import type { Message } from '../reads/follow.ts';
import { readReader, renewReader } from './authentication.ts';
import { refuse } from './refusal.ts';

/** Proxies cut a connection on which nothing comes, most of them after a minute; at this pace it is also looked again who asks. */
export const HEARTBEAT_MS = 12_000;
const EVENT_STREAM = 'text/event-stream';
const COMMENT = ':\n\n';

export interface Pace {
  heartbeatMs: number;
  /** How long a client may take nothing of what it is told before it is cut off. */
  patienceMs: number;
}

const bodySchema = z.looseObject({
  query: z.string(),
  variables: z.record(z.string(), z.unknown()).nullish(),
  operationName: z.string().nullish(),
});

/** Answers subscriptions, and leaves everything else to whoever comes next. */
export function serveSubscriptions(installation: Installation, report: Report, pace: Pace): RequestHandler {
  return async (request, response, next) => {
    const body = bodySchema.safeParse(request.body).data;
    if (body === undefined || !isSubscription(body.query, body.operationName)) {
      next();
      return;
    }
    const resumeFrom = readLastEventId(request);
    if (!request.accepts(EVENT_STREAM))
      refuse(response, 406, `A subscription is answered with server-sent events: send accept: ${EVENT_STREAM}.`);
    else if (resumeFrom === null)
      refuse(response, 400, 'Last-Event-ID is none of this service; it is the id of an event, a sequence number.');
    else {
      const left = new AbortController();
      response.once('close', () => left.abort());
      const operation = {
        query: body.query,
        variables: body.variables ?? undefined,
        operationName: body.operationName ?? undefined,
      };
      const work = async (signal: AbortSignal) => {
        const renew = () => ({
          ...installation.context({ ...renewReader(request), signal }),
          following: { renew, signal, resumeFrom, everyMs: pace.heartbeatMs },
        });
        await send(installation.follow(operation, renew(), report), response, pace, signal);
      };
      try {
        await installation.followers.follow(readReader(request), left.signal, work);
      } catch (error) {
        if (!(error instanceof TooManyFollowersError)) throw error;
        response.set('Retry-After', '60');
        refuse(response, 429, error.message, 'TOO_MANY_SUBSCRIPTIONS');
      }
    }
  };
}

/** Undefined: none is sent; null: it is none. */
function readLastEventId(request: Request): number | undefined | null {
  const sent = request.get('last-event-id');
  if (sent === undefined || sent === '') return undefined;
  const sequence = /^\d{1,16}$/.test(sent) ? Number(sent) : Number.NaN;
  return Number.isSafeInteger(sequence) ? sequence : null;
}

/**
 * Sends message by message; the next one is made when the client has taken the one before, so that one that reads nothing costs no
 * memory, and is cut off. When the service stops the connection ends without `complete`: the client comes back.
 */
async function send(
  messages: AsyncIterable<Message>,
  response: Response,
  { heartbeatMs, patienceMs }: Pace,
  signal: AbortSignal,
): Promise<void> {
  // A proxy such as nginx would hold messages back until it has a buffer full.
  response.writeHead(200, { 'Content-Type': `${EVENT_STREAM}; charset=utf-8`, 'X-Accel-Buffering': 'no' });
  response.setTimeout(patienceMs, () => response.destroy());
  response.write(COMMENT);
  const heartbeat = setInterval(() => {
    if (!response.writableNeedDrain) response.write(COMMENT);
  }, heartbeatMs);
  try {
    for await (const { result, next } of messages) {
      const id = next === undefined ? '' : `id: ${next}\n`;
      const isTaken = response.write(`event: next\n${id}data: ${JSON.stringify(result)}\n\n`);
      if (!isTaken) await once(response, 'drain', { signal }).catch(() => undefined);
      if (signal.aborted) break;
    }
    if (!signal.aborted) response.write('event: complete\ndata:\n\n');
  } finally {
    clearInterval(heartbeat);
    response.end();
  }
}
