// Global ids: whatever has one is asked for by it alone, and only by those who may ask for it anyway.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { localAccess } from '../api/access/access.ts';
import { ApiWorld, liveHalfAYear } from './api/world.ts';

let world: ApiWorld;
before(async () => {
  world = await ApiWorld.open();
  await liveHalfAYear(world);
});
after(() => world.close());

const NODE = 'query ($id: ID!) { node(id: $id) { __typename id } }';
interface Node {
  node: { __typename: string; id: string } | null;
}

test('each id that an answer gives is found again, as what it was', async () => {
  const given = await world.data<Record<string, unknown>>(
    `{ changes(first: 2) { nodes { __typename id } } runs(first: 2) { nodes { __typename id steps { number } } }
       agents { __typename id } object(id: "${world.id('Änne Müller')}") { __typename id } }`,
  );
  const nodes: { __typename: string; id: string }[] = [];
  JSON.stringify(given, (_, value) => {
    if (value?.__typename) nodes.push({ __typename: value.__typename, id: value.id });
    return value;
  });
  assert.deepEqual(
    new Set(nodes.map(({ __typename }) => __typename)),
    new Set(['Change', 'Run', 'Agent', 'MetaverseObject']),
  );
  assert.equal(new Set(nodes.map(({ id }) => id)).size, nodes.length);
  for (const node of nodes) assert.deepEqual((await world.data<Node>(NODE, { id: node.id })).node, node);
});

test('an id of nothing is nothing, one of no kind an error, and a watermark holds', async () => {
  for (const id of ['change:999999', 'run:2', 'agent:none', '00000000-0000-7000-8000-000000000000'])
    assert.equal((await world.data<Node>(NODE, { id })).node, null, id);
  for (const id of ['change:', 'change:-1', 'run:1e3', 'change:99999999999999999', 'person:1', '', 'x'.repeat(5000)]) {
    const { errors } = await world.ask(NODE, { id });
    assert.equal(errors?.[0]?.extensions?.code, 'BAD_USER_INPUT', id.slice(0, 40));
  }
  const known = '{ node(id: "change:5", watermark: 5) { id } }';
  assert.equal((await world.data<Node>(known)).node, null);
});

test('who may not ask for runs or changes gets none by their ids either, and each is a read of what was asked for', async () => {
  const ask = (roles: Parameters<typeof world.installation.ask>[2]['roles'], id: string) =>
    world.installation.ask(NODE, { id }, { ...localAccess('mo'), roles }, (error) => world.reported.push(error));
  for (const [roles, id] of [
    [['administrator'], 'change:5'],
    [['operator'], 'change:5'],
    [['operator'], world.id('Änne Müller')],
    [['manager'], 'run:0'],
  ] as const) {
    const { data, errors } = await ask([...roles], id);
    assert.ok(data === null || data?.node === null || data?.node === undefined);
    assert.equal(errors?.[0]?.extensions?.code, 'FORBIDDEN', `${roles} ${id}`);
  }
  await world.installation.log.shipper.delivered(world.installation.log.journal.size);
  const { reads } = await world.data<{ reads: { nodes: unknown[] } }>(
    '{ reads(first: 1) { nodes { viewer question outcome fields parameters { name value } } } }',
  );
  assert.deepEqual(reads.nodes, [
    {
      viewer: 'mo',
      question: 'node',
      outcome: 'refused',
      fields: ['__typename', 'id'],
      parameters: [{ name: 'id', value: 'run:0' }],
    },
  ]);
});
