// The built web application: files with a hash in their name for a year, the page itself never from a cache. Addresses
// of pages inside the application all lead to its one page.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import express, { type RequestHandler, Router } from 'express';

const NOT_BUILT = 'The web application is still being built; try again in a minute.';
const A_YEAR_SECONDS = 365 * 24 * 3600;

/** `base`: the path under which people reach the service; the page says it to the application. */
export function serveWebApplication(folder: string, base: () => string): Router {
  const router = Router();
  router.use(
    '/assets',
    express.static(path.join(folder, 'assets'), {
      index: false,
      setHeaders: (response) => response.setHeader('Cache-Control', `public, max-age=${A_YEAR_SECONDS}, immutable`),
    }),
  );
  const sendApplication = sendPage(folder, base);
  router.get('/index.html', sendApplication);
  router.use(express.static(folder, { index: false, cacheControl: false }));
  router.get(/^\/(?!assets\/|graphql|reports\/.*\.pdf$|health\/)/, sendApplication);
  return router;
}

function sendPage(folder: string, base: () => string): RequestHandler {
  return async (_, response) => {
    let page: string;
    try {
      page = await readFile(path.join(folder, 'index.html'), 'utf8');
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
      response.status(503).type('text').send(NOT_BUILT);
      return;
    }
    const place = base().replaceAll('&', '&amp;').replaceAll('"', '&quot;');
    response.type('html').send(page.replace('<base href="/"', () => `<base href="${place}"`));
  };
}
