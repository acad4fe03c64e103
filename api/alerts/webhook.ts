// Occurrences by webhook: a POST of JSON, signed as Standard Webhooks has it, to no address inside unless that is allowed.
import { createHmac } from 'node:crypto';
import { request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';
import { readCode } from '../../ingest/checkpoints/publication/destination.ts';
import { type Clock, systemClock } from '../../ingest/clock.ts';
import { type AddressCheck, InsideAddressError } from '../outgoing/address-check.ts';
import { type Destination, TellingError } from './destination.ts';

/** A server that says nothing for so long has not taken it. */
const ANSWER_TIMEOUT_MS = 15_000;
/** Never again: the one answer for which the specification says so. */
const GONE = 410;

export interface WebhookSettings {
  name: string;
  url: URL;
  /** What is signed with. */
  key: Buffer;
}

/** The key that a secret of Standard Webhooks stands for (`whsec_` and base64 of 24 to 64 bytes); undefined: it is none. */
export function readSecret(secret: string): Buffer | undefined {
  const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1];
  const key = Buffer.from(encoded ?? '', 'base64');
  return key.length >= 24 && key.length <= 64 ? key : undefined;
}

export function createWebhookDestination(
  { name, url, key }: WebhookSettings,
  check: AddressCheck,
  clock: Clock = systemClock,
): Destination {
  const { host, hostname } = url;
  return {
    name,
    kind: 'webhook',
    host,
    async send({ id, json }, signal) {
      const body = JSON.stringify(json);
      const timestamp = String(Math.floor(clock() / 1_000_000));
      const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
      const headers = {
        'content-type': 'application/json',
        'webhook-id': id,
        'webhook-timestamp': timestamp,
        'webhook-signature': `v1,${signature}`,
      };
      const timeout = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
      try {
        check.checkHost(hostname);
        checkStatus(host, await post(url, headers, body, check, AbortSignal.any([signal, timeout])));
      } catch (error) {
        if (timeout.aborted) throw new TellingError(`The webhook ${host} did not answer in time.`, { cause: error });
        throw asTellingError(host, error);
      }
    },
  };
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

function asTellingError(host: string, error: unknown): TellingError {
  if (error instanceof TellingError) return error;
  const cause = error instanceof InsideAddressError ? error : undefined;
  return cause
    ? new TellingError(cause.message, { final: 'inside-address', cause })
    : new TellingError(`The webhook ${host} cannot be reached (${readCode(error)}).`, { cause: error });
}
