// A data folder whose state is rebuilt from its log: for one whose state is known to be wrong, or is damaged.
import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { backUp } from '../../ingest/backup/back-up.ts';
import { restore } from '../../ingest/backup/restore.ts';
import { type ClickHouse, openClickHouse } from '../../ingest/clickhouse/connect.ts';
import { LogError } from '../../ingest/errors.ts';
import { JournalSnapshot } from '../../ingest/journal/snapshot.ts';
import { openStateOf } from '../../ingest/journal/state-store.ts';
import { type ChangeLog, type LogTarget, openChangeLog } from '../../ingest/log.ts';
import { replayInto } from './replay-folder.ts';

const COPY = '.copy';
const REBUILDING = '.rebuilding';
/** What a copy of the file has of them stays, also where the replay stops halfway: a hold may not be lost with the rest. */
const KEPT = ['hold', 'tombstone'];

/**
 * Makes a data folder at `into`, which must not be there or be empty: the log of `target` as it is, the state rebuilt from
 * it, nobody signed in. The folder gets its name when it is whole, and `onCopied` has been waited for. Returns the number of
 * events. Throws LogError, ReplayError.
 */
export async function rebuildInto(
  target: LogTarget,
  into: string,
  program: string,
  onProgress: (done: number, size: number) => void,
  onCopied: (log: ChangeLog, events: number) => Promise<void> = async () => undefined,
): Promise<number> {
  const place = path.resolve(into);
  const [copy, made] = [`${place}${COPY}`, `${place}${REBUILDING}`];
  try {
    const log = await openChangeLog(target);
    await closing(log, () => backUp(log, copy, program, ({ size }) => onCopied(log, size)));
    await restore(copy, made);
    const size = await rebuildState({ ...target, folder: made }, onProgress);
    await rename(made, place).catch((error: unknown) => {
      throw new LogError('restore-refused', `The folder ${place} is not empty.`, { cause: error });
    });
    return size;
  } finally {
    await rm(copy, { recursive: true, force: true });
    await rm(made, { recursive: true, force: true });
  }
}

/** Puts the state that a log makes in the place of what a data folder has that nothing has open. Returns the number of events. */
export async function rebuildState(
  target: LogTarget,
  onProgress: (done: number, size: number) => void,
): Promise<number> {
  const clickhouse = openClickHouse(target);
  return closing(clickhouse, async () => {
    // First, for it makes the file one that can be read while it is written.
    const store = openStateOf(target.folder, KEPT);
    const snapshot = new JournalSnapshot(target.folder);
    try {
      await replayInto(store, snapshot, { clickhouse, onProgress });
      return snapshot.size;
    } finally {
      snapshot.close();
      store.close();
    }
  });
}

async function closing<T>(opened: ChangeLog | ClickHouse, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    await opened.close();
  }
}
