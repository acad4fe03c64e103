// The text of a tombstone: what a partition held that expired. Written from ../retention/README.md alone.
import { HASH_BYTES } from './merkle.ts';
import { MalformedNoteError, parseNote, type SignedNote } from './signed-note.ts';
import type { KeptTombstone } from './source.ts';

export interface Tombstone extends SignedNote {
  origin: string;
  first: number;
  size: number;
  root: Buffer;
  /** When its last event was accepted, and the latest that something in it happened; microseconds since 1970. */
  until: number;
  lastOccurred: number;
}

/** Reads the note of a tombstone. Throws MalformedNoteError. */
export function parseTombstone(note: string): Tombstone {
  const signed = parseNote(note);
  const [, origin = '', range = '', root = '', accepted = '', happened = ''] =
    /^([^\n]+)\ntombstone\n([^\n]+)\n([^\n]+)\naccepted until ([^\n]+)\nhappened until ([^\n]+)\n$/.exec(signed.body) ??
    [];
  if (origin === '') throw new MalformedNoteError('its lines are not those of a tombstone');
  const [, first, size] = /^(0|[1-9]\d{0,14}) ([1-9]\d{0,14})$/.exec(range) ?? [];
  if (first === undefined || size === undefined) throw new MalformedNoteError('its range is none');
  const hash = Buffer.from(root, 'base64');
  if (hash.length !== HASH_BYTES || hash.toString('base64') !== root)
    throw new MalformedNoteError('its root is no hash');
  const [until, lastOccurred] = [readInstant(accepted), readInstant(happened)];
  return { ...signed, origin, first: Number(first), size: Number(size), root: hash, until, lastOccurred };
}

function readInstant(text: string): number {
  const [, seconds = '', fraction] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{6})Z$/.exec(text) ?? [];
  const micros = Date.parse(`${seconds}Z`) * 1000 + Number(fraction);
  if (!Number.isSafeInteger(micros)) throw new MalformedNoteError('one of its times is none');
  return micros;
}

/** Undefined for one that is none. */
export function readTombstone({ note }: KeptTombstone): Tombstone | undefined {
  try {
    return parseTombstone(note);
  } catch (error) {
    if (error instanceof MalformedNoteError) return undefined;
    throw error;
  }
}

/**
 * Events before it have expired by what tombstones say of themselves, without a gap from the beginning of the log on: no row
 * of them is looked for. Whether the tombstones are true is checked apart.
 */
export function expiredBelow(tombstones: readonly KeptTombstone[], size: number, partitionEvents: number): number {
  const ranges = tombstones.flatMap((kept) => readTombstone(kept) ?? []).sort((a, b) => a.first - b.first);
  let below = 0;
  for (const range of ranges) {
    const end = range.first + partitionEvents;
    if (range.first === below && range.size === partitionEvents && end <= size) below = end;
  }
  return below;
}
