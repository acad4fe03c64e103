// The service over HTTP: health for everybody, sign-in, and everything else for those who are signed in or have a token.
import type { Server } from 'node:http';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { createYoga } from 'graphql-yoga';
import type { Logger } from 'pino';
import { createRequestContext } from '../graphql/context.ts';
import { schema } from '../graphql/schema.ts';
import type { Installation } from '../installation.ts';
import type { SignIn } from '../sign-in.ts';
import { authenticate, readViewer, signInRoutes } from './authentication.ts';
import { serveReport } from './reports.ts';
import { serveWebApplication } from './web-application.ts';

export interface Service {
  installation: Installation;
  signIn: SignIn;
  logger: Logger;
  /** What still has to be done before questions are answered; undefined: ready. */
  notReady: () => string | undefined;
  /** The folder of the built web application. */
  webFolder: string;
}

/** Bodies larger than this are no GraphQL operation that a person writes. */
const LARGEST_BODY_BYTES = 1_000_000;

export function createHttpApplication(service: Service): Express {
  const application = express();
  application.disable('x-powered-by');
  application.use(setSecurityHeaders);
  application.get('/health/live', (_, response) => {
    response.json({ live: true });
  });
  application.get('/health/ready', (_, response) => answerReady(service, response));
  application.use(signInRoutes(service.signIn));
  const yoga = createYoga<{ req: Request; res: Response }>({
    schema,
    graphqlEndpoint: '/graphql',
    graphiql: false,
    landingPage: false,
    logging: false,
    maskedErrors: true,
    context: ({ req, request }) =>
      createRequestContext(service.installation.log, service.installation.engine, readViewer(req), request.signal),
  });
  application.use('/graphql', authenticate(service.signIn), refuseLargeBodies, (request, response, next) => {
    Promise.resolve(yoga(request, response)).catch(next);
  });
  application.get('/reports/:name.pdf', authenticate(service.signIn), serveReport(service.installation));
  application.use(serveWebApplication(service.webFolder));
  application.use(handleError(service.logger));
  return application;
}

function setSecurityHeaders(_: Request, response: Response, next: NextFunction): void {
  response.set({
    'Content-Security-Policy':
      "default-src 'self'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'",
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-store',
  });
  next();
}

function answerReady(service: Service, response: Response): void {
  const { journal, shipper } = service.installation.log;
  const reason = service.notReady();
  const ready = reason === undefined && shipper.state !== 'stopped';
  response.status(ready ? 200 : 503).json({
    ready,
    ...(reason !== undefined && { reason }),
    accepted: journal.size,
    delivered: shipper.shipped,
    shipper: shipper.state,
    ...(shipper.problem && { problem: shipper.problem.message }),
  });
}

function refuseLargeBodies(request: Request, response: Response, next: NextFunction): void {
  if (Number(request.headers['content-length'] ?? 0) > LARGEST_BODY_BYTES) {
    response.status(413).json({ errors: [{ message: `The request is larger than ${LARGEST_BODY_BYTES} bytes.` }] });
    return;
  }
  next();
}

function handleError(logger: Logger) {
  return (error: unknown, _request: Request, response: Response, _next: NextFunction): void => {
    logger.error({ error: error instanceof Error ? error.message : 'unknown' }, 'A request failed.');
    if (response.headersSent) response.destroy();
    else response.status(500).json({ error: 'The service failed to answer; its log says why.' });
  };
}

/** Listens, or throws an Error that says in a sentence why not. */
export function listen(application: Express, host: string, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = application.listen(port, host);
    server.once('listening', () => resolve(server));
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new ListenError(sentenceOf(error, host, port), { cause: error }));
    });
  });
}

/** The service cannot listen where it should. */
export class ListenError extends Error {
  override name = 'ListenError';
}

function sentenceOf(error: NodeJS.ErrnoException, host: string, port: number): string {
  if (error.code === 'EADDRINUSE')
    return `Port ${port} of ${host} is in use by another program; stop it, or set PORT to another number.`;
  if (error.code === 'EACCES')
    return `Port ${port} of ${host} may not be used by this user; set PORT to a number above 1023.`;
  return `The service cannot listen on ${host}:${port} (${error.code ?? error.message}); set METATRAIL_HOST and PORT.`;
}
