// The root of each event by its sequence, for those that name it as their cause. The newest million are in memory, older ones
// in a temporary file: the log may be larger than memory.
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const IN_MEMORY = 1 << 20;
const BYTES = 8;
/** Stands for the root of an event whose row is missing. */
export const NO_ROOT = -1;

export class RootIndex {
  readonly #first: number;
  readonly #recent = new Float64Array(IN_MEMORY);
  #count = 0;
  #file: { descriptor: number; folder: string } | undefined;

  /** `first` is the sequence of the first event. */
  constructor(first: number) {
    this.#first = first;
  }

  /** The root of the next event, or NO_ROOT. */
  append(root: number): void {
    const slot = this.#count % IN_MEMORY;
    this.#recent[slot] = root;
    this.#count += 1;
    if (slot === IN_MEMORY - 1) this.#write();
  }

  /** Undefined before the first event, and for one that is yet to come. */
  get(sequence: number): number | undefined {
    const index = sequence - this.#first;
    if (index < 0 || index >= this.#count) return undefined;
    return index >= this.#count - IN_MEMORY ? this.#recent[index % IN_MEMORY] : this.#read(index);
  }

  close(): void {
    if (!this.#file) return;
    closeSync(this.#file.descriptor);
    rmSync(this.#file.folder, { recursive: true, force: true });
    this.#file = undefined;
  }

  #write(): void {
    if (!this.#file) {
      const folder = mkdtempSync(path.join(tmpdir(), 'metatrail-verify-'));
      this.#file = { descriptor: openSync(path.join(folder, 'roots'), 'wx+', 0o600), folder };
    }
    const bytes = Buffer.from(this.#recent.buffer);
    for (let written = 0; written < bytes.length; ) {
      const at = (this.#count - IN_MEMORY) * BYTES + written;
      written += writeSync(this.#file.descriptor, bytes, written, bytes.length - written, at);
    }
  }

  #read(index: number): number | undefined {
    if (!this.#file) return undefined;
    const bytes = Buffer.alloc(BYTES);
    return readSync(this.#file.descriptor, bytes, 0, BYTES, index * BYTES) === BYTES ? bytes.readDoubleLE() : undefined;
  }
}
