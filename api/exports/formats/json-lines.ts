// JSON lines: an entry a line, its parts in it. What an entry has not is not there.
import type { Cell, Heading, Pages, Shape } from '../table.ts';
import { type Format, textOf } from './format.ts';

export const jsonLines: Format = {
  name: 'jsonl',
  extension: 'jsonl',
  mediaType: 'application/x-ndjson; charset=utf-8',
  reading: 'One JSON object a line, UTF-8. Every text is exact; what is absent has no key.',
  encode: encodeJsonLines,
  cutOff: '{"cut_off":"This export was cut off here, and is not whole',
};

async function* encodeJsonLines(shape: Shape, pages: Pages): AsyncGenerator<Uint8Array, void, undefined> {
  const { columns, parts } = shape;
  for await (const entries of pages) {
    const lines = entries.map((entry) => {
      const line: Record<string, unknown> = objectOf(columns, entry.cells);
      if (parts) line[parts.name] = entry.parts.map((cells) => objectOf(parts.columns, cells));
      return `${JSON.stringify(line)}\n`;
    });
    if (lines.length > 0) yield Buffer.from(lines.join(''));
  }
}

function objectOf(headings: readonly Heading[], cells: readonly Cell[]): Record<string, unknown> {
  return Object.fromEntries(
    headings.flatMap(({ name, type }, index) => {
      const cell = cells[index];
      return cell === undefined ? [] : [[name, type === 'time' ? textOf(cell, type) : cell]];
    }),
  );
}
