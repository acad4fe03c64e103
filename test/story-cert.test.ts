// The story on real data: nine months of a published directory feed, and a constructed tenth with what they lack. Run
// with the project's own command, compared with numbers computed from the CSV files alone.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { z } from 'zod';
import { localAccess } from '../api/access/access.ts';
import { chooseConfiguration, readConfiguration } from '../api/configuration-choice.ts';
import { readEnvironment } from '../api/environment.ts';
import { Installation } from '../api/installation.ts';
import { findCompleteness } from '../api/queries/completeness.ts';
import { findEmployments } from '../api/queries/employment.ts';
import { findHoldings } from '../api/queries/entitlements.ts';
import { parseInstant } from '../ingest/clock.ts';
import {
  type CsvMonth,
  endOf,
  membersOf,
  missing,
  projectChanges,
  readCsvMonths,
  unresolvedSupervisors,
  writeMonth,
} from './cert-csv.ts';
import { assertReplays } from './replayed-state.ts';
import { requireTestData } from './require-tool.ts';
import { startSlapd } from './slapd-server.ts';

const FEED = 'cert-r5.2-ldap';
const SUFFIX = 'dc=dtaa,dc=example';

const balance = z.object({
  read: z.number(),
  unchanged: z.number(),
  changed: z.number(),
  refused: z.number(),
  gone: z.number(),
});
const feedSchema = z.array(
  z.object({
    month: z.string(),
    at: z.string(),
    people: z.number(),
    joiners: z.array(z.string()),
    rehires: z.array(z.string()),
    leavers: z.array(z.string()),
    project_changes: z.array(
      z.object({ user_id: z.string(), before: z.array(z.string()), after: z.array(z.string()) }),
    ),
    unresolved_supervisors: z.array(z.object({ user_id: z.string(), supervisor: z.string(), outcome: z.string() })),
    runs: z.array(
      z.object({
        agent: z.string(),
        profile: z.string(),
        result: z.string(),
        steps: z.array(
          z.object({
            kind: z.string(),
            result: z.string(),
            objects: z.record(z.string(), balance).optional(),
            counters_by_object_type: z.array(
              z.object({
                stage: z.string(),
                agent: z.string(),
                object_type: z.string(),
                name: z.string(),
                count: z.number(),
              }),
            ),
          }),
        ),
      }),
    ),
  }),
);
type FeedMonth = z.infer<typeof feedSchema>[number];

interface World {
  folder: string;
  data: string;
  csv: CsvMonth[];
  feed: FeedMonth[];
  installation: Installation;
}

let world: World | undefined;

/** The tenth month: somebody new, somebody back, a supervisor nobody has, a supervisor that two have. */
function constructTenth(months: readonly CsvMonth[]): CsvMonth {
  const last = months.at(-1);
  const [first, second] = months;
  if (!last || !first || !second) throw new Error('the feed has fewer than two months');
  const rows = new Map(last.rows);
  const everLeft = months.slice(1).flatMap((month, i) => missing(months[i] ?? month, month));
  const back = everLeft.find((id) => !rows.has(id)) ?? '';
  const old = months.map(({ rows: each }) => each.get(back)).find((row) => row !== undefined);
  const supervisors = [
    ...new Set([...rows.values()].flatMap(({ supervisor }) => (supervisor ? [supervisor] : []))),
  ].sort();
  const [shared = ''] = supervisors;
  const [someone] = [...rows.values()].filter(({ supervisor }) => supervisor !== '' && supervisor !== shared);
  if (!old || !someone) throw new Error('the feed has nobody who left');
  rows.set(back, old);
  const template = { ...someone, projects: 'Project 110' };
  rows.set('NEW0001', {
    ...template,
    employee_name: 'Nova Joiner Newman',
    user_id: 'NEW0001',
    email: 'Nova.Joiner.Newman@dtaa.com',
  });
  rows.set('NEW0002', { ...template, employee_name: shared, user_id: 'NEW0002', email: 'second@dtaa.com' });
  rows.set(someone.user_id ?? '', { ...someone, supervisor: 'Nobody Of That Name' });
  return { ...last, month: '2010-09', rows };
}

function prepare(t: TestContext): World | undefined {
  if (world === undefined) requireTestData(t, FEED);
  return world;
}

describe('the CERT feed', () => {
  before(async () => {
    const root = process.env.METATRAIL_TEST_DATA;
    if (root === undefined) return;
    const folder = mkdtempSync(join(tmpdir(), 'metatrail-cert-'));
    const nine = readCsvMonths(join(root, FEED));
    for (const { month } of nine) copyFileSync(join(root, FEED, `${month}.csv`), join(folder, `${month}.csv`));
    writeMonth(folder, constructTenth(nine));
    const data = join(folder, 'data');
    const { status, stdout, stderr } = spawnSync('npm', ['run', '--silent', 'feed', '--', folder, '--data', data], {
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    });
    assert.equal(status, 0, stderr);
    const environment = readEnvironment({ METATRAIL_DATA: data });
    const installation = await Installation.open(
      environment,
      readConfiguration(chooseConfiguration(data, undefined, {}), data),
    );
    world = { folder, data, csv: readCsvMonths(folder), feed: feedSchema.parse(JSON.parse(stdout)), installation };
  });

  after(async () => {
    if (!world) return;
    const { folder, data, installation } = world;
    try {
      await assertReplays(data, installation.log.clickhouse);
    } finally {
      await installation.close();
      rmSync(folder, { recursive: true });
    }
  });

  test('each month has the people, joiners and leavers that the files have', (t) => {
    const ready = prepare(t);
    if (!ready) return;
    const { csv, feed } = ready;
    assert.deepEqual(
      feed.map(({ month }) => month),
      csv.map(({ month }) => month),
    );
    for (const [i, month] of csv.entries()) {
      const told = feed[i];
      const previous = csv[i - 1];
      assert.equal(told?.at, endOf(month.month));
      assert.equal(told?.people, month.rows.size, month.month);
      assert.deepEqual(told?.leavers, previous ? missing(previous, month) : [], month.month);
      assert.deepEqual(told?.joiners, previous ? missing(month, previous) : [], month.month);
    }
    assert.equal(feed[9]?.joiners.length, 3);
    assert.equal(feed[9]?.rehires.length, 1);
  });

  test('every change of projects is in the log, with before and after', (t) => {
    const ready = prepare(t);
    if (!ready) return;
    const { csv, feed } = ready;
    for (const [i, month] of csv.entries()) {
      const previous = csv[i - 1];
      assert.deepEqual(feed[i]?.project_changes, previous ? projectChanges(previous, month) : [], month.month);
    }
  });

  test('supervisors that name nobody or several are recorded, never guessed', (t) => {
    const ready = prepare(t);
    if (!ready) return;
    const { csv, feed } = ready;
    const byId = (a: { user_id: string }, b: { user_id: string }) => (a.user_id < b.user_id ? -1 : 1);
    for (const [i, month] of csv.entries()) {
      assert.deepEqual(
        feed[i]?.unresolved_supervisors.toSorted(byId),
        unresolvedSupervisors(month).sort(byId),
        month.month,
      );
    }
    const outcomes = new Set(feed[9]?.unresolved_supervisors.map(({ outcome }) => outcome));
    assert.deepEqual(outcomes, new Set(['unresolved-reference', 'ambiguous-reference']));
  });

  test("the log says who was in each project's group and who had an account at each month's end", async (t) => {
    const ready = prepare(t);
    if (!ready) return;
    const { csv, installation } = ready;
    const context = installation.context(localAccess('test'));
    const anchors = new Map(
      (await findEmployments(context.queries, context.people)).map(({ object, anchor }) => [object, anchor ?? '']),
    );
    for (const month of csv) {
      const { holdings } = await findHoldings(context.queries, parseInstant(endOf(month.month)) ?? 0, {
        agent: 'directory',
      });
      const groups = new Map<string, string[]>();
      for (const { entitlement, holder } of holdings.filter(({ attribute }) => attribute === 'member')) {
        const name = entitlement?.name ?? '';
        groups.set(
          name,
          [...(groups.get(name) ?? []), anchors.get(holder.id ?? '') ?? `nobody: ${holder.name}`].sort(),
        );
      }
      assert.deepEqual(new Map([...groups].sort()), new Map([...membersOf(month)].sort()), month.month);
      const enabled = holdings
        .filter(({ attribute, value }) => attribute === 'enabled' && value === 'true')
        .map(({ holder }) => anchors.get(holder.id ?? ''));
      assert.deepEqual(enabled.sort(), [...month.rows.keys()].sort(), month.month);
    }
  });

  test('the counters of every run equal the counts of the files and of the log', async (t) => {
    const ready = prepare(t);
    if (!ready) return;
    const { csv, feed, installation } = ready;
    for (const [i, month] of csv.entries()) {
      const previous = csv[i - 1];
      const step = feed[i]?.runs[0]?.steps[0];
      const changed = previous
        ? [...month.rows].filter(([id, row]) => JSON.stringify(row) !== JSON.stringify(previous.rows.get(id))).length
        : month.rows.size;
      const gone = previous ? missing(previous, month).length : 0;
      assert.deepEqual(
        step?.objects?.employee,
        { read: month.rows.size, unchanged: month.rows.size - changed, changed, refused: 0, gone },
        month.month,
      );
      const [groups, before] = [membersOf(month), previous ? membersOf(previous) : new Map<string, string[]>()];
      const same = [...groups].filter(
        ([name, members]) => JSON.stringify(before.get(name)) === JSON.stringify(members),
      ).length;
      const lost = [...before.keys()].filter((name) => !groups.has(name)).length;
      assert.deepEqual(
        step?.objects?.project,
        { read: groups.size, unchanged: same, changed: groups.size - same, refused: 0, gone: lost },
        month.month,
      );
      const exported = countOf(feed[i], 'export', 'account');
      assert.equal(
        exported['export-add'] ?? 0,
        previous
          ? missing(month, previous).filter((id) => csv.slice(0, i).every(({ rows }) => !rows.has(id))).length
          : month.rows.size,
        month.month,
      );
      assert.equal(exported['export-failure'], undefined);
      const synchronized = countOf(feed[i], 'recall', 'person');
      assert.equal(synchronized['connector-delete-leave-mv'] ?? 0, gone, month.month);
      const confirmed = feed[i]?.runs[2]?.steps[0]?.objects?.account;
      const everSeen = new Set(csv.slice(0, i + 1).flatMap(({ rows }) => [...rows.keys()])).size;
      assert.deepEqual(
        confirmed,
        { read: everSeen, unchanged: everSeen, changed: 0, refused: 0, gone: 0 },
        month.month,
      );
    }
    const { queries } = installation.context(localAccess('test'));
    const completeness = await findCompleteness(queries, await installation.log.checkpoints.current(), undefined);
    assert.deepEqual(completeness.faults, []);
    assert.equal(completeness.missing, 0);
    assert.equal(completeness.runs, csv.length * 3 + 1);
  });

  test('a real slapd loads the directory that was written and gives it back', async (t) => {
    const ready = prepare(t);
    if (!ready) return;
    const server = await startSlapd(t, SUFFIX, join(ready.data, 'directory.ldif'));
    if (!server) return;
    const last = ready.csv.at(-1);
    const ever = new Set(ready.csv.flatMap(({ rows }) => [...rows.keys()]));
    const accounts = server.search('(objectClass=shadowAccount)', 'uid', 'shadowExpire');
    const readValues = (record: (typeof accounts)[number], name: string) =>
      record.values.filter(({ type }) => type === name).map(({ value }) => value);
    assert.deepEqual(accounts.flatMap((record) => readValues(record, 'uid')).sort(), [...ever].sort());
    const open = accounts
      .filter((record) => readValues(record, 'shadowExpire').length === 0)
      .flatMap((record) => readValues(record, 'uid'));
    assert.deepEqual(open.sort(), [...(last?.rows.keys() ?? [])].sort());
    const groups = server.search('(objectClass=groupOfNames)', 'cn', 'member');
    const members = last ? membersOf(last) : new Map<string, string[]>();
    for (const group of groups) {
      const uids = readValues(group, 'member').map((dn) => /^uid=([^,]+),/.exec(dn)?.[1] ?? dn);
      const expected = members.get(readValues(group, 'cn')[0] ?? '') ?? ['cn=nobody,ou=groups,dc=dtaa,dc=example'];
      assert.deepEqual(uids.sort(), expected);
    }
  });
});

function countOf(month: FeedMonth | undefined, stage: string, objectType: string): Record<string, number> {
  const counters =
    month?.runs.flatMap(({ steps }) => steps.flatMap(({ counters_by_object_type }) => counters_by_object_type)) ?? [];
  return Object.fromEntries(
    counters
      .filter((counter) => counter.stage === stage && counter.object_type === objectType)
      .map(({ name, count }) => [name, count]),
  );
}
