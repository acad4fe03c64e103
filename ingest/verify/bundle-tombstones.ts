// The tombstones of a bundle, one JSON object a line, in order.
import { CannotCheckError } from './cannot-check.ts';
import type { KeptTombstone } from './source.ts';

/** Throws CannotCheckError for a line that is none; what the note says is looked at later. */
export function readTombstones(text: string): KeptTombstone[] {
  const lines = text.split('\n');
  if (lines.pop() !== '')
    throw new CannotCheckError('tombstones.jsonl of the bundle is cut off: its last line has no end.');
  return lines.map(parseLine);
}

function parseLine(line: string, index: number): KeptTombstone {
  let fields: Record<string, unknown> = {};
  try {
    const parsed: unknown = JSON.parse(line);
    if (typeof parsed === 'object' && parsed !== null) fields = { ...parsed };
  } catch {
    // Falls through to the one sentence below.
  }
  const { first, size, note } = fields;
  if (isCount(first) && isCount(size) && typeof note === 'string') return { first, size, note };
  throw new CannotCheckError(`Line ${index + 1} of tombstones.jsonl of the bundle is no tombstone.`);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
