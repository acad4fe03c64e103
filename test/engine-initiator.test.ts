// Who caused an export that grew while it waited: a name that is wrong is worse in evidence than none.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { company } from './engine-company.ts';
import { inWorld, type Row, type World } from './engine-world.ts';

const row = (more: Row): Row => ({ title: '', phone: '', status: '', projects: '', manager: '', ...more });
const bob = row({ id: '2', name: 'Bob Beech', projects: 'Red', manager: 'Ann Ash', by: 'clerk-of-bob' });
const ann = row({ id: '1', name: 'Ann Ash', by: 'clerk-of-ann' });

async function cycle(world: World, ...rows: Row[]): Promise<void> {
  world.csv('hr.csv', rows);
  world.csv('crm.csv', [], ['key', 'id', 'name', 'title', 'phone']);
  world.mark();
  await world.cycle();
}

const exported = (world: World, anchor: string) =>
  world
    .news()
    .find((event) => event.stage === 'export' && event.outcome !== 'export-intent' && event.anchor === anchor);

test('an account is caused by who entered its person, not by who entered the manager that came after', async () => {
  await inWorld(company(), async (world) => {
    await cycle(world, bob, ann);
    const made = exported(world, '2');
    assert.ok(
      made?.values.some(({ attribute }) => attribute === 'manager'),
      'the manager is part of the same export',
    );
    assert.equal(made?.initiator, 'clerk-of-bob');
    const flows = world.news().filter(({ stage, anchor }) => stage === 'export-flow' && anchor === '2');
    assert.equal(flows.at(-1)?.causes.length, 2);
  });
});

test("an export that has become two people's has no initiator, and names both causes", async () => {
  await inWorld(company(), async (world) => {
    await cycle(world, bob);
    await cycle(world, { ...bob, projects: '' }, { ...ann, projects: 'Red' });
    const changed = exported(world, 'Red');
    assert.deepEqual(changed?.values.map(({ operation }) => operation).sort(), ['add', 'remove']);
    assert.equal(changed?.initiator, undefined);
    assert.equal(changed?.initiatorKnown, 'unknown');
    const flow = world.news().findLast(({ stage, anchor }) => stage === 'export-flow' && anchor === 'Red');
    assert.equal(flow?.causes.length, 2);
  });
});
