// Who asks: by a session that a one-time link or the identity provider began, by an API token, or by the token of the
// command line on this machine.
import { timingSafeEqual } from 'node:crypto';
import { type Clock, systemClock } from '../ingest/clock.ts';
import type { Journal } from '../ingest/journal/journal.ts';
import { type Access, COMMAND_LINE, localAccess } from './access/access.ts';
import { Links } from './access/links.ts';
import { hashOf, newSecret } from './access/secrets.ts';
import { Sessions } from './access/sessions.ts';
import { type TokenRefusal, Tokens } from './access/tokens.ts';

export class SignIn {
  readonly sessions: Sessions;
  readonly links: Links;
  readonly tokens: Tokens;
  /** The token of the command line on this machine; it dies with the process. */
  readonly commandLineToken = newSecret();

  constructor(journal: Journal, clock: Clock = systemClock) {
    this.sessions = new Sessions(journal, clock);
    this.links = new Links(journal, this.sessions, clock);
    this.tokens = new Tokens(journal, clock);
  }

  /** Makes a one-time link's secret. */
  createLink(): Promise<string> {
    return this.links.create();
  }

  /** Takes a link's secret for a session's; undefined when it was used, has expired or never was. */
  redeemLink(secret: string, previous?: string): Promise<string | undefined> {
    return this.links.redeem(secret, previous);
  }

  /** Who a session's secret belongs to. */
  accessOfSession(secret: string): Promise<Access | undefined> {
    return this.sessions.use(secret);
  }

  /** Who a bearer token belongs to, or why it lets nobody in. */
  async accessOfToken(token: string): Promise<Access | TokenRefusal> {
    return this.isCommandLine(token) ? localAccess(COMMAND_LINE) : this.tokens.use(token);
  }

  isCommandLine(token: string): boolean {
    return timingSafeEqual(Buffer.from(hashOf(token)), Buffer.from(hashOf(this.commandLineToken)));
  }
}
