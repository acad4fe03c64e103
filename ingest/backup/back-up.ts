// Backs up a data folder while it is in use: first what ClickHouse holds, then the SQLite file, so that the journal of a
// backup is never behind its ClickHouse. The folder gets its name when everything in it is on the disk.
import { existsSync, realpathSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { systemClock } from '../clock.ts';
import { LogError } from '../errors.ts';
import { DATA_VERSION } from '../journal/schema.ts';
import { JournalSnapshot } from '../journal/snapshot.ts';
import { JOURNAL_FILE } from '../journal/writer.ts';
import type { ChangeLog } from '../log.ts';
import { expiredOf } from '../retention/tombstones.ts';
import { isFull } from '../system-error.ts';
import { type FrozenTables, freezeTables, thawTables } from './clickhouse-parts.ts';
import { syncPath } from './copy.ts';
import { copyOnThread } from './copy-thread.ts';
import { type BackupRecord, forgetBackup, recordBackup, recordOf } from './list.ts';
import { type BackupFile, MANIFEST_FILE, type Manifest, writeManifest } from './manifest.ts';

/** A backup whose journal was trimmed while it was being made is made once more, so often. */
const ATTEMPTS = 3;
/** All at once: otherwise SQLite begins anew whenever something is accepted meanwhile. */
const ALL_PAGES = 2 ** 31 - 1;
const INCOMPLETE = '.incomplete';
/** Of one process, or made by it again. */
const LEFT_OUT = /^(metatrail\.sqlite.*|lock\.sqlite.*|service\.json.*|.*\.log)$/;

/**
 * Makes a backup in `folder`, which must not be there yet, and remembers it in the journal. `onCopied` is waited for before
 * the folder has its name. One at a time: two at once would freeze ClickHouse's parts under one name. Throws LogError:
 * backup-failed (nothing is left that looks like a backup) and what ClickHouse says.
 */
export function backUp(
  log: ChangeLog,
  folder: string,
  program: string,
  onCopied: OnCopied = async () => undefined,
): Promise<BackupRecord> {
  return log.eraser.copying.run(() => backUpInTurn(log, folder, program, onCopied));
}

type OnCopied = (record: BackupRecord) => Promise<void>;

async function backUpInTurn(
  log: ChangeLog,
  folder: string,
  program: string,
  onCopied: OnCopied,
): Promise<BackupRecord> {
  const place = path.resolve(folder);
  const incomplete = `${place}${INCOMPLETE}`;
  await refuseTaken(place);
  await makeFolder(incomplete);
  try {
    const manifest = await copyAll(log, incomplete, place, program);
    const record = recordOf(place, manifest);
    // On the list before it is there: an erasure has to name every backup, and a list that lacks one would hide it.
    await recordBackup(log.journal, record);
    await onCopied(record)
      .then(() => finish(incomplete, place, manifest))
      .catch((error: unknown) => takeBack(error, place, () => forgetBackup(log.journal, place)));
    return record;
  } catch (error) {
    return await takeBack(error, place, () => rm(incomplete, { recursive: true, force: true }));
  }
}

/** Takes back what was begun, and throws what went wrong first; what could not be taken back is said after that. */
async function takeBack(error: unknown, place: string, work: () => Promise<unknown>): Promise<never> {
  const first = asBackupError(error, place);
  try {
    await work();
  } catch (second) {
    const said = `${first.message} Nor could what was begun be taken back: ${reasonOf(second)}.`;
    throw new LogError(first.code, said, { retryable: first.retryable, cause: first });
  }
  throw first;
}

async function refuseTaken(place: string): Promise<void> {
  const names = await readdir(place).catch(() => undefined);
  if (names === undefined) return;
  throw new LogError('backup-failed', `${place} is there already; each backup has a folder of its own.`);
}

async function makeFolder(incomplete: string): Promise<void> {
  try {
    await mkdir(path.dirname(incomplete), { recursive: true, mode: 0o700 });
    await mkdir(incomplete, { mode: 0o700 });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw asBackupError(error, incomplete);
    const said = `${incomplete} was left by a backup that did not end, or another is being made there; remove it if not.`;
    throw new LogError('backup-failed', said);
  }
}

async function copyAll(log: ChangeLog, folder: string, place: string, program: string): Promise<Manifest> {
  for (let attempt = 1; ; attempt++) {
    const thaw = () => thawTables(log.journal.folder);
    const manifest = await copyOnce(log, folder, program).catch((error: unknown) => takeBack(error, place, thaw));
    await thaw();
    const { firstRow } = readSnapshot(folder);
    // Between the two copies events may have been delivered, and their rows trimmed: those would be in neither.
    if (firstRow <= manifest.delivered) return manifest;
    if (attempt === ATTEMPTS)
      throw new LogError('backup-failed', 'The journal is trimmed faster than a backup is made.', { retryable: true });
    for (const name of await readdir(folder)) await rm(path.join(folder, name), { recursive: true });
  }
}

async function copyOnce(log: ChangeLog, folder: string, program: string): Promise<Manifest> {
  const { journal, clickhouse, shipper } = log;
  const delivered = shipper.shipped;
  const tables = clickhouse.embedded ? await freezeTables(clickhouse, journal.folder) : undefined;
  const expected = delivered - (expiredOf(journal)?.below ?? 0);
  if (tables && tables.events < expected)
    throw new LogError('backup-failed', `Of ${expected} events in ClickHouse only ${tables.events} can be copied.`);
  await copyDatabase(journal.folder, folder);
  const files = await copyFiles([...(tables?.files ?? []), ...(await otherFiles(journal.folder))], folder);
  const { size, root } = readSnapshot(folder);
  return {
    format: 1,
    madeAt: systemClock(),
    program,
    dataVersion: DATA_VERSION,
    log: journal.log,
    size,
    root,
    delivered,
    clickhouse: tables?.clickhouse ?? { kind: 'server' },
    checkpointKey: placeOfKey(log, files),
    files,
  };
}

/** The file of the key that signs checkpoints: its name, where it is among the files of the backup, or its path. */
function placeOfKey({ journal, checkpoints }: ChangeLog, files: readonly BackupFile[]): string {
  // Not there: somebody took it away, and the backup that lacks it has to be made nevertheless.
  const file = existsSync(checkpoints.keyFile) ? realpathSync(checkpoints.keyFile) : checkpoints.keyFile;
  const name = path.basename(file);
  const isIn = path.dirname(file) === realpathSync(journal.folder) && files.some((each) => each.path === name);
  return isIn ? name : file;
}

/** Copies files beside the journal, which is there already, and sees to it that all are on the disk. */
async function copyFiles(files: FrozenTables['files'], folder: string): Promise<BackupFile[]> {
  const { copied, hashed } = await copyOnThread({
    copies: files.map((file) => ({ from: file.from, to: path.join(folder, file.path) })),
    hash: path.join(folder, JOURNAL_FILE),
    sync: folder,
  });
  const listed = files.flatMap((file, i) => {
    const copy = copied[i];
    return copy ? [{ path: file.path, ...copy }] : [];
  });
  return [{ path: JOURNAL_FILE, ...hashed }, ...listed];
}

/** SQLite's online backup, in one step on a thread of libuv: the writer goes on meanwhile. */
async function copyDatabase(dataFolder: string, folder: string): Promise<void> {
  const source = new DatabaseSync(path.join(dataFolder, JOURNAL_FILE), { readOnly: true });
  const target = path.join(folder, JOURNAL_FILE);
  // The keys are in it.
  await (await open(target, 'wx', 0o600)).close();
  try {
    await backup(source, target, { rate: ALL_PAGES });
  } finally {
    source.close();
  }
  const copy = new DatabaseSync(target);
  try {
    // One file without a companion, which can be carried about.
    copy.exec('PRAGMA journal_mode = DELETE');
  } finally {
    copy.close();
  }
}

/** The other files of the data folder, such as keys: small ones, beside the journal. */
async function otherFiles(dataFolder: string): Promise<FrozenTables['files']> {
  const entries = await readdir(dataFolder, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && !LEFT_OUT.test(entry.name))
    .map(({ name }) => ({ from: path.join(dataFolder, name), path: name }));
}

function readSnapshot(folder: string): { size: number; root: string; firstRow: number } {
  const snapshot = new JournalSnapshot(folder);
  try {
    return { size: snapshot.size, root: snapshot.root(), firstRow: snapshot.firstRow };
  } finally {
    snapshot.close();
  }
}

/** Everything is on the disk before the manifest is, and the manifest before the folder has its name. */
async function finish(incomplete: string, place: string, manifest: Manifest): Promise<void> {
  const handle = await open(path.join(incomplete, MANIFEST_FILE), 'wx', 0o600);
  try {
    await handle.writeFile(writeManifest(manifest));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await syncPath(incomplete);
  await rename(incomplete, place);
  await syncPath(path.dirname(place));
}

/** SQLITE_FULL, and what a limit of the file size looks like. */
const SQLITE_FULL = [13, 778];

function asBackupError(error: unknown, place: string): LogError {
  if (error instanceof LogError) return error;
  const sqlite = error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode : 0;
  if (isFull(error) || SQLITE_FULL.includes(sqlite))
    return new LogError('backup-failed', `The disk of ${place} is full.`, { cause: error });
  return new LogError('backup-failed', `The backup ${place} could not be made: ${reasonOf(error)}.`, { cause: error });
}

function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\.$/, '');
}
