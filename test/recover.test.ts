// `metatrail recover` through the real command line: one store was restored from a backup, lost something or was altered.
// Each time it says what is wrong and changes nothing, and with --apply log and journal agree again, row by row.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { z } from 'zod';
import { PARTITION_EVENTS } from '../ingest/clickhouse/cluster.ts';
import { type ClickHouse, openClickHouse } from '../ingest/clickhouse/connect.ts';
import { migrateClickHouse } from '../ingest/clickhouse/migrate.ts';
import { repair } from '../ingest/clickhouse/recover.ts';
import { diagnose } from '../ingest/clickhouse/recover-diagnosis.ts';
import { EVENT_COLUMNS, fromRow, rowSchema } from '../ingest/clickhouse/rows.ts';
import { LogError } from '../ingest/errors.ts';
import { Journal } from '../ingest/journal/journal.ts';
import { type ChangeLog, openChangeLog } from '../ingest/log.ts';
import { grant } from './faults/one-batch.ts';
import { assertWhole } from './ingest-whole.ts';
import { afterwards, makeBatch, makeFolder } from './ingest-world.ts';
import { assertReplays } from './replayed-state.ts';
import { makeCompany, metatrail, startService } from './service-world.ts';

const PROGRAM = path.join(import.meta.dirname, '../api/metatrail.ts');
const WHY = 'the disk was replaced';

interface Said {
  status: number | null;
  stdout: string;
  stderr: string;
}

async function recover(folder: string, ...options: string[]): Promise<Said> {
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, [PROGRAM, 'recover', ...options], {
    env: { PATH, HOME, METATRAIL_DATA: folder, UV_THREADPOOL_SIZE: '16' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { status: typeof status === 'number' ? status : null, stdout, stderr };
}

const grants = (from: number, count: number) => Array.from({ length: count }, (_, i) => grant(from + i));

/** Accepts so many grants and delivers them. */
async function deliver(folder: string, ...batches: number[]): Promise<void> {
  const log = await openChangeLog({ folder });
  for (const count of batches) {
    const { next } = await log.journal.accept((base) => ({ events: grants(base + 1, count), state: [] }));
    await log.shipper.delivered(next);
  }
  await log.close();
}

function backUp(t: TestContext, folder: string): string {
  const backup = makeFolder(t);
  cpSync(folder, backup, { recursive: true });
  return backup;
}

/** Puts back one of the two stores from a backup of the folder. */
function restore(store: 'clickhouse' | 'journal', backup: string, folder: string): void {
  const ofStore = (name: string): boolean => (name === 'clickhouse') === (store === 'clickhouse');
  for (const name of readdirSync(folder).filter(ofStore)) rmSync(path.join(folder, name), { recursive: true });
  for (const name of readdirSync(backup).filter(ofStore))
    cpSync(path.join(backup, name), path.join(folder, name), { recursive: true });
}

async function changeClickHouse(folder: string, ...statements: string[]): Promise<void> {
  const clickhouse = openClickHouse({ folder });
  for (const statement of statements) await clickhouse.command(statement);
  await clickhouse.close();
}

/** What is in both stores, to see that nothing was changed. */
async function fingerprint(folder: string): Promise<unknown> {
  const journal = await Journal.open(folder);
  const head = await journal.head();
  await journal.close();
  const clickhouse = openClickHouse({ folder });
  const tables = ['events', 'entitlement_changes'].map((table) =>
    clickhouse.select(`SELECT count() AS n, sum(sipHash64(*)) AS h FROM ${table}`, {}, z.unknown()),
  );
  const held = await Promise.all(tables);
  await clickhouse.close();
  return { head, held };
}

async function assertUnchanged(folder: string, work: () => Promise<void>): Promise<void> {
  const before = await fingerprint(folder);
  await work();
  assert.deepEqual(await fingerprint(folder), before);
}

async function withLog(folder: string, work: (log: ChangeLog) => Promise<void>): Promise<void> {
  const log = await openChangeLog({ folder });
  try {
    await work(log);
  } finally {
    await log.close();
  }
}

/** The log opens, ships and is whole; returns it, closed after the test. */
async function openWhole(t: TestContext, folder: string): Promise<ChangeLog> {
  const log = await openChangeLog({ folder });
  afterwards(t, () => log.close());
  await log.journal.accept((base) => makeBatch(base, 3));
  await log.shipper.delivered(log.journal.size);
  await assertWhole(log);
  return log;
}

const newestRow = (log: ChangeLog, back: number): unknown =>
  JSON.parse(log.journal.rows(log.journal.size - back, 1)[0]?.row ?? '{}');

test('a ClickHouse restored from an older backup gets what the journal has, and only with --apply', async (t) => {
  const folder = makeFolder(t);
  await deliver(folder, 300);
  const backup = backUp(t, folder);
  await deliver(folder, 200, 100);
  restore('clickhouse', backup, folder);
  await assertUnchanged(folder, async () => {
    const { status, stdout } = await recover(folder);
    assert.equal(status, 1);
    assert.match(
      stdout,
      /^Of 600 events delivered, ClickHouse has lost 300 events: 300 to 599\. .*--apply sends them again\.$/m,
    );
    assert.match(stdout, /^Nothing was changed\.$/m);
  });
  const { status, stdout } = await recover(folder, '--apply', '--why', WHY, '--by', 'the operator');
  assert.match(stdout, /^Repaired: 0 rows set aside, 300 put back from the journal; 601 events are accepted/m);
  assert.equal(status, 0);
  const log = await openWhole(t, folder);
  assert.partialDeepStrictEqual(newestRow(log, 4), {
    stage: 'retention',
    outcome: 'put-back',
    initiator: 'the operator',
    'value.attribute': ['rows', 'sequences', 'reason'],
    'value.new': ['300', '300 to 599', WHY],
  });
});

test('rows that ClickHouse lost here and there are put back, though it knows the tokens of their inserts', async (t) => {
  const folder = makeFolder(t);
  await deliver(folder, 300, 50, 50);
  const lost = 'sequence IN (0, 7, 8, 120) OR sequence >= 350';
  await changeClickHouse(
    folder,
    `ALTER TABLE events DELETE WHERE ${lost} SETTINGS mutations_sync = 2`,
    `ALTER TABLE entitlement_changes DELETE WHERE ${lost} SETTINGS mutations_sync = 2`,
  );
  const { stdout } = await recover(folder);
  assert.match(stdout, /has lost 54 events: 0, 7 to 8, 120, 350 to 399\./);
  const { status } = await recover(folder, '--apply', '--why', WHY);
  assert.equal(status, 0);
  await openWhole(t, folder);
});

test('a table of a view that lost rows, or has some too many, is made again', async (t) => {
  const folder = makeFolder(t);
  await deliver(folder, 60);
  const wrongs = [
    'ALTER TABLE entitlement_changes DELETE WHERE sequence > 40 SETTINGS mutations_sync = 2',
    'INSERT INTO entitlement_changes SELECT * FROM entitlement_changes LIMIT 3',
    "ALTER TABLE entitlement_changes UPDATE value = 'forged' WHERE sequence = 5 SETTINGS mutations_sync = 2",
  ];
  for (const wrong of wrongs) {
    await changeClickHouse(folder, wrong);
    assert.match((await recover(folder)).stdout, /^The table entitlement_changes does not hold what its view makes/m);
    assert.equal((await recover(folder, '--apply', '--why', WHY)).status, 0);
    await withLog(folder, async (log) => {
      await assertWhole(log);
      assert.partialDeepStrictEqual(newestRow(log, 1), {
        stage: 'retention',
        operation: 'update',
        outcome: 'view-remade',
        'value.attribute': ['table', 'sequences', 'reason'],
        'value.new': ['entitlement_changes', `0 to ${log.journal.size - 2}`, WHY],
      });
    });
  }
});

test('what the journal was trimmed of is named, and nothing is done that could hide it', async (t) => {
  const folder = makeFolder(t);
  await deliver(folder, 100);
  const backup = backUp(t, folder);
  await deliver(folder, 500);
  const journal = await Journal.open(folder);
  assert.equal(await journal.trim(256), 256);
  await journal.close();
  restore('clickhouse', backup, folder);
  await assertUnchanged(folder, async () => {
    for (const options of [[], ['--apply', '--why', WHY]]) {
      const { status, stdout } = await recover(folder, ...options);
      assert.equal(status, 1);
      assert.match(
        stdout,
        /has lost 156 events: 100 to 255; the journal was trimmed and begins with event 256\. Only a backup of ClickHouse/,
      );
      assert.match(stdout, /restore ClickHouse from a backup that holds them, or bring them back from a bundle\.$/m);
      assert.match(stdout, /^Nothing was changed\.$/m);
    }
  });
});

test('events that a journal restored from a backup does not know are set aside, and an event says so', async (t) => {
  const folder = makeFolder(t);
  await deliver(folder, 300);
  const backup = backUp(t, folder);
  await deliver(folder, 200);
  restore('journal', backup, folder);
  await assertUnchanged(folder, async () => {
    const { status, stdout } = await recover(folder);
    assert.equal(status, 1);
    assert.match(
      stdout,
      /^The journal ends after 300 events; ClickHouse holds 200 events beyond: 300 to 499, accepted from 20.* to 20.* \(200 import of ldap\)\.$/m,
    );
    assert.match(stdout, /a full import and an export of every agent settle it\.$/m);
    assert.doesNotMatch(stdout, /Zoë|initiator \d|group \d/);
  });
  const { status, stdout } = await recover(folder, '--apply', '--why', WHY);
  assert.match(stdout, /^Repaired: 200 rows set aside, 0 put back/m);
  assert.equal(status, 0);
  const log = await openWhole(t, folder);
  const { rows, sha256 } = await readSetAside(log);
  assert.deepEqual(
    rows,
    Array.from({ length: 200 }, (_, i) => 300 + i),
  );
  assert.partialDeepStrictEqual(newestRow(log, 4), {
    stage: 'retention',
    operation: 'delete',
    outcome: 'set-aside',
    'value.attribute': ['rows', 'sequences', 'sha256', 'reason'],
    'value.new': ['200', '300 to 499', sha256, WHY],
  });
});

/** The sequences of what was set aside, and the hash over its rows, as the event says how it is made. */
async function readSetAside(log: ChangeLog): Promise<{ rows: unknown[]; sha256: string }> {
  const columns = EVENT_COLUMNS.map((column) => `\`${column}\``).join(', ');
  const rows = await log.clickhouse.select(
    `SELECT ${columns} FROM events_set_aside ORDER BY sequence LIMIT 10000`,
    {},
    z.record(z.string(), z.unknown()),
  );
  const lines = rows.map((row) => `${JSON.stringify(EVENT_COLUMNS.map((column) => row[column]))}\n`);
  return {
    rows: rows.map(({ sequence }) => sequence),
    sha256: createHash('sha256').update(lines.join('')).digest('hex'),
  };
}

test('a restored journal that went on accepting is right only when somebody says so', async (t) => {
  const folder = makeFolder(t);
  await deliver(folder, 300);
  const backup = backUp(t, folder);
  await deliver(folder, 20);
  restore('journal', backup, folder);
  const journal = await Journal.open(folder);
  await journal.accept((base) => makeBatch(base, 10));
  await journal.close();
  await assertUnchanged(folder, async () => {
    const { status, stdout } = await recover(folder, '--apply', '--why', WHY);
    assert.equal(status, 1);
    assert.match(
      stdout,
      /holds 10 events that the journal has otherwise, within 300 to 309: event 300 in recorded_at, .*; event 309/,
    );
    assert.match(stdout, /beyond: 310 to 319/);
    assert.match(stdout, /only when --from-journal says/);
  });
  const { status, stdout } = await recover(folder, '--apply', '--from-journal', '--why', WHY);
  assert.match(stdout, /^Repaired: 20 rows set aside, 0 put back/m);
  assert.equal(status, 0);
  const log = await openWhole(t, folder);
  assert.equal((await readSetAside(log)).rows.length, 20);
  assert.equal(log.journal.size, 310 + 1 + 3);
});

test('an event that was altered is named with its columns, never its values, and replaced by the journal’s', async (t) => {
  const folder = makeFolder(t);
  await deliver(folder, 40);
  await changeClickHouse(
    folder,
    "ALTER TABLE events UPDATE object_name = 'forged', operation = 'delete' WHERE sequence = 7 SETTINGS mutations_sync = 2",
  );
  await assertUnchanged(folder, async () => {
    const { stdout } = await recover(folder);
    assert.match(
      stdout,
      /holds an event that the journal has otherwise, within 7: event 7 in operation, object_name\.$/m,
    );
    assert.doesNotMatch(stdout, /forged|group/);
  });
  const { status, stdout } = await recover(folder, '--apply', '--from-journal', '--why', WHY);
  assert.match(stdout, /^Repaired: 1 rows set aside, 1 put back/m);
  assert.equal(status, 0);
  await openWhole(t, folder);
});

test('rows of another log are never touched', async (t) => {
  const [folder, other] = [makeFolder(t), makeFolder(t)];
  await deliver(folder, 20);
  await deliver(other, 30);
  restore('clickhouse', other, folder);
  await assertUnchanged(folder, async () => {
    const { status, stdout } = await recover(folder, '--apply', '--from-journal', '--why', WHY);
    assert.equal(status, 1);
    assert.match(
      stdout,
      /holds 30 events of the log metatrail\/\w+, and this data folder is the log metatrail\/\w+: the two do not/,
    );
  });
});

test('each step of a repair fails once, and the next recovery finishes it', { timeout: 300_000 }, async (t) => {
  const before = makeFolder(t);
  await deliver(before, 30);
  const backup = backUp(t, before);
  await deliver(before, 20);
  restore('journal', backup, before);
  await changeClickHouse(before, 'ALTER TABLE events DELETE WHERE sequence = 3 SETTINGS mutations_sync = 2');
  for (let step = 1; ; step++) {
    const folder = backUp(t, before);
    const failed = await repairFailing(folder, step);
    assert.equal(await repairFailing(folder, Number.POSITIVE_INFINITY), false);
    await withLog(folder, async (log) => {
      await log.shipper.delivered(log.journal.size);
      await assertWhole(log);
      const { rows } = await readSetAside(log);
      assert.deepEqual(
        rows,
        Array.from({ length: 20 }, (_, i) => 30 + i),
        `after step ${step} failed`,
      );
      assert.deepEqual(toldSince(log, 30), [
        { outcome: 'set-aside', sequences: '30 to 49', reason: WHY },
        { outcome: 'put-back', sequences: '3', reason: WHY },
        { outcome: 'view-remade', sequences: '0 to 29', reason: WHY },
      ]);
      assert.equal(log.journal.state.keys('recovery').length, 0);
    });
    rmSync(folder, { recursive: true });
    if (!failed) {
      assert.ok(step > 16, `a repair has ${(step - 1) / 2} statements`);
      return;
    }
  }
});

/** What the events of a repair say, from a sequence on. */
function toldSince(log: ChangeLog, first: number): unknown[] {
  return log.journal.rows(first, 100).map(({ row }) => {
    const { outcome, values } = fromRow(rowSchema.parse(JSON.parse(row)));
    const said = (name: string) => values.find(({ attribute }) => attribute === name)?.new;
    return { outcome, sequences: said('sequences'), reason: said('reason') };
  });
}

/** Repairs with a ClickHouse of whose changes one is not done, or done and not heard of: two steps for each statement. */
async function repairFailing(folder: string, step: number): Promise<boolean> {
  const journal = await Journal.open(folder);
  const clickhouse = openClickHouse({ folder });
  await migrateClickHouse(clickhouse, PARTITION_EVENTS);
  let count = 0;
  const counted = async (work: () => Promise<void>) => {
    // Before it is done, then after it is done.
    for (const due of [() => undefined, work]) {
      await due();
      count += 1;
      if (count === step) throw new LogError('clickhouse-away', 'ClickHouse does not answer.');
    }
  };
  const failing: ClickHouse = {
    ...clickhouse,
    command: (sql, params) => counted(() => clickhouse.command(sql, params)),
    insert: (statement, lines) => counted(() => clickhouse.insert(statement, lines)),
    openOwners: async () => [{ ...failing, close: async () => undefined }],
  };
  try {
    await repair(journal, failing, await diagnose(journal, clickhouse), { by: 'a test', why: WHY, fromJournal: false });
    return false;
  } catch (error) {
    assert.ok(error instanceof LogError, String(error));
    return true;
  } finally {
    await clickhouse.close();
    await journal.close();
  }
}

test('stores that agree are said to agree, and a folder that is none is not made', async (t) => {
  const folder = makeFolder(t);
  await deliver(folder, 20);
  const { status, stdout } = await recover(folder, '--apply', '--why', WHY);
  assert.match(
    stdout,
    /^Nothing to recover: 20 events are accepted, 20 delivered, and ClickHouse holds them as the journal does\.$/m,
  );
  assert.equal(status, 0);
  const nowhere = path.join(makeFolder(t), 'data');
  const wrong = await recover(nowhere);
  assert.equal(wrong.status, 1);
  assert.match(wrong.stderr, /^There is no data folder /);
  assert.ok(!existsSync(nowhere));
  const reasonless = await recover(folder, '--apply');
  assert.equal(reasonless.status, 1);
  assert.match(reasonless.stderr, /^--apply needs --why/);
});

test('while the service runs it has to be stopped first', async (t) => {
  const company = makeCompany(t);
  const service = await startService(t, company);
  const { status, stderr } = await recover(company.data);
  assert.equal(status, 1);
  assert.match(stderr, /^The service at http:\S+ runs on the data folder .*; stop it first/);
  await service.stop();
  assert.equal((await recover(company.data)).status, 0);
});

test('a service whose journal was restored from a backup does nothing until it is recovered, and then goes on', async (t) => {
  const company = makeCompany(t);
  assert.equal((await metatrail(company, 'run', 'hr', 'full')).status, 0);
  const backup = backUp(t, company.data);
  assert.equal((await metatrail(company, 'run', 'directory', 'export')).status, 0);
  restore('journal', backup, company.data);
  for (const command of [['run', 'directory', 'export'], ['query', '{ changes { watermark } }'], ['start']]) {
    const { status, stdout, stderr } = await metatrail(company, ...command);
    assert.equal(status, 1, command.join(' '));
    assert.match(`${stdout}${stderr}`, /metatrail recover/, command.join(' '));
    assert.doesNotMatch(stderr, /node:internal|file:\/\//);
  }
  const recovered = await recover(company.data, '--apply', '--why', WHY);
  assert.equal(recovered.status, 0, recovered.stdout + recovered.stderr);
  assert.equal((await metatrail(company, 'run', 'directory', 'confirm')).status, 0);
  assert.equal((await metatrail(company, 'run', 'directory', 'export')).status, 0);
  const { stdout } = await metatrail(company, 'query', '{ runs { nodes { result } } }');
  assert.doesNotMatch(stdout, /stopped|errors/);
  const clickhouse = openClickHouse({ folder: company.data });
  afterwards(t, () => clickhouse.close());
  await assertReplays(company.data, clickhouse);
});
