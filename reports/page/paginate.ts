// Pieces are given their places. Pure, and before anything is drawn, so that each page can say how many there are.
import type { Piece, RowPiece } from './pieces.ts';
import { BODY_HEIGHT } from './style.ts';

export interface PlacedPiece {
  piece: Piece;
  /** From the top of the body, in points. */
  y: number;
  /** Shown again at the top of a page: for the eye, not part of the text. */
  repeated: boolean;
}

export type Page = readonly PlacedPiece[];

export function paginate(pieces: readonly Piece[]): Page[] {
  const pages: PlacedPiece[][] = [[]];
  let y = 0;
  let group: RowPiece | undefined;
  const place = (piece: Piece, repeated: boolean): void => {
    const page = pages.at(-1) ?? [];
    const top = page.length === 0 ? 0 : y + piece.gap;
    page.push({ piece, y: top, repeated });
    y = top + piece.height;
  };
  for (const [index, piece] of pieces.entries()) {
    if (piece.kind === 'text' || piece.role === 'titles' || group?.table !== piece.table) group = undefined;
    const isEmpty = pages.at(-1)?.length === 0;
    if (!isEmpty && y + piece.gap + measureChain(pieces, index) > BODY_HEIGHT) {
      pages.push([]);
      y = 0;
      for (const again of listRepeated(piece, pieces[index - 1], group)) place(again, true);
    }
    if (piece.kind === 'row' && piece.role === 'group') group = piece;
    place(piece, false);
  }
  return pages;
}

/** The height of a piece and of all that must stay with it; of the piece alone when that is more than a page. */
function measureChain(pieces: readonly Piece[], index: number): number {
  const first = pieces[index];
  if (first === undefined) return 0;
  let height = first.height;
  for (let next = index; pieces[next]?.keepWithNext === true; next += 1) {
    const following = pieces[next + 1];
    if (following === undefined) break;
    height += following.gap + following.height;
    if (height > BODY_HEIGHT) return first.height;
  }
  return height;
}

/** The titles of the table that goes on, and the group that its next row belongs to. */
function listRepeated(piece: Piece, before: Piece | undefined, group: RowPiece | undefined): RowPiece[] {
  if (piece.kind !== 'row' || before?.kind !== 'row' || before.table !== piece.table) return [];
  const again = [piece.table.titles, piece.role === 'cells' ? group : undefined];
  return again.filter((row) => row !== undefined);
}
