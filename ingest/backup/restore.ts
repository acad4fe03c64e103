// Makes a data folder of a backup, on this machine or another. Every file is held against its hash while it is copied, the
// log against the root that the manifest names, and the folder gets its name only then.
import { lstat, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import { type ClickHouse, openClickHouse } from '../clickhouse/connect.ts';
import { findEmptyPlace, giveName } from '../empty-folder.ts';
import { LogError } from '../errors.ts';
import { DATA_VERSION } from '../journal/schema.ts';
import { JournalSnapshot } from '../journal/snapshot.ts';
import { JOURNAL_FILE } from '../journal/writer.ts';
import { partitionEvents } from '../retention/tombstones.ts';
import { hasCode, isFull } from '../system-error.ts';
import { partFile, restoreTables } from './clickhouse-parts.ts';
import { copyFile, syncTree } from './copy.ts';
import { BACKUPS_FACT, recordOf, withBackup } from './list.ts';
import { type BackupFile, type Manifest, readManifest } from './manifest.ts';

const RESTORING = '.restoring';

/**
 * Restores a backup into a data folder, which must be empty or not there. Returns the backup's manifest. Throws LogError:
 * backup-damaged (with the file at fault), restore-refused, data-folder-newer.
 */
export async function restore(backup: string, folder: string): Promise<Manifest> {
  const manifest = readManifest(backup);
  if (manifest.dataVersion > DATA_VERSION)
    throw new LogError(
      'data-folder-newer',
      `The backup ${backup} is of a newer Metatrail (data version ${manifest.dataVersion}; this program knows ${DATA_VERSION}).`,
    );
  const place = await findEmptyPlace(folder, 'restore-refused');
  const made = `${place}${RESTORING}`;
  await makeFolder(made);
  try {
    await copyAll(backup, made, manifest);
    await syncTree(made);
    await giveName(made, place, 'restore-refused');
    return manifest;
  } catch (error) {
    await rm(made, { recursive: true, force: true });
    throw asRestoreError(error, place);
  }
}

async function makeFolder(made: string): Promise<void> {
  try {
    await mkdir(path.dirname(made), { recursive: true, mode: 0o700 });
    await mkdir(made, { mode: 0o700 });
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw asRestoreError(error, made);
    const said = `${made} was left by a restore that did not end; remove it.`;
    throw new LogError('restore-refused', said, { cause: error });
  }
}

async function copyAll(backup: string, made: string, manifest: Manifest): Promise<void> {
  const isPart = (file: BackupFile) => partFile(file.path) !== undefined;
  for (const file of manifest.files.filter((each) => !isPart(each)))
    await copyChecked(backup, file, path.join(made, file.path));
  const { expired, partition } = checkLog(made, backup, manifest);
  setFacts(made, backup, manifest);
  if (manifest.clickhouse.kind === 'server') return;
  const clickhouse = openClickHouse({ folder: made });
  try {
    const parts = manifest.files.filter(isPart);
    await restoreTables(clickhouse, manifest.clickhouse, partition, (table, detached) =>
      copyTable(backup, parts, table, detached),
    );
    await checkEvents(clickhouse, backup, manifest, expired);
  } finally {
    await clickhouse.close();
  }
}

async function copyTable(backup: string, parts: readonly BackupFile[], table: string, detached: string): Promise<void> {
  for (const file of parts) {
    const part = partFile(file.path);
    if (part?.table === table) await copyChecked(backup, file, path.join(detached, part.file));
  }
}

async function copyChecked(backup: string, file: BackupFile, to: string): Promise<void> {
  const from = path.join(backup, file.path);
  const damaged = (how: string, cause?: unknown) => new LogError('backup-damaged', `${from} ${how}.`, { cause });
  const found = await lstat(from).catch((error: unknown) => {
    if (!hasCode(error, 'ENOENT', 'ENOTDIR')) throw error;
    throw damaged('is missing from the backup', error);
  });
  // A pipe would be waited for, a link leads somewhere else.
  if (!found.isFile()) throw damaged('is no file');
  if (found.size !== file.bytes)
    throw damaged(`has ${found.size} bytes instead of the ${file.bytes} that it had when the backup was made`);
  const { sha256 } = await copyFile(from, to);
  if (sha256 !== file.sha256) throw damaged('has another content than when the backup was made');
}

/** Returns how many events at the beginning have expired, and how many a partition holds. */
function checkLog(made: string, backup: string, manifest: Manifest): { expired: number; partition: number } {
  const snapshot = new JournalSnapshot(made);
  try {
    const isSame =
      snapshot.log === manifest.log && snapshot.size === manifest.size && snapshot.root() === manifest.root;
    if (!isSame)
      throw new LogError('backup-damaged', `The journal in ${backup} is not the log that its manifest names.`);
    return { expired: snapshot.expiredBelow(), partition: partitionEvents(snapshot) };
  } finally {
    snapshot.close();
  }
}

/** What was delivered after ClickHouse was copied has to be delivered again; and the backup itself goes on the list. */
function setFacts(made: string, backup: string, manifest: Manifest): void {
  const database = new DatabaseSync(path.join(made, JOURNAL_FILE));
  try {
    const known = database.prepare('SELECT value FROM facts WHERE name = ?').get(BACKUPS_FACT)?.value;
    const put = database.prepare('INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)');
    put.run('shipped', String(manifest.delivered));
    const record = recordOf(path.resolve(backup), manifest);
    put.run(BACKUPS_FACT, withBackup(typeof known === 'string' ? known : undefined, record));
  } finally {
    database.close();
  }
}

/** `expired`: so many events at the beginning of the log are gone, or going. */
async function checkEvents(clickhouse: ClickHouse, backup: string, manifest: Manifest, expired: number): Promise<void> {
  const [held] = await clickhouse.select('SELECT count() AS events FROM events', {}, z.object({ events: z.number() }));
  const events = held?.events ?? 0;
  const least = manifest.delivered - expired;
  if (events < least || events > manifest.size)
    throw new LogError(
      'backup-damaged',
      `The ClickHouse in ${backup} holds ${events} events; at least ${least} and at most ${manifest.size} were expected.`,
    );
}

function asRestoreError(error: unknown, place: string): LogError {
  if (error instanceof LogError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  const said = isFull(error) ? `The disk of ${place} is full.` : `The folder ${place} could not be made: ${reason}.`;
  return new LogError('restore-refused', said, { cause: error });
}
