// How each question reads the log, over more events than any of them should look at: what ClickHouse says of every statement
// (EXPLAIN) is kept in api/queries/PLANS.md, and nothing reads the log whole but what that page says so of.
// UPDATE_GOLDEN=1 writes the page.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { z } from 'zod';
import { findAccounts } from '../api/queries/accounts.ts';
import { findCauses, findEffects } from '../api/queries/chain.ts';
import { findChanges } from '../api/queries/changes.ts';
import { findCompleteness } from '../api/queries/completeness.ts';
import { type QueryContext, readSequences } from '../api/queries/context.ts';
import { findEmployments } from '../api/queries/employment.ts';
import { findHoldings } from '../api/queries/entitlements.ts';
import { findHistory } from '../api/queries/history.ts';
import { findLosers } from '../api/queries/hops.ts';
import { findLastInstant, findLeavers } from '../api/queries/leavers.ts';
import { findMoves } from '../api/queries/movers.ts';
import { nameObjects } from '../api/queries/names.ts';
import { findNestedAccess, findNestedHolders } from '../api/queries/nested-entitlements.ts';
import { findState } from '../api/queries/object-state.ts';
import { findObjects } from '../api/queries/objects.ts';
import { findOnwards } from '../api/queries/onwards.ts';
import { countOpenExports, findOpenExports } from '../api/queries/open-exports.ts';
import {
  countChangesByDay,
  countChangesByMonth,
  countObjects,
  countOutOfBand,
  countProblems,
} from '../api/queries/overview.ts';
import { findReads } from '../api/queries/reads.ts';
import { findLastRuns, findRuns } from '../api/queries/runs.ts';
import { findByText } from '../api/queries/search.ts';
import { findDifference } from '../api/queries/state-difference.ts';
import { PARTITION_EVENTS } from '../ingest/clickhouse/cluster.ts';
import { openClickHouse } from '../ingest/clickhouse/connect.ts';
import { migrateClickHouse } from '../ingest/clickhouse/migrate.ts';
import { instant } from './api/world.ts';
import { MIX, MIXED_EVENTS } from './bench/mix.ts';
import { fillEvents } from './bench/rows-of-select.ts';
import { makeFolder } from './engine-world.ts';
import { WHOLE_SIGHT } from './whole-sight.ts';

const PAGE_FILE = new URL('../api/queries/PLANS.md', import.meta.url);
/** More than twice what is looked at first. */
const EVENTS = 1_200_000;

const clickhouse = openClickHouse({ folder: makeFolder() });
after(() => clickhouse.close());

interface Asked {
  sql: string;
  params: Record<string, unknown>;
}

type Question = (context: QueryContext, about: About) => Promise<unknown>;

interface About {
  person: string;
  group: string;
  sequence: number;
}

const PEOPLE = { agents: ['hr'], types: ['person'], leavingDateAttributes: ['contractEnd'] };
const YEAR = instant(`${MIX.year}T00:00:00Z`);
const DAY = 86_400_000_000;
const THEN = YEAR + 200 * DAY;
const YEARS_END = YEAR + 365 * DAY;
const PAGE = { first: 50 };

/** What is asked of the log, with the number that DESIGN's list of questions has for it. */
const QUESTIONS: Record<string, Question> = {
  'history of an object': (context, { person }) => findHistory(context, person, {}, PAGE),
  'changes, the newest': (context) => findChanges(context, {}, PAGE),
  'changes by initiator': (context) => findChanges(context, { initiator: 'user-7' }, PAGE),
  'changes by rule': (context) => findChanges(context, { rule: 'hr/employee/title' }, PAGE),
  'changes by agent': (context) => findChanges(context, { agent: 'directory' }, PAGE),
  'changes by run': (context) => findChanges(context, { run: 1000 }, PAGE),
  'changes by attribute': (context) => findChanges(context, { attribute: 'title' }, PAGE),
  'changes by value': (context) => findChanges(context, { attribute: 'title', value: 'Title 7' }, PAGE),
  'changes in a span of time': (context) => findChanges(context, { from: THEN, to: THEN + DAY }, PAGE),
  'changes out of band': (context) => findChanges(context, { outOfBand: true }, PAGE),
  'changes onwards, as feeds and followers read them': (context) =>
    findOnwards(context, { agent: 'directory' }, { from: 1000, first: 50 }),
  'state at an instant': (context, { person }) => findState(context, person, THEN),
  'difference of two states': (context, { person }) =>
    findDifference(person, { context, at: THEN }, { context, at: YEARS_END }),
  'who had a group at an instant': (context, { group }) => findHoldings(context, THEN, { entitlement: group }),
  'what one had at an instant': (context, { person }) => findHoldings(context, THEN, { holder: person }),
  'what everybody had at an instant': (context) => findHoldings(context, THEN, { agent: 'directory' }),
  'who had a group through others': (context, { group }) => findNestedHolders(context, THEN, group),
  'what one had through groups': (context, { person }) => findNestedAccess(context, THEN, person),
  'what led to a change': async (context, { sequence }) => {
    const load = async (each: number) => (await readSequences(context, [each])).get(each);
    const event = (await load(sequence)) ?? assert.fail();
    return findCauses(event, load, context);
  },
  'what a change led to': async (context, { sequence }) =>
    findEffects(context, [...(await readSequences(context, [sequence])).values()], 100),
  'what lost against a change': async (context, { sequence }) =>
    findLosers(context, [...(await readSequences(context, [sequence])).values()]),
  'who came and who left': (context) => findEmployments(context, PEOPLE),
  'who moved': (context) => findMoves(context, { from: THEN, to: YEARS_END }, PEOPLE),
  'how long leavers kept access': (context) => findLeavers(context, THEN, YEARS_END, PEOPLE),
  'the accounts of one': (context, { person }) => findAccounts(context, [person]),
  'exports that are open': (context) => findOpenExports(context, {}, PAGE),
  'how many exports are open': (context) => countOpenExports(context, {}),
  'who looked': (context) => findReads(context, {}, PAGE),
  'who looked at one': (context, { person }) => findReads(context, { object: person }, PAGE),
  'what one looked at': (context) => findReads(context, { viewer: 'user-7' }, PAGE),
  'a search': (context) => findByText(context, { search: 'P00000042' }, 20),
  'a search with a mistake': (context) => findByText(context, { search: 'P0000004x' }, 20),
  'an object': (context, { person }) => findObjects(context, { id: person }, 1),
  'the names of some': (context, { person, group }) => nameObjects(context, [person, group]),
  runs: (context) => findRuns(context, {}, PAGE),
  'the last run of each agent': (context) => findLastRuns(context),
  'the last instant': (context) => findLastInstant(context),
  'objects by type': (context) => countObjects(context),
  'changes by day': (context) => countChangesByDay(context, { from: YEAR, to: YEARS_END }),
  'changes by month': (context) => countChangesByMonth(context),
  problems: (context) => countProblems(context),
  'how many changes are out of band': (context) => countOutOfBand(context),
  completeness: (context) =>
    findCompleteness(context, { size: EVENTS, root: Buffer.alloc(32), note: '', keyIds: [] }, undefined),
};

/** Asks, and says which statements were made for it. */
async function statementsOf(ask: Question, about: About): Promise<Asked[]> {
  const asked: Asked[] = [];
  const context: QueryContext = {
    clickhouse: {
      embedded: true,
      select: (sql, params, schema, options) => {
        asked.push({ sql, params });
        return clickhouse.select(sql, params, schema, options);
      },
    },
    log: 'metatrail/bench',
    watermark: EVENTS,
    sight: WHOLE_SIGHT,
  };
  await ask(context, about);
  return asked;
}

/** The statement and each SELECT in it that ClickHouse carries out beforehand, so that its own plan does not show it. */
function partsOf(sql: string): string[] {
  const parts = [sql];
  for (const { index, 0: found } of sql.matchAll(/\b(?:IN|=|\+|-|,|<|>|>=|<=)\s*\(+\s*(?=SELECT\b)/g)) {
    const begin = index + found.length;
    let depth = 1;
    let end = begin;
    while (depth > 0 && end < sql.length) {
      const letter = sql[end++];
      if (letter === '(') depth++;
      if (letter === ')') depth--;
    }
    parts.push(sql.slice(begin, end - 1));
  }
  return parts;
}

const indexSchema = z.looseObject({
  Type: z.string(),
  Name: z.string().optional(),
  Condition: z.string().optional(),
  'Initial Granules': z.number(),
  'Selected Granules': z.number(),
});
interface Node {
  'Node Type': string;
  Description?: string | undefined;
  Indexes?: z.infer<typeof indexSchema>[] | undefined;
  Plans?: Node[] | undefined;
}
const nodeSchema: z.ZodType<Node> = z.lazy(() =>
  z.looseObject({
    'Node Type': z.string(),
    Description: z.string().optional(),
    Indexes: z.array(indexSchema).optional(),
    Plans: z.array(nodeSchema).optional(),
  }),
);
const planSchema = z.tuple([z.object({ Plan: nodeSchema })]);

const readsOf = (node: Node): Node[] => [
  ...(node['Node Type'].startsWith('ReadFrom') ? [node] : []),
  ...(node.Plans ?? []).flatMap(readsOf),
];

/** How a table is read, in words. */
function describeRead({ Description = '', Indexes = [] }: Node): string | undefined {
  const table = Description.replace(/^default\./, '');
  if (table === '') return undefined;
  const ways = Indexes.flatMap(({ Type, Name = '', Condition = 'true', ...granules }) => {
    if (Type === 'Skip') return granules['Selected Granules'] < granules['Initial Granules'] ? [`index ${Name}`] : [];
    if (Type !== 'PrimaryKey' || Condition === 'true') return [];
    // An id that is set apart from none is no key.
    if (Condition.includes(' not in ')) return [];
    if (/sequence in \d+-element set/.test(Condition)) return ['by sequence'];
    if (/sequence in \[[1-9]\d*, \+Inf\)/.test(Condition)) return ['a span of sequences'];
    const keys = [...new Set([...Condition.matchAll(/\(?(\w+) in /g)].map(([, key]) => key))];
    const of = keys.filter((key) => key !== 'sequence');
    return of.length > 0 ? [`by ${of.join(' and ')}`] : [];
  });
  return `${table}: ${ways.length > 0 ? ways.join(', ') : 'whole'}`;
}

async function describePlan(part: string, params: Record<string, unknown>): Promise<string[]> {
  const row = z.object({ explain: z.string() });
  const [found] = await clickhouse.select(`EXPLAIN json = 1, indexes = 1 ${part}`, params, row);
  const [{ Plan }] = planSchema.parse(JSON.parse(found?.explain ?? ''));
  return readsOf(Plan).flatMap((node) => describeRead(node) ?? []);
}

/** Each way in which a question reads a table. */
async function describeQuestion(ask: Question, about: About): Promise<string[]> {
  const ways: string[] = [];
  for (const { sql, params } of await statementsOf(ask, about)) {
    for (const part of partsOf(sql)) ways.push(...(await describePlan(part, params)));
  }
  return [...new Set(ways)].sort();
}

const WHOLE = 'events: whole';
/** What looks at a column or two of every event, and why it must. */
const WHOLE_LOG: Record<string, string> = {
  'changes out of band': 'where there are none: one byte an event is looked at, backwards in spans',
  runs: 'where there are none: the stage of each event is looked at, backwards in spans',
  'the last run of each agent': 'where there are none, as for runs',
  'what everybody had at an instant': 'whose each account was, of everybody',
  'who came and who left': 'the links of everybody, ever',
  'how long leavers kept access': 'the links of everybody, ever',
  'how many exports are open': 'the last export of each entry',
  'the last instant': 'by its time, and events arrive in the order of the log',
  'changes by day': 'a count of all',
  'changes by month': 'a count of all',
  problems: 'a count of all',
  'how many changes are out of band': 'a count of all',
  completeness: 'that each event is there once',
};

const HEAD = `# How the questions read the log

What ClickHouse says (EXPLAIN) of every statement of each question, over ${EVENTS.toLocaleString('en')} events; written and held by
\`test/query-plans.test.ts\`. \`of_object\`, \`of_entry\`, \`of_initiator\`, \`names\` and \`objects\` are projections of \`events\`. A question reads what it needs by
sequence, by an index, by a projection's key or in a span of the newest events; what reads a column of the whole log says why.

| question | reads |
|---|---|
`;

test('every question reads the log as its page says, and none reads it whole without saying why', {
  timeout: 300_000,
}, async () => {
  await migrateClickHouse(clickhouse, PARTITION_EVENTS);
  await fillEvents(clickhouse, MIXED_EVENTS, EVENTS);
  // Parts of one size, whatever was merged so far: a plan names no number, but a small part is read whole.
  await clickhouse.command('OPTIMIZE TABLE events FINAL');
  const [about] = await clickhouse.select(
    `SELECT toString(object) AS person, toString((SELECT any(object) FROM events WHERE object_type = 'group')) AS "group", sequence
     FROM events WHERE stage = 'export' AND object_type = 'person' AND sequence > 600000 ORDER BY sequence LIMIT 1`,
    {},
    z.object({ person: z.string(), group: z.string(), sequence: z.number() }),
  );
  assert.ok(about);
  const whole: string[] = [];
  const rows: string[] = [];
  for (const [name, ask] of Object.entries(QUESTIONS)) {
    const ways = await describeQuestion(ask, about);
    if (ways.includes(WHOLE)) whole.push(name);
    const told = ways.map((way) => (way === WHOLE ? `${way} (${WHOLE_LOG[name]})` : way));
    rows.push(`| ${name} | ${told.join('; ')} |`);
  }
  assert.deepEqual(
    whole,
    Object.keys(WHOLE_LOG).sort((a, b) => whole.indexOf(a) - whole.indexOf(b)),
  );
  const page = `${HEAD}${rows.join('\n')}\n`;
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(PAGE_FILE, page);
  assert.equal(readFileSync(PAGE_FILE, 'utf8'), page);
});
