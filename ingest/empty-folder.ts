// A data folder that is made beside its place, and gets its name when everything is in it. Nothing that is there gives way
// to it: no file, nothing that a link leads to, nothing that somebody puts there meanwhile.
import { readdir, realpath, rename, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { syncPath } from './backup/copy.ts';
import { LogError, type LogErrorCode } from './errors.ts';
import { hasCode } from './system-error.ts';

/** Where the folder is, or leads to if it is a link. Throws LogError with this code unless it is empty or not there. */
export async function findEmptyPlace(folder: string, code: LogErrorCode): Promise<string> {
  const given = path.resolve(folder);
  let place: string;
  let names: string[];
  try {
    place = await realpath(given);
    names = await readdir(place);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return given;
    const reason = error instanceof Error ? error.message : String(error);
    throw new LogError(code, `The folder ${given} cannot be used: ${reason}.`, { cause: error });
  }
  if (names.length > 0) throw notEmpty(place, code);
  return place;
}

/** Gives the folder that was made its name, on the disk too. Throws LogError when there is something at its place by now. */
export async function giveName(made: string, place: string, code: LogErrorCode): Promise<void> {
  try {
    await rmdir(place);
  } catch (error) {
    if (hasCode(error, 'ENOTEMPTY', 'ENOTDIR')) throw notEmpty(place, code);
    if (!hasCode(error, 'ENOENT')) throw error;
  }
  await rename(made, place);
  await syncPath(path.dirname(place));
}

function notEmpty(place: string, code: LogErrorCode): LogError {
  return new LogError(code, `The folder ${place} is not empty; name one that is empty or not there.`);
}
