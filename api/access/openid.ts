// Sign-in with an identity provider: OpenID Connect, authorization code flow with PKCE, state and nonce. Nothing of the
// provider is kept from one sign-in to the next: it may be away while the service starts, and its addresses and keys may
// change at any time. Signatures of its ID tokens are checked, also where TLS already says who sent them.
import { readFileSync } from 'node:fs';
import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  type Configuration,
  calculatePKCECodeChallenge,
  discovery,
  enableNonRepudiationChecks,
  fetchUserInfo,
  None,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from 'openid-client';
import { type Access, COMMAND_LINE, LOCAL_ADMINISTRATOR, ROLES, TOKEN_VIEWER } from './access.ts';
import type { OpenIdSettings } from './openid-settings.ts';

/** A provider that takes longer is away: somebody waits before their browser. */
const TIMEOUT_SECONDS = 10;
/** Not by its name: whoever wrote the secret itself there would find it in the log. */
const SECRET_FILE = 'The file that METATRAIL_OIDC_CLIENT_SECRET_FILE names';
const CLIENT = 'METATRAIL_OIDC_CLIENT_ID with the secret in METATRAIL_OIDC_CLIENT_SECRET_FILE';
const LONGEST_NAME = 200;
const CONTROL = /\p{C}/u;
/** Names under which somebody else is recorded. */
const TAKEN = new Set([COMMAND_LINE, LOCAL_ADMINISTRATOR, 'metatrail']);

/**
 * away: the provider does not answer. refused: it lets them not in, or what it says cannot be believed. unknown: it does not
 * say who they are. no-roles: nothing is mapped to their groups, if it sends any. stale: it was not begun by this browser, or
 * too long ago. secret: the file of the client's secret cannot be read.
 */
export type OpenIdFailure = 'away' | 'refused' | 'unknown' | 'no-roles' | 'stale' | 'secret';

/** Why nobody was signed in. The message is for the log of the service and has no value of a person and no secret. */
export class OpenIdError extends Error {
  override name = 'OpenIdError';
  readonly failure: OpenIdFailure;

  constructor(failure: OpenIdFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.failure = failure;
  }
}

type Claims = Readonly<Record<string, unknown>>;

export class OpenId {
  readonly #settings: OpenIdSettings;

  constructor(settings: OpenIdSettings) {
    this.#settings = settings;
  }

  get issuer(): string {
    return this.#settings.issuer.href;
  }

  /** Throws OpenIdError `secret`: to be found at the start, not by the first who signs in. */
  checkSecret(): void {
    this.#authentication();
  }

  /**
   * Where the browser goes to sign in, and what it has to bring back, in a cookie. `callback`: where the provider sends it to
   * then. Throws OpenIdError.
   */
  async begin(callback: URL): Promise<{ address: URL; remembered: string }> {
    const configuration = await this.#discover();
    const [state, nonce, verifier] = [randomState(), randomNonce(), randomPKCECodeVerifier()];
    const address = buildAuthorizationUrl(configuration, {
      redirect_uri: callback.href,
      scope: this.#settings.scope,
      code_challenge: await calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
      nonce,
    });
    return { address, remembered: [state, nonce, verifier].join('.') };
  }

  /** Who came back. `at`: the callback's address with what the provider added. Throws OpenIdError. */
  async finish(at: URL, remembered: string): Promise<Access> {
    const [state = '', nonce = '', verifier = ''] = remembered.split('.');
    if ([state, nonce, verifier].includes('') || at.searchParams.get('state') !== state)
      throw new OpenIdError('stale', 'Somebody came back from the identity provider without having gone there.');
    const configuration = await this.#discover();
    return readAccess(await this.#claims(configuration, at, { state, nonce, verifier }), this.#settings);
  }

  async #claims(
    configuration: Configuration,
    at: URL,
    { state, nonce, verifier }: { state: string; nonce: string; verifier: string },
  ): Promise<Claims> {
    const { claims } = this.#settings;
    try {
      const tokens = await authorizationCodeGrant(configuration, at, {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: verifier,
        idTokenExpected: true,
      });
      const said: Claims = tokens.claims() ?? {};
      const isWhole = Object.values(claims).every((name) => said[name] !== undefined);
      if (isWhole || configuration.serverMetadata().userinfo_endpoint === undefined) return said;
      return { ...(await fetchUserInfo(configuration, tokens.access_token, String(said.sub))), ...said };
    } catch (error) {
      throw failureOf(error);
    }
  }

  async #discover(): Promise<Configuration> {
    const { issuer, clientId } = this.#settings;
    const authentication = this.#authentication();
    const execute = [enableNonRepudiationChecks, ...(issuer.protocol === 'http:' ? [allowInsecureRequests] : [])];
    try {
      return await discovery(issuer, clientId, undefined, authentication, { execute, timeout: TIMEOUT_SECONDS });
    } catch (error) {
      throw failureOf(error);
    }
  }

  /** Read anew each time: a secret is changed while the service runs. */
  #authentication(): ClientAuth {
    const file = this.#settings.clientSecretFile;
    if (file === undefined) return None();
    const secret = readSecret(file);
    return (server, client, body, headers) => {
      // As the standard has it, a provider that does not say takes the header.
      const isHeader = (server.token_endpoint_auth_methods_supported ?? ['client_secret_basic']).includes(
        'client_secret_basic',
      );
      (isHeader ? ClientSecretBasic : ClientSecretPost)(secret)(server, client, body, headers);
    };
  }
}

function readSecret(file: string): string {
  let secret: string;
  try {
    secret = readFileSync(file, 'utf8').trim();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new OpenIdError('secret', `${SECRET_FILE} cannot be read (${code}).`);
  }
  if (secret === '') throw new OpenIdError('secret', `${SECRET_FILE} is empty.`);
  return secret;
}

/** Throws OpenIdError. */
function readAccess(said: Claims, { claims, roles }: OpenIdSettings): Access {
  const [identity, viewer] = [readName(said[claims.identity]), readName(said[claims.name])];
  if (identity === undefined) throw unknown(`no usable claim ${claims.identity}`);
  if (viewer === undefined) throw unknown(`no usable claim ${claims.name}`);
  // Whoever may write any address into their profile could take that of somebody else.
  if (claims.identity === 'email' && said.email_verified === false) throw unknown('an address that is not verified');
  const taken = viewer.toLowerCase();
  if (TAKEN.has(taken) || taken.startsWith(TOKEN_VIEWER)) throw unknown('a name that is taken by the service');
  const mapped = new Set(readGroups(said[claims.groups]).flatMap((group) => roles.get(group) ?? []));
  if (mapped.size === 0)
    throw new OpenIdError(
      'no-roles',
      `The identity provider sent no group in ${claims.groups} that METATRAIL_OIDC_ROLES maps.`,
    );
  return { viewer, identity, roles: ROLES.filter((role) => mapped.has(role)) };
}

const unknown = (what: string) => new OpenIdError('unknown', `The identity provider sent ${what}.`);

function readName(claim: unknown): string | undefined {
  if (typeof claim !== 'string') return undefined;
  const name = claim.trim();
  return name !== '' && name.length <= LONGEST_NAME && !CONTROL.test(name) ? name : undefined;
}

function readGroups(claim: unknown): string[] {
  const groups: unknown[] = Array.isArray(claim) ? claim : [claim];
  return groups.filter((group) => typeof group === 'string');
}

/** What the library raises, by its names and codes alone: its texts may quote what the provider sent. */
function failureOf(error: unknown): OpenIdError {
  const codes = [...codesOf(error)].filter((code) => /^[\w-]{1,60}$/.test(code));
  // What `fetch` raises has no code of its own; what the library says of its arguments has.
  const isNetwork = error instanceof TypeError && !('code' in error);
  const isAway = isNetwork || codes.includes('OAUTH_TIMEOUT') || statusOf(error) >= 500;
  const isClient = codes.some((code) => ['invalid_client', 'OAUTH_WWW_AUTHENTICATE_CHALLENGE'].includes(code));
  const what = isAway ? 'does not answer' : isClient ? `does not take ${CLIENT}` : 'let nobody in';
  const message = `The identity provider ${what} (${codes.join(', ') || 'unknown'}).`;
  return new OpenIdError(isAway ? 'away' : 'refused', message, { cause: error });
}

function* codesOf(error: unknown, depth = 0): Generator<string> {
  if (typeof error !== 'object' || error === null || depth > 3) return;
  if ('code' in error && typeof error.code === 'string') yield error.code;
  if ('error' in error && typeof error.error === 'string') yield error.error;
  if ('cause' in error) yield* codesOf(error.cause, depth + 1);
}

/** Of an answer that was none; 0: there was none at all, or it is not known. */
function statusOf(error: unknown): number {
  if (error instanceof Response) return error.status;
  if (typeof error !== 'object' || error === null) return 0;
  if ('status' in error && typeof error.status === 'number') return error.status;
  return 'cause' in error ? statusOf(error.cause) : 0;
}
