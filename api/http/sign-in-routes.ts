// Where people sign in and out.
import { type Request, type RequestHandler, type Response, Router } from 'express';
import { z } from 'zod';
import type { SignIn } from '../sign-in.ts';
import { limitAttempts } from './attempts.ts';
import { isFromCommandLine } from './authentication.ts';
import { clearSession, readSession, setSession } from './cookies.ts';
import { refuse } from './refusal.ts';
import { PAGES, type Page, sendPage } from './sign-in-pages.ts';

/** Of one address: a whole office may be behind one. */
const SIGN_INS_A_MINUTE = 60;
/** Names of this machine: what is sent there leaves it on no network. */
const THIS_MACHINE = new Set(['localhost', '127.0.0.1', '[::1]']);

const linkQuery = z.object({ token: z.string().regex(/^[\w-]{20,100}$/) });

export function signInRoutes(signIn: SignIn, known: RequestHandler): Router {
  const router = Router();
  router.use('/sign-in', limitAttempts(SIGN_INS_A_MINUTE), requireSafeWay);
  router.get('/sign-in', async (request, response) => {
    // Mail programs and scanners look at a link before a person opens it; that must not use it up.
    if (request.method === 'HEAD') response.status(204).end();
    else await followLink(signIn, request, response);
  });
  router.post('/sign-in-link', known, async (request, response) => {
    if (isFromCommandLine(request)) response.type('text').send(await signIn.createLink());
    else refuse(response, 403, 'Only the command line may do this.', 'FORBIDDEN');
  });
  router.post('/sign-out', known, async (request, response) => {
    const session = readSession(request);
    if (session !== undefined) await signIn.sessions.end(session);
    clearSession(request, response);
    response.json({ signedOut: true });
  });
  return router;
}

async function followLink(signIn: SignIn, request: Request, response: Response): Promise<void> {
  const query = linkQuery.safeParse(request.query);
  const session = query.success ? await signIn.redeemLink(query.data.token, readSession(request)) : undefined;
  if (session === undefined) {
    sendPage(response, 401, PAGES.linkUsed);
    return;
  }
  setSession(request, response, session);
  response.redirect(303, './');
}

/** A session's cookie never goes over a network in clear. */
const requireSafeWay: RequestHandler = (request, response, next) => {
  const page: Page | undefined = request.secure || THIS_MACHINE.has(request.hostname) ? undefined : PAGES.notSafe;
  if (page) sendPage(response, 403, page);
  else next();
};
