// Copies files and knows them by their hash; `syncTree` sees to it that they are on the disk.
import { createHash } from 'node:crypto';
import { constants, type Dirent } from 'node:fs';
import { mkdir, open, readdir } from 'node:fs/promises';
import path from 'node:path';

const CHUNK_BYTES = 1024 * 1024;
const FILES_AT_ONCE = 32;

export interface Copied {
  bytes: number;
  sha256: string;
}

/** Copies a file for its owner alone, folders made as needed; the copy must not be there yet. */
export async function copyFile(from: string, to: string): Promise<Copied> {
  await mkdir(path.dirname(to), { recursive: true, mode: 0o700 });
  const source = await open(from, 'r');
  try {
    const target = await open(to, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
    try {
      return await copyChunks(source, target);
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

type Handle = Awaited<ReturnType<typeof open>>;

async function copyChunks(source: Handle, target: Handle): Promise<Copied> {
  const hash = createHash('sha256');
  const buffer = Buffer.alloc(CHUNK_BYTES);
  let bytes = 0;
  for (;;) {
    const { bytesRead } = await source.read(buffer, 0, CHUNK_BYTES, null);
    if (bytesRead === 0) break;
    const chunk = buffer.subarray(0, bytesRead);
    hash.update(chunk);
    for (let written = 0; written < bytesRead; )
      written += (await target.write(chunk, written, bytesRead - written)).bytesWritten;
    bytes += bytesRead;
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** Size and hash of a file that is there. */
export async function hashFile(file: string): Promise<Copied> {
  const source = await open(file, 'r');
  try {
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const chunk of source.createReadStream({ autoClose: false, highWaterMark: CHUNK_BYTES })) {
      hash.update(chunk);
      bytes += chunk.length;
    }
    return { bytes, sha256: hash.digest('hex') };
  } finally {
    await source.close();
  }
}

/** A file, or the names in a folder: they are on the disk only when the folder is. */
export async function syncPath(place: string): Promise<void> {
  const handle = await open(place, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Everything in a folder and below it. Several files at a time: the file system then writes them together. */
export async function syncTree(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const paths = (isWanted: (entry: Dirent) => boolean) =>
    entries.filter(isWanted).map((entry) => path.join(entry.parentPath, entry.name));
  const files = paths((entry) => entry.isFile());
  for (let from = 0; from < files.length; from += FILES_AT_ONCE)
    await Promise.all(files.slice(from, from + FILES_AT_ONCE).map(syncPath));
  for (const each of paths((entry) => entry.isDirectory())) await syncPath(each);
  await syncPath(folder);
}
