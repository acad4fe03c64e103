// Every step of one batch fails once, in each manner in which it can. Each time the rest is then let run, and log, journal,
// views, Merkle tree and checkpoint are compared. Embedded here, with a server in ingest-faults-server.test.ts.
import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { type ClickHouseTarget, openClickHouse } from '../ingest/clickhouse/connect.ts';
import { failEach } from './faults/fail-each.ts';
import type { Step } from './faults/fault.ts';
import { BATCH, BEFORE, goOn, goOnOpen, makeBefore, STEPS_OF_BATCH, TRIMMED } from './faults/one-batch.ts';
import { assertSigned, assertWhole } from './ingest-whole.ts';
import { makeFolder } from './ingest-world.ts';

/** The embedded engine is told of no insert before it. */
const WAY = STEPS_OF_BATCH.filter((step) => step !== 'announce');

async function copyOf(t: TestContext, before: string): Promise<ClickHouseTarget> {
  const folder = makeFolder(t);
  cpSync(before, folder, { recursive: true });
  return { folder };
}

/** The log goes on where it was left, and nothing of it is lost, twice there or different. */
async function assertGoesOn(target: ClickHouseTarget): Promise<void> {
  await goOnOpen(target, async (log) => {
    assert.equal(log.journal.size, BEFORE + BATCH);
    assert.equal(log.journal.firstRow, TRIMMED);
    await assertWhole(log);
    await assertSigned(log);
  });
  rmSync(target.folder, { recursive: true });
}

test('each step of one batch fails once in each manner, and nothing is lost, twice there or different', {
  timeout: 840_000,
}, async (t) => {
  const before = makeFolder(t);
  await makeBefore({ folder: before });
  await failEach(t, { way: WAY, copy: () => copyOf(t, before), assertGoesOn });
});

test('each step of making up for half an insert fails once in each manner', { timeout: 400_000 }, async (t) => {
  const before = makeFolder(t);
  await makeBefore({ folder: before });
  await goOn({ folder: before });
  const database = new DatabaseSync(path.join(before, 'metatrail.sqlite'));
  database.exec(`UPDATE facts SET value = '${BEFORE}' WHERE name = 'shipped'`);
  database.close();
  const clickhouse = openClickHouse({ folder: before });
  await clickhouse.command(
    `ALTER TABLE entitlement_changes DELETE WHERE sequence >= ${BEFORE + 2} SETTINGS mutations_sync = 2`,
  );
  await clickhouse.close();
  const way: Step[] = ['compare', 'complete views', 'remember'];
  await failEach(t, { way, failed: ['complete views'], copy: () => copyOf(t, before), assertGoesOn });
});
