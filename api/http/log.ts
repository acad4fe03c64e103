// The log as C2SP tlog-tiles serves it: /log/checkpoint, /log/tile/<level>/<index>[.p/<width>], and the public keys. All of it
// is hashes and signatures; entry bundles, which would be rows with people in them, are not served.
import { type RequestHandler, type Response, Router } from 'express';
import type { Checkpoints } from '../../ingest/checkpoints/checkpoints.ts';
import { tileWidth } from '../../ingest/merkle/proof.ts';
import { TILE_WIDTH } from '../../ingest/merkle/tree.ts';

/** A level, an index in groups of three digits, all but the last with an x before them, and the width of a tile not full. */
const TILE = /^\/tile\/(0|[1-9]\d?)\/((?:x\d{3}\/)*\d{3})(?:\.p\/([1-9]\d{0,2}))?$/;
const HIGHEST_LEVEL = 63;
const A_YEAR_SECONDS = 365 * 24 * 3600;

/**
 * `authenticate` is passed unless the log is public. Tiles of the newest checkpoint's tree are there, and of no larger one, for
 * nothing has signed for it yet.
 */
export function serveLog(checkpoints: Checkpoints, authenticate: RequestHandler | undefined): Router {
  const router = Router({ strict: true, caseSensitive: true });
  if (authenticate) router.use(authenticate);
  // What was asked for with a session or a token is nobody else's to keep.
  const sharing = authenticate ? 'private' : 'public';
  router.get('/checkpoint', async (_, response) => {
    const { note } = checkpoints.newest() ?? (await checkpoints.current());
    sendText(response, note);
  });
  router.get('/keys', (_, response) => {
    sendText(
      response,
      checkpoints
        .keys()
        .map(({ vkey }) => `${vkey}\n`)
        .join(''),
    );
  });
  router.get(/^\/tile\//, (request, response) => {
    const place = parsePlace(request.path);
    const { tiles } = checkpoints;
    // A checkpoint is on record a moment before its tiles are at hand.
    const size = Math.min(checkpoints.newest()?.size ?? 0, tiles.size);
    if (!place || place.width > tileWidth(size, place.level, place.index)) {
      answerNoTile(response);
      return;
    }
    const hashes = tiles.read(place.level, place.index, place.width);
    response.set('Cache-Control', `${sharing}, max-age=${A_YEAR_SECONDS}, immutable`);
    response.type('application/octet-stream').send(Buffer.concat(hashes));
  });
  router.use((_, response) => {
    response.status(404).type('text').send('The log has checkpoint, keys and tile/<level>/<index>[.p/<width>].');
  });
  return router;
}

function sendText(response: Response, text: string): void {
  response.set('Cache-Control', 'no-cache').type('text/plain; charset=utf-8').send(text);
}

function answerNoTile(response: Response): void {
  response
    .status(404)
    .type('text')
    .send('There is no such tile; those of the tree of the newest checkpoint are there, full or .p/<width>.');
}

/** The tile that an address names; undefined when it is not written as C2SP says. */
function parsePlace(path: string): { level: number; index: number; width: number } | undefined {
  const [, level = '', groups = '', partial] = TILE.exec(path) ?? [];
  const index = Number(groups.replaceAll(/[x/]/g, ''));
  const width = partial === undefined ? TILE_WIDTH : Number(partial);
  const leading = groups.includes('/') && groups.startsWith('x000');
  if (groups === '' || leading || Number(level) > HIGHEST_LEVEL || !Number.isSafeInteger(index)) return undefined;
  return partial !== undefined && width >= TILE_WIDTH ? undefined : { level: Number(level), index, width };
}
