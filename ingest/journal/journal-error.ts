// What SQLite and the file system say, as a LogError that names the folder or file and what can be done.
import { closeSync, fsyncSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';
import { asLogError, LogError } from '../errors.ts';
import { isFull, systemCode } from '../system-error.ts';

/** Primary result codes of SQLite; the byte above them says more. https://sqlite.org/rescode.html */
const SQLITE = { perm: 3, readonly: 8, ioError: 10, corrupt: 11, full: 13, cannotOpen: 14, auth: 23, notADatabase: 26 };
/** SQLITE_IOERR_WRITE and SQLITE_IOERR_SHMSIZE: a quota or a limit of file sizes, or a disk that fails; SQLite does not say. */
const UNEXPLAINED_IO_ERRORS = [778, 4874];
const NOT_WRITABLE = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'ENOENT', 'ENAMETOOLONG'];

interface Failure {
  message: string;
  /** The system's name of it, such as EACCES. */
  system: string;
  isFull: boolean;
  /** SQLite's extended result code; 0: not from SQLite. */
  sqlite: number;
}

function readFailure(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  if (typeof error !== 'object' || error === null) return { message, system: '', isFull: false, sqlite: 0 };
  const sqlite = 'errcode' in error && typeof error.errcode === 'number' ? error.errcode : 0;
  return { message, system: systemCode(error), isFull: isFull(error), sqlite };
}

function isFullDisk({ isFull, sqlite }: Failure, folder: string): boolean {
  if (UNEXPLAINED_IO_ERRORS.includes(sqlite)) return isWithoutRoom(folder);
  return (sqlite & 0xff) === SQLITE.full || isFull;
}

/** More than a page of SQLite, and than what is left of a block. */
const PROBE_BYTES = 65_536;

/** Whether the system gives more room in a data folder: asked by writing there what would make its largest file longer. */
function isWithoutRoom(folder: string): boolean {
  const file = path.join(folder, 'write-probe');
  try {
    const descriptor = openSync(file, 'w', 0o600);
    try {
      const ends = ['metatrail.sqlite', 'metatrail.sqlite-wal'].map(
        (name) => statSync(path.join(folder, name), { throwIfNoEntry: false })?.size ?? 0,
      );
      const written = writeSync(descriptor, Buffer.alloc(PROBE_BYTES), 0, PROBE_BYTES, Math.max(...ends));
      fsyncSync(descriptor);
      return written < PROBE_BYTES;
    } finally {
      closeSync(descriptor);
      rmSync(file);
    }
  } catch (error) {
    return isFull(error);
  }
}

function isNotWritable({ system, sqlite }: Failure): boolean {
  const primary = sqlite & 0xff;
  const { perm, readonly, cannotOpen, auth } = SQLITE;
  return [perm, readonly, cannotOpen, auth].includes(primary) || NOT_WRITABLE.includes(system);
}

function isDamage({ sqlite }: Failure): boolean {
  return [SQLITE.corrupt, SQLITE.notADatabase].includes(sqlite & 0xff);
}

/** A failure while a batch or a fact is being written in a data folder: nothing of it was kept. */
export function asWriteError(error: unknown, folder: string): LogError {
  if (error instanceof LogError) return error;
  const failure = readFailure(error);
  if (isFullDisk(failure, folder))
    return new LogError('journal-full', 'The disk of the data folder is full.', { retryable: true, cause: error });
  const said = `The journal could not be written: ${failure.message}.`;
  if ((failure.sqlite & 0xff) !== SQLITE.ioError) return new LogError('journal-failed', said, { cause: error });
  const where = ` The disk of the data folder ${folder} may be failing: the system's log says more.`;
  return new LogError('journal-failed', said + where, { cause: error });
}

/** A failure while something is read from the journal; `what` begins the sentence. */
export function asReadError(error: unknown, what: string): LogError {
  const failure = readFailure(error);
  if (error instanceof LogError || failure.sqlite === 0) return asLogError(error, what);
  return isDamage(failure)
    ? new LogError('journal-damaged', `${what}: the journal is damaged (${failure.message}).`, { cause: error })
    : new LogError('journal-failed', `${what}: the journal cannot be read (${failure.message}).`, { cause: error });
}

/** A failure while the data folder is being opened. */
export function asOpenError(error: unknown, folder: string): LogError {
  if (error instanceof LogError) return error;
  const failure = readFailure(error);
  if (isFullDisk(failure, folder)) return asWriteError(error, folder);
  if (isNotWritable(failure)) {
    const said = `The data folder ${folder} cannot be written: ${failure.message}.`;
    return new LogError('data-folder-not-writable', said, { cause: error });
  }
  if (isDamage(failure)) {
    const said = `The journal in the data folder ${folder} is damaged: ${failure.message}.`;
    return new LogError('journal-damaged', said, { cause: error });
  }
  return new LogError('journal-failed', `The data folder ${folder} cannot be opened: ${failure.message}.`, {
    cause: error,
  });
}
