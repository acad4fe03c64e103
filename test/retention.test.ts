// Retention: whole partitions go, what still holds is carried forward, everything later proves as before.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { z } from 'zod';
import { localAccess } from '../api/access/access.ts';
import { applyRetention, previewRetention } from '../api/retaining.ts';
import { parseNote, parseVerifierKey, verifyNote } from '../ingest/checkpoints/note.ts';
import { SELECTED_COLUMNS } from '../ingest/clickhouse/rows.ts';
import { LogError } from '../ingest/errors.ts';
import { addHold, removeHold } from '../ingest/retention/holds.ts';
import { expiredOf, listTombstones } from '../ingest/retention/tombstones.ts';
import { ANN, BOB, CID, CONFIGURATION, ErasureWorld, keysOf, leavesOf } from './erasure-world.ts';
import { computeLeaf, type Row } from './ingest-encoding-independent.ts';
import { check } from './verify-world.ts';

const PARTITION = 256;
const DAY = 86_400_000_000;
const WHO = { who: 'records office', by: 'administrator' };
const RETAINED = `${CONFIGURATION}retention: { events: 1 year, reads: 30 days, partition_events: 256 }\n`;

const row = z.record(z.string(), z.unknown());
const rowsOf = (world: ErasureWorld): Promise<Row[]> =>
  world.rows(`SELECT ${SELECTED_COLUMNS} FROM events ORDER BY sequence`, row);

interface Told {
  holders: { gone: string | null; holdings: { agent: string; since: string; holder: { name: string } | null }[] };
  object: {
    state: { systems: { agent: string; attributes: { name: string; values: { value: string; since: string }[] }[] }[] };
  };
}

async function tell(world: ErasureWorld, variables: Record<string, unknown>): Promise<Told> {
  const { data, errors } = await world.installation.ask(
    `query ($group: ID!, $person: ID!, $at: DateTime) {
      holders(entitlement: $group, at: $at) { gone holdings { agent since holder { name } } }
      object(id: $person) { state(at: $at) { systems { agent attributes { name values { value since } } } } }
    }`,
    variables,
    localAccess('auditor'),
  );
  assert.equal(errors, undefined);
  return JSON.parse(JSON.stringify(data)) as Told;
}

const now = () => Date.now() * 1000;

/** A world with more than two partitions, of which the first has all that made Bob and his account. */
async function makeOldLog(t: TestContext) {
  const world = await ErasureWorld.open(t, RETAINED);
  await world.employ(ANN, BOB, CID);
  await world.employ({ ...BOB, manager: '' }, CID);
  const { journal } = world.installation.log;
  for (let month = 1; journal.size < PARTITION * 2 + 40; month++)
    await world.employ({ ...BOB, manager: '', department: `Department ${month}` }, CID);
  const variables = { group: await world.objectOf('apollo'), person: await world.objectOf(BOB.name) };
  await world.installation.catchUp();
  return { world, variables };
}

test('what has expired goes, what still holds is carried forward, and all that is left proves as before', {
  timeout: 300_000,
}, async (t) => {
  const { world, variables } = await makeOldLog(t);
  const { log } = world.installation;
  const before = await tell(world, variables);
  assert.equal(before.holders.gone, null);
  const early = new Date((await firstInstant(world)) / 1000).toISOString();
  const later = now() + 2 * 365 * DAY;
  await assert.deepEqual((await previewRetention(world.installation)).partitions, [], 'nothing is a year old');
  const plan = await previewRetention(world.installation, later);
  assert.deepEqual(
    plan.partitions.map(({ first, size }) => [first, size]),
    [
      [0, PARTITION],
      [PARTITION, PARTITION],
    ],
  );
  assert.ok(plan.baselines > 0);
  const leaves = leavesOf(world);
  await applyRetention(world.installation, WHO, later);
  await world.installation.catchUp();

  const rows = await rowsOf(world);
  assert.equal(rows[0]?.sequence, 2 * PARTITION);
  assert.equal(log.journal.firstRow, 2 * PARTITION);
  const keys = keysOf(world);
  const left = rows.map((each) => computeLeaf(each, keys).leaf);
  assert.deepEqual(left.slice(0, leaves.length - 2 * PARTITION), leaves.slice(2 * PARTITION));
  const named = new Set(rows.flatMap((each) => [each.subject_key, each.actor_key, ...(each['value.key'] as number[])]));
  for (const number of keys.keys()) assert.ok(named.has(number), `nothing is under the key ${number} any more`);

  const after = await tell(world, variables);
  assert.deepEqual({ ...after, holders: { ...after.holders, gone: null } }, before, 'state, holders and since when');
  const then = await tell(world, { ...variables, at: early });
  assert.match(then.holders.gone ?? '', new RegExp(`^Events before ${2 * PARTITION} have expired`));
  const tombstones = listTombstones(log.journal);
  assert.equal(tombstones.length, 2);
  for (const { first, note } of tombstones) {
    const parsed = parseNote(note);
    const verifiers = log.checkpoints.keys().map(({ vkey }) => parseVerifierKey(vkey));
    assert.equal(verifyNote(parsed, verifiers).length, 1);
    const [origin, what, range, root] = parsed.text.split('\n');
    assert.deepEqual([origin, what, range], [log.journal.log, 'tombstone', `${first} ${PARTITION}`]);
    assert.equal(Buffer.from(root ?? '', 'base64').toString('hex'), rootOf(leaves.slice(first, first + PARTITION)));
  }
  // The service starts again, goes on, and the next expiry carries on what was carried forward.
  await world.reopen();
  for (let month = 1; world.installation.log.journal.size < PARTITION * 4 + 20; month++)
    await world.employ({ ...BOB, manager: '', department: `Office ${month}` }, CID);
  const again = await tell(world, variables);
  await applyRetention(world.installation, WHO, later);
  assert.equal(expiredOf(world.installation.log.journal)?.below, 4 * PARTITION);
  await world.installation.catchUp();
  const last = await tell(world, variables);
  assert.deepEqual(last.object, again.object);
  assert.deepEqual(last.holders.holdings, again.holders.holdings);
  await assertVerified(world, 4);
});

test('killed after each step of an expiry, the next process ends it', { timeout: 400_000 }, async (t) => {
  const { world, variables } = await makeOldLog(t);
  const before = await tell(world, variables);
  const leaves = leavesOf(world);
  const at = now() + 2 * 365 * DAY;
  await world.close();
  for (const step of ['carried-forward', 'accepted', 'dropped', 'derived', 'keys-deleted'])
    assert.equal(await runChild({ folder: world.folder, step, at, configuration: RETAINED }), 'SIGKILL', step);
  assert.equal(await runChild({ folder: world.folder, step: 'none', at, configuration: RETAINED }), 0);
  await world.reopen();
  const rows = await rowsOf(world);
  const below = expiredOf(world.installation.log.journal)?.below ?? 0;
  assert.ok(below >= 2 * PARTITION);
  assert.equal(rows[0]?.sequence, below);
  assert.equal(world.installation.log.journal.firstRow, below);
  const keys = keysOf(world);
  const left = leavesOf(world);
  assert.deepEqual(left.length, rows.length);
  assert.deepEqual(
    rows.map((each) => computeLeaf(each, keys).leaf),
    left,
  );
  assert.deepEqual(leaves.slice(below), left.slice(0, Math.max(0, leaves.length - below)));
  const after = await tell(world, variables);
  assert.deepEqual({ ...after, holders: { ...after.holders, gone: null } }, before);
  await assertVerified(world, below / PARTITION);
});

test('nothing under a hold expires, and without a word on retention nothing does', { timeout: 200_000 }, async (t) => {
  const { world, variables } = await makeOldLog(t);
  const { journal } = world.installation.log;
  const later = now() + 2 * 365 * DAY;
  const hold = await addHold(journal, { ...WHO, object: variables.person, why: 'case 3' });
  const held = await previewRetention(world.installation, later);
  assert.deepEqual(held.partitions, []);
  assert.match(held.remains.join(), new RegExp(`about the person whom the legal hold ${hold.event} covers`));
  await applyRetention(world.installation, WHO, later);
  assert.equal(expiredOf(journal), undefined);
  await removeHold(journal, hold.event, { ...WHO, why: 'closed' });
  const all = await addHold(journal, { ...WHO, why: 'inspection' });
  assert.match((await previewRetention(world.installation, later)).remains.join(), /covers everything/);
  await removeHold(journal, all.event, { ...WHO, why: 'closed' });
  assert.equal((await previewRetention(world.installation, later)).partitions.length, 2);
});

test('a hold on who was hired again keeps what they were before, and what they became', {
  timeout: 200_000,
}, async (t) => {
  const world = await ErasureWorld.open(t, RETAINED);
  await world.employ(ANN, BOB, CID);
  const first = await world.objectOf(ANN.name);
  const { journal } = world.installation.log;
  for (let month = 1; journal.size < PARTITION + 40; month++)
    await world.employ({ ...BOB, manager: '', by: 'hr-clerk', department: `Department ${month}` }, CID);
  // Only now: of the object that she gets nothing is in the first partition.
  await world.employ(ANN, BOB, CID);
  const second = await world.objectOf(ANN.name);
  assert.notEqual(second, first);
  await world.employ(BOB, CID);
  for (let month = 1; journal.size < PARTITION * 2 + 40; month++)
    await world.employ({ ...BOB, manager: '', by: 'hr-clerk', department: `Office ${month}` }, CID);
  const later = now() + 2 * 365 * DAY;
  assert.equal((await previewRetention(world.installation, later)).partitions.length, 2);
  for (const [object, other] of [
    [second, first],
    [first, second],
  ] as const) {
    const hold = await addHold(journal, { ...WHO, object, why: 'case 3' });
    const held = await previewRetention(world.installation, later);
    assert.deepEqual(held.partitions, []);
    assert.match(held.remains.join(), new RegExp(`about the person whom the legal hold ${hold.event} covers`));
    await assert.rejects(world.erase(other), {
      code: 'erasure-refused',
      message: `The legal hold ${hold.event} covers this person.`,
    });
    await removeHold(journal, hold.event, { ...WHO, why: 'closed' });
  }
});

test('questions expire before the rest: what was typed into them is erased, that they were asked is not', async (t) => {
  const world = await ErasureWorld.open(t, RETAINED);
  await world.employ(ANN, CID);
  await world.installation.ask('{ objects(search: "Annabel") { id } }', {}, localAccess('auditor'));
  const later = now() + 40 * DAY;
  assert.equal((await previewRetention(world.installation, later)).reads, 1);
  await applyRetention(world.installation, WHO, later);
  const asked = (await rowsOf(world)).filter(({ stage }) => stage === 'read');
  assert.equal(asked.length, 1);
  assert.equal(asked[0]?.initiator, 'auditor');
  assert.ok(!JSON.stringify(asked[0]).includes('Annabel'));
  const keys = keysOf(world);
  assert.deepEqual(
    (await rowsOf(world)).map((each) => computeLeaf(each, keys).leaf),
    leavesOf(world),
  );
  assert.equal((await previewRetention(world.installation, later)).reads, 0);
});

test('a configuration that says nothing of retention keeps everything', async (t) => {
  const world = await ErasureWorld.open(t);
  await assert.rejects(
    previewRetention(world.installation),
    (error: unknown) => error instanceof LogError && error.code === 'retention-unset',
  );
});

/** Ends the installation, and checks its log from outside. */
async function assertVerified(world: ErasureWorld, expired: number): Promise<void> {
  await world.close();
  const report = await check(world.data);
  assert.deepEqual([report.faults, report.unchecked], [[], []]);
  assert.equal(report.gaps.filter(({ kind }) => kind === 'expired').length, expired);
}

async function firstInstant(world: ErasureWorld): Promise<number> {
  const [first] = await world.rows(
    "SELECT toUnixTimestamp64Micro(min(occurred_at)) AS at FROM events WHERE stage = 'import'",
    z.object({ at: z.number() }),
  );
  return first?.at ?? 0;
}

/** RFC 9162, section 2.1.1, over a power of two of leaves. */
function rootOf(leaves: readonly string[]): string {
  const [only] = leaves;
  if (leaves.length === 1) return only ?? '';
  const half = leaves.length / 2;
  const children = Buffer.from(`01${rootOf(leaves.slice(0, half))}${rootOf(leaves.slice(half))}`, 'hex');
  return createHash('sha256').update(children).digest('hex');
}

async function runChild(question: Record<string, unknown>): Promise<NodeJS.Signals | number | null> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'retention-child.ts'), JSON.stringify(question)], {
    stdio: 'inherit',
    env: { ...process.env, UV_THREADPOOL_SIZE: '16' },
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return signal ?? code;
}
