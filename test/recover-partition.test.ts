// `metatrail recover --apply` after ClickHouse was lost as a whole: the table has partitions of the size that the log says.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { openClickHouse } from '../ingest/clickhouse/connect.ts';
import { openChangeLog } from '../ingest/log.ts';
import { makeBatch, makeFolder } from './ingest-world.ts';

test('a ClickHouse that recover makes again has the partitions of the log, or retention would drop others', async (t) => {
  const folder = makeFolder(t);
  const log = await openChangeLog({ folder, partitionEvents: 256 });
  await log.journal.accept((base) => makeBatch(base, 600));
  await log.shipper.delivered(600);
  await log.close();
  rmSync(path.join(folder, 'clickhouse'), { recursive: true });
  const { PATH, HOME } = process.env;
  const { status, stderr } = spawnSync(
    process.execPath,
    [path.join(import.meta.dirname, '../api/metatrail.ts'), 'recover', '--apply', '--why', 'the disk was replaced'],
    { env: { PATH, HOME, METATRAIL_DATA: folder, UV_THREADPOOL_SIZE: '16' }, encoding: 'utf8' },
  );
  assert.equal(status, 0, stderr);
  const clickhouse = openClickHouse({ folder });
  const [row] = await clickhouse.select(
    "SELECT partition_key AS key FROM system.tables WHERE database = currentDatabase() AND name = 'events'",
    {},
    z.object({ key: z.string() }),
  );
  const [held] = await clickhouse.select(
    'SELECT uniqExact(_partition_id) AS n FROM events',
    {},
    z.object({ n: z.number() }),
  );
  await clickhouse.close();
  assert.deepEqual([row?.key, held?.n], ['intDiv(sequence, 256)', 3]);
});
