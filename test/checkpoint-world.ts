// What the tests of checkpoints share: a journal with its checkpoints, and its SQLite file for those who tamper with it.
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { TestContext } from 'node:test';
import { Checkpoints } from '../ingest/checkpoints/checkpoints.ts';
import { parseNote, parseVerifierKey, verifyNote } from '../ingest/checkpoints/note.ts';
import { Journal } from '../ingest/journal/journal.ts';
import { afterwards, makeBatch, makeFolder } from './ingest-world.ts';

export class CheckpointWorld {
  readonly folder: string;
  readonly journal: Journal;
  readonly checkpoints: Checkpoints;
  #closed = false;

  private constructor(folder: string, journal: Journal, checkpoints: Checkpoints) {
    this.folder = folder;
    this.journal = journal;
    this.checkpoints = checkpoints;
  }

  /** Opens a data folder; the journal is closed again when the checkpoints are refused. */
  static async open(t: TestContext, folder = makeFolder(t), keyFile?: string): Promise<CheckpointWorld> {
    const journal = await Journal.open(folder);
    try {
      const world = new CheckpointWorld(folder, journal, await Checkpoints.open(journal, keyFile));
      afterwards(t, () => world.close());
      return world;
    } catch (error) {
      await journal.close();
      throw error;
    }
  }

  /** Accepts so many events. */
  async grow(count: number): Promise<void> {
    await this.journal.accept((base) => makeBatch(base, count));
  }

  get keyFile(): string {
    return path.join(this.folder, 'checkpoint-key');
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.checkpoints.close();
    await this.journal.close();
  }

  /** The ids of those of these keys that have signed a note; throws when one of them is wrong, or none has. */
  static signers(note: string, vkeys: readonly string[]): string[] {
    const found = verifyNote(
      parseNote(note),
      vkeys.map((vkey) => parseVerifierKey(vkey)),
    );
    return found.map(({ verifier }) => verifier.keyId);
  }
}

/** Changes the SQLite file of a closed data folder behind the program's back. */
export function tamper(folder: string, sql: string): void {
  const database = new DatabaseSync(path.join(folder, 'metatrail.sqlite'), { timeout: 5000 });
  try {
    database.exec(sql);
  } finally {
    database.close();
  }
}
