// A page of a feed. It is a read: accepted before its first byte leaves. A page with no event in it that goes on from a cursor
// is none: whoever polls was recorded with the same question when they began, and told nothing since; a SIEM that asks every
// ten seconds would else fill the log with its own reads.

import { checkMayAsk, ForbiddenError } from '../access/questions.ts';
import type { Asking } from '../graphql/context.ts';
import type { Installation } from '../installation.ts';
import { findOnwards } from '../queries/onwards.ts';
import { describeSight } from '../queries/sight.ts';
import { type Read, readEvent } from '../reads/read-event.ts';
import { type CursorOf, decodeCursor, encodeCursor } from './cursor.ts';
import { FeedError } from './feed-error.ts';
import type { FeedName, FeedQuery } from './feed-query.ts';
import { prepareTelling, type ToldEvent, tell } from './told-events.ts';

/** Its name in `reads`, and among what a role may ask. */
export const QUESTION = 'changeFeed';

export interface FeedPage {
  query: FeedQuery;
  events: Iterable<ToldEvent>;
  /** Goes on after this page. */
  cursor: string;
  /** The sequence that it goes on from. */
  next: number;
  /** Up to which event it was looked at. */
  watermark: number;
  /** Whether there is more already. */
  hasMore: boolean;
  /** What would come first but has expired; a sentence. */
  gone: string | undefined;
  withheld: readonly string[];
}

/** `ask`: what is asked; may throw FeedError. Throws FeedError, ForbiddenError, UnrecordedReadError, and what every question throws. */
export async function readFeedPage(
  installation: Pick<Installation, 'context'>,
  feed: FeedName,
  ask: () => FeedQuery,
  asking: Asking,
): Promise<FeedPage> {
  const context = installation.context(asking);
  const { queries, log } = context;
  let from: number | undefined;
  let query: FeedQuery | undefined;
  const record = (became: Pick<Read, 'outcome' | 'error' | 'rows'>) =>
    context.reads.record([
      readEvent({
        viewer: context.viewer,
        address: context.address,
        reason: context.access.reason,
        question: QUESTION,
        parameters: [
          { name: 'feed', type: 'string', text: feed },
          ...(query?.parameters ?? []).filter(({ name }) => name !== 'from'),
          ...(from === undefined ? [] : [{ name: 'from', type: 'integer' as const, text: String(from) }]),
        ],
        watermark: queries.watermark,
        ...became,
      }),
    ]);
  try {
    checkMayAsk(context.access, QUESTION);
    query = ask();
    const of: CursorOf = { log: queries.log, feed, filter: query.filterText };
    from = query.cursor === undefined ? query.from : decodeCursor(of, query.cursor, log.journal.size);
    const page = await findOnwards(queries, query.filter, { from, first: query.limit });
    const told = await prepareTelling(context, page.events, query.integrity);
    const isPoll = query.cursor !== undefined && page.events.length === 0;
    if (!isPoll) await record({ outcome: 'answered', rows: page.events.length });
    // What is not there yet has no page: a cursor never goes back.
    const next = Math.max(from, page.next);
    return {
      query,
      events: tell(feed, page.events, told),
      cursor: encodeCursor(of, next),
      next,
      watermark: page.watermark,
      hasMore: next < page.watermark,
      gone: page.gone,
      withheld: describeSight(queries.sight).withheld ?? [],
    };
  } catch (error) {
    if (error instanceof FeedError) await record({ outcome: 'refused', error: codeOf(error.code) });
    if (error instanceof ForbiddenError) await record({ outcome: 'refused', error: 'forbidden' });
    throw error;
  }
}

const codeOf = (code: string) => code.toLowerCase().replaceAll('_', '-');
