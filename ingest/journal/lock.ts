// One process a data folder. The lock is an open exclusive transaction on a file of its own: the kernel lets go of it
// when the process ends, however it ends, so nothing stale is ever left behind.
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { LogError } from '../errors.ts';

const LOCK_FILE = 'lock.sqlite';

/** Takes the lock and returns its holder; throws LogError data-folder-in-use when another process has it. */
export function lockDataFolder(folder: string): DatabaseSync {
  let lock: DatabaseSync;
  try {
    lock = new DatabaseSync(path.join(folder, LOCK_FILE));
  } catch (error) {
    throw new LogError('data-folder-not-writable', `The data folder ${folder} cannot be written.`, { cause: error });
  }
  try {
    lock.exec('PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock.close();
    const message = error instanceof Error ? error.message : String(error);
    if (/locked|busy/i.test(message)) {
      throw new LogError('data-folder-in-use', `The data folder ${folder} is in use by another process.`);
    }
    throw new LogError('data-folder-not-writable', `The data folder ${folder} cannot be written: ${message}.`, {
      cause: error,
    });
  }
}
