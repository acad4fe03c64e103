// A bundle while ClickHouse is behind: it is waited for, and then what is missing is said, without accusing the log.

import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { localAccess } from '../api/access/access.ts';
import { readBundleRows } from '../api/bundle-rows.ts';
import { exportBundle } from '../ingest/bundle/export-bundle.ts';
import { LogError } from '../ingest/errors.ts';
import { checkBundle } from './bundle-world.ts';
import { makeFolder } from './ingest-world.ts';
import { beginWithClickHouse, openCompany } from './lagging-world.ts';

beginWithClickHouse();

/** What a run made is accepted and signed for, and ClickHouse, which answers questions and takes nothing, does not have it. */
async function makeLag(t: TestContext) {
  const { installation, clickhouse, folder } = await openCompany(t, 3);
  const { journal, shipper, checkpoints } = installation.log;
  await installation.engine.run('hr', 'full');
  await shipper.delivered(journal.size);
  const delivered = shipper.shipped;
  clickhouse.mood = 'out-of-memory-for-inserts';
  writeFileSync(path.join(folder, 'people.csv'), 'id,name\n0,Nobody\n1,Somebody\n2,Anybody\n');
  await installation.engine.run('hr', 'full');
  const { size } = await checkpoints.current();
  assert.ok(size > delivered, 'there is something to wait for');
  const make = (target: string, patienceMs?: number) =>
    exportBundle({
      dataFolder: path.join(folder, 'data'),
      target,
      readRows: (first, end) => readBundleRows(installation, localAccess('auditor'), first, end),
      ...(patienceMs !== undefined && { patienceMs }),
    });
  return { clickhouse, make, delivered, size };
}

test('a bundle waits until ClickHouse has what its checkpoint covers', async (t) => {
  const { clickhouse, make, size } = await makeLag(t);
  const folder = path.join(makeFolder(t), 'bundle');
  const making = make(folder);
  await sleep(1500);
  assert.deepEqual(readdirSync(folder), [], 'it waits');
  clickhouse.mood = 'well';
  assert.equal((await making).size, size);
  assert.equal((await checkBundle(folder)).result, 'verified');
});

test('a bundle for which ClickHouse is behind for long says by how much, and does not accuse the log', async (t) => {
  const { clickhouse, make, delivered, size } = await makeLag(t);
  const folder = path.join(makeFolder(t), 'bundle');
  await assert.rejects(make(folder, 500), (error) => {
    assert.ok(error instanceof LogError && error.retryable);
    assert.equal(error.code, 'bundle-refused');
    const said = `ClickHouse is behind: ${delivered} events are delivered to it, and ${size - delivered} of those`;
    assert.ok(error.message.startsWith(said), error.message);
    assert.doesNotMatch(error.message, /as it should|verify/);
    return true;
  });
  clickhouse.mood = 'well';
  assert.equal((await make(folder)).size, size, 'into the same folder');
});
