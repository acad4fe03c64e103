// Exports that are open: against the engine's own state after a half year, and by hand for each state and how it ends.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { countOpenExports, findOpenExports, type OpenExportFilter } from '../api/queries/open-exports.ts';
import { type Entry, KINDS } from '../engine/space.ts';
import type { ProposedEvent } from '../ingest/event.ts';
import { ApiWorld, instant, liveHalfAYear } from './api/world.ts';

let world: ApiWorld;
before(async () => {
  world = await ApiWorld.open();
  await liveHalfAYear(world);
});
after(() => world.close());

async function open(filter: OpenExportFilter = {}, watermark = world.queries.watermark) {
  const { exports: found } = await findOpenExports({ ...world.queries, watermark }, filter, { first: 1000 });
  return found.map(({ state, event, since, times }) => ({
    state,
    entry: event.entry,
    since: (since - instant('2024-06-01T00:00:00Z')) / 3_600_000_000,
    times,
  }));
}

test('what waits for confirmation is what the engine says, after every event of the log', async () => {
  const { state } = world.installation.log.journal;
  const entries = state.keys(KINDS.entry).map((key) => state.get(KINDS.entry, key) as Entry);
  const waiting = entries.filter(({ unconfirmed }) => unconfirmed).map(({ id }) => id);
  assert.deepEqual((await open({ states: ['unconfirmed'] })).map(({ entry }) => entry).sort(), waiting.sort());
  // As the log stood just before each confirmation, its export waited since it was carried out.
  const events = world.events();
  for (const confirmed of events.filter(({ stage }) => stage === 'confirmation')) {
    const found = await findOpenExports(
      { ...world.queries, watermark: confirmed.sequence },
      { states: ['unconfirmed'] },
      { first: 1000 },
    );
    const its = found.exports.find(({ event }) => event.entry === confirmed.entry);
    assert.equal(its?.since, events[confirmed.causes[0] ?? -1]?.occurredAt);
  }
});

const ENTRY = '01a206d8-0520-7005-ab4b-000000000081';
const OTHER = '01a206d8-0520-7005-ab4b-000000000082';

test('an entry is told in each state that it is in, since when, until it is settled', async () => {
  let hour = 0;
  const agent = 'hand';
  const say = (stage: ProposedEvent['stage'], outcome: string, entry = ENTRY) => {
    hour += 1;
    const occurredAt = instant('2024-06-01T00:00:00Z') + hour * 3_600_000_000;
    return world.accept({
      stage,
      outcome,
      agent,
      entry,
      occurredAt,
      error: outcome === 'export-failure' ? 'busy' : undefined,
    });
  };
  const told = async () =>
    (await open({ agent })).map(({ state, since, times }) => `${state} since ${since} x${times}`);
  await say('export', 'export-intent');
  assert.deepEqual(await told(), ['in-doubt since 1 x1']);
  await say('export', 'export-failure');
  await say('export', 'export-intent');
  await say('export', 'export-failure');
  assert.deepEqual(await told(), ['failed since 2 x2']);
  await say('export', 'export-intent');
  await say('export', 'export-add');
  assert.deepEqual(await told(), ['unconfirmed since 6 x1']);
  await say('export', 'export-intent');
  await say('export', 'export-failure');
  assert.deepEqual(await told(), ['failed since 8 x1', 'unconfirmed since 6 x1']);
  await say('export-flow', 'pending-export-withdrawn');
  await say('export', 'export-update');
  assert.deepEqual(await told(), ['unconfirmed since 6 x2']);
  const [before] = [world.queries.watermark];
  await say('confirmation', 'exported-change-not-reimported');
  assert.deepEqual(await told(), ['not-reimported since 11 x1']);
  await say('export', 'export-update', OTHER);
  assert.deepEqual(await countOpenExports(world.queries, { agent }), [
    { agent, state: 'not-reimported', count: 1 },
    { agent, state: 'unconfirmed', count: 1 },
  ]);
  assert.deepEqual(
    (await open({ agent }, before)).map(({ state }) => state),
    ['unconfirmed'],
  );
  await say('export', 'export-update');
  await say('confirmation', 'export-confirmed');
  assert.deepEqual(
    (await open({ agent })).map(({ entry, state }) => [entry, state]),
    [[OTHER, 'unconfirmed']],
  );
});

test('pages of one go through all of them once, and a state that is none is refused', async () => {
  for (const entry of [ENTRY, OTHER])
    await world.accept({ stage: 'export', outcome: 'export-failure', agent: 'hand', entry });
  const seen: number[] = [];
  let after: string | null = null;
  let watermark: number | null = null;
  do {
    const answer: { openExports: Page } = await world.data<{ openExports: Page }>(
      `query ($after: String, $w: Sequence) { openExports(first: 1, after: $after, watermark: $w) {
        watermark nodes { state change { sequence } } counts { count } pageInfo { hasNextPage endCursor } } }`,
      { after, w: watermark },
    );
    const { openExports } = answer;
    seen.push(...openExports.nodes.map(({ change }) => change.sequence));
    assert.equal(
      openExports.counts.reduce((sum, { count }) => sum + count, 0),
      (await open()).length,
    );
    watermark = openExports.watermark;
    after = openExports.pageInfo.hasNextPage ? openExports.pageInfo.endCursor : null;
  } while (after !== null);
  assert.deepEqual(
    seen,
    [...new Set(seen)].sort((a, b) => b - a),
  );
  assert.equal(seen.length, (await open()).length);
  assert.equal(seen.length, 3);
  const { errors } = await world.ask('{ openExports(states: ["lost"]) { watermark } }');
  assert.match(errors?.[0]?.message ?? '', /"lost" is no state; there are failed/);
});

interface Page {
  watermark: number;
  nodes: { state: string; change: { sequence: number } }[];
  counts: { count: number }[];
  pageInfo: { hasNextPage: boolean; endCursor: string | null };
}
