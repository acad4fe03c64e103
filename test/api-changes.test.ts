// Changes by filters and pages, and objects by name, against the events of the journal itself.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { z } from 'zod';
import { encodeCursor, pagingOf } from '../api/graphql/connection.ts';
import { type ChangeFilter, conditionOf, findChanges, whereOf } from '../api/queries/changes.ts';
import { countChangesByDay } from '../api/queries/overview.ts';
import { formatIso } from '../ingest/clock.ts';
import type { ChangeEvent } from '../ingest/event.ts';
import { ApiWorld, instant, liveHalfAYear } from './api/world.ts';
import { WHOLE_SIGHT } from './whole-sight.ts';

let world: ApiWorld;
before(async () => {
  world = await ApiWorld.open();
  await liveHalfAYear(world);
});
after(() => world.close());

const asked: { [K in keyof ChangeFilter]-?: (event: ChangeEvent, wanted: NonNullable<ChangeFilter[K]>) => boolean } = {
  from: (event, from) => event.occurredAt >= from,
  to: (event, to) => event.occurredAt <= to,
  object: (event, object) => event.object === object,
  attribute: (event, attribute) => event.values.some((value) => value.attribute === attribute),
  value: (event, text) => event.values.some((value) => value.old === text || value.new === text),
  agent: (event, agent) => event.agent === agent,
  initiator: (event, initiator) => event.initiator === initiator,
  stages: (event, stages) => stages.length === 0 || stages.includes(event.stage),
  outcomes: (event, outcomes) => outcomes.length === 0 || outcomes.includes(event.outcome),
  rule: (event, rule) => event.rule === rule || event.values.some((value) => value.rule === rule),
  run: (event, run) => event.run === run,
  outOfBand: (event, outOfBand) => event.outOfBand === outOfBand,
};

function matches(event: ChangeEvent, filter: ChangeFilter): boolean {
  const names = Object.keys(filter) as (keyof ChangeFilter)[];
  if (filter.attribute !== undefined && filter.value !== undefined) {
    const { attribute, value } = filter;
    const pair = event.values.some(
      (each) => each.attribute === attribute && (each.old === value || each.new === value),
    );
    if (!pair) return false;
  }
  return names.every((name) => asked[name](event, filter[name] as never));
}

test('each filter alone and each pair of filters find exactly the changes that they describe', async () => {
  const anne = world.id('Änne Müller');
  const married = world.events().find(({ values }) => values.some((value) => value.new === 'Änne Schmidt'));
  const filters: ChangeFilter[] = [
    { from: instant('2024-02-02T10:00:00.000001Z') },
    { to: instant('2024-02-02T10:00:00Z') },
    { object: anne },
    { attribute: 'member' },
    { value: 'Änne Schmidt' },
    { value: '' },
    { agent: 'directory' },
    { initiator: 'dave' },
    { stages: ['export', 'recall'] },
    { stages: [] },
    { outcomes: ['export-update'] },
    { run: married?.run },
    { rule: 'hr/employee/join' },
    {
      rule:
        world
          .events()
          .flatMap(({ values }) => values)
          .find((value) => value.rule !== undefined)?.rule ?? assert.fail(),
    },
    { outOfBand: true },
    { outOfBand: false },
  ];
  const events = world.events();
  for (const [index, one] of filters.entries()) {
    const pairs = filters.slice(index).map(async (other) => {
      const filter = { ...one, ...other };
      const expected = events.filter((event) => matches(event, filter)).map(({ sequence }) => sequence);
      const { events: found, hasMore } = await findChanges(world.queries, filter, { first: 1000 });
      assert.equal(hasMore, false);
      assert.deepEqual(found.map(({ sequence }) => sequence).reverse(), expected, JSON.stringify(filter));
      // Nine events, then as many more as the page seems to take, and so on.
      for (const first of [2, 5, 11]) {
        const page = await findChanges(world.queries, filter, { first, span: 9 });
        assert.deepEqual(
          page.events.map(({ sequence }) => sequence).reverse(),
          expected.slice(-first),
          JSON.stringify(filter),
        );
        assert.equal(page.hasMore, expected.length > first);
      }
    });
    await Promise.all(pairs);
  }
});

test('an attribute and a value together ask for that value of that attribute', async () => {
  const find = async (filter: ChangeFilter) =>
    (await findChanges(world.queries, filter, { first: 1000 })).events.length;
  assert.ok((await find({ value: 'IT' })) > 0);
  assert.equal(await find({ attribute: 'displayName', value: 'IT' }), 0);
});

test('pages have no gap and no repetition, and show nothing that came later, while events arrive', async () => {
  const first = world.queries.watermark;
  const seen: number[] = [];
  let after: string | null = null;
  do {
    const { changes }: ChangesAnswer = await world.data(CHANGES, { first: 37, after });
    seen.push(...changes.nodes.map(({ sequence }) => sequence));
    after = changes.pageInfo.hasNextPage ? changes.pageInfo.endCursor : null;
    await world.accept({ stage: 'read', outcome: 'read' });
  } while (after !== null);
  assert.deepEqual(
    seen,
    Array.from({ length: first }, (_, index) => first - 1 - index),
  );
});

const CHANGES = `query ($first: Int, $after: String) {
  changes(first: $first, after: $after) { nodes { sequence } pageInfo { hasNextPage endCursor } watermark }
}`;
interface ChangesAnswer {
  changes: {
    nodes: { sequence: number }[];
    pageInfo: { hasNextPage: boolean; endCursor: string | null };
    watermark: number;
  };
}

const { question: ALL } = pagingOf('changes', {}, {});

test('a cursor of another page, or past the end, is taken for what it is; nonsense and that of another question are refused', async () => {
  const old: ChangesAnswer = await world.data(CHANGES, { first: 2, after: encodeCursor(ALL, 5) });
  assert.deepEqual(old.changes.nodes, [{ sequence: 4 }, { sequence: 3 }]);
  const end: ChangesAnswer = await world.data(CHANGES, { after: encodeCursor(ALL, 0) });
  assert.deepEqual(end.changes.nodes, []);
  const far: ChangesAnswer = await world.data(CHANGES, { first: 1, after: encodeCursor(ALL, Number.MAX_SAFE_INTEGER) });
  const changes = world.sequences(({ stage }) => stage !== 'read');
  assert.deepEqual(far.changes.nodes, [{ sequence: changes.at(-1) }]);
  const forged = [
    '',
    's5',
    'czU',
    'czU=',
    ' czU',
    `${encodeCursor(ALL, 5)}!`,
    'x'.repeat(100_000 - 500),
    "czU' OR 1=1",
    'czk5OTk5OTk5OTk5OTk5OTk',
  ];
  for (const cursor of forged.filter((text) => text !== encodeCursor(ALL, 5))) {
    const { errors } = await world.ask(CHANGES, { after: cursor });
    assert.equal(
      errors?.[0]?.message,
      'The cursor is not one of this service; start again without it.',
      cursor.slice(0, 40),
    );
    assert.equal(errors?.[0]?.extensions?.code, 'BAD_USER_INPUT');
  }
  const OF_ANOTHER = /^The cursor is of another question;/;
  const filtered = await world.ask(CHANGES.replace('(first: $first', '(filter: {agent: "hr"}, first: $first'), {
    after: encodeCursor(ALL, 5),
  });
  assert.match(filtered.errors?.[0]?.message ?? '', OF_ANOTHER);
  const ofRuns = await world.ask('query ($after: String) { runs(after: $after) { watermark } }', {
    after: encodeCursor(ALL, 5),
  });
  assert.match(ofRuns.errors?.[0]?.message ?? '', OF_ANOTHER);
  assert.equal(ofRuns.errors?.[0]?.extensions?.code, 'BAD_USER_INPUT');
});

test('edges have the rows of the page with the cursors by which any of them can be gone on from', async () => {
  interface Edges {
    changes: {
      nodes: { sequence: number }[];
      edges: { cursor: string; node: { sequence: number } }[];
      pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; startCursor: string; endCursor: string };
    };
  }
  const query = `query ($after: String) { changes(first: 5, after: $after) { nodes { sequence } edges { cursor node { sequence } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`;
  const { changes } = await world.data<Edges>(query);
  assert.deepEqual(
    changes.edges.map(({ node }) => node),
    changes.nodes,
  );
  const { pageInfo, edges } = changes;
  assert.deepEqual(
    [pageInfo.startCursor, pageInfo.endCursor, pageInfo.hasPreviousPage],
    [edges[0]?.cursor, edges[4]?.cursor, false],
  );
  const next = await world.data<Edges>(query, { after: edges[2]?.cursor });
  assert.deepEqual(next.changes.nodes.slice(0, 2), changes.nodes.slice(3));
  assert.equal(next.changes.pageInfo.hasPreviousPage, true);
});

const FIND = `query ($search: String, $type: String, $first: Int) {
  objects(search: $search, type: $type, first: $first) { name formerNames type deleted firstSeen }
  objectCount(search: $search, type: $type)
}`;
interface Found {
  objects: { name: string; formerNames: string[]; type: string; deleted: boolean; firstSeen: string }[];
  objectCount: number;
}

test('objects are found by what they are or were called, by anchor and DN, in either case, also when deleted', async () => {
  const find = async (search: string) => {
    const { objects, objectCount }: Found = await world.data(FIND, { search });
    assert.equal(objectCount, objects.length);
    return objects.map(({ name }) => name);
  };
  assert.deepEqual(await find('müll'), ['Änne Schmidt']);
  assert.deepEqual(await find('ÄNNE'), ['Änne Schmidt']);
  assert.deepEqual(await find('CN=BOB BEECH,DC=CORP'), ['Bob Beech']);
  assert.deepEqual(await find('z9'), ['Zed Zebra']);
  assert.deepEqual(await find('%'), []);
  assert.deepEqual(await find("' OR 1=1 --"), []);
  const { objects }: Found = await world.data(FIND, { search: 'Schmidt' });
  assert.deepEqual(objects, [
    {
      name: 'Änne Schmidt',
      formerNames: ['Änne Müller'],
      type: 'person',
      deleted: false,
      firstSeen: '2024-01-31T23:59:59.999999Z',
    },
  ]);
  const { objects: gone }: Found = await world.data(FIND, { search: 'Zed' });
  assert.deepEqual([gone[0]?.deleted, gone[0]?.type], [true, 'contractor']);
});

test('objects of a type are those of the metaverse type, and a shorter list says of how many', async () => {
  const people: Found = await world.data(FIND, { type: 'person', first: 2 });
  assert.deepEqual([people.objects.length, people.objectCount], [2, 5]);
  const entries: Found = await world.data(FIND, { type: 'employee' });
  assert.deepEqual(entries.objects, []);
});

test('a reference that names nobody does not make a person an object of its entry type', async () => {
  world.hr('2024-05', [
    { id: '1', name: 'Änne Schmidt', department: 'IT', projects: 'Red;Blue', manager: '77', by: 'dave' },
  ]);
  await world.run('hr', 'full');
  await world.delivered();
  const { objects }: Found = await world.data(FIND, { search: 'Schmidt' });
  assert.equal(objects[0]?.type, 'person');
});

test('the changes of each day are those that the log has, by stage', async () => {
  const [from, to] = [instant('2024-02-01T00:00:00Z'), instant('2024-04-30T23:59:59.999999Z')];
  const counted = new Map<string, number>();
  for (const { stage, occurredAt } of world.events()) {
    if (['run', 'configuration', 'read'].includes(stage) || occurredAt < from || occurredAt > to) continue;
    const name = `${formatIso(occurredAt).slice(0, 10)} ${stage}`;
    counted.set(name, (counted.get(name) ?? 0) + 1);
  }
  const answer = await countChangesByDay(world.queries, { from, to });
  assert.ok(answer.length > 5);
  assert.deepEqual(new Map(answer.map(({ period, stage, count }) => [`${period} ${stage}`, count])), counted);
});

test('a value is looked for in the index, as an old value too', async () => {
  const condition = conditionOf({ value: 'Änne Schmidt' }, WHOLE_SIGHT);
  const plan = await world.queries.clickhouse.select(
    `EXPLAIN indexes = 1 SELECT sequence FROM events WHERE ${whereOf(condition)}`,
    condition.params,
    z.object({ explain: z.string() }),
  );
  assert.ok(plan.some(({ explain }) => explain.trim() === 'Name: value_texts'));
});
