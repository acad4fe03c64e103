// Looks through every file below a folder, and keeps apart what was searched, what could not be and what is a backup.
import { readdirSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { hasCode } from '../system-error.ts';
import { type FoundBackup, isBundleWithKeys, isOfBundleProof, isPart, readBackup } from './copies.ts';
import { type Outcome, searchBytes, searchUnpacked } from './file-streams.ts';
import { packedByName, packedFormat } from './packed.ts';
import type { SoughtInFiles } from './stream-search.ts';
import { type ErasedKeys, isSqlite, searchTables } from './table-search.ts';

/** What the data folder itself has in it: a word that is in one of these names is nobody's. */
const OWN_NAMES =
  /^(metatrail\.sqlite|lock\.sqlite|service\.json|checkpoint|bundle\.json|backup\.json|keys\.jsonl|tombstones\.jsonl)/;

export interface FileSearchResult {
  /** Files that were searched to their end, and their bytes; without those of the embedded ClickHouse, and what could not be searched. */
  files: number;
  bytes: number;
  found: string[];
  /** Each with its reason in brackets. */
  notSearched: string[];
  backups: { folder: string; madeAt: number }[];
  /** Files that could not be read to their end, and places that are not there. */
  unread: string[];
  /** Folders of parts in the embedded ClickHouse. */
  parts: string[];
}

/** Files of a part that hold nothing but a number, which may look like somebody's. */
const PART_NUMBERS = /^(count|metadata_version)\.txt$/;

/** What a folder is below of. */
interface Around {
  backups: readonly FoundBackup[];
  /** Of what looks like a part of ClickHouse, whose files are packed in a way of their own. */
  isInPart: boolean;
}

export class FileSearcher {
  readonly result: FileSearchResult = {
    files: 0,
    bytes: 0,
    found: [],
    notSearched: [],
    backups: [],
    parts: [],
    unread: [],
  };
  readonly #sought: SoughtInFiles;
  readonly #erased: ErasedKeys;
  readonly #store: string;
  readonly #seen = new Set<string>();
  readonly #places: string[] = [];

  constructor(sought: SoughtInFiles, erased: ErasedKeys, store: string) {
    this.#sought = sought;
    this.#erased = erased;
    this.#store = store;
  }

  /** A file, or a folder with all below it; nothing that was looked through before. */
  async searchBelow(place: string): Promise<void> {
    const status = statSync(place, { throwIfNoEntry: false });
    if (status?.isFile()) return this.#searchOnce(place, true);
    if (!status?.isDirectory()) return void this.result.unread.push(place);
    const real = realpathSync(place);
    this.#places.push(real);
    await this.#searchFolder(real, { backups: [], isInPart: false });
  }

  async #searchFolder(folder: string, around: Around): Promise<void> {
    if (this.#seen.has(folder)) return;
    this.#seen.add(folder);
    const within = folder === this.#store || this.#isOfStore(folder);
    const isOfBackup = around.backups.some(({ files }) => files.has(path.join(folder, 'columns.txt')));
    const isStrayPart = !within && !isOfBackup && isPart(folder);
    if (isStrayPart && !around.isInPart) this.#leaveOut(this.#aroundPart(folder), 'parts of ClickHouse');
    // A projection is a folder within its part.
    if (within && !folder.endsWith('.proj') && isPart(folder)) this.result.parts.push(folder);
    const backup = readBackup(folder);
    if (backup) this.result.backups.push({ folder, madeAt: backup.madeAt });
    if (isBundleWithKeys(folder, this.#erased)) this.result.found.push(`${folder} (a bundle with their keys)`);
    const backups = backup ? [...around.backups, backup] : around.backups;
    // Whether it is a part only ClickHouse knows: its files are looked at like any others.
    const isInPart = isStrayPart || around.isInPart;
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const file = path.join(folder, entry.name);
      if (entry.isDirectory()) await this.#orUnread(file, () => this.#searchFolder(file, { backups, isInPart }));
      else if (entry.isSymbolicLink()) this.#followLink(file);
      else if (entry.isFile() && !backups.some(({ files }) => files.has(file))) await this.#searchOnce(file, !isInPart);
    }
  }

  /** A table has many parts, in one folder. */
  #aroundPart(folder: string): string {
    return this.#places.includes(folder) ? folder : path.dirname(folder);
  }

  /** What it leads to is looked through when it is below one of the places, and not from here. */
  #followLink(link: string): void {
    try {
      const target = realpathSync(link);
      if (this.#places.some((place) => target === place || target.startsWith(`${place}${path.sep}`))) return;
    } catch (error) {
      // A link to nothing has nothing.
      if (!hasCode(error, 'ENOENT')) this.#leaveOut(link, 'a link that cannot be followed');
      return;
    }
    this.#leaveOut(link, 'a link to somewhere else');
  }

  /** Where ClickHouse is a server, there is no such folder. */
  #isOfStore(place: string): boolean {
    return this.#store !== '' && place.startsWith(`${this.#store}${path.sep}`);
  }

  #leaveOut(file: string, reason: string): void {
    const said = `${file} (${reason})`;
    if (!this.result.notSearched.includes(said)) this.result.notSearched.push(said);
  }

  /** `counts`: when nothing is found, it was searched. */
  async #searchOnce(file: string, counts: boolean): Promise<void> {
    if (this.#seen.has(file)) return;
    this.#seen.add(file);
    const isOfStore = this.#isOfStore(file);
    // A name would say in the error what it must not.
    if (this.#isInName(file, isOfStore)) this.result.found.push(`the name of a file in ${path.dirname(file)}`);
    else await this.#orUnread(file, () => (isOfStore ? this.#searchStore(file) : this.#search(file, counts)));
  }

  async #orUnread(file: string, search: () => Promise<void>): Promise<void> {
    try {
      await search();
    } catch (error) {
      // ClickHouse and the journal may have removed it meanwhile.
      const isGone = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      if (!isGone) this.result.unread.push(file);
    }
  }

  #isInName(file: string, isOfStore: boolean): boolean {
    const name = path.basename(file);
    if (this.#sought.needles.isIn(Buffer.from(name))) return true;
    const isPlain = !isOfStore && !OWN_NAMES.test(name) && /\D/.test(path.parse(name).name);
    return isPlain && this.#sought.words.isWithin(name);
  }

  /** Packed as its parts are, something may still be seen; its tables are searched as tables. */
  async #searchStore(file: string): Promise<void> {
    if (searchBytes(this.#sought, file, false).outcome === 'found') this.result.found.push(file);
  }

  async #search(file: string, counts: boolean): Promise<void> {
    const isNumber = isOfBundleProof(file) || (!counts && PART_NUMBERS.test(path.basename(file)));
    const { head, bytes, ...searched } = searchBytes(this.#sought, file, !isNumber);
    let { outcome } = searched;
    const format = packedFormat(head) ?? packedByName(file);
    if (outcome === 'clean' && isSqlite(head)) outcome = this.#searchTables(file);
    if (outcome === 'clean' && format === 'gzip') outcome = await searchUnpacked(this.#sought, file, bytes);
    else if (outcome === 'clean' && format !== undefined) outcome = { not: format };
    if (outcome === 'found') this.result.found.push(file);
    else if (outcome !== 'clean') this.#leaveOut(file, outcome.not);
    else if (counts) {
      this.result.files += 1;
      this.result.bytes += bytes;
    }
  }

  #searchTables(file: string): Outcome {
    const outcome = searchTables(file, this.#sought, this.#erased);
    return outcome === 'not-searched' ? { not: 'tables of SQLite that cannot be read' } : outcome;
  }
}
