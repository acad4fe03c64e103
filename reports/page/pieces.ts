// Blocks become pieces: measured, with their lines broken, but not yet on a page.
import type { Block, Cell, Column, FaceName, Heading, Notice, Row, Table } from '../content.ts';
import { BODY_WIDTH, CELL_PADDING, COLORS, LEADING, SIZES, TONES } from './style.ts';
import { type Face, fitText } from './wrap.ts';

export type Faces = Readonly<Record<FaceName, Face>>;

interface Placed {
  height: number;
  /** Empty space before it, not at the top of a page. */
  gap: number;
  /** Never the last piece of a page while another follows. */
  keepWithNext: boolean;
}

export interface TextPiece extends Placed {
  kind: 'text';
  tag: 'H1' | 'H2' | 'H3' | 'P';
  lines: readonly string[];
  face: FaceName;
  size: number;
  color: string;
  /** A box behind the text. */
  fill?: string;
  indent: number;
}

export interface SetColumn {
  x: number;
  width: number;
  align: 'left' | 'right';
  heads: boolean;
}

/** What the rows of one table share. */
export interface SetTable {
  columns: readonly SetColumn[];
  width: number;
  titles: RowPiece | undefined;
}

export interface SetCell {
  lines: readonly string[];
  face: FaceName;
  size: number;
  color: string;
  share: number | undefined;
}

export interface RowPiece extends Placed {
  kind: 'row';
  role: 'titles' | 'group' | 'cells';
  table: SetTable;
  /** As many as columns; a group has two, across all columns. */
  cells: readonly SetCell[];
  fill: string | undefined;
}

export type Piece = TextPiece | RowPiece;

const DEFAULT_MAX_LINES = 3;

export function* cutPieces(blocks: readonly Block[], faces: Faces): Generator<Piece> {
  for (const block of blocks) {
    switch (block.kind) {
      case 'heading':
        yield setHeading(block, faces);
        break;
      case 'paragraph':
        yield setText(block.text, faces, { gap: 5, color: TONES[block.tone ?? 'plain'] });
        break;
      case 'notice':
        yield setNotice(block, faces);
        break;
      case 'listing':
        yield* setListing(block.text, faces);
        break;
      default:
        yield* setTable(block, faces);
    }
  }
}

type TextStyle = Partial<Omit<TextPiece, 'kind' | 'lines'>> & { maxLines?: number };

/** Paragraphs are of ours, so they are short; what a caller gave in one is cut like any cell. */
const MAX_PARAGRAPH_LINES = 8;

function setText(text: string, faces: Faces, style: TextStyle): TextPiece {
  const { face = 'sans', size = SIZES.text, indent = 0, maxLines = MAX_PARAGRAPH_LINES } = style;
  const width = BODY_WIDTH - 2 * indent;
  const lines = fitText(text, faces[face], size, width, maxLines);
  return {
    kind: 'text',
    tag: style.tag ?? 'P',
    lines,
    face,
    size,
    color: style.color ?? COLORS.ink,
    indent,
    height: style.height ?? lines.length * size * LEADING + (style.fill === undefined ? 0 : 9),
    gap: style.gap ?? 0,
    keepWithNext: style.keepWithNext ?? false,
    ...(style.fill === undefined ? {} : { fill: style.fill }),
  };
}

function setHeading({ level, text }: Heading, faces: Faces): TextPiece {
  const size = level === 1 ? SIZES.h1 : level === 2 ? SIZES.h2 : SIZES.h3;
  const gap = level === 1 ? 0 : level === 2 ? 16 : 9;
  const tag = level === 1 ? 'H1' : level === 2 ? 'H2' : 'H3';
  return setText(text, faces, { tag, size, gap, face: 'bold', color: COLORS.accent, keepWithNext: true, maxLines: 2 });
}

const NOTICE_FILLS = { plain: COLORS.groupFill, good: COLORS.goodFill, bad: COLORS.badFill } as const;

function setNotice({ text, tone }: Notice, faces: Faces): TextPiece {
  return setText(text, faces, { fill: NOTICE_FILLS[tone], color: TONES[tone], gap: 8, indent: 8 });
}

function* setListing(text: string, faces: Faces): Generator<TextPiece> {
  for (const [index, line] of text.replaceAll('\r\n', '\n').replaceAll('\t', '  ').split('\n').entries()) {
    const style = { face: 'mono', size: SIZES.listing, indent: 8, maxLines: 20 } as const;
    const piece = setText(line === '' ? ' ' : line, faces, style);
    yield { ...piece, gap: index === 0 ? 4 : 0, fill: COLORS.groupFill };
  }
}

function* setTable(table: Table, faces: Faces): Generator<RowPiece> {
  const set = layColumns(table, faces);
  let isFirst = true;
  let previous: RowPiece | undefined;
  for (const row of table.rows) {
    if (isFirst && set.titles !== undefined) yield set.titles;
    if (previous !== undefined) yield { ...previous, keepWithNext: previous.keepWithNext || table.together === true };
    previous = setRow(row, table, set, faces);
    if (isFirst && set.titles === undefined) previous.gap = TABLE_GAP;
    isFirst = false;
  }
  if (previous !== undefined) yield previous;
}

const TABLE_GAP = 7;

function layColumns(table: Table, faces: Faces): SetTable {
  const width = BODY_WIDTH * (table.share ?? 1);
  const shares = table.columns.reduce((sum, column) => sum + column.width, 0);
  let x = 0;
  const columns = table.columns.map((column): SetColumn => {
    const left = x;
    const columnWidth = (width * column.width) / shares;
    x += columnWidth;
    return { x: left, width: columnWidth, align: column.align ?? 'left', heads: column.heads ?? false };
  });
  const set: SetTable = { columns, width, titles: undefined };
  if (table.headless !== true) set.titles = setTitles(table.columns, set, faces);
  return set;
}

function setTitles(columns: readonly Column[], table: SetTable, faces: Faces): RowPiece {
  const cells = columns.map((column, index): SetCell => {
    const width = (table.columns[index]?.width ?? 0) - 2 * CELL_PADDING.x;
    const lines = fitText(column.title, faces.bold, SIZES.title, width, DEFAULT_MAX_LINES);
    return { lines, face: 'bold', size: SIZES.title, color: COLORS.accent, share: undefined };
  });
  return finishRow('titles', cells, table, { gap: TABLE_GAP, keepWithNext: true, fill: COLORS.titleFill });
}

function setRow(row: Row, table: Table, set: SetTable, faces: Faces): RowPiece {
  if (row.kind === 'group') return setGroup(row.text, row.detail, set, faces);
  const fill = row.style === 'open' ? COLORS.badFill : row.style === 'total' ? COLORS.groupFill : undefined;
  const cells = row.cells.map((cell, index): SetCell => {
    const column = table.columns[index];
    const total = row.style === 'total' ? 'bold' : undefined;
    const width = (set.columns[index]?.width ?? 0) - 2 * CELL_PADDING.x;
    const {
      text,
      face = total ?? column?.face ?? 'sans',
      tone = 'plain',
      share,
    }: Cell = typeof cell === 'string' ? { text: cell } : cell;
    const lines = fitText(text, faces[face], SIZES.cell, width, table.maxLines ?? DEFAULT_MAX_LINES);
    return { lines, face, size: SIZES.cell, color: TONES[tone], share };
  });
  return finishRow('cells', cells, set, { gap: 0, keepWithNext: false, fill });
}

/** The name takes what it needs of the line up to a half, the detail the rest. */
function setGroup(text: string, detail: string, table: SetTable, faces: Faces): RowPiece {
  const inner = table.width - 2 * CELL_PADDING.x;
  const [title = ''] = fitText(text, faces.bold, SIZES.cell, inner / 2, 1);
  const rest = inner - faces.bold.width(title, SIZES.cell) - GROUP_GAP;
  const cells: SetCell[] = [
    { lines: [title], face: 'bold', size: SIZES.cell, color: COLORS.accent, share: undefined },
    {
      lines: fitText(detail, faces.sans, SIZES.cell, rest, 1),
      face: 'sans',
      size: SIZES.cell,
      color: COLORS.quiet,
      share: undefined,
    },
  ];
  return finishRow('group', cells, table, { gap: 0, keepWithNext: true, fill: COLORS.groupFill });
}

export const GROUP_GAP = 10;

function finishRow(
  role: RowPiece['role'],
  cells: readonly SetCell[],
  table: SetTable,
  rest: Pick<RowPiece, 'gap' | 'keepWithNext' | 'fill'>,
): RowPiece {
  const height = cells.reduce((most, { lines, size }) => Math.max(most, lines.length * size * LEADING), 0);
  return { kind: 'row', role, cells, table, height: height + 2 * CELL_PADDING.y, ...rest };
}
