// A cycle that stops between two batches, at each of its batches in turn, as a killed process leaves it: the cycle run again
// ends where one that nobody stopped ends, also in what one entry's synchronisation leaves to be done for others.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KINDS } from '../engine/space.ts';
import { MARKS } from '../ingest/event.ts';
import { company } from './engine-company.ts';
import { describeState } from './engine-state.ts';
import { inWorld, type Row, type World } from './engine-world.ts';

const COLUMNS = ['id', 'name', 'title', 'phone', 'status', 'projects', 'manager', 'by'];
const CONFIGURATION = company({
  provisioning: `dn: "'uid=' + rdn(object.id) + (object.title == 'Chief' ? ',ou=leavers' : ',ou=people') + ',dc=corp,dc=test'"\notherwise: delete`,
  filter: "'status' in entry && entry.status == 'hidden'",
});

/** Everybody is named before their manager is; Hal is never joined, and nobody is called Zoe. */
const FIRST: Row[] = [
  { id: '1', name: 'Ann A', title: 'Clerk', projects: 'P;Q', manager: 'Cyd C' },
  { id: '2', name: 'Bob B', title: 'Clerk', projects: 'P', manager: 'Eve E' },
  { id: '3', name: 'Cyd C', title: 'Clerk', projects: 'Q', manager: 'Eve E' },
  { id: '4', name: 'Dan D', title: 'Clerk', projects: 'Q', manager: 'Hal H' },
  { id: '5', name: 'Eve E', title: 'Chief', projects: 'P', manager: '' },
  { id: '6', name: 'Fay F', title: 'Clerk', projects: '', manager: 'Zoe Z' },
  { id: '7', name: 'Hal H', title: 'Chief', projects: '', manager: 'Eve E', status: 'hidden' },
];

/** Hal appears and Bob hides: who names them means somebody else now. Eve's account moves, and Cyd's; Ann has another name. */
const SECOND: Row[] = FIRST.map((row) => {
  if (row.id === '7') return { ...row, status: '' };
  if (row.id === '2') return { ...row, status: 'hidden' };
  if (row.id === '5') return { ...row, title: 'Clerk', manager: 'Ann A' };
  if (row.id === '3') return { ...row, title: 'Chief', manager: 'Bob B' };
  return row.id === '1' ? { ...row, phone: '7' } : row;
});

const IMAGES = [FIRST, SECOND];

function write(world: World, image: readonly Row[]): void {
  world.csv('hr.csv', image, COLUMNS);
  world.csv('crm.csv', [{ key: 'c1', id: '1', name: '', title: 'Guest', phone: '1' }]);
}

/** What there is to be seen in the log but runs: how often each thing happened to whom. */
function deeds(world: World): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { stage, outcome, agent, objectType, anchor, dn, objectName, values } of world.events()) {
    if (stage === 'run' || stage === 'configuration') continue;
    const held = values.filter(({ marks }) => (marks & MARKS.entitlement) !== 0).length;
    const deed = [stage, outcome, agent, objectType, anchor ?? dn ?? objectName, held].join(' ');
    counts[deed] = (counts[deed] ?? 0) + 1;
  }
  return counts;
}

/** Runs the cycle and stops it at its batch of this number; false: it had fewer. */
async function cycleUntil(world: World, batch: number): Promise<boolean> {
  world.stopBefore(batch);
  try {
    for (const { agent, profile } of world.engine.configuration.cycle) {
      const { result } = await world.run(agent, profile);
      if (result === 'stopped-database-connection-lost') return true;
    }
    return false;
  } finally {
    world.stopBefore(undefined);
  }
}

/** Opens a world that has lived through so many rounds, hands it on, and closes it. */
function afterRounds(rounds: number, story: (world: World) => Promise<void>): Promise<void> {
  return inWorld(CONFIGURATION, async (world) => {
    for (const image of IMAGES.slice(0, rounds)) {
      write(world, image);
      await world.cycle();
      await world.cycle();
    }
    await story(world);
  });
}

test('what a cut-off synchronisation of an agent left is done by the next agent when the configuration has that one no more', async (t) => {
  let done = 0;
  for (let batch = 1, wasStopped = true; wasStopped; batch++)
    await afterRounds(1, async (world) => {
      write(world, SECOND);
      wasStopped = await cycleUntil(world, batch);
      const left = () => world.journal.state.keys(KINDS.outstanding);
      if (!left().some((key) => key.startsWith('["hr"'))) return;
      done += 1;
      await world.reopen(CONFIGURATION.replaceAll(/\bhr\b/g, 'staff'));
      world.csv('staff.csv', SECOND, COLUMNS);
      await world.cycle();
      assert.deepEqual(left(), [], `stopped at batch ${batch}`);
    });
  t.diagnostic(`${done} batches`);
  assert.ok(done > 2, `${done} batches left something`);
});

for (const [round, image] of IMAGES.entries())
  test(`round ${round + 1}, stopped at each of its batches`, async (t) => {
    let expected: { state: unknown; deeds: unknown } | undefined;
    await afterRounds(round + 1, async (quiet) => {
      expected = { state: describeState(quiet), deeds: deeds(quiet) };
    });
    let batches = 0;
    for (let wasStopped = true; wasStopped; batches++)
      await afterRounds(round, async (world) => {
        write(world, image);
        wasStopped = await cycleUntil(world, batches + 1);
        await world.assertReplays();
        await world.cycle();
        await world.assertReplays();
        await world.cycle();
        assert.deepEqual(describeState(world), expected?.state, `the state, stopped at batch ${batches + 1}`);
        assert.deepEqual(deeds(world), expected?.deeds, `the log, stopped at batch ${batches + 1}`);
      });
    t.diagnostic(`${batches} batches`);
    assert.ok(batches > 10, `${batches} batches`);
  });
