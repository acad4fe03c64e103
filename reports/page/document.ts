// Sets a report: measure, give places, then draw page by page as the reader takes the bytes.
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import type { Content, FaceName } from '../content.ts';
import { PageDrawer, type PageFrame } from './draw.ts';
import { type Page, paginate } from './paginate.ts';
import { cutPieces, type Faces, type Piece } from './pieces.ts';
import { ReportDocument } from './report-document.ts';
import { BODY_WIDTH } from './style.ts';
import { fitText } from './wrap.ts';

/** So many pieces are measured before others get their turn: some milliseconds. */
const PIECES_AT_ONCE = 500;

export async function setPdf(content: Content): Promise<{ pages: number; pdf: Readable }> {
  const document = new ReportDocument(content);
  const pieces: Piece[] = [];
  for (const piece of cutPieces(content.blocks, document.faces)) {
    pieces.push(piece);
    if (pieces.length % PIECES_AT_ONCE === 0) await setImmediate();
  }
  const pages = paginate(pieces);
  const frame = cutFrame(content, document.faces);
  return { pages: pages.length, pdf: Readable.from(drawPages(document, pages, frame), { objectMode: false }) };
}

async function* drawPages(document: ReportDocument, pages: readonly Page[], frame: PageFrame) {
  const drawer = new PageDrawer(document);
  for (const [index, page] of pages.entries()) {
    drawer.drawPage(page);
    drawer.drawFrame(frame, index + 1, pages.length);
    const bytes = document.takeBytes();
    if (bytes !== undefined) yield bytes;
    await setImmediate();
  }
  drawer.finish();
  document.end();
  const bytes = document.takeBytes();
  if (bytes !== undefined) yield bytes;
}

/** Each line of the head and the foot keeps to its place, whatever the company is called. */
function cutFrame(content: Content, faces: Faces): PageFrame {
  const cut = (text: string, name: FaceName, size: number, share: number): string =>
    fitText(text, faces[name], size, BODY_WIDTH * share, 1)[0] ?? '';
  return {
    title: cut(content.title, 'bold', 8.5, 0.5),
    company: cut(content.company, 'bold', 8.5, 0.48),
    scope: cut(content.scope, 'sans', 7, 0.86),
    origin: cut(content.origin, 'sans', 6.5, 0.6),
    standing: cut(content.standing, 'sans', 6.5, 0.6),
    root: cut(content.root, 'mono', 6.5, 0.38),
  };
}
