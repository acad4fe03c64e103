// Legal holds that begin while an expiry or an erasure is being prepared: what was planned before does not happen.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { previewErasure } from '../api/erasing.ts';
import { applyRetention } from '../api/retaining.ts';
import { addHold, type Hold } from '../ingest/retention/holds.ts';
import { expiredOf } from '../ingest/retention/tombstones.ts';
import { ANN, BOB, CID, CONFIGURATION, ErasureWorld } from './erasure-world.ts';

const RETAINED = `${CONFIGURATION}retention: { events: 1 year, reads: 30 days, partition_events: 256 }\n`;
const WHO = { who: 'records office', by: 'administrator' };

test('a hold that is accepted before an expiry is keeps everything, also when the expiry was planned before', {
  timeout: 200_000,
}, async (t) => {
  const world = await ErasureWorld.open(t, RETAINED);
  await world.employ(ANN, BOB, CID);
  const { journal } = world.installation.log;
  for (let month = 1; journal.size < 300; month++)
    await world.employ({ ...BOB, manager: '', department: `Department ${month}` }, CID);
  await world.installation.catchUp();
  const later = Date.now() * 1000 + 2 * 365 * 86_400_000_000;
  let holding: Promise<Hold> | undefined;
  await applyRetention(world.installation, WHO, later, (step) => {
    if (step === 'carried-forward') holding = addHold(journal, { ...WHO, why: 'inspection' });
  }).catch(() => undefined);
  const hold = await holding;
  assert.ok(hold);
  assert.equal(expiredOf(journal), undefined, `partitions went although the hold ${hold.event} was in force`);
});

test('a hold that is accepted before an erasure is keeps the person, also when the erasure was asked for before', async (t) => {
  const world = await ErasureWorld.open(t, RETAINED);
  await world.employ(ANN, BOB);
  const id = await world.objectOf(ANN.name);
  await world.employ(BOB);
  await world.installation.catchUp();
  const { log } = world.installation;
  // The hold comes when the rows of the person are read, which is after holds were looked at.
  const { select } = log.clickhouse;
  let hold: Hold | undefined;
  let selects = 0;
  let after = Number.POSITIVE_INFINITY;
  log.clickhouse.select = async (...question) => {
    selects += 1;
    if (selects > after) hold ??= await addHold(log.journal, { ...WHO, object: id, why: 'case 3' });
    return select(...question);
  };
  await previewErasure(world.installation, { object: id });
  [after, selects] = [selects, 0];
  const outcome = await world.erase(id).then(
    ({ event }) => event,
    (error) => error.code as string,
  );
  log.clickhouse.select = select;
  assert.ok(hold, `the hold never came in ${selects} questions`);
  assert.equal(outcome, 'erasure-refused', `erased by event ${outcome} although the hold ${hold.event} was in force`);
});
