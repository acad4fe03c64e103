// `metatrail verify` where a server or a cluster holds the log: an honest one is verified, what was altered is named, and a
// shard that is away is no verdict.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { openChangeLog } from '../ingest/log.ts';
import { CannotCheckError } from '../ingest/verify/cannot-check.ts';
import { LiveLog } from '../ingest/verify/live-log.ts';
import type { Report } from '../ingest/verify/report.ts';
import { verifyLog } from '../ingest/verify/verify-log.ts';
import { changeClickHouse, makeFolderAt, type Place, SHARD_EVENTS, startServers, targetOf } from './ingest-places.ts';
import { faultsOf, makeEvents, signCheckpoints, TestSigner } from './verify-world.ts';

const EVENTS = SHARD_EVENTS * 10;

async function makeLog(t: TestContext, place: Place): Promise<string> {
  const folder = await makeFolderAt(t, place);
  const log = await openChangeLog(targetOf(folder));
  await log.journal.accept((base) => ({ events: makeEvents(base, EVENTS), state: [] }));
  await log.shipper.delivered(EVENTS);
  await log.close();
  signCheckpoints(folder, TestSigner.of(folder), [EVENTS]);
  return folder;
}

async function check(folder: string): Promise<Report> {
  const source = await LiveLog.open(targetOf(folder));
  return verifyLog(source, { seed: 'test' }).finally(() => source.close());
}

for (const place of ['server', 'cluster'] as const) {
  test(`an honest log is verified, and what was altered is named (${place})`, { timeout: 120_000 }, async (t) => {
    const folder = await makeLog(t, place);
    const report = await check(folder);
    assert.deepEqual([report.faults, report.unchecked, report.result], [[], [], 'verified']);
    assert.deepEqual(report.rollups, [{ name: 'entitlement_changes', rows: EVENTS }]);
    await changeClickHouse(
      folder,
      "ALTER TABLE events UPDATE initiator = 'nobody' WHERE sequence = 7 SETTINGS mutations_sync = 2",
      'ALTER TABLE entitlement_changes DELETE WHERE sequence = 22 SETTINGS mutations_sync = 2',
    );
    const faults = faultsOf(await check(folder));
    assert.ok(faults.some(([, first]) => first === 7) && faults.some(([, first]) => first === 22), String(faults));
  });
}

test('with a shard away there is no verdict', { timeout: 120_000 }, async (t) => {
  const folder = await makeLog(t, 'cluster');
  const servers = await startServers('cluster');
  await servers.at(1).kill();
  await assert.rejects(check(folder), CannotCheckError);
  await servers.at(1).start();
});
