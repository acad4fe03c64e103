// Changes in the order of the log, from a sequence onwards, against the events of the journal itself.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ChangeFilter } from '../api/queries/changes.ts';
import type { QueryContext } from '../api/queries/context.ts';
import { findOnwards, readOnwards } from '../api/queries/onwards.ts';
import { ApiWorld, liveHalfAYear } from './api/world.ts';

let world: ApiWorld;
before(async () => {
  world = await ApiWorld.open();
  await liveHalfAYear(world);
});
after(() => world.close());

const isChange = (stage: string) => stage !== 'read';

async function allOf(queries: QueryContext, filter: ChangeFilter, onwards: { first: number; span: number }) {
  const sequences: number[] = [];
  for await (const { events } of readOnwards(queries, filter, { from: 0, ...onwards })) {
    assert.ok(events.length <= onwards.first);
    sequences.push(...events.map(({ sequence }) => sequence));
  }
  return sequences;
}

test('pages of any size over spans of any length give every event once, in the order of the log', async () => {
  const events = world.events().filter(({ stage }) => isChange(stage));
  const anne = world.id('Änne Müller');
  const cases: [ChangeFilter, (typeof events)[number][]][] = [
    [{}, events],
    [{ agent: 'directory' }, events.filter(({ agent }) => agent === 'directory')],
    [{ object: anne }, events.filter(({ object }) => object === anne)],
    [{ initiator: 'nobody ever' }, []],
    [
      { attribute: 'member', stages: ['export'] },
      events.filter(
        ({ values, stage }) => stage === 'export' && values.some(({ attribute }) => attribute === 'member'),
      ),
    ],
  ];
  for (const [filter, expected] of cases)
    for (const [first, span] of [
      [1000, 100_000],
      [7, 5],
      [3, 64],
    ] as const) {
      const found = await allOf(world.queries, filter, { first, span });
      assert.deepEqual(
        found,
        expected.map(({ sequence }) => sequence),
        JSON.stringify({ filter, first, span }),
      );
    }
});

test('whoever goes on where a page ended gets what came later, and nothing again', async () => {
  const one = await findOnwards(world.queries, { agent: 'hr' }, { from: 0, first: 1000 });
  assert.equal(one.next, one.watermark);
  const later = await world.run('hr', 'import');
  await world.installation.log.shipper.delivered(world.installation.log.journal.size);
  const two = await findOnwards(world.queries, { agent: 'hr' }, { from: one.next, first: 1000 });
  assert.ok(two.events.length > 0);
  assert.deepEqual(
    two.events.map(({ sequence }) => sequence),
    world
      .events()
      .filter(({ agent, sequence }) => agent === 'hr' && sequence >= one.next)
      .map(({ sequence }) => sequence),
  );
  assert.ok(two.events.every(({ sequence }) => sequence >= later.run));
});
