// One process a data folder. The lock is an open exclusive transaction on a file of its own: the kernel lets go of it
// when the process ends, however it ends, so nothing stale is ever left behind.
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { LogError } from '../errors.ts';
import { asOpenError } from './journal-error.ts';

const LOCK_FILE = 'lock.sqlite';
const SQLITE_BUSY = 5;

/** Takes the lock and returns its holder; throws LogError data-folder-in-use when another process has it. */
export function lockDataFolder(folder: string): DatabaseSync {
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(path.join(folder, LOCK_FILE));
    lock.exec('PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock?.close();
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY)
      throw new LogError('data-folder-in-use', `The data folder ${folder} is in use by another process.`);
    throw asOpenError(error, folder);
  }
}
