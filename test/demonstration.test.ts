// The demonstration company: each story that its README tells is in the change log, as what the engine did.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { generateFeeds } from '../engine/demonstration/feeds.ts';
import {
  DEMONSTRATION_SEED,
  type DemonstrationProgress,
  isDemonstrationComplete,
  replayDemonstration,
} from '../engine/demonstration/replay.ts';
import type { RunResult } from '../engine/run.ts';
import { formatIso, systemClock } from '../ingest/clock.ts';
import { Journal } from '../ingest/journal/journal.ts';
import type { ChangeLog } from '../ingest/log.ts';
import {
  brief,
  changeOf,
  contentOf,
  enabledAtTheEnd,
  endOf,
  entriesOf,
  events,
  openEngine,
  personOf,
  replayInChild,
} from './demonstration-world.ts';
import { assertReplays } from './replayed-state.ts';
import { check } from './verify-world.ts';

const folder = mkdtempSync(join(tmpdir(), 'metatrail-demonstration-'));
const results: RunResult[] = [];
const progress: DemonstrationProgress[] = [];
let log: ChangeLog;

before(async () => {
  const opened = await openEngine(folder);
  log = opened.log;
  const { engine } = opened;
  const run = engine.run.bind(engine);
  engine.run = async (...given) => {
    const result = await run(...given);
    results.push(result);
    return result;
  };
  await replayDemonstration({ engine, journal: log.journal, folder, onProgress: (each) => progress.push(each) });
  await log.shipper.delivered(log.journal.size);
});

after(async () => {
  await assertReplays(folder, log.clickhouse);
  await log.close();
  rmSync(folder, { recursive: true, force: true });
});

test('every run is a success but those of the stories, at times before now', () => {
  const unsuccessful = results
    .filter(({ result }) => result !== 'success')
    .map(({ agent, at, result }) => `${formatIso(at).slice(0, 10)} ${agent} ${result}`);
  assert.deepEqual(unsuccessful, [
    '2025-06-01 contractors completed-discovery-errors',
    '2025-10-01 contractors completed-sync-errors',
    '2025-10-31 hr completed-sync-errors',
    '2025-11-01 contractors completed-sync-errors',
    '2025-11-30 hr completed-sync-errors',
    '2025-12-01 contractors completed-sync-errors',
    '2026-02-01 directory completed-export-errors',
    '2026-04-15 wiki completed-export-errors',
    '2026-07-15 wiki completed-export-errors',
    '2026-10-15 wiki completed-export-errors',
  ]);
  const times = results.map(({ at }) => at);
  assert.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
  );
  assert.ok(times.every((at) => at < systemClock()));
});

test('every import balances: read = unchanged + changed + refused', () => {
  const imports = results.flatMap(({ steps }) => steps).filter(({ kind }) => kind === 'full-import');
  assert.ok(imports.length > 80);
  for (const { input, balances } of imports) {
    assert.ok(Object.keys(balances).length > 0, input?.name);
    for (const [type, { read, unchanged, changed, refused }] of Object.entries(balances))
      assert.equal(read, unchanged + changed + refused, `${input?.name}, ${type}`);
  }
});

test('the whole log is verified from outside, every step of it counted', async () => {
  const { faults, steps } = await check(folder);
  assert.deepEqual(faults, []);
  assert.ok(steps.checked >= results.length, `${steps.checked} steps`);
});

test('progress counts up to the end, month by month', () => {
  assert.deepEqual(progress.at(-1), {
    ...progress.at(-1),
    month: 24,
    months: 24,
    done: progress.length - 1,
    total: progress.length - 1,
  });
  assert.deepEqual(
    progress.map(({ done }) => done),
    progress.map((_, index) => index),
  );
  assert.deepEqual(
    progress.map(({ month }) => month),
    progress.map(({ month }) => month).toSorted((a, b) => a - b),
  );
  assert.ok(isDemonstrationComplete(log.journal));
});

test('some 1,200 people are there from the beginning', async () => {
  const first = await events(
    log,
    "stage = 'projection' AND object_type IN ('employee', 'contractor') AND occurred_at < '2024-12-02'",
  );
  assert.ok(first.length > 1150 && first.length < 1250, String(first.length));
});

test('each month people come, move and leave in the numbers of a company of this size', async () => {
  const people = "stage = 'import' AND object_type IN ('employee', 'contractor')";
  const months = new Map<string, { joined: number; moved: number; left: number }>();
  for (const event of await events(log, people)) {
    // Procurement's feed is dated an hour after the month's end.
    const month = event.agent === 'hr' ? event.at.slice(0, 7) : previousMonth(event.at);
    const count = months.get(month) ?? { joined: 0, moved: 0, left: 0 };
    months.set(month, count);
    if (event.operation === 'add') count.joined += 1;
    if (event.operation === 'delete') count.left += 1;
    const isMove = ['department', 'title', 'location'].some((name) => event.attribute.includes(name));
    if (event.operation === 'update' && event.agent === 'hr' && isMove) count.moved += 1;
  }
  assert.equal(months.size, 24);
  months.delete('2024-11');
  for (const [month, { joined, moved, left }] of months) {
    assert.ok(joined >= 10 && joined <= 25, `${month}: ${joined} joined`);
    assert.ok(moved >= 15 && moved <= 40, `${month}: ${moved} moved`);
    assert.ok(left >= 8 && left <= 20, `${month}: ${left} left`);
  }
});

function previousMonth(at: string): string {
  const [year = 0, month = 0] = at.split('-').map(Number);
  return month === 1 ? `${year - 1}-12` : `${year}-${String(month - 1).padStart(2, '0')}`;
}

test('a mover: her department was changed by the clerk whom HR names', async () => {
  const object = await personOf(log, '10101');
  const moves = await events(
    log,
    "stage = 'import-flow' AND object = {object:UUID} AND has(value.attribute, 'department')",
    { object },
  );
  const move = moves.find(({ at }) => at.startsWith('2025-03-31'));
  assert.deepEqual(changeOf(move, 'department'), ['Sales', 'Marketing']);
  assert.deepEqual([move?.initiator, move?.initiator_known], ['tomasz.wojcik', 'reported']);
  const groups = await events(
    log,
    "stage = 'import-flow' AND object_type = 'group' AND occurred_at < '2025-04-02' AND has(value.reference, {object:UUID})",
    { object },
  );
  assert.deepEqual(groups.map(({ object_name }) => object_name).toSorted(), [
    'Department Marketing',
    'Department Sales',
    'Department Sales',
  ]);
});

test('a marriage renames the account and the wiki user', async () => {
  const object = await personOf(log, '10102');
  const renames = await events(log, "outcome = 'export-rename' AND object = {object:UUID}", { object });
  assert.deepEqual(
    renames.map((event) => [event.agent, ...changeOf(event, 'dn')]),
    [
      [
        'directory',
        'uid=siobhan.obrien,ou=people,dc=nordlicht,dc=example',
        'uid=siobhan.brandt,ou=people,dc=nordlicht,dc=example',
      ],
      ['wiki', 'uid=siobhan.obrien,ou=users,o=wiki', 'uid=siobhan.brandt,ou=users,o=wiki'],
    ],
  );
});

test('two who are re-hired, and one who returns as a contractor, are the persons they were', async () => {
  for (const [number, agent, anchor] of [
    ['10103', 'hr', '10103'],
    ['10104', 'hr', '10104'],
    ['10105', 'contractors', 'X-2004'],
  ]) {
    const object = await personOf(log, number ?? '');
    const joins = await events(log, "outcome = 'disconnector-joined' AND object = {object:UUID}", { object });
    assert.deepEqual(
      joins.map((event) => [event.agent, event.anchor]),
      [[agent, anchor]],
    );
    const enabled = await events(
      log,
      "stage = 'export' AND agent = 'directory' AND object = {object:UUID} AND has(value.attribute, 'enabled')",
      { object },
    );
    assert.deepEqual(
      enabled.map((event) => changeOf(event, 'enabled')[1]),
      ['true', 'false', 'true'],
      number,
    );
    assert.match(changeOf(enabled[1], 'dn')[1] ?? '', /ou=leavers/);
    assert.match(changeOf(enabled[2], 'dn')[1] ?? '', /ou=people/);
  }
});

test("a contractor who was taken on: procurement's values lose against HR's, and that is recorded", async () => {
  const object = await personOf(log, '10121');
  assert.equal(await personOf(log, 'X-2001'), object);
  const lost = await events(log, "outcome = 'skipped-not-precedent' AND object = {object:UUID}", { object });
  assert.deepEqual(
    lost.map(({ at, attribute, agent }) => [at.slice(0, 10), agent, attribute]),
    [
      ['2025-04-30', 'contractors', ['kind', 'department', 'title', 'location', 'telephone']],
      ['2025-07-01', 'contractors', ['telephone']],
    ],
  );
  assert.equal(changeOf(lost[1], 'telephone')[1], '+48 12 555 7777');
});

test('a contractor whose name two people have is joined to neither, until his row says to whom', async () => {
  const refused = await events(log, "outcome = 'ambiguous-join'");
  assert.deepEqual(
    refused.map(({ anchor, at }) => [anchor, at.slice(0, 10)]),
    [['X-2003', '2025-10-01']],
  );
  const [joined] = await events(log, "outcome = 'disconnector-joined' AND anchor = 'X-2003'");
  assert.equal(joined?.at.slice(0, 10), '2026-01-01');
  assert.equal(joined?.object, await personOf(log, '10107'));
  assert.notEqual(joined?.object, await personOf(log, '10106'));
});

test('two joiners whose DN was taken by hand are refused; one is joined later, one is still open', async () => {
  const refused = await events(log, "error = 'cd-existing-object'");
  assert.deepEqual(
    refused.map((event) => [event.object_name, ...brief(event)]),
    [
      ['Márton Szabó', '2026-02-01', 'directory', 'export-failure', 'cd-existing-object'],
      ['Inês Carvalho', '2026-10-15', 'wiki', 'export-failure', 'cd-existing-object'],
    ],
  );
  const object = await personOf(log, '10122');
  const joins = await events(log, "outcome = 'disconnector-joined' AND agent = 'directory'");
  assert.deepEqual(
    joins.map((event) => [event.object, event.at.slice(0, 10)]),
    [[object, '2026-02-14']],
  );
  const pending = entriesOf(log.journal).filter(
    ({ agent, pendingExport }) => agent === 'wiki' && pendingExport?.kind === 'add',
  );
  assert.ok(pending.some(({ dn }) => dn === 'uid=ines.carvalho,ou=users,o=wiki'));
});

test('an account that could not be deleted is open to this day, and so is one whose contract ended', async () => {
  const marek = await personOf(log, '10111');
  const refused = await events(log, "outcome = 'export-failure' AND object = {object:UUID}", { object: marek });
  assert.deepEqual(refused.map(brief), [
    ['2026-04-15', 'wiki', 'export-failure', 'unsupported-container-delete'],
    ['2026-07-15', 'wiki', 'export-failure', 'unsupported-container-delete'],
    ['2026-10-15', 'wiki', 'export-failure', 'unsupported-container-delete'],
  ]);
  assert.deepEqual(await enabledAtTheEnd(log, marek), ['wiki']);
  const oisin = await personOf(log, 'X-2002');
  const leaving = await events(
    log,
    "stage = 'import-flow' AND object = {object:UUID} AND has(value.attribute, 'leavingDate')",
    { object: oisin },
  );
  assert.deepEqual(
    leaving.map((event) => changeOf(event, 'leavingDate')[1]),
    ['2026-03-31'],
  );
  assert.deepEqual(await enabledAtTheEnd(log, oisin), ['directory', 'wiki']);
});

test('a member added by hand is found by the next import as out of band, and taken out by the next export', async () => {
  const group = 'cn=Role Payment Approvers,ou=groups,dc=nordlicht,dc=example';
  const kevin = await personOf(log, '10108');
  const changes = await events(
    log,
    "stage IN ('import', 'export') AND outcome != 'export-intent' AND dn = {group:String} AND has(value.reference, {kevin:UUID})",
    { group, kevin },
  );
  assert.deepEqual(
    changes.map(({ at, outcome, out_of_band, old, new: added }) => [at.slice(0, 10), outcome, out_of_band, old, added]),
    [
      ['2026-04-14', 'stage-update', 1, [''], ['uid=kevin.doyle,ou=people,dc=nordlicht,dc=example']],
      ['2026-05-01', 'export-update', 0, ['uid=kevin.doyle,ou=people,dc=nordlicht,dc=example'], ['']],
    ],
  );
});

test("a leaver's account enabled by hand is found and disabled again", async () => {
  const object = await personOf(log, '10110');
  const changes = await events(
    log,
    "stage IN ('import', 'export') AND agent = 'directory' AND object = {object:UUID} AND has(value.attribute, 'enabled')",
    { object },
  );
  assert.deepEqual(
    changes.map((event) => [event.at.slice(0, 10), event.out_of_band, changeOf(event, 'enabled')[1]]),
    [
      ['2024-12-01', 0, 'true'],
      ['2026-04-01', 0, 'false'],
      ['2026-06-14', 1, 'true'],
      ['2026-07-01', 0, 'false'],
    ],
  );
});

test('a manager who has left is an unresolved reference for two feeds, until HR names the successor', async () => {
  const unresolved = await events(log, "outcome = 'unresolved-reference' AND has(value.new, '10109')");
  const team = unresolved.filter(({ at }) => at.startsWith('2025-10-31')).map(({ object }) => object);
  assert.ok(team.length >= 5, String(team.length));
  const managers = await events(
    log,
    `outcome = 'connector-flow' AND object IN {team:Array(UUID)} AND stage = 'import-flow' AND has(value.attribute, 'manager')
     AND occurred_at > '2025-10-02' AND occurred_at < '2026-01-01'`,
    { team },
  );
  const change = (month: string) =>
    managers.filter(({ at }) => at.startsWith(month)).map((event) => changeOf(event, 'manager'));
  // A newcomer never had her as a manager, so there was nothing to take away.
  assert.ok(change('2025-10').length >= team.length - 2);
  assert.deepEqual(
    change('2025-10').filter(([, now]) => now !== ''),
    [],
  );
  assert.deepEqual(change('2025-11'), []);
  const named = change('2025-12');
  assert.equal(named.length, team.length);
  assert.equal(new Set(named.map(([, now]) => now)).size, 1);
});

test('a row that cannot be read is refused and its person kept', async () => {
  const refused = await events(log, "outcome = 'stage-failure'");
  assert.deepEqual(
    refused.map((event) => [event.object_type, event.anchor, event.error]),
    [
      ['contractor', 'X-2005', 'parse-error'],
      ['supplier', 'Brightwater Consulting', 'parse-error'],
    ],
  );
  assert.deepEqual(await events(log, "operation = 'delete' AND anchor = 'X-2005'"), []);
});

test('a project that ends and a department that is dissolved take their groups along', async () => {
  const deleted = await events(log, "outcome = 'export-delete' AND object_type = 'group'");
  assert.deepEqual(deleted.map(({ anchor, at }) => `${at.slice(0, 7)} ${anchor}`).toSorted(), [
    '2025-06 Project Isar',
    '2025-10 Project Borealis',
    '2026-02 Department Facilities',
    '2026-02 Project Dragonfly',
    '2026-08 Project Fjord',
  ]);
});

test('how long leavers keep their accounts differs from system to system', async () => {
  const gone = await events(log, "stage = 'recall' AND object_type = 'person'");
  const ended = await events(
    log,
    "stage = 'export' AND (has(value.attribute, 'enabled')) AND outcome IN ('export-update', 'export-rename', 'export-delete')",
  );
  const hours = new Map<string, number[]>();
  for (const { object, at, sequence } of gone) {
    for (const agent of ['directory', 'wiki']) {
      const end = ended.find(
        (event) =>
          event.object === object &&
          event.agent === agent &&
          event.sequence > sequence &&
          changeOf(event, 'enabled')[1] !== 'true',
      );
      if (end)
        hours.set(agent, [...(hours.get(agent) ?? []), (Date.parse(`${end.at}Z`) - Date.parse(`${at}Z`)) / 3_600_000]);
    }
  }
  const median = (agent: string): number =>
    hours.get(agent)?.toSorted((a, b) => a - b)[Math.floor((hours.get(agent)?.length ?? 0) / 2)] ?? 0;
  assert.ok((hours.get('directory')?.length ?? 0) > 200 && (hours.get('wiki')?.length ?? 0) > 80);
  assert.ok(median('directory') > 1 && median('directory') < 12, String(median('directory')));
  assert.ok(median('wiki') > 24 * 14, String(median('wiki')));
  assert.ok(Math.max(...(hours.get('directory') ?? [])) > 24 * 4, 'the late export of 2025-12');
});

test('the wiki has leavers of the last feed who are still to be deleted', () => {
  const open = entriesOf(log.journal).filter(
    ({ agent, exists, pendingExport }) => agent === 'wiki' && exists && pendingExport?.kind === 'delete',
  );
  assert.ok(open.length >= 3, String(open.length));
});

test('what nobody changed by hand is never out of band', async () => {
  const byHand = await events(log, 'out_of_band = 1');
  assert.deepEqual(
    byHand.map(({ at, agent, outcome, dn }) => [at.slice(0, 10), agent, outcome, dn.split(',')[0]]),
    [
      ['2026-02-01', 'directory', 'stage-add', 'uid=marton.szabo'],
      ['2026-02-14', 'directory', 'stage-update', 'uid=marton.szabo'],
      ['2026-04-14', 'directory', 'stage-update', 'cn=Role Payment Approvers'],
      ['2026-06-14', 'directory', 'stage-update', 'uid=juergen.gross'],
      ['2026-10-16', 'wiki', 'stage-add', 'uid=ines.carvalho'],
    ],
  );
});

test('names with umlauts, accents and apostrophes come through whole', async () => {
  const names = await events(log, "outcome = 'export-add' AND agent = 'directory' AND object_type = 'account'");
  const all = names.map((event) => changeOf(event, 'cn')[1] ?? '');
  for (const pattern of [/ü/, /Ł/, /ø/, /ç|é/, /O'/, /ß/])
    assert.ok(
      all.some((name) => pattern.test(name)),
      String(pattern),
    );
});

test('the same seed gives the same bytes, another seed other people', () => {
  const [first, second] = [generateFeeds(DEMONSTRATION_SEED), generateFeeds(DEMONSTRATION_SEED)];
  assert.deepEqual(first, second);
  assert.equal(readFileSync(join(folder, 'demonstration/hr/2026-10.csv'), 'utf8'), first[23]?.hr);
  assert.equal(
    readFileSync(join(folder, 'demonstration/contractors/2026-11-01T0100.csv'), 'utf8'),
    first[23]?.contractors,
  );
  assert.notEqual(generateFeeds(DEMONSTRATION_SEED + 1)[0]?.hr, first[0]?.hr);
});

test('a replay that is killed several times goes on where it was and ends the same', {
  timeout: 600_000,
}, async (t) => {
  const data = mkdtempSync(join(tmpdir(), 'metatrail-demonstration-killed-'));
  t.after(() => rmSync(data, { recursive: true, force: true }));
  // Within the first import, the first exports, an import, a monthly feed, an export by hand, a wiki export.
  for (const killAt of [0, 2, 5, 31, 69, 88]) await replayInChild(data, killAt);
  await replayInChild(data, undefined);
  const killed = await Journal.open(data);
  try {
    assert.ok(isDemonstrationComplete(killed));
    assert.deepEqual(endOf(killed), endOf(log.journal));
    await assertReplays(data);
    for (const file of ['directory.ldif', 'wiki.ldif'])
      assert.deepEqual(contentOf(data, file), contentOf(folder, file));
  } finally {
    await killed.close();
  }
});
