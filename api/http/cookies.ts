// The cookies of sign-in. Over TLS, of the service's own or of a proxy that METATRAIL_PROXIES names, their names begin with
// `__Host-`: a browser then takes them from this host alone, over TLS, and no other site below or beside it can set them.
// Without TLS there is no such name; the service lets people sign in so on its own machine only.
import type { CookieOptions, Request, Response } from 'express';

const PREFIX = '__Host-';
const SESSION = 'metatrail_session';

/** Of the request's kind only: what somebody set without TLS does not count with it. */
export function readCookie(request: Request, name: string): string | undefined {
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim().split('='));
  return pairs.find(([each]) => each === nameOf(request, name))?.[1];
}

/** `minutes`: how long it lives; without, as long as the browser is open. */
export function setCookie(request: Request, response: Response, name: string, value: string, minutes?: number): void {
  const options = { ...optionsOf(request), ...(minutes !== undefined && { maxAge: minutes * 60_000 }) };
  response.cookie(nameOf(request, name), value, options);
}

export function clearCookie(request: Request, response: Response, name: string): void {
  response.clearCookie(nameOf(request, name), optionsOf(request));
}

export const readSession = (request: Request): string | undefined => readCookie(request, SESSION);

export const setSession = (request: Request, response: Response, secret: string): void =>
  setCookie(request, response, SESSION, secret);

export const clearSession = (request: Request, response: Response): void => clearCookie(request, response, SESSION);

const nameOf = ({ secure }: Request, name: string): string => (secure ? `${PREFIX}${name}` : name);

function optionsOf({ secure }: Request): CookieOptions {
  return { secure, httpOnly: true, sameSite: 'lax', path: '/' };
}
