// What people see in place of the application while they are not signed in.
import type { Response } from 'express';

/** Texts are HTML. */
export interface Page {
  title: string;
  text: string;
}

export const PAGES = {
  linkUsed: {
    title: 'This sign-in link has been used or has expired',
    text: 'Each link works once, within an hour. On the machine that runs Metatrail, <code>npx metatrail sign-in</code> prints a new one.',
  },
  notSafe: {
    title: 'Signing in needs https',
    text: 'Over plain http people sign in on the machine that runs Metatrail only, at <code>http://localhost</code>. Give the service a certificate (<code>METATRAIL_TLS_CERT</code>, <code>METATRAIL_TLS_KEY</code>), or put a proxy with https before it and name that in <code>METATRAIL_PROXIES</code>.',
  },
} as const satisfies Record<string, Page>;

export function sendPage(response: Response, status: number, { title, text }: Page): void {
  response
    .status(status)
    .type('html')
    .send(
      `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title} · Metatrail</title>\n<h1>${title}</h1>\n<p>${text}</p></html>`,
    );
}
