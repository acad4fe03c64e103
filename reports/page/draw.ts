// Draws pages that are already laid out, and tags what it draws: headings, paragraphs, tables with the cells that head
// them. Rules, fills, heads and feet of pages, and repeated rows are artifacts, which a screen reader passes over.
import type { Content } from '../content.ts';
import type { Page, PlacedPiece } from './paginate.ts';
import { GROUP_GAP, type RowPiece, type SetCell, type SetTable, type TextPiece } from './pieces.ts';
import type { ReportDocument, TableScope } from './report-document.ts';
import { BODY_WIDTH, CELL_PADDING, COLORS, LEADING, PAGE } from './style.ts';

type Element = ReturnType<ReportDocument['createElement']>;

export class PageDrawer {
  readonly #document: ReportDocument;
  readonly #root: Element;
  #table: { set: SetTable; element: Element } | undefined;

  constructor(document: ReportDocument) {
    this.#document = document;
    this.#root = document.createElement('Document');
    document.addStructure(this.#root);
  }

  drawPage(page: Page): void {
    this.#document.addPage();
    for (const placed of page) this.#drawPiece(placed);
  }

  /** After the last page. */
  finish(): void {
    this.#closeTable();
    this.#root.end();
  }

  #drawPiece({ piece, y, repeated }: PlacedPiece): void {
    const top = PAGE.top + y;
    if (piece.kind === 'text') {
      this.#closeTable();
      this.#drawText(piece, top);
      return;
    }
    this.#asArtifact(() => this.#drawRowGround(piece, top));
    if (repeated) this.#asArtifact(() => this.#drawRowText(piece, top, (_, draw) => draw()));
    else this.#drawTaggedRow(piece, top);
  }

  #drawText(piece: TextPiece, top: number): void {
    const document = this.#document;
    if (piece.fill !== undefined) {
      const { fill } = piece;
      this.#asArtifact(() => document.rect(PAGE.left, top, BODY_WIDTH, piece.height).fill(fill));
    }
    if (piece.tag === 'H2') document.outline.addItem(piece.lines.join(''));
    const leading = piece.size * LEADING;
    const first = top + (piece.height - piece.lines.length * leading) / 2;
    this.#asElement(this.#root, piece.tag, () => {
      for (const [index, line] of piece.lines.entries()) {
        document.drawLine(line, PAGE.left + piece.indent, first + index * leading, piece.face, piece.size, piece.color);
      }
    });
  }

  #drawTaggedRow(piece: RowPiece, top: number): void {
    const row = this.#document.createElement('TR');
    this.#openTable(piece.table).add(row);
    this.#drawRowText(piece, top, (index, draw) => {
      if (piece.role === 'titles') this.#asElement(row, 'TH', draw, 'Column');
      else if (piece.role === 'group' || piece.table.columns[index]?.heads === true)
        this.#asElement(row, 'TH', draw, 'Row');
      else this.#asElement(row, 'TD', draw);
    });
    // pdfkit has no column span: the rest of a group's row is empty, so that every row has as many cells.
    if (piece.role === 'group') for (const _ of piece.table.columns.slice(1)) this.#addEmptyCell(row);
    row.end();
  }

  /** Calls `around` for each cell with what draws it; a group is one cell. */
  #drawRowText(piece: RowPiece, top: number, around: (index: number, draw: () => void) => void): void {
    if (piece.role === 'group') {
      around(0, () => this.#drawGroup(piece, top));
      return;
    }
    for (const [index, cell] of piece.cells.entries()) around(index, () => this.#drawCell(piece, cell, index, top));
  }

  #drawCell({ table }: RowPiece, cell: SetCell, index: number, top: number): void {
    const column = table.columns[index];
    if (column === undefined) return;
    const left = PAGE.left + column.x + CELL_PADDING.x;
    const width = column.width - 2 * CELL_PADDING.x;
    for (const [number, line] of cell.lines.entries()) {
      if (line === '') continue;
      const used = column.align === 'right' ? this.#document.faces[cell.face].width(line.trimEnd(), cell.size) : width;
      const y = top + CELL_PADDING.y + number * cell.size * LEADING;
      this.#document.drawLine(line, left + width - used, y, cell.face, cell.size, cell.color);
    }
  }

  #drawGroup({ cells }: RowPiece, top: number): void {
    let left = PAGE.left + CELL_PADDING.x;
    for (const { lines, face, size, color } of cells) {
      const [line = ''] = lines;
      if (line === '') continue;
      this.#document.drawLine(line, left, top + CELL_PADDING.y, face, size, color);
      left += this.#document.faces[face].width(line, size) + GROUP_GAP;
    }
  }

  #drawRowGround(piece: RowPiece, top: number): void {
    const { table, fill, cells, height } = piece;
    const document = this.#document;
    if (fill !== undefined) document.rect(PAGE.left, top, table.width, height).fill(fill);
    for (const [index, { share }] of cells.entries()) {
      const column = table.columns[index];
      if (share === undefined || column === undefined) continue;
      const most = column.width - 2 * CELL_PADDING.x - ROOM_FOR_SHARE;
      const left = PAGE.left + column.x + CELL_PADDING.x;
      document.rect(left, top + BAR.top, Math.max(0.5, most * share), BAR.height).fill(COLORS.bar);
    }
    const color = piece.role === 'titles' ? COLORS.rule : COLORS.hairline;
    const bottom = top + height;
    document.lineWidth(0.5).strokeColor(color).moveTo(PAGE.left, bottom);
    document.lineTo(PAGE.left + table.width, bottom).stroke();
  }

  #openTable(set: SetTable): Element {
    if (this.#table?.set === set) return this.#table.element;
    this.#closeTable();
    const element = this.#document.createElement('Table');
    this.#root.add(element);
    this.#table = { set, element };
    return element;
  }

  #closeTable(): void {
    this.#table?.element.end();
    this.#table = undefined;
  }

  #asElement(parent: Element, tag: string, draw: () => void, scope?: TableScope): void {
    const element = this.#document.createElement(tag, scope);
    parent.add(element);
    const content = this.#document.markStructureContent(tag);
    draw();
    this.#document.endMarkedContent();
    element.add(content);
    element.end();
  }

  #addEmptyCell(row: Element): void {
    const element = this.#document.createElement('TD');
    row.add(element);
    element.end();
  }

  #asArtifact(draw: () => void, type: 'Layout' | 'Pagination' = 'Layout'): void {
    this.#document.markContent('Artifact', { type });
    draw();
    this.#document.endMarkedContent();
  }

  /** What stands on every page. */
  drawFrame(frame: PageFrame, number: number, total: number): void {
    this.#asArtifact(() => drawHead(this.#document, frame, `Page ${number} of ${total}`), 'Pagination');
    this.#asArtifact(() => drawFoot(this.#document, frame), 'Pagination');
  }
}

const BAR = { top: 4, height: 8 } as const;
/** Room at the right of a bar for its number: "100.0 %". */
const ROOM_FOR_SHARE = 38;

/** The lines of each page, cut to fit. */
export type PageFrame = Pick<Content, 'title' | 'company' | 'scope' | 'origin' | 'standing' | 'root'>;

const HEAD_TOP = 32;
const FOOT_TOP = 553;
const RIGHT = PAGE.width - PAGE.right;

function drawHead(document: ReportDocument, { title, company, scope }: PageFrame, pageNumber: string): void {
  document.drawLine(title, PAGE.left, HEAD_TOP, 'bold', 8.5, COLORS.accent);
  drawRight(document, company, HEAD_TOP, 'bold', 8.5, COLORS.ink);
  document.drawLine(scope, PAGE.left, HEAD_TOP + 13, 'sans', 7, COLORS.quiet);
  drawRight(document, pageNumber, HEAD_TOP + 13, 'sans', 7, COLORS.quiet);
  drawRule(document, HEAD_TOP + 27);
}

function drawFoot(document: ReportDocument, { origin, standing, root }: PageFrame): void {
  drawRule(document, FOOT_TOP - 6);
  document.drawLine(origin, PAGE.left, FOOT_TOP, 'sans', 6.5, COLORS.quiet);
  document.drawLine(standing, PAGE.left, FOOT_TOP + 10, 'sans', 6.5, COLORS.quiet);
  drawRight(document, 'Merkle root', FOOT_TOP, 'sans', 6.5, COLORS.quiet);
  drawRight(document, root, FOOT_TOP + 10, 'mono', 6.5, COLORS.quiet);
}

function drawRight(
  document: ReportDocument,
  text: string,
  y: number,
  face: 'sans' | 'bold' | 'mono',
  size: number,
  color: string,
) {
  document.drawLine(text, RIGHT - document.faces[face].width(text, size), y, face, size, color);
}

function drawRule(document: ReportDocument, y: number): void {
  document.lineWidth(0.6).strokeColor(COLORS.rule).moveTo(PAGE.left, y).lineTo(RIGHT, y).stroke();
}
