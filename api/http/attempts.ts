// How often one address may try to get in. A secret of 32 random bytes is not found by trying; this keeps those who try
// from taking the service's time, and says so to them.
import type { Request, RequestHandler, Response } from 'express';
import { ipKeyGenerator, rateLimit } from 'express-rate-limit';
import { refuse } from './refusal.ts';

const WINDOW_MS = 60_000;

/**
 * The address of the client: that of its socket, for what a header says anybody can say. Only where METATRAIL_PROXIES names
 * the proxy at the socket does `X-Forwarded-For` count, up to the first address that is no such proxy (Express's
 * "trust proxy").
 */
export function addressOf(request: Request): string | undefined {
  const { ip } = request;
  // An IPv4 address on a socket of both kinds.
  return ip?.startsWith('::ffff:') && ip.includes('.') ? ip.slice('::ffff:'.length) : ip;
}

/**
 * Lets through so many requests of one address (IPv6: of one network of 56 bits) a minute. The others get 429 and when to
 * come again; `say`: in other words than an error of GraphQL's.
 */
export function limitAttempts(aMinute: number, say: (response: Response) => void = tooMany): RequestHandler {
  return rateLimit({
    windowMs: WINDOW_MS,
    limit: aMinute,
    standardHeaders: 'draft-7',
    legacyHeaders: false,
    // Which headers count is said by METATRAIL_PROXIES; the library's own advice would go to the console.
    validate: false,
    keyGenerator: (request) => ipKeyGenerator(addressOf(request) ?? ''),
    handler: (_, response) => say(response),
  });
}

function tooMany(response: Response): void {
  refuse(response, 429, 'Too many attempts from your address; try again in a minute.', 'TOO_MANY_ATTEMPTS');
}
