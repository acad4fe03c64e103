// A POST that is signed as Standard Webhooks has it, to no address inside unless that is allowed; no redirect is followed.
import { createHmac } from 'node:crypto';
import { request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';
import { readCode } from '../../ingest/checkpoints/publication/destination.ts';
import { type Clock, systemClock } from '../../ingest/clock.ts';
import { type AddressCheck, InsideAddressError } from './address-check.ts';
import { TellingError } from './telling-error.ts';

/** A server that says nothing for so long has not taken it. */
export const ANSWER_TIMEOUT_MS = 15_000;
/** Never again: the one answer for which the specification says so. */
const GONE = 410;

export interface Receiver {
  url: URL;
  /** What is signed with. */
  key: Buffer;
}

export interface Post {
  /** The same however often it is sent: whoever gets it twice can tell. */
  id: string;
  mediaType: string;
  body: string;
}

/** The key that a secret of Standard Webhooks stands for (`whsec_` and base64 of 24 to 64 bytes); undefined: it is none. */
export function readSecret(secret: string): Buffer | undefined {
  const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1];
  const key = Buffer.from(encoded ?? '', 'base64');
  return key.length >= 24 && key.length <= 64 ? key : undefined;
}

/** Resolves when it was taken. Throws TellingError; of the address only the host is said. */
export async function postSigned(
  { url, key }: Receiver,
  { id, mediaType, body }: Post,
  check: AddressCheck,
  signal: AbortSignal,
  clock: Clock = systemClock,
): Promise<void> {
  const { host, hostname } = url;
  const timestamp = String(Math.floor(clock() / 1_000_000));
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  const headers = {
    'content-type': mediaType,
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature}`,
  };
  const timeout = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  try {
    check.checkHost(hostname);
    checkStatus(host, await post(url, headers, body, check, AbortSignal.any([signal, timeout])));
  } catch (error) {
    throw asTellingError(`The webhook ${host}`, error, timeout.aborted);
  }
}

/** The status of the answer, of which nothing else is read. */
function post(
  url: URL,
  headers: Record<string, string>,
  body: string,
  check: AddressCheck,
  signal: AbortSignal,
): Promise<number> {
  return new Promise((resolve, reject) => {
    // Each on a connection of its own: its address is checked each time.
    const options = { method: 'POST', headers, agent: false, lookup: check.lookup, signal };
    const sent = (url.protocol === 'https:' ? secureRequest : plainRequest)(url, options, (response) => {
      resolve(response.statusCode ?? 0);
      response.destroy();
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Throws TellingError. */
function checkStatus(host: string, status: number): void {
  if (status >= 200 && status < 300) return;
  if (status >= 300 && status < 400)
    throw new TellingError(`The webhook ${host} answered with a redirect (${status}), and none is followed.`);
  throw new TellingError(`The webhook ${host} answered ${status}.`, { final: status === GONE ? 'gone' : undefined });
}

/** `whom`: such as “The webhook example.org”. */
export function asTellingError(whom: string, error: unknown, isTimeout: boolean): TellingError {
  if (error instanceof TellingError) return error;
  if (isTimeout) return new TellingError(`${whom} did not answer in time.`, { cause: error });
  if (error instanceof InsideAddressError)
    return new TellingError(error.message, { final: 'inside-address', cause: error });
  return new TellingError(`${whom} cannot be reached (${readCode(error)}).`, { cause: error });
}
