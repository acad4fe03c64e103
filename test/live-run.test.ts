// A run followed while it goes on: its present state first, the engine's counters, and its end.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Followed, follow, until } from './live-world.ts';
import { SignInWorld } from './sign-in-world.ts';

const FOLLOW = `subscription ($run: Sequence!) { followRun(run: $run) {
  result steps { number kind result finishedAt counters { name count } } } }`;

const countersIn = ({ results }: Followed) =>
  results.map(({ data }) => {
    const step = data?.followRun?.steps.find(({ number }) => number === 1);
    return step?.counters.find(({ name }) => name === 'stage-add')?.count ?? 0;
  });

test('whoever follows a run is told its counters while it goes on, and its end', async (t) => {
  const world = await SignInWorld.open(t, { heartbeatMs: 200 });
  const { engine, log } = world.api.installation;
  const people = Array.from({ length: 20_000 }, (_, n) => ({ id: String(n), name: `Person ${n}`, by: 'carol' }));
  world.api.hr('2024-01', people);
  const run = world.api.run('hr', 'import');
  await until(() => (engine.progress?.step?.counters.length ?? 0) > 0, 'the step counts');
  const variables = { run: engine.progress?.run };
  const common = { url: world.url, headers: world.commandLine, query: FOLLOW, variables };
  const followed = follow(common);
  await until(() => followed.results.length > 0, 'the present state');
  assert.equal(log.journal.size > 0, true);
  const late = follow(common);
  await run;
  await Promise.all([followed.over, late.over]);
  assert.equal(engine.progress, undefined);
  const counted = countersIn(followed);
  assert.deepEqual(
    counted,
    counted.toSorted((a, b) => a - b),
    'counters only grow',
  );
  assert.equal(counted.at(-1), 20_000);
  assert.ok((counted[0] ?? 0) < 20_000, 'it was told while it went on');
  assert.equal(followed.results[0]?.data?.followRun?.result, 'in-progress');
  for (const each of [followed, late]) assert.equal(each.results.at(-1)?.data?.followRun?.result, 'success');
  // Of one that is over the end is told at once.
  const after = follow(common);
  await after.over;
  assert.deepEqual(
    after.results.map(({ data }) => data?.followRun?.result),
    ['success'],
  );
});
