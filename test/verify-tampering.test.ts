// Attackers who can write the stores of an installation. Each alters one thing; the verifier finds it, and names the first
// event that is wrong.
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { after, before, type TestContext, test } from 'node:test';
import { openChangeLog } from '../ingest/log.ts';
import { computeLeaf } from '../ingest/verify/leaf.ts';
import { LiveLog } from '../ingest/verify/live-log.ts';
import { makeFolder } from './ingest-world.ts';
import {
  check,
  faultsOf,
  makeEvents,
  makeLog,
  readRows,
  signCheckpoints,
  type TestLog,
  TestSigner,
  tamper,
  withSqlite,
} from './verify-world.ts';

/** An honest log of 700 events with checkpoints of 300, 600 and 700. */
let honest: TestLog;
const suiteFolder = mkdtempSync(path.join(tmpdir(), 'metatrail-verify-tests-'));
before(async () => {
  honest = await makeLog(suiteFolder);
});
after(() => rmSync(suiteFolder, { recursive: true, force: true }));

/** A copy of the honest log that may be altered. */
function copyOf(t: TestContext, log: TestLog = honest): string {
  const folder = path.join(makeFolder(t), 'data');
  cpSync(log.folder, folder, { recursive: true });
  return folder;
}

const ROW = (sequence: number, fields: string) =>
  `INSERT INTO events SELECT * REPLACE (${fields}) FROM (SELECT * FROM events WHERE sequence = ${sequence})`;

/** What is altered in ClickHouse, and what is found: kind and first sequence. */
const IN_CLICKHOUSE: Record<string, { statements: string[]; found: [string, number][] }> = {
  'a value': {
    statements: ["ALTER TABLE events UPDATE `value.new` = ['admin', 'B', 'p'] WHERE sequence = 123"],
    found: [
      ['altered', 123],
      ['rollup', 123],
    ],
  },
  'a time': {
    statements: ['ALTER TABLE events UPDATE occurred_at = occurred_at + 1 WHERE sequence = 299'],
    found: [
      ['altered', 299],
      ['rollup', 299],
    ],
  },
  'the time of acceptance': {
    statements: ['ALTER TABLE events UPDATE recorded_at = recorded_at + 1 WHERE sequence >= 300'],
    found: [['altered', 300]],
  },
  'an initiator': {
    statements: ["ALTER TABLE events UPDATE initiator = 'somebody-else' WHERE sequence = 0"],
    found: [['altered', 0]],
  },
  'an outcome': {
    statements: ["ALTER TABLE events UPDATE outcome = 'stage-no-change' WHERE sequence = 699"],
    found: [['altered', 699]],
  },
  'the number of a key': {
    statements: ['ALTER TABLE events UPDATE actor_key = subject_key WHERE sequence = 511'],
    found: [['altered', 511]],
  },
  'a root and a cause': {
    statements: ['ALTER TABLE events UPDATE root = 3, causes = [3] WHERE sequence = 20'],
    found: [
      ['altered', 20],
      ['other-root', 20],
    ],
  },
  'a column that the leaf does not cover': {
    statements: ['ALTER TABLE events UPDATE configuration = 9 WHERE sequence = 256'],
    found: [['uncovered-column', 256]],
  },
  'a commitment in place of a name': {
    statements: [
      "ALTER TABLE events UPDATE object_name = '', anchor = '', object_commitment = repeat('x', 32) WHERE sequence = 8",
    ],
    found: [
      ['altered', 8],
      ['commitment-with-key', 8],
    ],
  },
  'the log that a row belongs to': {
    statements: ["ALTER TABLE events UPDATE log = 'metatrail/ffffffffffffffff' WHERE sequence = 77"],
    found: [
      ['altered', 77],
      ['other-log', 77],
    ],
  },
  'a row, deleted': {
    statements: ['ALTER TABLE events DELETE WHERE sequence = 400'],
    found: [
      ['missing', 400],
      ['rollup', 400],
    ],
  },
  'the end, cut off': {
    statements: [
      'ALTER TABLE events DELETE WHERE sequence >= 650',
      'ALTER TABLE entitlement_changes DELETE WHERE sequence >= 650',
    ],
    found: [['missing', 650]],
  },
  'a row, inserted at the end': {
    statements: [ROW(5, '700 AS sequence')],
    found: [['never-accepted', 700]],
  },
  'a row, inserted a second time': {
    statements: [ROW(5, "'another' AS outcome")],
    found: [['duplicate', 5]],
  },
  'two rows, swapped': {
    statements: [
      ROW(30, '10 AS sequence'),
      ROW(10, '30 AS sequence'),
      "ALTER TABLE events DELETE WHERE (sequence = 10 AND object_name = 'Person 4') OR (sequence = 30 AND object_name = 'Person 3')",
    ],
    found: [
      ['altered', 10],
      ['later-event', 10],
      ['rollup', 10],
    ],
  },
  'a grant in the view, altered': {
    statements: ["ALTER TABLE entitlement_changes UPDATE value = 'nothing' WHERE sequence = 50"],
    found: [['rollup', 50]],
  },
  'a grant in the view, deleted': {
    statements: ['ALTER TABLE entitlement_changes DELETE WHERE sequence = 51'],
    found: [['rollup', 51]],
  },
  'a grant in the view, made up': {
    statements: [
      'INSERT INTO entitlement_changes SELECT * REPLACE (1 - granted AS granted) FROM entitlement_changes WHERE sequence = 52',
    ],
    found: [['rollup', 52]],
  },
  'a grant in the view of an event that is not there': {
    statements: [
      'INSERT INTO entitlement_changes SELECT * REPLACE (9000 AS sequence) FROM (SELECT * FROM entitlement_changes WHERE sequence = 52)',
    ],
    found: [['rollup', 9000]],
  },
};

for (const [what, { statements, found }] of Object.entries(IN_CLICKHOUSE)) {
  test(`altered in ClickHouse is found: ${what}`, async (t) => {
    const folder = copyOf(t);
    await tamper(folder, ...statements);
    const report = await check(folder);
    assert.equal(report.result, 'faults');
    assert.deepEqual(faultsOf(report), found);
  });
}

/** What is altered in the SQLite file, and what is found. `{other}` is a verifier key of somebody else. */
const IN_SQLITE: Record<string, { attack: (database: DatabaseSync) => void; found: [string, number | undefined][] }> = {
  'a tile': {
    attack: (database) => flipByte(database, 'tiles', 'hashes', 'level = 0 AND tile = 1', 44 * 32),
    found: [['tile-altered', 300]],
  },
  'a leaf that is in no tile yet': {
    attack: (database) => flipByte(database, 'journal', 'leaf', 'sequence = 650', 0),
    found: [['tile-altered', 650]],
  },
  'the root of a checkpoint': {
    attack: (database) => editNote(database, 600, (note) => note.replace(/\n600\n..../, '\n600\nAAAA')),
    found: [['checkpoint-signature', undefined]],
  },
  'the size of a checkpoint': {
    attack: (database) => editNote(database, 600, (note) => note.replace('\n600\n', '\n601\n')),
    found: [['checkpoint-signature', undefined]],
  },
  'the signature of a checkpoint': {
    attack: (database) =>
      editNote(database, 300, (note) =>
        note.replace(/(.{40})(.)(.{10})\n$/, (_, a, b, c) => `${a}${b === 'A' ? 'B' : 'A'}${c}\n`),
      ),
    found: [['checkpoint-signature', undefined]],
  },
  'the name on the signature of a checkpoint': {
    attack: (database) => editNote(database, 300, (note) => note.replace('— metatrail/', '— metatrial/')),
    found: [['checkpoint-signature', undefined]],
  },
  'the log that a checkpoint is of': {
    attack: (database) => editNote(database, 300, () => new TestSigner('metatrail/other').sign(300, Buffer.alloc(32))),
    found: [['checkpoint-origin', undefined]],
  },
  'a checkpoint, made unreadable': {
    attack: (database) => editNote(database, 300, () => 'nothing'),
    found: [['checkpoint-malformed', undefined]],
  },
  'the public key, for one of somebody else': {
    attack: (database) => {
      database.prepare('UPDATE checkpoint_keys SET vkey = ?').run(new TestSigner(honest.log).vkey);
    },
    found: Array.from({ length: 3 }, () => ['checkpoint-signature', undefined]),
  },
  'the keys of two persons, swapped': {
    attack: (database) => {
      const [first, second] = database.prepare('SELECT number, key FROM keys ORDER BY number LIMIT 2').all();
      const put = database.prepare('UPDATE keys SET key = ? WHERE number = ?');
      put.run(second?.key ?? null, first?.number ?? 0);
      put.run(first?.key ?? null, second?.number ?? 0);
    },
    found: [['altered', 0]],
  },
  'the key of a person, deleted': {
    attack: (database) => {
      database.exec("DELETE FROM keys WHERE owner = 'object:0192a000-0000-7000-8000-000000000005'");
    },
    found: [
      ['altered', 3],
      ['key-missing', 3],
    ],
  },
};

for (const [what, { attack, found }] of Object.entries(IN_SQLITE)) {
  test(`altered in the journal's file is found: ${what}`, async (t) => {
    const folder = copyOf(t);
    withSqlite(folder, attack);
    const report = await check(folder);
    assert.equal(report.result, 'faults');
    assert.deepEqual(faultsOf(report), found);
  });
}

function flipByte(database: DatabaseSync, table: string, column: string, where: string, offset: number): void {
  const found = database.prepare(`SELECT ${column} AS bytes FROM ${table} WHERE ${where}`).get()?.bytes;
  assert.ok(found instanceof Uint8Array);
  const bytes = Buffer.from(found);
  bytes[offset] = (bytes[offset] ?? 0) ^ 1;
  database.prepare(`UPDATE ${table} SET ${column} = ? WHERE ${where}`).run(bytes);
}

function editNote(database: DatabaseSync, size: number, edit: (note: string) => string): void {
  const note = String(database.prepare('SELECT note FROM checkpoints WHERE size = ?').get(size)?.note);
  assert.notEqual(edit(note), note);
  database.prepare('UPDATE checkpoints SET note = ? WHERE size = ?').run(edit(note), size);
}

test('a row and its tile, both rewritten, contradict the next checkpoint', async (t) => {
  const folder = copyOf(t);
  await tamper(folder, "ALTER TABLE events UPDATE outcome = 'forged' WHERE sequence = 310");
  const forged = await leafOf(folder, 310);
  withSqlite(folder, (database) => {
    const tile = Buffer.from(
      database.prepare('SELECT hashes FROM tiles WHERE level = 0 AND tile = 1').get()?.hashes as Uint8Array,
    );
    forged.copy(tile, (310 - 256) * 32);
    database.prepare('UPDATE tiles SET hashes = ? WHERE level = 0 AND tile = 1').run(tile);
  });
  const report = await check(folder);
  // Of 300 events a checkpoint holds: what was rewritten is after them, and before the 600 of the next.
  assert.deepEqual(faultsOf(report), [
    ['checkpoint-root', 300],
    ['checkpoint-root', 300],
  ]);
  assert.equal(report.checkpoints.find(({ size }) => size === 300)?.holds, true);
});

/** The leaf that a row of ClickHouse has now. */
async function leafOf(folder: string, sequence: number): Promise<Buffer> {
  const source = await LiveLog.open({ folder });
  try {
    const [row] = await readRows(source, [sequence]);
    assert.ok(row);
    return computeLeaf(row, source.keyOf);
  } finally {
    await source.close();
  }
}

test('the end cut off in both stores is found by a checkpoint that was signed over it', async (t) => {
  const folder = copyOf(t);
  await tamper(
    folder,
    'ALTER TABLE events DELETE WHERE sequence >= 650',
    'ALTER TABLE entitlement_changes DELETE WHERE sequence >= 650',
  );
  withSqlite(folder, (database) => {
    database.exec("DELETE FROM journal WHERE sequence >= 650; UPDATE facts SET value = '650' WHERE name = 'shipped'");
  });
  assert.deepEqual(faultsOf(await check(folder)), [['rolled-back', 650]]);
});

test('both stores rolled back to an older copy are found by a checkpoint from outside, and by nothing else', async (t) => {
  const older = copyOf(t);
  const newer = copyOf(t);
  const log = await openChangeLog({ folder: newer });
  await log.journal.accept((base) => ({ events: makeEvents(base, 50), state: [] }));
  await log.shipper.delivered(750);
  await log.close();
  const note = withSqlite(newer, (database) =>
    String(database.prepare('SELECT note FROM checkpoints WHERE size = 750').get()?.note),
  );
  assert.equal((await check(newer)).result, 'verified');
  assert.equal((await check(older)).result, 'verified');
  const outside = [{ place: "the auditor's checkpoint", note }];
  assert.equal((await check(newer, { outside })).result, 'verified');
  const report = await check(older, { outside });
  assert.deepEqual(faultsOf(report), [['rolled-back', 700]]);
  assert.match(report.faults[0]?.what ?? '', /holds 700 events.*signed over 750.*event 700 is the first that is gone/);
});

test('a log that was rolled back and went on otherwise is found by a checkpoint from outside', async (t) => {
  const folder = copyOf(t);
  const note = honest.signer.sign(650, Buffer.alloc(32, 7));
  const report = await check(folder, { outside: [{ place: "the auditor's checkpoint", note }] });
  assert.deepEqual(faultsOf(report), [['checkpoint-root', 600]]);
});

test('keys from outside find a log whose checkpoints were all signed anew', async (t) => {
  const folder = copyOf(t);
  const forger = new TestSigner(honest.log);
  signCheckpoints(folder, forger, [300, 700]);
  assert.equal((await check(folder)).result, 'verified');
  const report = await check(folder, { trusted: { place: 'keys.txt', keys: `${honest.signer.vkey}\n` } });
  assert.deepEqual(faultsOf(report), [
    ['checkpoint-signature', undefined],
    ['checkpoint-signature', undefined],
  ]);
});
