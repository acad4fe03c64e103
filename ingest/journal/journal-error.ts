// What SQLite and the file system say, as a LogError that names the folder or file and what can be done.
import { asLogError, LogError } from '../errors.ts';

/** Primary result codes of SQLite; the byte above them says more. https://sqlite.org/rescode.html */
const SQLITE = { perm: 3, readonly: 8, ioError: 10, corrupt: 11, full: 13, cannotOpen: 14, auth: 23, notADatabase: 26 };
/** SQLITE_IOERR_WRITE and SQLITE_IOERR_SHMSIZE: what a quota or a file size limit looks like. */
const IO_ERRORS_OF_FULL_DISK = [778, 4874];
const FULL_DISK = ['ENOSPC', 'EDQUOT', 'EFBIG'];
const NOT_WRITABLE = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'ENOENT', 'ENAMETOOLONG'];

interface Failure {
  message: string;
  /** The system's name of it, such as ENOSPC. */
  system: string;
  /** SQLite's extended result code; 0: not from SQLite. */
  sqlite: number;
}

function readFailure(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  if (typeof error !== 'object' || error === null) return { message, system: '', sqlite: 0 };
  const system = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const sqlite = 'errcode' in error && typeof error.errcode === 'number' ? error.errcode : 0;
  return { message, system, sqlite };
}

function isFullDisk({ system, sqlite }: Failure): boolean {
  return (sqlite & 0xff) === SQLITE.full || IO_ERRORS_OF_FULL_DISK.includes(sqlite) || FULL_DISK.includes(system);
}

function isNotWritable({ system, sqlite }: Failure): boolean {
  const primary = sqlite & 0xff;
  const { perm, readonly, cannotOpen, auth } = SQLITE;
  return [perm, readonly, cannotOpen, auth].includes(primary) || NOT_WRITABLE.includes(system);
}

function isDamage({ sqlite }: Failure): boolean {
  return [SQLITE.corrupt, SQLITE.notADatabase].includes(sqlite & 0xff);
}

/** A failure while a batch or a fact is being written: nothing of it was kept. */
export function asWriteError(error: unknown): LogError {
  if (error instanceof LogError) return error;
  const failure = readFailure(error);
  return isFullDisk(failure)
    ? new LogError('journal-full', 'The disk of the data folder is full.', { retryable: true, cause: error })
    : new LogError('journal-failed', `The journal could not be written: ${failure.message}.`, { cause: error });
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
  if (isFullDisk(failure)) return asWriteError(error);
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
