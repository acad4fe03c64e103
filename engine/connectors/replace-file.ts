// Puts a new file in the place of an old one, so that whoever looks sees the old one or the new one, whole, even after
// a power failure: temporary file in the same folder, fsync, rename, fsync of the folder.
import { type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ConnectorError } from '../connector.ts';
import { errorCode, type FileContent, fileStamp } from './input-file.ts';

const NEW_FILE_MODE = 0o644;
const PRIVATE_MODE = 0o600;

/**
 * Writes `text` as the file `path`. `old` is the file's content as it was read: its mode and owner are kept, and when
 * it changed since, nothing is written. Without `old` the file must not be there. Throws ConnectorError.
 */
export async function replaceFile(path: string, text: string, old: FileContent | undefined): Promise<void> {
  // A symbolic link stays one: what it points to is replaced.
  const target = old === undefined ? path : await realpath(path).catch(() => path);
  const folder = dirname(target);
  const temporary = join(folder, `.${basename(target)}.new`);
  try {
    // Left behind by a process that was killed; the engine is the only writer.
    await rm(temporary, { force: true });
    await writeTemporary(temporary, text, old);
    await checkUnchanged(target, old);
    await rename(temporary, target);
    await syncFolder(folder);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined); // the first error is the one to tell
    throw error instanceof ConnectorError ? error : describeFailure(error, target, folder);
  }
}

async function writeTemporary(path: string, text: string, old: FileContent | undefined): Promise<void> {
  const handle = await open(path, 'wx', PRIVATE_MODE);
  try {
    await handle.writeFile(text);
    if (old !== undefined) await keepOwner(handle, old);
    await handle.chmod(old === undefined ? NEW_FILE_MODE : old.mode & 0o7777);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function keepOwner(handle: FileHandle, old: FileContent): Promise<void> {
  const { uid, gid } = await handle.stat();
  if (uid !== old.uid || gid !== old.gid) await handle.chown(old.uid, old.gid);
}

async function checkUnchanged(path: string, old: FileContent | undefined): Promise<void> {
  const now = await stat(path, { bigint: true }).then(fileStamp, (error: unknown) => {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (now === old?.stamp) return;
  throw new ConnectorError(
    'stopped-export-write',
    `${path} was changed by someone else while it was being exported to, so nothing was written: run the export again, and let nobody else write to the file meanwhile.`,
    { retryable: true },
  );
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function describeFailure(error: unknown, path: string, folder: string): ConnectorError {
  const code = errorCode(error);
  const remedies: Record<string, string> = {
    EACCES: `give this process's account the right to write in ${folder}`,
    EPERM: `run this process as the owner of ${path}, or make its account the owner`,
    EROFS: `mount the file system of ${folder} for writing`,
    ENOSPC: `free space on the disk of ${folder}`,
    EDQUOT: `free space on the disk of ${folder}`,
    ENOENT: `create the folder ${folder}`,
    ENOTDIR: `make ${folder} a folder`,
  };
  const remedy = remedies[code] ?? `check the disk of ${folder}`;
  return new ConnectorError(
    'stopped-export-write',
    `${path} was not written, because writing in the folder ${folder} failed (${code}): ${remedy}.`,
    { cause: error },
  );
}
