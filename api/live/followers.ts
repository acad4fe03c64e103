// Who follows the log now: at most so many at once, and all of them come to an end before the log is closed.
import type { Access } from '../access/access.ts';

/** Of one person or token: pages in several windows, or a program with several filters. */
const MOST_OF_ONE = 10;
/** Each asks the log a small question whenever something is delivered. */
const MOST_OF_ALL = 100;

/** Whoever asks follows enough already, or all together do. */
export class TooManyFollowersError extends Error {
  override name = 'TooManyFollowersError';
}

export class Followers {
  readonly #open = new Map<string, number>();
  readonly #under = new Set<Promise<void>>();
  readonly #closing = new AbortController();

  get count(): number {
    return this.#under.size;
  }

  /** Does the work until it ends, or until the service stops, which `signal` says then. Throws TooManyFollowersError. */
  follow({ viewer }: Access, client: AbortSignal, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const own = this.#open.get(viewer) ?? 0;
    if (own >= MOST_OF_ONE)
      throw new TooManyFollowersError(
        `You follow ${MOST_OF_ONE} subscriptions already, which is as many as one may; end one first.`,
      );
    if (this.#under.size >= MOST_OF_ALL)
      throw new TooManyFollowersError(`There are ${MOST_OF_ALL} subscriptions already; try again later.`);
    this.#open.set(viewer, own + 1);
    const under = work(AbortSignal.any([client, this.#closing.signal])).finally(() => {
      const left = (this.#open.get(viewer) ?? 1) - 1;
      if (left === 0) this.#open.delete(viewer);
      else this.#open.set(viewer, left);
      this.#under.delete(under);
    });
    this.#under.add(under);
    return under;
  }

  /** Ends them all; resolves when what they were told is recorded. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#under);
  }
}
