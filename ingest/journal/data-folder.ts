// Makes the data folder, one level after the other: Node's own recursive mkdir never returns below /proc.
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { LogError } from '../errors.ts';

/** Makes a folder for its owner alone where there is none. Throws LogError data-folder-not-writable. */
export function makeDataFolder(folder: string): void {
  try {
    makeFolder(path.resolve(folder));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new LogError('data-folder-not-writable', `The data folder ${folder} cannot be made: ${reason}.`, {
      cause: error,
    });
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EEXIST') return;
    const parent = path.dirname(folder);
    if (code !== 'ENOENT' || parent === folder || existsSync(parent)) throw error;
    makeFolder(parent);
    mkdirSync(folder, { mode: 0o700 });
  }
}
