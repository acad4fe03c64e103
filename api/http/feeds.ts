// GET /feeds/ocsf and /feeds/changes: a page of changes in the order of the log, as lines of JSON, as one JSON object or as a
// batch of CloudEvents; how to go on stands in the headers, and in the object.
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import { ForbiddenError } from '../access/questions.ts';
import { FeedError } from '../feeds/feed-error.ts';
import { type FeedPage, readFeedPage } from '../feeds/feed-page.ts';
import { FEEDS, type FeedFormat, type FeedName, readFeedQuery } from '../feeds/feed-query.ts';
import { inCloudEvent } from '../feeds/told-events.ts';
import { explainError, type Report } from '../graphql/errors.ts';
import type { Installation } from '../installation.ts';
import { readReader } from './authentication.ts';
import { refuse } from './refusal.ts';

const MEDIA_TYPES: Readonly<Record<FeedFormat, string>> = {
  jsonl: 'application/x-ndjson',
  json: 'application/json',
  cloudevents: 'application/cloudevents-batch+json',
};

/** `report` is given what is no mistake of the caller. */
export function serveFeed(installation: Installation, report: Report) {
  return async (request: Request<{ feed: string }>, response: Response): Promise<void> => {
    const feed = FEEDS.find((name) => name === request.params.feed);
    if (feed === undefined) {
      refuse(response, 404, `There is no feed of this name; there is ${FEEDS.join(' and ')}.`);
      return;
    }
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    const asking = { ...readReader(request), signal: gone.signal };
    try {
      await send(feed, await readFeedPage(installation, feed, () => readFeedQuery(request.query), asking), response);
    } catch (error) {
      if (!gone.signal.aborted) answerFailure(error, response, report);
    }
  };
}

async function send(feed: FeedName, page: FeedPage, response: Response): Promise<void> {
  const { query, cursor, watermark, hasMore, gone, withheld } = page;
  response.set({
    'Content-Type': MEDIA_TYPES[query.format],
    'X-Metatrail-Cursor': cursor,
    'X-Metatrail-Watermark': String(watermark),
    'X-Metatrail-More': String(hasMore),
    ...(gone !== undefined && { 'X-Metatrail-Gone': gone }),
    ...(withheld.length > 0 && { 'X-Metatrail-Withheld': withheld.join(', ') }),
  });
  await pipeline(Readable.from(write(feed, page)), response);
}

function* write(feed: FeedName, { query, events, gone, next: _, ...facts }: FeedPage): Generator<string> {
  const { format } = query;
  if (format === 'jsonl') {
    for (const { body } of events) yield `${JSON.stringify(body)}\n`;
    return;
  }
  const head = JSON.stringify({ ...facts, ...(gone !== undefined && { gone }) });
  yield format === 'json' ? `${head.slice(0, -1)},"events":[` : '[';
  let comma = '';
  for (const event of events) {
    yield comma + JSON.stringify(format === 'json' ? event.body : inCloudEvent(feed, event));
    comma = ',';
  }
  yield format === 'json' ? ']}' : ']';
}

const STATUSES: Readonly<Record<string, number>> = {
  FORBIDDEN: 403,
  ANSWER_TOO_LARGE: 422,
  INTERNAL_SERVER_ERROR: 500,
};

function answerFailure(error: unknown, response: Response, report: Report): void {
  if (response.headersSent) {
    report(error);
    response.destroy();
  } else if (error instanceof FeedError) refuse(response, 400, error.message, error.code);
  else if (error instanceof ForbiddenError) refuse(response, 403, error.message, 'FORBIDDEN');
  else {
    const { message, extensions } = explainError(error, report);
    const code = String(extensions.code);
    refuse(response, STATUSES[code] ?? 503, message, code);
  }
}
