// The form that every list has on its way out, whatever the format: entries with cells, in pages, and the parts of an entry
// (the values of a change) with cells of their own.
export type ColumnType = 'text' | 'integer' | 'time' | 'boolean';

/** Texts and booleans as they are, integers exact, times in microseconds; undefined: there is none. */
export type Cell = string | number | boolean | undefined;

export interface Heading {
  name: string;
  type: ColumnType;
}

export interface Column<T> extends Heading {
  of: (item: T) => Cell;
}

export interface Shape {
  columns: readonly Heading[];
  /** What each entry may have several of. */
  parts?: { name: string; columns: readonly Heading[] } | undefined;
}

export interface Entry {
  /** Its place in the log, where it has one. */
  sequence?: number | undefined;
  cells: readonly Cell[];
  parts: readonly (readonly Cell[])[];
}

export type Pages = AsyncIterable<readonly Entry[]>;

/** The columns of a table: those of the entry, then those of its parts. */
export function headingsOf({ columns, parts }: Shape): Heading[] {
  return [...columns, ...(parts?.columns ?? [])];
}

/** How many rows of a table an entry is: one for each part, one without any. */
export function countRows({ parts }: Entry): number {
  return Math.max(1, parts.length);
}

/** The rows of a table, each as long as its headings. */
export function* rowsOf(entries: readonly Entry[], { parts }: Shape): Generator<Cell[]> {
  const none = new Array<Cell>(parts?.columns.length ?? 0).fill(undefined);
  for (const entry of entries)
    for (const part of entry.parts.length === 0 ? [none] : entry.parts) yield [...entry.cells, ...part];
}

export function cellsOf<T>(columns: readonly Column<T>[], item: T): Cell[] {
  return columns.map(({ of }) => of(item));
}
