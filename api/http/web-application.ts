// The built web application: files with a hash in their name for a year, the page itself never from a cache. Addresses
// of pages inside the application all lead to its one page.
import path from 'node:path';
import express, { Router } from 'express';

const A_YEAR_SECONDS = 365 * 24 * 3600;

export function serveWebApplication(folder: string): Router {
  const router = Router();
  router.use(
    '/assets',
    express.static(path.join(folder, 'assets'), { immutable: true, maxAge: A_YEAR_SECONDS * 1000, index: false }),
  );
  router.use(express.static(folder, { index: false, cacheControl: false }));
  router.get(/^\/(?!assets\/|graphql|reports\/.*\.pdf$|health\/)/, (_, response, next) => {
    response.sendFile('index.html', { root: folder, cacheControl: false }, (error) => {
      if (error) next(error);
    });
  });
  return router;
}
