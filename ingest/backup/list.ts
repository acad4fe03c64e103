// The backups that were made of a data folder, kept in its journal: what still holds a value that was erased.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { Journal } from '../journal/journal.ts';
import { MANIFEST_FILE } from './manifest.ts';

const FACT = 'backups';

const recordSchema = z.object({
  folder: z.string(),
  /** Microseconds, UTC. */
  madeAt: z.number(),
  size: z.number(),
  root: z.string(),
  delivered: z.number(),
  bytes: z.number(),
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
  const others = readRecords(journal).filter(({ folder }) => folder !== record.folder);
  await journal.setFact(FACT, JSON.stringify([...others, record]));
}

/** Takes a backup off the list, once somebody has removed it. Returns whether it was on it. */
export async function forgetBackup(journal: Journal, folder: string): Promise<boolean> {
  const records = readRecords(journal);
  const others = records.filter((record) => record.folder !== folder);
  if (others.length === records.length) return false;
  await journal.setFact(FACT, JSON.stringify(others));
  return true;
}

function readRecords(journal: Pick<Journal, 'fact'>): BackupRecord[] {
  return z.array(recordSchema).parse(JSON.parse(journal.fact(FACT) ?? '[]'));
}
