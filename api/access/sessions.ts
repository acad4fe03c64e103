// Sessions of people who signed in: a secret in a cookie, of which only the hash is kept in the journal's state. One ends
// twelve hours after it began, an hour after it was last used, when whoever has it signs out, or when it is revoked.
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { type Clock, type Micros, systemClock } from '../../ingest/clock.ts';
import { LogError } from '../../ingest/errors.ts';
import type { Journal } from '../../ingest/journal/journal.ts';
import type { StateChange } from '../../ingest/journal/messages.ts';
import { type Access, AccessError, ROLES } from './access.ts';
import { accessEvent, fact, type Reason } from './access-event.ts';
import { hashOf, newSecret } from './secrets.ts';

const SESSION = 'session';
const AN_HOUR: Micros = 3_600_000_000;
/** A working day: whoever was given other groups, or left, is found out by then. */
const LONGEST: Micros = 12 * AN_HOUR;
/** Nothing polls: a session that nobody uses is not used. */
const LONGEST_IDLE: Micros = AN_HOUR;
const REMEMBERED_EVERY: Micros = 60_000_000;

/** How somebody signed in. */
export type Way = 'link' | 'openid';

const stored = z.object({
  id: z.string(),
  viewer: z.string(),
  roles: z.array(z.enum(ROLES)),
  identity: z.string().optional(),
  way: z.enum(['link', 'openid']),
  startedAt: z.number(),
  expiresAt: z.number(),
  lastUsedAt: z.number(),
});

/** Times are microseconds. */
export interface Session extends Access {
  id: string;
  way: Way;
  startedAt: Micros;
  expiresAt: Micros;
  /** To the minute. */
  lastUsedAt: Micros;
}

export class Sessions {
  readonly #journal: Journal;
  readonly #clock: Clock;

  constructor(journal: Journal, clock: Clock = systemClock) {
    this.#journal = journal;
    this.#clock = clock;
  }

  /**
   * Begins one and ends the one that the same browser had, if any. Returns its secret, and what has to be accepted before it
   * counts.
   */
  begin(access: Access, way: Way, previous: string | undefined): { secret: string; state: StateChange[] } {
    const secret = newSecret();
    const now = this.#clock();
    const session: Session = {
      id: randomUUID(),
      ...access,
      way,
      startedAt: now,
      expiresAt: now + LONGEST,
      lastUsedAt: now,
    };
    const over = [...this.#keys()].filter(([, each]) => each === undefined).map(([key]) => key);
    const ended = new Set([...over, ...(previous === undefined ? [] : [hashOf(previous)])]);
    return {
      secret,
      state: [
        ...[...ended].map((key) => ({ kind: SESSION, key, value: null })),
        { kind: SESSION, key: hashOf(secret), value: session },
      ],
    };
  }

  /** Whose it is; undefined when it is over or never was. That it was used is remembered. */
  async use(secret: string): Promise<Access | undefined> {
    const key = hashOf(secret);
    const session = this.#read(key);
    if (session === undefined) return undefined;
    await this.#remember(key, session);
    return accessOf(session);
  }

  /** The same, without that it counts as use: what a page follows by itself keeps nobody signed in. */
  look(secret: string): Access | undefined {
    const session = this.#read(hashOf(secret));
    return session && accessOf(session);
  }

  /** Those that are not over, the newest first. */
  list(): Session[] {
    const sessions = [...this.#keys().values()].flatMap((session) => session ?? []);
    return sessions.sort((a, b) => b.startedAt - a.startedAt);
  }

  async end(secret: string): Promise<void> {
    await this.#journal.acceptFirst(() => ({
      events: [],
      state: [{ kind: SESSION, key: hashOf(secret), value: null }],
    }));
  }

  /** Throws AccessError when there is no such session. */
  async revoke(id: string, reason: Reason): Promise<Session> {
    let revoked: Session | undefined;
    await this.#journal.acceptFirst(() => {
      const [key, session] = [...this.#keys()].find(([, each]) => each?.id === id) ?? [];
      if (key === undefined || session === undefined)
        throw new AccessError('There is no such session; it may be over already.');
      revoked = session;
      // A reference: the name of a person, which goes when they are erased.
      const whose = { ...fact('session', session.viewer), type: 'reference' as const };
      const facts = { operation: 'delete', outcome: 'session-revoked', reason, values: [whose] } as const;
      return {
        events: [accessEvent({ ...facts, occurredAt: this.#clock() })],
        state: [{ kind: SESSION, key, value: null }],
      };
    });
    if (!revoked) throw new Error('A batch was accepted that was never built.');
    return revoked;
  }

  async #remember(key: string, { lastUsedAt }: Session): Promise<void> {
    const now = this.#clock();
    if (now - lastUsedAt < REMEMBERED_EVERY) return;
    try {
      await this.#journal.acceptFirst(() => {
        // It may have been revoked since, or another request was faster.
        const current = this.#read(key);
        if (current === undefined || now - current.lastUsedAt < REMEMBERED_EVERY) return { events: [], state: [] };
        return { events: [], state: [{ kind: SESSION, key, value: { ...current, lastUsedAt: now } }] };
      });
    } catch (error) {
      // A journal that accepts nothing says so to the question itself, which it cannot record either.
      if (!(error instanceof LogError)) throw error;
    }
  }

  /** All that are stored; undefined: over. */
  #keys(): Map<string, Session | undefined> {
    return new Map(this.#journal.state.keys(SESSION).map((key) => [key, this.#read(key)]));
  }

  #read(key: string): Session | undefined {
    const session = stored.safeParse(this.#journal.state.get(SESSION, key)).data;
    const now = this.#clock();
    return session && session.expiresAt > now && now - session.lastUsedAt < LONGEST_IDLE ? session : undefined;
  }
}

function accessOf({ viewer, roles, identity }: Session): Access {
  return { viewer, roles, identity };
}
