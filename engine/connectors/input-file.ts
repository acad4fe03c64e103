// Reads an input file whole, through one handle, and makes sure that it did not change meanwhile: what is hashed is
// what is parsed. Every way in which that can fail has its own code and says what to do.
import { createHash } from 'node:crypto';
import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { systemCode } from '../../ingest/system-error.ts';
import { ConnectorError, type InputFile } from '../connector.ts';

/** Entries and text are held in memory while they are staged; a larger input would be a wrong file or need splitting. */
const MAX_INPUT_BYTES = 2 ** 30;
const READ_CHUNK_BYTES = 8 * 2 ** 20;

export interface FileContent {
  input: InputFile;
  bytes: Buffer;
  /** Names this state of this file; another one after any change to it. */
  stamp: string;
  mode: number;
  uid: number;
  gid: number;
}

/** Throws ConnectorError; changes nothing. */
export async function readInputFile(path: string): Promise<FileContent> {
  const handle = await openInputFile(path);
  try {
    return await readHandle(handle, path);
  } catch (error) {
    if (error instanceof ConnectorError) throw error;
    throw new ConnectorError(
      'stopped-import-read',
      `${path} could not be read to its end (${errorCode(error)}): check the disk or the share that it is on.`,
      { cause: error },
    );
  } finally {
    await handle.close();
  }
}

export function fileStamp(stats: BigIntStats): string {
  return [stats.dev, stats.ino, stats.size, stats.mtimeNs].join(':');
}

/** The error code of a failed system call, for messages: "ENOSPC". */
export function errorCode(error: unknown): string {
  return systemCode(error) || 'unknown error';
}

/** The error for a file or folder that cannot be opened, with a code of MIM. */
export function openError(path: string, what: 'file' | 'folder', error: unknown): ConnectorError {
  const code = errorCode(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new ConnectorError(
      'no-start-file-not-found',
      `The ${what} ${path} is not there: put it back, or correct its path in the agent's settings.`,
      { cause: error },
    );
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new ConnectorError(
      'no-start-file-access-denied',
      `The ${what} ${path} may not be read by this process: give its account the right to read it.`,
      { cause: error },
    );
  }
  return new ConnectorError(
    'no-start-file-open',
    `The ${what} ${path} could not be opened (${code}): check that it is a ${what} and that its disk is there.`,
    { cause: error },
  );
}

async function openInputFile(path: string): Promise<FileHandle> {
  try {
    // Without O_NONBLOCK opening a named pipe would wait for ever for someone to write to it.
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw openError(path, 'file', error);
  }
}

async function readHandle(handle: FileHandle, path: string): Promise<FileContent> {
  const before = await handle.stat({ bigint: true });
  if (!before.isFile()) {
    throw new ConnectorError(
      'no-start-file-open',
      `${path} is not a regular file: name a file in the agent's settings.`,
    );
  }
  if (before.size === 0n) {
    throw new ConnectorError(
      'stopped-import-read',
      `${path} is empty: zero bytes, not even a header; an interrupted transfer looks like this, so transfer it again.`,
    );
  }
  if (before.size > BigInt(MAX_INPUT_BYTES)) {
    throw new ConnectorError(
      'stopped-import-read',
      `${path} has ${before.size} bytes, more than the ${MAX_INPUT_BYTES} (1 GiB) that one import reads: split it among several agents.`,
    );
  }
  const bytes = await readAll(handle, Number(before.size));
  const after = await handle.stat({ bigint: true });
  if (fileStamp(before) !== fileStamp(after) || bytes.length !== Number(before.size)) {
    throw new ConnectorError(
      'stopped-import-read',
      `${path} changed while it was being read, so it was not used: write it elsewhere and move it into its place when it is complete.`,
      { retryable: true },
    );
  }
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const input = { name: basename(path), bytes: bytes.length, sha256 };
  return {
    input,
    bytes,
    stamp: fileStamp(after),
    mode: Number(after.mode),
    uid: Number(after.uid),
    gid: Number(after.gid),
  };
}

async function readAll(handle: FileHandle, size: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(size);
  let length = 0;
  while (length < size) {
    const { bytesRead } = await handle.read(bytes, length, Math.min(READ_CHUNK_BYTES, size - length), length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return bytes.subarray(0, length);
}
