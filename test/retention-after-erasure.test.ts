// Partitions expire while what was erased in them still waits in ClickHouse: it is emptied first, and where an expiry was
// before it, nothing waits for what is gone.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { localAccess } from '../api/access/access.ts';
import { applyRetention } from '../api/retaining.ts';
import { findInForce } from '../engine/in-force.ts';
import { carryState } from '../engine/replay/carried-state.ts';
import { systemClock } from '../ingest/clock.ts';
import { type ExpiryStep, expire, finishExpiry, planExpiry } from '../ingest/retention/expire.ts';
import { expiredOf } from '../ingest/retention/tombstones.ts';
import { ANN, BOB, CID, CONFIGURATION, ErasureWorld } from './erasure-world.ts';
import { check } from './verify-world.ts';

const PARTITION = 256;
const WHO = { who: 'records office', by: 'administrator' };
const RETAINED = `${CONFIGURATION}retention: { events: 1 year, reads: 30 days, partition_events: ${PARTITION} }\n`;

const later = () => systemClock() + 2 * 365 * 86_400_000_000;

/** Ann, who wrote Bob's file, has left in the first partition; the second one is full as well. */
async function openWorld(t: TestContext): Promise<ErasureWorld> {
  const world = await ErasureWorld.open(t, RETAINED);
  await world.employ(ANN, BOB, CID);
  await world.installation.ask('{ objects(search: "Cideon") { id } }', {}, localAccess('auditor'));
  for (let month = 1; world.installation.log.journal.size < 2 * PARTITION + 40; month++)
    await world.employ({ ...BOB, manager: '', by: 'hr-clerk', department: `Department ${month}` }, CID);
  return world;
}

function waiting({ installation }: ErasureWorld): number[] {
  return installation.log.eraser.reader.unsettled().events.map(({ sequence }) => sequence);
}

async function assertGone(world: ErasureWorld): Promise<void> {
  assert.deepEqual(waiting(world), []);
  assert.equal(expiredOf(world.installation.log.journal)?.below, 2 * PARTITION);
  const events = await world.events();
  assert.equal(events[0]?.sequence, 2 * PARTITION);
  assert.ok(events.some(({ stage, stepKind }) => stage === 'baseline' && stepKind !== 'state'));
  for (const event of events)
    assert.doesNotMatch(JSON.stringify(event), /E-1001|Annabel/, `event ${event.sequence}, ${event.stage}`);
  await world.close();
  const { faults, unchecked } = await check(world.data);
  assert.deepEqual([faults, unchecked], [[], []]);
}

test('what waits to be emptied is emptied before its partition expires, and not carried forward', {
  timeout: 300_000,
}, async (t) => {
  const world = await openWorld(t);
  await world.erase(await world.objectOf(ANN.name));
  assert.ok(waiting(world).some((sequence) => sequence < 2 * PARTITION));
  const { reads } = await applyRetention(world.installation, WHO, later());
  assert.equal(reads, 1, 'the question that is erased lies in the partition that goes');
  await assertGone(world);
});

test('an erasure whose events have expired meanwhile is settled, however far the expiry is', {
  timeout: 600_000,
}, async (t) => {
  for (const last of ['accepted', 'dropped', 'keys-deleted'] satisfies ExpiryStep[]) {
    const world = await openWorld(t);
    const ann = await world.objectOf(ANN.name);
    await world.erase(ann);
    const { log, engine } = world.installation;
    const { journal, clickhouse, shipper, checkpoints, eraser } = log;
    await shipper.delivered(journal.size);
    const sources = { journal, clickhouse, shipper, sign: (text: string) => checkpoints.sign(text) };
    const carried = { inForce: findInForce(journal), state: carryState(journal, engine.configuration) };
    const plan = await planExpiry(sources, later(), carried.inForce);
    assert.equal(plan.partitions.length, 2);
    const stop = new Error('the process ends here');
    const ended = expire(sources, plan, carried, WHO, (step) => {
      if (step === last) throw stop;
    });
    await assert.rejects(ended, stop);
    assert.notDeepEqual(waiting(world), []);
    await eraser.settle();
    assert.deepEqual(waiting(world), [], last);
    await finishExpiry(sources);
    await world.employ({ ...BOB, manager: '', by: 'hr-clerk' });
    // What was carried forward of her is taken by the names that are told, and nobody is held up.
    await world.erase(ann, [`CORP\\${ANN.id}`]);
    await world.erase(await world.objectOf(CID.name));
    await eraser.settle();
    assert.deepEqual(waiting(world), [], last);
    for (const event of await world.events()) assert.doesNotMatch(JSON.stringify(event), /E-1001|Annabel|Cideon/);
    await world.close();
  }
});
