// Where people sign in and out.
import { type Request, type RequestHandler, type Response, Router } from 'express';
import type { Logger } from 'pino';
import { z } from 'zod';
import { AccessError } from '../access/access.ts';
import { type OpenId, OpenIdError } from '../access/openid.ts';
import type { SignIn } from '../sign-in.ts';
import { limitAttempts } from './attempts.ts';
import { isFromCommandLine } from './authentication.ts';
import { clearCookie, clearSession, readCookie, readSession, setCookie, setSession } from './cookies.ts';
import { refuse } from './refusal.ts';
import { FAILURES, LINK_USED, LINKS_OFF, NOT_SAFE, sendPage, TOO_MANY } from './sign-in-pages.ts';

/** Of one address: a whole office may be behind one. */
const SIGN_INS_A_MINUTE = 60;
/** Names of this machine: what is sent there leaves it on no network. */
const THIS_MACHINE = new Set(['localhost', '127.0.0.1', '[::1]']);
/** What a browser brings back from the identity provider, and how long that may take. */
const UNDER_WAY = 'metatrail_sign_in';
const UNDER_WAY_MINUTES = 10;

const linkQuery = z.object({ token: z.string().regex(/^[\w-]{20,100}$/) });

export interface SignInDoor {
  signIn: SignIn;
  /** Lets through who is signed in. */
  known: RequestHandler;
  logger: Logger;
  /** Where people reach the service. */
  address: () => URL;
}

export function signInRoutes(door: SignInDoor): Router {
  const { signIn, known } = door;
  const base = () => door.address().pathname;
  const router = Router();
  router.use(
    '/sign-in',
    limitAttempts(SIGN_INS_A_MINUTE, (response) => sendPage(response, base(), TOO_MANY)),
    (request, response, next) => {
      // A session's cookie never goes over a network in clear.
      if (request.secure || THIS_MACHINE.has(request.hostname)) next();
      else sendPage(response, base(), NOT_SAFE);
    },
  );
  router.get('/sign-in', async (request, response) => {
    const { openId } = signIn;
    // Mail programs and scanners look at a link before a person opens it; that must not use it up.
    if (request.method === 'HEAD') response.status(204).end();
    else if (openId && request.query.token === undefined)
      await explaining(door, response, () => begin(door, openId, request, response));
    else if (openId) sendPage(response, base(), LINKS_OFF);
    else await followLink(door, request, response);
  });
  router.get('/sign-in/callback', async (request, response, next) => {
    const { openId } = signIn;
    if (openId) await explaining(door, response, () => finish(door, openId, request, response));
    else next();
  });
  router.post('/sign-in-link', known, (request, response) => createLink(door, request, response));
  router.post('/sign-out', known, async (request, response) => {
    const session = readSession(request);
    if (session !== undefined) await signIn.sessions.end(session);
    clearSession(request, response);
    response.json({ signedOut: true });
  });
  return router;
}

async function followLink({ signIn, address }: SignInDoor, request: Request, response: Response): Promise<void> {
  const query = linkQuery.safeParse(request.query);
  const session = query.success ? await signIn.redeemLink(query.data.token, readSession(request)) : undefined;
  if (session === undefined) {
    sendPage(response, address().pathname, LINK_USED);
    return;
  }
  setSession(request, response, session);
  response.redirect(303, './');
}

async function createLink({ signIn, address }: SignInDoor, request: Request, response: Response): Promise<void> {
  if (!isFromCommandLine(request)) {
    refuse(response, 403, 'Only the command line may do this.', 'FORBIDDEN');
    return;
  }
  try {
    response.type('text').send(new URL(`sign-in?token=${await signIn.createLink()}`, address()).href);
  } catch (error) {
    if (!(error instanceof AccessError)) throw error;
    response
      .status(409)
      .type('text')
      .send(`${error.message} Open ${new URL('sign-in', address())}`);
  }
}

const callbackOf = ({ address }: SignInDoor): URL => new URL('sign-in/callback', address());

async function begin(door: SignInDoor, openId: OpenId, request: Request, response: Response): Promise<void> {
  const { address, remembered } = await openId.begin(callbackOf(door));
  setCookie(request, response, UNDER_WAY, remembered, UNDER_WAY_MINUTES);
  response.redirect(303, address.href);
}

async function finish(door: SignInDoor, openId: OpenId, request: Request, response: Response): Promise<void> {
  const remembered = readCookie(request, UNDER_WAY) ?? '';
  clearCookie(request, response, UNDER_WAY);
  const at = callbackOf(door);
  at.search = new URL(request.url, at).search;
  const access = await openId.finish(at, remembered);
  setSession(request, response, await door.signIn.beginSession(access, readSession(request)));
  response.redirect(303, '../');
}

/** Nobody is signed in: a page says why to the person, and a line in the log to whoever runs the service. */
async function explaining(
  { address, logger }: SignInDoor,
  response: Response,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof OpenIdError)) throw error;
    logger.warn({ failure: error.failure }, error.message);
    sendPage(response, address().pathname, FAILURES[error.failure]);
  }
}
