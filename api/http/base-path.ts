// A service under a path, such as https://log.example.org/metatrail/: whether the proxy before it passes that path on or
// takes it off, what comes after it is the same.
import type { RequestHandler } from 'express';

/** `base`: the path, with a slash at both ends. */
export function stripBasePath(base: () => string): RequestHandler {
  return (request, response, next) => {
    const path = base();
    if (path !== '/' && request.url === path.slice(0, -1)) {
      response.redirect(308, path);
      return;
    }
    if (path !== '/' && request.url.startsWith(path)) request.url = request.url.slice(path.length - 1);
    next();
  };
}
