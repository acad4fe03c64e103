// The checkpoints that are kept, read again.
import { LogError } from '../errors.ts';
import { rootFromTiles } from '../merkle/proof.ts';
import { parseCheckpoint } from './checkpoint.ts';
import { NoteError, parseNote, parseVerifierKey, verifyNote } from './note.ts';
import type { CheckpointReader, KeptCheckpoint } from './tables.ts';
import type { TreeTiles } from './tree-tiles.ts';

export interface SignedCheckpoint extends KeptCheckpoint {
  /** 32 bytes. */
  root: Uint8Array;
  /** Who signed: the key ids in hexadecimal, as they stand in the note. */
  keyIds: string[];
}

/** A checkpoint as it is kept, with what its note says. */
export function readSigned(kept: KeptCheckpoint | undefined): SignedCheckpoint | undefined {
  if (!kept) return undefined;
  const { text, signatures } = parseNote(kept.note);
  return { ...kept, root: parseCheckpoint(text).root, keyIds: signatures.map(({ keyId }) => keyId) };
}

/** The journal must be a continuation of what was signed last. Throws LogError checkpoint-different. */
export function checkNewest(reader: CheckpointReader, tiles: TreeTiles, origin: string): void {
  const kept = reader.newest();
  if (!kept) return;
  const { size, root } = readOwn(kept, reader, origin);
  if (size > tiles.size)
    throw different(`The journal holds ${tiles.size} events, and a checkpoint was signed over ${size}.`);
  if (Buffer.compare(root, rootFromTiles(tiles, size)) !== 0)
    throw different(
      `The first ${size} events of the journal are not those that its newest checkpoint was signed over.`,
    );
}

function readOwn(kept: KeptCheckpoint, reader: CheckpointReader, origin: string): { size: number; root: Uint8Array } {
  try {
    const note = parseNote(kept.note);
    const checkpoint = parseCheckpoint(note.text);
    verifyNote(
      note,
      reader.keys().map(({ vkey }) => parseVerifierKey(vkey)),
    );
    if (checkpoint.origin === origin && checkpoint.size === kept.size) return checkpoint;
  } catch (error) {
    if (!(error instanceof NoteError)) throw error;
    throw different(`The newest checkpoint, of ${kept.size} events, is not one of this log. ${error.message}`);
  }
  throw different(`The newest checkpoint, kept as of ${kept.size} events, is that of another log or size.`);
}

function different(message: string): LogError {
  return new LogError('checkpoint-different', message);
}
