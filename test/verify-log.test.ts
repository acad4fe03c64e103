// The verifier over the stores of an installation: it accepts what the journal and the shipper made, and names what was altered.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Journal } from '../ingest/journal/journal.ts';
import { makeFolder } from './ingest-world.ts';
import { check, eventOf, faultsOf, makeEvents, makeLog, withSqlite } from './verify-world.ts';

test('an honest log is verified, with its root, its checkpoints, its rollups and a sample', async (t) => {
  const { folder, signer, log } = await makeLog(makeFolder(t));
  const report = await check(folder);
  assert.deepEqual(report.faults, []);
  assert.deepEqual(report.unchecked, []);
  assert.equal(report.result, 'verified');
  assert.equal(report.log, log);
  assert.equal(report.size, 700);
  assert.match(report.root ?? '', /^[0-9a-f]{64}$/);
  assert.deepEqual(
    report.checkpoints.map(({ size, holds, keys }) => ({ size, holds, keys })),
    [300, 600, 700].map((size) => ({ size, holds: true, keys: [signer.vkey] })),
  );
  assert.equal(report.root, report.checkpoints.at(-1)?.root);
  assert.deepEqual(report.rollups, [{ name: 'entitlement_changes', rows: 700 }]);
  assert.deepEqual(report.sample, { seed: 'test', rows: 700 });
  assert.deepEqual(faultsOf(report), []);
});

test('events that are accepted and not yet delivered are checked in the journal', async (t) => {
  const folder = makeFolder(t);
  await makeLog(folder, { checkpoints: [] });
  const journal = await Journal.open(folder);
  await journal.accept((base) => ({ events: makeEvents(base, 50), state: [] }));
  await journal.close();
  const report = await check(folder);
  assert.deepEqual([report.result, report.faults, report.size], ['verified', [], 750]);
  withSqlite(folder, (database) =>
    database.exec("UPDATE journal SET row = replace(row, 'B720', 'B721') WHERE sequence = 720"),
  );
  assert.deepEqual(faultsOf(await check(folder)), [['altered', 720]]);
  withSqlite(folder, (database) => database.exec('DELETE FROM journal WHERE sequence = 710'));
  assert.deepEqual(faultsOf(await check(folder))[0], ['missing', 710]);
});

test('of an event that is not yet delivered, the root is compared with that of a cause that is', async (t) => {
  const folder = makeFolder(t);
  await makeLog(folder, { checkpoints: [] });
  const journal = await Journal.open(folder);
  await journal.accept(() => ({ events: [eventOf(1, 1, { causes: [699], root: 0, values: [] })], state: [] }));
  await journal.close();
  assert.equal((await check(folder)).result, 'verified');
  withSqlite(folder, (database) =>
    database.exec("UPDATE journal SET row = json_set(row, '$.root', 1) WHERE sequence = 700"),
  );
  assert.deepEqual(faultsOf(await check(folder)), [
    ['altered', 700],
    ['other-root', 700],
  ]);
});
