// A person is erased: the key goes, commitments stand in place of what was committed under it, and an event of stage erasure
// names the key. The log is verified all the same; what does not fit together is found.
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { fromRow, rowSchema } from '../ingest/clickhouse/rows.ts';
import { computeCommitments } from '../ingest/encoding.ts';
import { openChangeLog } from '../ingest/log.ts';
import { checkBundle, makeBundle } from './bundle-world.ts';
import { makeEvent, makeFolder, makeId } from './ingest-world.ts';
import { check, faultsOf, makeEvents, makeLog, type TestLog, tamper, withSqlite } from './verify-world.ts';

const suite = mkdtempSync(path.join(tmpdir(), 'metatrail-erasure-tests-'));
const data = path.join(suite, 'data');
/** Whom the events 3, 10, 17, … are about, and whom the events before those name. */
const PERSON = makeId(4);
let log: TestLog;
let key = 0;

before(async () => {
  log = await makeLog(data, { batches: [(base) => makeEvents(base, 70)], checkpoints: [] });
  key = withSqlite(data, (database) =>
    Number(database.prepare('SELECT number FROM keys WHERE owner = ?').get(`object:${PERSON}`)?.number),
  );
  await erase(data, key);
});
after(() => rmSync(suite, { recursive: true, force: true }));

/** What an eraser does, in its order: the event, the commitments in place of the content, the key. */
async function erase(folder: string, number: number): Promise<void> {
  const opened = await openChangeLog({ folder });
  const value = {
    attribute: 'key',
    type: 'integer' as const,
    operation: 'remove' as const,
    old: String(number),
    marks: 0,
  };
  const event = makeEvent({ stage: 'erasure', operation: 'delete', outcome: 'erased', values: [value] });
  await opened.journal.accept(() => ({ events: [event], state: [] }));
  await opened.shipper.delivered(opened.journal.size);
  await opened.close();
  const statements = forget(folder, number);
  // What they had of their own counts neither as granted nor as revoked any more.
  await tamper(folder, ...statements, `ALTER TABLE entitlement_changes DELETE WHERE holder = '${PERSON}'`);
}

/** Deletes a key, and returns what puts commitments in the place of all that was committed under it. */
function forget(folder: string, number: number): string[] {
  return withSqlite(folder, (database) => {
    const keys = new Map(
      database
        .prepare('SELECT number, key FROM keys')
        .all()
        .map((row) => [Number(row.number), row.key as Uint8Array]),
    );
    const rows = database.prepare('SELECT row FROM journal ORDER BY sequence').all();
    database.prepare('DELETE FROM keys WHERE number = ?').run(number);
    return rows.flatMap(({ row }) => eraseRow(fromRow(rowSchema.parse(JSON.parse(String(row)))), number, keys));
  });
}

function eraseRow(event: ReturnType<typeof fromRow>, number: number, keys: ReadonlyMap<number, Uint8Array>): string[] {
  const commitments = computeCommitments(event, (each) => keys.get(each) ?? Buffer.alloc(0));
  const hex = (bytes: Uint8Array | undefined) => `unhex('${Buffer.from(bytes ?? []).toString('hex')}')`;
  const where = `WHERE sequence = ${event.sequence}`;
  const statements: string[] = [];
  if (event.subjectKey === number) {
    statements.push(
      `ALTER TABLE events UPDATE object_commitment = ${hex(commitments.object)}, object_name = '', anchor = '', dn = '' ${where}`,
      `ALTER TABLE events UPDATE values_commitment = ${hex(commitments.values)},
        \`value.old\` = arrayMap((type, old) -> if(type = 'reference', old, ''), value.type, value.old),
        \`value.new\` = arrayMap((type, new) -> if(type = 'reference', new, ''), value.type, value.new) ${where}`,
    );
  }
  const ordinal = event.valueKeys.indexOf(number);
  if (ordinal >= 0) {
    const at = (column: string, value: string) =>
      `\`${column}\` = arrayMap((x, i) -> if(i = ${ordinal + 1}, ${value}, x), ${column}, arrayEnumerate(${column}))`;
    statements.push(
      `ALTER TABLE events UPDATE ${at('value.commitment', hex(commitments.references[ordinal]))}, ${at('value.old', "''")}, ${at('value.new', "''")},
        ${at('value.reference', "toUUID('00000000-0000-0000-0000-000000000000')")} ${where}`,
    );
  }
  return statements;
}

function copyOf(t: TestContext): string {
  const folder = path.join(makeFolder(t), 'data');
  cpSync(data, folder, { recursive: true });
  return folder;
}

test('after an erasure the log is verified, and says by which event', async () => {
  const report = await check(data);
  assert.deepEqual([report.faults, report.unchecked], [[], []]);
  // Each event about the person has a name and values of its own; others name them.
  const about = Array.from({ length: 70 }, (_, i) => i % 7).filter((each) => each === 3).length;
  const naming = Array.from({ length: 70 }, (_, i) => i % 7).filter((each) => each === 2).length;
  assert.deepEqual(report.erased, [{ by: 70, commitments: 2 * about + naming }]);
  assert.equal(report.checkpoints.at(-1)?.size, 71);
});

test('a bundle after an erasure is verified without the key', async (t) => {
  const folder = path.join(makeFolder(t), 'bundle');
  await makeBundle(data, folder);
  const report = await checkBundle(folder);
  assert.deepEqual([report.faults, report.unchecked], [[], []]);
  assert.deepEqual(report.erased, (await check(data)).erased);
});

const NOT_SO: Record<string, { statements: string[]; found: [string, number][] }> = {
  'content beside a commitment': {
    statements: ["ALTER TABLE events UPDATE object_name = 'x' WHERE sequence = 10"],
    found: [['content-with-commitment', 10]],
  },
  'a value beside a commitment': {
    statements: ["ALTER TABLE events UPDATE `value.new` = arrayMap(x -> 'x', `value.new`) WHERE sequence = 17"],
    found: [
      ['altered', 17],
      ['content-with-commitment', 17],
    ],
  },
  'another commitment': {
    statements: ["ALTER TABLE events UPDATE object_commitment = repeat('x', 32) WHERE sequence = 24"],
    found: [['altered', 24]],
  },
  'a commitment that is too short': {
    statements: ["ALTER TABLE events UPDATE object_commitment = 'x' WHERE sequence = 24"],
    found: [
      ['altered', 24],
      ['content-with-commitment', 24],
    ],
  },
  'a commitment taken away': {
    statements: ["ALTER TABLE events UPDATE object_commitment = '' WHERE sequence = 31"],
    found: [['altered', 31]],
  },
};
for (const [what, { statements, found }] of Object.entries(NOT_SO)) {
  test(`after an erasure is found: ${what}`, async (t) => {
    const folder = copyOf(t);
    await tamper(folder, ...statements);
    const faults = faultsOf(await check(folder)).filter(([kind]) => kind !== 'rollup');
    assert.deepEqual(faults, found);
  });
}

test('a key that is back after its erasure is found', async (t) => {
  const folder = copyOf(t);
  withSqlite(folder, (database) =>
    database.prepare("INSERT INTO keys (number, owner, key) VALUES (?, 'somebody', zeroblob(32))").run(key),
  );
  assert.deepEqual(faultsOf(await check(folder)), [['commitment-with-key', 2]]);
});

test('a person whose key and content are gone without an erasure is found', async (t) => {
  const folder = path.join(makeFolder(t), 'data');
  const other = await makeLog(folder, { batches: [(base) => makeEvents(base, 20)], checkpoints: [] });
  const number = withSqlite(folder, (database) =>
    Number(database.prepare('SELECT number FROM keys WHERE owner = ?').get(`object:${PERSON}`)?.number),
  );
  const forged = await openChangeLog({ folder });
  await forged.close();
  assert.equal(other.size, 20);
  await tamper(folder, ...forget(folder, number), `ALTER TABLE entitlement_changes DELETE WHERE holder = '${PERSON}'`);
  assert.deepEqual(faultsOf(await check(folder)), [['erased-by-nobody', 2]]);
  assert.ok(log.size > 0);
});
