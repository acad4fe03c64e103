// After a story: the engine's state rebuilt from its events is the state that it keeps, field by field, and each step counted
// what the log holds. The worlds of the tests call it when they close, so that no story forgets it.
import assert from 'node:assert/strict';
import { compareFolder } from '../engine/replay/replay-folder.ts';
import type { ClickHouse } from '../ingest/clickhouse/connect.ts';
import { assertStepsCount } from './counted-steps.ts';

export async function assertReplays(folder: string, clickhouse?: ClickHouse): Promise<void> {
  const { differences } = await compareFolder(folder, { clickhouse });
  assert.deepEqual(differences, [], 'the replay of the log is not the state');
  await assertStepsCount(folder, clickhouse);
}
