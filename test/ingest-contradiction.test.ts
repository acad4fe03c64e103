// A ClickHouse that was altered behind the delivered watermark: the log is refused at its start, `recover` explains and
// repairs it, and then both stores agree again. Embedded, on a server and on a cluster.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { z } from 'zod';
import { PARTITION_EVENTS } from '../ingest/clickhouse/cluster.ts';
import { openClickHouse } from '../ingest/clickhouse/connect.ts';
import { migrateClickHouse } from '../ingest/clickhouse/migrate.ts';
import { findObstacle, repair } from '../ingest/clickhouse/recover.ts';
import { diagnose, isHealthy } from '../ingest/clickhouse/recover-diagnosis.ts';
import { explain } from '../ingest/clickhouse/recover-explanation.ts';
import { Journal } from '../ingest/journal/journal.ts';
import { openChangeLog } from '../ingest/log.ts';
import { grant } from './faults/one-batch.ts';
import { changeClickHouse, everywhere, makeFolderAt, type Place, targetOf } from './ingest-places.ts';
import { assertWhole } from './ingest-whole.ts';
import { afterwards, makeBatch } from './ingest-world.ts';

const EVENTS = 20;
const SYNC = 'SETTINGS mutations_sync = 2';

interface Case {
  statements: string[];
  /** Why the log is refused. */
  refused: RegExp;
  /** What recover says. */
  explained: RegExp;
  /** Whether it has to be told that the journal is right. */
  needsWord: boolean;
  repaired: { setAside: number; putBack: number };
}

async function assertRefusedAndRepaired(t: TestContext, place: Place, wrong: Case): Promise<void> {
  const folder = await makeFolderAt(t, place);
  const log = await openChangeLog(targetOf(folder));
  await log.journal.accept(() => ({ events: Array.from({ length: EVENTS }, (_, i) => grant(i + 1)), state: [] }));
  await log.shipper.delivered(EVENTS);
  await log.close();
  await changeClickHouse(folder, ...wrong.statements);
  await assertRefused(folder, wrong.refused);
  await recover(folder, wrong);
  const again = await openChangeLog(targetOf(folder));
  afterwards(t, () => again.close());
  await again.journal.accept((base) => makeBatch(base, 3));
  await again.shipper.delivered(again.journal.size);
  // The views of a cluster are in another database; there the diagnosis has compared them.
  if (place !== 'cluster') await assertWhole(again);
  const [count] = await again.clickhouse.select(
    'SELECT count() AS n, uniqExact(sequence) AS different FROM entitlement_changes',
    {},
    z.object({ n: z.number(), different: z.number() }),
  );
  assert.deepEqual(count, { n: EVENTS, different: EVENTS });
}

async function assertRefused(folder: string, message: RegExp): Promise<void> {
  const log = await openChangeLog(targetOf(folder));
  try {
    assert.equal(log.shipper.state, 'stopped', 'it is refused before the log is open');
    assert.equal(log.shipper.problem?.code, 'clickhouse-different');
    assert.match(log.shipper.problem?.message ?? '', message);
    const more = log.journal.accept((base) => makeBatch(base, 1));
    await assert.rejects(more, { code: 'clickhouse-different' });
  } finally {
    await log.close();
  }
}

async function recover(folder: string, { explained, needsWord, repaired }: Case): Promise<void> {
  const journal = await Journal.open(folder);
  const clickhouse = openClickHouse(targetOf(folder));
  try {
    await migrateClickHouse(clickhouse, PARTITION_EVENTS);
    const diagnosis = await diagnose(journal, clickhouse);
    assert.match(explain(diagnosis).join('\n'), explained);
    assert.equal(findObstacle(diagnosis, { fromJournal: false }) !== undefined, needsWord);
    assert.equal(findObstacle(diagnosis, { fromJournal: true }), undefined);
    const order = { by: 'a test', why: 'a test', fromJournal: true };
    assert.deepEqual(await repair(journal, clickhouse, diagnosis, order), repaired);
    assert.ok(isHealthy(await diagnose(journal, clickhouse)));
  } finally {
    await clickhouse.close();
    await journal.close();
  }
}

everywhere('an event lost and another there twice, so that their number is right, is refused', (t, place) =>
  assertRefusedAndRepaired(t, place, {
    statements: [
      `ALTER TABLE events DELETE WHERE sequence = 3 ${SYNC}`,
      'INSERT INTO events SELECT * FROM events WHERE sequence = 5 SETTINGS insert_deduplicate = 0',
    ],
    refused: /^ClickHouse holds 20 events up to sequence 19, but not each of them once\.$/,
    explained: /has lost one event: 3\..*within 5: event 5 in sequence \(more than one row\)/s,
    needsWord: true,
    repaired: { setAside: 2, putBack: 2 },
  }),
);

everywhere('an event altered behind the watermark is refused and named', (t, place) =>
  assertRefusedAndRepaired(t, place, {
    statements: [`ALTER TABLE events UPDATE object_name = 'forged' WHERE sequence = 3 ${SYNC}`],
    refused: /^ClickHouse holds another event 3 than the journal\.$/,
    explained: /^ClickHouse holds an event that the journal has otherwise, within 3: event 3 in object_name\.$/m,
    needsWord: true,
    repaired: { setAside: 1, putBack: 1 },
  }),
);

everywhere('an event of another log among those of this one is refused', (t, place) =>
  assertRefusedAndRepaired(t, place, {
    statements: [`ALTER TABLE events UPDATE log = 'metatrail/0123456789abcdef' WHERE sequence = 3 ${SYNC}`],
    refused: /^ClickHouse holds events of another log, metatrail\/0123456789abcdef\.$/,
    explained: /^ClickHouse holds an event that the journal has otherwise, within 3: event 3 in log\.$/m,
    needsWord: true,
    repaired: { setAside: 1, putBack: 1 },
  }),
);

everywhere('a table of a view that was emptied is refused', (t, place) =>
  assertRefusedAndRepaired(t, place, {
    statements: ['TRUNCATE TABLE entitlement_changes'],
    refused: /^entitlement_changes is not what its view makes of the events 0 to 19 in ClickHouse\.$/,
    explained: /^The table entitlement_changes does not hold what its view makes of the events/m,
    needsWord: false,
    repaired: { setAside: 0, putBack: 0 },
  }),
);

everywhere('a table of a view with a row that was altered, in whatever column, is refused', (t, place) =>
  assertRefusedAndRepaired(t, place, {
    statements: [`ALTER TABLE entitlement_changes UPDATE agent = 'forged' WHERE sequence = 3 ${SYNC}`],
    refused: /^entitlement_changes is not what its view makes of the events 0 to 19 in ClickHouse\.$/,
    explained: /^The table entitlement_changes does not hold what its view makes of the events/m,
    needsWord: false,
    repaired: { setAside: 0, putBack: 0 },
  }),
);
