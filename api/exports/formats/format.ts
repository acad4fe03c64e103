// What a format has to do: make bytes of pages, one page after the other and only when somebody takes them.
import { formatIso } from '../../../ingest/clock.ts';
import type { Cell, ColumnType, Pages, Shape } from '../table.ts';

export interface Format {
  name: string;
  extension: string;
  mediaType: string;
  /** How a reader gets exactly what the log has, for the manifest. */
  reading: string;
  /** Each chunk is the taker's own. `title`: of the list. */
  encode: (shape: Shape, pages: Pages, title: string) => AsyncGenerator<Uint8Array, void, undefined>;
  /** What is written where the rest is missing: after it no reader takes the file for whole. Undefined: none does without its end. */
  cutOff?: string;
}

/** A cell as text: times in ISO 8601, UTC, with microseconds. */
export function textOf(cell: Exclude<Cell, undefined>, type: ColumnType): string {
  return type === 'time' && typeof cell === 'number' ? formatIso(cell) : String(cell);
}
