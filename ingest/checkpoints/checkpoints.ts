// The signed checkpoints of a log: made at intervals when it has grown, when somebody needs one, and at the end. What was
// signed once is never contradicted: a journal that is not what its newest checkpoint says is refused.

import path from 'node:path';
import { systemClock } from '../clock.ts';
import type { LogError } from '../errors.ts';
import type { Journal } from '../journal/journal.ts';
import { asReadError } from '../journal/journal-error.ts';
import { JOURNAL_FILE } from '../journal/writer.ts';
import { proveConsistency, proveInclusion, readLeaf, rootFromTiles } from '../merkle/proof.ts';
import { formatCheckpoint } from './checkpoint.ts';
import { checkNewest, readSigned, type SignedCheckpoint } from './kept-checkpoint.ts';
import { KeyFile } from './key-file.ts';
import { createSigner, formatNote, type NoteSignature, parseNote, type Signer, signNote } from './note.ts';
import { describeRotation, type KeyInUse, takeUpKey } from './rotation.ts';
import { type CheckpointChange, type CheckpointKey, CheckpointReader, type KeptCheckpoint } from './tables.ts';
import { TreeTiles } from './tree-tiles.ts';

/** How old the newest checkpoint of a growing log gets: what came since is not yet signed for. */
export const CHECKPOINT_INTERVAL_MS = 60_000;
/** The key's file in the data folder, unless another is named. */
export const KEY_FILE = 'checkpoint-key';

/** That an event is in the log: `leaf`, put together with each hash of `proof`, comes to `root`. */
export interface InclusionProof {
  sequence: number;
  size: number;
  leaf: Uint8Array;
  root: Uint8Array;
  proof: Uint8Array[];
  /** The checkpoint of this size, where there is one. */
  checkpoint: SignedCheckpoint | undefined;
}

/** That the log of size `to` begins with that of size `from`. */
export interface ConsistencyProof {
  from: number;
  fromRoot: Uint8Array;
  to: number;
  toRoot: Uint8Array;
  proof: Uint8Array[];
  fromCheckpoint: SignedCheckpoint | undefined;
  toCheckpoint: SignedCheckpoint | undefined;
}

export interface Rotation {
  /** The vkeys. */
  old: string;
  new: string;
  /** The sequence of the event that says so. */
  sequence: number;
  /** Signed by both. */
  checkpoint: SignedCheckpoint;
}

export class Checkpoints {
  readonly reader: CheckpointReader;
  /** Why none could be made lately, if so. */
  problem: LogError | undefined;
  readonly #journal: Journal;
  readonly #keyFile: KeyFile;
  readonly #listeners = new Set<(checkpoint: KeptCheckpoint) => void>();
  #signer: Signer;
  /** The key before this one, until a checkpoint has been signed with both. */
  #former: Signer | undefined;
  /** The file of the new key has not taken the place of the old one's yet. */
  #unfinished: boolean;
  #tiles: TreeTiles;
  /** One thing after the other: what is signed depends on what was signed before. */
  #last: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(journal: Journal, reader: CheckpointReader, keyFile: KeyFile, key: KeyInUse, tiles: TreeTiles) {
    this.#journal = journal;
    this.reader = reader;
    this.#keyFile = keyFile;
    this.#signer = key.signer;
    this.#former = key.former;
    this.#unfinished = key.unfinished;
    this.#tiles = tiles;
  }

  /**
   * Takes up the checkpoints of a journal. The key is made at the first start; a rotation that was cut off is finished or
   * undone. Throws LogError: the key is missing, exposed, malformed, wrong or inaccessible, or the journal is not what its
   * newest checkpoint says.
   */
  static async open(journal: Journal, keyFile: string | undefined): Promise<Checkpoints> {
    const reader = new CheckpointReader(path.join(journal.folder, JOURNAL_FILE));
    try {
      const tiles = new TreeTiles(reader.tiles, await journal.frontier());
      checkNewest(reader, tiles, journal.log);
      const file = new KeyFile(keyFile ?? path.join(journal.folder, KEY_FILE), journal.log);
      const key = await takeUpKey(journal, file, reader.keys());
      const checkpoints = new Checkpoints(journal, reader, file, key, tiles);
      if (key.unfinished) await checkpoints.#sign();
      return checkpoints;
    } catch (error) {
      reader.close();
      throw error;
    }
  }

  /** The log's origin. */
  get origin(): string {
    return this.#journal.log;
  }

  /** Where the private key is that signs now. */
  get keyFile(): string {
    return this.#keyFile.file;
  }

  /** The id of the key that signs now. */
  get keyId(): string {
    return this.#signer.verifier.keyId;
  }

  /** The public keys in their order, each with the size from which on it signs. */
  keys(): CheckpointKey[] {
    return this.reader.keys();
  }

  newest(): SignedCheckpoint | undefined {
    return readSigned(this.reader.newest());
  }

  at(size: number): SignedCheckpoint | undefined {
    return readSigned(this.reader.at(size));
  }

  /** The newest checkpoint; one is made first when the log has grown since, or has none. Throws LogError. */
  current(): Promise<SignedCheckpoint> {
    return this.#inTurn(async () => {
      const newest = this.newest();
      return newest?.size === this.#journal.size ? newest : this.#sign();
    });
  }

  /** The tiles of the tree of the newest checkpoint, if not of a larger one. */
  get tiles(): TreeTiles {
    return this.#tiles;
  }

  /** `size`: that of a checkpoint unless given, if need be of one made now. Raises RangeError for an event or a size that is not there. */
  async proveInclusion(sequence: number, size?: number): Promise<InclusionProof> {
    const newest = this.reader.newest();
    const tree = size ?? (newest && newest.size > sequence ? newest : await this.current()).size;
    const tiles = await this.#tilesOf(tree);
    return {
      sequence,
      size: tree,
      leaf: readLeaf(tiles, sequence, tree),
      root: rootFromTiles(tiles, tree),
      proof: proveInclusion(tiles, sequence, tree),
      checkpoint: this.at(tree),
    };
  }

  /** Raises RangeError for a size that is not there, or for `from` greater than `to`. */
  async proveConsistency(from: number, to: number): Promise<ConsistencyProof> {
    const tiles = await this.#tilesOf(to);
    const proof = proveConsistency(tiles, from, to);
    return {
      from,
      fromRoot: rootFromTiles(tiles, from),
      to,
      toRoot: rootFromTiles(tiles, to),
      proof,
      fromCheckpoint: this.at(from),
      toCheckpoint: this.at(to),
    };
  }

  /** A log may have grown beyond its newest checkpoint. */
  async #tilesOf(size: number): Promise<TreeTiles> {
    if (size > this.#tiles.size && size <= this.#journal.size) await this.current();
    if (size > this.#tiles.size) throw new RangeError(`The log has ${this.#journal.size} events, not ${size}.`);
    return this.#tiles;
  }

  /**
   * Takes a new key: an event says so, the next checkpoint is signed with both, then the old private key is gone. Checkpoints
   * of before stay verifiable with the old public key. Throws LogError.
   */
  rotate(initiator: string): Promise<Rotation> {
    return this.#inTurn(async () => {
      // A key on record that the one before it has not signed for yet comes first: its file would be written over.
      if (this.#unfinished) await this.#sign();
      const former = this.#signer;
      const signer = createSigner(this.origin);
      this.#keyFile.writeNext(signer);
      const [old, now] = [former.verifier.vkey, signer.verifier.vkey];
      const facts = { old, new: now, initiator, lost: false, at: systemClock() };
      let sequence: number;
      try {
        ({ first: sequence } = await this.#journal.accept((base) => describeRotation(facts, base)));
      } finally {
        // Not whether the answer came, but what is on record says which key signs.
        if (this.reader.keys().at(-1)?.vkey === now) this.#takeUp({ signer, former, unfinished: true });
        else this.#keyFile.dropNext();
      }
      return { old, new: now, sequence, checkpoint: await this.#sign() };
    });
  }

  /** Adds the signature of somebody else to a checkpoint that is kept; one of each key is enough. Throws LogError. */
  addSignature(size: number, { name, keyId, line }: NoteSignature): Promise<void> {
    return this.#inTurn(async () => {
      const kept = this.reader.at(size);
      if (!kept) return;
      const { text, signatures } = parseNote(kept.note);
      if (signatures.some((known) => known.name === name && known.keyId === keyId)) return;
      const note = formatNote(text, [...signatures.map((known) => known.line), line]);
      await this.#journal.changeCheckpoints([{ kind: 'checkpoint', size, note }]);
    });
  }

  /** Remembers what became of sending checkpoints out. Throws LogError. */
  record(changes: readonly CheckpointChange[]): Promise<void> {
    return this.#journal.changeCheckpoints(changes);
  }

  /** A note with this text, signed by the key that signs now. */
  sign(text: string): string {
    return signNote(text, [this.#signer]);
  }

  /** Calls back with each new checkpoint. Returns how to stop that. */
  onSigned(listener: (checkpoint: KeptCheckpoint) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Signs at intervals from now on, when the log has grown. */
  start(): void {
    this.#timer = setInterval(() => void this.#signIfGrown(), CHECKPOINT_INTERVAL_MS).unref();
  }

  /** Signs no more at intervals, but once now if the log has grown; `problem` says when that was not possible. */
  async signLast(): Promise<void> {
    if (this.#closed) return;
    clearInterval(this.#timer);
    await this.#signIfGrown();
  }

  /** The journal is still open then. */
  async close(): Promise<void> {
    if (this.#closed) return;
    await this.signLast();
    this.#closed = true;
    await this.#last;
    this.reader.close();
  }

  async #signIfGrown(): Promise<void> {
    try {
      if (this.#journal.size <= (this.reader.newest()?.size ?? 0)) return;
      await this.current();
      this.problem = undefined;
    } catch (error) {
      this.problem = asReadError(error, 'No checkpoint can be made');
    }
  }

  /** Signs for the log as it is now. A new key is announced by a checkpoint that the old one has signed as well. */
  async #sign(): Promise<SignedCheckpoint> {
    const frontier = await this.#journal.frontier();
    const text = formatCheckpoint({ origin: this.origin, size: frontier.size, root: frontier.root });
    const note = signNote(text, this.#former ? [this.#signer, this.#former] : [this.#signer]);
    const kept = { size: frontier.size, note };
    await this.#journal.changeCheckpoints([{ kind: 'checkpoint', ...kept }]);
    this.#tiles = new TreeTiles(this.reader.tiles, frontier);
    if (this.#unfinished) this.#keyFile.promoteNext();
    this.#takeUp({ signer: this.#signer, former: undefined, unfinished: false });
    for (const listener of this.#listeners) listener(kept);
    return { ...kept, root: frontier.root, keyIds: parseNote(note).signatures.map(({ keyId }) => keyId) };
  }

  #takeUp({ signer, former, unfinished }: KeyInUse): void {
    this.#signer = signer;
    this.#former = former;
    this.#unfinished = unfinished;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
