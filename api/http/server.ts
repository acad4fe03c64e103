// The service over HTTP: health for everybody, sign-in, and everything else for those who are signed in or have a token; the
// checkpoints and tiles of the log for everybody where the environment says so.
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import type { Logger } from 'pino';
import { formatIso } from '../../ingest/clock.ts';
import { LogError } from '../../ingest/errors.ts';
import { FAILED } from '../graphql/errors.ts';
import type { Installation } from '../installation.ts';
import type { SignIn } from '../sign-in.ts';
import { traceRequests } from '../traces.ts';
import { allowing } from './allowing.ts';
import { authenticate } from './authentication.ts';
import { stripBasePath } from './base-path.ts';
import { serveExamples } from './examples.ts';
import { serveExports } from './exports.ts';
import { serveFeed } from './feeds.ts';
import { serveGraphQL } from './graphql.ts';
import { serveLog } from './log.ts';
import { maintenanceRoutes } from './maintenance.ts';
import { dropUnread, PATIENCE_MS } from './patience.ts';
import { refuse } from './refusal.ts';
import { serveReport } from './reports.ts';
import { signInRoutes } from './sign-in-routes.ts';
import { HEARTBEAT_MS } from './subscriptions.ts';
import { serveRows, serveVerification } from './verification.ts';
import { serveWebApplication } from './web-application.ts';

export interface Service {
  installation: Installation;
  signIn: SignIn;
  logger: Logger;
  /** What still has to be done before questions are answered; undefined: ready. */
  notReady: () => string | undefined;
  /** Checkpoints, tiles and public keys are served to everybody. */
  publicLog: boolean;
  /** Where people reach the service; `http://localhost/` unless given. */
  address?: () => URL;
  /** The folder of the built web application. */
  webFolder: string;
  /** Addresses of the proxies before the service, whose `X-Forwarded-For` says who the client is; usually none. */
  proxies?: readonly string[];
  /** Whether metrics are for everybody who reaches the port, not only for those who are signed in. */
  openMetrics?: boolean;
  /** How long a client may leave an answer unread, milliseconds; a minute unless given. */
  patienceMs?: number;
  /** How often a subscription on which nothing comes is kept open and looked at again, milliseconds; 12 seconds unless given. */
  heartbeatMs?: number;
}

export function createHttpApplication(service: Service): Express {
  const application = express();
  application.disable('x-powered-by');
  application.set('trust proxy', service.proxies ?? []);
  const address = service.address ?? (() => new URL('http://localhost/'));
  const base = () => address().pathname;
  const pace = { patienceMs: service.patienceMs ?? PATIENCE_MS, heartbeatMs: service.heartbeatMs ?? HEARTBEAT_MS };
  application.use(stripBasePath(base), traceRequests, setSecurityHeaders, dropUnread(pace.patienceMs));
  application.get('/health/live', (_, response) => {
    response.json({ live: true });
  });
  application.get('/health/ready', (_, response) => answerReady(service, response));
  const known = authenticate(service.signIn);
  application.get('/metrics', ...(service.openMetrics ? [] : [known]), (_, response) =>
    answerMetrics(service, response),
  );
  application.use(signInRoutes({ signIn: service.signIn, known, logger: service.logger, address }));
  const report = (error: unknown) => logFailure(service.logger, error);
  application.post('/log/verify', known, serveVerification(service.installation));
  application.get('/log/rows', known, allowing('bundle'), serveRows(service.installation));
  const logReaders = service.publicLog ? undefined : known;
  application.use('/log', serveLog(service.installation.log.checkpoints, logReaders));
  application.use('/graphql', known, serveGraphQL(service.installation, report, pace, service.webFolder));
  application.get('/examples', known, serveExamples());
  application.use(maintenanceRoutes(service.installation.log, known, report));
  application.get('/feeds/:feed', known, serveFeed(service.installation, report));
  const { patienceMs } = pace;
  application.use(serveExports({ installation: service.installation, known, report, patienceMs }));
  application.get('/reports/:name.pdf', known, serveReport(service.installation));
  application.use(serveWebApplication(service.webFolder, base));
  application.use(answerNothingHere);
  application.use(handleError(service.logger));
  return application;
}

function setSecurityHeaders(_: Request, response: Response, next: NextFunction): void {
  response.set({
    'Content-Security-Policy': "default-src 'self'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'",
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-store',
  });
  next();
}

function answerReady(service: Service, response: Response): void {
  const { journal, shipper, pressure, trimmer, scrubber, eraser, checkpoints, publication } = service.installation.log;
  const lag = pressure.lag;
  const reason = service.notReady();
  const ready = reason === undefined && shipper.state !== 'stopped';
  response.status(ready ? 200 : 503).json({
    ready,
    ...(reason !== undefined && { reason }),
    accepted: journal.size,
    delivered: shipper.shipped,
    lagEvents: lag.events,
    lagSeconds: lag.seconds,
    pressure: pressure.pressure,
    shipper: shipper.state,
    ...(shipper.problem && { problem: shipper.problem.message }),
    ...(trimmer.problem && { trimming: trimmer.problem.message }),
    ...(scrubber.problem && { scrubbing: scrubber.problem.message }),
    ...(eraser.problem && { erasing: eraser.problem.message }),
    checkpoint: {
      size: checkpoints.newest()?.size ?? 0,
      key: checkpoints.keyId,
      ...(checkpoints.problem && { problem: checkpoints.problem.message }),
      destinations: publication.status.map(({ destination, sent, problem }) => ({
        destination,
        ...(sent && { sent: sent.size, at: formatIso(sent.at) }),
        ...(problem !== undefined && { problem }),
      })),
    },
  });
}

async function answerMetrics({ installation: { metrics } }: Service, response: Response): Promise<void> {
  const text = await metrics.text();
  response.set('Content-Type', metrics.contentType).send(text);
}

function answerNothingHere(_: Request, response: Response): void {
  response.status(404).type('text').send('There is nothing at this address.');
}

function handleError(logger: Logger) {
  return (error: unknown, _request: Request, response: Response, _next: NextFunction): void => {
    const status = statusOf(error);
    if (status === undefined) logFailure(logger, error);
    if (response.headersSent) response.destroy();
    else if (status === undefined) refuse(response, 500, FAILED, 'INTERNAL_SERVER_ERROR');
    else refuse(response, status, REFUSALS[status] ?? 'The request cannot be understood.');
  };
}

/** What a client did wrong, as Express and its parsers say it. */
const REFUSALS: Record<number, string> = {
  400: 'The request cannot be understood: its address or its JSON is malformed.',
  404: 'There is nothing at this address.',
  413: 'The request is too large.',
  415: 'The encoding of the request is not known here.',
};

function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('status' in error)) return undefined;
  const { status } = error;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined;
}

/** Where it failed and how, without what ClickHouse or a parser quotes of a row. */
function logFailure(logger: Logger, error: unknown): void {
  if (error instanceof LogError) logger.error({ code: error.code, error: error.message }, 'The log could not answer.');
  else {
    const { name, stack = '' } = error instanceof Error ? error : new Error('unknown');
    const places = stack.split('\n').filter((line) => /^\s+at /.test(line));
    logger.error({ error: name, at: places.map((line) => line.trim()) }, 'A request failed.');
  }
}

/** A certificate with its chain, and its private key, as PEM. */
export interface Certificate {
  cert: Buffer;
  key: Buffer;
}

/** Listens, or throws a ListenError that says in a sentence why not. */
export function listen(
  application: Express,
  host: string,
  port: number,
  certificate?: Certificate | undefined,
): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createFor(application, certificate);
    server.once('listening', () => resolve(server));
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new ListenError(sentenceOf(error, host, port), { cause: error }));
    });
    server.listen(port, host);
  });
}

function createFor(application: Express, certificate: Certificate | undefined): Server {
  if (certificate === undefined) return createServer(application);
  try {
    return createTlsServer(certificate, application);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new ListenError(
      `METATRAIL_TLS_CERT and METATRAIL_TLS_KEY are no certificate and its key, as PEM (${code}).`,
      { cause: error },
    );
  }
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
