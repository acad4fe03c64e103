// Partitions that have expired: a signed tombstone stands for each, everything after it is verified as before, and what does
// not fit together is found.
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { after, before, type TestContext, test } from 'node:test';
import type { ProposedEvent } from '../ingest/event.ts';
import { openChangeLog } from '../ingest/log.ts';
import { expire, planExpiry } from '../ingest/retention/expire.ts';
import { Bundle } from '../ingest/verify/bundle.ts';
import { checkBundle, editContents, editFile, makeBundle, seal } from './bundle-world.ts';
import { makeEvent, makeFolder } from './ingest-world.ts';
import { check, faultsOf, makeEvents, TestSigner, tamper, withSqlite } from './verify-world.ts';

const PARTITION = 256;
const EXPIRED = 3 * PARTITION;
/** Of a time after everything. */
const LATER = 8_000_000_000_000_000;
const WHO = { who: 'records office', by: 'administrator' };

const suite = mkdtempSync(path.join(tmpdir(), 'metatrail-verify-retention-'));
/** Of more than four partitions the first three have expired, the first one before the others. */
const data = path.join(suite, 'data');
let origin = '';

/** A run of one step that begins in what expires and ends after it. */
function aroundExpiry(base: number): ProposedEvent[] {
  const run = { run: base, stage: 'run', agent: 'hr' } as const;
  const value = (attribute: string, count: number) =>
    ({ attribute, type: 'integer', operation: 'add', new: String(count), marks: 0 }) as const;
  return [
    makeEvent({ stage: 'run', agent: 'hr', operation: 'start', outcome: 'started' }),
    makeEvent({ ...run, step: 1, operation: 'start', outcome: 'started' }),
    ...makeEvents(base + 2, 200).map((event) => ({
      ...event,
      run: base,
      step: 1,
      stage: 'import' as const,
      outcome: 'stage-add',
    })),
    makeEvent({
      ...run,
      step: 1,
      operation: 'finish',
      outcome: 'success',
      values: [value('counter/import/hr/person/stage-add', 200)],
    }),
    makeEvent({ ...run, operation: 'finish', outcome: 'success' }),
  ];
}

async function open(folder: string) {
  return openChangeLog({ folder, partitionEvents: PARTITION });
}

/** Lets go of all partitions before a sequence. */
async function expireBelow(folder: string, below: number): Promise<void> {
  const log = await open(folder);
  try {
    await log.shipper.delivered(log.journal.size);
    const sources = { ...log, sign: (text: string) => log.checkpoints.sign(text) };
    const plan = await planExpiry(sources, LATER, new Map());
    const partitions = plan.partitions.filter(({ first }) => first < below);
    await expire(sources, { ...plan, partitions }, { inForce: new Map(), state: [] }, WHO);
  } finally {
    await log.close();
  }
}

before(async () => {
  const log = await open(data);
  origin = log.journal.log;
  for (const count of [300, 300]) {
    await log.journal.accept((base) => ({ events: makeEvents(base, count), state: [] }));
    await log.checkpoints.current();
  }
  await log.journal.accept((base) => ({ events: aroundExpiry(base), state: [] }));
  await log.checkpoints.current();
  await log.journal.accept((base) => ({ events: makeEvents(base, 300), state: [] }));
  await log.close();
  await expireBelow(data, PARTITION);
  await expireBelow(data, EXPIRED);
});
after(() => rmSync(suite, { recursive: true, force: true }));

function copyOf(t: TestContext): string {
  const folder = path.join(makeFolder(t), 'data');
  cpSync(data, folder, { recursive: true });
  return folder;
}

test('what has expired is said, and the rest is verified: leaves, older checkpoints, views, runs that began before', async () => {
  const report = await check(data);
  assert.deepEqual([report.faults, report.unchecked, report.result], [[], [], 'verified']);
  assert.deepEqual([report.first, report.checkpoints[0]?.size], [EXPIRED, 300]);
  assert.ok(report.checkpoints.every(({ holds }) => holds));
  assert.deepEqual(
    report.gaps.map(({ kind, first }) => [kind, first]),
    [
      ['expired', 0],
      ['expired', PARTITION],
      ['expired', 2 * PARTITION],
      ['step-cut', 802],
    ],
  );
  assert.match(
    report.gaps[0]?.what ?? '',
    /^Events 0 to 255, accepted until 2\d{3}-.*, have expired by event \d+: tombstone 0/,
  );
});

function tombstoneOf(database: DatabaseSync, first: number): Record<string, unknown> & { note: string } {
  const key = String(first).padStart(16, '0');
  return JSON.parse(
    String(database.prepare("SELECT value FROM state WHERE kind = 'tombstone' AND key = ?").get(key)?.value),
  );
}

function edit(database: DatabaseSync, first: number, change: (kept: ReturnType<typeof tombstoneOf>) => object): void {
  const kept = tombstoneOf(database, first);
  const changed = { ...kept, ...change(kept) };
  assert.notDeepEqual(changed, kept);
  const key = String(first).padStart(16, '0');
  database.prepare("UPDATE state SET value = ? WHERE kind = 'tombstone' AND key = ?").run(JSON.stringify(changed), key);
}

/** Somebody signs a tombstone anew, with other lines. */
function sign(note: string, signer: TestSigner, change: (body: string) => string = (body) => body): string {
  const body = change(note.slice(0, note.lastIndexOf('\n\n') + 1));
  return `${body}\n${signer.signatureOf(body)}`;
}

const own = () => TestSigner.of(data);
const put =
  (first: number, value: object, key = String(first).padStart(16, '0')) =>
  (database: DatabaseSync) =>
    database
      .prepare("INSERT INTO state (kind, key, value, indexed) VALUES ('tombstone', ?, ?, '{}')")
      .run(key, JSON.stringify(value));

/** What is altered in the SQLite file, and what is found. */
const IN_SQLITE: Record<string, { attack: (database: DatabaseSync) => void; found: [string, number | undefined][] }> = {
  'the text of a tombstone': {
    attack: (database) =>
      edit(database, 256, ({ note }) => ({ note: note.replace(/(happened until .*\.)\d{6}Z/, '$1999998Z') })),
    found: [
      ['tombstone-different', 256],
      ['tombstone-different', 256],
      ['tombstone-signature', 256],
    ],
  },
  'a tombstone, signed by somebody else': {
    attack: (database) => edit(database, 0, ({ note }) => ({ note: sign(note, new TestSigner(origin)) })),
    found: [
      ['tombstone-different', 0],
      ['tombstone-signature', 0],
    ],
  },
  'the root of a tombstone, by whoever holds the key': {
    attack: (database) =>
      edit(database, 0, ({ note }) => ({
        note: sign(note, own(), (body) => body.replace(/\n0 256\n..../, '\n0 256\nAAAA')),
      })),
    found: [
      ['tombstone-different', 0],
      ['tombstone-root', 0],
    ],
  },
  'the range of a tombstone, by whoever holds the key': {
    attack: (database) =>
      edit(database, 512, ({ note }) => ({
        note: sign(note, own(), (body) => body.replace('\n512 256\n', '\n512 512\n')),
      })),
    found: [
      ['missing', 512],
      ['tombstone-different', 512],
      ['tombstone-range', 512],
      ['tombstone-root', 512],
    ],
  },
  'a tombstone that no event knows, over rows that are gone': {
    attack: (database) => {
      const { note, ...rest } = tombstoneOf(database, 512);
      const made = sign(note, own(), (body) => body.replace('\n512 256\n', '\n768 256\n'));
      put(768, { ...rest, first: 768, note: made })(database);
    },
    found: [
      ['tombstone-root', 768],
      ['tombstone-without-event', 768],
    ],
  },
  'a key that came after a tombstone': {
    attack: (database) => {
      const later = new TestSigner(origin);
      database.prepare('INSERT INTO checkpoint_keys (from_size, vkey) VALUES (5000, ?)').run(later.vkey);
      edit(database, 256, ({ note }) => ({ note: sign(note, later) }));
    },
    found: [
      ['tombstone-different', 256],
      ['tombstone-key', 256],
    ],
  },
  'the log of a tombstone': {
    attack: (database) =>
      edit(database, 0, ({ note }) => ({ note: sign(note, own(), (body) => body.replace(origin, 'metatrail/other')) })),
    found: [
      ['tombstone-different', 0],
      ['tombstone-origin', 0],
      ['tombstone-signature', 0],
    ],
  },
  'the range beside a tombstone': {
    attack: (database) => edit(database, 256, () => ({ size: 512 })),
    found: [
      ['tombstone-different', 256],
      ['tombstone-range', 256],
    ],
  },
  'a time beside a tombstone': {
    attack: (database) => edit(database, 256, () => ({ lastOccurred: 5 })),
    found: [['tombstone-different', 256]],
  },
  'a tombstone, made unreadable': {
    attack: (database) => edit(database, 512, () => ({ note: 'nothing' })),
    found: [
      ['missing', 512],
      ['tombstone-different', 512],
      ['tombstone-malformed', 512],
    ],
  },
  'the last tombstone, deleted': {
    attack: (database) => database.exec("DELETE FROM state WHERE kind = 'tombstone' AND key LIKE '%512'"),
    found: [
      ['missing', 512],
      ['tombstone-missing', 512],
    ],
  },
  'a tombstone between others, deleted': {
    attack: (database) => database.exec("DELETE FROM state WHERE kind = 'tombstone' AND key LIKE '%256'"),
    found: [
      ['missing', 256],
      ['tombstone-gap', 256],
      ['tombstone-missing', 256],
    ],
  },
  'a tombstone of a partition, a second time': {
    attack: (database) => put(0, tombstoneOf(database, 0), 'again')(database),
    found: [['tombstone-overlap', 0]],
  },
  'how many events a partition holds': {
    attack: (database) => database.exec("UPDATE facts SET value = '512' WHERE name = 'partition-events'"),
    found: [
      ['missing', 0],
      ['tombstone-range', 0],
      ['tombstone-range', 256],
      ['tombstone-range', 512],
      ['partition', 768],
      ['partition', 1024],
    ],
  },
  'a tile of what has expired': {
    attack: (database) => {
      const bytes = Buffer.from(
        database.prepare('SELECT hashes FROM tiles WHERE level = 0 AND tile = 1').get()?.hashes as Uint8Array,
      );
      bytes[5000] = (bytes[5000] ?? 0) ^ 1;
      database.prepare('UPDATE tiles SET hashes = ? WHERE level = 0 AND tile = 1').run(bytes);
    },
    found: [['tombstone-root', 256]],
  },
};

/** What follows from others: steps cannot be counted, and what was signed of a tile that was altered does not hold. */
const FOLLOWING = ['checkpoint-root', 'step'];

for (const [what, { attack, found }] of Object.entries(IN_SQLITE)) {
  test(`altered in the journal's file is found: ${what}`, async (t) => {
    const folder = copyOf(t);
    withSqlite(folder, attack);
    const faults = faultsOf(await check(folder)).filter(([kind]) => !FOLLOWING.includes(kind));
    assert.deepEqual(faults, found);
  });
}

const ROW = 'INSERT INTO events SELECT * REPLACE (255 AS sequence) FROM (SELECT * FROM events WHERE sequence = 900)';

/** What is altered in ClickHouse, and what is found. */
const IN_CLICKHOUSE: Record<string, { statement: string; found: [string, number][] }> = {
  'a row of what has expired is there': {
    statement: ROW,
    found: [
      ['not-expired', 255],
      ['rollup', 255],
    ],
  },
  'a partition is gone for which no tombstone stands': {
    statement: 'ALTER TABLE events DROP PARTITION 3',
    found: [
      ['missing', 768],
      ['rollup', 768],
    ],
  },
  'the first row after what has expired is gone': {
    statement: 'ALTER TABLE events DELETE WHERE sequence = 768',
    found: [
      ['missing', 768],
      ['rollup', 768],
    ],
  },
  'a value after what has expired is another one': {
    statement: "ALTER TABLE events UPDATE outcome = 'other' WHERE sequence = 769",
    found: [['altered', 769]],
  },
  'the view holds something of what has expired': {
    statement:
      'INSERT INTO entitlement_changes SELECT * REPLACE (3 AS sequence) FROM (SELECT * FROM entitlement_changes WHERE sequence = 900)',
    found: [['rollup', 3]],
  },
};

for (const [what, { statement, found }] of Object.entries(IN_CLICKHOUSE)) {
  test(`after an expiry is found: ${what}`, async (t) => {
    const folder = copyOf(t);
    await tamper(folder, statement);
    assert.deepEqual(
      faultsOf(await check(folder)).filter(([kind]) => kind !== 'step'),
      found,
    );
  });
}

test('an expiry that is not at its end is no fault, and nothing is called verified', async (t) => {
  const folder = copyOf(t);
  await tamper(folder, ROW);
  withSqlite(folder, (database) => database.exec("INSERT INTO journal VALUES (255, zeroblob(32), '{}')"));
  const report = await check(folder);
  assert.deepEqual(
    [...report.faults, ...report.unchecked].map(({ kind, first }) => [kind, first]),
    [['expiry-unfinished', 255]],
  );
});

test('a bundle says what has expired, and is verified without it', async (t) => {
  const folder = path.join(makeFolder(t), 'bundle');
  const { first, size } = await makeBundle(data, folder);
  assert.equal(first, EXPIRED);
  const report = await checkBundle(folder);
  assert.deepEqual([report.faults, report.unchecked, report.size], [[], [], size]);
  assert.deepEqual(
    report.gaps.map(({ kind, first: its }) => [kind, its]),
    [
      ['expired', 0],
      ['expired', 256],
      ['expired', 512],
      ['step-cut', 802],
    ],
  );
  const refused = makeBundle(data, path.join(makeFolder(t), 'bundle'), { from: EXPIRED - 1 });
  await assert.rejects(refused, /Events before 768 have expired; export those from 768 on/);
});

type Line = { first: number; size: number; note: string };
/** What is altered in a bundle, whose table of contents says the same afterwards, and what is found. */
const IN_BUNDLE: Record<string, { alter: (lines: Line[]) => Line[]; found: [string, number][] }> = {
  'a tombstone is gone': {
    alter: ([first, , third]) => [first, third].flatMap((line) => line ?? []),
    found: [
      ['tombstone-gap', 256],
      ['tombstone-missing', 256],
    ],
  },
  'somebody else signed a tombstone': {
    alter: (lines) =>
      lines.map((line) => (line.first === 256 ? { ...line, note: sign(line.note, new TestSigner(origin)) } : line)),
    found: [
      ['tombstone-different', 256],
      ['tombstone-signature', 256],
    ],
  },
  'a tombstone has another root': {
    alter: (lines) =>
      lines.map((line) => ({
        ...line,
        note: sign(line.note, own(), (body) => body.replace(/\n512 256\n..../, '\n512 256\nAAAA')),
      })),
    found: [
      ['tombstone-different', 512],
      ['tombstone-root', 512],
    ],
  },
  'a tombstone is of events whose rows are there': {
    alter: (lines) => [
      ...lines,
      {
        first: 768,
        size: 256,
        note: sign(lines[2]?.note ?? '', own(), (body) => body.replace('\n512 256\n', '\n768 256\n')),
      },
    ],
    found: [
      ['not-expired', 768],
      ['tombstone-root', 768],
    ],
  },
};

for (const [what, { alter, found }] of Object.entries(IN_BUNDLE)) {
  test(`in a bundle is found: ${what}`, async (t) => {
    const folder = path.join(makeFolder(t), 'bundle');
    await makeBundle(data, folder);
    editFile(folder, 'tombstones.jsonl', (bytes) => {
      const lines = bytes.toString().trimEnd().split('\n');
      return alter(lines.map((line): Line => JSON.parse(line)))
        .map((line) => `${JSON.stringify(line)}\n`)
        .join('');
    });
    seal(folder);
    assert.deepEqual(faultsOf(await checkBundle(folder)), found);
  });
}

test('lines of a bundle that are no tombstones, and a partition of no size, end the check', async (t) => {
  const folder = path.join(makeFolder(t), 'bundle');
  await makeBundle(data, folder);
  editFile(folder, 'tombstones.jsonl', () => '{"first":-1}\n');
  assert.throws(() => new Bundle(folder), /Line 1 of tombstones\.jsonl of the bundle is no tombstone/);
  editContents(folder, (contents) => ({ ...contents, partition_events: 300 }));
  assert.throws(() => new Bundle(folder), /partition_events is no power of two/);
});
