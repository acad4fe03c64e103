// The shipper: every accepted event is in ClickHouse once and in order, whatever was cut off; what contradicts the journal
// is refused. Embedded, on a server and on a cluster.
import assert from 'node:assert/strict';
import { cpSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { z } from 'zod';
import { INSERTED_COLUMNS, rowSchema } from '../ingest/clickhouse/rows.ts';
import { LogError, type LogErrorCode } from '../ingest/errors.ts';
import type { EventValue, ProposedEvent } from '../ingest/event.ts';
import { Journal } from '../ingest/journal/journal.ts';
import { type ChangeLog, openChangeLog } from '../ingest/log.ts';
import { changeClickHouse, everywhere, makeFolderAt, takeClickHouseOf, targetOf } from './ingest-places.ts';
import { afterwards, makeBatch, makeEvent, makeId, openJournal } from './ingest-world.ts';

async function openLog(t: TestContext, folder: string): Promise<ChangeLog> {
  const log = await openChangeLog(targetOf(folder));
  afterwards(t, () => log.close());
  return log;
}

/** A log with so many events delivered, closed again. */
async function makeDelivered(folder: string, events: readonly ProposedEvent[]): Promise<void> {
  const log = await openChangeLog(targetOf(folder));
  await log.journal.accept(() => ({ events: [...events], state: [] }));
  await log.shipper.delivered(events.length);
  await log.close();
}

const numbered = (count: number): ProposedEvent[] => makeBatch(0, count).events;

function changeJournal(folder: string, sql: string): void {
  const database = new DatabaseSync(path.join(folder, 'metatrail.sqlite'));
  database.exec(sql);
  database.close();
}

async function countRows(log: ChangeLog, table = 'events'): Promise<number> {
  const [row] = await log.clickhouse.select(`SELECT count() AS n FROM ${table}`, {}, z.object({ n: z.number() }));
  return row?.n ?? -1;
}

/** ClickHouse holds the journal's events, row by row, and nothing else. */
async function assertSame(log: ChangeLog): Promise<void> {
  const columns = INSERTED_COLUMNS.map((column) => `\`${column}\``).join(', ');
  const held = await log.clickhouse.select(
    `SELECT ${columns} FROM events ORDER BY sequence LIMIT 100000`,
    {},
    rowSchema,
  );
  const journal = log.journal.rows(0, 100_000).map(({ row }) => rowSchema.parse(JSON.parse(row)));
  assert.deepEqual(
    held.map(({ sequence, object_name }) => [sequence, object_name]),
    journal.map(({ sequence, object_name }) => [sequence, object_name]),
  );
  assert.equal(log.shipper.shipped, log.journal.size);
}

async function assertStops(log: ChangeLog, code: LogErrorCode, message: RegExp): Promise<void> {
  await assert.rejects(log.shipper.delivered(1_000_000), (error: unknown) => {
    assert.ok(error instanceof LogError);
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  });
  assert.equal(log.shipper.state, 'stopped');
  assert.equal(log.shipper.problem?.code, code);
  await assert.rejects(log.shipper.delivered(1_000_000), { code });
  const { size } = log.journal;
  await assert.rejects(
    log.journal.accept((base) => makeBatch(base, 1)),
    { code },
  );
  assert.equal(log.journal.size, size, 'a log that contradicts what was delivered accepts nothing more');
}

everywhere('every accepted event is in ClickHouse once and in order, also after a restart', async (t, place) => {
  const folder = await makeFolderAt(t, place);
  const log = await openChangeLog(targetOf(folder));
  const accepted = await Promise.all(
    [1, 300, 2, 40].map((size) => log.journal.accept((base) => makeBatch(base, size))),
  );
  await log.shipper.delivered(accepted.at(-1)?.next ?? 0);
  await log.journal.accept((base) => makeBatch(base, 7));
  await log.shipper.delivered(350);
  await assertSame(log);
  assert.equal(log.shipper.state, 'shipping');
  await log.close();
  const again = await openLog(t, folder);
  await again.journal.accept((base) => makeBatch(base, 5));
  await again.shipper.delivered(355);
  await assertSame(again);
});

everywhere('what was accepted while nobody shipped is delivered at the next start', async (t, place) => {
  const folder = await makeFolderAt(t, place);
  const journal = await Journal.open(folder);
  await journal.accept((base) => makeBatch(base, 10));
  await journal.close();
  const log = await openLog(t, folder);
  await log.shipper.delivered(10);
  await assertSame(log);
});

everywhere('killed between the insert and remembering it, the comparison finds it', async (t, place) => {
  const folder = await makeFolderAt(t, place);
  await makeDelivered(folder, numbered(100));
  changeJournal(folder, "UPDATE facts SET value = '40' WHERE name = 'shipped'");
  const log = await openLog(t, folder);
  assert.equal(log.shipper.shipped, 40);
  await log.shipper.delivered(100);
  await assertSame(log);
});

everywhere('a watermark that was lost, many batches ago, brings nothing twice', async (t, place) => {
  const folder = await makeFolderAt(t, place);
  // A megabyte each: sixteen fill a batch.
  const large = (i: number): EventValue => {
    const value = String.fromCharCode(97 + i).repeat(1024 * 1024);
    return { attribute: 'text', type: 'string', operation: 'add', new: value, marks: 0 };
  };
  const events = numbered(36).map((event, i) => ({ ...event, values: [large(i % 26)] }));
  await makeDelivered(folder, events);
  // Batches that begin elsewhere than before, so that no token of theirs is known.
  changeJournal(folder, "UPDATE facts SET value = '3' WHERE name = 'shipped'");
  const log = await openLog(t, folder);
  await log.shipper.delivered(36);
  assert.equal(await countRows(log), 36);
  assert.equal(log.shipper.shipped, 36);
});

everywhere('of a batch that ClickHouse holds in part, the rest is sent', async (t, place) => {
  const folder = await makeFolderAt(t, place);
  await makeDelivered(folder, numbered(10));
  const log = await openChangeLog(targetOf(folder));
  const columns = INSERTED_COLUMNS.map((column) => `\`${column}\``).join(', ');
  await log.shipper.stop();
  await log.journal.accept((base) => makeBatch(base, 10));
  const rows = log.journal.rows(10, 4).map(({ row }) => row);
  await log.clickhouse.insert(`INSERT INTO events (${columns}) FORMAT JSONEachRow`, rows.join('\n'));
  await log.close();
  const again = await openLog(t, folder);
  await again.shipper.delivered(20);
  await assertSame(again);
});

everywhere('rows that ClickHouse lost are sent again, though it knows the token of their insert', async (t, place) => {
  const folder = await makeFolderAt(t, place);
  await makeDelivered(folder, numbered(10));
  const log = await openChangeLog(targetOf(folder));
  await log.journal.accept((base) => makeBatch(base, 10));
  await log.shipper.delivered(20);
  await log.close();
  await changeClickHouse(folder, 'ALTER TABLE events DELETE WHERE sequence >= 10 SETTINGS mutations_sync = 2');
  changeJournal(folder, "UPDATE facts SET value = '10' WHERE name = 'shipped'");
  const again = await openLog(t, folder);
  await again.shipper.delivered(20);
  await assertSame(again);
});

everywhere(
  'a ClickHouse that holds another event than the journal is refused, and the event named',
  async (t, place) => {
    const folder = await makeFolderAt(t, place);
    await makeDelivered(folder, numbered(10));
    changeJournal(folder, "UPDATE facts SET value = '5' WHERE name = 'shipped'");
    await changeClickHouse(
      folder,
      "ALTER TABLE events UPDATE object_name = 'another' WHERE sequence = 7 SETTINGS mutations_sync = 2",
    );
    const log = await openLog(t, folder);
    await assertStops(log, 'clickhouse-different', /^ClickHouse holds another event 7 than the journal\.$/);
  },
);

everywhere('a ClickHouse with something in it that is no event is refused', async (t, place) => {
  const folder = await makeFolderAt(t, place);
  await makeDelivered(folder, numbered(10));
  changeJournal(folder, "UPDATE facts SET value = '5' WHERE name = 'shipped'");
  await changeClickHouse(
    folder,
    "ALTER TABLE events UPDATE stage = 'secret doings' WHERE sequence = 6 SETTINGS mutations_sync = 2",
  );
  const log = await openLog(t, folder);
  await assertStops(log, 'clickhouse-different', /another event 6/);
});

everywhere('a ClickHouse from which an event was deleted is refused', async (t, place) => {
  const folder = await makeFolderAt(t, place);
  await makeDelivered(folder, numbered(10));
  await changeClickHouse(folder, 'ALTER TABLE events DELETE WHERE sequence = 3 SETTINGS mutations_sync = 2');
  await assertStops(await openLog(t, folder), 'clickhouse-different', /holds 9 events up to sequence 9, and 10 were/);
});

everywhere('a ClickHouse that was emptied is refused', async (t, place) => {
  const folder = await makeFolderAt(t, place);
  await makeDelivered(folder, numbered(10));
  await changeClickHouse(folder, 'TRUNCATE TABLE events');
  await assertStops(await openLog(t, folder), 'clickhouse-different', /holds no events, but 10 were delivered/);
});

everywhere('a journal restored from an older backup is refused', async (t, place) => {
  const folder = await makeFolderAt(t, place);
  await makeDelivered(folder, numbered(10));
  changeJournal(folder, 'DELETE FROM journal WHERE sequence >= 8');
  changeJournal(folder, 'DELETE FROM checkpoints WHERE size > 8');
  changeJournal(folder, "UPDATE facts SET value = '8' WHERE name = 'shipped'");
  await assertStops(await openLog(t, folder), 'clickhouse-ahead', /up to sequence 9, the journal only 8 events/);
});

everywhere('a ClickHouse that belongs to another data folder is refused', async (t, place) => {
  const [folder, other] = [await makeFolderAt(t, place), await makeFolderAt(t, place)];
  await makeDelivered(folder, numbered(10));
  if (place === 'embedded')
    cpSync(path.join(folder, 'clickhouse'), path.join(other, 'clickhouse'), { recursive: true });
  else takeClickHouseOf(folder, other);
  const journal = await Journal.open(other);
  await journal.accept((base) => makeBatch(base, 20));
  await journal.close();
  await assertStops(await openLog(t, other), 'clickhouse-different', /another log, metatrail\/[0-9a-f]{16}/);
});

const member = (operation: 'add' | 'remove', person: number): EventValue => ({
  attribute: 'member',
  type: 'reference',
  operation,
  ...(operation === 'add' ? { new: `p${person}` } : { old: `p${person}` }),
  reference: makeId(person),
  marks: 1,
});

const grants = [
  makeEvent({ object: makeId(100), agent: 'ldap', values: [member('add', 1), member('add', 2)] }),
  makeEvent({ object: makeId(100), agent: 'ldap', outcome: 'export-intent', values: [member('add', 3)] }),
  makeEvent({ object: makeId(100), agent: 'ldap', values: [member('remove', 1), member('add', 3)] }),
  makeEvent({
    object: makeId(1),
    agent: 'ldap',
    values: [{ attribute: 'enabled', type: 'boolean', operation: 'replace', old: 'true', new: 'false', marks: 1 }],
  }),
  makeEvent({
    object: makeId(1),
    stage: 'import-flow',
    agent: 'hr',
    values: [{ attribute: 'role', type: 'string', operation: 'replace', old: 'clerk', new: 'judge', marks: 1 }],
  }),
];

async function readChanges(log: ChangeLog): Promise<string[]> {
  const rows = await log.clickhouse.select(
    `SELECT sequence, ordinal, agent, toString(holder) AS holder, attribute, value, granted FROM entitlement_changes
     ORDER BY sequence, ordinal, granted LIMIT 100`,
    {},
    z.object({
      sequence: z.number(),
      ordinal: z.number(),
      agent: z.string(),
      holder: z.string(),
      attribute: z.string(),
      value: z.string(),
      granted: z.number(),
    }),
  );
  return rows.map((row) => {
    const holder = Number.parseInt(row.holder.slice(-4), 16);
    const change = row.granted === 1 ? 'grants' : 'revokes';
    return [row.sequence, row.agent || '-', change, row.attribute, row.value || '-', holder].join(' ');
  });
}

const EXPECTED_CHANGES = [
  '0 ldap grants member - 1',
  '0 ldap grants member - 2',
  '2 ldap revokes member - 1',
  '2 ldap grants member - 3',
  '3 ldap revokes enabled true 1',
  '4 - revokes role clerk 1',
  '4 - grants role judge 1',
];

everywhere('each grant and each revocation is one row, also when the insert is repeated', async (t, place) => {
  const folder = await makeFolderAt(t, place);
  await makeDelivered(folder, grants);
  changeJournal(folder, "DELETE FROM facts WHERE name = 'shipped'");
  const log = await openLog(t, folder);
  await log.shipper.delivered(grants.length);
  assert.deepEqual(await readChanges(log), EXPECTED_CHANGES);
  assert.equal(await countRows(log), grants.length);
});

everywhere('what an insert that was killed did not bring into a view is made up for, once', async (t, place) => {
  const lost = ['TRUNCATE TABLE entitlement_changes', 'ALTER TABLE entitlement_changes DELETE WHERE sequence >= 2'];
  for (const statement of lost) {
    const folder = await makeFolderAt(t, place);
    await makeDelivered(folder, grants);
    await changeClickHouse(folder, `${statement} SETTINGS mutations_sync = 2`.replace(/^(TRUNCATE.*?) SET.*/, '$1'));
    changeJournal(folder, "DELETE FROM facts WHERE name = 'shipped'");
    const log = await openChangeLog(targetOf(folder));
    await log.shipper.delivered(grants.length);
    assert.deepEqual(await readChanges(log), EXPECTED_CHANGES);
    await log.close();
  }
});

test('stopping is quick, and whoever waits for a delivery that will not come is told', async (t) => {
  const log = await openLog(t, await makeFolderAt(t, 'embedded'));
  await log.shipper.delivered(0);
  const waiting = assert.rejects(log.shipper.delivered(5), { code: 'clickhouse-away' });
  const before = performance.now();
  await log.shipper.stop();
  assert.ok(performance.now() - before < 1000);
  await waiting;
  await assert.rejects(log.shipper.delivered(5), { code: 'clickhouse-away' });
});

test('what stands in the way of shipping is told without a word of a row', async (t) => {
  const folder = await makeFolderAt(t, 'embedded');
  await makeDelivered(
    folder,
    ['Annabel', 'Bob', 'Carl'].map((objectName) => makeEvent({ objectName })),
  );
  changeJournal(folder, "DELETE FROM facts WHERE name = 'shipped'");
  // Of the newest second each row is read at the start.
  const before = '2020-01-01 00:00:00.000000';
  changeJournal(folder, `UPDATE journal SET row = json_set(row, '$.recorded_at', '${before}') WHERE sequence = 1`);
  changeJournal(folder, `UPDATE journal SET row = replace(row, '"Annabel"', 'Annabel"') WHERE sequence = 0`);
  const log = await openLog(t, folder);
  await assert.rejects(log.shipper.delivered(3), { code: 'journal-damaged' });
  assert.equal(log.shipper.state, 'stopped');
  assert.doesNotMatch(log.shipper.problem?.message ?? '', /Anna/);
});

test('a log whose ClickHouse cannot be opened leaves the data folder free', async (t) => {
  const folder = await makeFolderAt(t, 'embedded');
  writeFileSync(path.join(folder, 'clickhouse'), '');
  await assert.rejects(openChangeLog(targetOf(folder)), {
    code: 'data-folder-not-writable',
    message: /clickhouse of the embedded ClickHouse cannot/,
  });
  await openJournal(t, folder);
});
