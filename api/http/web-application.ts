// The built web application: files with a hash in their name for a year, the page itself never from a cache. Addresses
// of pages inside the application all lead to its one page.
import path from 'node:path';
import express, { Router } from 'express';

const NOT_BUILT = 'The web application is still being built; try again in a minute.';
const A_YEAR_SECONDS = 365 * 24 * 3600;

export function serveWebApplication(folder: string): Router {
  const router = Router();
  router.use(
    '/assets',
    express.static(path.join(folder, 'assets'), {
      index: false,
      setHeaders: (response) => response.setHeader('Cache-Control', `public, max-age=${A_YEAR_SECONDS}, immutable`),
    }),
  );
  router.use(express.static(folder, { index: false, cacheControl: false }));
  router.get(/^\/(?!assets\/|graphql|reports\/.*\.pdf$|health\/)/, (_, response, next) => {
    response.sendFile('index.html', { root: folder, cacheControl: false }, (error) => {
      if (error && 'code' in error && error.code === 'ENOENT') response.status(503).type('text').send(NOT_BUILT);
      else if (error) next(error);
    });
  });
  return router;
}
