// The same questions of the same log, held by the embedded ClickHouse, by a server and by a cluster of two: every answer is
// the same, in the same order. And asked up to a watermark, every answer is that of a log which ends there.

import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { localAccess } from '../api/access/access.ts';
import { findAccounts } from '../api/queries/accounts.ts';
import { findCauses, findEffects } from '../api/queries/chain.ts';
import { findChanges } from '../api/queries/changes.ts';
import { findCompleteness } from '../api/queries/completeness.ts';
import { type QueryContext, readSequences } from '../api/queries/context.ts';
import { findEmployments, type PeopleRules } from '../api/queries/employment.ts';
import { findHoldings, readHoldings } from '../api/queries/entitlements.ts';
import { readGrants } from '../api/queries/grants.ts';
import { findHistory } from '../api/queries/history.ts';
import { findLosers } from '../api/queries/hops.ts';
import { findLastInstant, findLeavers } from '../api/queries/leavers.ts';
import { readLinks } from '../api/queries/links.ts';
import { findMoves } from '../api/queries/movers.ts';
import { nameObjects } from '../api/queries/names.ts';
import { findNestedAccess, findNestedHolders } from '../api/queries/nested-entitlements.ts';
import { findState } from '../api/queries/object-state.ts';
import { countFound, findObjects } from '../api/queries/objects.ts';
import { countOpenExports, findOpenExports } from '../api/queries/open-exports.ts';
import {
  countChangesByDay,
  countChangesByMonth,
  countObjects,
  countOutOfBand,
  countProblems,
} from '../api/queries/overview.ts';
import { findReads } from '../api/queries/reads.ts';
import { ReportingLines } from '../api/queries/reporting-lines.ts';
import { countSteps, findLastRuns, findRuns } from '../api/queries/runs.ts';
import { findByText } from '../api/queries/search.ts';
import { findDifference } from '../api/queries/state-difference.ts';
import { Team } from '../api/queries/team.ts';
import type { SignedCheckpoint } from '../ingest/checkpoints/kept-checkpoint.ts';
import { openChangeLog } from '../ingest/log.ts';
import { ApiWorld, instant, liveHalfAYear } from './api/world.ts';
import { changeClickHouse, makeFolderAt, type Place, SHARD_EVENTS, targetOf } from './ingest-places.ts';
import { afterwards } from './ingest-world.ts';
import { WHOLE_SIGHT } from './whole-sight.ts';

interface Log {
  data: string;
  people: PeopleRules;
  objects: readonly string[];
  sequences: readonly number[];
  /** The id of an object by what it was ever called. */
  ids: ReadonlyMap<string, string>;
}

type Question = (context: QueryContext, log: Log) => Promise<unknown>;

const HALF_A_YEAR = [instant('2024-01-01T00:00:00Z'), instant('2024-07-01T00:00:00Z')] as const;
const IN_MARCH = instant('2024-03-20T13:00:00Z');
const PAGE = { first: 1000 };
const NAMES = ['Änne Müller', 'Bob Beech', 'Red', 'Zed Zebra'];

const checkpoint = (size: number): SignedCheckpoint => ({ size, root: Buffer.alloc(32), note: '', keyIds: [] });
const idOf = (log: Log, name: string): string => log.ids.get(name) ?? assert.fail(name);
const ofEach = (work: (context: QueryContext, id: string) => Promise<unknown>): Question => {
  return (context, { objects }) => Promise.all(objects.map((id) => work(context, id)));
};

const QUESTIONS: Record<string, Question> = {
  'changes, all of them': (context) => findChanges(context, {}, PAGE),
  'changes, page by page': (context) => findChanges(context, {}, { first: 7, before: 40 }),
  'changes by who caused them': (context) => findChanges(context, { initiator: 'dave' }, PAGE),
  'changes by value and attribute': (context) =>
    findChanges(context, { attribute: 'displayName', value: 'Änne Schmidt' }, PAGE),
  'changes in a span of time': (context) => findChanges(context, { from: IN_MARCH, outOfBand: false }, PAGE),
  'changes that we did not do': (context) => findChanges(context, { outOfBand: true }, PAGE),
  'what happened to each object': ofEach((context, id) => findHistory(context, id, {}, PAGE)),
  'the state of each object at an instant': ofEach((context, id) => findState(context, id, IN_MARCH)),
  'who held what at an instant': (context) => findHoldings(context, IN_MARCH, {}),
  'who held what in the metaverse': (context) => findHoldings(context, IN_MARCH, { agent: '' }),
  'who held one group': (context, log) => findHoldings(context, IN_MARCH, { entitlement: idOf(log, 'Red') }),
  'what one person held': (context, log) => findHoldings(context, IN_MARCH, { holder: idOf(log, 'Bob Beech') }),
  'who held one group through others': (context, log) => findNestedHolders(context, IN_MARCH, idOf(log, 'Red')),
  'what one person held through groups': (context, log) => findNestedAccess(context, IN_MARCH, idOf(log, 'Bob Beech')),
  'who held several groups': (context, { objects }) => readHoldings(context, IN_MARCH, { entitlement: objects }),
  'what differs between two states': ofEach((context, id) =>
    findDifference(id, { context, at: IN_MARCH }, { context, at: HALF_A_YEAR[1] }),
  ),
  'what lost against each change': async (context, { sequences }) =>
    findLosers(context, [...(await readSequences(context, sequences)).values()]),
  'who moved': (context, { people }) => findMoves(context, { from: 0, to: HALF_A_YEAR[1] }, people),
  'exports that are open': async (context) => [
    await findOpenExports(context, {}, PAGE),
    await findOpenExports({ ...context, watermark: Math.min(100, context.watermark) }, { agent: 'directory' }, PAGE),
    await countOpenExports({ ...context, watermark: Math.min(100, context.watermark) }, {}),
  ],
  'a search': (context) => findByText(context, { search: 'e' }, 100),
  'a search with a mistake': (context) => findByText(context, { search: 'Beehc' }, 100),
  'what we knew then': (context) => findHoldings({ ...context, watermark: 60 }, IN_MARCH, {}),
  'how each grant came about': (context, { sequences }) => readGrants(context, sequences),
  'how long leavers kept access': (context, { people }) => findLeavers(context, ...HALF_A_YEAR, people),
  'who came and who left': (context, { people }) => findEmployments(context, people),
  'the accounts of each': (context, { objects }) => findAccounts(context, objects),
  'the links of each': (context, { objects }) => readLinks(context, objects),
  'the names of each': (context, { objects }) => nameObjects(context, objects),
  'objects by name': (context) => findObjects(context, { search: 'n' }, 100),
  'how many objects have a name': (context) => countFound(context, { search: 'n' }),
  'what led to each change': async (context, { sequences }) => {
    const events = await readSequences(context, sequences);
    return Promise.all(
      [...events.values()].map((event) => findCauses(event, async (each) => events.get(each), context)),
    );
  },
  'what each change led to': async (context, { sequences }) =>
    findEffects(context, [...(await readSequences(context, sequences)).values()], 1000),
  runs: (context) => findRuns(context, {}, { first: 100 }),
  'the last run of each agent': (context) => findLastRuns(context),
  'what each step did': (context) => countSteps(context, undefined),
  'the last instant': (context) => findLastInstant(context),
  'objects by type': (context) => countObjects(context),
  'changes by month': (context) => countChangesByMonth(context),
  'changes by day': (context) => countChangesByDay(context, { from: 0, to: IN_MARCH }),
  problems: (context) => countProblems(context),
  'changes out of band': (context) => countOutOfBand(context),
  completeness: (context) => findCompleteness(context, checkpoint(context.watermark), undefined),
  'who looked': (context) => findReads(context, {}, PAGE),
  'what one looked at': (context, { objects }) => findReads(context, { viewer: 'test', object: objects[0] }, PAGE),
};

async function liveInAWorld(t: TestContext): Promise<Log & { embedded: QueryContext }> {
  const world = await ApiWorld.open();
  afterwards(t, () => world.close());
  await liveHalfAYear(world);
  for (const object of [...new Set(world.events().flatMap(({ object }) => object ?? []))].slice(0, 6))
    await world.ask('query ($id: ID!) { object(id: $id) { name } }', { id: object });
  await world.delivered();
  const events = world.events();
  return {
    embedded: world.queries,
    data: path.join(world.folder, 'data'),
    people: world.installation.context(localAccess('test')).people,
    objects: [...new Set(events.flatMap(({ object }) => object ?? []))],
    sequences: events.map(({ sequence }) => sequence),
    ids: new Map(NAMES.map((name) => [name, world.id(name)])),
  };
}

/** The same journal again, with nothing delivered yet, shipped to another ClickHouse. */
async function shipTo(t: TestContext, place: Place, data: string): Promise<QueryContext & { folder: string }> {
  const folder = await makeFolderAt(t, place);
  cpSync(data, folder, { recursive: true, filter: (source) => path.basename(source) !== 'clickhouse' });
  const database = new DatabaseSync(path.join(folder, 'metatrail.sqlite'));
  database.exec("DELETE FROM facts WHERE name = 'shipped'");
  database.close();
  const log = await openChangeLog(targetOf(folder));
  afterwards(t, () => log.close());
  await log.shipper.delivered(log.journal.size);
  return {
    clickhouse: log.clickhouse,
    log: log.journal.log,
    watermark: log.shipper.shipped,
    folder,
    sight: WHOLE_SIGHT,
  };
}

test('every question has the same answer wherever the log is', { timeout: 300_000 }, async (t) => {
  const log = await liveInAWorld(t);
  const { embedded } = log;
  const others = [await shipTo(t, 'server', log.data), await shipTo(t, 'cluster', log.data)];
  assert.ok(embedded.watermark > SHARD_EVENTS * 20);
  for (const [name, ask] of Object.entries(QUESTIONS)) {
    await t.test(name, async () => {
      const expected = await ask(embedded, log);
      for (const context of others) assert.deepEqual(await ask(context, log), expected);
    });
  }
});

test('a manager is told the same of their people wherever the log is', { timeout: 300_000 }, async (t) => {
  const log = await liveInAWorld(t);
  const [anne, bob] = [idOf(log, 'Änne Müller'), idOf(log, 'Bob Beech')];
  const asManager = (context: QueryContext): QueryContext => {
    const sources = { whole: context.clickhouse, lines: new ReportingLines('manager'), watermark: context.watermark };
    const personTypes = new Set(['person', 'contractor']);
    const team = new Team({ ...sources, personTypes, withRuns: false, findManager: async () => anne });
    return { ...context, clickhouse: team.eventful, sight: { ...WHOLE_SIGHT, team } };
  };
  const { embedded } = log;
  const others = [await shipTo(t, 'server', log.data), await shipTo(t, 'cluster', log.data)];
  const asked: Record<string, (context: QueryContext) => Promise<unknown>> = {
    people: (context) => findObjects(context, { type: 'person' }, 100),
    history: async (context) => (await findHistory(context, bob, {}, PAGE)).events,
    state: (context) => findState(context, bob, IN_MARCH),
    access: async (context) => (await findHoldings(context, IN_MARCH, {})).holdings,
    'of somebody else': (context) => findState(context, anne, IN_MARCH),
  };
  for (const [name, ask] of Object.entries(asked)) {
    const expected = await ask(asManager(embedded));
    const all = await ask(embedded);
    assert.ok(
      JSON.stringify(expected).length < JSON.stringify(all).length || name === 'state',
      `${name} is less than all`,
    );
    if (name === 'of somebody else') assert.deepEqual(expected, []);
    else assert.match(JSON.stringify(expected), /Bob Beech/);
    for (const context of others) assert.deepEqual(await ask(asManager(context)), expected, name);
  }
});

/** What a question is answered, or refused with: an object may not be there yet. */
const answerOf = (ask: Question, context: QueryContext, log: Log): Promise<unknown> =>
  ask(context, log).catch((error: unknown) => String(error));

test('every question stops at its watermark', { timeout: 300_000 }, async (t) => {
  const log = await liveInAWorld(t);
  const { folder, ...cut } = await shipTo(t, 'server', log.data);
  const end = log.embedded.watermark;
  assert.equal((await findReads(log.embedded, {}, PAGE)).reads.length, 6);
  // The reads are the last events.
  for (const watermark of [end - 4, ...[0.9, 0.7, 0.55, 0.4, 0.25].map((part) => Math.floor(end * part))]) {
    for (const table of ['events', 'entitlement_changes'])
      await changeClickHouse(
        folder,
        `ALTER TABLE ${table} DELETE WHERE sequence >= ${watermark} SETTINGS mutations_sync = 2`,
      );
    const before = { ...log, sequences: log.sequences.filter((sequence) => sequence < watermark) };
    for (const [name, ask] of Object.entries(QUESTIONS))
      await t.test(`${name}, at ${watermark}`, async () => {
        const expected = await answerOf(ask, { ...cut, watermark }, before);
        assert.deepEqual(await answerOf(ask, { ...log.embedded, watermark }, before), expected);
      });
  }
});
