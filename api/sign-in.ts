// Who asks: by a session that a one-time link or the identity provider began, by an API token, or by the token of the
// command line on this machine.
import { timingSafeEqual } from 'node:crypto';
import { type Clock, systemClock } from '../ingest/clock.ts';
import type { Journal } from '../ingest/journal/journal.ts';
import { type Access, AccessError, COMMAND_LINE, localAccess } from './access/access.ts';
import { Links } from './access/links.ts';
import type { OpenId } from './access/openid.ts';
import { hashOf, newSecret } from './access/secrets.ts';
import { Sessions } from './access/sessions.ts';
import { type TokenRefusal, Tokens } from './access/tokens.ts';

/** What a request shows: a bearer token, or the secret of a session. */
export interface Credential {
  bearer?: string | undefined;
  session?: string | undefined;
}

export class SignIn {
  readonly sessions: Sessions;
  readonly links: Links;
  readonly tokens: Tokens;
  /** The token of the command line on this machine; it dies with the process. */
  readonly commandLineToken = newSecret();

  /** The identity provider; undefined: people sign in with one-time links. */
  readonly openId: OpenId | undefined;
  readonly #journal: Journal;

  constructor(journal: Journal, clock: Clock = systemClock, openId?: OpenId) {
    this.#journal = journal;
    this.openId = openId;
    this.sessions = new Sessions(journal, clock);
    this.links = new Links(journal, this.sessions, clock);
    this.tokens = new Tokens(journal, clock);
  }

  /** Makes a one-time link's secret. Throws AccessError where people sign in with the identity provider. */
  async createLink(): Promise<string> {
    if (this.openId)
      throw new AccessError(
        `One-time links are off: people sign in with ${this.openId.issuer}, as METATRAIL_OIDC_ISSUER says.`,
      );
    return this.links.create();
  }

  /** Takes a link's secret for a session's; undefined when it was used, has expired or never was, or links are off. */
  async redeemLink(secret: string, previous?: string): Promise<string | undefined> {
    return this.openId ? undefined : this.links.redeem(secret, previous);
  }

  /** The secret of a session for whom the identity provider knows; `previous`: the one that the browser has until now. */
  async beginSession(access: Access, previous: string | undefined): Promise<string> {
    const { secret, state } = this.sessions.begin(access, 'openid', previous);
    await this.#journal.acceptFirst(() => ({ events: [], state }));
    return secret;
  }

  /** Who a session's secret belongs to. */
  accessOfSession(secret: string): Promise<Access | undefined> {
    return this.sessions.use(secret);
  }

  /** Who a bearer token belongs to, or why it lets nobody in. */
  async accessOfToken(token: string): Promise<Access | TokenRefusal> {
    return this.isCommandLine(token) ? localAccess(COMMAND_LINE) : this.tokens.use(token);
  }

  /** Who has this session or token now; it does not count as use. Undefined, or the refusal: nobody any more. */
  lookAgain({ bearer, session }: Credential): Access | TokenRefusal | undefined {
    if (bearer === undefined) return this.sessions.look(session ?? '');
    return this.isCommandLine(bearer) ? localAccess(COMMAND_LINE) : this.tokens.look(bearer);
  }

  isCommandLine(token: string): boolean {
    return timingSafeEqual(Buffer.from(hashOf(token)), Buffer.from(hashOf(this.commandLineToken)));
  }
}
