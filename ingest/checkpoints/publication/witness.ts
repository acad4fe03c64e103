// A witness, c2sp.org/tlog-witness: it is sent each checkpoint with the proof that the log only grew since the last one that it
// has seen, and answers with its own signature and the time. So the operator cannot show different logs to different people.

import { systemClock } from '../../clock.ts';
import type { Checkpoints } from '../checkpoints.ts';
import {
  NoteError,
  type NoteSignature,
  parseNote,
  parseSignatureLine,
  parseVerifierKey,
  readCosignatureTime,
  type Verifier,
} from '../note.ts';
import { formatConsistencyProof } from '../proof-text.ts';
import type { KeptCheckpoint } from '../tables.ts';
import { DeliveryError, type Destination } from './destination.ts';
import { type PostAnswer, postText } from './post.ts';

/** The media type of an answer that says which size the witness has. */
const SIZE_TYPE = 'text/x.tlog.size';
/** A clock that is ahead by more than this makes a signature that nobody can believe. */
const MOST_AHEAD_S = 300;

export interface WitnessSettings {
  /** The submission prefix. */
  url: URL;
  /** Its public key, of the type 04. */
  vkey: string;
}

const REFUSALS: Readonly<Record<number, string>> = {
  400: 'does not understand the request',
  403: 'does not know the key of this log; give it the newest public key (/log/keys)',
  404: 'does not know this log; ask its operator to add its origin and public key (/log/keys)',
  422: 'found that the log did not only grow since it last looked: it was rewritten, or this is an error of the program',
};

export function createWitness({ url, vkey }: WitnessSettings, checkpoints: Checkpoints): Destination {
  const verifier = parseVerifierKey(vkey);
  const name = `witness ${verifier.name}`;
  const address = new URL(`${url.href.replace(/\/$/, '')}/add-checkpoint`);
  const ask = async (checkpoint: KeptCheckpoint, old: number, signal: AbortSignal): Promise<PostAnswer> => {
    const proof = await checkpoints.proveConsistency(old, checkpoint.size);
    return postText(name, address, formatConsistencyProof(proof) ?? '', signal);
  };
  return {
    name,
    takes: 'newest',
    leastIntervalMs: 0,
    async send(checkpoint, signal) {
      const { size } = checkpoint;
      let answer = await ask(checkpoint, checkpoints.reader.lastSent(name)?.size ?? 0, signal);
      const known = answer.status === 409 ? readSize(answer) : undefined;
      if (known !== undefined) {
        if (known > size) throw aheadOf(name, known, size);
        answer = await ask(checkpoint, known, signal);
      }
      if (answer.status !== 200) throw refusedBy(name, answer, size);
      await checkpoints.addSignature(size, readCosignature(answer.text, verifier, checkpoint.note, name));
    },
  };
}

function readSize({ type, text }: PostAnswer): number | undefined {
  const size = /^(0|[1-9]\d*)\n$/.test(text) && type === SIZE_TYPE ? Number(text) : Number.NaN;
  return Number.isSafeInteger(size) ? size : undefined;
}

function aheadOf(name: string, known: number, size: number): DeliveryError {
  return new DeliveryError(
    `The ${name} has signed this log at ${known} events, and it has ${size}: the data folder is from an older backup, or its log goes on elsewhere.`,
  );
}

function refusedBy(name: string, { status }: PostAnswer, size: number): DeliveryError {
  if (status === 409)
    return new DeliveryError(`The ${name} has signed another log of ${size} events under this origin (409).`);
  const why = REFUSALS[status];
  return new DeliveryError(`The ${name} ${why === undefined ? `answered ${status}` : `${why} (${status})`}.`);
}

/**
 * The newest of the signatures in the answer that are of the witness' key; those of other keys are ignored. One, for a witness
 * could make a note so long with its signatures that nobody reads it any more.
 */
function readCosignature(answer: string, verifier: Verifier, note: string, name: string): NoteSignature {
  const { text } = parseNote(note);
  try {
    const lines = answer.trimEnd().split('\n').map(parseSignatureLine);
    const known = lines.filter((line) => line.name === verifier.name && line.keyId === verifier.keyId);
    const valid = known.filter(({ bytes }) => verifier.verifies(text, bytes) && isBelievable(bytes));
    const [newest] = valid.sort((a, b) => timeOf(b) - timeOf(a));
    if (newest && valid.length === known.length) return newest;
  } catch (error) {
    if (!(error instanceof NoteError)) throw error;
  }
  throw new DeliveryError(`The ${name} answered with no signature of its key ${verifier.keyId} that holds.`);
}

const timeOf = ({ bytes }: NoteSignature): number => readCosignatureTime(bytes) ?? 0;

function isBelievable(cosignature: Uint8Array): boolean {
  const time = readCosignatureTime(cosignature);
  return time !== undefined && time <= systemClock() / 1_000_000 + MOST_AHEAD_S;
}
