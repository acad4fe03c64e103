// What a report says, before it has a shape: headings, paragraphs, tables. Each report makes this; page/ sets it.

export type Tone = 'plain' | 'quiet' | 'good' | 'bad';
export type FaceName = 'sans' | 'bold' | 'mono';

export interface Heading {
  kind: 'heading';
  level: 1 | 2 | 3;
  text: string;
}

export interface Paragraph {
  kind: 'paragraph';
  text: string;
  tone?: Tone;
}

/** A sentence in a box of its own, which nobody may overlook. */
export interface Notice {
  kind: 'notice';
  tone: 'plain' | 'good' | 'bad';
  text: string;
}

/** Text kept line by line, as it is: a query. */
export interface Listing {
  kind: 'listing';
  text: string;
}

export interface Cell {
  text: string;
  face?: FaceName;
  tone?: Tone;
  /** From 0 to 1: a bar is drawn behind the text. The text says the number, the bar is only for the eye. */
  share?: number;
}

export interface CellRow {
  kind: 'cells';
  cells: readonly (string | Cell)[];
  style?: 'plain' | 'total' | 'open';
}

/** A row across the whole table that says what the rows below it have in common; repeated on each page. */
export interface GroupRow {
  kind: 'group';
  text: string;
  detail: string;
}

export type Row = CellRow | GroupRow;

export interface Column {
  title: string;
  /** A share of the table's width, in relation to the other columns. */
  width: number;
  align?: 'left' | 'right';
  face?: FaceName;
  /** The cell names its row. */
  heads?: boolean;
}

export interface Table {
  kind: 'table';
  columns: readonly Column[];
  rows: Iterable<Row>;
  /** No row of column titles: the first column says what each row is. */
  headless?: boolean;
  /** Not broken over pages unless it is longer than a page. */
  together?: boolean;
  /** Of the page's width; 1 when absent. */
  share?: number;
  /** The most lines of one cell; 3 when absent. */
  maxLines?: number;
}

export type Block = Heading | Paragraph | Notice | Listing | Table;

/** A whole report. */
export interface Content {
  title: string;
  company: string;
  /** The instant or the period, and the filters: one line, on every page. */
  scope: string;
  /** Who asked, when, with what program: one line, on every page. */
  origin: string;
  /** Rows, watermark, completeness: one line, on every page. */
  standing: string;
  /** The Merkle root, on every page. */
  root: string;
  description: string;
  keywords: readonly string[];
  /** Becomes the creation date in the file. */
  producedAt: number;
  program: string;
  blocks: readonly Block[];
}
