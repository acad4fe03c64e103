// Replays a data folder's log and compares: what a test does after every story, and `metatrail replay --compare`.
import { setImmediate } from 'node:timers/promises';
import type { ClickHouse } from '../../ingest/clickhouse/connect.ts';
import { readEvents } from '../../ingest/clickhouse/read-events.ts';
import { JournalSnapshot } from '../../ingest/journal/snapshot.ts';
import { StateStore } from '../../ingest/journal/state-store.ts';
import { type Comparison, compareStates } from './compare.ts';
import { Replay, ReplayError } from './replay.ts';

export interface ReplayOptions {
  /** Where what is delivered is read; without it the journal must have every row. */
  clickhouse?: ClickHouse | undefined;
  /** Called after each page of events. */
  onProgress?: (done: number, size: number) => void;
}

export interface FolderComparison extends Comparison {
  /** The number of events replayed. */
  size: number;
}

/**
 * Rebuilds the state of a data folder as it was at one instant and compares it with the state of that instant; the
 * folder may be in use. Throws LogError, and ReplayError.
 */
export async function compareFolder(folder: string, options: ReplayOptions = {}): Promise<FolderComparison> {
  const snapshot = new JournalSnapshot(folder);
  const store = new StateStore();
  try {
    const replay = await replayInto(store, snapshot, options);
    return { ...compareStates(snapshot.state(), store.rows(), replay), size: snapshot.size };
  } finally {
    store.close();
    snapshot.close();
  }
}

/** Replays all events of a snapshot into an empty store. */
export async function replayInto(
  store: StateStore,
  snapshot: JournalSnapshot,
  { clickhouse, onProgress }: ReplayOptions,
): Promise<Replay> {
  const first = snapshot.expiredBelow();
  const replay = new Replay(store, first);
  let done = first;
  for await (const page of readEvents(snapshot, clickhouse)) {
    for (const event of page) replay.add(event);
    done += page.length;
    // A service that does this goes on answering.
    await setImmediate();
    onProgress?.(done, snapshot.size);
  }
  replay.flush();
  if (!replay.isKnown)
    throw new ReplayError(
      `Events before ${first} have expired, and the log does not carry the state forward: it cannot be rebuilt.`,
    );
  return replay;
}
