// API tokens: made by an administrator for a program, with roles and an end. The secret is told once, when it is made; only
// its hash is kept, in the journal's state. One that was revoked or has expired stays there, so that whoever still uses it
// is told which of both it is.
import { z } from 'zod';
import { type Clock, formatIso, type Micros, systemClock } from '../../ingest/clock.ts';
import { LogError } from '../../ingest/errors.ts';
import type { Journal } from '../../ingest/journal/journal.ts';
import { type Access, AccessError, ROLES, type Role, TOKEN_VIEWER } from './access.ts';
import { accessEvent, fact, instantFact, type Reason } from './access-event.ts';
import { hashOf, newSecret } from './secrets.ts';

const TOKEN = 'token';
/** The beginning of each, by which programs that look for secrets in texts know it. */
const PREFIX = 'mtt';
const SECRET = /^mtt_([0-9a-f]{8})_[\w-]{43}$/;
const INSTALLATION_DIGITS = 8;
/** The state is not written for each use: the reads in the log say those exactly. */
const REMEMBERED_EVERY: Micros = 60_000_000;

const stored = z.object({
  id: z.number(),
  name: z.string(),
  roles: z.array(z.enum(ROLES)),
  createdAt: z.number(),
  createdBy: z.string(),
  identity: z.string().optional(),
  expiresAt: z.number(),
  lastUsedAt: z.number().optional(),
  revokedAt: z.number().optional(),
  revokedBy: z.string().optional(),
});

/** Times are microseconds. */
export interface Token {
  /** The sequence of the event that made it. */
  id: number;
  name: string;
  roles: readonly Role[];
  createdAt: Micros;
  createdBy: string;
  /** What its maker is known by in the metaverse: as a manager it sees who reports to them. */
  identity?: string | undefined;
  expiresAt: Micros;
  /** To the minute. */
  lastUsedAt?: Micros | undefined;
  revokedAt?: Micros | undefined;
  revokedBy?: string | undefined;
}

export interface TokenRequest {
  name: string;
  roles: readonly Role[];
  expiresAt: Micros;
  identity?: string | undefined;
}

/** Why a token lets nobody in: a code and a sentence. */
export interface TokenRefusal {
  code: 'TOKEN_EXPIRED' | 'TOKEN_REVOKED' | 'TOKEN_OF_ANOTHER_INSTALLATION' | 'TOKEN_UNKNOWN';
  message: string;
}

/** What a token is worth now. */
export type TokenState = 'active' | 'expired' | 'revoked';

export class Tokens {
  readonly #journal: Journal;
  readonly #clock: Clock;

  constructor(journal: Journal, clock: Clock = systemClock) {
    this.#journal = journal;
    this.#clock = clock;
  }

  /**
   * Makes one; its secret is told here and never again. Throws AccessError when another has its name and is not over, LogError
   * when it cannot be accepted.
   */
  async create(
    { name, roles, expiresAt, identity }: TokenRequest,
    reason: Reason,
  ): Promise<{ token: Token; secret: string }> {
    const secret = `${PREFIX}_${this.#installation}_${newSecret()}`;
    const createdAt = this.#clock();
    let token: Token | undefined;
    await this.#journal.acceptFirst((id) => {
      const other = this.list().find((each) => each.name === name && this.stateOf(each) === 'active');
      if (other) throw new AccessError(`The token ${other.id} is called ${name}; revoke it, or take another name.`);
      token = { id, name, roles: [...roles], createdAt, createdBy: reason.viewer, expiresAt, identity };
      const values = [fact('token', name), fact('roles', roles.join(', ')), instantFact('expires', expiresAt)];
      return {
        events: [accessEvent({ operation: 'add', outcome: 'token-created', reason, occurredAt: createdAt, values })],
        state: [{ kind: TOKEN, key: hashOf(secret), value: token }],
      };
    });
    if (!token) throw new Error('A batch was accepted that was never built.');
    return { token, secret };
  }

  /** All there ever were, the oldest first. */
  list(): Token[] {
    return [...this.#all().values()].sort((a, b) => a.id - b.id);
  }

  stateOf({ expiresAt, revokedAt }: Token): TokenState {
    if (revokedAt !== undefined) return 'revoked';
    return expiresAt > this.#clock() ? 'active' : 'expired';
  }

  /** Throws AccessError when there is no such token, or it is revoked already. */
  async revoke(id: number, reason: Reason): Promise<Token> {
    const revokedAt = this.#clock();
    let revoked: Token | undefined;
    await this.#journal.acceptFirst(() => {
      const [key, token] = [...this.#all()].find(([, each]) => each.id === id) ?? [];
      if (key === undefined || token === undefined)
        throw new AccessError(`There is no token ${id}; metatrail token list shows those there are.`);
      if (token.revokedAt !== undefined)
        throw new AccessError(`The token ${id} was revoked on ${formatIso(token.revokedAt)} already.`);
      revoked = { ...token, revokedAt, revokedBy: reason.viewer };
      const values = [fact('token', token.name)];
      return {
        events: [
          accessEvent({
            operation: 'delete',
            outcome: 'token-revoked',
            reason,
            occurredAt: revokedAt,
            values,
            cause: id,
          }),
        ],
        state: [{ kind: TOKEN, key, value: revoked }],
      };
    });
    if (!revoked) throw new Error('A batch was accepted that was never built.');
    return revoked;
  }

  /** Who asks with this secret, or why it lets nobody in. That it was used is remembered. */
  async use(secret: string): Promise<Access | TokenRefusal> {
    const access = this.look(secret);
    if (!('code' in access)) await this.#remember(hashOf(secret));
    return access;
  }

  /** The same, without that it counts as use. */
  look(secret: string): Access | TokenRefusal {
    const token = this.#read(hashOf(secret));
    if (token === undefined) return this.#unknown(secret);
    if (token.revokedAt !== undefined)
      return { code: 'TOKEN_REVOKED', message: `This token was revoked on ${formatIso(token.revokedAt)}.` };
    if (token.expiresAt <= this.#clock())
      return { code: 'TOKEN_EXPIRED', message: `This token has expired on ${formatIso(token.expiresAt)}.` };
    return { viewer: `${TOKEN_VIEWER}${token.name}`, roles: token.roles, identity: token.identity };
  }

  #unknown(secret: string): TokenRefusal {
    const installation = SECRET.exec(secret)?.[1];
    return installation === undefined || installation === this.#installation
      ? { code: 'TOKEN_UNKNOWN', message: 'This token is not known here.' }
      : {
          code: 'TOKEN_OF_ANOTHER_INSTALLATION',
          message: 'This token is of another installation of Metatrail; it is not known here.',
        };
  }

  async #remember(key: string): Promise<void> {
    const now = this.#clock();
    const isFresh = ({ lastUsedAt }: Token) => lastUsedAt !== undefined && now - lastUsedAt < REMEMBERED_EVERY;
    const token = this.#read(key);
    if (token === undefined || isFresh(token)) return;
    try {
      await this.#journal.acceptFirst(() => {
        // It may have been revoked since.
        const current = this.#read(key);
        if (current === undefined || isFresh(current)) return { events: [], state: [] };
        return { events: [], state: [{ kind: TOKEN, key, value: { ...current, lastUsedAt: now } }] };
      });
    } catch (error) {
      // A journal that accepts nothing says so to the question itself, which it cannot record either.
      if (!(error instanceof LogError)) throw error;
    }
  }

  #all(): Map<string, Token> {
    const { state } = this.#journal;
    return new Map(state.keys(TOKEN).flatMap((key) => this.#entry(key)));
  }

  #entry(key: string): [string, Token][] {
    const token = this.#read(key);
    return token ? [[key, token]] : [];
  }

  #read(key: string): Token | undefined {
    return stored.safeParse(this.#journal.state.get(TOKEN, key)).data;
  }

  /** Which installation a token is of; its log's name is in every bundle and checkpoint, and is no secret. */
  get #installation(): string {
    return hashOf(this.#journal.log).slice(0, INSTALLATION_DIGITS);
  }
}
