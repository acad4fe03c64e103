// Who may ask what, and what they are told: every question as every role, and a manager's people as of the time asked about.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Access, ROLES, type Role } from '../api/access/access.ts';
import { mayAsk, mayDo, WHO_MAY_ASK, WHO_MAY_DO } from '../api/access/questions.ts';
import { readBundleRows } from '../api/bundle-rows.ts';
import { schema } from '../api/graphql/schema.ts';
import { nameObjects } from '../api/queries/names.ts';
import { type Answer, ApiWorld } from './api/world.ts';
import { everyField } from './every-field.ts';
import { ANN, BEN, CLEO, liveUnderManagers, MONA, NILS, OTTO, SENSITIVE } from './two-teams.ts';

let world: ApiWorld;
before(async () => {
  world = await ApiWorld.open();
  await liveUnderManagers(world);
});
after(() => world.close());

const as = (roles: readonly Role[], more: Partial<Access> = {}): Access => ({
  viewer: roles.join('+') || 'nobody',
  roles,
  ...more,
});
const mona = as(['manager'], { identity: '1' });
const nils = as(['manager'], { identity: '2' });

async function ask(access: Access, query: string, variables: Record<string, unknown> = {}): Promise<Answer> {
  const reported: unknown[] = [];
  const answer = await world.installation.ask(query, variables, access, (error) => reported.push(error));
  assert.deepEqual(reported, [], query);
  return JSON.parse(JSON.stringify(answer)) as Answer;
}

/** The answer's data as text; an error fails the test. */
async function told(access: Access, query: string, variables: Record<string, unknown> = {}): Promise<string> {
  const { data, errors } = await ask(access, query, variables);
  assert.equal(errors, undefined, JSON.stringify(errors));
  return JSON.stringify(data);
}

test('the lists of who may what name exactly the fields of the schema', () => {
  const fieldsOf = (type: ReturnType<typeof schema.getQueryType>) => Object.keys(type?.getFields() ?? {}).sort();
  const meta = ['__typename', '__schema', '__type'];
  const otherWays = ['report', 'verify', 'bundle', 'changeFeed'];
  const listed = Object.keys(WHO_MAY_ASK).filter((name) => ![...meta, ...otherWays].includes(name));
  const asked = [...fieldsOf(schema.getQueryType()), ...fieldsOf(schema.getSubscriptionType())];
  assert.deepEqual(listed.sort(), asked.sort());
  const done = Object.keys(WHO_MAY_DO).filter((name) => !meta.includes(name));
  assert.deepEqual(done.sort(), fieldsOf(schema.getMutationType()));
});

test('every field of every question is refused to the roles that may not ask it, and tells the others nothing withheld', {
  timeout: 300_000,
}, async () => {
  let answered = 0;
  for (const name of [ANN, OTTO, 'Red'])
    for (const { field, query, variables } of everyField(schema, 'Query', await samplesOf(name)))
      for (const access of [...ROLES.filter((role) => role !== 'manager').map((role) => as([role])), mona, as([])]) {
        const answer = await ask(access, query, variables);
        const text = JSON.stringify(answer.data ?? null);
        // An object is asked for by its id.
        const may = mayAsk(access, field) && (field !== 'node' || mayAsk(access, 'object'));
        if (!may) {
          assert.deepEqual(
            answer.errors?.map(({ extensions }) => extensions?.code),
            ['FORBIDDEN'],
            `${field} ${access.viewer}`,
          );
          if (answer.data) assert.deepEqual(answer.data, { [field]: null });
          continue;
        }
        answered += 1;
        for (const error of answer.errors ?? [])
          assert.ok(
            ['BAD_USER_INPUT', 'ERASURE_REFUSED', 'RETENTION_UNSET'].includes(error.extensions?.code ?? ''),
            `${field}: ${JSON.stringify(error)}`,
          );
        if (field !== 'erasurePlan') assert.doesNotMatch(text, SENSITIVE, `${field} as ${access.viewer}`);
        if (access === mona) assert.doesNotMatch(text, /Otto|Ben Birch|Nils|Vault/, `${field} as ${access.viewer}`);
      }
  assert.ok(answered > 100, String(answered));
});

test('nobody without the role does anything', async () => {
  for (const { field, query, variables } of everyField(schema, 'Mutation', await samplesOf(OTTO)))
    for (const access of [...ROLES.map((role) => as([role])), as([])]) {
      if (mayDo(access, field)) continue;
      const { data, errors } = await ask(access, query, variables);
      assert.equal(data, null);
      assert.deepEqual(
        errors?.map(({ extensions }) => extensions?.code),
        ['FORBIDDEN'],
        field,
      );
    }
});

async function samplesOf(name: string): Promise<Record<string, unknown>> {
  const id = world.id(name);
  const sequence = world.events().findLast(({ object, values }) => object === id && values.length > 0)?.sequence ?? 0;
  const instants = {
    at: '2024-03-15T00:00:00Z',
    from: '2024-01-01T00:00:00Z',
    to: '2024-12-31T00:00:00Z',
    expiresAt: '2099-01-01T00:00:00Z',
  };
  return { id, object: id, entitlement: id, sequence, text: name, ...instants };
}

const VALUES =
  'query ($filter: ChangeFilter!) { changes(filter: $filter, first: 100) { nodes { values { attribute old new withheld } } } }';
const DEPARTMENTS = { filter: { attribute: 'department' } };

test('sensitive values are told to an investigator who says why, and the look is in the log with the reason', async () => {
  for (const access of [as(['auditor'], { reason: 'because' }), as(['investigator']), as(['auditor'])]) {
    const text = await told(access, VALUES, DEPARTMENTS);
    assert.match(text, /"attribute":"department","old":null,"new":null,"withheld":true/);
    assert.doesNotMatch(text, SENSITIVE);
  }
  const reason = 'case 17: somebody moved into the vault';
  assert.match(await told(as(['investigator'], { reason }), VALUES, DEPARTMENTS), SENSITIVE);
  await world.delivered();
  const last = world.events().findLast(({ stage }) => stage === 'read');
  assert.equal(last?.values.find(({ attribute }) => attribute === 'reason')?.new, reason);
});

test('who may not see a value does not find out by asking who has it', async () => {
  const query = 'query ($filter: ChangeFilter!) { changes(filter: $filter) { nodes { sequence } } }';
  for (const filter of [{ value: 'Vault-3' }, { attribute: 'department', value: 'Vault-3' }]) {
    assert.equal(await told(as(['auditor']), query, { filter }), '{"changes":{"nodes":[]}}');
    assert.match(await told(as(['investigator'], { reason: 'a case' }), query, { filter }), /sequence/);
  }
});

test('what was asked about a sensitive attribute is itself told to nobody who may not see it', async () => {
  await told(as(['investigator'], { reason: 'a case' }), VALUES, {
    filter: { attribute: 'department', value: 'Vault-5' },
  });
  await world.installation.catchUp();
  const reads = '{ reads(filter: { question: "changes" }) { nodes { viewer parameters { name value } } } }';
  assert.doesNotMatch(await told(as(['auditor']), reads), SENSITIVE);
  assert.match(await told(as(['investigator'], { reason: 'a case' }), reads), /Vault-5/);
});

const OBJECTS = '{ objects { name type } }';
const LAST_DAYS = `query ($filter: ChangeFilter!) { changes(filter: $filter) { nodes { object { name } values { new } } } }`;
const lastDays = (text: string) => [...text.matchAll(/20\d\d-01-01/g)].map(([day]) => day).sort();

test('a manager is told of what happened to their people while these reported to them', async () => {
  assert.deepEqual(peopleOf(await told(mona, OBJECTS)), [ANN, CLEO]);
  assert.deepEqual(peopleOf(await told(nils, OBJECTS)), [ANN, BEN, CLEO]);
  const filter = { attribute: 'lastDay', stages: ['import-flow'] };
  // The month of a file ends with its last microsecond: Ann is with Nils from the end of March on.
  assert.deepEqual(lastDays(await told(mona, LAST_DAYS, { filter })), ['2030-01-01']);
  assert.deepEqual(lastDays(await told(nils, LAST_DAYS, { filter })).includes('2030-01-01'), false);
  assert.deepEqual(lastDays(await told(nils, LAST_DAYS, { filter })), ['2031-01-01', '2032-01-01']);
});

function peopleOf(text: string): string[] {
  const { objects } = JSON.parse(text) as { objects: { name: string; type: string }[] };
  return objects.flatMap(({ name, type }) => (type === 'person' ? name : [])).sort();
}

test('a manager of then sees the team of then, and of now that of now', async () => {
  const state = `query ($id: ID!, $at: DateTime) { object(id: $id) { state(at: $at) { systems { agent attributes { name values { value } } } } access(at: $at) { holdings { entitlement { name } since } } } }`;
  const id = world.id(ANN);
  const [then, now] = ['2024-03-15T00:00:00Z', '2024-06-01T00:00:00Z'];
  for (const [access, at, sees] of [
    [mona, then, true],
    [mona, now, false],
    [nils, then, false],
    [nils, now, true],
  ] as const) {
    const text = await told(access, state, { id, at });
    assert.equal(
      /"name":"displayName","values":\[\{"value":"Ann Ash"\}\]/.test(text),
      sees,
      `${access.identity} ${at} ${text}`,
    );
    assert.equal(/"entitlement":\{"name":"Red"\}/.test(text), sees, `${access.identity} ${at} ${text}`);
  }
});

test('of a group a manager is told who of their people is in it, and nobody else', async () => {
  const holders =
    'query ($entitlement: ID!, $at: DateTime) { holders(entitlement: $entitlement, at: $at) { holdings { holder { name } } } }';
  const text = await told(mona, holders, { entitlement: world.id('Red'), at: '2024-03-15T00:00:00Z' });
  assert.deepEqual([...text.matchAll(/"name":"([^"]+)"/g)].map(([, name]) => name).sort(), [ANN, CLEO]);
});

test('people whom a manager does not see have no name for them; groups have, and so have they themselves', async () => {
  const names = async (access: Access) => {
    const found = await nameObjects(
      world.installation.context(access).queries,
      [OTTO, ANN, MONA, NILS, 'Red'].map((name) => world.id(name)),
    );
    return [...found.values()].map(({ name }) => name);
  };
  assert.deepEqual(await names(mona), [undefined, ANN, MONA, undefined, 'Red']);
  assert.deepEqual(await names(as(['auditor'])), [OTTO, ANN, MONA, NILS, 'Red']);
});

test('a manager whom the log does not know is told so, not that there is nothing', async () => {
  for (const [access, message] of [
    [as(['manager'], { identity: '77' }), /^Nobody in the metaverse has your sign-in as id/],
    [as(['manager']), /^Nothing tells who you are/],
  ] as const) {
    const { errors } = await ask(access, OBJECTS);
    assert.equal(errors?.[0]?.extensions?.code, 'FORBIDDEN');
    assert.match(errors?.[0]?.message ?? '', message);
  }
});

test('reports and rows for a bundle are refused to roles that may not have them', async () => {
  const { installation } = world;
  const message = /^Your roles do not allow (report|bundle): it takes /;
  for (const role of ['manager', 'operator', 'administrator'] as const)
    await assert.rejects(installation.produceReport('access', {}, as([role])), { name: 'ForbiddenError', message });
  for (const role of ['auditor', 'manager', 'operator', 'administrator'] as const)
    await assert.rejects(readBundleRows(installation, as([role]), 0, 10), { name: 'ForbiddenError', message });
  assert.equal((await readBundleRows(installation, as(['investigator']), 0, 10)).length, 10);
  const last = world.events().findLast(({ values }) => values.some(({ new: text }) => text === 'report'));
  assert.deepEqual([last?.outcome, last?.error, last?.initiator], ['refused', 'forbidden', 'administrator']);
});

test('every answer says what is kept from whoever asked', async () => {
  const asked = async (access: Access) =>
    (await ask(access, OBJECTS)) as Answer & { extensions: Record<string, unknown> };
  assert.deepEqual((await asked(as(['auditor']))).extensions.withheld, ['sensitive']);
  assert.match(String((await asked(mona)).extensions.scope), /^Only people who report to you/);
  const viewer = '{ viewer { name roles questions mutations withheld scope } }';
  const text = await told(as(['operator']), viewer);
  assert.match(text, /"roles":\["operator"\]/);
  assert.match(text, /"mutations":\["__typename","run"\]/);
});
