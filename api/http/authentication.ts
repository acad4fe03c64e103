// Who asks: a session in a cookie, or a bearer token. A cookie alone never changes anything: requests that carry one must
// also carry a header that other sites cannot set.
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { Access } from '../access/access.ts';
import { AccessOverError } from '../live/told.ts';
import type { Reader } from '../reads/read-event.ts';
import type { Credential, SignIn } from '../sign-in.ts';
import { addressOf, limitAttempts } from './attempts.ts';
import { readSession } from './cookies.ts';
import { readReason } from './reason.ts';
import { refuse } from './refusal.ts';
import { readThrough } from './through.ts';

const HEADER = 'x-metatrail';
const BY_LINK = 'Sign in first: open the one-time link that the service printed, or run npx metatrail sign-in.';
const BY_PROVIDER = 'Sign in first, with your identity provider.';
/** Wrong ones, of one address: nobody types them, and a program that has an old one need not ask more often. */
const WRONG_TOKENS_A_MINUTE = 30;

const readers = new WeakMap<object, Reader & Access>();
/** How it is looked again who a request came from: its session or token may be over meanwhile. */
const renewals = new WeakMap<object, () => Reader & Access>();
/** Requests with the token of the command line: a name alone proves nothing, for others may be called so. */
const fromCommandLine = new WeakSet<object>();

/** Who a request that passed `authenticate` came from, and from where. */
export function readReader(request: object): Reader & Access {
  const reader = readers.get(request);
  if (reader === undefined) throw new Error('A request reached a question without having been authenticated.');
  return reader;
}

/** Who a request that passed `authenticate` comes from now. Throws AccessOverError when its session or token is over. */
export function renewReader(request: object): Reader & Access {
  const renew = renewals.get(request);
  if (renew === undefined) throw new Error('A request reached a subscription without having been authenticated.');
  return renew();
}

function lookAgain(signIn: SignIn, credential: Credential): Access {
  const access = signIn.lookAgain(credential);
  if (access === undefined) throw new AccessOverError('UNAUTHENTICATED', 'Your session is over; sign in again.');
  if ('code' in access) throw new AccessOverError(access.code, access.message);
  return access;
}

/** Whether a request that passed `authenticate` came from the command line of the user who runs the service. */
export function isFromCommandLine(request: object): boolean {
  return fromCommandLine.has(request);
}

/** Lets through who is signed in; answers 401 to anybody else. One for all doors of a service: it counts wrong tokens. */
export function authenticate(signIn: SignIn): RequestHandler {
  const limitWrong = limitAttempts(WRONG_TOKENS_A_MINUTE);
  return async (request: Request, response: Response, next: NextFunction) => {
    const bearer = /^Bearer ([\w-]+)$/.exec(request.headers.authorization ?? '')?.[1];
    const session = bearer === undefined ? readSession(request) : undefined;
    const access =
      bearer !== undefined ? await signIn.accessOfToken(bearer) : await signIn.accessOfSession(session ?? '');
    if (access === undefined) {
      // `signIn` tells the application which page to show.
      const way = signIn.openId ? { message: BY_PROVIDER, signIn: 'openid' } : { message: BY_LINK, signIn: 'link' };
      refuse(response, 401, way.message, 'UNAUTHENTICATED', { signIn: way.signIn });
      return;
    }
    if ('code' in access) {
      limitWrong(request, response, () => {
        response.set('WWW-Authenticate', 'Bearer error="invalid_token"');
        refuse(response, 401, access.message, access.code);
      });
      return;
    }
    if (bearer === undefined && request.method !== 'GET' && request.headers[HEADER] === undefined) {
      refuse(response, 403, `A request with a session needs the header ${HEADER}.`, 'FORBIDDEN');
      return;
    }
    const whence = {
      address: addressOf(request),
      reason: readReason(request.headers),
      through: readThrough(request.headers),
    };
    readers.set(request, { ...access, ...whence });
    renewals.set(request, () => ({ ...lookAgain(signIn, { bearer, session }), ...whence }));
    if (bearer !== undefined && signIn.isCommandLine(bearer)) fromCommandLine.add(request);
    next();
  };
}
