// What differs between two instants, and between what was known then and now; and that every question can be asked as of a
// watermark. Over the half year of test/api/world.ts.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { schema } from '../api/graphql/schema.ts';
import { findState, type SystemState } from '../api/queries/object-state.ts';
import { findDifference } from '../api/queries/state-difference.ts';
import { ApiWorld, instant, liveHalfAYear } from './api/world.ts';

let world: ApiWorld;
before(async () => {
  world = await ApiWorld.open();
  await liveHalfAYear(world);
});
after(() => world.close());

const INSTANTS = ['2024-01-01T00:00:00Z', '2024-02-15T00:00:00Z', '2024-04-02T10:00:00Z', '2025-01-01T00:00:00Z'];
const PEOPLE = ['Änne Müller', 'Bob Beech', 'Cid Cedar', 'Dora Dill', 'Zed Zebra', 'Red'];

/** A state as lines, each value with what set it. */
function linesOf(systems: readonly SystemState[]): string[] {
  return systems
    .flatMap(({ agent, entry, attributes }) =>
      attributes.flatMap(({ name, values }) =>
        values.map(({ value, setBy }) => `${agent} ${entry ?? ''} ${name} ${value} ${setBy}`),
      ),
    )
    .sort();
}

test('the first state without what is gone and with what came is the second, whichever two instants', async () => {
  const context = world.queries;
  let gone = 0;
  for (const name of PEOPLE) {
    const object = world.id(name);
    const states = new Map<string, string[]>();
    for (const at of INSTANTS) states.set(at, linesOf(await findState(context, object, instant(at))));
    for (const from of INSTANTS)
      for (const to of INSTANTS) {
        const systems = await findDifference(object, { context, at: instant(from) }, { context, at: instant(to) });
        const lines = (pick: 'gone' | 'came' | 'before' | 'after') =>
          systems
            .flatMap(({ agent, entry, attributes }) =>
              attributes.flatMap((each) => {
                const values = {
                  gone: each.gone,
                  came: each.came,
                  before: [...each.gone, ...each.stayed.map((value) => ({ ...value, setBy: value.setBefore }))],
                  after: [...each.came, ...each.stayed],
                }[pick];
                return values.map(({ value, setBy }) => `${agent} ${entry ?? ''} ${each.name} ${value} ${setBy}`);
              }),
            )
            .sort();
        assert.deepEqual(lines('before'), states.get(from));
        assert.deepEqual(lines('after'), states.get(to));
        // What went from an entry that is still the object's is known by the change that took it.
        if (from > to) continue;
        for (const system of systems)
          for (const value of system.attributes.flatMap((each) => each.gone)) {
            gone += 1;
            if (system.after || system.agent === '') assert.ok(value.gone, `${name} ${system.agent} ${value.value}`);
            if (value.gone)
              assert.ok(value.gone.by > value.setBy && value.gone.at <= instant(to), 'it goes after it was set');
          }
      }
  }
  assert.ok(gone > 50, `${gone}`);
});

interface Told {
  object: {
    difference: {
      systems: {
        agent: string;
        attributes: {
          name: string;
          gone: { value: string; withheld: boolean; goneBy: string; initiator: string | null }[];
          came: { value: string; withheld: boolean; initiator: string | null }[];
          stayed: { value: string }[];
        }[];
      }[];
    };
  };
}
const DIFFERENCE = `query ($id: ID!, $from: DateTime, $to: DateTime, $fromWatermark: Sequence) { object(id: $id) {
  difference(from: $from, to: $to, fromWatermark: $fromWatermark) { systems { agent attributes(changed: true) {
    name gone { value withheld goneBy initiator } came { value withheld initiator } stayed { value } } } } } }`;

test('a marriage: what went, what came, by which change and whom', async () => {
  const { object } = await world.data<Told>(DIFFERENCE, {
    id: world.id('Änne Müller'),
    from: '2024-02-15T00:00:00Z',
    to: '2024-03-15T00:00:00Z',
  });
  const metaverse = object.difference.systems.find(({ agent }) => agent === '');
  const flows = world.sequences(
    ({ stage, outcome, initiator }) => stage === 'import-flow' && outcome === 'connector-flow' && initiator === 'dave',
  );
  assert.deepEqual(
    metaverse?.attributes.map(({ name, gone, came }) => [
      name,
      gone.map(({ value, withheld, initiator }) => `${withheld ? 'withheld' : value} by ${initiator}`),
      came.map(({ value, withheld, initiator }) => `${withheld ? 'withheld' : value} by ${initiator}`),
      gone.every(({ goneBy }) => flows.includes(Number(goneBy))),
    ]),
    [
      // It is marked sensitive, and no reason was given to see it.
      ['department', ['withheld by dave'], ['withheld by dave'], true],
      ['displayName', ['Änne Müller by dave'], ['Änne Schmidt by dave'], true],
      ['phone', ['100 by crm'], [], false],
    ],
  );
});

test('known then against known now: of one instant, what the log did not know yet has come', async () => {
  const [married = 0] = world.sequences(({ objectName }) => objectName === 'Änne Schmidt');
  const asked = { id: world.id('Änne Müller'), to: '2024-02-29T23:59:59.999999Z' };
  const { object } = await world.data<Told>(DIFFERENCE, { ...asked, fromWatermark: married });
  const metaverse = object.difference.systems.find(({ agent }) => agent === '');
  assert.deepEqual(
    metaverse?.attributes.map(({ name, gone, came }) => [name, gone[0]?.value, came[0]?.value]),
    [
      ['department', '', ''],
      ['displayName', 'Änne Müller', 'Änne Schmidt'],
    ],
  );
  const same = await world.data<Told>(DIFFERENCE, asked);
  assert.ok(same.object.difference.systems.every(({ attributes }) => attributes.length === 0));
});

/** What they tell is no question about the log's past: how far it is, what is signed, what would be done now, who may do what. */
const OF_NOW = new Set([
  ...['log', 'agents', 'reports', 'checkpoint', 'checkpointKeys', 'inclusionProof', 'consistencyProof', 'tombstones'],
  ...['erasurePlan', 'retentionPlan', 'holds', 'viewer', 'tokens', 'sessions', 'alerts'],
]);

test('every question about the log takes a watermark', () => {
  const fields = Object.values(schema.getQueryType()?.getFields() ?? {}).filter(({ name }) => !OF_NOW.has(name));
  assert.ok(fields.length >= 10);
  for (const { name, args } of fields) {
    const names = args.flatMap((each) => [each.name, ...Object.keys(inputFieldsOf(String(each.type)))]);
    assert.ok(names.includes('watermark'), `${name} takes no watermark`);
  }
});

function inputFieldsOf(type: string): object {
  const found = schema.getType(type.replace('!', ''));
  return found && 'getFields' in found ? found.getFields() : {};
}

test('as of a watermark each question is answered as the log stood then', async () => {
  const [second = 0] = world.sequences(
    ({ stage, operation, step, agent }) =>
      stage === 'run' && operation === 'start' && step === undefined && agent === 'agency',
  );
  const told = await world.data<{
    overview: { watermark: number; turnover: unknown[]; outOfBand: number; recentRuns: { agent: string }[] };
    runs: { watermark: number; nodes: { agent: string; result: string; steps: { counted: { count: number }[] }[] }[] };
    run: null;
    objectCount: number;
    agents: { name: string; lastRun: { agent: string } | null }[];
    before: null;
    change: { sequence: number };
    changesByDay: { count: number }[];
    reads: { nodes: unknown[]; watermark: number };
  }>(
    `query ($w: Sequence!, $last: Sequence!) {
      overview(watermark: $w) { watermark turnover { period } outOfBand recentRuns { agent } }
      runs(watermark: $w) { watermark nodes { agent result steps { counted { count } } } }
      run(sequence: $w, watermark: $w) { agent }
      objectCount(watermark: $w)
      agents { name lastRun(watermark: $w) { agent } }
      before: change(sequence: $w, watermark: $w) { sequence }
      change(sequence: $last, watermark: $w) { sequence }
      changesByDay(from: "2024-01-01T00:00:00Z", to: "2025-01-01T00:00:00Z", watermark: $w) { count }
      reads(filter: { watermark: $w }) { watermark nodes { sequence } }
    }`,
    { w: second, last: second - 1 },
  );
  assert.deepEqual([told.overview.watermark, told.runs.watermark, told.reads.watermark], [second, second, second]);
  assert.deepEqual([told.run, told.before, told.change.sequence], [null, null, second - 1]);
  assert.deepEqual(told.overview.recentRuns, [{ agent: 'hr' }]);
  assert.deepEqual([told.overview.outOfBand, told.reads.nodes], [0, []]);
  assert.deepEqual(
    told.runs.nodes.map(({ agent, result }) => [agent, result]),
    [['hr', 'success']],
  );
  assert.deepEqual(
    told.agents.filter(({ lastRun }) => lastRun).map(({ name }) => name),
    ['hr'],
  );
  // Five people and two groups: nobody of the agency yet.
  assert.equal(told.objectCount, 7);
  const known = world
    .events()
    .filter(
      ({ sequence, stage }) => sequence < second && !['run', 'configuration', 'read', 'baseline'].includes(stage),
    );
  assert.equal(
    told.changesByDay.reduce((sum, { count }) => sum + count, 0),
    known.length,
  );
});

test('a run that was under way has the counters that the log had then', async () => {
  const [end = 0] = world.sequences(
    ({ stage, operation, step }) => stage === 'run' && operation !== 'start' && step === 1,
  );
  const told = (watermark: number) =>
    world.data<{ runs: { nodes: { result: string; steps: { counted: { count: number }[] }[] }[] } }>(
      '{ runs(watermark: W) { nodes { result steps { counted { count } } } } }'.replace('W', String(watermark)),
    );
  const totalOf = ({ runs }: Awaited<ReturnType<typeof told>>) =>
    runs.nodes[0]?.steps[0]?.counted.reduce((sum, { count }) => sum + count, 0);
  const [whole, part] = [totalOf(await told(end)), totalOf(await told(end - 3))];
  assert.equal(whole, 7);
  assert.equal(part, 4);
});
