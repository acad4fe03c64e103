// Which key signs. A new key is announced by an event, in the transaction that puts its public half on record; the checkpoint
// after it is signed with the old and the new one. So whoever trusts the old key has reason to trust the new one.

import path from 'node:path';
import { systemClock } from '../clock.ts';
import { LogError } from '../errors.ts';
import type { Journal } from '../journal/journal.ts';
import type { Batch } from '../journal/messages.ts';
import { JOURNAL_FILE } from '../journal/writer.ts';
import { KeyFile } from './key-file.ts';
import { createSigner, parseVerifierKey, type Signer } from './note.ts';
import { type CheckpointKey, CheckpointReader } from './tables.ts';

export interface KeyInUse {
  signer: Signer;
  /** The key before it, when the next checkpoint is still to be signed with both. */
  former: Signer | undefined;
  /** A rotation was cut off after it had been accepted. */
  unfinished: boolean;
}

/** The key that signs from now on; made, and put on record, when the log has none yet. Throws LogError. */
export async function takeUpKey(
  journal: Journal,
  file: KeyFile,
  onRecord: readonly CheckpointKey[],
): Promise<KeyInUse> {
  const newest = onRecord.at(-1);
  if (!newest) return { signer: await takeFirstKey(journal, file), former: undefined, unfinished: false };
  const current = file.read();
  if (current?.verifier.vkey === newest.vkey) {
    // A next one was never accepted; it may even be half written.
    file.dropNext();
    return { signer: current, former: undefined, unfinished: false };
  }
  const next = file.readNext();
  if (next?.verifier.vkey === newest.vkey) {
    const former = current?.verifier.vkey === onRecord.at(-2)?.vkey ? current : undefined;
    return { signer: next, former, unfinished: true };
  }
  const { keyId } = parseVerifierKey(newest.vkey);
  const said = current
    ? `The file ${file.file} holds the checkpoint key ${current.verifier.keyId}; the log's newest key on record is ${keyId}.`
    : `The checkpoint key ${file.file} is gone; the log's checkpoints are signed with the key ${keyId}.`;
  throw new LogError(current ? 'checkpoint-key-wrong' : 'checkpoint-key-missing', said);
}

async function takeFirstKey(journal: Journal, file: KeyFile): Promise<Signer> {
  let signer = file.read();
  if (!signer) {
    signer = createSigner(journal.log);
    file.write(signer);
  }
  await journal.changeCheckpoints([{ kind: 'key', vkey: signer.verifier.vkey, from: 0 }]);
  return signer;
}

interface RotationFacts {
  /** The vkeys. */
  old: string;
  new: string;
  initiator: string;
  /** The old key is lost: it does not sign over to the new one. */
  lost: boolean;
  /** Microseconds, UTC. */
  at: number;
}

/** The batch that puts a new key on record, its event having the sequence `base`. */
export function describeRotation(facts: RotationFacts, base: number): Batch {
  const value = { attribute: 'checkpoint-key', type: 'string', operation: 'replace', marks: 0 } as const;
  return {
    events: [
      {
        occurredAt: facts.at,
        occurredAtKnown: 'observed',
        stage: 'configuration',
        operation: 'update',
        outcome: facts.lost ? 'checkpoint-key-replaced' : 'checkpoint-key-rotated',
        values: [{ ...value, old: facts.old, new: facts.new }],
        initiator: facts.initiator,
        initiatorKnown: 'reported',
        performer: 'metatrail',
        causes: [],
        outOfBand: false,
      },
    ],
    state: [],
    // The first checkpoint that the event is in is the first one of the new key.
    checkpoints: [{ kind: 'key', vkey: facts.new, from: base + 1 }],
  };
}

/**
 * Takes a new key in place of one that is lost. The event says that the old key has not signed over to it, so whoever
 * verifies has to be told the new public key by somebody they trust. Returns the vkeys; undefined when the key is there after
 * all, or the log has none yet. Throws LogError.
 */
export async function replaceLostKey(
  journal: Journal,
  keyFile: string,
  initiator: string,
): Promise<{ old: string; new: string } | undefined> {
  const reader = new CheckpointReader(path.join(journal.folder, JOURNAL_FILE));
  try {
    const newest = reader.keys().at(-1);
    const file = new KeyFile(keyFile, journal.log);
    // One that was cut off in a rotation still lies beside the file, and the next start takes it up.
    const isThere = (signer: Signer | undefined) => signer?.verifier.vkey === newest?.vkey;
    if (!newest || isThere(file.read()) || isThere(file.readNext())) return undefined;
    const signer = createSigner(journal.log);
    const facts = { old: newest.vkey, new: signer.verifier.vkey, initiator, lost: true, at: systemClock() };
    file.writeNext(signer);
    await journal.accept((base) => describeRotation(facts, base));
    file.promoteNext();
    return { old: facts.old, new: facts.new };
  } finally {
    reader.close();
  }
}
