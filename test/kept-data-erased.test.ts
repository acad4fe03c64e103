// A data folder of before the newest access paths (migration 9), in which a person was erased, events have expired and somebody
// is held: what is gone stays gone, what is held stays held, everything proves, and the log goes on.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { localAccess } from '../api/access/access.ts';
import { previewRetention } from '../api/retaining.ts';
import { compareFolder } from '../engine/replay/replay-folder.ts';
import { readMigrations } from '../ingest/clickhouse/migrate.ts';
import { JournalSnapshot } from '../ingest/journal/snapshot.ts';
import { listHolds } from '../ingest/retention/holds.ts';
import { expiredOf } from '../ingest/retention/tombstones.ts';
import { BOB, CID, CONFIGURATION, ErasureWorld } from './erasure-world.ts';
import { check } from './verify-world.ts';

/** What was in it, noted when it was made. */
const KEPT = {
  size: 417,
  root: '2588a160a705218c3e9539551ceb6b3dfb17aeec9a3d1376ad0d60aa4451215a',
  expired: 256,
  ann: '01a208e8-148e-7000-b50a-53c228ffced0',
  erasure: 367,
  cid: '01a208e8-14ab-7000-9934-debdefdb1411',
  hold: 398,
};
const RETAINED = `${CONFIGURATION}retention: { events: 1 year, reads: 30 days, partition_events: 256 }\n`;
const TWO_YEARS = 2 * 365 * 86_400_000_000;

const QUESTION = `query ($ann: ID!, $bob: ID!, $at: DateTime!) {
  ann: object(id: $ann) { name }
  bob: object(id: $bob) { history(first: 200) { nodes { sequence } } state(at: $at) { gone } }
}`;

const ANSWER = z.object({
  ann: z.object({ name: z.string() }),
  bob: z.object({
    history: z.object({ nodes: z.array(z.object({ sequence: z.coerce.number() })) }),
    state: z.object({ gone: z.string() }),
  }),
});

/** Of the events of an object itself (what the engine remembered of it when others expired is no change), of its accounts, and of groups that it is named in, the newest first. */
async function ownSequences(world: ErasureWorld, object: string): Promise<number[]> {
  const rows = await world.rows(
    `SELECT sequence FROM events WHERE stage != 'read' AND outcome NOT IN ('state-begins', 'state-carried-forward') AND (object = {object:UUID} OR entry IN (SELECT entry FROM events WHERE object = {object:UUID} AND stage IN ('join', 'provisioning', 'baseline') AND entry != toUUID('00000000-0000-0000-0000-000000000000'))
       OR arrayExists((r, m) -> r = {object:UUID} AND bitAnd(m, 1) = 1, value.reference, value.marks))
     ORDER BY sequence DESC`,
    z.object({ sequence: z.number() }),
    { object },
  );
  return rows.map(({ sequence }) => sequence);
}

test('a log with an erasure, an expiry and a hold is opened, proves, answers and goes on', {
  timeout: 300_000,
}, async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'metatrail-kept-'));
  const archive = path.join(import.meta.dirname, 'kept-data/4-migration-9.tar.gz');
  execFileSync('tar', ['xzf', archive, '--strip-components=1', '-C', folder]);
  const before = new JournalSnapshot(path.join(folder, 'data'));
  assert.deepEqual([before.size, before.root()], [KEPT.size, KEPT.root]);
  before.close();
  const world = await ErasureWorld.open(t, RETAINED, folder);
  const { log } = world.installation;
  const applied = await world.rows('SELECT count() AS n FROM migrations', z.object({ n: z.number() }));
  assert.equal(applied[0]?.n, readMigrations().length);
  assert.equal(expiredOf(log.journal)?.below, KEPT.expired);
  assert.deepEqual(
    listHolds(log.journal).map(({ event, object }) => [event, object]),
    [[KEPT.hold, KEPT.cid]],
  );
  const bob = await world.objectOf(BOB.name);
  const at = '2020-01-01T00:00:00Z';
  const { data, errors } = await world.installation.ask(QUESTION, { ann: KEPT.ann, bob, at }, localAccess('auditor'));
  assert.equal(errors, undefined);
  const { ann, bob: told } = ANSWER.parse(data);
  assert.equal(ann.name, `an erased person (event ${KEPT.erasure})`);
  assert.match(told.state.gone, /^Events before 256 have expired/);
  const sequences = told.history.nodes.map(({ sequence }) => sequence);
  assert.deepEqual(sequences, await ownSequences(world, bob));
  const plan = await previewRetention(world.installation, Date.now() * 1000 + TWO_YEARS);
  assert.deepEqual([plan.partitions, plan.holds], [[], [KEPT.hold]]);
  await world.employ({ ...BOB, manager: '', department: 'Newest' }, CID);
  await world.close();
  assert.deepEqual((await compareFolder(world.data)).differences, []);
  const report = await check(world.data);
  assert.deepEqual([report.faults, report.unchecked], [[], []]);
});
