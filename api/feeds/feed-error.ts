/** What was asked of a feed is wrong: the message says what, and what to do. */
export class FeedError extends Error {
  override name = 'FeedError';
  readonly code: 'BAD_USER_INPUT' | 'INVALID_CURSOR' | 'CURSOR_AHEAD';

  constructor(code: FeedError['code'], message: string) {
    super(message);
    this.code = code;
  }
}
