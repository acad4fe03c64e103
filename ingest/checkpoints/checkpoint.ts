// The text of a checkpoint, as c2sp.org/tlog-checkpoint defines it: whose log, how many leaves, which root.
import { HASH_BYTES } from '../merkle/tree.ts';
import { decodeBase64, NoteError } from './note.ts';

export interface Checkpoint {
  /** Whose log. */
  origin: string;
  /** How many leaves. */
  size: number;
  /** The Merkle root over them, 32 bytes. */
  root: Uint8Array;
}

/** The three lines that are signed. */
export function formatCheckpoint({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${Buffer.from(root).toString('base64')}\n`;
}

/** Reads the text of a note as a checkpoint; lines after the third are passed over. Raises NoteError. */
export function parseCheckpoint(text: string): Checkpoint {
  const lines = text.split('\n');
  const [origin = '', size = '', encoded = ''] = lines;
  const root = decodeBase64(encoded);
  const complete = lines.length >= 4 && lines.pop() === '' && lines.every((line) => line !== '');
  if (!complete || !/^(0|[1-9]\d*)$/.test(size) || !Number.isSafeInteger(Number(size)) || root?.length !== HASH_BYTES)
    throw new NoteError('The text of a checkpoint is an origin, a size and a root in base64, each on a line.');
  return { origin, size: Number(size), root };
}
