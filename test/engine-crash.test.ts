// SIGKILL at random moments of a cycle, over and over: in the end everything is as if nothing had happened, and the log
// still tells the state.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { company } from './engine-company.ts';
import { cycleAndKill } from './engine-kill.ts';
import { describeState } from './engine-state.ts';
import { type Row, World } from './engine-world.ts';

const ROUNDS = 5;
/** Enough that a cycle takes longer than the process needs to be killed. */
const PEOPLE = 150;
const COLUMNS = ['id', 'name', 'title', 'phone', 'status', 'projects', 'manager', 'by'];

/** The people of a round: some new, some gone, some moved, some with another title or manager. */
function imageOf(round: number): Row[] {
  return Array.from({ length: PEOPLE }, (_, index) => index)
    .filter((index) => (index + round) % 7 !== 0)
    .map((index) => ({
      id: String(index),
      name: `Person ${index}`,
      title: (index * 3 + round) % 5 === 0 ? 'Chief' : 'Clerk',
      projects: [`P${(index + round) % 6}`, `Q${index % 4}`].join(';'),
      manager: `Person ${(index * 7 + round) % PEOPLE}`,
    }));
}

const MOVING = `dn: "'uid=' + rdn(object.id) + (object.title == 'Chief' ? ',ou=leavers' : ',ou=people') + ',dc=corp,dc=test'"\notherwise: delete`;

function write(world: World, round: number): void {
  world.csv('hr.csv', imageOf(round), COLUMNS);
  world.csv(
    'crm.csv',
    imageOf(round).map(({ id = '' }) => ({ key: `c${id}`, id, name: '', title: 'Guest', phone: `${round}` })),
    ['key', 'id', 'name', 'title', 'phone'],
  );
}

test(`killed in the middle of ${ROUNDS} cycles, then left alone: as if nothing had happened`, async (t) => {
  const configuration = company({ provisioning: MOVING });
  const killed = await World.open({ configuration });
  const quiet = await World.open({ configuration });
  try {
    const seed = Number(process.env.KILL_SEED ?? Math.floor(Math.random() * 2 ** 31));
    // In hundredths of the time that a cycle takes here and now.
    const moments = fc.sample(fc.noBias(fc.integer({ min: 0, max: 99 })), { numRuns: ROUNDS, seed });
    write(quiet, 0);
    const began = performance.now();
    await quiet.cycle();
    const cycleTakes = performance.now() - began;
    t.diagnostic(`KILL_SEED=${seed}: killed at ${moments.join(', ')} hundredths of ${Math.round(cycleTakes)} ms`);
    let kills = 0;
    for (const [round, moment] of moments.entries()) {
      write(killed, round);
      if (await cycleAndKill(killed, (cycleTakes * moment) / 100)) kills += 1;
      if (round % 2 === 1) await killed.cycle();
    }
    t.diagnostic(`${kills} of ${ROUNDS} cycles were killed`);
    for (const world of [quiet, killed]) {
      for (const round of world === quiet ? moments.keys() : [ROUNDS - 1]) {
        write(world, round);
        await world.cycle();
      }
      await world.cycle();
      await world.assertReplays();
    }
    assert.deepEqual(describeState(killed), describeState(quiet));
    assert.deepEqual(
      killed.events().filter(({ outOfBand }) => outOfBand),
      [],
      'nothing of ours is taken for somebody else’s',
    );
    const open = killed
      .events()
      .filter(({ stage, operation, step }) => stage === 'run' && operation === 'start' && step === undefined);
    const closed = killed
      .events()
      .filter(({ stage, operation, step }) => stage === 'run' && operation !== 'start' && step === undefined);
    assert.equal(open.length, closed.length, 'every run has its end');
  } finally {
    await Promise.all([killed.close(), quiet.close()]);
  }
});
