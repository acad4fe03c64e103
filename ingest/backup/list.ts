// The backups that were made of a data folder, kept in its journal: what still holds a value that was erased.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { Journal } from '../journal/journal.ts';
import { MANIFEST_FILE, type Manifest } from './manifest.ts';

export const BACKUPS_FACT = 'backups';

/** What is remembered of a backup. */
export function recordOf(folder: string, manifest: Manifest): BackupRecord {
  const { madeAt, size, root, delivered, files, checkpointKey } = manifest;
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const isElsewhere = checkpointKey !== undefined && path.isAbsolute(checkpointKey);
  return { folder, madeAt, size, root, delivered, bytes, ...(isElsewhere && { keyElsewhere: checkpointKey }) };
}

const recordSchema = z.object({
  folder: z.string(),
  /** Microseconds, UTC. */
  madeAt: z.number(),
  size: z.number(),
  root: z.string(),
  delivered: z.number(),
  bytes: z.number(),
  /** Where the key that signs checkpoints is, when it is not in the backup. */
  keyElsewhere: z.string().optional(),
});
export type BackupRecord = z.infer<typeof recordSchema>;

/** Every backup made and not forgotten, the oldest first; `isThere`: as far as this machine can see. */
export function listBackups(journal: Pick<Journal, 'fact'>): (BackupRecord & { isThere: boolean })[] {
  return readRecords(journal).map((record) => ({
    ...record,
    isThere: existsSync(path.join(record.folder, MANIFEST_FILE)),
  }));
}

export async function recordBackup(journal: Journal, record: BackupRecord): Promise<void> {
  await journal.setFact(BACKUPS_FACT, withBackup(journal.fact(BACKUPS_FACT), record));
}

/** The fact with one more backup. */
export function withBackup(fact: string | undefined, record: BackupRecord): string {
  const others = readRecords({ fact: () => fact }).filter(({ folder }) => folder !== record.folder);
  return JSON.stringify([...others, record]);
}

/** Takes a backup off the list, once somebody has removed it. Returns whether it was on it. */
export async function forgetBackup(journal: Journal, folder: string): Promise<boolean> {
  const records = readRecords(journal);
  const others = records.filter((record) => record.folder !== folder);
  if (others.length === records.length) return false;
  await journal.setFact(BACKUPS_FACT, JSON.stringify(others));
  return true;
}

function readRecords(journal: Pick<Journal, 'fact'>): BackupRecord[] {
  return z.array(recordSchema).parse(JSON.parse(journal.fact(BACKUPS_FACT) ?? '[]'));
}
