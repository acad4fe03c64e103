// After a story: the engine's state rebuilt from its events is the state that it keeps, field by field. The worlds of the
// tests call it when they close, so that no story forgets it.
import assert from 'node:assert/strict';
import { compareFolder } from '../engine/replay/replay-folder.ts';
import type { ClickHouse } from '../ingest/clickhouse/connect.ts';

/** `apart`: fields of entries that this story is known to leave different. */
export async function assertReplays(
  folder: string,
  clickhouse?: ClickHouse,
  apart: readonly string[] = [],
): Promise<void> {
  const { differences } = await compareFolder(folder, { clickhouse });
  const found = differences.filter(({ kind, field }) => kind !== 'entry' || !apart.includes(field));
  assert.deepEqual(found, [], 'the replay of the log is not the state');
}
