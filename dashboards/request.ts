// Every request to the service: same origin, relative to where the application lives, with the header that a foreign
// page cannot send.
import { ServiceError, type Way } from './service-error.ts';
import { readReason } from './viewer/reason.ts';

/** An address below the application's own, such as `graphql` or `reports/access.pdf`. */
export function resolveAddress(path: string): string {
  return new URL(path, document.baseURI).href;
}

/** Raises a ServiceError when nothing answers (network) or when the service does not know who asks (sign-in). */
export async function request(path: string, init: RequestInit): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set('x-metatrail', '1');
  const reason = readReason();
  if (reason !== undefined) headers.set('x-metatrail-reason', encodeURIComponent(reason));
  const response = await fetchOrExplain(path, { ...init, headers, credentials: 'same-origin' });
  if (response.status === 401)
    throw new ServiceError('sign-in', 'You are not signed in.', { way: await readWay(response) });
  return response;
}

async function readWay(response: Response): Promise<Way> {
  const text = await response.text();
  return text.includes('"signIn":"openid"') ? 'openid' : 'link';
}

async function fetchOrExplain(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(resolveAddress(path), init);
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    throw new ServiceError('network', 'The service does not answer. Is it running, and is the network up?', { cause });
  }
}
