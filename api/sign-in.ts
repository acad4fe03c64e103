// Sign-in by a one-time link, sessions after it, and the token of the local command line. Only hashes are stored; a link
// works once and for an hour, a session for twelve.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { type Clock, systemClock } from '../ingest/clock.ts';
import type { Journal } from '../ingest/journal/journal.ts';
import { type Access, localAccess, ROLES } from './access/access.ts';

const MICROS_AN_HOUR = 3_600_000_000;
const LINK_LIFETIME = MICROS_AN_HOUR;
const SESSION_LIFETIME = 12 * MICROS_AN_HOUR;
const SECRET_BYTES = 32;
const LINK = 'sign-in-link';
const SESSION = 'session';

const stored = z.object({
  expiresAt: z.number(),
  viewer: z.string(),
  roles: z.array(z.enum(ROLES)),
  identity: z.string().optional(),
});

interface Stored extends Access {
  expiresAt: number;
}

/** Who has the token of the command line. */
export const COMMAND_LINE = 'command line';
/** The person behind the one-time link, until sign-in knows names. */
const LOCAL_ADMINISTRATOR = 'local administrator';

export class SignIn {
  readonly #journal: Journal;
  readonly #clock: Clock;
  /** The token of the command line on this machine; it dies with the process. */
  readonly commandLineToken = newSecret();

  constructor(journal: Journal, clock: Clock = systemClock) {
    this.#journal = journal;
    this.#clock = clock;
  }

  /** Makes a one-time link's token. */
  async createLink(): Promise<string> {
    await this.#forgetExpired();
    const token = newSecret();
    await this.#put(LINK, hashOf(token), {
      ...localAccess(LOCAL_ADMINISTRATOR),
      expiresAt: this.#clock() + LINK_LIFETIME,
    });
    return token;
  }

  /** Takes a link's token for a session's; undefined when it was used, has expired or never was. */
  async redeemLink(token: string): Promise<string | undefined> {
    const hash = hashOf(token);
    const session = newSecret();
    let redeemed = false;
    // Looked up where it is taken away: of two requests at the same time one finds it.
    await this.#journal.accept(() => {
      const link = this.#read(LINK, hash);
      redeemed = link !== undefined;
      if (!link) return { events: [], state: [] };
      const value = { ...link, expiresAt: this.#clock() + SESSION_LIFETIME };
      return {
        events: [],
        state: [
          { kind: LINK, key: hash, value: null },
          { kind: SESSION, key: hashOf(session), value },
        ],
      };
    });
    return redeemed ? session : undefined;
  }

  /** Who a session's token belongs to. */
  accessOfSession(token: string): Access | undefined {
    return this.#read(SESSION, hashOf(token));
  }

  /** Who a bearer token belongs to. */
  accessOfToken(token: string): Access | undefined {
    const [given, expected] = [Buffer.from(hashOf(token)), Buffer.from(hashOf(this.commandLineToken))];
    return timingSafeEqual(given, expected) ? localAccess(COMMAND_LINE) : undefined;
  }

  async signOut(token: string): Promise<void> {
    await this.#put(SESSION, hashOf(token), null);
  }

  #read(kind: string, hash: string): Stored | undefined {
    const found = stored.safeParse(this.#journal.state.get(kind, hash));
    return found.success && found.data.expiresAt > this.#clock() ? found.data : undefined;
  }

  async #put(kind: string, key: string, value: Stored | null): Promise<void> {
    await this.#journal.accept(() => ({ events: [], state: [{ kind, key, value }] }));
  }

  async #forgetExpired(): Promise<void> {
    const expired = [LINK, SESSION].flatMap((kind) =>
      this.#journal.state
        .keys(kind)
        .filter((key) => this.#read(kind, key) === undefined)
        .map((key) => ({ kind, key, value: null })),
    );
    await this.#journal.accept(() => ({ events: [], state: expired }));
  }
}

function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url');
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
