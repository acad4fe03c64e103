// What a command does to a data folder as a whole: in the process that has it open, which is the service where one runs.
import { z } from 'zod';
import { compareFolder } from '../engine/replay/replay-folder.ts';
import { backUp } from '../ingest/backup/back-up.ts';
import { type BackupRecord, forgetBackup, listBackups } from '../ingest/backup/list.ts';
import type { ChangeLog } from '../ingest/log.ts';
import { type Reader, readEvent } from './reads/read-event.ts';
import { ReadRecorder, UnrecordedReadError } from './reads/recorder.ts';
import { VERSION } from './version.ts';

export const taskSchema = z.discriminatedUnion('task', [
  z.strictObject({ task: z.literal('compare-replay') }),
  z.strictObject({ task: z.literal('back-up'), folder: z.string().min(1) }),
  z.strictObject({ task: z.literal('list-backups') }),
  z.strictObject({ task: z.literal('forget-backup'), folder: z.string().min(1) }),
]);
export type Task = z.infer<typeof taskSchema>;

export type OnProgress = (done: number, total: number) => void;

/** Carries out a task and returns what the command prints. Throws LogError and ReplayError. */
export async function carryOut(log: ChangeLog, task: Task, onProgress: OnProgress, reader: Reader): Promise<unknown> {
  const { journal, clickhouse } = log;
  switch (task.task) {
    case 'compare-replay':
      return compareFolder(journal.folder, { clickhouse, onProgress });
    case 'back-up':
      return backUp(log, task.folder, VERSION, (made) => recordCopy(log, reader, { ...made, question: 'backup' }));
    case 'list-backups':
      return listBackups(journal);
    case 'forget-backup':
      return forgetBackup(journal, task.folder);
  }
}

interface Copy extends Pick<BackupRecord, 'folder' | 'size'> {
  question: 'backup' | 'replay';
}

/** Whoever makes a copy has all that is in it: a read like any other, accepted before the folder has its name. */
export function recordCopy(log: ChangeLog, reader: Reader, { question, folder, size }: Copy): Promise<void> {
  const parameters = [{ name: 'folder', type: 'string' as const, text: folder }];
  const read = { ...reader, question, parameters, outcome: 'answered' as const };
  const recorded = new ReadRecorder(log.journal).record([readEvent({ ...read, rows: size, watermark: size })]);
  return recorded.catch((error: unknown) => {
    throw error instanceof UnrecordedReadError ? error.reason : error;
  });
}
