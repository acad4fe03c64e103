// One-time links, with which the owner of the data folder signs in first: each works once, within an hour.
import { z } from 'zod';
import { type Clock, type Micros, systemClock } from '../../ingest/clock.ts';
import type { Journal } from '../../ingest/journal/journal.ts';
import { LOCAL_ADMINISTRATOR, localAccess } from './access.ts';
import { hashOf, newSecret } from './secrets.ts';
import type { Sessions } from './sessions.ts';

const LINK = 'sign-in-link';
const LIFETIME: Micros = 3_600_000_000;

const stored = z.object({ expiresAt: z.number() });

export class Links {
  readonly #journal: Journal;
  readonly #sessions: Sessions;
  readonly #clock: Clock;

  constructor(journal: Journal, sessions: Sessions, clock: Clock = systemClock) {
    this.#journal = journal;
    this.#sessions = sessions;
    this.#clock = clock;
  }

  /** Makes a link's secret. */
  async create(): Promise<string> {
    const secret = newSecret();
    const { state } = this.#journal;
    await this.#journal.acceptFirst(() => ({
      events: [],
      state: [
        ...state
          .keys(LINK)
          .filter((key) => !this.#isOpen(key))
          .map((key) => ({ kind: LINK, key, value: null })),
        { kind: LINK, key: hashOf(secret), value: { expiresAt: this.#clock() + LIFETIME } },
      ],
    }));
    return secret;
  }

  /**
   * Takes a link's secret for a session's; undefined when it was used, has expired or never was. `previous`: the session that
   * the browser has until now.
   */
  async redeem(secret: string, previous?: string): Promise<string | undefined> {
    const key = hashOf(secret);
    let session: string | undefined;
    // Looked up where it is taken away: of two requests at the same time one finds it.
    await this.#journal.acceptFirst(() => {
      if (!this.#isOpen(key)) return { events: [], state: [] };
      const begun = this.#sessions.begin(localAccess(LOCAL_ADMINISTRATOR), 'link', previous);
      session = begun.secret;
      return { events: [], state: [{ kind: LINK, key, value: null }, ...begun.state] };
    });
    return session;
  }

  #isOpen(key: string): boolean {
    const link = stored.safeParse(this.#journal.state.get(LINK, key)).data;
    return link !== undefined && link.expiresAt > this.#clock();
  }
}
