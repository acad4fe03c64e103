// A log, or a part of one, as a bundle: a folder that needs neither ClickHouse nor the service, and nothing but Node.
import { BundleKeys } from './bundle-keys.ts';
import { type BundleManifest, findFile, readManifest, readSmallFile, sha256Of } from './bundle-manifest.ts';
import { readRows } from './bundle-rows.ts';
import { readTombstones } from './bundle-tombstones.ts';
import { CannotCheckError } from './cannot-check.ts';
import type { Findings } from './findings.ts';
import { TILE_BYTES } from './merkle.ts';
import { RootIndex } from './root-index.ts';
import { RowChunks } from './row-chunks.ts';
import type { Chunk, KeptTombstone, LogSource } from './source.ts';

const TOMBSTONES = 'tombstones.jsonl';
const LARGEST_NOTE = 1_000_000;
const LARGEST_TOMBSTONES = 64 * 1024 * 1024;
/** Some 100 bytes a key. */
const LARGEST_KEYS = 512 * 1024 * 1024;
/** A file of rows may hold some more lines than it should: they are counted as faults, but not without end. */
const SURPLUS_LINES = 1000;

export class Bundle implements LogSource {
  readonly where: string;
  readonly log: string;
  readonly first: number;
  readonly size: number;
  readonly isPart = true;
  readonly publicKeys: string;
  readonly tombstones: readonly KeptTombstone[];
  readonly partitionEvents: number;
  readonly #manifest: BundleManifest;
  readonly #keys: BundleKeys;
  readonly #changed = new Set<string>();
  /** The tile read last of each level: hashes of one are asked for one after the other. */
  readonly #lastTile = new Map<number, { index: number; hashes: Buffer | undefined }>();

  /** Opens a bundle's folder. Throws CannotCheckError. */
  constructor(folder: string) {
    this.#manifest = readManifest(folder);
    this.where = `the bundle ${folder}`;
    this.log = this.#manifest.log;
    this.first = this.#manifest.first;
    this.size = this.#manifest.size;
    this.partitionEvents = this.#manifest.partitionEvents;
    this.tombstones = this.#manifest.files.has(TOMBSTONES)
      ? readTombstones(this.#read(TOMBSTONES, LARGEST_TOMBSTONES).toString('utf8'))
      : [];
    this.publicKeys = this.#read('public-keys', LARGEST_NOTE).toString('utf8');
    this.#keys = new BundleKeys(this.#read('keys.jsonl', LARGEST_KEYS).toString('utf8'));
  }

  *checkpoints(): Iterable<{ place: string; note: string }> {
    const names = [...this.#manifest.files.keys()].filter((name) => /^checkpoint(s\/\d+)?$/.test(name));
    for (const name of names)
      yield { place: `${name} of the bundle`, note: this.#read(name, LARGEST_NOTE).toString('utf8') };
  }

  tile(level: number, index: number): Buffer | undefined {
    const last = this.#lastTile.get(level);
    if (last?.index === index) return last.hashes;
    const hashes = this.#readTile(level, index);
    this.#lastTile.set(level, { index, hashes });
    return hashes;
  }

  keyOf = (number: number): Uint8Array | undefined => this.#keys.get(number);

  async *chunks(findings: Findings): AsyncIterable<Chunk> {
    const roots = new RootIndex(this.first);
    try {
      yield* this.#readChunks(
        new RowChunks({ log: this.log, first: this.first, keyOf: this.keyOf, findings, roots }),
        findings,
      );
    } finally {
      roots.close();
    }
  }

  async checkRest(findings: Findings): Promise<{ rollups: [] }> {
    for (const name of this.#changed) {
      const what = `${name} of the bundle has another SHA-256 than bundle.json says: it was altered or damaged after the export.`;
      findings.add({ weight: 'fault', kind: 'file-altered', count: 1, what });
    }
    return { rollups: [] };
  }

  async close(): Promise<void> {}

  async *#readChunks(chunks: RowChunks, findings: Findings): AsyncIterable<Chunk> {
    const files = [...this.#manifest.files.keys()].filter((name) => name.startsWith('rows/')).sort();
    for (const [index, name] of files.entries()) {
      const begin = Number(name.slice('rows/'.length, -'.jsonl.gz'.length));
      const following = files[index + 1];
      const end = following ? Number(following.slice('rows/'.length, -'.jsonl.gz'.length)) : this.size;
      let lines = 0;
      const file = findFile(this.#manifest.folder, name);
      for await (const rows of readRows(file, name, (hash) => this.#note(name, hash))) {
        lines += rows.length;
        if (lines > end - begin + SURPLUS_LINES)
          throw new CannotCheckError(`${name} of the bundle has more lines than events; ask for the bundle again.`);
        for (const row of rows) {
          if (row.sequence < this.size) yield* chunks.add(row);
          else findings.events('beyond-the-end', 'stands in the bundle, but after its end', row.sequence);
        }
      }
    }
    yield* chunks.skipTo(this.size);
    yield* chunks.finish();
  }

  #readTile(level: number, index: number): Buffer | undefined {
    const whole = tilePath(level, index);
    if (this.#manifest.files.has(whole)) return this.#read(whole, TILE_BYTES);
    const partial = [...Array(255).keys()]
      .map((i) => `${whole}.p/${255 - i}`)
      .find((name) => this.#manifest.files.has(name));
    return partial === undefined ? undefined : this.#read(partial, TILE_BYTES);
  }

  #read(name: string, largest: number): Buffer {
    const bytes = readSmallFile(this.#manifest.folder, name, largest);
    this.#note(name, sha256Of(bytes));
    return bytes;
  }

  #note(name: string, sha256: string): void {
    if (this.#manifest.files.get(name) !== sha256) this.#changed.add(name);
  }
}

/** C2SP tlog-tiles: 1234067 is x001/x234/067. */
function tilePath(level: number, index: number): string {
  const digits = String(index);
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/\d{3}/g) ?? [];
  return `tile/${level}/${groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join('/')}`;
}
