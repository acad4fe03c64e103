// Entitlements through nested groups: against a plain walk over memberships that were granted and revoked by chance, and by
// hand for the way, the circle, the system and the watermark.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { findNestedAccess, findNestedHolders } from '../api/queries/nested-entitlements.ts';
import type { EventValue, ProposedEvent } from '../ingest/event.ts';
import { ApiWorld, instant } from './api/world.ts';

let world: ApiWorld;
before(async () => {
  world = await ApiWorld.open();
});
after(() => world.close());

/** Ids of objects and entries; each case of the property has its own. */
const id = (group: number, last: number) =>
  `01a206d8-0520-7005-${(0x8000 + group).toString(16)}-${last.toString(16).padStart(12, '0')}`;
const DAY = 86_400_000_000;
const START = instant('2024-01-01T00:00:00Z');

const member = (operation: 'add' | 'remove', reference: string): EventValue => ({
  attribute: 'member',
  type: 'reference',
  operation,
  marks: 1,
  reference,
  [operation === 'add' ? 'new' : 'old']: `cn=${reference}`,
});

interface Change {
  agent: string;
  group: string;
  holder: string;
  operation: 'add' | 'remove';
  day: number;
}

/** Memberships that come and go, in one batch; returns the watermark after each of them. */
async function accept(changes: readonly Change[]): Promise<number[]> {
  await world.compareNow();
  const { journal } = world.installation.log;
  const { first } = await journal.accept(() => ({
    events: changes.map(
      ({ agent, group, holder, operation, day }): ProposedEvent => ({
        stage: 'import',
        operation: 'update',
        outcome: 'stage-update',
        occurredAt: START + day * DAY,
        occurredAtKnown: 'observed',
        object: group,
        objectType: 'group',
        objectName: `group ${group.slice(-4)}`,
        // The entry of a group in a system, which was never linked by an event of its own, belongs to nobody.
        entry: entryOf(agent, group),
        agent,
        values: [member(operation, holder)],
        initiatorKnown: 'unknown',
        causes: [],
        outOfBand: false,
      }),
    ),
    state: [],
  }));
  await world.delivered();
  return changes.map((_, index) => first + index + 1);
}

const AGENTS = ['directory', 'badge'];
const entryOf = (agent: string, group: string) => `${group.slice(0, 9)}${AGENTS.indexOf(agent)}${group.slice(10)}`;

/** A group has an entry in each system, linked before anything else. */
async function link(groups: readonly string[]): Promise<void> {
  await world.compareNow();
  await world.installation.log.journal.accept(() => ({
    events: groups.flatMap((object) =>
      AGENTS.map(
        (agent): ProposedEvent => ({
          stage: 'join',
          operation: 'none',
          outcome: 'disconnector-joined',
          occurredAt: START - DAY,
          occurredAtKnown: 'observed',
          object,
          entry: entryOf(agent, object),
          agent,
          objectType: 'group',
          values: [],
          initiatorKnown: 'unknown',
          causes: [],
          outOfBand: false,
        }),
      ),
    ),
    state: [],
  }));
}

/** What a walk over the memberships says: for each that can be reached its distance from the start. */
function distances(edges: readonly (readonly [string, string])[], start: string): Map<string, number> {
  const found = new Map([[start, 0]]);
  for (const [node, distance] of found)
    for (const [from, to] of edges) if (from === node && !found.has(to)) found.set(to, distance + 1);
  found.delete(start);
  return found;
}

const OBJECTS = 7;

test('whatever memberships came and went, an entitlement is held by whom a walk reaches, by a shortest way', async () => {
  let cases = 0;
  const change = fc.record({
    agent: fc.constantFrom(...AGENTS),
    group: fc.nat(OBJECTS - 1),
    holder: fc.nat(OBJECTS - 1),
    operation: fc.constantFrom('add' as const, 'add' as const, 'add' as const, 'remove' as const),
    day: fc.nat(20),
  });
  const asked = fc.record({ day: fc.nat(20), seen: fc.nat(40), start: fc.nat(OBJECTS - 1) });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 40 }), asked, async (drawn, { day, seen, start }) => {
      const objects = Array.from({ length: OBJECTS }, (_, index) => id(cases, index + 1));
      cases += 1;
      const objectAt = (index: number) => objects[index] ?? '';
      const changes = drawn.map((each) => ({ ...each, group: objectAt(each.group), holder: objectAt(each.holder) }));
      await link(objects);
      const watermarks = await accept(changes);
      const known = changes.slice(0, Math.max(1, Math.min(seen, changes.length)));
      const context = { ...world.queries, watermark: watermarks[known.length - 1] ?? 0 };
      for (const agent of AGENTS) {
        const held = new Map<string, readonly [string, string]>();
        const inOrder = known
          .filter((each) => each.agent === agent && each.day <= day)
          .map((each, order) => ({ ...each, order }))
          .sort((a, b) => a.day - b.day || a.order - b.order);
        for (const { group, holder, operation } of inOrder) {
          if (operation === 'add') held.set(`${group}${holder}`, [group, holder]);
          else held.delete(`${group}${holder}`);
        }
        const edges = [...held.values()];
        const at = START + day * DAY;
        const below = distances(edges, objectAt(start));
        const { holdings } = await findNestedHolders(context, at, objectAt(start), agent);
        assert.deepEqual(new Map(holdings.map(({ holder, path }) => [holder.id, path.length])), below);
        for (const { holder, path, direct, ways } of holdings) {
          assert.equal(
            direct,
            edges.some(([group, each]) => group === objectAt(start) && each === holder.id),
          );
          const memberships = edges.filter(
            ([group, each]) => each === holder.id && group !== each && (below.has(group) || group === objectAt(start)),
          );
          assert.equal(ways, memberships.length);
          assert.equal(path[0]?.holder.id, holder.id);
          assert.equal(path.at(-1)?.entitlement?.id, objectAt(start));
          for (const [index, step] of path.entries()) {
            assert.ok(held.has(`${step.entitlement?.id}${step.holder.id}`));
            if (index > 0) assert.equal(path[index - 1]?.entitlement?.id, step.holder.id);
          }
        }
        const upwards = edges.map(([group, holder]) => [holder, group] as const);
        const access = await findNestedAccess(context, at, objectAt(start), agent);
        assert.deepEqual(
          new Map(access.holdings.map(({ entitlement, path }) => [entitlement?.id, path.length])),
          distances(upwards, objectAt(start)),
        );
      }
    }),
    { numRuns: 25 },
  );
});

const [ALL, STAFF, SALES, ANNE, BOB] = [id(900, 1), id(900, 2), id(900, 3), id(900, 4), id(900, 5)];

test('a holder is told once with the shortest way, and a way stays within its system', async () => {
  await link([ALL, STAFF, SALES]);
  const given = (group: string, holder: string, day: number, agent = 'directory'): Change => ({
    agent,
    group,
    holder,
    operation: 'add',
    day,
  });
  const watermarks = await accept([
    given(ALL, STAFF, 1),
    given(STAFF, SALES, 2),
    given(SALES, ANNE, 3),
    given(STAFF, ANNE, 4),
    given(SALES, ALL, 5),
    given(STAFF, BOB, 6, 'badge'),
  ]);
  const told = async (watermark = world.queries.watermark) =>
    (await findNestedHolders({ ...world.queries, watermark }, START + 10 * DAY, ALL)).holdings.map(
      ({ agent, holder, direct, ways, path, since }) => [
        agent,
        holder.id,
        direct,
        ways,
        path.map(({ entitlement }) => entitlement?.id),
        (since - START) / DAY,
      ],
    );
  assert.deepEqual(await told(), [
    ['directory', STAFF, true, 1, [ALL], 1],
    ['directory', SALES, false, 1, [STAFF, ALL], 2],
    ['directory', ANNE, false, 2, [STAFF, ALL], 4],
  ]);
  assert.deepEqual(
    (await told(watermarks[2])).find(([, holder]) => holder === ANNE),
    ['directory', ANNE, false, 1, [SALES, STAFF, ALL], 3],
  );
  const { holdings } = await findNestedAccess(world.queries, START + 10 * DAY, ANNE);
  assert.deepEqual(
    holdings.map(({ entitlement, direct, ways }) => [entitlement?.id, direct, ways]),
    [
      [STAFF, true, 2],
      // To Anne herself, and to All, which she is in: a circle.
      [SALES, true, 2],
      [ALL, false, 1],
    ],
  );
});
