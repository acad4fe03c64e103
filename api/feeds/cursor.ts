// Where whoever reads a feed goes on. A cursor is of one log, one feed and one filter, and is refused with any other. It is no
// secret: who works out how it is made can only begin at another event of what they may read, which `from` gives them as well.
import { createHash } from 'node:crypto';
import { FeedError } from './feed-error.ts';

/** What a cursor belongs to. */
export interface CursorOf {
  log: string;
  feed: string;
  /** All that decides which events there are, in one form. */
  filter: string;
}

const FORM = /^c1\.(0|[1-9]\d{0,15})\.([\w-]{22})$/;

export function encodeCursor(of: CursorOf, next: number): string {
  return `c1.${next}.${markOf(of, next)}`;
}

/** The sequence to go on from. Throws FeedError: it is none, of another feed, filter or log, or of more events than there are. */
export function decodeCursor(of: CursorOf, cursor: string, size: number): number {
  const [, digits = '', mark] = FORM.exec(cursor) ?? [];
  const next = Number(digits);
  if (mark === undefined || mark !== markOf(of, next))
    throw new FeedError(
      'INVALID_CURSOR',
      'The cursor is none of this feed with these parameters; begin with from=SEQUENCE, or without either at the first event.',
    );
  if (next > size)
    throw new FeedError(
      'CURSOR_AHEAD',
      `The cursor is of a log of ${next} events or more, and this one has ${size}: it was restored from an older backup. Begin again with from=SEQUENCE.`,
    );
  return next;
}

function markOf({ log, feed, filter }: CursorOf, next: number): string {
  const text = JSON.stringify(['metatrail cursor', log, feed, filter, next]);
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}
