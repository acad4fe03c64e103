// Search: by whatever an object was ever called, with typing mistakes forgiven, the best first, from the projection alone.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { z } from 'zod';
import { findByText } from '../api/queries/search.ts';
import { MARKS } from '../ingest/event.ts';
import { ApiWorld, instant, liveHalfAYear } from './api/world.ts';

let world: ApiWorld;
before(async () => {
  world = await ApiWorld.open();
  await liveHalfAYear(world);
});
after(() => world.close());

async function found(search: string, watermark = world.queries.watermark) {
  const all = await findByText({ ...world.queries, watermark }, { search }, 20);
  return all.map(({ object, rank, text }) => `${rank}: ${object.name} (${text})`);
}

test('the whole name, its beginning, a part of it, and a word with mistakes, in this order', async () => {
  assert.deepEqual(await found('bob beech'), ['exact: Bob Beech (Bob Beech)']);
  assert.deepEqual(await found('Bob B'), ['prefix: Bob Beech (Bob Beech)']);
  assert.deepEqual(await found('edar'), ['part: Cid Cedar (Cid Cedar)']);
  for (const mistyped of ['Bob Beehc', 'Bbo Beech', 'Bob Bech', 'beeech', 'Beach Bob'])
    assert.deepEqual(await found(mistyped), ['near: Bob Beech (Bob Beech)'], mistyped);
  assert.deepEqual(await found('Bob Cedar'), []);
  assert.deepEqual(await found('xyzzy'), []);
  assert.deepEqual(await found('  '), []);
});

test('case and accents do not count, and a name of before is found under that of now', async () => {
  assert.deepEqual(await found('ÄNNE mÜller'), ['exact: Änne Schmidt (Änne Müller)']);
  assert.deepEqual(await found('anne muller'), ['near: Änne Schmidt (Änne Müller)']);
  assert.deepEqual(await found('ÄNNE SCHMITD'), ['near: Änne Schmidt (Änne Schmidt)']);
});

test('who is deleted is found by anchor and DN; % and _ are letters', async () => {
  assert.deepEqual(await found('z9'), ['exact: Zed Zebra (z9)']);
  assert.deepEqual(await found('UID=z9,ou=agency'), ['prefix: Zed Zebra (uid=z9,ou=agency,dc=corp)']);
  const [zed] = await findByText(world.queries, { search: 'z9' }, 1);
  assert.equal(zed?.object.deleted, true);
  assert.deepEqual([await found('%'), await found('_____')], [[], []]);
});

test('nobody is found by a name of later, and only objects of the type', async () => {
  const [married] = world.sequences(({ objectName }) => objectName === 'Änne Schmidt');
  assert.deepEqual(await found('Schmidt', married), []);
  assert.equal((await found('Schmidt')).length, 1);
  const typed = await findByText(world.queries, { search: 'red', type: 'group' }, 20);
  assert.deepEqual(
    typed.map(({ object }) => object.name),
    ['Red'],
  );
  assert.deepEqual(await findByText(world.queries, { search: 'blue', type: 'contractor' }, 20), []);
});

test('by mail, SID and employee number; a value that is marked sensitive, or hidden from whoever asks, finds nobody', async () => {
  const object = world.id('Dora Dill');
  const value = (attribute: string, text: string, marks: number) =>
    ({ attribute, type: 'string', operation: 'add', new: text, marks }) as const;
  await world.accept({
    stage: 'import-flow',
    outcome: 'connector-flow',
    operation: 'update',
    object,
    objectName: 'Dora Dill',
    objectType: 'person',
    occurredAt: instant('2024-06-01T00:00:00Z'),
    values: [
      value('mail', 'dora.dill@example.test', MARKS.personal),
      value('objectSid', 'S-1-5-21-397955417-626881126-1001', 0),
      value('employeeNumber', '4711', MARKS.personal),
      value('uid', 'hidden-login', MARKS.sensitive),
    ],
  });
  const dora = 'Dora Dill';
  assert.deepEqual(await found('Dora.Dill@example.test'), [`exact: ${dora} (dora.dill@example.test)`]);
  assert.deepEqual(await found('dora.dil@exmaple.test'), [`near: ${dora} (dora.dill@example.test)`]);
  assert.deepEqual(await found('S-1-5-21-397955417-626881126-1001'), [
    `exact: ${dora} (S-1-5-21-397955417-626881126-1001)`,
  ]);
  assert.deepEqual(await found('4711'), [`exact: ${dora} (4711)`]);
  assert.deepEqual(await found('hidden-login'), []);
  const operator = { ...world.queries, sight: { ...world.queries.sight, hidden: MARKS.personal } };
  assert.deepEqual(await findByText(operator, { search: 'dora.dill@example.test' }, 20), []);
  assert.deepEqual(await findByText(operator, { search: '4711' }, 20), []);
});

test('ClickHouse answers it from the projection', async () => {
  const asked: string[] = [];
  const { clickhouse } = world.queries;
  const context = {
    ...world.queries,
    clickhouse: {
      embedded: clickhouse.embedded,
      select: ((sql, params, schema, options) => {
        if (sql.includes('bitAnd(value.marks')) asked.push(sql);
        return clickhouse.select(sql, params, schema, options);
      }) satisfies typeof clickhouse.select,
    },
  };
  await findByText(context, { search: 'nobody at all' }, 20);
  assert.equal(asked.length, 2);
  for (const sql of asked) {
    const plan = await clickhouse.select(
      `EXPLAIN ${sql}`,
      { watermark: 1000, typed: 'x', words: ['x'], mistakes: [1], most: 5 },
      z.object({ explain: z.string() }),
    );
    const lines = plan.map(({ explain }) => explain).filter((line) => line.includes('ReadFromMergeTree'));
    assert.ok(
      lines.length > 0 && lines.every((line) => line.includes('(names)')),
      plan.map((p) => p.explain).join('\n'),
    );
  }
});

test('a text that is too long is refused', async () => {
  const { errors } = await world.ask('query ($text: String!) { search(text: $text) { rank } }', {
    text: 'x'.repeat(10_000),
  });
  assert.match(errors?.[0]?.message ?? '', /text has 10000 characters/);
  const { search } = await world.data<{ search: { rank: string; object: { name: string } }[] }>(
    '{ search(text: "bob beech") { rank text object { name } } }',
  );
  assert.deepEqual(
    search.map(({ rank, object }) => [rank, object.name]),
    [['exact', 'Bob Beech']],
  );
});
