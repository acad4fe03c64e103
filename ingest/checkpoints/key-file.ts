// The file of the private key that signs the checkpoints: one line, for its owner alone. During a rotation the new key lies
// beside it, as <file>.next, until the log says that it holds and the old key has signed over to it.
import {
  closeSync,
  fchmodSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { LogError } from '../errors.ts';
import { NoteError, parseSignerKey, type Signer } from './note.ts';

/** Any right of the group or of others. */
const OTHERS = 0o077;

export class KeyFile {
  readonly file: string;
  /** The name under which the key signs: the log's origin. */
  readonly #origin: string;

  constructor(file: string, origin: string) {
    this.file = followLink(file);
    this.#origin = origin;
  }

  /** Undefined when there is no file. Throws LogError: exposed, malformed, of another log, inaccessible. */
  read(): Signer | undefined {
    return this.#read(this.file);
  }

  /** The key of a rotation that was not finished. */
  readNext(): Signer | undefined {
    return this.#read(this.#next);
  }

  /** Makes the file, whole or not at all, also after a power failure. Throws LogError checkpoint-key-inaccessible. */
  write(signer: Signer): void {
    this.writeNext(signer);
    this.promoteNext();
  }

  writeNext(signer: Signer): void {
    this.#attempt(this.#next, () => {
      rmSync(this.#next, { force: true });
      const file = openSync(this.#next, 'wx', 0o600);
      try {
        // Whatever the mask of the process says.
        fchmodSync(file, 0o600);
        writeSync(file, `${signer.secretText()}\n`);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      syncFolder(this.#next);
    });
  }

  /** The new key takes the place of the old one, which is gone then. */
  promoteNext(): void {
    this.#attempt(this.file, () => {
      renameSync(this.#next, this.file);
      syncFolder(this.file);
    });
  }

  dropNext(): void {
    this.#attempt(this.#next, () => rmSync(this.#next, { force: true }));
  }

  get #next(): string {
    return `${this.file}.next`;
  }

  #read(file: string): Signer | undefined {
    const text = this.#attempt(file, () => readOwn(file));
    if (text === undefined) return undefined;
    const signer = parseKey(file, text);
    const { name } = signer.verifier;
    if (name !== this.#origin)
      throw new LogError(
        'checkpoint-key-wrong',
        `The checkpoint key ${file} is of the log ${name}, not of ${this.#origin}.`,
      );
    return signer;
  }

  #attempt<T>(file: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (error instanceof LogError) throw error;
      const said = error instanceof Error && 'code' in error ? String(error.code) : String(error);
      throw new LogError(
        'checkpoint-key-inaccessible',
        `The checkpoint key ${file} cannot be read or written (${said}).`,
        {
          cause: error,
        },
      );
    }
  }
}

/** A key may be a link to where secrets are kept: it is changed there, or the old one would stay behind. */
function followLink(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    // Not there yet; or whoever reads it says why that is not possible.
    return file;
  }
}

/** The text of a file that nobody else may read; undefined when there is none. */
function readOwn(file: string): string | undefined {
  const found = statSync(file, { throwIfNoEntry: false });
  if (!found) return undefined;
  if ((found.mode & OTHERS) !== 0) {
    const mode = (found.mode & 0o777).toString(8);
    throw new LogError(
      'checkpoint-key-exposed',
      `Others than its owner may read or change the checkpoint key ${file} (mode ${mode}).`,
    );
  }
  return readFileSync(file, 'utf8');
}

function parseKey(file: string, text: string): Signer {
  try {
    return parseSignerKey(text.trimEnd());
  } catch (error) {
    if (error instanceof NoteError)
      throw new LogError('checkpoint-key-malformed', `The file ${file} holds no checkpoint key.`);
    throw error;
  }
}

/** A rename is durable when its folder is. */
function syncFolder(file: string): void {
  const folder = openSync(path.dirname(file), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
