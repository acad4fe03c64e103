// What people see in place of the application while they are not signed in.
import type { Response } from 'express';
import type { OpenIdFailure } from '../access/openid.ts';

/** Texts are HTML. */
export interface Page {
  status: number;
  title: string;
  text: string;
  /** Signing in may be begun again from here. */
  again?: boolean;
}

export const LINK_USED: Page = {
  status: 401,
  title: 'This sign-in link has been used or has expired',
  text: 'Each link works once, within an hour. On the machine that runs Metatrail, <code>npx metatrail sign-in</code> prints a new one.',
};

export const LINKS_OFF: Page = {
  status: 401,
  title: 'One-time links are off',
  text: 'People sign in with their identity provider here.',
  again: true,
};

export const NOT_SAFE: Page = {
  status: 403,
  title: 'Signing in needs https',
  text: 'Over plain http people sign in on the machine that runs Metatrail only, at <code>http://localhost</code>. Give the service a certificate (<code>METATRAIL_TLS_CERT</code>, <code>METATRAIL_TLS_KEY</code>), or put a proxy with https before it and name that in <code>METATRAIL_PROXIES</code>.',
};

export const TOO_MANY: Page = {
  status: 429,
  title: 'Too many attempts',
  text: 'Your address has tried to sign in too often; try again in a minute.',
};

const REASON = 'The log of the service, <code>metatrail.log</code>, says why.';

/** Why the identity provider signed nobody in. */
export const FAILURES: Readonly<Record<OpenIdFailure, Page>> = {
  away: {
    status: 503,
    title: 'The identity provider does not answer',
    text: 'Nobody can sign in until it does; whoever is signed in stays so. Try again in a while.',
    again: true,
  },
  refused: {
    status: 401,
    title: 'The identity provider did not let you in',
    text: `Or what it said could not be believed. ${REASON}`,
    again: true,
  },
  unknown: {
    status: 403,
    title: 'The identity provider does not say who you are',
    text: `A name or an address is missing that Metatrail would know you by, or it is not verified. ${REASON}`,
  },
  'no-roles': {
    status: 403,
    title: 'You have no role here',
    text: 'You are known to the identity provider, but none of your groups has a role in Metatrail, so you are not signed in. Ask whoever manages its groups, or the roles in <code>METATRAIL_OIDC_ROLES</code>.',
  },
  stale: {
    status: 401,
    title: 'This sign-in was not begun here, or took too long',
    text: 'It has to be finished in the browser in which it was begun, within ten minutes.',
    again: true,
  },
  secret: {
    status: 503,
    title: 'Nobody can sign in now',
    text: `Metatrail cannot read the secret by which the identity provider knows it. ${REASON}`,
  },
};

/** `base`: the path under which the service is reached. */
export function sendPage(response: Response, base: string, { status, title, text, again }: Page): void {
  const link = again ? `\n<p><a href="${escapeAttribute(base)}sign-in">Sign in</a></p>` : '';
  response
    .status(status)
    .type('html')
    .send(
      `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title} · Metatrail</title>\n<h1>${title}</h1>\n<p>${text}</p>${link}</html>`,
    );
}

const escapeAttribute = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;');
