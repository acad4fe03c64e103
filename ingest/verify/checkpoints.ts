// The checkpoints of a log: each is read, its signatures are checked, and those that count are put in order for the tree.
import { CannotCheckError } from './cannot-check.ts';
import type { Findings } from './findings.ts';
import type { KeyRing } from './key-ring.ts';
import { type Checkpoint, checkSignatures, MalformedNoteError, parseCheckpoint } from './signed-note.ts';
import type { LogSource } from './source.ts';

/** A checkpoint that is signed by the log. */
export interface SignedCheckpoint {
  /** Where it stands, for people. */
  place: string;
  /** It was given from outside, so nobody who can write the stores could change it. */
  isOutside: boolean;
  size: number;
  root: Buffer;
  /** Verifier keys that signed it. */
  keys: string[];
  /** Seconds since 1970 at which witnesses saw it. */
  witnessed: { name: string; time: number }[];
}

export interface OutsideCheckpoint {
  place: string;
  note: string;
}

/**
 * All checkpoints that are signed by a key of the log, in order of size. What is wrong with others goes into the findings.
 * Throws CannotCheckError for one from outside that is no checkpoint or is another log's.
 */
export function collectCheckpoints(
  source: LogSource,
  ring: KeyRing,
  outside: readonly OutsideCheckpoint[],
  findings: Findings,
): SignedCheckpoint[] {
  const collected: SignedCheckpoint[] = [];
  const reader = new CheckpointReader(source.log, ring, findings);
  for (const { place, note } of source.checkpoints()) {
    const found = reader.read(place, note, false);
    if (found) collected.push(found);
  }
  for (const { place, note } of outside) {
    const found = reader.read(place, note, true);
    if (found) collected.push(found);
  }
  return collected.sort((a, b) => a.size - b.size);
}

class CheckpointReader {
  readonly #log: string;
  readonly #ring: KeyRing;
  readonly #findings: Findings;

  constructor(log: string, ring: KeyRing, findings: Findings) {
    this.#log = log;
    this.#ring = ring;
    this.#findings = findings;
  }

  read(place: string, note: string, isOutside: boolean): SignedCheckpoint | undefined {
    const checkpoint = this.#parse(place, note, isOutside);
    if (!checkpoint || !this.#isOfThisLog(checkpoint, place, isOutside)) return undefined;
    const { signers, broken, witnesses } = checkSignatures(checkpoint, this.#ring.keys);
    for (const { text } of broken)
      this.#fault('checkpoint-signature', `The signature of ${place} does not fit the key ${text}.`, checkpoint.size);
    if (signers.length === 0) {
      if (broken.length === 0)
        this.#fault('checkpoint-signature', `${capital(place)} is signed by no key that is known.`, checkpoint.size);
      return undefined;
    }
    if (!signers.some((key) => this.#ring.isInForce(key, checkpoint.size))) {
      const said = `${capital(place)} is signed by a key that was not in force then, ${signers[0]?.text}.`;
      this.#fault('checkpoint-key', said, checkpoint.size);
      return undefined;
    }
    return {
      place,
      isOutside,
      size: checkpoint.size,
      root: checkpoint.root,
      keys: signers.map(({ text }) => text),
      witnessed: witnesses.map(({ key, time }) => ({ name: key.name, time })),
    };
  }

  #parse(place: string, note: string, isOutside: boolean): Checkpoint | undefined {
    try {
      return parseCheckpoint(note);
    } catch (error) {
      if (!(error instanceof MalformedNoteError)) throw error;
      const what = `${capital(place)} is no checkpoint: ${error.message}.`;
      if (isOutside) throw new CannotCheckError(what);
      this.#findings.add({ weight: 'fault', kind: 'checkpoint-malformed', count: 1, what });
      return undefined;
    }
  }

  #isOfThisLog({ origin }: Checkpoint, place: string, isOutside: boolean): boolean {
    if (origin === this.#log) return true;
    const what = `${capital(place)} is of another log, ${origin}; this one is ${this.#log}.`;
    if (isOutside) throw new CannotCheckError(`${what} Give a checkpoint of this log.`);
    this.#findings.add({ weight: 'fault', kind: 'checkpoint-origin', count: 1, what });
    return false;
  }

  #fault(kind: string, what: string, size: number): void {
    this.#findings.add({ weight: 'fault', kind, count: 1, what: `${what} (It is of ${size} events.)` });
  }
}

function capital(place: string): string {
  return place.charAt(0).toUpperCase() + place.slice(1);
}
