// Who asks: a session from the one-time link, or a bearer token. A cookie alone never changes anything: requests that
// carry one must also carry a header that other sites cannot set.
import { type NextFunction, type Request, type RequestHandler, type Response, Router } from 'express';
import { z } from 'zod';
import type { Access } from '../access/access.ts';
import type { Reader } from '../reads/read-event.ts';
import type { SignIn } from '../sign-in.ts';
import { readReason } from './reason.ts';

const COOKIE = 'metatrail_session';
const HEADER = 'x-metatrail';
const readers = new WeakMap<object, Reader & Access>();

/** Who a request that passed `authenticate` came from, and from where. */
export function readReader(request: object): Reader & Access {
  const reader = readers.get(request);
  if (reader === undefined) throw new Error('A request reached a question without having been authenticated.');
  return reader;
}

/**
 * The address of the client: that of its socket, for what a header says anybody can say. Only where METATRAIL_PROXIES names
 * the proxy at the socket does `X-Forwarded-For` count, up to the first address that is no such proxy (Express's
 * "trust proxy").
 */
function addressOf(request: Request): string | undefined {
  const { ip } = request;
  // An IPv4 address on a socket of both kinds.
  return ip?.startsWith('::ffff:') && ip.includes('.') ? ip.slice('::ffff:'.length) : ip;
}

/** Lets through who is signed in; answers 401 to anybody else. */
export function authenticate(signIn: SignIn): RequestHandler {
  return (request: Request, response: Response, next: NextFunction) => {
    const bearer = /^Bearer ([\w-]+)$/.exec(request.headers.authorization ?? '')?.[1];
    const session = readCookie(request);
    const access = bearer !== undefined ? signIn.accessOfToken(bearer) : signIn.accessOfSession(session ?? '');
    if (access === undefined) {
      response.status(401).json({
        errors: [
          {
            message: 'Sign in first: open the one-time link that the service printed, or run npx metatrail sign-in.',
            extensions: { code: 'UNAUTHENTICATED' },
          },
        ],
      });
      return;
    }
    if (bearer === undefined && request.method !== 'GET' && request.headers[HEADER] === undefined) {
      response.status(403).json({
        errors: [
          { message: `A request with a session needs the header ${HEADER}.`, extensions: { code: 'FORBIDDEN' } },
        ],
      });
      return;
    }
    readers.set(request, { ...access, address: addressOf(request), reason: readReason(request.headers) });
    next();
  };
}

function readCookie(request: Request): string | undefined {
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim().split('='));
  return pairs.find(([name]) => name === COOKIE)?.[1];
}

const linkQuery = z.object({ token: z.string().regex(/^[\w-]{20,100}$/) });

export function signInRoutes(signIn: SignIn): Router {
  const router = Router();
  router.get('/sign-in', async (request, response) => {
    // Mail programs and scanners look at a link before a person opens it; that must not use it up.
    if (request.method === 'HEAD') {
      response.status(204).end();
      return;
    }
    const query = linkQuery.safeParse(request.query);
    const session = query.success ? await signIn.redeemLink(query.data.token) : undefined;
    if (session === undefined) {
      response.status(401).type('html').send(EXPIRED_PAGE);
      return;
    }
    response.cookie(COOKIE, session, { httpOnly: true, sameSite: 'lax', path: '/' });
    response.redirect(303, './');
  });
  router.post('/sign-in-link', authenticate(signIn), async (_, response) => {
    response.type('text').send(await signIn.createLink());
  });
  router.post('/sign-out', authenticate(signIn), async (request, response) => {
    const session = readCookie(request);
    if (session !== undefined) await signIn.signOut(session);
    response.clearCookie(COOKIE, { path: '/' });
    response.json({ signedOut: true });
  });
  return router;
}

const EXPIRED_PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Sign-in link · Metatrail</title>
<h1>This sign-in link has been used or has expired</h1>
<p>Each link works once, within an hour. On the machine that runs Metatrail, <code>npx metatrail sign-in</code> prints a new one.</p></html>`;
