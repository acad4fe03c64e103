// The feeds that an installation sends, each by a pusher of its own.
import type { Clock } from '../../ingest/clock.ts';
import type { ChangeLog } from '../../ingest/log.ts';
import type { Installation } from '../installation.ts';
import type { AddressCheck } from '../outgoing/address-check.ts';
import { PACE, type Pace } from '../outgoing/pace.ts';
import { Pusher } from './pusher.ts';
import { createSender } from './sender.ts';
import type { FeedSettings } from './settings.ts';

export interface FeedParts {
  log: ChangeLog;
  context: Installation['context'];
  feeds: readonly FeedSettings[];
  check: AddressCheck;
  clock?: Clock;
  pace?: Pace;
}

export interface FeedState {
  name: string;
  /** Accepted events that the receiver does not have yet, of those that are for it. */
  lag: number;
  /** Why; undefined: nothing is wrong. */
  problem: string | undefined;
}

export class Feeds {
  readonly #pushers: readonly Pusher[];
  readonly #listeners = new Set<(sentence: string) => void>();

  constructor({ log, context, feeds, check, clock, pace = PACE }: FeedParts) {
    const onFailed = (sentence: string) => {
      for (const listener of this.#listeners) listener(sentence);
    };
    this.#pushers = feeds.map(
      (feed) => new Pusher(feed, { log, context, sender: createSender(feed, check, clock), pace, onFailed }),
    );
  }

  start(): void {
    for (const pusher of this.#pushers) pusher.start();
  }

  /** Calls back with a sentence when a feed cannot be sent, or what it was to send has expired. */
  onFailed(listener: (sentence: string) => void): void {
    this.#listeners.add(listener);
  }

  get states(): FeedState[] {
    return this.#pushers.map(({ settings: { name }, lag, problem }) => ({ name, lag, problem }));
  }

  /** Resolves when nothing is under way: what was not taken by then is sent again at the next start. */
  async close(): Promise<void> {
    await Promise.all(this.#pushers.map((pusher) => pusher.stop()));
  }
}
