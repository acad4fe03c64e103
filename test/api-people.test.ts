// Joiners, movers and leavers of a period, by hand from the half year of test/api/world.ts.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ApiWorld, liveHalfAYear } from './api/world.ts';

let world: ApiWorld;
before(async () => {
  world = await ApiWorld.open();
  await liveHalfAYear(world);
});
after(() => world.close());

interface People {
  people: {
    asOf: string;
    joiners: { person: { name: string }; at: string; rehired: boolean }[];
    movers: {
      person: { name: string };
      at: string;
      attribute: string;
      from: string | null;
      to: string | null;
      fromObject: { name: string } | null;
      change: { initiator: string };
    }[];
    leavers: { person: { name: string }; at: string; atKnown: string; accounts: { agent: string }[] }[];
    leaverDelays: {
      agent: string;
      closed: number;
      open: number;
      medianHours: number | null;
      p95Hours: number | null;
    }[];
  };
}
const PEOPLE = `query ($from: DateTime!, $to: DateTime!, $attributes: [String!], $watermark: Sequence) {
  people(from: $from, to: $to, watermark: $watermark) { asOf
    joiners { person { name } at rehired }
    movers(attributes: $attributes) { person { name } at attribute from to fromObject { name } change { initiator } }
    leavers { person { name } at atKnown accounts { agent } }
    leaverDelays { agent closed open medianHours p95Hours } } }`;
const YEAR = { from: '2024-01-01T00:00:00Z', to: '2024-12-31T23:59:59.999999Z' };

test('who came: not those whom the first file had', async () => {
  const { people } = await world.data<People>(PEOPLE, YEAR);
  assert.deepEqual(people.joiners, [{ person: { name: 'Eve Elm' }, at: '2024-04-30T23:59:59.999999Z', rehired: true }]);
});

test('who moved: from one value to another, by whom; no first value, and nothing of whoever left', async () => {
  const { people } = await world.data<People>(PEOPLE, YEAR);
  assert.deepEqual(people.movers, [
    {
      person: { name: 'Änne Schmidt' },
      at: '2024-02-29T23:59:59.999999Z',
      attribute: 'department',
      // The department is marked sensitive, and no reason was given to see it.
      from: null,
      to: null,
      fromObject: null,
      change: { initiator: 'dave' },
    },
  ]);
  const named = await world.data<People>(PEOPLE, { ...YEAR, attributes: ['displayName', 'nonsense'] });
  assert.deepEqual(
    named.people.movers.map(({ attribute, from, to }) => [attribute, from, to]),
    [['displayName', 'Änne Müller', 'Änne Schmidt']],
  );
  const none = await world.data<People>(PEOPLE, { from: '2024-03-01T00:00:00Z', to: YEAR.to });
  assert.deepEqual(none.people.movers, []);
});

test('who left, and how long their accounts stayed open by system', async () => {
  const { people } = await world.data<People>(PEOPLE, { from: YEAR.from, to: '2024-04-01T00:00:00Z' });
  assert.deepEqual(
    people.leavers.map(({ person, atKnown, accounts }) => [
      person.name,
      atKnown,
      accounts.map(({ agent }) => agent).sort(),
    ]),
    [
      ['Bob Beech', 'leaving-date', ['badge', 'directory']],
      ['Cid Cedar', 'gone-from-image', ['badge', 'directory']],
      ['Dora Dill', 'gone-from-image', ['badge']],
      ['Eve Elm', 'gone-from-image', ['badge', 'directory']],
    ],
  );
  const round = (hours: number | null) => hours && Math.round(hours);
  // Directory: 34, 34 and 418 hours. Badge: three open, and Eve was back.
  assert.deepEqual(
    people.leaverDelays.map(({ medianHours, p95Hours, ...rest }) => ({
      ...rest,
      medianHours: round(medianHours),
      p95Hours: round(p95Hours),
    })),
    [
      { agent: 'badge', closed: 0, open: 3, medianHours: null, p95Hours: null },
      { agent: 'directory', closed: 3, open: 0, medianHours: 34, p95Hours: 418 },
    ],
  );
});

test('as of a watermark nobody has moved or left who had not then', async () => {
  const [married = 0] = world.sequences(({ objectName }) => objectName === 'Änne Schmidt');
  const { people } = await world.data<People>(PEOPLE, { ...YEAR, watermark: married });
  assert.deepEqual([people.joiners, people.movers, people.leavers], [[], [], []]);
});

test('a period that ends before it begins is refused', async () => {
  const { errors } = await world.ask(PEOPLE, { from: YEAR.to, to: YEAR.from });
  assert.match(errors?.[0]?.message ?? '', /`from` is after `to`/);
});
