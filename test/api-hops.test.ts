// The way of a change hop by hop: the delay of each, forwards and backwards, and the losers of precedence beside the winner.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { findLosers } from '../api/queries/hops.ts';
import type { EventValue, ProposedEvent } from '../ingest/event.ts';
import { ApiWorld, instant, liveHalfAYear } from './api/world.ts';

let world: ApiWorld;
before(async () => {
  world = await ApiWorld.open();
  await liveHalfAYear(world);
});
after(() => world.close());

interface Hops {
  change: {
    cameFrom: { change: { sequence: number; stage: string }; cause: number | null; delayMicros: number | null }[];
    wentTo: { change: { sequence: number; stage: string }; cause: number | null; delayMicros: number | null }[];
  };
}
const WAY = `query ($sequence: Sequence!) { change(sequence: $sequence) {
  cameFrom { change { sequence stage } cause delayMicros } wentTo { change { sequence stage } cause delayMicros } } }`;

test('a leaver: how long from the file to the synchronisation, to the export, to the confirmation', async () => {
  const bob = world.id('Bob Beech');
  const disabled = world
    .events()
    .find(({ object, outcome, agent }) => object === bob && outcome === 'export-update' && agent === 'directory');
  const { change } = await world.data<Hops>(WAY, { sequence: disabled?.sequence });
  const exported = instant('2024-04-02T10:00:00Z') - instant('2024-03-31T23:59:59.999999Z');
  assert.deepEqual(
    change.cameFrom.map(({ change: { stage }, delayMicros }) => [stage, delayMicros]),
    [
      ['import', null],
      ['recall', 0],
      ['export-flow', 0],
      ['export', exported],
      ['export', 0],
    ],
  );
  assert.deepEqual(
    change.cameFrom.map(({ cause }) => cause),
    [null, ...change.cameFrom.slice(0, -1).map(({ change: { sequence } }) => sequence)],
  );
  const root = await world.data<Hops>(WAY, { sequence: change.cameFrom[0]?.change.sequence });
  const hour = 3_600_000_000;
  assert.deepEqual(
    root.change.wentTo.map(({ change: { stage }, delayMicros }) => [stage, delayMicros]),
    [
      ['recall', 0],
      ['export-flow', 0],
      ['export-flow', 0],
      ['export', exported],
      ['export', 0],
      ['confirmation', hour],
    ],
  );
});

test('every hop of every change is the time between it and its principal cause', async () => {
  const events = world.events();
  for (const event of events.filter(({ causes }) => causes.length > 0).filter((_, index) => index % 7 === 0)) {
    const { change } = await world.data<Hops>(WAY, { sequence: event.sequence });
    for (const {
      change: { sequence },
      cause,
      delayMicros,
    } of [...change.cameFrom, ...change.wentTo]) {
      const [own, before] = [events[sequence], cause === null ? undefined : events[cause]];
      assert.equal(cause, own?.causes[0] ?? null);
      assert.equal(delayMicros, before && own ? own.occurredAt - before.occurredAt : null);
    }
  }
});

const OBJECT = '01a206d8-0520-7005-ab4b-000000000071';
const title = (value: Partial<EventValue>): EventValue => ({
  attribute: 'title',
  type: 'string',
  operation: 'add',
  marks: 0,
  ...value,
});

test('beside the winner stand the contributions that lost with it, and those that lost to its value later', async () => {
  const at = { agent: 'crm', object: OBJECT, objectType: 'person', occurredAt: instant('2024-06-01T00:00:00Z') };
  const flow = (more: Partial<ProposedEvent>) =>
    world.accept({ ...at, stage: 'import-flow', outcome: 'connector-flow', operation: 'update', ...more });
  const lose = (more: Partial<ProposedEvent>) => flow({ outcome: 'skipped-not-precedent', operation: 'none', ...more });
  const imported = await world.accept({ ...at, stage: 'import', outcome: 'stage-add', operation: 'add' });
  const winner = await flow({ values: [title({ new: 'Chief' })], causes: [imported], root: imported });
  const beside = await lose({ values: [title({ new: 'Guest' })], causes: [winner], root: imported });
  const other = await lose({
    values: [title({ attribute: 'phone', new: '1' })],
    causes: [winner],
    root: imported,
  });
  const later = await world.accept({ ...at, stage: 'import', outcome: 'stage-update', operation: 'update' });
  const lost = await lose({ values: [title({ new: 'Visitor', setBy: winner })], causes: [later], root: later });
  const elsewhere = await lose({
    object: OBJECT.replace(/71$/, '72'),
    values: [title({ new: 'Guest', setBy: winner })],
    causes: [winner],
    root: imported,
  });
  const told = await world.data<{ change: { cameFrom: { losers: { sequence: number }[] }[] } }>(
    'query ($s: Sequence!) { change(sequence: $s) { cameFrom { losers { sequence } } } }',
    { s: winner },
  );
  assert.deepEqual(
    told.change.cameFrom.map(({ losers }) => losers.map(({ sequence }) => sequence)),
    [[], [beside, lost]],
  );
  assert.ok(![beside, lost].includes(other) && elsewhere > lost);
  const [event] = world.events().filter(({ sequence }) => sequence === winner);
  assert.ok(event);
  const known = { ...world.queries, watermark: later };
  assert.deepEqual(
    (await findLosers(known, [event]))[0]?.map(({ sequence }) => sequence),
    [beside],
  );
});
